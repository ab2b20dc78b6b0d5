/** What every storage adapter promises of documents and receipts. @module */

import { fc } from "../support/property.ts";
import {
  type DocumentChange,
  type DocumentContent,
  type DocumentOutcome,
  DOCUMENTS,
} from "../../server/storage/document_store.ts";
import { RECEIPTS } from "../../server/storage/receipt_store.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { DependencyError } from "../../shared/errors.ts";
import {
  DOCUMENT_BYTES_MAX,
  DOCUMENT_INDEXES_MAX,
  DOCUMENT_KEY_LENGTH_MAX,
  DOCUMENT_RANK_MAX,
  DOCUMENT_ROWS_BYTES_MAX,
  DOCUMENT_ROWS_MAX,
  DOCUMENTS_PER_TRANSACTION_MAX,
  RECEIPT_BYTES_MAX,
  RECEIPTS_PER_PLAYER_MAX,
} from "../../shared/limits.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { type Claim, mustCreate, type OpenedStorage } from "./storage_contract.ts";

const NOW_MS = 1_760_000_000_000;

/** Content of a document that is nobody's. */
function content(byte: number, indexes: Record<string, number> = {}): DocumentContent {
  return { version: 1, bytes: new Uint8Array([byte]), indexes, playerId: null, countMax: 1_000 };
}

function put(key: string, revision: number, of: DocumentContent | null): DocumentChange {
  return { collection: "things", key, revision, content: of };
}

async function commit(storage: Storage, ...changes: DocumentChange[]): Promise<DocumentOutcome> {
  return await storage.of(DOCUMENTS).commit({ changes, receipt: null });
}

async function mustCommit(storage: Storage, ...changes: DocumentChange[]): Promise<readonly number[]> {
  const outcome = await commit(storage, ...changes);
  assert(outcome.kind === "committed", outcome.kind);
  return outcome.revisions;
}

async function byteOf(storage: Storage, key: string): Promise<number | undefined> {
  return (await storage.of(DOCUMENTS).load({ collection: "things", key }))?.bytes[0];
}

