/**
 * The database's schema as the list of steps that lead to it. A step that has been released is never changed; a change
 * is a new step at the end.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { ConfigError } from "../../shared/errors.ts";

/** Marks a database file as ours ("DBrg"), so that another program's is never written to. */
export const APPLICATION_ID = 0x44427267;

/** Step `i` leads from version `i` to version `i + 1`. */
export const MIGRATIONS: readonly string[] = [
  // AUTOINCREMENT: the id of a deleted account is in tokens and must never name another player.
  // The check keeps ids exact as JavaScript numbers.
  `
  CREATE TABLE accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 9007199254740991),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    password_verifier TEXT,
    created_at_ms INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE characters (
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 9007199254740991),
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    map_id INTEGER,
    x REAL,
    y REAL,
    z REAL,
    yaw REAL,
    hp REAL,
    CHECK ((map_id IS NULL) = (x IS NULL) AND (x IS NULL) = (y IS NULL) AND (y IS NULL) = (z IS NULL)
      AND (z IS NULL) = (yaw IS NULL) AND (yaw IS NULL) = (hp IS NULL))
  ) STRICT;

  CREATE INDEX characters_by_account ON characters (account_id, id);

  CREATE TABLE health (id INTEGER PRIMARY KEY CHECK (id = 1), bytes BLOB NOT NULL) STRICT;
  INSERT INTO health (id, bytes) VALUES (1, x'');
  `,
];

/**
 * Brings a database to the newest version: all missing steps in one transaction, or none. Two processes that start at
 * once wait for each other.
 *
 * @returns The version the database had before.
 * @throws {ConfigError} when the database is newer than `migrations`, or not ours.
 */
export function migrate(database: DatabaseSync, migrations: readonly string[] = MIGRATIONS): number {
  database.exec("BEGIN IMMEDIATE");
  try {
    const version = readNumber(database, "PRAGMA user_version");
    checkOwner(database);
    if (version > migrations.length) {
      throw new ConfigError([
        `Cannot use database: its schema has version ${version}, this program knows versions up to ` +
        `${migrations.length}; start the newer program`,
      ]);
    }
    for (const step of migrations.slice(version)) database.exec(step);
    if (version < migrations.length) {
      database.exec(`PRAGMA user_version = ${migrations.length}; PRAGMA application_id = ${APPLICATION_ID}`);
    }
    database.exec("COMMIT");
    return version;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function checkOwner(database: DatabaseSync): void {
  if (readNumber(database, "PRAGMA application_id") === APPLICATION_ID) return;
  if (readNumber(database, "SELECT count(*) FROM sqlite_schema") === 0) return;
  throw new ConfigError(["Cannot use database: its file belongs to another program"]);
}

function readNumber(database: DatabaseSync, sql: string): number {
  return Number(Object.values(database.prepare(sql).get() ?? {})[0]);
}
