/** Sessions whose clients come to a node that does not have them. @module */

import { PacketType } from "../../games/marsh/contract.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { DIRECTORY } from "../../server/cluster/directory_store.ts";
import { FriendRequestSchema } from "../../games/parts/friends/friends_pb.ts";
import { ENTRY_CALM_MS, FIGHT_MS } from "../../games/parts/combat/limits.ts";
import { SOCIAL } from "../../games/parts/friends/social_store.ts";
import { ENTRY } from "../../server/storage/storage.ts";
import {
  DisconnectReason,
  HeartbeatRequestSchema,
  LoginRequestSchema,
  LogoutRequestSchema,
  PasswordChangeRequestSchema,
  RegisterRequestSchema,
  type ResumeResponse,
  TokensRevokeRequestSchema,
} from "../../shared/gen/auth_pb.ts";
import { DependencyError } from "../../shared/errors.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { EnterWorldRequestSchema, LeaveWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import {
  DRAIN_ANSWERS_MS,
  NODE_LEASE_MS,
  NODE_RENEWAL_INTERVAL_MS,
  RESUME_AGAIN_MS,
  RESUME_SEQUENCE_MAX,
  SESSIONS_DRAINED_AT_ONCE,
} from "../../shared/limits.ts";
import { hit } from "../combat/blows.ts";
import { assert, assertEquals } from "../support/assert.ts";
import type { Player } from "../../server/session/player.ts";
import type { HarnessClient } from "../support/logic_harness.ts";
import { replaceIn, storeWith } from "../support/storage_with.ts";
import { entered, type Node, Pair, STEP_MS } from "./pair.ts";

function answerTo({ harness }: Node, client: HarnessClient): ResumeResponse | undefined {
  return harness.received(client, PacketType.RESUME_RESPONSE)[0];
}

/** Asks and waits for the answer. */
async function resume(pair: Pair, node: Node, resumeToken: string, lastSequence = 1, isRepeat = false) {
  const client = pair.resume(node, { resumeToken, lastSequence: BigInt(lastSequence), isRepeat });
  for (let tries = 0; answerTo(node, client) === undefined; tries++) {
    assert(tries < 100, "Every resume is answered");
    await pair.pass(STEP_MS);
  }
  return { client, answer: answerTo(node, client)! };
}

/** Enters anew, and gives what is heard then. */
async function enteredAt(pair: Pair, node: Node, player: HarnessClient): Promise<string[]> {
  const client = pair.ask(node, player);
  await pair.pass(1_000);
  assertEquals(entered(node, client), "in");
  return node.harness.take(client, PacketType.CHAT_MESSAGE).map(({ message }) => message);
}

Deno.test("RESUME_REQUEST at another node is told where to go, and the token is not spent", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  one.harness.disconnect(anna);
  for (let times = 0; times < 3; times++) {
    const { answer } = await resume(pair, two, anna.resumeToken);
    assertEquals([answer.success, answer.errorCode, answer.retryAfterMs], [false, ErrorCode.UNAVAILABLE, 0]);
    const { serverId, ipAddress, port, gatewayUrl } = answer.resumeAt!;
    assertEquals([serverId, ipAddress, port, gatewayUrl], [1, "192.0.2.1", 8081, "ws://192.0.2.1/ws"]);
  }
  const { answer } = await resume(pair, one, anna.resumeToken);
  assertEquals([answer.success, answer.gap, answer.entityId], [true, false, BigInt(anna.entityId)]);
  // The new one is known before it is told.
  assertEquals((await resume(pair, two, answer.resumeToken)).answer.resumeAt?.serverId, 1);
});

Deno.test("RESUME_REQUEST waits for the lease of a node that says nothing, then goes on elsewhere with a gap", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  const bert = await two.harness.connect({ name: "Bert", at: { x: 305, z: 300 } });
  pair.kill(one);
  await pair.pass(NODE_LEASE_MS - 2_500);
  const { answer: early } = await resume(pair, two, anna.resumeToken, 9);
  assertEquals([early.success, early.errorCode, early.resumeAt], [false, ErrorCode.UNAVAILABLE, undefined]);
  assert(early.retryAfterMs > 0 && early.retryAfterMs <= 2_500, `${early.retryAfterMs} ms`);
  await pair.pass(early.retryAfterMs);
  const { client, answer } = await resume(pair, two, anna.resumeToken, 9);
  assertEquals(
    [answer.success, answer.gap, answer.lastSequence],
    [true, true, 0n],
    "It knows nothing of what was sent",
  );
  assertEquals(pair.playersOf(anna.playerId), [1]);
  const numbers = client.packets.map(({ sequence }) => sequence).filter((sequence) => sequence > 0);
  assertEquals([numbers[0], numbers.length], [10, new Set(numbers).size], "Behind what the client has received");
  const [{ position, map }] = two.harness.received(client, PacketType.MAP_ENTERED);
  assertEquals([position?.x, map?.mapId], [300, bert.entityId > 0 ? 0 : -1]);
  // What the client sends has the numbers it had.
  const chat = (message: string, sequence: number) =>
    two.harness.send(client, ChatMessageSchema, { channel: Channel.AREA, message }, { sequence, ack: 9 });
  two.harness.forget(bert);
  for (const sequence of [41, 42, 42]) chat(`chat ${sequence}`, sequence);
  const heard = two.harness.received(bert, PacketType.CHAT_MESSAGE).map(({ message }) => message);
  assertEquals([heard, client.closedBy], [["chat 41", "chat 42"], null]);
  chat("too far", 44);
  assertEquals(client.closedBy?.reason, DisconnectReason.PROTOCOL_VIOLATION);
});

