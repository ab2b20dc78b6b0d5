import { SOCIAL, type SocialStore } from "../../games/parts/friends/social_store.ts";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { HeartbeatRequestSchema, LogoutRequestSchema, ResumeRequestSchema } from "../../shared/gen/auth_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { RoomCreateRequestSchema, RoomJoinRequestSchema } from "../../games/parts/rooms/rooms_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { EnterWorldRequestSchema, LeaveWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { GuildCreateRequestSchema, GuildInviteRequestSchema } from "../../games/parts/guilds/guilds_pb.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { chat } from "../../games/parts/chat/chat_handlers.ts";
import { parties } from "../../games/parts/parties/parties.ts";
import { PartyAnswerSchema, PartyInviteRequestSchema } from "../../games/parts/parties/parties_pb.ts";
import { rooms } from "../../games/parts/rooms/room_handlers.ts";
import { defineGame } from "../../server/game/game.ts";
import { FriendRequestSchema, IgnoreAddSchema, IgnoreRemoveSchema } from "../../games/parts/friends/friends_pb.ts";
import { DependencyError } from "../../shared/errors.ts";
import { LINK_DEAD_MS } from "../../shared/limits.ts";
import {
  AUDIENCE_MESSAGES_PER_SECOND,
  CHAT_HELD_MESSAGES_MAX,
  FAN_OUT_BURST_MS,
} from "../../games/parts/chat/limits.ts";
import {
  KEPT_WHISPER_MS,
  KEPT_WHISPERS_BURST,
  KEPT_WHISPERS_INTERVAL_MS,
  KEPT_WHISPERS_MAX,
} from "../../games/parts/friends/limits.ts";
import { Counter } from "../../server/ops/counters.ts";
import { type SavedCharacter, SYSTEM } from "../../server/storage/storage.ts";
import { MEMORY_PATH } from "../../server/storage/sqlite_database.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { storageWith } from "../support/storage_with.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { answerTo, gather, heard, logIn, say, settle } from "./company.ts";

async function ignore(harness: LogicHarness, client: HarnessClient, playerName: string, on = true): Promise<void> {
  harness.send(client, on ? IgnoreAddSchema : IgnoreRemoveSchema, { playerName });
  assert((await answerTo(harness, client, PacketType.IGNORE_RESPONSE)).success);
}

/** Takes a player out for good, so that its name is free to enter again. */
function goOffline(harness: LogicHarness, client: HarnessClient): void {
  harness.disconnect(client);
  harness.advance(harness.config.linkDeadMs + 1_000);
}

async function errorOf(harness: LogicHarness, client: HarnessClient): Promise<ErrorCode> {
  return (await answerTo(harness, client, PacketType.ERROR_RESPONSE)).errorCode;
}

Deno.test("Chat of an ignored player reaches everyone else, on every channel, and the player is told nothing", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob, cid } = await gather(harness, "ann", "bob", "cid");
  harness.send(ann, RoomCreateRequestSchema, { name: "Lion" });
  const roomId = harness.take(ann, PacketType.ROOM_RESPONSE)[0].room!.roomId;
  for (const client of [bob, cid]) harness.send(client, RoomJoinRequestSchema, { roomId });
  await ignore(harness, ann, "BOB");
  harness.forget();
  for (const channel of [Channel.GLOBAL, Channel.AREA, Channel.ROOM]) {
    say(harness, bob, channel, "hello", { roomId });
    assertEquals([heard(harness, ann), heard(harness, bob), heard(harness, cid)], [[], ["hello"], ["hello"]]);
    say(harness, ann, channel, "I am here", { roomId });
    assertEquals([heard(harness, ann), heard(harness, bob)], [["I am here"], ["I am here"]]);
    harness.forget(cid);
  }
  say(harness, bob, Channel.WHISPER, "psst", { recipientName: "ann" });
  const [copy] = harness.take(bob, PacketType.CHAT_MESSAGE);
  assertEquals([copy.message, copy.recipientId, copy.recipientName], ["psst", BigInt(ann.playerId), "ann"]);
  assertEquals(heard(harness, ann), []);

  await ignore(harness, ann, "bob", false);
  say(harness, bob, Channel.GLOBAL, "again");
  assertEquals(heard(harness, ann), ["again"]);
});

