import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { DOCUMENTS } from "../../server/storage/document_store.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { DependencyError } from "../../shared/errors.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { GuildCreateRequestSchema, type GuildCreateResponse } from "../../shared/gen/guild_pb.ts";
import { PacketType } from "../../shared/gen/packet_pb.ts";
import { EXPIRY_CONFIRM_MS, RECEIPT_MS } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { settle } from "../social/company.ts";
import { PRICE, PURSES, type Shop, shopGame, START_COINS } from "../support/shop_game.ts";
import { storageWith } from "../support/storage_with.ts";
import { withTempDir } from "../support/temp_dir.ts";

const RECORDS = { game: "shop", stores: [] };
const SWEEP_MS = 60_000;
const MEMORY = { path: ":memory:" };

function openShop(storage: Storage): Promise<LogicHarness> {
  return LogicHarness.create({ game: shopGame(), storage });
}

const shopOf = (harness: LogicHarness) => harness.logic.parts as Shop;
const answers = (harness: LogicHarness, client: HarnessClient) =>
  harness.received(client, PacketType.GUILD_CREATE_RESPONSE);

function ask(harness: LogicHarness, client: HarnessClient, requestKey: number): void {
  harness.send(client, GuildCreateRequestSchema, { name: "hat", tag: "HAT" }, { requestKey });
}

async function buy(harness: LogicHarness, client: HarnessClient, requestKey: number): Promise<GuildCreateResponse> {
  const count = answers(harness, client).length;
  ask(harness, client, requestKey);
  await harness.until(() => answers(harness, client).length > count);
  return answers(harness, client)[count];
}

/** Coins and things of a player, as stored. */
async function purseOf(harness: LogicHarness, { playerId }: HarnessClient): Promise<[coins?: number, bought?: number]> {
  const purse = await shopOf(harness).game.store.get(PURSES, playerId);
  return [purse?.kills, purse?.deaths];
}

Deno.test("A durable request is done once, however often it comes with its key", async () => {
  await using harness = await openShop(new DirectStorage(MEMORY, RECORDS));
  const client = await harness.connect();
  for (let i = 0; i < 3; i++) {
    const { success, guildId } = await buy(harness, client, 7);
    assertEquals([success, guildId], [true, 1n]);
  }
  assertEquals((await buy(harness, client, 8)).guildId, 2n);
  assertEquals(await purseOf(harness, client), [START_COINS - 2 * PRICE, 2]);
  // Without a key each is a request of its own.
  for (const bought of [3n, 4n]) assertEquals((await buy(harness, client, 0)).guildId, bought);
  // The key belongs to one packet, not to what comes behind it.
  harness.send(client, GuildCreateRequestSchema, { name: "hat", tag: "HAT" });
  await harness.until(() => answers(harness, client).length === 7);
  assertEquals(answers(harness, client)[6].guildId, 5n);
});

Deno.test("The same request of two sessions at once is done once, and both are answered", async () => {
  await using harness = await openShop(new DirectStorage(MEMORY, RECORDS));
  const client = await harness.connect();
  // All it has is spent by one: the other would be too poor.
  const shop = shopOf(harness);
  await shop.game.store.transaction(async (transaction) => {
    await transaction.get(PURSES, client.playerId);
    transaction.put(PURSES, client.playerId, { kills: PRICE });
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
  await harness.until(() => answers(harness, client).length === 2);
  assertEquals(answers(harness, client).map(({ success, guildId }) => [success, guildId]), [[true, 1n], [true, 1n]]);
  assertEquals(await purseOf(harness, client), [0, 1]);
});

Deno.test("A refusal changes nothing and leaves no receipt", async () => {
  await using harness = await openShop(new DirectStorage(MEMORY, RECORDS));
  const client = await harness.connect();
  for (let key = 1; key <= START_COINS / PRICE; key++) assert((await buy(harness, client, key)).success);
  const refused = await buy(harness, client, 99);
  assertEquals([refused.success, refused.errorCode], [false, ErrorCode.INVALID_STATE]);
  await shopOf(harness).game.store.transaction(async (transaction) => {
    const purse = await transaction.getOrEmpty(PURSES, client.playerId);
    transaction.put(PURSES, client.playerId, { ...purse, kills: PRICE });
  });
  assertEquals((await buy(harness, client, 99)).success, true);
  // What was bought before is answered as it was then.
  assertEquals((await buy(harness, client, 1)).guildId, 1n);
});

Deno.test("After a restart the same request is answered by its receipt", async () => {
  await withTempDir(async (dir) => {
    const open = () => new DirectStorage({ path: `${dir}/a.db` }, RECORDS);
    let playerId = 0;
    {
      await using harness = await openShop(open());
      const client = await harness.connect({ name: "ann" });
      playerId = client.playerId;
      assertEquals((await buy(harness, client, 5)).guildId, 1n);
    }
    await using harness = await openShop(open());
    const client = await harness.connect({ name: "ann" });
    assertEquals(client.playerId, playerId);
    assertEquals((await buy(harness, client, 5)).guildId, 1n);
    assertEquals(await purseOf(harness, client), [START_COINS - PRICE, 1]);
    // The keys of others are their own.
    const other = await harness.connect({ name: "bob" });
    assertEquals((await buy(harness, other, 5)).guildId, 1n);
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
  const flaky = storageWith(direct, {}, { documents: { ...base, commit } });
  await using harness = await openShop(flaky);
  const client = await harness.connect();
  failure = "unavailable";
  assertEquals((await buy(harness, client, 4)).errorCode, ErrorCode.UNAVAILABLE);
  assertEquals(await purseOf(harness, client), [undefined, undefined]);
  failure = "timeout";
  // The receipt tells that it was done.
  assertEquals((await buy(harness, client, 4)).guildId, 1n);
  failure = null;
  assertEquals((await buy(harness, client, 4)).guildId, 1n);
  assertEquals(await purseOf(harness, client), [START_COINS - PRICE, 1]);
});

Deno.test("Receipts end a day later", async () => {
  const storage = new DirectStorage(MEMORY, RECORDS);
  await using harness = await openShop(storage);
  const client = await harness.connect();
  await buy(harness, client, 3);
  const isKept = async () =>
    await storage.of(DOCUMENTS).findReceipt({ playerId: client.playerId, requestKey: 3 }) !== undefined;
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