/** Declares the tests. */
export function claimDocuments(claim: Claim): void {
  claim("documents.commit() makes, changes and deletes what is as it was looked at", async (storage) => {
    const [first] = await mustCommit(storage, put("a", 0, content(1)));
    assertEquals(await storage.of(DOCUMENTS).load({ collection: "things", key: "a" }), {
      key: "a",
      revision: first,
      version: 1,
      bytes: new Uint8Array([1]),
    });
    const conflict = { kind: "conflict", collection: "things", key: "a" } as const;
    assertEquals(await commit(storage, put("a", 0, content(2))), conflict);
    const [second] = await mustCommit(storage, put("a", first, content(3)));
    assertEquals(await commit(storage, put("a", first, content(4))), conflict);
    assertEquals(await commit(storage, { collection: "things", key: "a", revision: first }), conflict);
    assertEquals(await mustCommit(storage, { collection: "things", key: "a", revision: second }), [second]);
    assertEquals(await byteOf(storage, "a"), 3);
    assertEquals(await mustCommit(storage, put("a", second, null)), [0]);
    assertEquals(await byteOf(storage, "a"), undefined);
    // A revision of before never fits what is there again.
    const [third] = await mustCommit(storage, put("a", 0, content(5)));
    for (const old of [first, second]) assertEquals(await commit(storage, put("a", old, content(6))), conflict);
    assertEquals(await mustCommit(storage, put("a", third, content(7)), put("b", 0, null)).then((all) => all[1]), 0);
  });

  claim("documents.commit() changes several or none", async (storage) => {
    const [a] = await mustCommit(storage, put("a", 0, content(1)));
    const outcome = await commit(storage, put("a", a, content(2)), put("b", 0, content(2)), put("c", 9, content(2)));
    assertEquals(outcome, { kind: "conflict", collection: "things", key: "c" });
    assertEquals([await byteOf(storage, "a"), await byteOf(storage, "b")], [1, undefined]);
    await mustCommit(storage, put("a", a, content(2)), put("b", 0, content(2)));
    assertEquals([await byteOf(storage, "a"), await byteOf(storage, "b")], [2, 2]);
  });

  claim("documents.commit() lets one of many win who looked at the same", async (storage) => {
    const [revision] = await mustCommit(storage, put("a", 0, content(0)));
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, byte) => commit(storage, put("a", revision, content(byte)))),
    );
    const winners = outcomes.flatMap(({ kind }, byte) => kind === "committed" ? [byte] : []);
    assertEquals(winners.length, 1);
    assertEquals(await byteOf(storage, "a"), winners[0]);
  });

  claim("documents.commit() keeps within its bounds", async (storage) => {
    const big = (length: number) => ({ ...content(1), bytes: new Uint8Array(length).fill(7) });
    await mustCommit(storage, put("big", 0, big(DOCUMENT_BYTES_MAX)));
    const numbers = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, i]));
    const many = Array.from({ length: DOCUMENTS_PER_TRANSACTION_MAX + 1 }, (_, i) => put(`m${i}`, 0, content(1)));
    const wrong: readonly DocumentChange[][] = [
      [put("a", 0, big(DOCUMENT_BYTES_MAX + 1))],
      [put("a", 0, content(1, numbers(DOCUMENT_INDEXES_MAX + 1)))],
      [put("a", 0, content(1, { n: NaN }))],
      [put("", 0, content(1))],
      [put("k".repeat(DOCUMENT_KEY_LENGTH_MAX + 1), 0, content(1))],
      [put("a", -1, content(1))],
      many,
    ];
    for (const changes of wrong) await assertRejects(() => commit(storage, ...changes), RangeError);
    await mustCommit(storage, ...many.slice(1));
    const last = { ...content(1), countMax: DOCUMENTS_PER_TRANSACTION_MAX + 2 };
    await mustCommit(storage, put("last", 0, last));
    assertEquals(await commit(storage, put("more", 0, last)), { kind: "full", collection: "things", key: "more" });
    const [{ revision }] = [(await storage.of(DOCUMENTS).load({ collection: "things", key: "last" }))!];
    await mustCommit(storage, put("last", revision, null));
    await mustCommit(storage, put("more", 0, last));
  });

  claim("documents.range() and countAbove() find by a number", async (storage) => {
    const store = storage.of(DOCUMENTS);
    const coins = [5, 1, 9, 5, -2];
    await mustCommit(storage, ...coins.map((value, i) => put(`k${i}`, 0, content(i, { coins: value, other: 1 }))));
    const all = { collection: "things", index: "coins", from: -Infinity, to: Infinity, offset: 0, limit: 10 };
    const keys = async (query: Partial<typeof all> & { isDescending: boolean }) =>
      (await store.range({ ...all, ...query })).map(({ key, value }) => `${key} ${value}`);
    assertEquals(await keys({ isDescending: true }), ["k2 9", "k3 5", "k0 5", "k1 1", "k4 -2"]);
    assertEquals(await keys({ isDescending: false, from: 1, to: 5 }), ["k1 1", "k0 5", "k3 5"]);
    assertEquals(await keys({ isDescending: true, offset: 1, limit: 2 }), ["k3 5", "k0 5"]);
    assertEquals(await keys({ isDescending: true, index: "missing" }), []);
    const above = (value: number) => store.countAbove({ collection: "things", index: "coins", value });
    assertEquals([await above(9), await above(5), await above(-3)], [0, 1, 5]);
    const { revision } = (await store.load({ collection: "things", key: "k2" }))!;
    await mustCommit(storage, put("k2", revision, content(2, { other: 1 })));
    assertEquals(await keys({ isDescending: true, limit: 1 }), ["k3 5"]);
    assertEquals(await keys({ isDescending: true, offset: DOCUMENT_RANK_MAX }), []);
    for (const offset of [-1, NaN, DOCUMENT_RANK_MAX + 1]) {
      await assertRejects(() => store.range({ ...all, isDescending: true, offset }), RangeError);
    }
    await assertRejects(() => store.range({ ...all, isDescending: true, limit: DOCUMENT_ROWS_MAX + 1 }), RangeError);
  });

  claim(
    "documents.move() takes a document with its numbers to another collection, where there is room for its key",
    async (storage) => {
      const store = storage.of(DOCUMENTS);
      const [revision] = await mustCommit(storage, put("a", 0, content(1, { coins: 5 })), put("b", 0, content(2)));
      await mustCommit(storage, { ...put("b", 0, content(3, { coins: 9 })), collection: "found" });
      const move = (key: string, from = "things", to = "found") => store.move({ from, to, key });
      assertEquals([await move("a"), await move("b"), await move("a"), await move("c")], [
        "moved",
        "taken",
        "not_found",
        "not_found",
      ]);
      assertEquals([await byteOf(storage, "a"), await byteOf(storage, "b")], [undefined, 2]);
      const moved = await store.load({ collection: "found", key: "a" });
      assertEquals([moved?.bytes, moved?.version], [new Uint8Array([1]), 1]);
      const above = (collection: string) => store.countAbove({ collection, index: "coins", value: 0 });
      assertEquals([await above("things"), await above("found")], [0, 2]);
      // Who looked at it before it was moved, there or back, does not overwrite it.
      assert(moved !== undefined && moved.revision !== revision);
      assertEquals(await move("a", "found", "things"), "moved");
      for (const seen of [revision, moved.revision]) {
        assertEquals((await commit(storage, put("a", seen, content(4)))).kind, "conflict");
      }
      assertEquals([await byteOf(storage, "a"), await above("things")], [1, 1]);
    },
  );

  claim("documents.listOlder() gives those of earlier versions, page by page", async (storage) => {
    const store = storage.of(DOCUMENTS);
    for (const [key, version] of [["a", 1], ["b", 2], ["c", 3], ["d", 1]] as const) {
      await mustCommit(storage, put(key, 0, { ...content(1), version }));
    }
    const older = async (below: number, afterKey: string) =>
      (await store.listOlder({ collection: "things", below, afterKey })).map(({ key }) => key);
    assertEquals([await older(3, ""), await older(3, "a"), await older(1, "")], [["a", "b", "d"], ["b", "d"], []]);
  });

  claim(
    "documents.range() and listOlder() give as many large documents as fit, and the others next",
    async (storage) => {
      const store = storage.of(DOCUMENTS), count = DOCUMENT_ROWS_BYTES_MAX / DOCUMENT_BYTES_MAX;
      const bytes = new Uint8Array(DOCUMENT_BYTES_MAX);
      for (let each = 0; each <= count; each++) {
        await mustCommit(storage, put(`k${each}`, 0, { ...content(1, { n: each }), bytes }));
      }
      const query = { collection: "things", index: "n", from: 0, to: count, isDescending: true, limit: 10 };
      const range = async (offset: number) => (await store.range({ ...query, offset })).map(({ value }) => value);
      const all = Array.from({ length: count + 1 }, (_, each) => count - each);
      assertEquals([await range(0), await range(count)], [all.slice(0, count), [0]]);
      const older = async (afterKey: string) =>
        (await store.listOlder({ collection: "things", below: 2, afterKey })).map(({ key }) => key);
      const keys = all.map((each) => `k${count - each}`);
      assertEquals([await older(""), await older(`k${count - 1}`)], [keys.slice(0, count), [`k${count}`]]);
    },
  );

  claim("documents go with the account of their player, and are of nobody's else", async (storage) => {
    const accountId = await mustCreate(storage, "Mira");
    const own = { ...content(1, { coins: 3 }), playerId: accountId };
    await mustCommit(storage, put(String(accountId), 0, own), put("world", 0, content(2)));
    // Also one that was nobody's at first.
    const [revision] = await mustCommit(storage, put("given", 0, content(3)));
    await mustCommit(storage, put("given", revision, { ...content(3), playerId: accountId }));
    const receipt = {
      playerId: accountId,
      requestType: 3_000,
      requestKey: 7,
      reply: new Uint8Array([1]),
      atMs: NOW_MS,
    };
    await storage.of(DOCUMENTS).commit({ changes: [], receipt });
    assertEquals((await storage.accounts.remove({ accountId, nowMs: NOW_MS, isDue: false })).kind, "removed");
    const left = await Promise.all([String(accountId), "given", "world"].map((key) => byteOf(storage, key)));
    assertEquals(left, [undefined, undefined, 2]);
    assertEquals(await storage.of(DOCUMENTS).countAbove({ collection: "things", index: "coins", value: 0 }), 0);
    assertEquals(await storage.of(RECEIPTS).find(receipt), undefined);
    for (const commitOf of [{ changes: [put("x", 0, own)], receipt: null }, { changes: [], receipt }]) {
      const error = await assertRejects(() => storage.of(DOCUMENTS).commit(commitOf), DependencyError);
      assertEquals(error.code, "conflict");
    }
  });

  claim("documents.commit() does what has a receipt once, and gives its answer again", async (storage) => {
    const store = storage.of(DOCUMENTS);
    const playerId = await mustCreate(storage, "Mira"), otherId = await mustCreate(storage, "Nora");
    const receipt = {
      playerId,
      requestType: 3_000,
      requestKey: 2 ** 53 - 1,
      reply: new Uint8Array([1, 2, 3]),
      atMs: NOW_MS,
    };
    assertEquals(await storage.of(RECEIPTS).find(receipt), undefined);
    const first = await store.commit({ changes: [put("a", 0, content(1))], receipt });
    assert(first.kind === "committed");
    assertEquals(await storage.of(RECEIPTS).find(receipt), receipt.reply);
    // Even where what it would change is not as it was.
    for (const revision of [0, first.revisions[0]]) {
      const again = { changes: [put("a", revision, content(2))], receipt: { ...receipt, reply: new Uint8Array([9]) } };
      assertEquals(await store.commit(again), { kind: "repeated", reply: receipt.reply });
    }
    assertEquals(await byteOf(storage, "a"), 1);
    // What was not done leaves no receipt.
    const other = { ...receipt, playerId: otherId };
    assertEquals((await store.commit({ changes: [put("a", 0, content(3))], receipt: other })).kind, "conflict");
    assertEquals(await storage.of(RECEIPTS).find(other), undefined);
    const tooLong = { ...other, reply: new Uint8Array(RECEIPT_BYTES_MAX + 1) };
    await assertRejects(() => store.commit({ changes: [put("b", 0, content(1))], receipt: tooLong }), RangeError);
    assertEquals(await byteOf(storage, "b"), undefined);
  });

  claim("receipts are bounded in number, for each player, and in age", async (storage) => {
    const store = storage.of(DOCUMENTS);
    const [first, second] = [await mustCreate(storage, "Mira"), await mustCreate(storage, "Nora")];
    const add = (playerId: number, requestKey: number) =>
      store.commit({
        changes: [],
        receipt: { playerId, requestType: 3_000, requestKey, reply: new Uint8Array(1), atMs: NOW_MS + requestKey },
      });
    await add(second, 1);
    for (let key = 1; key <= RECEIPTS_PER_PLAYER_MAX + 2; key++) await add(first, key);
    const kept = async (playerId: number, ...keys: number[]) =>
      await Promise.all(
        keys.map(async (requestKey) =>
          await storage.of(RECEIPTS).find({ playerId, requestType: 3_000, requestKey }) !== undefined
        ),
      );
    assertEquals(await kept(first, 1, 2, 3, RECEIPTS_PER_PLAYER_MAX + 2), [false, false, true, true]);
    assertEquals(await kept(second, 1), [true]);
    assertEquals(await storage.of(RECEIPTS).deleteOld({ beforeMs: NOW_MS + 4 }), 2);
    assertEquals([await kept(first, 3, 4), await kept(second, 1)], [[false, true], [false]]);
  });

  claim("documents are what a map would be, whatever is asked", async (storage) => {
    await checkAgainstModel(storage);
  });
}

