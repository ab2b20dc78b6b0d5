import { create, toBinary } from "@bufbuild/protobuf";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { Documents, documents, type Transaction } from "../../server/game/documents.ts";
import { Counter, CounterBlock, createCounterBlock } from "../../server/ops/counters.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { type DocumentRecords, DOCUMENTS } from "../../server/storage/document_store.ts";
import { DependencyError } from "../../shared/errors.ts";
import { LeaderboardEntrySchema } from "../../games/parts/leaderboards/leaderboards_pb.ts";
import {
  DOCUMENT_BYTES_MAX,
  DOCUMENT_TRIES_MAX,
  DOCUMENTS_PER_TRANSACTION_MAX,
  PERSIST_RETRY_MS_MIN,
} from "../../shared/limits.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { fc } from "../support/property.ts";
import { RecordingLogger } from "../support/recording_logger.ts";
import { storageWith } from "../support/storage_with.ts";

/** Any message will do: here its kills are coins. */
const PURSES = documents("purses", LeaderboardEntrySchema, {
  owner: "player",
  indexes: { coins: ({ kills }) => kills },
});
const SIGNS = documents("signs", LeaderboardEntrySchema, { owner: "global", bytesMax: 40, countMax: 2 });

interface Scene extends AsyncDisposable {
  readonly storage: DirectStorage;
  readonly documents: Documents;
  readonly log: RecordingLogger;
  readonly unreadable: () => number;
  readonly players: readonly number[];
}

async function open(): Promise<Scene> {
  const storage = new DirectStorage({ path: ":memory:" }, MARSH_RECORDS);
  const counters = new CounterBlock(createCounterBlock());
  const log = new RecordingLogger();
  const accounts = ["ann", "bob"].map((name) => ({ name, nameKey: name, passwordVerifier: null, createdAtMs: 0 }));
  const players = (await storage.accounts.createMany(accounts)).map(({ accountId }) => accountId);
  return {
    storage,
    documents: new Documents({ storage, counters, log }),
    log,
    unreadable: () => counters.get(Counter.DOCUMENTS_UNREADABLE),
    players,
    [Symbol.asyncDispose]: () => storage.close(),
  };
}

/** Adds coins to a purse, and gives how many are in it then. */
async function earn(transaction: Transaction, playerId: number, coins: number): Promise<number> {
  return (await transaction.update(PURSES, playerId, (purse) => void (purse.kills += coins))).kills;
}

Deno.test("Documents.transaction() loses nothing where many change the same, and runs again for it", async () => {
  await using scene = await open();
  const [ann] = scene.players;
  let runs = 0;
  const results = await Promise.all(
    Array.from({ length: 4 }, () =>
      scene.documents.transaction((transaction) => {
        runs++;
        return earn(transaction, ann, 5);
      })),
  );
  assertEquals(results.sort((a, b) => a - b), [5, 10, 15, 20]);
  assert(runs > 4, "some were in the way of others");
  assertEquals((await scene.documents.get(PURSES, ann))?.kills, 20);
});

Deno.test("Documents.transaction() refuses nobody because many change the same at once: they take turns", async () => {
  await using scene = await open();
  const [ann, bob] = scene.players;
  const count = 20 * DOCUMENT_TRIES_MAX;
  let runs = 0;
  const results = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      scene.documents.transaction(async (transaction) => {
        runs++;
        // Half of them look at both, in one order or the other: nobody waits for who waits for it.
        if (index % 4 === 1) await earn(transaction, bob, 1);
        const result = await earn(transaction, ann, 1);
        if (index % 4 === 3) await earn(transaction, bob, 1);
        return result;
      })),
  );
  assertEquals(results.sort((a, b) => a - b), Array.from({ length: count }, (_, index) => index + 1));
  assertEquals((await scene.documents.get(PURSES, bob))?.kills, count / 2);
  assert(runs < 4 * count, `${runs} runs for ${count}`);
});

Deno.test("Transaction.update() begins with an empty document, goes on with what was put, and puts nothing where it throws", async () => {
  await using scene = await open();
  const [ann] = scene.players;
  const coins = await scene.documents.transaction(async (transaction) => {
    await earn(transaction, ann, 5);
    await earn(transaction, ann, 6);
    return (await transaction.get(PURSES, ann))?.kills;
  });
  assertEquals([coins, (await scene.documents.get(PURSES, ann))?.kills], [11, 11]);
  const spent = scene.documents.transaction((transaction) =>
    transaction.update(PURSES, ann, (purse) => {
      purse.kills -= 20;
      if (purse.kills < 0) throw new RangeError("poor");
    })
  );
  await assertRejects(() => spent, RangeError, "poor");
  assertEquals((await scene.documents.get(PURSES, ann))?.kills, 11);
});

