/** All rows of a database, whichever it is, in one order. For moving them to another. @module */

import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { PostgresConnection } from "../server/storage/postgres_connection.ts";
import type { PostgresTarget } from "../server/storage/postgres_target.ts";
import { STORAGE_BUSY_TIMEOUT_MS } from "../shared/limits.ts";
import type { SqlValue } from "../server/storage/sql.ts";

/** A table with its columns, both by their names. */
export interface Table {
  readonly name: string;
  readonly columns: readonly string[];
}

/** A database whose rows are read and written. All happens in one transaction. */
export interface DataRows {
  /** In the order in which they were made: none refers to a later one. */
  tables(): Promise<Table[]>;
  /** All rows of a table, in the order of their columns. */
  rows(table: Table): AsyncIterable<SqlValue[]>;
  /** The highest id that a table has ever given; 0: it gives none. */
  lastId(table: Table): Promise<number>;
  /** The last revision that a document was given. */
  lastRevision(): Promise<number>;
  insert(table: Table, rows: readonly (readonly SqlValue[])[]): Promise<void>;
  setLastId(table: Table, id: number): Promise<void>;
  setLastRevision(revision: number): Promise<void>;
  commit(): Promise<void>;
  /** Closes the database; what is not committed is undone. */
  close(): Promise<void>;
}

/** What is a database's own: how it is kept, and who uses it at the moment. */
const LEFT_OUT: readonly string[] = [
  ...["schema_versions", "database_game", "health", "document_revisions", "guild_version", "secrets"],
  ...["nodes", "player_owners", "handed_over_sessions"],
];
const PAGE = 1_000;

/** Opens a SQLite file that has its tables. */
export function sqliteRows(path: string): DataRows {
  const database = new DatabaseSync(path, { timeout: STORAGE_BUSY_TIMEOUT_MS });
  database.exec("PRAGMA foreign_keys = ON; BEGIN");
  const all = (sql: string, ...values: string[]) => database.prepare(sql).all(...values);
  const lastIdOf = (name: string) => all("SELECT seq FROM sqlite_sequence WHERE name = ?", name)[0]?.seq;
  return {
    tables: () => {
      const names = all("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid").map(({ name }) =>
        `${name}`
      );
      return Promise.resolve(
        names.filter((name) => !LEFT_OUT.includes(name) && !name.startsWith("sqlite_")).map((name) => ({
          name,
          columns: all("SELECT name FROM pragma_table_info(?)", name).map(({ name }) => `${name}`),
        })),
      );
    },
    rows: async function* ({ name, columns }) {
      await null;
      const sql = `SELECT ${columns.join(", ")} FROM ${name} ORDER BY ${columns.join(", ")}`;
      for (const row of database.prepare(sql).iterate()) yield columns.map((column) => valueOf(row[column]));
    },
    lastId: async ({ name, columns }) => {
      await null;
      if (columns[0] !== "id") return 0;
      return Number(lastIdOf(name) ?? all(`SELECT coalesce(max(id), 0) AS last FROM ${name}`)[0].last);
    },
    lastRevision: () => Promise.resolve(Number(all("SELECT last FROM document_revisions")[0].last)),
    insert: ({ name, columns }, rows) => {
      const statement = database.prepare(
        `INSERT INTO ${name} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
      );
      for (const row of rows) statement.run(...row);
      return Promise.resolve();
    },
    setLastId: ({ name }, id) => {
      // Only of tables that count their ids; others go on from the highest.
      database.prepare("UPDATE sqlite_sequence SET seq = ? WHERE name = ?").run(id, name);
      const isCounting = /AUTOINCREMENT/.test(`${all("SELECT sql FROM sqlite_schema WHERE name = ?", name)[0].sql}`);
      if (isCounting && lastIdOf(name) === undefined) {
        database.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)").run(name, id);
      }
      return Promise.resolve();
    },
    setLastRevision: (revision) => {
      database.prepare("UPDATE document_revisions SET last = ?").run(revision);
      return Promise.resolve();
    },
    commit: () => Promise.resolve(database.exec("COMMIT")),
    close: () => Promise.resolve(database.close()),
  };
}

/** Opens a PostgreSQL database that has its tables. */
export async function postgresRows(target: PostgresTarget): Promise<DataRows> {
  const connection = await PostgresConnection.open(target, () => {});
  const all = async (sql: string, values: SqlValue[] = []) => (await connection.query(sql, values)).rows;
  await all("BEGIN ISOLATION LEVEL REPEATABLE READ");
  await all("SET LOCAL statement_timeout = 0");
  const texts = new Set(
    (await all(
      `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
        WHERE table_schema = current_schema() AND data_type = 'text'`,
    )).map(({ name }) => name),
  );
  const sequenceOf = (name: string) => `pg_get_serial_sequence('${name}', 'id')`;
  return {
    tables: async () => {
      const rows = await all(
        `SELECT relname AS name, CAST(array_to_json(ARRAY(SELECT CAST(attname AS TEXT) FROM pg_attribute
            WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum)) AS TEXT) AS columns
          FROM pg_class WHERE relkind = 'r' AND relnamespace = CAST(current_schema() AS regnamespace) ORDER BY oid`,
      );
      return rows.filter(({ name }) => !LEFT_OUT.includes(`${name}`)).map(({ name, columns }) => ({
        name: `${name}`,
        columns: JSON.parse(`${columns}`) as string[],
      }));
    },
    rows: async function* ({ name, columns }) {
      const order = columns.map((column) =>
        `${column}${texts.has(`${name}.${column}`) ? ' COLLATE "C"' : ""} NULLS FIRST`
      );
      await all(`DECLARE moved CURSOR FOR SELECT ${columns.join(", ")} FROM ${name} ORDER BY ${order.join(", ")}`);
      while (true) {
        const rows = await all(`FETCH ${PAGE} FROM moved`);
        for (const row of rows) yield columns.map((column) => row[column]);
        if (rows.length < PAGE) break;
      }
      await all("CLOSE moved");
    },
    lastId: async ({ name, columns }) => {
      if (columns[0] !== "id") return 0;
      // A sequence that was never used says 1 as well.
      const [{ sequence }] = await all(`SELECT ${sequenceOf(name)} AS sequence`);
      return Number(
        (await all(`SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS last FROM ${sequence}`))[0].last,
      );
    },
    lastRevision: async () =>
      Number(
        (await all("SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS last FROM document_revisions"))[0].last,
      ),
    insert: async ({ name, columns }, rows) => {
      const places = columns.map((_, index) => `$${index + 1}`).join(", ");
      const sql = `INSERT INTO ${name} (${columns.join(", ")}) VALUES (${places})`;
      await Promise.all(rows.map((row) => connection.query(sql, row)));
    },
    setLastId: async ({ name }, id) => {
      if (id > 0) await all(`SELECT setval(${sequenceOf(name)}, ${id})`);
    },
    setLastRevision: async (revision) => {
      if (revision > 0) await all(`SELECT setval('document_revisions', ${revision})`);
    },
    commit: async () => void await all("COMMIT"),
    close: () => connection.close(),
  };
}

function valueOf(value: SQLOutputValue): SqlValue {
  return typeof value === "bigint" ? Number(value) : value;
}
