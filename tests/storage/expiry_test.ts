import { Expiry } from "../../server/storage/expiry.ts";
import { SqliteDatabase, type StorageRequest } from "../../server/storage/sqlite_database.ts";
import type { KeptWhisper } from "../../server/storage/storage.ts";
import { EXPIRY_CONFIRM_MS } from "../../shared/limits.ts";
import { newAccount } from "../contract/storage_contract.ts";
import { assert, assertEquals } from "../support/assert.ts";

const DAY_MS = 86_400_000;
const NOW_MS = 1_700_000_000_000;

Deno.test("Expiry.confirm() believes a date when looks at the clock for EXPIRY_CONFIRM_MS were as late", () => {
  let nowMs = 0;
  const expiry = new Expiry(() => nowMs);
  const look = (afterMs: number, dateMs: number) => {
    nowMs += afterMs;
    return expiry.confirm(dateMs);
  };
  assertEquals(look(0, 100), 0, "the first look deletes nothing");
  assertEquals(look(EXPIRY_CONFIRM_MS - 1, 200), 0);
  assertEquals(look(1, 300), 100);
  // A clock that is wrong for a moment, whenever that is.
  assertEquals(look(1_000, 9_000), 100);
  assertEquals(look(EXPIRY_CONFIRM_MS, 400), 300);
  assertEquals(look(EXPIRY_CONFIRM_MS, 9_000), 400);
  assertEquals(look(EXPIRY_CONFIRM_MS / 2, 500), 400);
  assertEquals(look(EXPIRY_CONFIRM_MS / 2, 600), 500);
  // One that stays is right.
  assertEquals([look(EXPIRY_CONFIRM_MS, 9_000), look(EXPIRY_CONFIRM_MS, 9_001)], [600, 9_000]);
  assertEquals(look(0, 50), 50, "never later than the clock");
});

/** Runs requests one by one, each by itself. */
function runner(database: SqliteDatabase) {
  return (operation: StorageRequest["operation"], argument: unknown): unknown => {
    const [outcome] = database.execute([{ operation, argument }]);
    assert("value" in outcome, operation);
    return outcome.value;
  };
}

Deno.test("A clock that is 40 days ahead for a moment deletes neither kept whispers nor bans", () => {
  let nowMs = 0;
  const database = new SqliteDatabase({ path: ":memory:", nowMs: () => nowMs });
  try {
    const run = runner(database);
    run("accounts.createMany", ["Ann", "Bob", "Cid"].map((name) => newAccount(name)));
    const keep = (unixMs: number, message: string, recipientId = 1) =>
      run("social.keepWhisper", {
        ...{ recipientId, senderId: 2, message, sentAtMs: unixMs },
        forgetBeforeMs: unixMs - 30 * DAY_MS,
      });
    const ban = (playerId: number, unixMs: number) =>
      run("sanctions.set", {
        ...{ kind: "ban", playerId, address: null, reason: "spam", moderator: "eve" },
        createdAtMs: unixMs,
        endsAtMs: unixMs + 10 * DAY_MS,
      });
    const isBanned = (playerId: number, unixMs: number) =>
      (run("sanctions.ofPlayer", { playerId, nowMs: unixMs }) as { ban: unknown }).ban !== null;
    const kept = () =>
      (run("social.listWhispers", { recipientId: 1, sentFromMs: 0 }) as KeptWhisper[]).map(({ message }) => message);
    keep(NOW_MS, "one");
    ban(1, NOW_MS);
    for (const [passedMs, unixMs] of [[1_000, NOW_MS + 40 * DAY_MS], [EXPIRY_CONFIRM_MS, NOW_MS + EXPIRY_CONFIRM_MS]]) {
      nowMs += passedMs;
      keep(unixMs, "other", 3);
      ban(3, unixMs);
    }
    assertEquals([kept(), isBanned(1, NOW_MS)], [["one"], true]);
    // One that ended is not lifted, though its row may be there still.
    assertEquals(
      run("sanctions.lift", { kind: "ban", playerId: 1, address: null, nowMs: NOW_MS + 11 * DAY_MS }),
      false,
    );
    // When 40 days have passed, they are over.
    for (const days of [40, 41]) {
      nowMs += days * DAY_MS;
      keep(NOW_MS + days * DAY_MS, "late", 3);
    }
    assertEquals(kept(), []);
  } finally {
    database.close();
  }
});