Deno.test("Documents.transaction() changes all or nothing", async () => {
  await using scene = await open();
  const [ann, bob] = scene.players;
  await scene.documents.transaction((transaction) => earn(transaction, ann, 10));
  const pay = (coins: number) =>
    scene.documents.transaction(async (transaction) => {
      await earn(transaction, bob, coins);
      if (await earn(transaction, ann, -coins) < 0) throw new RangeError("too poor");
    });
  await assertRejects(() => pay(11), RangeError, "too poor");
  assertEquals(await scene.documents.get(PURSES, bob), undefined);
  await pay(7);
  const coins = async (playerId: number) => (await scene.documents.get(PURSES, playerId))?.kills;
  assertEquals([await coins(ann), await coins(bob)], [3, 7]);
  await scene.documents.transaction(async (transaction) => {
    assert(await transaction.get(PURSES, ann) !== undefined);
    transaction.delete(PURSES, ann);
    assertEquals(await transaction.get(PURSES, ann), undefined, "what was done is seen");
  });
  assertEquals([await coins(ann), await coins(bob)], [undefined, 7]);
});

Deno.test("Documents.transaction() refuses what would lose or hide something", async () => {
  await using scene = await open();
  const [ann] = scene.players;
  const attempt = (work: (transaction: Transaction) => unknown) => () =>
    scene.documents.transaction(async (transaction) => void await work(transaction));
  const blind = attempt((transaction) => transaction.put(PURSES, ann, { kills: 1 }));
  await assertRejects(blind, TypeError, `Cannot change document purses ${ann}: get it first`);
  const wrongKey = attempt((transaction) => transaction.get(PURSES, "ann"));
  await assertRejects(wrongKey, TypeError, `Cannot use key "ann": purses are by players' ids`);
  const big = attempt(async (transaction) => {
    await transaction.get(SIGNS, "gate");
    transaction.put(SIGNS, "gate", { name: "x".repeat(41) });
  });
  await assertRejects(big, DependencyError, "Cannot use document signs gate of 43 bytes, limit is 40 bytes: too_large");
  const many = attempt(async (transaction) => {
    for (let i = 0; i <= DOCUMENTS_PER_TRANSACTION_MAX; i++) await transaction.get(SIGNS, `k${i}`);
  });
  await assertRejects(many, RangeError, `at most ${DOCUMENTS_PER_TRANSACTION_MAX} documents`);
  let kept: Transaction | undefined;
  await scene.documents.transaction(async (transaction) => {
    kept = transaction;
    await transaction.get(PURSES, ann);
  });
  assertThrows(() => kept!.put(PURSES, ann, { kills: 1 }), TypeError, "its transaction is over");
  const nan = documents("nan", LeaderboardEntrySchema, { owner: "global", indexes: { n: () => NaN } });
  const unfit = attempt(async (transaction) => {
    await transaction.get(nan, "a");
    transaction.put(nan, "a", {});
  });
  await assertRejects(unfit, RangeError, "Cannot index nan a by n");
  for (const key of ["a", "b"]) await sign(scene, key);
  await assertRejects(() => sign(scene, "c"), DependencyError, "Cannot use document signs c: full");
});

async function sign({ documents }: Scene, key: string): Promise<void> {
  await documents.transaction(async (transaction) => {
    await transaction.get(SIGNS, key);
    transaction.put(SIGNS, key, { name: key });
  });
}

Deno.test("documents() refuses declarations that cannot be", () => {
  const declare = (name: string, options: object) => () =>
    documents(name, LeaderboardEntrySchema, { owner: "global", ...options });
  const wrong: readonly (readonly [name: string, options: object, says: string])[] = [
    ["Purses", {}, "the name must match"],
    ["purses", { version: 0 }, "version 0 is not an integer from 1"],
    ["purses", { version: 3, migrate: { 1: () => ({}) } }, "there is no migration from version 2"],
    ["purses", { version: 1, migrate: { 1: () => ({}) } }, "a migration leads beyond its version"],
    ["purses", { bytesMax: 65_537 }, "65537 is not 1 to 65536 bytes"],
    ["purses", { countMax: 0 }, "0 is not 1 to 100000 documents"],
    ["purses", { indexes: Object.fromEntries("abcdefghi".split("").map((i) => [i, () => 0])) }, "more than 8 indexes"],
  ];
  for (const [name, options, says] of wrong) assertThrows(declare(name, options), TypeError, says);
});