/** A step: one or two documents are changed, deleted or only looked at, with the right revision or another one. */
const step = fc.array(
  fc.record({
    key: fc.constantFrom("a", "b", "c"),
    isStale: fc.boolean(),
    what: fc.oneof(fc.constant("look" as const), fc.constant("delete" as const), fc.nat(255)),
  }),
  { minLength: 1, maxLength: 2 },
).map((changes) => changes.length === 2 && changes[0].key === changes[1].key ? changes.slice(1) : changes);

let modelCount = 0;

async function checkAgainstModel(storage: Storage): Promise<void> {
  const store = storage.of(DOCUMENTS);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const collection = `model_${modelCount++}`;
      const model = new Map<string, { revision: number; byte: number }>();
      for (const changes of steps) {
        const asked = changes.map(({ key, isStale, what }): DocumentChange => {
          const revision = (model.get(key)?.revision ?? 0) + (isStale ? 1 : 0);
          if (what === "look") return { collection, key, revision };
          return { collection, key, revision, content: what === "delete" ? null : content(what, { byte: what }) };
        });
        const outcome = await store.commit({ changes: asked, receipt: null });
        const stale = changes.find(({ isStale }) => isStale);
        if (stale !== undefined) {
          assertEquals(outcome, { kind: "conflict", collection, key: stale.key });
          continue;
        }
        assert(outcome.kind === "committed");
        for (const [index, { key, what }] of changes.entries()) {
          if (what === "delete") model.delete(key);
          else if (what !== "look") model.set(key, { revision: outcome.revisions[index], byte: what });
        }
      }
      for (const key of ["a", "b", "c"]) {
        const found = await store.load({ collection, key });
        const expected = model.get(key);
        assertEquals(found && { revision: found.revision, byte: found.bytes[0] }, expected);
      }
      const query = { collection, index: "byte", from: 0, to: 255, isDescending: false, offset: 0, limit: 9 };
      const expected = [...model].map(([key, { byte }]) => ({ key, byte }))
        .sort((a, b) => a.byte - b.byte);
      assertEquals((await store.range(query)).map(({ key, value }) => ({ key, byte: value })), expected);
    }),
    { numRuns: 25 },
  );
}

/** Declares the tests of adapters whose data outlive them. */
export function claimDocumentDurability(claim: Claim): void {
  claim("documents and receipts are there after a restart", async (storage, opened: OpenedStorage) => {
    const playerId = await mustCreate(storage, "Mira");
    const receipt = { playerId, requestType: 3_000, requestKey: 5, reply: new Uint8Array([4]), atMs: NOW_MS };
    await storage.of(DOCUMENTS).commit({ changes: [put("a", 0, content(1, { n: 1 }))], receipt });
    const before = await storage.of(DOCUMENTS).load({ collection: "things", key: "a" });
    const again = await opened.reopen();
    assertEquals(await again.of(DOCUMENTS).load({ collection: "things", key: "a" }), before);
    assertEquals(await again.of(RECEIPTS).find(receipt), receipt.reply);
  });
}