Deno.test("RESUME_RESPONSE of a node that has yet to learn what was sent says so until the client sends something", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  pair.kill(one);
  await pair.pass(NODE_LEASE_MS);
  const answers = [];
  let { client, answer } = await resume(pair, two, anna.resumeToken, 9);
  for (const sequence of [0, 41, 0]) {
    answers.push([answer.success, answer.gap, Number(answer.lastSequence)]);
    // A heartbeat shows that the answer was heard, and nothing else.
    two.harness.send(client, HeartbeatRequestSchema, {}, { ack: 9 });
    if (sequence > 0) {
      two.harness.send(client, ChatMessageSchema, { channel: Channel.AREA, message: "back" }, { sequence, ack: 9 });
    }
    two.harness.disconnect(client);
    ({ client, answer } = await resume(pair, two, answer.resumeToken, 9));
  }
  answers.push([answer.success, answer.gap, Number(answer.lastSequence)]);
  assertEquals(answers, [[true, true, 0], [true, true, 0], [true, false, 41], [true, false, 41]]);
});

for (const breaks of [true, false]) {
  const what = breaks ? "broke" : "may be dead";
  Deno.test(`RESUME_REQUEST goes on where one stopped whose connection ${what} before the directory had answered`, async () => {
    await using pair = await Pair.start();
    const [one, two] = pair.nodes;
    const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
    one.harness.disconnect(anna);
    const open = Promise.withResolvers<void>();
    pair.markOpen = open.promise;
    const request = { resumeToken: anna.resumeToken, lastSequence: 1n };
    const first = pair.resume(one, request);
    await pair.pass(STEP_MS);
    if (breaks) one.harness.disconnect(first);
    const second = pair.resume(one, { ...request, isRepeat: true });
    await pair.pass(STEP_MS);
    if (breaks) one.harness.disconnect(second);
    // Whoever asks the directory anew waits for ever.
    pair.markOpen = new Promise(() => {});
    open.resolve();
    await pair.pass(STEP_MS);
    const third = await resume(pair, one, anna.resumeToken, 1, true);
    assertEquals([third.answer.success, third.answer.gap], [true, false]);
    assertEquals((await resume(pair, two, third.answer.resumeToken)).answer.resumeAt?.serverId, 1, "It is known");
  });
}

Deno.test("A node that stops hands its sessions over: clients are told where, and go on there with all they have not heard", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  const bert = await one.harness.connect({ name: "Bert", at: { x: 305, z: 300 } });
  one.harness.disconnect(bert);
  for (const [index, message] of ["first", "second"].entries()) {
    one.harness.send(anna, ChatMessageSchema, { channel: Channel.AREA, message }, { sequence: index + 1 });
  }
  await pair.pass(STEP_MS);
  const draining = one.harness.logic.drain();
  await pair.pass(1_000);
  await draining;
  const [notice] = one.harness.received(anna, PacketType.DISCONNECT_NOTICE);
  assertEquals([notice.reason, notice.resumeAt?.serverId], [DisconnectReason.SHUTDOWN, 2]);
  assertEquals([...pair.playersOf(anna.playerId), ...pair.playersOf(bert.playerId)], []);
  // Nobody comes there any more.
  const late = pair.ask(one, anna);
  await pair.pass(STEP_MS);
  assertEquals(entered(one, late), "SHUTTING_DOWN");
  const back = await resume(pair, two, anna.resumeToken);
  assertEquals([back.answer.success, back.answer.gap, back.answer.lastSequence], [true, false, 2n]);
  const { client, answer } = await resume(pair, two, bert.resumeToken);
  assertEquals([answer.success, answer.gap], [true, false]);
  const heard = two.harness.received(client, PacketType.CHAT_MESSAGE).map(({ message }) => message);
  assertEquals(heard, ["first", "second"], "Who had no connection has missed nothing");
  assertEquals([pair.playersOf(anna.playerId), pair.playersOf(bert.playerId)], [[2], [2]]);
});

for (const end of ["hands it over", "dies"] as const) {
  Deno.test(`What the game says while a session is brought comes behind what was said before, where its node ${end}`, async () => {
    await using pair = await Pair.start();
    const [one, two] = pair.nodes;
    const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
    const { lastSequence } = one.harness.sessionOf(anna).outbox!;
    one.harness.disconnect(anna);
    const say = (player: Player | undefined, message: string) => player?.tell(ChatMessageSchema, { message });
    say(one.harness.logic.players.find(anna.playerId), "before");
    const { hooks, players } = two.harness.logic;
    hooks.online.push((player) => say(player, "online"));
    hooks.spawn.push((entityId) => say(players.at(entityId), "spawn"));
    hooks.enter.push((player) => say(player, "enter"));
    if (end === "dies") {
      pair.kill(one);
      await pair.pass(NODE_LEASE_MS);
    } else {
      const draining = one.harness.logic.drain();
      await pair.pass(1_000);
      await draining;
    }
    const { client, answer } = await resume(pair, two, anna.resumeToken, lastSequence);
    const isDead = end === "dies";
    assertEquals([answer.success, answer.gap], [true, isDead]);
    const heard = two.harness.received(client, PacketType.CHAT_MESSAGE).map(({ message }) => message);
    assertEquals(heard, [...isDead ? [] : ["before"], "online", "spawn", "enter"]);
    const numbers = client.packets.map(({ sequence }) => sequence).filter((sequence) => sequence > 0);
    assertEquals(numbers, numbers.map((_, index) => lastSequence + 1 + index));
  });
}

for (const isLost of [false, true]) {
  const who = isLost ? "whose connection was lost" : "who is connected";
  Deno.test(`Whispers to a player ${who} are heard once when its session is handed over, and then forgotten`, async () => {
    await using pair = await Pair.start();
    const [one, two] = pair.nodes;
    const anna = await one.harness.connect({ name: "Anna" }), bert = await one.harness.connect({ name: "Bert" });
    one.harness.send(bert, HeartbeatRequestSchema, {}, { ack: 1 });
    const whisper = (message: string, sequence: number) => {
      const request = { channel: Channel.WHISPER, message, recipientName: "Bert" };
      one.harness.send(anna, ChatMessageSchema, request, { sequence });
    };
    whisper("heard", 1);
    const { lastSequence } = one.harness.sessionOf(bert).outbox!;
    if (isLost) one.harness.disconnect(bert);
    await pair.pass(2_000);
    whisper("on its way", 2);
    const draining = one.harness.logic.drain();
    await pair.pass(1_000);
    await draining;
    const { client, answer } = await resume(pair, two, bert.resumeToken, lastSequence);
    client.entityId = Number(answer.entityId);
    await pair.pass(3_000);
    const heard = () => two.harness.take(client, PacketType.CHAT_MESSAGE).map(({ message }) => message);
    assertEquals(heard(), ["on its way"]);
    const kept = async () =>
      (await pair.storage.of(SOCIAL).listWhispers({ recipientId: bert.playerId, sentFromMs: 0 })).length;
    assertEquals(await kept(), 1);
    const ack = two.harness.sessionOf(client).outbox!.lastSequence;
    two.harness.send(client, HeartbeatRequestSchema, {}, { ack });
    await pair.pass(3_000);
    assertEquals([heard(), await kept()], [[], 0]);
  });
}