Deno.test("A room's history lacks what an ignored player said", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob, cid } = await gather(harness, "ann", "bob", "cid");
  harness.send(bob, RoomCreateRequestSchema, { name: "Lion" });
  const roomId = harness.take(bob, PacketType.ROOM_RESPONSE)[0].room!.roomId;
  harness.send(cid, RoomJoinRequestSchema, { roomId });
  say(harness, bob, Channel.ROOM, "from bob", { roomId });
  say(harness, cid, Channel.ROOM, "from cid", { roomId });
  await ignore(harness, ann, "bob");
  harness.send(ann, RoomJoinRequestSchema, { roomId });
  const [{ history }] = harness.take(ann, PacketType.ROOM_RESPONSE);
  assertEquals(history.map(({ message }) => message), ["from cid"]);
});

Deno.test("A friend request of an ignored player seems to be made, and is not heard of", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  await ignore(harness, ann, "bob");
  harness.send(bob, FriendRequestSchema, { playerName: "ann" });
  assert((await answerTo(harness, bob, PacketType.FRIEND_RESPONSE)).success);
  assertEquals(harness.take(ann, PacketType.FRIEND_NOTICE), []);
});

Deno.test("An invitation to a guild by an ignored player seems to be made, and is not heard of, at no login", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob, cid } = await gather(harness, "ann", "bob", "cid");
  await ignore(harness, ann, "bob");
  harness.send(bob, GuildCreateRequestSchema, { name: "Grey Bears", tag: "GB" });
  assert((await answerTo(harness, bob, PacketType.GUILD_CREATE_RESPONSE)).success);
  for (const playerName of ["ann", "cid"]) {
    harness.send(bob, GuildInviteRequestSchema, { playerName });
    assert((await answerTo(harness, bob, PacketType.GUILD_INVITE_RESPONSE)).success);
  }
  await settle(harness);
  assertEquals(harness.take(ann, PacketType.GUILD_INVITE_NOTICE), []);
  assertEquals(harness.take(cid, PacketType.GUILD_INVITE_NOTICE).length, 1);
  goOffline(harness, ann);
  const again = await harness.connect({ name: "ann" });
  await settle(harness);
  assertEquals(harness.take(again, PacketType.GUILD_INVITE_NOTICE), []);
});

/** A storage that gives lists when its gate lets them pass. */
function gatedStorage() {
  const storage = new DirectStorage({ path: ":memory:" }, MARSH_RECORDS);
  let gate: Promise<void> = Promise.resolve();
  const load: SocialStore["load"] = async (playerId) => {
    const lists = await storage.of(SOCIAL).load(playerId);
    await gate;
    return lists;
  };
  /** Closes the gate; gives what opens it. */
  const shut = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    gate = promise;
    return resolve;
  };
  return { storage: storageWith(storage, {}, { social: { load } }), shut };
}

Deno.test("What is said while an ignore list is read waits: the newest CHAT_HELD_MESSAGES_MAX, and all whispers", async () => {
  const { storage, shut } = gatedStorage();
  await using harness = await LogicHarness.create({ storage });
  const { ann, bob } = await gather(harness, "ann", "bob");
  goOffline(harness, ann);
  const open = shut();
  const again = await harness.connect({ name: "ann" });
  say(harness, bob, Channel.WHISPER, "first", { recipientName: "ann" });
  await settle(harness);
  const texts = Array.from({ length: CHAT_HELD_MESSAGES_MAX + 1 }, (_, index) => `${index}`);
  for (const text of texts) {
    say(harness, bob, Channel.GLOBAL, text);
    harness.clock.advance(1_000);
  }
  assertEquals(heard(harness, again), []);
  open();
  await settle(harness);
  assertEquals(heard(harness, again).toSorted(), ["first", ...texts.slice(1)].toSorted());
  assertEquals(harness.counters.get(Counter.CHAT_CROWDED_OUT), 2);
});