Deno.test("Documents.range() and rankOf() find by what the game declared", async () => {
  await using scene = await open();
  const [ann, bob] = scene.players;
  await assertRejects(() => scene.documents.range(PURSES, "coins"), TypeError, "they are not open");
  await scene.documents.open(PURSES);
  assertThrows(() => scene.documents.open(PURSES), TypeError, "Cannot open documents purses twice");
  await scene.documents.transaction((transaction) => earn(transaction, ann, 3));
  await scene.documents.transaction((transaction) => earn(transaction, bob, 8));
  const found = await scene.documents.range(PURSES, "coins", { limit: 1 });
  assertEquals(found.map(({ key, value, document }) => [key, value, document.kills]), [[String(bob), 8, 8]]);
  const lowest = await scene.documents.range(PURSES, "coins", { order: "ascending", from: 1, to: 7 });
  assertEquals(lowest.map(({ key }) => key), [String(ann)]);
  assertEquals([await scene.documents.rankOf(PURSES, "coins", 8), await scene.documents.rankOf(PURSES, "coins", 3)], [
    1,
    2,
  ]);
  const missing = "missing" as "coins";
  await assertRejects(() => scene.documents.range(PURSES, missing), TypeError, "there is no such index");
});

/** Puts bytes past everything that checks them; gives what is stored. */
async function putRaw({ storage }: Scene, key: string, version: number, bytes: Uint8Array): Promise<void> {
  const content = { version, bytes, indexes: {}, playerId: null, countMax: 1_000 };
  const outcome = await storage.of(DOCUMENTS).commit({
    changes: [{ collection: "notes", key, revision: 0, content }],
    receipt: null,
  });
  assertEquals(outcome.kind, "committed");
}

const stored = async ({ storage }: Scene, key: string) => {
  const found = await storage.of(DOCUMENTS).load({ collection: "notes", key });
  return found && { version: found.version, bytes: [...found.bytes] };
};

/** Names doubled from version 1 to 2, then made louder; a name that is "bad" cannot be, nor what cannot be stored. */
const NOTES = documents("notes", LeaderboardEntrySchema, {
  owner: "global",
  version: 3,
  migrate: {
    1: (note) => ({ ...note, name: note.name + note.name }),
    2: (note) => {
      if (note.name.startsWith("bad")) throw new Error("no such note");
      if (note.name.startsWith("long")) return { ...note, name: "x".repeat(DOCUMENT_BYTES_MAX) };
      return { ...note, name: note.name.toUpperCase() };
    },
  },
  indexes: { length: ({ name }) => name.startsWith("ODD") ? NaN : name.length },
});

function note(name: string): Uint8Array {
  return toBinary(LeaderboardEntrySchema, create(LeaderboardEntrySchema, { name }));
}

Deno.test("A document that cannot be read stays as it is, its reader is told, and the operator", async () => {
  await using scene = await open();
  const kept: readonly (readonly [key: string, version: number, bytes: Uint8Array, reason: string])[] = [
    ["damaged", 3, new Uint8Array([0xff, 0xff, 1]), "unreadable"],
    ["future", 4, note("later"), "newer"],
    ["failing", 1, note("bad"), "migration_failed"],
    ["growing", 1, note("long"), "migration_failed"],
    ["numberless", 1, note("odd"), "migration_failed"],
  ];
  await putRaw(scene, "older", 1, note("fine"));
  for (const [key, version, bytes] of kept) await putRaw(scene, key, version, bytes);
  for (const [key, version, bytes, reason] of kept) {
    const before = scene.unreadable();
    await assertRejects(
      () => scene.documents.get(NOTES, key),
      DependencyError,
      `notes ${key} of version ${version}: ${reason}`,
    );
    const overwrite = () =>
      scene.documents.transaction(async (transaction) => {
        await transaction.get(NOTES, key);
        transaction.put(NOTES, key, { name: "mine" });
      });
    await assertRejects(overwrite, DependencyError, reason);
    assertEquals(scene.unreadable() - before, 2);
    assertEquals(await stored(scene, key), { version, bytes: [...bytes] });
  }
  assert(scene.log.records.some(({ properties }) => String(properties.cause).includes("no such note")));
  // Nor does the job that brings documents up to date touch them.
  await scene.documents.open(NOTES);
  for (const [key, version, bytes] of kept) assertEquals(await stored(scene, key), { version, bytes: [...bytes] });
  // And none of them keeps others from being brought up to date, and found.
  assertEquals((await stored(scene, "older"))?.version, 3);
  assertEquals((await scene.documents.range(NOTES, "length")).map(({ key }) => key), ["older"]);
});