for (const why of ["its session is handed over", "its player enters there"] as const) {
  Deno.test(`A kept whisper that was acknowledged is not heard again on another node, where ${why}`, async () => {
    await using pair = await Pair.start();
    const [one, two] = pair.nodes;
    const anna = await one.harness.connect({ name: "Anna" }), bert = await one.harness.connect({ name: "Bert" });
    one.harness.send(bert, HeartbeatRequestSchema, {}, { ack: 1 });
    one.harness.disconnect(bert);
    await pair.pass(2_000);
    const request = { channel: Channel.WHISPER, message: "hello", recipientName: "Bert" };
    one.harness.send(anna, ChatMessageSchema, request, { sequence: 1 });
    await pair.pass(2_000);
    const back = await resume(pair, one, bert.resumeToken);
    const isHeard = ({ harness }: Node, client: HarnessClient) =>
      harness.received(client, PacketType.CHAT_MESSAGE).some(({ message }) => message === "hello");
    assert(isHeard(one, back.client));
    const ack = one.harness.sessionOf(bert).outbox!.lastSequence;
    const open = Promise.withResolvers<void>();
    let deleteCount = 0;
    replaceIn(pair.storage, SOCIAL, (store) => ({
      deleteWhispers: async (whispers) => {
        deleteCount++;
        await open.promise;
        return await store.deleteWhispers(whispers);
      },
    }));
    one.harness.send(back.client, HeartbeatRequestSchema, {}, { ack });
    let client: HarnessClient;
    if (why === "its player enters there") {
      client = pair.ask(two, bert);
      await pair.pass(NODE_RENEWAL_INTERVAL_MS + 500);
      assertEquals([deleteCount, entered(two, client)], [1, undefined]);
      open.resolve();
      await pair.pass(1_000);
      assertEquals(entered(two, client), "in");
    } else {
      const draining = one.harness.logic.drain();
      await pair.pass(DRAIN_ANSWERS_MS / 2);
      assertEquals([deleteCount, back.client.closedBy], [1, null]);
      open.resolve();
      await pair.pass(1_000);
      await draining;
      const { client: next, answer } = await resume(pair, two, back.answer.resumeToken, ack);
      assert(answer.success);
      client = next;
    }
    await pair.pass(2_000);
    assertEquals(isHeard(two, client), false);
  });
}

for (const why of ["takes longer than the hand-over of its session", "fails at that"] as const) {
  Deno.test(`A kept whisper that was acknowledged is not heard again where deleting it ${why}`, async () => {
    await using pair = await Pair.start();
    const [one, two] = pair.nodes;
    const anna = await one.harness.connect({ name: "Anna" }), bert = await one.harness.connect({ name: "Bert" });
    one.harness.send(bert, HeartbeatRequestSchema, {}, { ack: 1 });
    one.harness.disconnect(bert);
    await pair.pass(2_000);
    const request = { channel: Channel.WHISPER, message: "hello", recipientName: "Bert" };
    one.harness.send(anna, ChatMessageSchema, request, { sequence: 1 });
    await pair.pass(2_000);
    const back = await resume(pair, one, bert.resumeToken);
    const open = Promise.withResolvers<void>();
    let isDown = why === "fails at that";
    replaceIn(pair.storage, SOCIAL, (store) => ({
      deleteWhispers: async (whispers) => {
        if (isDown) throw new DependencyError("unavailable", "out of reach");
        await open.promise;
        return await store.deleteWhispers(whispers);
      },
    }));
    const ack = one.harness.sessionOf(bert).outbox!.lastSequence;
    one.harness.send(back.client, HeartbeatRequestSchema, {}, { ack });
    await pair.pass(STEP_MS);
    const draining = one.harness.logic.drain();
    await pair.pass(2 * DRAIN_ANSWERS_MS + 1_000);
    await draining;
    const { client, answer } = await resume(pair, two, back.answer.resumeToken, ack);
    assert(answer.success);
    client.entityId = Number(answer.entityId);
    await pair.pass(2_000);
    const heard = () => two.harness.received(client, PacketType.CHAT_MESSAGE).map(({ message }) => message);
    assertEquals(heard(), []);
    isDown = false;
    open.resolve();
    await pair.pass(2_000);
    const kept = await pair.storage.of(SOCIAL).listWhispers({ recipientId: bert.playerId, sentFromMs: 0 });
    assertEquals([heard(), kept], [[], []], "It is deleted by whoever can");
  });
}

Deno.test("A whisper that is kept only when it was acknowledged, and its session handed over, is not heard again", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna" }), bert = await one.harness.connect({ name: "Bert" });
  one.harness.send(bert, HeartbeatRequestSchema, {}, { ack: 1 });
  const open = Promise.withResolvers<void>();
  replaceIn(pair.storage, SOCIAL, (store) => ({
    keepWhisper: async (whisper) => {
      await open.promise;
      return await store.keepWhisper(whisper);
    },
  }));
  one.harness.disconnect(bert);
  await pair.pass(2_000);
  const request = { channel: Channel.WHISPER, message: "hello", recipientName: "Bert" };
  one.harness.send(anna, ChatMessageSchema, request, { sequence: 1 });
  await pair.pass(STEP_MS);
  const back = await resume(pair, one, bert.resumeToken);
  const ack = one.harness.sessionOf(bert).outbox!.lastSequence;
  one.harness.send(back.client, HeartbeatRequestSchema, {}, { ack });
  const draining = one.harness.logic.drain();
  await pair.pass(2 * DRAIN_ANSWERS_MS + 1_000);
  await draining;
  let deleteCount = 0;
  // What the first server deletes in the end is too late.
  const late = Promise.withResolvers<number>();
  replaceIn(pair.storage, SOCIAL, (store) => ({
    deleteWhispers: (whispers) => deleteCount++ === 0 ? late.promise : store.deleteWhispers(whispers),
  }));
  open.resolve();
  await pair.pass(STEP_MS);
  const kept = () => pair.storage.of(SOCIAL).listWhispers({ recipientId: bert.playerId, sentFromMs: 0 });
  assertEquals([(await kept()).length, deleteCount], [1, 1]);
  const { client, answer } = await resume(pair, two, back.answer.resumeToken, ack);
  assert(answer.success);
  await pair.pass(3_000);
  assertEquals([two.harness.received(client, PacketType.CHAT_MESSAGE), await kept()], [[], []]);
  late.resolve(0);
});

