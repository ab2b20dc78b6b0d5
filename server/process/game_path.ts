/** Where the module of a game lies. @module */

import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The game that comes with the server, from the folder of the checkout. */
export const BUILT_IN_GAME = "games/marsh/game.ts";

/** @param path As `--game` has it: relative to the present folder; empty: the game that comes with the server. */
export function gameUrl(path: string): URL {
  return path === "" ? new URL(`../../${BUILT_IN_GAME}`, import.meta.url) : pathToFileURL(resolve(path));
}

/** The folder of a game, for permissions: it is read by every thread that starts later. */
export function gameFolder(path: string): string {
  return fileURLToPath(new URL(".", gameUrl(path)));
}