Deno.test("An ignore list holds from the first moment after a login", async () => {
  const { storage, shut } = gatedStorage();
  await using harness = await LogicHarness.create({ storage });
  const { ann, bob, cid } = await gather(harness, "ann", "bob", "cid");
  await ignore(harness, ann, "bob");
  goOffline(harness, ann);
  const resolve = shut();
  const again = await harness.connect({ name: "ann" });
  say(harness, bob, Channel.GLOBAL, "not for ann");
  say(harness, cid, Channel.GLOBAL, "for ann");
  say(harness, again, Channel.GLOBAL, "myself");
  assertEquals(heard(harness, again), ["myself"]);
  resolve();
  await settle(harness);
  assertEquals(heard(harness, again), ["for ann"]);
});

Deno.test("A whisper to a player who is offline is delivered when it enters the world, once, in order", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob, cid } = await gather(harness, "ann", "bob", "cid");
  goOffline(harness, ann);
  harness.forget();
  const sentAtMs = harness.clock.unixMs();
  say(harness, bob, Channel.WHISPER, "one", { recipientName: "ANN" });
  const copy = await answerTo(harness, bob, PacketType.CHAT_MESSAGE);
  assertEquals([copy.message, copy.recipientId, copy.recipientName], ["one", BigInt(ann.playerId), "ann"]);
  harness.advance(60_000);
  say(harness, cid, Channel.WHISPER, "two", { recipientId: BigInt(ann.playerId) });
  await answerTo(harness, cid, PacketType.CHAT_MESSAGE);
  harness.advance(3_600_000 / 60);

  const again = await harness.connect({ name: "ann" });
  const whispers = harness.take(again, PacketType.CHAT_MESSAGE);
  assertEquals(
    whispers.map(({ message, senderName, channel, timestamp }) => [message, senderName, channel, Number(timestamp)]),
    [["one", "bob", Channel.WHISPER, sentAtMs], ["two", "cid", Channel.WHISPER, sentAtMs + 60_000]],
  );
  assertEquals(whispers.map(({ recipientName }) => recipientName), ["ann", "ann"]);
  assert(harness.sessionOf(again).outbox!.lastSequence >= 3, "They are reliable packets of the session");
  harness.send(again, HeartbeatRequestSchema, {}, { ack: harness.sessionOf(again).outbox!.lastSequence });
  goOffline(harness, again);
  await settle(harness);
  assertEquals(heard(harness, await harness.connect({ name: "ann" })), []);
});