for (const isLost of [false, true]) {
  const who = isLost ? "whose connection was lost" : "who is connected";
  Deno.test(`A whisper to a player ${who} is heard once where keeping it takes longer than its hand-over`, async () => {
    await using pair = await Pair.start();
    const [one, two] = pair.nodes;
    const anna = await one.harness.connect({ name: "Anna" }), bert = await one.harness.connect({ name: "Bert" });
    one.harness.send(bert, HeartbeatRequestSchema, {}, { ack: 1 });
    const { lastSequence } = one.harness.sessionOf(bert).outbox!, open = Promise.withResolvers<void>();
    const outcomes: string[] = [];
    replaceIn(pair.storage, SOCIAL, (store) => ({
      keepWhisper: async (whisper) => {
        await open.promise;
        const result = await store.keepWhisper(whisper);
        outcomes.push(result.kind);
        return result;
      },
    }));
    if (isLost) {
      one.harness.disconnect(bert);
      await pair.pass(2_000);
    }
    const request = { channel: Channel.WHISPER, message: "hello", recipientName: "Bert" };
    one.harness.send(anna, ChatMessageSchema, request, { sequence: 1 });
    const draining = one.harness.logic.drain();
    await pair.pass(2 * DRAIN_ANSWERS_MS + 1_000);
    await draining;
    const heard = (client: HarnessClient) =>
      two.harness.take(client, PacketType.CHAT_MESSAGE).map(({ message }) => message);
    const { client, answer } = await resume(pair, two, bert.resumeToken, lastSequence);
    assertEquals([answer.success, heard(client)], [true, ["hello"]]);
    client.entityId = Number(answer.entityId);
    const ack = two.harness.sessionOf(client).outbox!.lastSequence;
    two.harness.send(client, HeartbeatRequestSchema, {}, { ack });
    await pair.pass(2_000);
    open.resolve();
    await pair.pass(2_000);
    assertEquals(outcomes, ["taken"]);
    two.harness.send(client, LogoutRequestSchema, {});
    await pair.pass(1_000);
    const again = pair.ask(two, bert);
    await pair.pass(1_000);
    assertEquals([entered(two, again), heard(again)], ["in", []]);
  });
}

for (const end of ["nobody takes", "its player enters instead of"] as const) {
  Deno.test(`A whisper that is kept later than its session is handed over is heard where ${end} it`, async () => {
    await using pair = await Pair.start();
    const [one, two] = pair.nodes;
    const anna = await one.harness.connect({ name: "Anna" }), bert = await one.harness.connect({ name: "Bert" });
    one.harness.send(bert, HeartbeatRequestSchema, {}, { ack: 1 });
    const open = Promise.withResolvers<void>();
    replaceIn(pair.storage, SOCIAL, (store) => ({
      keepWhisper: async (whisper) => {
        await open.promise;
        return await store.keepWhisper(whisper);
      },
    }));
    const request = { channel: Channel.WHISPER, message: "hello", recipientName: "Bert" };
    one.harness.send(anna, ChatMessageSchema, request, { sequence: 1 });
    const draining = one.harness.logic.drain();
    await pair.pass(2 * DRAIN_ANSWERS_MS + 1_000);
    await draining;
    if (end === "nobody takes") open.resolve();
    else assertEquals(await enteredAt(pair, two, bert), []);
    open.resolve();
    await pair.pass(2_000);
    if (end === "nobody takes") await pair.pass(one.harness.config.linkDeadMs);
    assertEquals(await enteredAt(pair, two, bert), ["hello"]);
  });
}

Deno.test("A whisper that could not be kept when its session was handed over is kept where that is lost", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna" }), bert = await one.harness.connect({ name: "Bert" });
  one.harness.send(bert, HeartbeatRequestSchema, {}, { ack: 1 });
  const request = { channel: Channel.WHISPER, message: "hello", recipientName: "Bert" };
  one.harness.send(anna, ChatMessageSchema, request, { sequence: 1 });
  let isFull = true;
  replaceIn(pair.storage, SOCIAL, (store) => ({
    keepWhisper: (whisper) => isFull ? Promise.resolve({ kind: "full" }) : store.keepWhisper(whisper),
  }));
  const draining = one.harness.logic.drain();
  await pair.pass(1_000);
  await draining;
  isFull = false;
  const isHeard = ({ harness }: Node, client: HarnessClient) =>
    harness.received(client, PacketType.CHAT_MESSAGE).some(({ message }) => message === "hello");
  const { client, answer } = await resume(pair, two, bert.resumeToken);
  assert(answer.success && isHeard(two, client));
  await pair.pass(2_000);
  two.harness.disconnect(client);
  await pair.pass(two.harness.config.linkDeadMs + 2_000);
  assertEquals(pair.playersOf(bert.playerId), []);
  const again = pair.ask(two, bert);
  await pair.pass(1_000);
  assertEquals([entered(two, again), isHeard(two, again)], ["in", true]);
});

