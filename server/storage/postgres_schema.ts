/**
 * The schema of a PostgreSQL database. Whichever server comes first brings it up to date; the others wait for it.
 *
 * @module
 */

import { ConfigError } from "../../shared/errors.ts";
import { ENGINE_SCHEMA_POSTGRES } from "./engine_schema.ts";
import type { PostgresConnection } from "./postgres_connection.ts";
import { APPLICATION_ID, checkVersion, ENGINE, otherGame } from "./schema.ts";
import type { GameRecords } from "./sql_store.ts";

const BOOKKEEPING = `
  CREATE TABLE schema_versions (name TEXT PRIMARY KEY, version BIGINT NOT NULL CHECK (version >= 0));
  CREATE TABLE database_game (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL);
`;

/**
 * Brings a database to the newest version of everything: all missing steps in one transaction, or none.
 *
 * @returns Whether it was empty.
 * @throws {ConfigError} when the database is another game's, is not ours, or something in it is newer than its steps.
 */
export async function migratePostgres(connection: PostgresConnection, records: GameRecords): Promise<boolean> {
  await connection.query("BEGIN", []);
  try {
    // Another server may take long over many rows.
    await connection.query("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0", []);
    await connection.query("SELECT pg_advisory_xact_lock($1, 0)", [APPLICATION_ID]);
    const tables = await namesOf(
      connection,
      "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()",
    );
    const isNew = tables.length === 0;
    if (isNew) await connection.query(BOOKKEEPING, []);
    else if (!tables.includes("schema_versions")) {
      throw new ConfigError(["Cannot use database: it belongs to another program"]);
    }
    await checkGame(connection, records);
    const stores = records.stores.map(({ definition, postgresSchema }) => ({
      name: definition.name,
      steps: postgresSchema,
    }));
    for (const schema of [{ name: ENGINE, steps: ENGINE_SCHEMA_POSTGRES }, ...stores]) {
      await bringUp(connection, schema);
    }
    await connection.query("COMMIT", []);
    return isNew;
  } catch (error) {
    // Also where the connection is lost: nothing is committed then.
    await connection.query("ROLLBACK", []).catch(() => {});
    throw error;
  }
}

async function bringUp(
  connection: PostgresConnection,
  { name, steps }: { readonly name: string; readonly steps: readonly string[] },
): Promise<void> {
  const { rows: [row] } = await connection.query("SELECT version FROM schema_versions WHERE name = $1", [name]);
  const version = row === undefined ? 0 : Number(row.version);
  checkVersion(name, version, steps.length);
  for (const sql of steps.slice(version)) await connection.query(sql, []);
  if (row !== undefined && version === steps.length) return;
  await connection.query(
    "INSERT INTO schema_versions (name, version) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET version = excluded.version",
    [name, steps.length],
  );
}

/** Holds that the database is this game's; a new one is from now on. */
async function checkGame(connection: PostgresConnection, owner: GameRecords): Promise<void> {
  const [name] = await namesOf(connection, "SELECT name FROM database_game");
  if (name === undefined) await connection.query("INSERT INTO database_game (id, name) VALUES (1, $1)", [owner.game]);
  else if (name !== owner.game) throw otherGame(`the game ${name}`, owner);
}

async function namesOf(connection: PostgresConnection, sql: string): Promise<string[]> {
  const { rows } = await connection.query(sql, []);
  return rows.map(({ name }) => String(name));
}
