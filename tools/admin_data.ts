/**
 * `backup`, `export` and `import`: a copy of a database, and its way to another.
 *
 * An exported file has one JSON value a line: a head, then for each table its name, columns and last id, and then its
 * rows, in an order that every database gives them in; at the end how many lines there were.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import {
  loadConfig,
  postgresTarget,
  readPostgresTarget,
  type ServerConfig,
  sqlitePath,
} from "../server/config/config.ts";
import type { GameOption } from "../server/config/schema.ts";
import { makeDataFolder } from "../server/process/data_folder.ts";
import { tryHoldDataFolder } from "../server/process/data_lock.ts";
import { loadGameRecords } from "../server/process/game_file.ts";
import { MEMORY_PATH } from "../server/storage/sqlite_database.ts";
import type { SqlValue } from "../server/storage/sql.ts";
import { ConfigError } from "../shared/errors.ts";
import { splitArgs } from "./admin_args.ts";
import { type DataRows, postgresRows, sqliteRows, type Table } from "./data_rows.ts";
import { openStorage } from "./open_storage.ts";

/** The help of the three commands. */
export const DATA_HELP = `Usage: deno task admin COMMAND FILE [flags]

  backup FILE   Copy a SQLite database to FILE, also while the server runs
  export FILE   Write everything that players have to FILE, from SQLite or PostgreSQL
  import FILE   Read such a file into an empty database, and compare every row

FILE is as secret as the database. Flags are the server's: --database-url and --data-dir say which database.`;

/** A command of this module. */
export type DataCommand = "backup" | "export" | "import";

/** Whether a command is of this module. */
export function isDataCommand(command: string | undefined): command is DataCommand {
  return command === "backup" || command === "export" || command === "import";
}

const ROWS_AT_ONCE = 500;
const FORMAT = "drawbridge export 1";

interface Head {
  readonly format: typeof FORMAT;
  readonly game: string;
  /** The key that signs session tokens, in base64. */
  readonly sessionKey: string;
  readonly lastRevision: number;
}

interface TableLine extends Table {
  readonly lastId: number;
}

/**
 * Runs a command.
 *
 * @returns A sentence about what was done.
 * @throws {ConfigError} when the command, the file or the database cannot be used; then nothing was changed.
 * @throws {DependencyError} when the database cannot be reached.
 */
export async function runData(
  command: DataCommand,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  gameOptions: Readonly<Record<string, GameOption>>,
): Promise<string> {
  const { positionals: [file, ...more], others, problems } = splitArgs(args, new Set());
  if (file === undefined) problems.push(`Cannot ${command} without a file: deno task admin ${command} FILE`);
  if (more.length > 0) problems.push(`Cannot use ${JSON.stringify(more[0])}: one file is enough`);
  if (problems.length > 0) throw new ConfigError(problems);
  const config = loadConfig({ args: others, env, gameOptions });
  if (postgresTarget(config) === undefined && sqlitePath(config) === MEMORY_PATH) {
    throw new ConfigError([`Cannot ${command} a database in memory: --database-url must name a file`]);
  }
  if (command === "import") return await importFrom(file, config);
  if (existsSync(file)) throw new ConfigError([`Cannot write ${file}: it already exists`]);
  const isMissing = postgresTarget(config) === undefined && !existsSync(sqlitePath(config));
  if (isMissing) throw new ConfigError([`Cannot ${command} ${sqlitePath(config)}: there is no such database`]);
  return command === "backup" ? backUp(file, config) : await exportTo(file, config);
}

function backUp(file: string, config: ServerConfig): string {
  if (postgresTarget(config) !== undefined) throw new ConfigError(["Cannot back up PostgreSQL: pg_dump does that"]);
  // The copy holds password verifiers: nobody else reads it.
  const mask = Deno.umask(0o077);
  try {
    const database = new DatabaseSync(sqlitePath(config), { readOnly: true, timeout: 10_000 });
    try {
      database.prepare("VACUUM INTO ?").run(file);
    } finally {
      database.close();
    }
  } catch (error) {
    throw new ConfigError([`Cannot back up to ${file}: ${messageOf(error)}`]);
  } finally {
    Deno.umask(mask);
  }
  const copy = new DatabaseSync(file, { readOnly: true });
  const [finding] = Object.values(copy.prepare("PRAGMA quick_check(1)").get() ?? {});
  copy.close();
  if (finding !== "ok") throw new ConfigError([`Cannot use backup ${file}: it is damaged: ${finding}`]);
  return `Backup written to ${file}, ${Deno.statSync(file).size} bytes`;
}

async function exportTo(path: string, config: ServerConfig): Promise<string> {
  const { sessionKey, game } = await prepare(config);
  const rows = await openRows(config);
  let file: Deno.FsFile | undefined;
  try {
    file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
    const writer = file.writable.getWriter();
    const encoder = new TextEncoder();
    let count = 0;
    const lastRevision = await rows.lastRevision();
    const head: Head = { format: FORMAT, game, sessionKey: sessionKey.toBase64(), lastRevision };
    for await (const line of linesOf(head, rows, await rows.tables())) {
      await writer.write(encoder.encode(`${line}\n`));
      count++;
    }
    await writer.write(encoder.encode(`${JSON.stringify({ lines: count })}\n`));
    await writer.close();
    return `${count} lines written to ${path}`;
  } catch (error) {
    if (file !== undefined) await Deno.remove(path);
    throw new ConfigError([`Cannot export to ${path}: ${messageOf(error)}`]);
  } finally {
    await rows.close();
  }
}