Deno.test("A session that is handed over is resumed by the token its client has: the one before it is spent once it spoke", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna" }), bert = await one.harness.connect({ name: "Bert" });
  const [{ client, answer }, silent] = [
    await resume(pair, one, anna.resumeToken),
    await resume(pair, one, bert.resumeToken),
  ];
  one.harness.send(client, ChatMessageSchema, { channel: Channel.AREA, message: "back" }, { sequence: 1, ack: 1 });
  const draining = one.harness.logic.drain();
  await pair.pass(1_000);
  await draining;
  assertEquals((await resume(pair, two, anna.resumeToken)).answer.errorCode, ErrorCode.RESUME_EXPIRED);
  assert((await resume(pair, two, answer.resumeToken)).answer.success);
  assert(silent.answer.success && (await resume(pair, two, bert.resumeToken)).answer.success, "It may not have heard");
});

Deno.test("Sessions that are owed answers are handed over behind those that are not", async () => {
  await using pair = await Pair.start();
  const [one] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna" });
  const open = Promise.withResolvers<undefined>(), { storage } = pair, forAsker = storage.for.bind(storage);
  const slow: HarnessClient[] = [];
  for (let index = 0; index < 2 * SESSIONS_DRAINED_AT_ONCE; index++) {
    slow.push(await one.harness.connect({ name: `Slow${index}` }));
  }
  storage.for = (asker) => {
    const stores = forAsker(asker);
    return storeWith(stores, { accounts: storeWith(stores.accounts, { findByName: () => open.promise }) });
  };
  for (const client of slow) one.harness.send(client, FriendRequestSchema, { playerName: "Nobody" });
  const draining = one.harness.logic.drain();
  await pair.pass(DRAIN_ANSWERS_MS / 2);
  const left = () => [anna, ...slow].filter(({ closedBy }) => closedBy === null).map(({ name }) => name);
  assertEquals(left(), slow.map(({ name }) => name));
  open.resolve(undefined);
  await pair.pass(DRAIN_ANSWERS_MS);
  await draining;
  assertEquals(left(), []);
});

Deno.test("A player who goes while an answer is waited for at a drain holds up nobody's hand-over", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna" }), bert = await one.harness.connect({ name: "Bert" });
  const open = Promise.withResolvers<undefined>(), { storage } = pair, forAsker = storage.for.bind(storage);
  storage.for = (asker) => {
    const stores = forAsker(asker);
    return storeWith(stores, { accounts: storeWith(stores.accounts, { findByName: () => open.promise }) });
  };
  for (const client of [anna, bert]) one.harness.send(client, FriendRequestSchema, { playerName: "Nobody" });
  const draining = one.harness.logic.drain();
  await pair.pass(DRAIN_ANSWERS_MS / 4);
  one.harness.logic.world.replace(one.harness.sessionOf(bert), DisconnectReason.KICKED, "");
  await pair.pass(DRAIN_ANSWERS_MS / 4);
  open.resolve(undefined);
  await pair.pass(DRAIN_ANSWERS_MS);
  await draining;
  assertEquals(one.harness.log.records.filter(({ message }) => message === "Cannot hand sessions over"), []);
  const { answer } = await resume(pair, two, anna.resumeToken);
  assertEquals([answer.success, answer.gap], [true, false]);
});

Deno.test("A player who logs out before it is handed over at a drain holds up nobody's hand-over", async () => {
  await using pair = await Pair.start();
  const [one] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna" }), bert = await one.harness.connect({ name: "Bert" });
  for (let index = 0; index < SESSIONS_DRAINED_AT_ONCE; index++) await one.harness.connect({ name: `Early${index}` });
  const open = Promise.withResolvers<void>();
  pair.handOverOpen = open.promise;
  const draining = one.harness.logic.drain();
  await pair.pass(STEP_MS);
  one.harness.send(bert, LogoutRequestSchema, {});
  await pair.pass(STEP_MS);
  assertEquals(one.harness.received(bert, PacketType.LOGOUT_RESPONSE).length, 1);
  open.resolve();
  await pair.pass(1_000);
  await draining;
  assertEquals(one.harness.received(anna, PacketType.DISCONNECT_NOTICE)[0]?.resumeAt?.serverId, 2);
  assertEquals(one.harness.log.records.filter(({ level }) => level === "warn" || level === "error"), []);
});

Deno.test("A session that cannot be handed over is saved, and keeps no other from being handed over", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const bert = await one.harness.connect({ name: "Bert" });
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  // No number that the database could hold.
  one.harness.sessions.findPlayer(anna.playerId)!.receivedSequence = 2 ** 64;
  const draining = one.harness.logic.drain();
  await pair.pass(2_000);
  await draining;
  const targets = [anna, bert].map((client) =>
    one.harness.received(client, PacketType.DISCONNECT_NOTICE).map(({ resumeAt }) => resumeAt?.serverId)
  );
  assertEquals([targets, anna.closedBy?.reason], [[[], [2]], DisconnectReason.SHUTDOWN]);
  assert((await resume(pair, two, bert.resumeToken)).answer.success);
  assertEquals(await pair.savedX(anna), 300);
});

Deno.test("A session whose character could not be saved is handed over all the same, with what it has not heard", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  const bert = await one.harness.connect({ name: "Bert", at: { x: 305, z: 300 } });
  const savedX = await pair.savedX(anna), { lastSequence } = one.harness.sessionOf(anna).outbox!;
  one.harness.send(bert, ChatMessageSchema, { channel: Channel.AREA, message: "hello" }, { sequence: 1 });
  await pair.pass(STEP_MS);
  one.harness.logic.hooks.savedHp[0] = () => {
    throw new Error("The game cannot say");
  };
  const draining = one.harness.logic.drain();
  await pair.pass(1_000);
  await draining;
  const notices = one.harness.received(anna, PacketType.DISCONNECT_NOTICE);
  assertEquals(notices.map(({ reason, resumeAt }) => [reason, resumeAt?.serverId]), [[DisconnectReason.SHUTDOWN, 2]]);
  const { client, answer } = await resume(pair, two, anna.resumeToken, lastSequence);
  assertEquals([answer.success, answer.gap], [true, false]);
  const heard = two.harness.received(client, PacketType.CHAT_MESSAGE).map(({ message }) => message);
  assertEquals([heard, await pair.savedX(anna)], [["hello"], savedX], "Nothing was saved, and nothing else lost");
});