Deno.test("A kept whisper is deleted when it is acknowledged, not when it is sent", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/storage.db`;
    const harness = await LogicHarness.create({ storage: new DirectStorage({ path }, MARSH_RECORDS) });
    const { ann, bob } = await gather(harness, "ann", "bob");
    goOffline(harness, ann);
    for (const text of ["one", "two"]) say(harness, bob, Channel.WHISPER, text, { recipientName: "ann" });
    await settle(harness);
    const again = await harness.connect({ name: "ann" });
    await settle(harness);
    const whispers = again.packets.filter(({ type }) => type === PacketType.CHAT_MESSAGE);
    assertEquals(whispers.length, 2);
    const kept = async (storage: DirectStorage) =>
      (await storage.of(SOCIAL).listWhispers({ recipientId: ann.playerId, sentFromMs: 0 })).map(({ message }) =>
        message
      );
    const beside = new DirectStorage({ path }, MARSH_RECORDS);
    harness.advance(10_000);
    await settle(harness);
    assertEquals(await kept(beside), ["one", "two"]);
    harness.send(again, HeartbeatRequestSchema, {}, { ack: whispers[0].sequence });
    harness.advance(2_000);
    await settle(harness);
    assertEquals(await kept(beside), ["two"]);
    await beside.close();
    // As a server that is killed: nothing is told that it ends.
    await harness.storage.close();
    await using after = await LogicHarness.create({ storage: new DirectStorage({ path }, MARSH_RECORDS) });
    assertEquals(heard(after, await after.connect({ name: "ann" })), ["two"]);
  });
});

for (const isGone of [false, true]) {
  const where = isGone ? "after its recipient is gone" : "while its recipient plays on";
  Deno.test(`A kept whisper that was acknowledged is deleted once the storage can, ${where}, and not heard again`, async () => {
    const storage = new DirectStorage({ path: MEMORY_PATH }, MARSH_RECORDS), social = storage.of(SOCIAL);
    let failureCount = 0, isDown = true;
    const failing = storageWith(storage, {}, {
      [SOCIAL.name]: {
        deleteWhispers: (whispers: Parameters<typeof social.deleteWhispers>[0]) => {
          if (!isDown) return social.deleteWhispers(whispers);
          failureCount++;
          return Promise.reject(new DependencyError("unavailable", "out of reach"));
        },
      },
    });
    await using harness = await LogicHarness.create({ storage: failing });
    const { ann, bob } = await gather(harness, "ann", "bob");
    goOffline(harness, ann);
    say(harness, bob, Channel.WHISPER, "one", { recipientName: "ann" });
    await settle(harness);
    let client = await harness.connect({ name: "ann" });
    await settle(harness);
    assertEquals(heard(harness, client), ["one"]);
    harness.send(client, HeartbeatRequestSchema, {}, { ack: harness.sessionOf(client).outbox!.lastSequence });
    harness.advance(2_000);
    await settle(harness);
    if (isGone) goOffline(harness, client);
    else say(harness, bob, Channel.WHISPER, "two", { recipientName: "ann" });
    await settle(harness);
    assert(failureCount > 0);
    // What is kept is looked at again: at the next entry.
    client = await harness.connect({ name: "ann" });
    await settle(harness);
    assertEquals(heard(harness, client).filter((text) => text === "one"), []);
    isDown = false;
    harness.advance(2_000);
    await settle(harness);
    const kept = await social.listWhispers({ recipientId: ann.playerId, sentFromMs: 0 });
    assertEquals(kept.filter(({ message }) => message === "one"), []);
  });
}

/** How a client that acknowledges nothing goes, and whether it hears a kept whisper again when it is back. */
const GOINGS: readonly {
  readonly how: string;
  readonly go: (harness: LogicHarness, client: HarnessClient) => void;
  readonly isHeardAgain: boolean;
}[] = [
  { how: "logs out", go: (harness, client) => harness.send(client, LogoutRequestSchema, {}), isHeardAgain: false },
  {
    how: "leaves the world and is gone",
    go: (harness, client) => {
      harness.send(client, LeaveWorldRequestSchema, {});
      harness.disconnect(client);
    },
    isHeardAgain: false,
  },
  { how: "is lost", go: goOffline, isHeardAgain: true },
];

for (const { how, go, isHeardAgain } of GOINGS) {
  Deno.test(`A client that acknowledges nothing and ${how} hears kept whispers ${isHeardAgain ? "again" : "once"}`, async () => {
    await using harness = await LogicHarness.create();
    const { ann, bob } = await gather(harness, "ann", "bob");
    goOffline(harness, ann);
    say(harness, bob, Channel.WHISPER, "hello", { recipientName: "ann" });
    await settle(harness);
    const again = await harness.connect({ name: "ann" });
    await settle(harness);
    assertEquals(heard(harness, again), ["hello"]);
    go(harness, again);
    harness.advance(2_000);
    await settle(harness);
    assertEquals(heard(harness, await harness.connect({ name: "ann" })), isHeardAgain ? ["hello"] : []);
  });
}

Deno.test("A kept whisper heard outside of the world is deleted once the client acknowledges anything in it", async () => {
  await using harness = await LogicHarness.create();
  const { bob } = await gather(harness, "bob");
  const { accounts } = harness.storage;
  const social = harness.storage.of(SOCIAL);
  const [{ accountId: recipientId }] = await accounts.createMany([
    { name: "dora", nameKey: "dora", passwordVerifier: `plain:${"0".repeat(64)}`, createdAtMs: 0 },
  ]);
  say(harness, bob, Channel.WHISPER, "hello", { recipientId: BigInt(recipientId) });
  await answerTo(harness, bob, PacketType.CHAT_MESSAGE);
  const kept = async () => (await social.listWhispers({ recipientId, sentFromMs: 0 })).length;
  const client = await logIn(harness, "dora");
  await settle(harness);
  assertEquals([heard(harness, client), await kept()], [["hello"], 1]);
  harness.send(client, EnterWorldRequestSchema, {});
  await answerTo(harness, client, PacketType.ENTER_WORLD_RESPONSE);
  harness.advance(2_000);
  await settle(harness);
  assertEquals(await kept(), 1);
  harness.send(client, HeartbeatRequestSchema, {}, { ack: 1 });
  harness.advance(2_000);
  await settle(harness);
  assertEquals([heard(harness, client), await kept()], [[], 0]);
});

for (const back of ["resumes", "enters anew"] as const) {
  Deno.test(`Whispers to a lost connection are heard by who ${back}, however much chat comes behind them`, async () => {
    await using harness = await LogicHarness.create({ config: { floodControl: false } });
    const { ann, bob } = await gather(harness, "ann", "bob");
    const acknowledged = harness.sessionOf(ann).outbox!.lastSequence;
    harness.send(ann, HeartbeatRequestSchema, {}, { ack: acknowledged });
    say(harness, bob, Channel.WHISPER, "on its way", { recipientName: "ann" });
    harness.disconnect(ann);
    harness.advance(2_000);
    say(harness, bob, Channel.WHISPER, "to nobody there", { recipientName: "ann" });
    await settle(harness);
    for (let index = 0; index < 1_140; index++) say(harness, bob, Channel.GLOBAL, `line ${index}`);
    const whispers = ["on its way", "to nobody there"];
    const heardBy = (client: HarnessClient) => heard(harness, client).filter((text) => !text.startsWith("line"));
    if (back === "enters anew") {
      const again = await harness.connect({ name: "ann" });
      await settle(harness);
      assertEquals(heardBy(again), whispers);
      return;
    }
    const client = harness.open({ name: "ann" });
    client.entityId = ann.entityId;
    harness.send(client, ResumeRequestSchema, { resumeToken: ann.resumeToken, lastSequence: BigInt(acknowledged) });
    harness.advance(2_000);
    await settle(harness);
    assertEquals(heardBy(client), whispers);
    // Each once: what is on its way is not sent again.
    harness.advance(5_000);
    await settle(harness);
    assertEquals(heardBy(client), []);
    harness.send(client, HeartbeatRequestSchema, {}, { ack: harness.sessionOf(client).outbox!.lastSequence });
    goOffline(harness, client);
    await settle(harness);
    assertEquals(heardBy(await harness.connect({ name: "ann" })), []);
  });
}

Deno.test("Whispers that are kept have a budget, and what cannot be kept is refused", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  goOffline(harness, ann);
  harness.forget();
  for (let index = 0; index <= KEPT_WHISPERS_BURST; index++) {
    say(harness, bob, Channel.WHISPER, `message ${index}`, { recipientName: "ann" });
  }
  await settle(harness);
  assertEquals(heard(harness, bob).length, KEPT_WHISPERS_BURST);
  assertEquals(await errorOf(harness, bob), ErrorCode.RATE_LIMITED);
  harness.advance(KEPT_WHISPERS_INTERVAL_MS);
  const strangers = Array.from({ length: KEPT_WHISPERS_MAX }, (_, index) => `stranger${index}`);
  const ids = (await harness.storage.for(SYSTEM).accounts.createMany(
    ["cid", ...strangers].map((name) => ({ name, nameKey: name, passwordVerifier: null, createdAtMs: 0 })),
  )).map(({ accountId }) => accountId);
  for (const senderId of ids.slice(1)) {
    const whisper = { recipientId: ids[0], senderId, message: "spam", sentAtMs: harness.clock.unixMs() };
    await harness.storage.for(SYSTEM).of(SOCIAL).keepWhisper(whisper);
  }
  say(harness, bob, Channel.WHISPER, "hello", { recipientName: "cid" });
  assertEquals(await errorOf(harness, bob), ErrorCode.OUT_OF_RANGE);
});

Deno.test("A whisper to a player who is offline is delivered when it logs in on the gateway", async () => {
  await using harness = await LogicHarness.create();
  const { bob } = await gather(harness, "bob");
  const [{ accountId }] = await harness.storage.accounts.createMany([
    { name: "dora", nameKey: "dora", passwordVerifier: `plain:${"0".repeat(64)}`, createdAtMs: 0 },
  ]);
  say(harness, bob, Channel.WHISPER, "hello", { recipientId: BigInt(accountId) });
  await answerTo(harness, bob, PacketType.CHAT_MESSAGE);
  const dora = await logIn(harness, "dora");
  await settle(harness);
  assertEquals(heard(harness, dora), ["hello"]);
});

Deno.test("A whisper to nobody is refused with NOT_FOUND", async () => {
  await using harness = await LogicHarness.create();
  const { bob } = await gather(harness, "bob");
  const nobody = [{ recipientName: "nobody" }, { recipientName: "" }, { recipientName: "a b" }, { recipientId: 999n }, {
    recipientId: 2n ** 64n - 1n,
  }];
  for (const recipient of nobody) {
    say(harness, bob, Channel.WHISPER, "hello", recipient);
    assertEquals(await errorOf(harness, bob), ErrorCode.NOT_FOUND);
    assertEquals(heard(harness, bob), []);
  }
});

Deno.test("Of the whispers to a player who is offline, the newest KEPT_WHISPERS_MAX are kept, for KEPT_WHISPER_MS", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  goOffline(harness, ann);
  harness.forget();
  const texts = Array.from({ length: KEPT_WHISPERS_MAX + 2 }, (_, index) => `message ${index}`);
  for (const text of texts) say(harness, bob, Channel.WHISPER, text, { recipientName: "ann" });
  await harness.until(() => harness.received(bob, PacketType.CHAT_MESSAGE).length === texts.length);
  const again = await harness.connect({ name: "ann" });
  assertEquals(heard(harness, again), texts.slice(2));

  goOffline(harness, again);
  say(harness, bob, Channel.WHISPER, "forgotten", { recipientName: "ann" });
  await settle(harness);
  harness.clock.advance(KEPT_WHISPER_MS + 1);
  assertEquals(heard(harness, await harness.connect({ name: "ann" })), []);
});

Deno.test("A whisper of an ignored player to one who is offline seems to be kept, and is not", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  await ignore(harness, ann, "bob");
  goOffline(harness, ann);
  harness.forget();
  say(harness, bob, Channel.WHISPER, "hello", { recipientName: "ann" });
  assertEquals((await answerTo(harness, bob, PacketType.CHAT_MESSAGE)).recipientName, "ann");
  assertEquals(heard(harness, await harness.connect({ name: "ann" })), []);
});

Deno.test("Whispers to a player whose connection is gone are kept, the newest KEPT_WHISPERS_MAX, when it does not come back", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  say(harness, bob, Channel.WHISPER, "heard", { recipientName: "ann" });
  harness.disconnect(ann);
  const texts = Array.from({ length: KEPT_WHISPERS_MAX + 2 }, (_, index) => `message ${index}`);
  for (const text of texts) say(harness, bob, Channel.WHISPER, text, { recipientName: "ann" });
  say(harness, bob, Channel.GLOBAL, "no whisper");
  harness.advance(LINK_DEAD_MS + 2_000);
  assertEquals(harness.sessions.isPlayerOnline(ann.playerId), false);
  await settle(harness);
  assertEquals(heard(harness, await harness.connect({ name: "ann" })), texts.slice(2));
});

Deno.test("Whispers that wait for their turn are kept for a player who goes meanwhile, as they are confirmed", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob, cat } = await gather(harness, "ann", "bob", "cat");
  const atOnce = AUDIENCE_MESSAGES_PER_SECOND * FAN_OUT_BURST_MS / 1_000, count = atOnce + 20;
  for (let index = 0; index < count; index++) {
    say(harness, index % 2 === 0 ? bob : cat, Channel.WHISPER, `message ${index}`, { recipientName: "ann" });
  }
  const early = heard(harness, ann);
  assert(early.length < count, "Some wait");
  harness.send(ann, LogoutRequestSchema, {});
  await answerTo(harness, ann, PacketType.LOGOUT_RESPONSE);
  harness.advance(2_000);
  await settle(harness);
  assertEquals(heard(harness, bob).length + heard(harness, cat).length, count);
  const late = heard(harness, await harness.connect({ name: "ann" }));
  assertEquals([...early, ...late], Array.from({ length: count }, (_, index) => `message ${index}`));
});

for (const hasRoom of [true, false]) {
  const when = hasRoom ? "are heard before it is logged out" : "are heard when it is back";
  Deno.test(`Whispers that wait for room while a player logs out ${when}, once and in order`, async () => {
    const storage = new DirectStorage({ path: MEMORY_PATH }, MARSH_RECORDS);
    const saving = Promise.withResolvers<void>();
    const saveMany = (characters: readonly SavedCharacter[]) =>
      saving.promise.then(() => storage.characters.saveMany(characters));
    const slow = storageWith(storage, { characters: { saveMany } });
    await using harness = await LogicHarness.create({ storage: slow });
    const { ann, bob } = await gather(harness, "ann", "bob");
    const whisper = (message: string) => {
      harness.post(bob, ChatMessageSchema, { channel: Channel.WHISPER, message, recipientName: "ann" });
    };
    harness.setFull(true);
    whisper("one");
    whisper("two");
    harness.post(ann, LogoutRequestSchema, {});
    whisper("three");
    const session = harness.sessionOf(ann);
    harness.turn();
    await harness.until(() => session.presence === null);
    if (hasRoom) {
      harness.setFull(false);
      harness.turn();
    }
    saving.resolve();
    await harness.until(() => !harness.sessions.isPlayerOnline(ann.playerId));
    harness.setFull(false);
    await settle(harness);
    const isAnswered = harness.take(ann, PacketType.LOGOUT_RESPONSE).length === 1;
    const early = heard(harness, ann), late = heard(harness, await harness.connect({ name: "ann" }));
    const all = ["one", "two", "three"];
    assertEquals([isAnswered, early, late], [true, ...hasRoom ? [all, []] : [[], all]]);
  });
}

Deno.test("Whispers to a player whose connection is gone are heard when it enters anew instead of resuming", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  harness.disconnect(ann);
  for (const text of ["one", "two"]) say(harness, bob, Channel.WHISPER, text, { recipientName: "ann" });
  const again = await harness.connect({ name: "ann" });
  await settle(harness);
  assertEquals(heard(harness, again), ["one", "two"]);
});

Deno.test("Of a player who acknowledges, whispers on a connection that broke are kept beyond the last acknowledgement", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  say(harness, bob, Channel.WHISPER, "acknowledged", { recipientName: "ann" });
  harness.send(ann, HeartbeatRequestSchema, {}, { ack: ann.packets.at(-1)!.sequence });
  say(harness, bob, Channel.WHISPER, "on its way", { recipientName: "ann" });
  harness.disconnect(ann);
  harness.advance(LINK_DEAD_MS + 2_000);
  await settle(harness);
  assertEquals(heard(harness, await harness.connect({ name: "ann" })), ["on its way"]);
});

Deno.test("What a player whispers itself is not kept for it", async () => {
  await using harness = await LogicHarness.create();
  const { ann } = await gather(harness, "ann", "bob");
  harness.send(ann, HeartbeatRequestSchema, {}, { ack: 1 });
  say(harness, ann, Channel.WHISPER, "to bob", { recipientName: "bob" });
  harness.disconnect(ann);
  harness.advance(LINK_DEAD_MS + 2_000);
  await settle(harness);
  assertEquals(heard(harness, await harness.connect({ name: "ann" })), []);
});

Deno.test("Whispers that nobody heard survive a stop of the server", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/storage.db`;
    {
      await using harness = await LogicHarness.create({ storage: new DirectStorage({ path }, MARSH_RECORDS) });
      const { ann, bob } = await gather(harness, "ann", "bob");
      harness.disconnect(ann);
      say(harness, bob, Channel.WHISPER, "until tomorrow", { recipientName: "ann" });
      await harness.logic.stop();
    }
    await using harness = await LogicHarness.create({ storage: new DirectStorage({ path }, MARSH_RECORDS) });
    assertEquals(heard(harness, await harness.connect({ name: "ann" })), ["until tomorrow"]);
  });
});

