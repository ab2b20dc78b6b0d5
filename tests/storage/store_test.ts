import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { SqliteDatabase } from "../../server/storage/sqlite_database.ts";
import { type GameRecords, sqlStore } from "../../server/storage/sql_store.ts";
import { type Count, statement } from "../../server/storage/sql.ts";
import { storesOn } from "../../server/storage/storage.ts";
import { defineStore, read, write } from "../../server/storage/store.ts";
import { AssertionError } from "../../shared/errors.ts";
import { assertEquals, assertRejects, assertThrows } from "../support/assert.ts";

const NOTES = defineStore("notes", {
  add: write<{ readonly playerId: number; readonly text: string }, number>(),
  of: read<number, string[]>(),
});

const COUNT_ACCOUNT: Count = statement("SELECT count(*) AS count FROM accounts WHERE id = ?");

/** Notes that are kept in no table, and leave with a word. */
const STORED_NOTES = sqlStore(NOTES, {
  schema: [],
  postgresSchema: [],
  open: () => {
    const notes = new Map<number, string[]>();
    return {
      handlers: {
        // deno-lint-ignore require-yield -- kept in memory
        *add({ playerId, text }) {
          if (text === "") throw new RangeError("Cannot add nothing");
          const all = [...notes.get(playerId) ?? [], text];
          notes.set(playerId, all);
          return all.length;
        },
        // deno-lint-ignore require-yield -- kept in memory
        *of(playerId) {
          return notes.get(playerId) ?? [];
        },
      },
      *beforeRemoval(playerId) {
        return { notes: notes.get(playerId)?.length, ...yield* COUNT_ACCOUNT.get(playerId) };
      },
    };
  },
});

const RECORDS: GameRecords = { game: "notes", stores: [STORED_NOTES] };

Deno.test("A store that is defined once is asked by its types, and tells what it changes", async () => {
  const asked: unknown[] = [];
  const { of } = bound(storesOn((operation, isWrite, argument) => {
    asked.push([operation, isWrite, argument]);
    return Promise.resolve(7);
  }));
  assertEquals(await of(NOTES).add({ playerId: 1, text: "hello" }), 7);
  await of(NOTES).of(1);
  assertEquals(asked, [["notes.add", true, { playerId: 1, text: "hello" }], ["notes.of", false, 1]]);

  const database = new SqliteDatabase({ path: ":memory:" }, RECORDS);
  const kinds = ["notes.add", "notes.of", "accounts.find", "accounts.remove", "health.probe"];
  assertEquals(kinds.map((operation) => database.isRead({ operation, argument: 0 })), [
    false,
    true,
    true,
    false,
    false,
  ]);
  database.close();
});

Deno.test("A game's store is there beside the engine's; one that the game does not have rejects", async () => {
  const storage = new DirectStorage({ path: ":memory:" }, RECORDS);
  assertEquals(await storage.of(NOTES).add({ playerId: 1, text: "hello" }), 1);
  assertEquals(await storage.of(NOTES).of(1), ["hello"]);
  await assertRejects(() => storage.of(NOTES).add({ playerId: 1, text: "" }), RangeError, "Cannot add nothing");
  const missing = defineStore("missing", { ask: read<number, number>() });
  await assertRejects(
    () => storage.of(missing).ask(1),
    TypeError,
    "Cannot run missing.ask: the game has no such store",
  );
  await storage.close();
});

Deno.test("Stores part with an account before it is gone, and only if it goes", async () => {
  const storage = new DirectStorage({ path: ":memory:" }, RECORDS);
  const account = { name: "ann", nameKey: "ann", passwordVerifier: null, createdAtMs: 0 };
  const [{ accountId }] = await storage.accounts.createMany([account]);
  await storage.of(NOTES).add({ playerId: accountId, text: "hello" });
  assertEquals(await storage.accounts.remove({ accountId, nowMs: 1, isDue: true }), { kind: "not_due" });
  const result = await storage.accounts.remove({ accountId, nowMs: 1, isDue: false });
  assertEquals(result, { kind: "removed", name: "ann", partings: { notes: { notes: 1, count: 1 } } });
  await storage.close();
});

Deno.test("Two stores of one name are refused when the database is opened", () => {
  const twice = { game: "notes", stores: [STORED_NOTES, STORED_NOTES] };
  assertThrows(() => new SqliteDatabase({ path: ":memory:" }, twice), AssertionError, "notes");
  new SqliteDatabase({ path: ":memory:" }, MARSH_RECORDS).close();
});

function bound<T extends { of: unknown }>(stores: T): { of: T["of"] } {
  return { of: (stores.of as (...values: unknown[]) => unknown).bind(stores) as T["of"] };
}
