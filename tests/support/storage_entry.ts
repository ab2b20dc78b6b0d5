import { loadGame } from "../../server/process/game_file.ts";

/** What runs in the storage worker that tests start: the stores of the game that comes with the server. */
export const STORAGE_ENTRY = (await loadGame("")).storageEntry;