async function importFrom(path: string, config: ServerConfig): Promise<string> {
  const { head, count } = await checkFile(path);
  await makeDataFolder(config.dataDir);
  // Held until it is done, so that no server starts meanwhile.
  using hold = tryHoldDataFolder(config.dataDir, `admin command, process ${Deno.pid}`);
  if (hold === null) throw new ConfigError([`Cannot import: a server uses the data folder ${config.dataDir}`]);
  const { game } = await prepare(config, Uint8Array.fromBase64(head.sessionKey));
  if (game !== head.game) throw new ConfigError([`Cannot import ${path}: it is of the game ${head.game}, not ${game}`]);
  const rows = await openRows(config);
  try {
    const tables = await insertAll(path, rows);
    await rows.setLastRevision(head.lastRevision);
    // What is there now is read and compared with the file, line by line.
    const written = linesOf(head, rows, tables);
    let number = 0;
    for await (const line of fileLines(path)) {
      if (++number > count) break;
      const { value } = await written.next();
      if (withoutLastId(value ?? "") !== withoutLastId(line)) {
        throw new Error(`line ${number} is not in the database as it is in the file`);
      }
    }
    await rows.commit();
    return `${count} lines imported from ${path}, and compared`;
  } catch (error) {
    throw new ConfigError([`Cannot import ${path}: ${messageOf(error)}; nothing was imported`]);
  } finally {
    await rows.close();
  }
}

/** @returns The tables of the file, in its order. */
async function insertAll(path: string, target: DataRows): Promise<TableLine[]> {
  const tables = await target.tables();
  for (const table of tables) {
    for await (const _row of target.rows(table)) throw new Error(`the database is not empty: there are ${table.name}`);
  }
  const found: TableLine[] = [];
  let batch: SqlValue[][] = [];
  const flush = async () => {
    if (batch.length > 0) await target.insert(found.at(-1)!, batch);
    batch = [];
  };
  for await (const line of fileLines(path)) {
    const value = JSON.parse(line);
    if (Array.isArray(value)) {
      if (batch.push(value.map(decodeValue)) >= ROWS_AT_ONCE) await flush();
    } else if (value.name !== undefined) {
      await flush();
      const table = value as TableLine;
      const known = tables.find(({ name }) => name === table.name);
      if (known === undefined || inOrder(known).join() !== table.columns.join()) {
        throw new Error(`the database has no ${table.name} with ${table.columns}: both must be of one version`);
      }
      found.push(table);
    }
  }
  await flush();
  const missing = tables.find(({ name }) => !found.some((table) => table.name === name));
  if (missing !== undefined) throw new Error(`the file has no ${missing.name}: both must be of one version`);
  for (const table of found) await target.setLastId(table, table.lastId);
  return found;
}

/** All lines but the last. */
async function* linesOf(head: Head, rows: DataRows, tables: readonly Table[]): AsyncGenerator<string> {
  yield JSON.stringify(head);
  for (const { name, ...table } of tables) {
    const columns = inOrder(table);
    yield JSON.stringify({ name, columns, lastId: await rows.lastId({ name, columns }) });
    for await (const row of rows.rows({ name, columns })) yield JSON.stringify(row.map(encodeValue));
  }
}

/** Columns as files have them, whatever order a database made them in. */
function inOrder({ columns }: Pick<Table, "columns">): string[] {
  const [ids, others] = [columns.filter((name) => name === "id"), columns.filter((name) => name !== "id")];
  return [...ids, ...others.sort()];
}

/** Not every database counts the ids of every table. */
function withoutLastId(line: string): string {
  return line.replace(/,"lastId":\d+}$/, "}");
}

/** Looks whether a file is whole. */
async function checkFile(path: string): Promise<{ readonly head: Head; readonly count: number }> {
  let head: Partial<Head> | undefined, last = "", count = -1;
  try {
    for await (const line of fileLines(path)) {
      head ??= JSON.parse(line) as Head;
      last = line;
      count++;
    }
    if (head?.format === FORMAT && JSON.parse(last).lines === count) return { head: head as Head, count };
  } catch (error) {
    throw new ConfigError([`Cannot import ${path}: ${messageOf(error)}`]);
  }
  const reason = head?.format === FORMAT ? "it is cut short" : `it is no file of ${FORMAT}`;
  throw new ConfigError([`Cannot import ${path}: ${reason}`]);
}

async function* fileLines(path: string): AsyncGenerator<string> {
  const file = await Deno.open(path);
  let rest = "";
  for await (const chunk of file.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

/** Brings the schema up to date. @param key The key that a new database is to have. */
async function prepare(
  config: ServerConfig,
  key?: Uint8Array<ArrayBuffer>,
): Promise<{ readonly sessionKey: Uint8Array<ArrayBuffer>; readonly game: string }> {
  const records = await loadGameRecords(config.game);
  const { storage, sessionKey } = await openStorage(config, records, key);
  await storage.close();
  return { sessionKey, game: records.game };
}

async function openRows(config: ServerConfig): Promise<DataRows> {
  const target = readPostgresTarget(config);
  return target === undefined ? sqliteRows(sqlitePath(config)) : await postgresRows(target);
}

function encodeValue(value: SqlValue): unknown {
  return value instanceof Uint8Array ? { base64: value.toBase64() } : value;
}

function decodeValue(value: SqlValue | { readonly base64: string }): SqlValue {
  return typeof value === "object" && value !== null && "base64" in value ? Uint8Array.fromBase64(value.base64) : value;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
