/**
 * The game that a server plays, found by the path of its module, and what runs in the threads that know it.
 *
 * A game is a folder: `game.ts`, beside it `records.ts` where it has stores of its own, and `web/` where it has a page.
 *
 * @module
 */

import { ConfigError } from "../../shared/errors.ts";
import { withPlace } from "../base/error_place.ts";
import { type GameModule, isGameModule } from "../game/define_game.ts";
import type { GameRecords } from "../storage/sql_store.ts";
import { BUILT_IN_GAME, gameUrl } from "./game_path.ts";

const ROOT = new URL("../../", import.meta.url);
/** What the runtime takes for code, by its name. */
const MODULE = /\.[cm]?[jt]sx?$/;

/** A game that has been loaded. */
export interface GameFile {
  readonly module: GameModule;
  /** The URL of its folder; ends with a slash. */
  readonly folder: string;
  /** The URL of the logic worker's entry. */
  readonly logicEntry: string;
  /** The URL of the storage worker's entry, on SQLite. */
  readonly storageEntry: string;
  /** The URL of the storage worker's entry, on PostgreSQL. */
  readonly postgresEntry: string;
}

/**
 * Loads a game.
 *
 * @param path Of its module, relative to the present folder; empty: the game that comes with the server.
 * @throws {ConfigError} when there is no such file, it cannot be loaded, or it is no game; says where.
 */
export async function loadGame(path: string): Promise<GameFile> {
  const url = gameUrl(path);
  const name = path === "" ? BUILT_IN_GAME : path;
  // Whatever the reason, it cannot be read: that is told below.
  const file = await Deno.stat(url).catch(() => undefined);
  if (file?.isDirectory) throw new ConfigError([`Cannot use --game ${name}: it is a folder, give its game.ts`]);
  if (!file?.isFile) throw new ConfigError([`Cannot use --game ${name}: there is no such file`]);
  if (!MODULE.test(url.pathname)) throw new ConfigError([`Cannot use --game ${name}: it is no module, give a game.ts`]);
  let loaded: { readonly default?: unknown };
  try {
    loaded = await import(url.href);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError([`Cannot load game ${name}: ${withPlace(error)}`]);
  }
  const { default: module } = loaded;
  if (!isGameModule(module)) {
    const found = module === undefined ? "it has no default export" : "its default export is not what defineGame gives";
    throw new ConfigError([`Cannot use --game ${name}: ${found}`]);
  }
  const records = new URL("records.ts", url);
  const storageWorker = new URL("server/storage/storage_worker.ts", ROOT);
  const ownRecords = await isFile(records) ? `import records from ${quoted(records)};` : "const records = {stores:[]};";
  const storageEntry = (file: string, engine: string, open: string) =>
    entry(
      `${ownRecords}import{runStorageWorker}from ${quoted(storageWorker)};` +
        `import{${engine}}from ${quoted(new URL(`server/storage/${file}`, ROOT))};` +
        `runStorageWorker({...records,game:${JSON.stringify(module.name)}},(options,records,answers)=>${open});`,
    );
  return {
    module,
    folder: new URL(".", url).href,
    logicEntry: entry(
      `import game from ${quoted(url)};import{runLogic}from ${quoted(new URL("server/session/worker.ts", ROOT))};` +
        `runLogic(game);`,
    ),
    storageEntry: storageEntry("sqlite_turns.ts", "SqliteTurns", "new SqliteTurns(options,records,answers)"),
    postgresEntry: storageEntry(
      "postgres_engine.ts",
      "PostgresEngine",
      "PostgresEngine.open(options.postgres,records,answers)",
    ),
  };
}

/**
 * What a game keeps in the database, for tools that open it beside the server.
 *
 * @throws {ConfigError} as {@linkcode loadGame} does.
 */
export async function loadGameRecords(path: string): Promise<GameRecords> {
  const { module: { name: game }, folder } = await loadGame(path);
  const records = new URL("records.ts", folder);
  return await isFile(records) ? { ...(await import(records.href)).default, game } : { game, stores: [] };
}

async function isFile(url: URL): Promise<boolean> {
  try {
    return (await Deno.stat(url)).isFile;
  } catch {
    return false;
  }
}

/**
 * A worker's entry. Functions cannot be sent to a worker, and a worker that may not read files cannot import at run time:
 * but it may have any module as its entry, and that module's static imports are loaded for it.
 */
function entry(code: string): string {
  return `data:application/javascript,${encodeURIComponent(code)}`;
}

function quoted(url: URL): string {
  return JSON.stringify(url.href);
}
