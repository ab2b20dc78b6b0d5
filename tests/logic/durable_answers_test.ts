import { fromBinary } from "@bufbuild/protobuf";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { DOCUMENTS } from "../../server/storage/document_store.ts";
import { encodeKept, RECEIPTS } from "../../server/storage/receipt_store.ts";
import { type Storage, SYSTEM } from "../../server/storage/storage.ts";
import { Refused } from "../../server/game/game.ts";
import { DependencyError } from "../../shared/errors.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { EXPIRY_CONFIRM_MS, RECEIPT_MS, REQUEST_ANSWER_MS } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { settle } from "../social/company.ts";
import { BuyRequestSchema, contract, type Purse } from "../game/shop/contract.ts";
import shop, { PRICE, PURSES, type Shop, START_COINS } from "../game/shop/game.ts";
import { storageWith } from "../support/storage_with.ts";
import { withTempDir } from "../support/temp_dir.ts";

const RECORDS = { game: "shop", stores: [] };
const SWEEP_MS = 60_000;
const MEMORY = { path: ":memory:" };

function openShop(storage: Storage): Promise<LogicHarness> {
  return LogicHarness.create({ game: shop, storage });
}

const shopOf = (harness: LogicHarness) => harness.logic.parts as Shop;

/** What a client was answered: whether it bought, how many things it has bought then, or why not. */
interface Answer {
  readonly success: boolean;
  readonly bought: number;
  readonly errorCode: ErrorCode;
}

function answers({ packets }: HarnessClient): Answer[] {
  const type = contract.rowOf(BuyRequestSchema).replyType, schema = contract.schemaOf(type)!;
  return packets.filter((packet) => packet.type === type)
    .map(({ payload }) => fromBinary(schema, payload) as unknown as Answer);
}

function ask(harness: LogicHarness, client: HarnessClient, requestKey: number): void {
  harness.send(client, BuyRequestSchema, {}, { requestKey });
}

async function buy(harness: LogicHarness, client: HarnessClient, requestKey: number): Promise<Answer> {
  const count = answers(client).length;
  ask(harness, client, requestKey);
  await harness.until(() => answers(client).length > count);
  return answers(client)[count];
}

function isLogged({ log }: LogicHarness, text: string): boolean {
  return log.records.some(({ properties }) => String(properties.error).includes(text));
}

/** Coins and things of a player, as stored. */
async function purseOf(harness: LogicHarness, { playerId }: HarnessClient): Promise<[coins?: number, bought?: number]> {
  const purse = await shopOf(harness).game.store.get(PURSES, playerId) as unknown as Purse | undefined;
  return [purse?.coins, purse?.bought];
}

Deno.test("A durable request is done once, however often it comes with its key", async () => {
  await using harness = await openShop(new DirectStorage(MEMORY, RECORDS));
  const client = await harness.connect();
  for (let i = 0; i < 3; i++) {
    const { success, bought } = await buy(harness, client, 7);
    assertEquals([success, bought], [true, 1]);
  }
  assertEquals((await buy(harness, client, 8)).bought, 2);
  assertEquals(await purseOf(harness, client), [START_COINS - 2 * PRICE, 2]);
  // Without a key each is a request of its own.
  for (const bought of [3, 4]) assertEquals((await buy(harness, client, 0)).bought, bought);
  // The key belongs to one packet, not to what comes behind it.
  harness.send(client, BuyRequestSchema, {});
  await harness.until(() => answers(client).length === 7);
  assertEquals(answers(client)[6].bought, 5);
});

Deno.test("A key belongs to its packet alone, also where that has come before and is not handled", async () => {
  await using harness = await openShop(new DirectStorage(MEMORY, RECORDS));
  const client = await harness.connect();
  const ask = (sequence: number, requestKey: number) =>
    harness.send(client, BuyRequestSchema, {}, { sequence, requestKey });
  ask(1, 7);
  await harness.until(() => answers(client).length === 1);
  ask(1, 7);
  ask(2, 0);
  await harness.until(() => answers(client).length === 2);
  assertEquals(answers(client).map(({ bought }) => bought), [1, 2]);
});