Deno.test("Documents.open() leaves documents as they are whose keys are no players, where they have become players'", async () => {
  await using scene = await open();
  const [ann] = scene.players;
  for (const key of ["a text", "999999", String(ann)]) await putRaw(scene, key, 1, note("n"));
  const owned = documents("notes", LeaderboardEntrySchema, {
    owner: "player",
    version: 2,
    migrate: { 1: (note) => note },
    indexes: { length: ({ name }) => name.length },
  });
  await scene.documents.open(owned);
  assertEquals((await scene.documents.range(owned, "length")).map(({ key }) => key), [String(ann)]);
  for (const key of ["a text", "999999"]) assertEquals((await stored(scene, key))?.version, 1);
  assertEquals(scene.unreadable(), 2);
});

Deno.test("Documents.open() brings documents up to date though the storage fails meanwhile", async () => {
  await using scene = await open();
  for (let i = 0; i < 5; i++) await putRaw(scene, `k${i}`, 1, note(`n${i}`));
  const records = scene.storage.of(DOCUMENTS), waits: number[] = [];
  let callCount = 0;
  // Of the first calls three of four fail: before they are done, or when they have been done.
  const fails = async <T>(act: () => Promise<T>): Promise<T> => {
    const nth = callCount++;
    if (nth < 12 && nth % 4 === 0) throw new DependencyError("unavailable", "The storage is down");
    const result = await act();
    if (nth < 12 && nth % 4 > 1) throw new DependencyError("timeout", "The storage does not answer");
    return result;
  };
  const failing: Partial<DocumentRecords> = {
    listOlder: (older) => fails(() => records.listOlder(older)),
    commit: (change) => fails(() => records.commit(change)),
  };
  const documents = new Documents({
    storage: storageWith(scene.storage, {}, { documents: failing }),
    counters: new CounterBlock(createCounterBlock()),
    log: scene.log,
    timers: { set: (run, delayMs) => void (waits.push(delayMs), queueMicrotask(run)), clear: () => {} },
  });
  await documents.open(NOTES);
  for (let i = 0; i < 5; i++) assertEquals((await stored(scene, `k${i}`))?.version, 3);
  assertEquals((await documents.range(NOTES, "length")).length, 5);
  assert(waits.length > 2 && waits.every((ms) => ms >= PERSIST_RETRY_MS_MIN), `${waits}`);
});

Deno.test("Documents of earlier versions are brought up to date when read, and all of them by a job", async () => {
  await using scene = await open();
  for (let i = 0; i < 250; i++) await putRaw(scene, `k${i}`, 1 + i % 2, note(`n${i}`));
  assertEquals((await scene.documents.get(NOTES, "k7"))?.name, "N7");
  assertEquals((await scene.documents.get(NOTES, "k8"))?.name, "N8N8");
  assertEquals((await stored(scene, "k8"))?.version, 1, "reading alone writes nothing");
  const migrated = scene.documents.open(NOTES);
  const early = await assertRejects(() => scene.documents.range(NOTES, "length"), DependencyError);
  assertEquals(early.code, "unavailable");
  // What players change meanwhile is not undone.
  await scene.documents.transaction(async (transaction) => {
    const one = await transaction.getOrEmpty(NOTES, "k0");
    assertEquals(one.name, "N0N0");
    transaction.put(NOTES, "k0", { ...one, name: "CHANGED" });
  });
  await migrated;
  for (let i = 0; i < 250; i++) assertEquals((await stored(scene, `k${i}`))?.version, 3);
  assertEquals((await scene.documents.get(NOTES, "k0"))?.name, "CHANGED");
  assertEquals((await scene.documents.range(NOTES, "length", { limit: 100 })).length, 100);
  assertEquals(scene.unreadable(), 0);
});

Deno.test("Whatever bytes a document has, it is read or refused, and stays as it is", async () => {
  await using scene = await open();
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 1, max: 5 }), async (bytes, version) => {
      const key = `fuzz${count++}`;
      const content = { version, bytes, indexes: {}, playerId: null, countMax: 100_000 };
      await scene.storage.of(DOCUMENTS).commit({
        changes: [{ collection: "notes", key, revision: 0, content }],
        receipt: null,
      });
      const outcome = await scene.documents.get(NOTES, key).then(
        (found) => found?.$typeName,
        (error) => (error as { reason?: string }).reason,
      );
      assert(["drawbridge.v1.LeaderboardEntry", "unreadable", "newer", "migration_failed"].includes(outcome ?? ""));
      assertEquals(await stored(scene, key), { version, bytes: [...bytes] });
    }),
    { numRuns: 300 },
  );
});