Deno.test("A session that is on its way to a node when that begins to stop is handed over by it", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna" });
  const draining = one.harness.logic.drain();
  await pair.pass(1_000);
  await draining;
  const open = Promise.withResolvers<void>();
  pair.takenOpen = open.promise;
  const client = pair.resume(two, { resumeToken: anna.resumeToken, lastSequence: 1n });
  await pair.pass(STEP_MS);
  // The first is back, with all that it had given away at its stop.
  Object.assign(one.harness.logic.context.drain, { isOn: false, target: undefined });
  await pair.pass(NODE_RENEWAL_INTERVAL_MS);
  const next = two.harness.logic.drain();
  await pair.pass(STEP_MS);
  open.resolve();
  await pair.pass(2_000);
  await next;
  assertEquals(answerTo(two, client)?.success, true);
  assertEquals(two.harness.received(client, PacketType.DISCONNECT_NOTICE)[0]?.resumeAt?.serverId, 1);
  const { answer } = await resume(pair, one, answerTo(two, client)!.resumeToken);
  assertEquals([answer.success, answer.gap], [true, false]);
});

Deno.test("A session that is handed over stays its node's until that is done, however long it takes", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  const open = Promise.withResolvers<void>();
  pair.handOverOpen = open.promise;
  const draining = one.harness.logic.drain();
  // Meanwhile the node looks several times whose players it need not keep.
  await pair.pass(5_000);
  open.resolve();
  await pair.pass(STEP_MS);
  await draining;
  assertEquals(one.harness.received(anna, PacketType.DISCONNECT_NOTICE)[0]?.resumeAt?.serverId, 2);
  const { answer } = await resume(pair, two, anna.resumeToken);
  assertEquals([answer.success, answer.gap], [true, false]);
});

Deno.test("A player who goes while other servers are looked for at a drain holds up nobody's hand-over", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna" }), bert = await one.harness.connect({ name: "Bert" });
  const open = Promise.withResolvers<void>();
  pair.nodesOpen = open.promise;
  const draining = one.harness.logic.drain();
  await pair.pass(STEP_MS * 4);
  one.harness.logic.world.replace(one.harness.sessionOf(bert), DisconnectReason.KICKED, "");
  open.resolve();
  await pair.pass(DRAIN_ANSWERS_MS);
  await draining;
  assertEquals(one.harness.log.records.filter(({ message }) => message === "Cannot hand sessions over"), []);
  const { answer } = await resume(pair, two, anna.resumeToken);
  assertEquals([answer.success, answer.gap], [true, false]);
});

Deno.test("RESUME_REQUEST whose session leaves the world and is back before the database has answered is over", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes, { harness } = one;
  const anna = await harness.connect({ name: "Anna" });
  const open = Promise.withResolvers<void>();
  pair.markOpen = open.promise;
  const early = pair.resume(one, { resumeToken: anna.resumeToken, lastSequence: 1n });
  await pair.pass(STEP_MS * 2);
  harness.send(anna, LeaveWorldRequestSchema, {});
  pair.markOpen = Promise.resolve();
  harness.send(anna, EnterWorldRequestSchema, {});
  await pair.pass(STEP_MS * 4);
  const { resumeToken } = harness.received(anna, PacketType.ENTER_WORLD_RESPONSE)[1];
  open.resolve();
  await pair.pass(STEP_MS * 4);
  assertEquals(answerTo(one, early)?.errorCode, ErrorCode.RESUME_EXPIRED);
  harness.disconnect(anna);
  const { answer } = await resume(pair, one, resumeToken);
  assert(answer.success);
  // What its client was told is what the database knows.
  pair.kill(one);
  await pair.pass(NODE_LEASE_MS);
  assert((await resume(pair, two, answer.resumeToken)).answer.success);
});

Deno.test("RESUME_REQUEST that finds tokens made void ends no session whose connection another player uses by then", async () => {
  await using pair = await Pair.start();
  const [one] = pair.nodes, { harness } = one, passwordHash = "ab".repeat(32);
  const anna = await harness.connect({ name: "Anna" });
  const other = harness.open();
  harness.send(other, RegisterRequestSchema, { username: "Bert", passwordHash });
  await pair.pass(STEP_MS * 2);
  await pair.storage.accounts.revokeTokens({ accountId: anna.playerId, tokenEpoch: null });
  const open = Promise.withResolvers<void>();
  pair.markOpen = open.promise;
  const early = pair.resume(one, { resumeToken: anna.resumeToken, lastSequence: 1n });
  await pair.pass(STEP_MS * 2);
  harness.send(anna, LogoutRequestSchema, {});
  await pair.pass(STEP_MS * 2);
  harness.send(anna, LoginRequestSchema, { username: "Bert", passwordHash });
  await pair.pass(STEP_MS * 2);
  open.resolve();
  await pair.pass(STEP_MS * 2);
  assertEquals(answerTo(one, early)?.errorCode, ErrorCode.RESUME_EXPIRED);
  assertEquals([anna.closedBy, harness.sessions.findPlayerByName("bert")?.player?.name], [null, "Bert"]);
});

Deno.test("RESUME_REQUEST at a node that hands the session over waits, and is told where it went", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  one.harness.disconnect(anna);
  const open = Promise.withResolvers<void>();
  pair.handOverOpen = open.promise;
  const draining = one.harness.logic.drain();
  await pair.pass(500);
  const early = pair.resume(one, { resumeToken: anna.resumeToken, lastSequence: 1n });
  await pair.pass(500);
  assertEquals(answerTo(one, early), undefined, "Nobody knows yet");
  open.resolve();
  await pair.pass(500);
  await draining;
  for (const answer of [answerTo(one, early)!, (await resume(pair, one, anna.resumeToken)).answer]) {
    assertEquals([answer.errorCode, answer.resumeAt?.serverId], [ErrorCode.UNAVAILABLE, 2]);
  }
  const { answer } = await resume(pair, two, anna.resumeToken);
  assertEquals([answer.success, answer.gap], [true, false]);
});