Deno.test("The same request of two sessions at once is done once, and both are answered", async () => {
  await using harness = await openShop(new DirectStorage(MEMORY, RECORDS));
  const client = await harness.connect();
  // All it has is spent by one: the other would be too poor.
  const shop = shopOf(harness);
  await shop.game.store.transaction(async (transaction) => {
    await transaction.get(PURSES, client.playerId);
    transaction.put(PURSES, client.playerId, { coins: PRICE });
  });
  const gate = Promise.withResolvers<void>();
  let waiting = 0;
  shop.beforeCommit = () => {
    waiting++;
    return gate.promise;
  };
  ask(harness, client, 9);
  ask(harness, client, 9);
  await harness.until(() => waiting === 2);
  shop.beforeCommit = () => {};
  gate.resolve();
  await harness.until(() => answers(client).length === 2);
  assertEquals(answers(client).map(({ success, bought }) => [success, bought]), [[true, 1], [true, 1]]);
  assertEquals(await purseOf(harness, client), [0, 1]);
});

Deno.test("A durable request that takes too long is refused, is done all the same, and its repetition is answered by its receipt", async () => {
  await using harness = await openShop(new DirectStorage(MEMORY, RECORDS));
  const client = await harness.connect();
  const gate = Promise.withResolvers<void>(), shop = shopOf(harness);
  let waiting = 0;
  shop.beforeCommit = () => {
    waiting++;
    return gate.promise;
  };
  ask(harness, client, 9);
  await harness.until(() => waiting === 1);
  harness.advance(REQUEST_ANSWER_MS);
  assertEquals(answers(client).map(({ errorCode }) => errorCode), [ErrorCode.UNAVAILABLE]);
  // It holds up no other.
  shop.beforeCommit = () => {};
  assertEquals((await buy(harness, client, 10)).bought, 1);
  gate.resolve();
  await harness.until(() => harness.logic.isSettled);
  await settle(harness);
  assertEquals(await purseOf(harness, client), [START_COINS - 2 * PRICE, 2]);
  assertEquals(answers(client).length, 2, "its answer is not sent behind the refusal");
  assertEquals((await buy(harness, client, 9)).bought, 2);
  assertEquals(await purseOf(harness, client), [START_COINS - 2 * PRICE, 2]);
});

Deno.test("A durable request that is repeated while it still goes on is done once", async () => {
  await using harness = await openShop(new DirectStorage(MEMORY, RECORDS));
  const client = await harness.connect();
  const gate = Promise.withResolvers<void>(), shop = shopOf(harness);
  shop.beforeCommit = () => gate.promise;
  ask(harness, client, 9);
  await harness.until(() => harness.logic.isBetweenTicks && !harness.logic.isSettled);
  harness.advance(REQUEST_ANSWER_MS);
  shop.beforeCommit = () => {};
  assertEquals((await buy(harness, client, 9)).bought, 1);
  gate.resolve();
  await settle(harness);
  assertEquals(await purseOf(harness, client), [START_COINS - PRICE, 1]);
  assertEquals(answers(client).length, 2);
});

Deno.test("A refusal changes nothing and leaves no receipt", async () => {
  await using harness = await openShop(new DirectStorage(MEMORY, RECORDS));
  const client = await harness.connect();
  const setCoins = (coins: number) =>
    shopOf(harness).game.store.transaction(async (transaction) => {
      const purse = await transaction.getOrEmpty(PURSES, client.playerId);
      transaction.put(PURSES, client.playerId, { ...purse, coins });
    });
  await setCoins(PRICE);
  assert((await buy(harness, client, 1)).success);
  const refused = await buy(harness, client, 99);
  assertEquals([refused.success, refused.errorCode], [false, ErrorCode.INVALID_STATE]);
  await setCoins(PRICE);
  assertEquals((await buy(harness, client, 99)).success, true);
  // What was bought before is answered as it was then.
  assertEquals((await buy(harness, client, 1)).bought, 1);
});

