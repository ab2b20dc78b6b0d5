import { DatabaseSync } from "node:sqlite";
import { APPLICATION_ID, migrate, MIGRATIONS } from "../../server/storage/migrations.ts";
import { ConfigError } from "../../shared/errors.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { withTempDir } from "../support/temp_dir.ts";

const STEPS = ["CREATE TABLE a (x INTEGER) STRICT", "CREATE TABLE b (x INTEGER) STRICT", "DROP TABLE b"];

function withMemory(run: (database: DatabaseSync) => void): void {
  const database = new DatabaseSync(":memory:");
  try {
    run(database);
  } finally {
    database.close();
  }
}

function version(database: DatabaseSync): unknown {
  return database.prepare("PRAGMA user_version").get()?.user_version;
}

function tables(database: DatabaseSync): unknown[] {
  return database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all()
    .map(({ name }) => name);
}

Deno.test("migrate() leads from every version to the newest", () => {
  for (let from = 0; from <= STEPS.length; from++) {
    withMemory((database) => {
      if (from > 0) migrate(database, STEPS.slice(0, from));
      assertEquals(migrate(database, STEPS), from);
      assertEquals(version(database), STEPS.length);
      assertEquals(tables(database), ["a"]);
    });
  }
});

Deno.test("migrate() changes nothing when a step fails", () => {
  withMemory((database) => {
    migrate(database, STEPS.slice(0, 1));
    assertThrows(() => migrate(database, [...STEPS.slice(0, 2), "CREATE NONSENSE"]), Error, "syntax error");
    assertEquals(version(database), 1);
    assertEquals(tables(database), ["a"]);
    migrate(database, STEPS);
  });
});

Deno.test("migrate() refuses a newer database and one that is not ours", () => {
  withMemory((database) => {
    migrate(database, STEPS);
    assertThrows(() => migrate(database, STEPS.slice(0, 2)), ConfigError, "its schema has version 3");
    assertEquals(version(database), 3);
  });
  withMemory((database) => {
    database.exec("CREATE TABLE foreign_table (x INTEGER)");
    assertThrows(() => migrate(database, STEPS), ConfigError, "another program");
    assertEquals(tables(database), ["foreign_table"]);
  });
});

Deno.test("MIGRATIONS make only strict tables with a marked file", () => {
  withMemory((database) => {
    migrate(database);
    assertEquals(database.prepare("PRAGMA application_id").get()?.application_id, APPLICATION_ID);
    assertEquals(version(database), MIGRATIONS.length);
    const list = database.prepare("PRAGMA table_list").all().filter(({ name }) => !String(name).startsWith("sqlite_"));
    assert(list.length > 0);
    for (const { name, strict } of list) assertEquals(strict, 1, String(name));
  });
});

Deno.test("migrate() is done once by two processes that start together", async () => {
  await withTempDir((dir) => {
    const [first, second] = [1, 2].map(() => new DatabaseSync(`${dir}/storage.db`, { timeout: 1_000 }));
    assertEquals([migrate(first), migrate(second)], [0, MIGRATIONS.length]);
    first.close();
    second.close();
  });
});