Deno.test("RESUME_REQUEST of a client that lost its connection while its session was brought to a node goes on there", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  pair.kill(one);
  await pair.pass(NODE_LEASE_MS);
  const open = Promise.withResolvers<void>();
  pair.takenOpen = open.promise;
  const lost = pair.resume(two, { resumeToken: anna.resumeToken, lastSequence: 1n });
  await pair.pass(500);
  two.harness.disconnect(lost);
  const again = pair.resume(two, { resumeToken: anna.resumeToken, lastSequence: 1n, isRepeat: true });
  await pair.pass(500);
  assertEquals(answerTo(two, again), undefined, "Its session is on its way");
  open.resolve();
  await pair.pass(500);
  assertEquals([answerTo(two, again)?.success, pair.playersOf(anna.playerId)], [true, [1]]);
});

Deno.test("RESUME_REQUEST to a dead node's session is answered again by the same token, and only to whoever came first", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  pair.kill(one);
  await pair.pass(NODE_LEASE_MS);
  const both = [0, 1].map(() => pair.resume(two, { resumeToken: anna.resumeToken, lastSequence: 1n }));
  await pair.pass(2_000);
  const answers = both.map((client) => answerTo(two, client)!);
  assertEquals(answers.map(({ success, errorCode }) => success || errorCode), [true, ErrorCode.RESUME_EXPIRED]);
  assertEquals(pair.playersOf(anna.playerId), [1]);
  two.harness.disconnect(both[0]);
  const { answer } = await resume(pair, two, anna.resumeToken, 1, true);
  assertEquals([answer.success, answer.gap, answer.resumeToken], [true, true, answers[0].resumeToken]);
});

Deno.test("RESUME_REQUEST by a token that no session has is answered RESUME_EXPIRED on every node", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  const bert = await one.harness.connect({ name: "Bert", at: { x: 300, z: 300 } });
  one.harness.send(anna, LeaveWorldRequestSchema, {});
  for (const node of [one, two]) {
    assertEquals((await resume(pair, node, "nobody's")).answer.errorCode, ErrorCode.RESUME_EXPIRED);
  }
  assertEquals((await resume(pair, one, anna.resumeToken)).answer.errorCode, ErrorCode.RESUME_EXPIRED);
  await pair.pass(1_500);
  assertEquals((await resume(pair, two, anna.resumeToken)).answer.errorCode, ErrorCode.RESUME_EXPIRED);
  await pair.storage.accounts.revokeTokens({ accountId: bert.playerId, tokenEpoch: null });
  assertEquals((await resume(pair, two, bert.resumeToken)).answer.errorCode, ErrorCode.RESUME_EXPIRED);
  const far = pair.resume(two, { resumeToken: "x", lastSequence: BigInt(RESUME_SEQUENCE_MAX) + 1n });
  await pair.pass(STEP_MS * 2);
  assertEquals(answerTo(two, far)?.errorCode, ErrorCode.RESUME_EXPIRED);
});

Deno.test("RESUME_REQUEST at its own node ends a session whose tokens were made void without this node being told", async () => {
  await using pair = await Pair.start();
  const [one] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna" });
  one.harness.disconnect(anna);
  const { answer: first } = await resume(pair, one, anna.resumeToken);
  assertEquals(first.success, true);
  await pair.storage.accounts.revokeTokens({ accountId: anna.playerId, tokenEpoch: null });
  const { answer } = await resume(pair, one, first.resumeToken);
  assertEquals([answer.success, answer.errorCode], [false, ErrorCode.RESUME_EXPIRED]);
  assertEquals(one.harness.sessions.findPlayer(anna.playerId), undefined);
});

Deno.test("RESUME_REQUEST that finds tokens made void is no way out of a fight", async () => {
  await using pair = await Pair.start();
  const [one] = pair.nodes, { harness } = one;
  const anna = await harness.connect({ name: "Anna", at: { x: 500, z: 560 } });
  const bert = await harness.connect({ name: "Bert", at: { x: 501, z: 560 } });
  await pair.pass(ENTRY_CALM_MS);
  hit(harness, bert, anna);
  harness.disconnect(anna);
  await pair.storage.accounts.revokeTokens({ accountId: anna.playerId, tokenEpoch: null });
  const { answer } = await resume(pair, one, anna.resumeToken);
  assertEquals([answer.success, answer.errorCode], [false, ErrorCode.RESUME_EXPIRED]);
  assertEquals([harness.sessions.findPlayer(anna.playerId), harness.world.has(anna.entityId)], [undefined, true]);
  await pair.pass(FIGHT_MS + 1_000);
  assertEquals(harness.world.has(anna.entityId), false);
});

Deno.test("RESUME_REQUEST from a dead node names no packet that is out of all bounds", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  pair.kill(one);
  await pair.pass(NODE_LEASE_MS);
  const far = await resume(pair, two, anna.resumeToken, RESUME_SEQUENCE_MAX + 1);
  assertEquals([far.answer.errorCode, pair.playersOf(anna.playerId)], [ErrorCode.INVALID_PACKET, []]);
  assert((await resume(pair, two, anna.resumeToken, RESUME_SEQUENCE_MAX)).answer.success);
});

Deno.test("RESUME_REQUEST that could not take a session says when to ask again, as no client waits well by itself", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  pair.kill(one);
  await pair.pass(NODE_LEASE_MS);
  pair.directory.isLapsed = true;
  const { answer } = await resume(pair, two, anna.resumeToken);
  assertEquals([answer.errorCode, answer.retryAfterMs], [ErrorCode.UNAVAILABLE, RESUME_AGAIN_MS]);
  pair.directory.isLapsed = false;
  assert((await resume(pair, two, anna.resumeToken)).answer.success);
});

Deno.test("A session goes on at its own node while the directory is out of reach, by the token it has", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  one.harness.disconnect(anna);
  pair.directory.isDown = true;
  const { client, answer } = await resume(pair, one, anna.resumeToken);
  assertEquals([answer.success, answer.gap, answer.resumeToken], [true, false, anna.resumeToken]);
  one.harness.disconnect(client);
  const again = await resume(pair, one, anna.resumeToken);
  assertEquals([again.answer.success, again.answer.resumeToken], [true, anna.resumeToken], "It is not spent");
  assertEquals((await resume(pair, two, anna.resumeToken)).answer.errorCode, ErrorCode.UNAVAILABLE);
  one.harness.disconnect(again.client);
  pair.directory.isDown = false;
  const { answer: last } = await resume(pair, one, anna.resumeToken);
  assertEquals([last.success, last.resumeToken === anna.resumeToken], [true, false]);
});