Deno.test("Game.on() answers what was done before, also where the handler throws or rejects before it looks for a receipt", async () => {
  await using harness = await openShop(new DirectStorage(MEMORY, RECORDS));
  const client = await harness.connect();
  assertEquals((await buy(harness, client, 7)).bought, 1);
  const shop = shopOf(harness);
  const refuse = () => {
    throw new Refused(ErrorCode.NOT_FOUND, "The shop is closed");
  };
  for (const closed of [refuse, () => Promise.resolve().then(refuse)]) {
    shop.beforeWork = closed;
    const repeated = await buy(harness, client, 7);
    assertEquals([repeated.success, repeated.bought], [true, 1]);
    // What was not done is refused as ever, and so is what has no name.
    for (const key of [8, 0]) assertEquals((await buy(harness, client, key)).errorCode, ErrorCode.NOT_FOUND);
  }
  assertEquals(await purseOf(harness, client), [START_COINS - PRICE, 1]);
  // What a store's write has kept is no reply: only the handler could make one of it, and the game's fault is told.
  const kept = encodeKept({ bought: 1 });
  const { type: requestType } = contract.rowOf(BuyRequestSchema);
  const receipt = { playerId: client.playerId, requestType, requestKey: 9, atMs: 0, reply: kept };
  await shop.game.storage.for(SYSTEM).of(DOCUMENTS).commit({ changes: [], receipt });
  shop.beforeWork = refuse;
  ask(harness, client, 9);
  await harness.until(() => isLogged(harness, "decide it within once.orDone"));
});

Deno.test("Game.on() refuses an answer that leaves no receipt where the proto says durable", async () => {
  await using harness = await openShop(new DirectStorage(MEMORY, RECORDS));
  const client = await harness.connect();
  shopOf(harness).beforeWork = () => ({ bought: 5 });
  ask(harness, client, 7);
  await harness.until(() => isLogged(harness, "its proto says durable"));
  assertEquals(answers(client), []);
});

Deno.test("After a restart the same request is answered by its receipt", async () => {
  await withTempDir(async (dir) => {
    const open = () => new DirectStorage({ path: `${dir}/a.db` }, RECORDS);
    let playerId = 0;
    {
      await using harness = await openShop(open());
      const client = await harness.connect({ name: "ann" });
      playerId = client.playerId;
      assertEquals((await buy(harness, client, 5)).bought, 1);
    }
    await using harness = await openShop(open());
    const client = await harness.connect({ name: "ann" });
    assertEquals(client.playerId, playerId);
    assertEquals((await buy(harness, client, 5)).bought, 1);
    assertEquals(await purseOf(harness, client), [START_COINS - PRICE, 1]);
    // The keys of others are their own.
    const other = await harness.connect({ name: "bob" });
    assertEquals((await buy(harness, other, 5)).bought, 1);
    assertEquals(await purseOf(harness, other), [START_COINS - PRICE, 1]);
  });
});

Deno.test("Nothing is answered that was not committed, and what may have been is done once all the same", async () => {
  const direct = new DirectStorage(MEMORY, RECORDS);
  const base = direct.of(DOCUMENTS);
  let failure: "unavailable" | "timeout" | null = null;
  const commit: typeof base.commit = async (argument) => {
    if (failure === "unavailable") throw new DependencyError("unavailable", "down");
    const outcome = await base.commit(argument);
    // The answer is lost behind the commit.
    if (failure === "timeout") throw new DependencyError("timeout", "nobody knows");
    return outcome;
  };
  const flaky = storageWith(direct, {}, { documents: { commit } });
  await using harness = await openShop(flaky);
  const client = await harness.connect();
  failure = "unavailable";
  assertEquals((await buy(harness, client, 4)).errorCode, ErrorCode.UNAVAILABLE);
  assertEquals(await purseOf(harness, client), [undefined, undefined]);
  failure = "timeout";
  // The receipt tells that it was done.
  assertEquals((await buy(harness, client, 4)).bought, 1);
  failure = null;
  assertEquals((await buy(harness, client, 4)).bought, 1);
  assertEquals(await purseOf(harness, client), [START_COINS - PRICE, 1]);
});

Deno.test("Receipts end a day later", async () => {
  const storage = new DirectStorage(MEMORY, RECORDS);
  await using harness = await openShop(storage);
  const client = await harness.connect();
  await buy(harness, client, 3);
  const name = { playerId: client.playerId, requestType: contract.rowOf(BuyRequestSchema).type, requestKey: 3 };
  const isKept = async () => await storage.of(RECEIPTS).find(name) !== undefined;
  const pass = async (ms: number) => {
    for (let passedMs = 0; passedMs < ms; passedMs += SWEEP_MS) {
      harness.clock.advance(SWEEP_MS - harness.config.tickMs);
      harness.tick();
      await settle(harness);
    }
  };
  await pass(3 * EXPIRY_CONFIRM_MS);
  assertEquals(await isKept(), true);
  harness.clock.advance(RECEIPT_MS);
  await pass(2 * EXPIRY_CONFIRM_MS);
  assertEquals(await isKept(), false);
});
