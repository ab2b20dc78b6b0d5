import { type GameFile, loadGame } from "../../server/process/game_file.ts";
import { parsePostgresUrl } from "../../server/storage/postgres_target.ts";
import type { DatabaseOptions } from "../../server/storage/storage_messages.ts";

const GAME: GameFile = await loadGame("");

/** What runs in the storage worker that tests start: the stores of the game that comes with the server. */
export const STORAGE_ENTRY: string = GAME.storageEntry;

/** What a storage worker needs for a place: the path of a file, or the address of a PostgreSQL database. */
export function storageAt(location: string): { readonly entry: string } & DatabaseOptions {
  const postgres = parsePostgresUrl(location);
  return postgres === undefined ? { entry: STORAGE_ENTRY, path: location } : { entry: GAME.postgresEntry, postgres };
}