Deno.test("A player who was in the world and enters again is found by the new token, one who was refused by the old one", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  const place = async (token: string) => (await resume(pair, two, token)).answer.resumeAt?.serverId;
  const again = pair.ask(one, anna);
  await pair.pass(STEP_MS * 4);
  assertEquals(entered(one, again), "in");
  const [{ resumeToken }] = one.harness.received(again, PacketType.ENTER_WORLD_RESPONSE);
  assertEquals(await place(resumeToken), 1);
  await pair.storage.sanctions.set({
    ...{ kind: "ban", playerId: anna.playerId, address: null, reason: "", moderator: "mod" },
    ...{ createdAtMs: 1, endsAtMs: null },
  });
  const refused = pair.ask(one, anna);
  await pair.pass(STEP_MS * 4);
  assertEquals([entered(one, refused), await place(resumeToken)], ["BANNED", 1]);
});

const PASSWORD = "ab".repeat(32);

for (
  const [name, schema, answerType] of [
    ["PASSWORD_CHANGE_REQUEST", PasswordChangeRequestSchema, PacketType.PASSWORD_CHANGE_RESPONSE],
    ["TOKENS_REVOKE_REQUEST", TokensRevokeRequestSchema, PacketType.TOKENS_REVOKE_RESPONSE],
  ] as const
) {
  Deno.test(`${name} leaves the session that asks in the world, and every node knows where it is`, async () => {
    await using pair = await Pair.start();
    const [one, two] = pair.nodes;
    const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
    const passwordVerifier = await one.harness.logic.context.hasher.hash(PASSWORD, "operator");
    await pair.storage.accounts.revokeTokens({ accountId: anna.playerId, tokenEpoch: null, passwordVerifier });
    assertEquals((await resume(pair, two, anna.resumeToken)).answer.errorCode, ErrorCode.RESUME_EXPIRED);
    one.harness.send(anna, schema, { passwordHash: PASSWORD, newPasswordHash: "cd".repeat(32) });
    for (let tries = 0; one.harness.received(anna, answerType).length === 0; tries++) {
      assert(tries < 100, "It is answered");
      await pair.pass(STEP_MS);
    }
    assertEquals((await resume(pair, two, anna.resumeToken)).answer.resumeAt?.serverId, 1);
  });
}

Deno.test("A player who is in the world on one node, and logged in on another, changes friends on both, and keeps all", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const friends = [];
  for (const name of ["Bert", "Cora"]) friends.push((await two.harness.connect({ name })).playerId);
  const anna = await two.harness.connect({ name: "Anna" });
  const passwordVerifier = await one.harness.logic.context.hasher.hash(PASSWORD, "operator");
  await pair.storage.accounts.revokeTokens({ accountId: anna.playerId, tokenEpoch: null, passwordVerifier });
  const idle = one.harness.open({ name: "Anna", port: "gateway" });
  one.harness.send(idle, LoginRequestSchema, { username: "Anna", passwordHash: PASSWORD });
  await pair.pass(STEP_MS * 4);
  assert(one.harness.received(idle, PacketType.LOGIN_RESPONSE)[0]?.success);
  one.harness.send(idle, FriendRequestSchema, { playerName: "Bert" });
  two.harness.send(anna, FriendRequestSchema, { playerName: "Cora" });
  await pair.pass(STEP_MS * 4);
  const asked = [];
  for (const playerId of friends) {
    const { incoming } = await pair.storage.of(SOCIAL).load(playerId);
    asked.push(incoming.map((each) => each.playerId));
  }
  assertEquals(asked, [[anna.playerId], [anna.playerId]]);
  assertEquals(pair.playersOf(anna.playerId), [2], "It plays on");
});

Deno.test("A player whom only the directory knows to be on a node is given up by it when another one wants the player", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  one.harness.disconnect(anna);
  // As after a crash of its logic: nothing is left of what it knew.
  const { epoch } = one.harness.logic.context.ownerships.find(anna.playerId)!;
  one.harness.sessions.end(one.harness.sessions.findPlayer(anna.playerId)!);
  one.harness.logic.context.finder!.forget(anna.playerId);
  assertEquals(await pair.storage.of(DIRECTORY).lost([{ playerId: anna.playerId, epoch }]), []);
  const again = pair.ask(two, anna);
  await pair.pass(4_000);
  assertEquals(entered(two, again), "in");
});

Deno.test("RESUME_REQUEST asks the directory in the turn of its address: for a guessed token, the own one, that of a dead node", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  const bert = await two.harness.connect({ name: "Bert", at: { x: 310, z: 300 } });
  const { source } = two.harness.sessionOf(bert);
  const asked: string[] = [], { storage } = pair, forAsker = storage.for.bind(storage);
  storage.for = (asker) => {
    const stores = forAsker(asker), { accounts, characters, sanctions } = stores, own = stores.of(DIRECTORY);
    const told = (method: "findSession" | "mark" | "takeSession") => (argument: never) => {
      asked.push(`${method} ${asker.source === source} ${asker.urgency === ENTRY}`);
      return own[method](argument);
    };
    const directory = { findSession: told("findSession"), mark: told("mark"), takeSession: told("takeSession") };
    const of: typeof stores.of = (definition) =>
      definition.name === DIRECTORY.name ? storeWith(own, directory) as never : stores.of(definition);
    return storeWith(stores, { accounts, characters, sanctions, of });
  };
  assertEquals((await resume(pair, two, "a guess")).answer.errorCode, ErrorCode.RESUME_EXPIRED);
  assert((await resume(pair, two, bert.resumeToken)).answer.success);
  pair.kill(one);
  await pair.pass(NODE_LEASE_MS);
  assert((await resume(pair, two, anna.resumeToken)).answer.success);
  const methods = ["findSession", "mark", "findSession", "takeSession"];
  assertEquals(asked, methods.map((method) => `${method} true true`));
});
