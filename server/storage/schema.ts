/**
 * The database's schema: for the engine, and for each store of the game, the list of steps that lead to it. How far each
 * has come stands in the database under its name, so that none waits for another's.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { assert, ConfigError } from "../../shared/errors.ts";
import { looksOf } from "../names/public_name.ts";

/** Marks a database file as ours ("DBrg"), so that another program's is never written to. */
export const APPLICATION_ID = 0x44427267;

/** The `user_version` of databases whose versions have names: what counted by it before refuses them as too new. */
export const NAMED_VERSIONS = 1_000;

/** What the engine's own steps are kept under. */
export const ENGINE = "engine";

/** Leads from one version to the next. */
export interface SchemaStep {
  /** Statements; all of a step are done, or none. */
  readonly sql: string;
  /** The version by `user_version` to which it led when all had one list; only steps of that time. */
  readonly was?: number;
}

/** The steps of the engine or of one store. */
export interface Schema {
  readonly name: string;
  readonly steps: readonly SchemaStep[];
}

/** Whose database it is. */
export interface DatabaseOwner {
  readonly game: string;
  /** Databases of the time before they named their game are this game's. */
  readonly takesUnnamed?: boolean;
}

const BOOKKEEPING = `
  CREATE TABLE IF NOT EXISTS schema_versions (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version >= 0)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS database_game (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${NAMED_VERSIONS};
`;

/**
 * Brings a database to the newest version of everything: all missing steps in one transaction, or none. Two processes
 * that start at once wait for each other.
 *
 * @param steps The engine's own.
 * @param stores In the order in which they are brought up to date, after the engine.
 * @throws {ConfigError} when the database is another game's, is not ours, something in it is newer than its steps, or a
 * new table would keep accounts from being deleted.
 */
export function migrate(
  database: DatabaseSync,
  owner: DatabaseOwner,
  steps: readonly SchemaStep[],
  stores: readonly Schema[],
): void {
  const schemas = [{ name: ENGINE, steps }, ...stores];
  const names = schemas.map(({ name }) => name);
  assert(new Set(names).size === names.length, `No two stores have one name: ${names}`);
  database.function("looks_of", { deterministic: true }, (name) => JSON.stringify(looksOf(String(name))));
  database.exec("BEGIN IMMEDIATE");
  try {
    const userVersion = readNumber(database, "PRAGMA user_version");
    checkFile(database);
    const isUnnamed = userVersion < NAMED_VERSIONS && userVersion > 0;
    const lastUnnamed = Math.max(0, ...schemas.flatMap((schema) => schema.steps.map(({ was }) => was ?? 0)));
    if (isUnnamed && owner.takesUnnamed !== true) throw otherGame("a game without a name", owner);
    if (isUnnamed) checkVersion("the database", userVersion, lastUnnamed);
    else if (userVersion !== 0) checkVersion("the database", userVersion, NAMED_VERSIONS);
    if (userVersion !== NAMED_VERSIONS) database.exec(BOOKKEEPING);
    checkGame(database, owner);
    const before = new Set(tablesOf(database));
    for (const schema of schemas) bringUp(database, schema, userVersion);
    for (const table of tablesOf(database)) if (!before.has(table)) checkReferences(database, table);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** Does the missing steps of one schema. @param userVersion As the database had it; below {@linkcode NAMED_VERSIONS} it counts. */
function bringUp(database: DatabaseSync, { name, steps }: Schema, userVersion: number): void {
  const row = database.prepare("SELECT version FROM schema_versions WHERE name = ?").get(name);
  const isAdopted = ({ was }: SchemaStep) => was !== undefined && was <= userVersion && userVersion < NAMED_VERSIONS;
  const version = row === undefined ? steps.filter(isAdopted).length : Number(row.version);
  checkVersion(name, version, steps.length);
  for (const { sql } of steps.slice(version)) database.exec(sql);
  if (row !== undefined && version === steps.length) return;
  database.prepare("INSERT OR REPLACE INTO schema_versions (name, version) VALUES (?, ?)").run(name, steps.length);
}

/** @throws {ConfigError} when a schema is newer than what leads to it here. */
export function checkVersion(what: string, version: number, known: number): void {
  if (version <= known) return;
  throw new ConfigError([
    `Cannot use database: the schema of ${what} has version ${version}, this program knows versions up to ${known}; ` +
    "start the newer program",
  ]);
}

/** Holds that the database is this game's; a new one is from now on. */
function checkGame(database: DatabaseSync, owner: DatabaseOwner): void {
  const name = database.prepare("SELECT name FROM database_game").get()?.name;
  if (name === undefined) database.prepare("INSERT INTO database_game (id, name) VALUES (1, ?)").run(owner.game);
  else if (name !== owner.game) throw otherGame(`the game ${name}`, owner);
}

/** What is told of a database that is another game's. */
export function otherGame(other: string, { game }: DatabaseOwner): ConfigError {
  return new ConfigError([
    `Cannot use database: it belongs to ${other}, and this is ${game}; give each game a data folder of its own`,
  ]);
}

function tablesOf(database: DatabaseSync): string[] {
  return database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all().map(({ name }) => String(name));
}

/**
 * Holds that the rows of a table go, or let go, with what they refer to. A game may leave a store out again, and nothing
 * but SQLite itself looks after its tables then: an account could not be deleted while they hold a row of it.
 */
function checkReferences(database: DatabaseSync, table: string): void {
  for (const reference of database.prepare(`SELECT * FROM pragma_foreign_key_list(?)`).all(table)) {
    if (reference.on_delete === "CASCADE" || reference.on_delete === "SET NULL") continue;
    throw new ConfigError([
      `Cannot use database: ${table}.${reference.from} refers to ${reference.table} without ON DELETE CASCADE or ` +
      "ON DELETE SET NULL",
    ]);
  }
}

function checkFile(database: DatabaseSync): void {
  if (readNumber(database, "PRAGMA application_id") === APPLICATION_ID) return;
  if (readNumber(database, "SELECT count(*) FROM sqlite_schema") === 0) return;
  throw new ConfigError(["Cannot use database: its file belongs to another program"]);
}

function readNumber(database: DatabaseSync, sql: string): number {
  return Number(Object.values(database.prepare(sql).get() ?? {})[0]);
}