Deno.test("Kept whispers survive a restart", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/storage.db`;
    {
      await using harness = await LogicHarness.create({ storage: new DirectStorage({ path }, MARSH_RECORDS) });
      const { ann, bob } = await gather(harness, "ann", "bob");
      goOffline(harness, ann);
      harness.forget();
      say(harness, bob, Channel.WHISPER, "until tomorrow", { recipientName: "ann" });
      await answerTo(harness, bob, PacketType.CHAT_MESSAGE);
    }
    await using harness = await LogicHarness.create({ storage: new DirectStorage({ path }, MARSH_RECORDS) });
    assertEquals(heard(harness, await harness.connect({ name: "ann" })), ["until tomorrow"]);
  });
});

Deno.test("Whispers to a player who comes online meanwhile arrive exactly once each", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  goOffline(harness, ann);
  harness.forget();
  const texts: string[] = [];
  const whisper = () => {
    texts.push(`message ${texts.length}`);
    say(harness, bob, Channel.WHISPER, texts.at(-1)!, { recipientName: "ann" });
  };
  for (let index = 0; index < 5; index++) whisper();
  const connecting = harness.connect({ name: "ann" });
  for (let index = 0; index < 20; index++) {
    whisper();
    await Promise.resolve();
  }
  const again = await connecting;
  whisper();
  await harness.until(() => harness.received(bob, PacketType.CHAT_MESSAGE).length === texts.length);
  await settle(harness);
  assertEquals(heard(harness, again).sort(), texts.sort());
});

Deno.test("chat has the channels of the parts that a game uses, and needs none of them", async () => {
  const MEADOW = { mapId: 0, width: 1_000, height: 1_000, interestRadius: 100 };
  const game = defineGame(contract, { maps: () => [MEADOW] }, (game) => {
    game.use(chat, { parties: game.use(parties, { membersMax: 3 }), rooms: game.use(rooms) });
  });
  await using harness = await LogicHarness.create({ game });
  const { ann, bob, cid } = await gather(harness, "ann", "bob", "cid");
  harness.send(ann, PartyInviteRequestSchema, { playerName: "bob" });
  const { partyId } = await answerTo(harness, bob, PacketType.PARTY_INVITE);
  harness.send(bob, PartyAnswerSchema, { partyId, accept: true });
  await answerTo(harness, bob, PacketType.PARTY_RESPONSE);
  harness.send(cid, RoomCreateRequestSchema, { name: "mine", maxMembers: 2 });
  const { room } = await answerTo(harness, cid, PacketType.ROOM_RESPONSE);

  say(harness, ann, Channel.PARTY, "to the mine");
  say(harness, ann, Channel.GLOBAL, "hello");
  say(harness, cid, Channel.ROOM, "alone", { roomId: room!.roomId });
  say(harness, cid, Channel.WHISPER, "for you", { recipientName: "bob" });
  await settle(harness);
  assertEquals([ann, bob, cid].map((client) => heard(harness, client)), [
    ["to the mine", "hello"],
    ["to the mine", "hello", "for you"],
    ["hello", "alone", "for you"],
  ]);
  harness.forget();
  // What belongs to other parts: guilds, and whispers that are kept.
  say(harness, ann, Channel.GUILD, "to arms");
  say(harness, ann, Channel.WHISPER, "where are you?", { recipientName: "nobody" });
  await settle(harness);
  assertEquals(harness.take(ann, PacketType.ERROR_RESPONSE).map(({ errorCode }) => ErrorCode[errorCode]), [
    "UNSUPPORTED",
    "NOT_FOUND",
  ]);
});
