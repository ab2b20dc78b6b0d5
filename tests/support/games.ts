/** The games of the checkout. @module */

const FOLDER = new URL("../../games/", import.meta.url);

/** The path of each game's module, from the checkout's folder: `games/marsh/game.ts`. */
export const GAMES: readonly string[] = [...Deno.readDirSync(FOLDER)]
  .filter(({ name, isDirectory }) => isDirectory && name !== "parts")
  .map(({ name }) => `games/${name}/game.ts`)
  .sort();
