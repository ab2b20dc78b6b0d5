/** The storage worker that tests start: the one of the game. */
export const STORAGE_ENTRY = new URL("../../games/marsh/storage_entry.ts", import.meta.url);
