import { DatabaseSync } from "node:sqlite";
import { APPLICATION_ID, migrate, NAMED_VERSIONS, type SchemaStep } from "../../server/storage/schema.ts";
import { AssertionError, ConfigError } from "../../shared/errors.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { withTempDir } from "../support/temp_dir.ts";

const ENGINE: readonly SchemaStep[] = [
  { was: 1, sql: "CREATE TABLE a (x INTEGER) STRICT" },
  { was: 3, sql: "CREATE TABLE c (x INTEGER) STRICT" },
  { sql: "ALTER TABLE a ADD COLUMN y INTEGER" },
];
const NOTES = {
  name: "notes",
  steps: [{ was: 2, sql: "CREATE TABLE n (x INTEGER) STRICT" }, { sql: "INSERT INTO n (x) VALUES (7)" }],
};
const OWNER = { game: "first", takesUnnamed: true };

function withMemory(run: (database: DatabaseSync) => void): void {
  const database = new DatabaseSync(":memory:");
  try {
    run(database);
  } finally {
    database.close();
  }
}

function userVersion(database: DatabaseSync): unknown {
  return database.prepare("PRAGMA user_version").get()?.user_version;
}

function versions(database: DatabaseSync): unknown {
  const rows = database.prepare("SELECT name, version FROM schema_versions ORDER BY name").all();
  return rows.map(({ name, version }) => `${name} ${version}`);
}

/** A database of the time when all steps had one list. */
function oldDatabase(database: DatabaseSync, version: number): void {
  const steps = [...ENGINE, ...NOTES.steps].filter(({ was }) => was !== undefined && was <= version);
  for (const { sql } of steps.sort((a, b) => a.was! - b.was!)) database.exec(sql);
  database.exec(`PRAGMA user_version = ${version}; PRAGMA application_id = ${APPLICATION_ID}`);
}

Deno.test("migrate() keeps a version for the engine and each store, under its name", () => {
  withMemory((database) => {
    migrate(database, OWNER, ENGINE.slice(0, 2), []);
    assertEquals(versions(database), ["engine 2"]);
    migrate(database, OWNER, ENGINE.slice(0, 2), [{ ...NOTES, steps: NOTES.steps.slice(0, 1) }]);
    assertEquals(versions(database), ["engine 2", "notes 1"]);
    migrate(database, OWNER, ENGINE, [NOTES]);
    assertEquals(versions(database), ["engine 3", "notes 2"]);
    // Nothing is done twice, and what a game leaves out stays.
    migrate(database, OWNER, ENGINE, []);
    migrate(database, OWNER, ENGINE, [NOTES]);
    assertEquals(database.prepare("SELECT x FROM n").all().length, 1);
    assertEquals(userVersion(database), NAMED_VERSIONS);
  });
});

Deno.test("migrate() adopts every version of the one list that all had before", () => {
  for (let version = 0; version <= 3; version++) {
    withMemory((database) => {
      if (version > 0) oldDatabase(database, version);
      migrate(database, OWNER, ENGINE, [NOTES]);
      assertEquals(versions(database), ["engine 3", "notes 2"]);
      assertEquals(database.prepare("SELECT x, y FROM a").all(), []);
      assertEquals(database.prepare("SELECT x FROM n").all().length, 1);
      assertEquals(userVersion(database), NAMED_VERSIONS);
    });
  }
});

Deno.test("migrate() takes no table whose rows would keep an account from being deleted", () => {
  const notes = (onDelete: string) => ({
    name: "notes",
    steps: [{ sql: `CREATE TABLE n (account INTEGER REFERENCES a (x) ${onDelete}) STRICT` }],
  });
  for (const onDelete of ["", "ON DELETE RESTRICT", "ON DELETE NO ACTION"]) {
    withMemory((database) => {
      const problem = "n.account refers to a without ON DELETE CASCADE or ON DELETE SET NULL";
      assertThrows(() => migrate(database, OWNER, ENGINE, [notes(onDelete)]), ConfigError, problem);
      migrate(database, OWNER, ENGINE, []);
      assertEquals(versions(database), ["engine 3"]);
    });
  }
  for (const onDelete of ["ON DELETE CASCADE", "ON DELETE SET NULL"]) {
    withMemory((database) => migrate(database, OWNER, ENGINE, [notes(onDelete)]));
  }
});

Deno.test("migrate() changes nothing when a step fails", () => {
  withMemory((database) => {
    oldDatabase(database, 3);
    const broken = { ...NOTES, steps: [...NOTES.steps, { sql: "CREATE NONSENSE" }] };
    assertThrows(() => migrate(database, OWNER, ENGINE, [broken]), Error, "syntax error");
    assertEquals(userVersion(database), 3);
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
    assertEquals(tables.map(({ name }) => name), ["a", "c", "n"]);
    migrate(database, OWNER, ENGINE, [NOTES]);
  });
});

Deno.test("migrate() refuses what is newer, by its name", () => {
  withMemory((database) => {
    migrate(database, OWNER, ENGINE, [NOTES]);
    const older = { ...NOTES, steps: NOTES.steps.slice(0, 1) };
    const text = "the schema of notes has version 2, this program knows versions up to 1; start the newer program";
    assertThrows(() => migrate(database, OWNER, ENGINE, [older]), ConfigError, text);
    assertThrows(() => migrate(database, OWNER, ENGINE.slice(0, 2), [NOTES]), ConfigError, "the schema of engine has");
    database.exec(`PRAGMA user_version = ${NAMED_VERSIONS + 1}`);
    assertThrows(() => migrate(database, OWNER, ENGINE, [NOTES]), ConfigError, "the schema of the database has");
  });
  withMemory((database) => {
    oldDatabase(database, 4);
    assertThrows(() => migrate(database, OWNER, ENGINE, [NOTES]), ConfigError, "has version 4, this program knows");
    assertEquals(userVersion(database), 4);
  });
});

Deno.test("migrate() refuses the database of another game, and of another program", () => {
  withMemory((database) => {
    migrate(database, OWNER, ENGINE, []);
    const other = { game: "second" };
    const text = "it belongs to the game first, and this is second; give each game a data folder of its own";
    assertThrows(() => migrate(database, other, ENGINE, [NOTES]), ConfigError, text);
    assertEquals(versions(database), ["engine 3"]);
  });
  withMemory((database) => {
    oldDatabase(database, 3);
    assertThrows(() => migrate(database, { game: "second" }, ENGINE, [NOTES]), ConfigError, "a game without a name");
    assertEquals(userVersion(database), 3);
  });
  withMemory((database) => {
    database.exec("CREATE TABLE foreign_table (x INTEGER)");
    assertThrows(() => migrate(database, OWNER, ENGINE, []), ConfigError, "another program");
  });
});

Deno.test("migrate() refuses two of one name", () => {
  withMemory((database) => {
    assertThrows(() => migrate(database, OWNER, ENGINE, [NOTES, NOTES]), AssertionError, "notes");
    assertThrows(() => migrate(database, OWNER, ENGINE, [{ name: "engine", steps: [] }]), AssertionError, "engine");
  });
});

Deno.test("migrate() is done once by two processes that start together", async () => {
  await withTempDir((dir) => {
    const [first, second] = [1, 2].map(() => new DatabaseSync(`${dir}/storage.db`, { timeout: 1_000 }));
    migrate(first, OWNER, ENGINE, [NOTES]);
    migrate(second, OWNER, ENGINE, [NOTES]);
    assertEquals(second.prepare("SELECT x FROM n").all().length, 1);
    first.close();
    second.close();
  });
});
