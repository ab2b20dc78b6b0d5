import { toBinary } from "@bufbuild/protobuf";
import { DrawbridgeClient, RequestError } from "../../client/browser.ts";
import { deflatePayload } from "../../client/inflate.ts";
import {
  DisconnectReason,
  EchoRequestSchema,
  LogoutRequestSchema,
  RegisterRequestSchema,
} from "../../shared/gen/auth_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import {
  RoomJoinRequestSchema,
  RoomLeaveRequestSchema,
  RoomListRequestSchema,
} from "../../games/parts/rooms/rooms_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import {
  DespawnReason,
  EnterWorldRequestSchema,
  LeaveWorldRequestSchema,
  MovementUpdateSchema,
} from "../../shared/gen/world_pb.ts";
import { GuildInfoRequestSchema, GuildLeaveRequestSchema } from "../../games/parts/guilds/guilds_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import {
  CLIENT_ANSWER_MS,
  CLIENT_BUFFERED_BYTES_MAX,
  CLIENT_CLOSE_MS,
  CLIENT_REQUESTS_MAX,
  CLIENT_SILENCE_MS,
  FRAME_BYTES_MAX,
} from "../../shared/limits.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { until } from "../support/wait.ts";
import { Fixture } from "./support/fixture.ts";
import { noise } from "./support/noise.ts";
import { frame, framePayload } from "./support/memory_server.ts";

function chat(message: string) {
  return { channel: Channel.GLOBAL, message };
}

/** The answer to LEAVE_WORLD_REQUEST. */
function left(entityId: bigint) {
  return { entityId, update: { case: "despawn", value: { reason: DespawnReason.LEFT_WORLD } } } as const;
}

Deno.test("DrawbridgeClient.send() numbers RELIABLE messages from 1 after ENTER_WORLD_REQUEST", async () => {
  const fixture = await Fixture.open();
  assertEquals(fixture.client.send(ChatMessageSchema, chat("before")), "sent");
  const entered = fixture.client.request(EnterWorldRequestSchema, { sessionToken: "jwt" });
  await fixture.admit();
  await entered;
  fixture.client.send(ChatMessageSchema, chat("one"));
  fixture.client.send(MovementUpdateSchema, { sequenceNumber: 1 });
  fixture.client.send(EchoRequestSchema, {});
  fixture.client.send(ChatMessageSchema, chat("two"));
  await fixture.settle();
  const { peer } = fixture.server;
  assertEquals(peer.of(PacketType.CHAT_MESSAGE).map(({ sequence }) => sequence), [0, 1, 2]);
  assertEquals(peer.of(PacketType.ENTER_WORLD_REQUEST)[0].sequence, 0);
  assertEquals(peer.of(PacketType.MOVEMENT_UPDATE)[0].sequence, 0);
  assertEquals(peer.of(PacketType.ECHO_REQUEST)[0].sequence, 0);
  await fixture.close();
});

Deno.test("DrawbridgeClient.send() acknowledges in every packet what was received in order", async () => {
  const fixture = await Fixture.enter();
  const { client, server: { peer } } = fixture;
  client.send(ChatMessageSchema, chat("a"));
  peer.reply(PacketType.CHAT_MESSAGE, chat("b"), { sequence: 2 });
  peer.reply(PacketType.CHAT_MESSAGE, chat("c"), { sequence: 3 });
  await fixture.settle();
  client.send(EchoRequestSchema, {});
  await fixture.settle();
  assertEquals(peer.of(PacketType.ENTER_WORLD_REQUEST)[0].ack, 0);
  assertEquals(peer.of(PacketType.CHAT_MESSAGE)[0].ack, 1);
  assertEquals(peer.of(PacketType.ECHO_REQUEST)[0].ack, 3);
  await fixture.close();
});

Deno.test("DrawbridgeClient.send() joins the packets of one turn into one write", async () => {
  const fixture = await Fixture.open();
  const { client, server: { peer } } = fixture;
  await fixture.settle();
  const writeCount = peer.writes.length;
  for (let i = 0; i < 100; i++) client.send(ChatMessageSchema, chat(`message ${i}`));
  await fixture.settle();
  assertEquals(peer.writes.length, writeCount + 1);
  assertEquals(peer.of(PacketType.CHAT_MESSAGE).length, 100);
  await fixture.close();
});

Deno.test("DrawbridgeClient.send() holds messages back until the world is entered, in order", async () => {
  const fixture = await Fixture.open();
  const { client, server: { peer } } = fixture;
  const entered = client.enterWorld({ token: "jwt" });
  assertEquals(client.send(ChatMessageSchema, chat("first")), "queued");
  assertEquals(client.send(MovementUpdateSchema, { sequenceNumber: 1 }), "queued");
  assertEquals(client.send(ChatMessageSchema, chat("second")), "queued");
  await fixture.settle();
  assertEquals(peer.of(PacketType.CHAT_MESSAGE), []);
  await fixture.admit();
  await entered;
  assertEquals(peer.of(PacketType.CHAT_MESSAGE).map(({ sequence }) => sequence), [1, 2]);
  assertEquals(peer.of(PacketType.MOVEMENT_UPDATE).length, 1);
  await fixture.close();
});

Deno.test("DrawbridgeClient.send() lets messages through unnumbered when entering is refused", async () => {
  for (const refusal of ["response", "error", "silence"]) {
    const fixture = await Fixture.open();
    const { client, server: { peer } } = fixture;
    client.send(EnterWorldRequestSchema, { sessionToken: "jwt" });
    assertEquals(client.send(ChatMessageSchema, chat("first")), "queued");
    if (refusal === "response") {
      peer.reply(PacketType.ENTER_WORLD_RESPONSE, { success: false, errorCode: ErrorCode.INVALID_TOKEN });
    } else if (refusal === "error") {
      const requestType = PacketType.ENTER_WORLD_REQUEST;
      peer.reply(PacketType.ERROR_RESPONSE, { errorCode: ErrorCode.INVALID_STATE, requestType });
    } else {
      await fixture.advance(10_000);
    }
    await fixture.settle();
    assertEquals(peer.of(PacketType.CHAT_MESSAGE).map(({ sequence }) => sequence), [0], refusal);
    assertEquals(client.entityId, null);
    await fixture.close();
  }
});

Deno.test("DrawbridgeClient.send() stops numbering once it has sent LEAVE_WORLD_REQUEST, and keeps its session until it has left", async () => {
  const fixture = await Fixture.enter();
  const { client, server: { peer } } = fixture;
  client.send(LeaveWorldRequestSchema, {});
  client.send(ChatMessageSchema, chat("on the way out"));
  await fixture.settle();
  peer.reply(PacketType.ENTITY_UPDATE, left(client.entityId! + 1n));
  await fixture.settle();
  assert(client.entityId !== null, "another one has left");
  peer.reply(PacketType.ENTITY_UPDATE, left(client.entityId!));
  await fixture.settle();
  assertEquals(client.entityId, null);
  client.send(ChatMessageSchema, chat("outside"));
  await fixture.settle();
  assertEquals(peer.of(PacketType.LEAVE_WORLD_REQUEST)[0].sequence, 1);
  assertEquals(peer.of(PacketType.CHAT_MESSAGE).map(({ sequence }) => sequence), [0, 0]);
  await fixture.reconnect();
  assertEquals(fixture.server.peer.of(PacketType.RESUME_REQUEST), [], "there is nothing to resume");
  await fixture.close();
});

Deno.test("DrawbridgeClient.send() compresses a payload above 1,024 bytes where that makes it smaller", async () => {
  const fixture = await Fixture.open();
  const { client, server: { peer } } = fixture;
  client.send(EchoRequestSchema, { data: new Uint8Array(3_000) });
  client.send(EchoRequestSchema, { data: noise(3_000) });
  client.send(EchoRequestSchema, { data: new Uint8Array(900) });
  await fixture.settle();
  assertEquals(peer.of(PacketType.ECHO_REQUEST).map(({ isCompressed }) => isCompressed), [true, false, false]);
  for (const packet of peer.of(PacketType.ECHO_REQUEST)) assertEquals(packet.size, packet.payload.length);
  await fixture.close();
});

Deno.test("DrawbridgeClient.send() refuses a message that fits no frame", async () => {
  const fixture = await Fixture.open({ compress: false });
  const { client } = fixture;
  assertThrows(
    () => client.send(EchoRequestSchema, { data: new Uint8Array(FRAME_BYTES_MAX) }),
    RangeError,
    "ECHO_REQUEST",
  );
  assertEquals(client.send(EchoRequestSchema, { data: new Uint8Array(FRAME_BYTES_MAX - 100) }), "sent");
  await fixture.close();
});

Deno.test("DrawbridgeClient.sendEncoded() sends a payload as it is", async () => {
  const fixture = await Fixture.enter();
  const { client, server: { peer } } = fixture;
  const payload = toBinary(ChatMessageSchema, { $typeName: "drawbridge.v1.ChatMessage", ...peerChat("encoded") });
  assertEquals(client.sendEncoded(PacketType.CHAT_MESSAGE, payload), "sent");
  await fixture.settle();
  assertEquals(peer.last(PacketType.CHAT_MESSAGE).message, "encoded");
  assertEquals(peer.of(PacketType.CHAT_MESSAGE)[0].sequence, 1);
  assertThrows(() => client.sendEncoded(PacketType.ENTER_WORLD_REQUEST, payload), TypeError);
  await fixture.close();
});

function peerChat(message: string) {
  const none = { senderId: 0n, senderName: "", timestamp: 0n, recipientId: 0n, recipientName: "", roomId: 0n };
  return { ...none, messageId: 0n, channel: Channel.GLOBAL, message };
}

Deno.test("DrawbridgeClient.send() keeps RELIABLE messages and the newest LATEST one while disconnected", async () => {
  const fixture = await Fixture.enter({ queueMax: { packets: 3 } });
  const { client, server } = fixture;
  server.mode = "refuse";
  server.peer.hangUp();
  await fixture.settle();
  assertEquals(client.state, "reconnecting");
  for (let i = 1; i <= 5; i++) assertEquals(client.send(MovementUpdateSchema, { sequenceNumber: i }), "queued");
  assertEquals(client.send(EchoRequestSchema, {}), "dropped");
  const results = [1, 2, 3, 4].map((i) => client.send(ChatMessageSchema, chat(`${i}`)));
  assertEquals(results, ["queued", "queued", "queued", "full"]);

  server.mode = "accept";
  await fixture.advance(20_000);
  server.peer.reply(PacketType.RESUME_RESPONSE, { success: true, resumeToken: "token-2", lastSequence: 0n });
  await fixture.settle();
  assertEquals(server.peer.of(PacketType.CHAT_MESSAGE).map(({ sequence }) => sequence), [1, 2, 3]);
  assertEquals(server.peer.of(PacketType.MOVEMENT_UPDATE).length, 1);
  assertEquals(server.peer.last(PacketType.MOVEMENT_UPDATE).sequenceNumber, 5);
  assertEquals(server.peer.of(PacketType.ECHO_REQUEST), []);
  await fixture.close();
});

Deno.test("DrawbridgeClient.send() bounds what it keeps by bytes, too", async () => {
  const fixture = await Fixture.enter({ queueMax: { bytes: 100 } });
  const { client, server } = fixture;
  server.mode = "refuse";
  server.peer.hangUp();
  await fixture.settle();
  assertEquals(client.send(ChatMessageSchema, chat("x".repeat(97))), "queued");
  assertEquals(client.send(ChatMessageSchema, chat("x")), "full");
  await fixture.close();
});

Deno.test("DrawbridgeClient.send() holds back while its transport is congested, and goes on in order", async () => {
  const fixture = await Fixture.enter();
  const { client, server: { peer } } = fixture;
  peer.bufferedBytes = CLIENT_BUFFERED_BYTES_MAX + 1;
  assertEquals(client.send(ChatMessageSchema, chat("1")), "queued");
  assertEquals(client.send(MovementUpdateSchema, { sequenceNumber: 1 }), "queued");
  assertEquals(client.send(EchoRequestSchema, {}), "dropped");
  await fixture.advance(100);
  assertEquals(peer.of(PacketType.CHAT_MESSAGE), []);
  peer.bufferedBytes = 0;
  assertEquals(client.send(ChatMessageSchema, chat("2")), "queued");
  await fixture.advance(100);
  assertEquals(client.send(ChatMessageSchema, chat("3")), "sent");
  await fixture.settle();
  assertEquals(peer.of(PacketType.CHAT_MESSAGE).map(({ sequence }) => sequence), [1, 2, 3]);
  assertEquals(peer.last(PacketType.CHAT_MESSAGE).message, "3");
  assertEquals(peer.of(PacketType.MOVEMENT_UPDATE).length, 1);
  await fixture.close();
});

Deno.test("DrawbridgeClient.send() waits for an acknowledgement when its outbox is full", async () => {
  const fixture = await Fixture.enter();
  const { client, server: { peer } } = fixture;
  let sentCount = 0;
  while (client.send(ChatMessageSchema, chat("x".repeat(200))) === "sent") sentCount++;
  await fixture.settle();
  assert(sentCount > 100);
  assertEquals(peer.of(PacketType.CHAT_MESSAGE).length, sentCount);
  peer.reply(PacketType.HEARTBEAT_RESPONSE, {}, { ack: 10 });
  await fixture.settle();
  assertEquals(peer.of(PacketType.CHAT_MESSAGE).length, sentCount + 1, "what waited is sent");
  assertEquals(client.send(ChatMessageSchema, chat("last")), "sent");
  await fixture.close();
});

Deno.test("DrawbridgeClient.send() drops everything before it is opened and after it is closed", async () => {
  const fixture = new Fixture();
  assertEquals(fixture.client.send(ChatMessageSchema, chat("early")), "dropped");
  const error = await assertRejects(() => fixture.client.request(RoomListRequestSchema, {}), RequestError, "idle");
  assertEquals(error.reason, "closed");
  const opened = fixture.client.open();
  assertEquals(fixture.client.send(RegisterRequestSchema, {}), "queued");
  await fixture.settle();
  await opened;
  await fixture.settle();
  assertEquals(fixture.server.peer.of(PacketType.REGISTER_REQUEST).length, 1);
  await fixture.close();
  assertEquals(fixture.client.send(ChatMessageSchema, chat("late")), "dropped");
});

Deno.test("DrawbridgeClient.request() hands answers to the waiting requests, of one type in order", async () => {
  const fixture = await Fixture.enter();
  const { client, server: { peer } } = fixture;
  const first = client.request(GuildInfoRequestSchema, { guildId: 1n });
  const list = client.request(RoomListRequestSchema, {});
  const second = client.request(GuildInfoRequestSchema, { guildId: 2n });
  peer.reply(PacketType.GUILD_INFO_RESPONSE, { success: true, name: "first" }, { sequence: 2 });
  peer.reply(PacketType.GUILD_INFO_RESPONSE, { success: false, name: "second" }, { sequence: 3 });
  peer.reply(PacketType.ROOM_LIST_RESPONSE, { rooms: [{ name: "den" }] }, { sequence: 4 });
  await fixture.settle();
  assertEquals((await first).name, "first");
  assertEquals((await second).name, "second");
  assertEquals((await list).rooms[0].name, "den");
  await fixture.close();
});

Deno.test("DrawbridgeClient.request() tells answers of one response type apart by the request type they name", async () => {
  const fixture = await Fixture.enter();
  const { client, server: { peer } } = fixture;
  const joined = client.request(RoomJoinRequestSchema, { name: "den" });
  const left = client.request(RoomLeaveRequestSchema, { roomId: 9n });
  const quit = client.request(GuildLeaveRequestSchema, {});
  const requestType = PacketType.ROOM_LEAVE_REQUEST;
  peer.reply(PacketType.ROOM_RESPONSE, { success: true, requestType, room: { roomId: 9n } }, { sequence: 2 });
  peer.reply(PacketType.ROOM_RESPONSE, { requestType: PacketType.ROOM_JOIN_REQUEST }, { sequence: 3 });
  peer.reply(PacketType.GUILD_ACTION_RESPONSE, { requestType: PacketType.GUILD_LEAVE_REQUEST }, { sequence: 4 });
  await fixture.settle();
  assertEquals((await left).room?.roomId, 9n);
  assertEquals((await joined).success, false);
  assertEquals((await quit).success, false);
  await fixture.close();
});

Deno.test("DrawbridgeClient.request() tells echoes apart by what they carry, as some may be dropped", async () => {
  const fixture = await Fixture.open();
  const { client, server: { peer } } = fixture;
  const lost = client.request(EchoRequestSchema, { data: Uint8Array.of(1) }, { timeoutMs: 1_000 });
  const answered = client.request(EchoRequestSchema, { data: Uint8Array.of(2), route: 1 }, { timeoutMs: 1_000 });
  peer.reply(PacketType.ECHO_RESPONSE, { data: Uint8Array.of(2), route: 1 });
  await fixture.settle();
  assertEquals((await answered).data, Uint8Array.of(2));
  const rejected = assertRejects(() => lost, RequestError, "no answer in time");
  await fixture.advance(1_000);
  const error = await rejected;
  assertEquals([error.reason, error.code, error.type], ["timeout", ErrorCode.TIMEOUT, PacketType.ECHO_REQUEST]);
  await fixture.close();
});

Deno.test("DrawbridgeClient.request() does not take the late answer of a request given up for the next one's", async () => {
  const fixture = await Fixture.enter();
  const { client, server: { peer } } = fixture;
  const late = client.request(GuildInfoRequestSchema, { guildId: 1n }, { timeoutMs: 100 });
  const rejected = assertRejects(() => late, RequestError);
  await fixture.advance(100);
  await rejected;
  const next = client.request(GuildInfoRequestSchema, { guildId: 2n });
  peer.reply(PacketType.GUILD_INFO_RESPONSE, { name: "late" }, { sequence: 2 });
  peer.reply(PacketType.GUILD_INFO_RESPONSE, { name: "next" }, { sequence: 3 });
  await fixture.settle();
  assertEquals((await next).name, "next");
  await fixture.close();
});

Deno.test("DrawbridgeClient.request() takes no answer before it was sent", async () => {
  const fixture = await Fixture.open();
  const { client, server: { peer } } = fixture;
  client.send(EnterWorldRequestSchema, { sessionToken: "jwt" });
  const request = client.request(GuildInfoRequestSchema, {});
  peer.reply(PacketType.GUILD_INFO_RESPONSE, { name: "unasked" });
  await fixture.admit();
  peer.reply(PacketType.GUILD_INFO_RESPONSE, { name: "asked" }, { sequence: 2 });
  await fixture.settle();
  assertEquals((await request).name, "asked");
  await fixture.close();
});

Deno.test("DrawbridgeClient.request() rejects with the code of the ERROR_RESPONSE that names it", async () => {
  const fixture = await Fixture.enter();
  const { client, server: { peer } } = fixture;
  const first = client.request(GuildInfoRequestSchema, {});
  const second = client.request(GuildInfoRequestSchema, {});
  const other = client.request(RoomListRequestSchema, {});
  const rejections = Promise.allSettled([first, second, other]);
  const requestType = PacketType.GUILD_INFO_REQUEST;
  peer.reply(PacketType.ERROR_RESPONSE, {
    errorCode: ErrorCode.NOT_FOUND,
    message: "gone",
    requestType,
    requestSequence: 2n,
  });
  peer.reply(PacketType.ERROR_RESPONSE, { errorCode: ErrorCode.RATE_LIMITED, requestType });
  peer.reply(PacketType.ERROR_RESPONSE, { errorCode: ErrorCode.INTERNAL, requestType: PacketType.CHAT_MESSAGE });
  peer.reply(PacketType.ROOM_LIST_RESPONSE, {}, { sequence: 2 });
  await fixture.settle();
  const [one, two, three] = await rejections;
  assert(one.status === "rejected" && two.status === "rejected" && three.status === "fulfilled");
  assertEquals([one.reason.code, one.reason.reason], [ErrorCode.RATE_LIMITED, "refused"]);
  assertEquals([two.reason.code, two.reason.reason], [ErrorCode.NOT_FOUND, "refused"]);
  assertEquals(two.reason.message, "Cannot complete GUILD_INFO_REQUEST: NOT_FOUND, gone");
  await fixture.close();
});

Deno.test("DrawbridgeClient.request() takes a request back that was not sent in time", async () => {
  const fixture = await Fixture.enter();
  const { client, server } = fixture;
  server.mode = "refuse";
  server.peer.hangUp();
  await fixture.settle();
  const request = client.request(GuildInfoRequestSchema, {}, { timeoutMs: 1_000 });
  const rejected = assertRejects(() => request, RequestError);
  await fixture.advance(1_000);
  assertEquals((await rejected).reason, "not_sent");
  server.mode = "accept";
  await fixture.advance(20_000);
  server.peer.reply(PacketType.RESUME_RESPONSE, { success: true, resumeToken: "token-2" });
  await fixture.settle();
  assertEquals(client.state, "connected");
  assertEquals(server.peer.of(PacketType.GUILD_INFO_REQUEST), []);
  await fixture.close();
});

Deno.test("DrawbridgeClient.request() bounds how many wait, and says when one cannot be kept", async () => {
  const fixture = await Fixture.open();
  const { client } = fixture;
  const waiting = Array.from({ length: CLIENT_REQUESTS_MAX }, () => client.request(RoomListRequestSchema, {}));
  const settled = Promise.allSettled(waiting);
  const error = await assertRejects(() => client.request(RoomListRequestSchema, {}), RequestError, "full");
  assertEquals([error.reason, error.code], ["not_sent", ErrorCode.UNAVAILABLE]);
  await fixture.close();
  const reasons = (await settled).map((result) => result.status === "rejected" && result.reason.reason);
  assertEquals(new Set(reasons), new Set(["closed"]));
});

Deno.test("DrawbridgeClient.request() outside a session is lost with its connection", async () => {
  const fixture = await Fixture.open();
  const request = fixture.client.request(RegisterRequestSchema, {});
  const rejected = assertRejects(() => request, RequestError, "broken");
  await fixture.reconnect();
  assertEquals((await rejected).reason, "lost");
  assertEquals(fixture.server.peer.of(PacketType.REGISTER_REQUEST), [], "it is not repeated");
  await fixture.close();
});

Deno.test("DrawbridgeClient.on() hands messages to every handler of their type until it is taken away", async () => {
  const fixture = await Fixture.open();
  const { client, server: { peer } } = fixture;
  const heard: string[] = [];
  const handler = ({ message }: { message: string }) => heard.push(`a ${message}`);
  const off = client.on(PacketType.CHAT_MESSAGE, handler);
  client.on(PacketType.CHAT_MESSAGE, handler);
  const offSelf = client.on(PacketType.CHAT_MESSAGE, ({ message }, header) => {
    heard.push(`b ${message} ${header.type} ${header.timestamp}`);
    offSelf();
  });
  peer.reply(PacketType.CHAT_MESSAGE, chat("1"));
  await fixture.settle();
  off();
  off();
  peer.reply(PacketType.CHAT_MESSAGE, chat("2"));
  await fixture.settle();
  assertEquals(heard, ["a 1", "a 1", "b 1 2006 1", "a 2"]);
  await fixture.close();
});

Deno.test("DrawbridgeClient.on() isolates handlers that throw or reject", async () => {
  const fixture = await Fixture.open({ onPacket: () => assert(false, "raw") });
  const { client, server: { peer } } = fixture;
  const heard: string[] = [];
  client.on(PacketType.CHAT_MESSAGE, () => assert(false, "thrown"));
  client.on(PacketType.CHAT_MESSAGE, async () => await Promise.reject(new Error("rejected")));
  client.on(PacketType.CHAT_MESSAGE, ({ message }) => heard.push(message));
  client.onState(() => assert(false, "state"));
  peer.reply(PacketType.CHAT_MESSAGE, chat("1"));
  await fixture.settle();
  assertEquals(heard, ["1"]);
  assertEquals(fixture.errors, ["onPacket: raw", "handler of 2006: thrown", "handler of 2006: rejected"]);
  assertEquals(client.state, "connected");
  await fixture.close();
});

Deno.test("DrawbridgeClient.on() decodes nothing that nobody listens to", async () => {
  const fixture = await Fixture.open();
  const { client, server: { peer } } = fixture;
  const broken = Uint8Array.of(0xff);
  peer.sendBytes(framePayload(PacketType.CHAT_MESSAGE, broken));
  peer.sendBytes(framePayload(PacketType.CHAT_MESSAGE, broken, {}, true));
  await fixture.settle();
  assertEquals(client.state, "connected");
  client.on(PacketType.CHAT_MESSAGE, () => {});
  peer.sendBytes(framePayload(PacketType.CHAT_MESSAGE, broken));
  await fixture.settle();
  assertEquals(client.state, "reconnecting");
  await fixture.close();
});

Deno.test("DrawbridgeClient.on() inflates compressed payloads", async () => {
  const fixture = await Fixture.open();
  const { client, server: { peer } } = fixture;
  const heard: string[] = [];
  client.on(PacketType.CHAT_MESSAGE, ({ message }) => heard.push(message));
  const message = "again and ".repeat(1_000);
  const payload = toBinary(ChatMessageSchema, { $typeName: "drawbridge.v1.ChatMessage", ...peerChat(message) });
  peer.sendBytes(framePayload(PacketType.CHAT_MESSAGE, deflatePayload(payload)!, {}, true));
  await fixture.settle();
  assertEquals(heard, [message]);
  await fixture.close();
});

Deno.test("DrawbridgeClient applies a reliable packet once, and no number that skips one", async () => {
  const fixture = await Fixture.enter();
  const { client, server: { peer } } = fixture;
  const heard: string[] = [];
  client.on(PacketType.CHAT_MESSAGE, ({ message }) => heard.push(message));
  for (const sequence of [1, 2, 2, 1, 3]) peer.reply(PacketType.CHAT_MESSAGE, chat(`${sequence}`), { sequence });
  peer.reply(PacketType.CHAT_MESSAGE, chat("unnumbered"));
  await fixture.settle();
  assertEquals(heard, ["2", "3", "unnumbered"]);
  peer.reply(PacketType.CHAT_MESSAGE, chat("5"), { sequence: 5 });
  await fixture.settle();
  assertEquals(heard.length, 3);
  assertEquals(client.state, "reconnecting");
  assert(peer.isClosedByClient);
  assertEquals(fixture.errors, ["connection: Cannot accept packet: its number is 5, expected 4"]);
  await fixture.close();
});

Deno.test("DrawbridgeClient acknowledges by itself before the server's outbox is full", async () => {
  const fixture = await Fixture.enter();
  const { server: { peer } } = fixture;
  for (let sequence = 2; sequence <= 300; sequence++) peer.reply(PacketType.CHAT_MESSAGE, chat("x"), { sequence });
  await fixture.settle();
  const acknowledged = peer.of(PacketType.HEARTBEAT_REQUEST).map(({ ack }) => ack);
  assert(acknowledged.at(-1)! >= 200, `Acknowledged: ${acknowledged}`);
  assert(acknowledged.length <= 5, `Acknowledged: ${acknowledged}`);
  await fixture.close();
});

Deno.test("DrawbridgeClient closes the connection and comes back when the server breaks the contract", async () => {
  const breaches: Record<string, Uint8Array> = {
    "Cannot accept frame": Uint8Array.of(0, 0, 0, 0),
    "Cannot decode packet": Uint8Array.of(1, 0, 0, 0, 0xff),
    "announced were 9 bytes": withSize(9),
    "Cannot inflate payload": framePayload(PacketType.LOGIN_RESPONSE, Uint8Array.of(7), {}, true),
    "Cannot decode LOGIN_RESPONSE": framePayload(PacketType.LOGIN_RESPONSE, Uint8Array.of(0xff)),
    "Cannot accept acknowledgement": frame(PacketType.CHAT_MESSAGE, {}, { ack: 99 }),
  };
  for (const [problem, bytes] of Object.entries(breaches)) {
    const fixture = await Fixture.enter();
    const { client, server } = fixture;
    const heard: string[] = [];
    client.on(PacketType.CHAT_MESSAGE, ({ message }) => heard.push(message));
    const { peer } = server;
    peer.sendBytes(
      new Uint8Array([
        ...frame(PacketType.CHAT_MESSAGE, chat("good")),
        ...bytes,
        ...frame(PacketType.CHAT_MESSAGE, chat("late")),
      ]),
    );
    await fixture.settle();
    assertEquals(heard, ["good"], problem);
    assert(peer.isClosedByClient, problem);
    assertEquals(fixture.errors.length, 1);
    assert(fixture.errors[0].includes(problem), fixture.errors[0]);
    await fixture.advance(1_000);
    assertEquals(server.peers.length, 2, problem);
    await fixture.close();
  }
});

/** A frame whose header announces `size` bytes, with a payload of 3. */
function withSize(size: number): Uint8Array {
  const bytes = framePayload(PacketType.CHAT_MESSAGE, Uint8Array.of(34, 1, 65));
  assertEquals(bytes[10], 3, "the announced size");
  bytes[10] = size;
  return bytes;
}

Deno.test("DrawbridgeClient ignores packet types it does not know", async () => {
  const seen: number[] = [];
  const fixture = await Fixture.open({ onPacket: (view) => seen.push(view.type) });
  fixture.server.peer.sendBytes(framePayload(9_999, Uint8Array.of(1, 2, 3)));
  fixture.server.peer.sendBytes(framePayload(7, Uint8Array.of(1, 2, 3)));
  await fixture.settle();
  assertEquals(seen, [9_999, 7]);
  assertEquals(fixture.client.state, "connected");
  await fixture.close();
});

Deno.test("DrawbridgeClient.onPacket is shown every applied packet with its payload", async () => {
  const seen: string[] = [];
  const fixture = await Fixture.enter({
    onPacket: (view, bytes) =>
      seen.push(`${view.type} ${view.sequence} ${bytes.subarray(view.payloadStart, view.payloadEnd)}`),
  });
  const { peer } = fixture.server;
  for (const sequence of [2, 2, 0]) peer.reply(PacketType.CHAT_MESSAGE, { message: "A" }, { sequence });
  await fixture.settle();
  assertEquals(seen.slice(1), ["2006 2 34,1,65", "2006 0 34,1,65"]);
  await fixture.close();
});

Deno.test("DrawbridgeClient.login() sends the password's hash and remembers the token", async () => {
  const fixture = await Fixture.open({ clientVersion: "1.2", deviceId: "device" });
  const { client, server } = fixture;
  server.script = (peer, { type }) => {
    if (type === PacketType.LOGIN_REQUEST) {
      peer.reply(PacketType.LOGIN_RESPONSE, { success: true, sessionToken: "jwt" });
    }
    if (type === PacketType.REGISTER_REQUEST) peer.reply(PacketType.REGISTER_RESPONSE, { success: true, playerId: 3n });
  };
  const registered = client.register("alice", "abc");
  await until("the password's hash", () => server.peer.of(PacketType.REGISTER_REQUEST).length > 0);
  await fixture.settle();
  assertEquals((await registered).playerId, 3n);
  const loggedIn = client.login("alice", "abc");
  await until("the password's hash", () => server.peer.of(PacketType.LOGIN_REQUEST).length > 0);
  await fixture.settle();
  assert((await loggedIn).success);
  assertEquals(client.sessionToken, "jwt");
  const { username, passwordHash, clientVersion, deviceId } = server.peer.last(PacketType.LOGIN_REQUEST);
  const hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assertEquals([username, passwordHash, clientVersion, deviceId], ["alice", hash, "1.2", "device"]);

  const entered = client.enterWorld();
  await fixture.admit();
  await entered;
  assertEquals(server.peer.last(PacketType.ENTER_WORLD_REQUEST).sessionToken, "", "the connection is logged in");
  await fixture.close();
});

Deno.test("DrawbridgeClient.enterWorld() sends the remembered token where the connection is not logged in", async () => {
  const fixture = await Fixture.open();
  const { client, server } = fixture;
  server.peer.reply(PacketType.LOGIN_RESPONSE, { success: true, sessionToken: "jwt" });
  await fixture.reconnect();
  const entered = client.enterWorld({ characterId: 4n, channelId: 2 });
  await fixture.admit();
  await entered;
  const { sessionToken, characterId, channelId } = server.peer.last(PacketType.ENTER_WORLD_REQUEST);
  assertEquals([sessionToken, characterId, channelId], ["jwt", 4n, 2]);
  assertEquals(client.entityId, 5n);
  await fixture.close();
});

Deno.test("DrawbridgeClient.logout() ends the session and closes", async () => {
  const fixture = await Fixture.enter();
  const { client, server } = fixture;
  const loggedOut = client.logout();
  await fixture.settle();
  assertEquals(server.peer.of(PacketType.LOGOUT_REQUEST)[0].sequence, 1);
  server.peer.reply(PacketType.LOGOUT_RESPONSE, { success: true }, { sequence: 2 });
  await fixture.settle();
  assert((await loggedOut).success);
  assertEquals(client.state, "closed");
  assertEquals(client.sessionToken, null);
  await fixture.advance(60_000);
  assertEquals(server.peers.length, 1);
  assertEquals(fixture.clock.timerCount, 0);
});

Deno.test("DrawbridgeClient does not come back to a server that closes after LOGOUT_RESPONSE", async () => {
  const fixture = await Fixture.enter();
  const { client, server } = fixture;
  const loggedOut = client.request(LogoutRequestSchema, {});
  server.peer.reply(PacketType.LOGOUT_RESPONSE, { success: true }, { sequence: 2 });
  server.peer.hangUp();
  await fixture.settle();
  await loggedOut;
  assertEquals(client.state, "closed");
  assertEquals(fixture.clock.timerCount, 0);
});

Deno.test("DrawbridgeClient.close() sends what is written, then closes, and may be opened again; link-dead it leaves the session", async () => {
  const fixture = await Fixture.enter();
  const { client, server } = fixture;
  const pending = client.request(GuildInfoRequestSchema, {});
  const rejected = assertRejects(() => pending, RequestError);
  client.send(ChatMessageSchema, chat("goodbye"));
  await fixture.close();
  assertEquals((await rejected).reason, "closed");
  assert(server.peer.isClosedByClient);
  assertEquals(server.peer.last(PacketType.CHAT_MESSAGE).message, "goodbye");
  assertEquals(server.peer.of(PacketType.LOGOUT_REQUEST), []);
  await fixture.advance(60_000);
  assertEquals(server.peers.length, 1);

  const opened = client.open();
  await fixture.settle();
  await opened;
  assertEquals(server.peers.length, 2);
  assertEquals(server.peer.of(PacketType.RESUME_REQUEST), []);
  assertEquals(fixture.states, ["connecting", "connected", "closed", "connecting", "connected"]);
  await fixture.close();
});

Deno.test("DrawbridgeClient.close() ends the session behind what was sent, closes when that is answered, and keeps the token", async () => {
  for (const isAnswered of [true, false]) {
    const fixture = await Fixture.enter();
    const { client, server } = fixture;
    client.send(ChatMessageSchema, chat("goodbye"));
    const closed = client.close();
    assertEquals(client.send(ChatMessageSchema, chat("too late")), "dropped");
    assert(client.close() === closed, "Asked again it is the same end");
    await fixture.settle();
    assertEquals(server.peer.of(PacketType.CHAT_MESSAGE).length, 1);
    assertEquals([server.peer.of(PacketType.LOGOUT_REQUEST).length, client.state], [1, "connected"]);
    if (isAnswered) server.peer.reply(PacketType.LOGOUT_RESPONSE, { success: true });
    else await fixture.advance(CLIENT_CLOSE_MS);
    await fixture.settle();
    assert(server.peer.isClosedByClient);
    server.peer.hangUp();
    await fixture.settle();
    await closed;
    assertEquals([client.state, client.sessionToken, fixture.clock.timerCount], ["closed", "jwt", 0]);
    await fixture.advance(60_000);
    assertEquals(server.peers.length, 1);
  }
});

for (const how of ["logout", "close"] as const) {
  for (const isKicked of [false, true]) {
    const end = isKicked ? "is kicked meanwhile" : "is answered";
    Deno.test(`DrawbridgeClient.${how}() that ${end} does not close what was opened again when it had ended`, async () => {
      const fixture = await Fixture.enter();
      const { client, server } = fixture;
      const opened: Promise<void>[] = [];
      client.onState((state) => {
        if (state === "closed" && opened.length === 0) opened.push(client.open());
      });
      const ended = client[how]();
      const settled = ended.then(() => {}, () => {});
      await fixture.settle();
      const { peer } = server;
      if (isKicked) peer.reply(PacketType.DISCONNECT_NOTICE, { reason: DisconnectReason.KICKED });
      else peer.reply(PacketType.LOGOUT_RESPONSE, { success: true }, { sequence: 2 });
      peer.hangUp();
      await fixture.settle();
      await settled;
      await opened[0];
      assertEquals([client.state, server.peers.length, server.peer.isClosedByClient], ["connected", 2, false]);
      await fixture.close();
    });
  }
}

Deno.test("DrawbridgeClient tells of a silence of 2.5 s, asks after 1.5, and tells when the server is heard of again", async () => {
  const fixture = await Fixture.enter();
  const { client, server } = fixture;
  const heard: boolean[] = [];
  client.on("answering", (isAnswering) => void heard.push(isAnswering));
  const beats = () => server.peer.of(PacketType.HEARTBEAT_REQUEST);
  server.peer.reply(PacketType.HEARTBEAT_RESPONSE, {
    clientTimestamp: server.peer.last(PacketType.HEARTBEAT_REQUEST).timestamp,
  });
  await fixture.settle();
  const before = beats().length;
  await fixture.advance(CLIENT_SILENCE_MS - 1);
  assertEquals(beats().length, before);
  await fixture.advance(1);
  assertEquals(beats().length, before + 1, "It asks");
  await fixture.advance(CLIENT_ANSWER_MS - 1);
  assertEquals(heard, []);
  await fixture.advance(1);
  assertEquals([heard, client.state], [[false], "connected"], "It tells, and stays as it is");
  await fixture.advance(1_000);
  assertEquals(heard, [false], "It tells once");
  server.peer.reply(PacketType.CHAT_MESSAGE, { message: "anything at all" });
  await fixture.settle();
  assertEquals(heard, [false, true]);

  await fixture.advance(CLIENT_SILENCE_MS + CLIENT_ANSWER_MS);
  assertEquals(heard, [false, true, false]);
  server.peer.hangUp();
  await fixture.settle();
  assertEquals([heard.at(-1), client.state], [true, "reconnecting"], "What is told of the next connection begins anew");
  await fixture.close();
});

Deno.test("DrawbridgeClient.close() from within a handler ends the handling of that connection", async () => {
  const fixture = await Fixture.open();
  const { client, server: { peer } } = fixture;
  const heard: string[] = [];
  client.on(PacketType.CHAT_MESSAGE, ({ message }) => {
    heard.push(message);
    client.close();
  });
  peer.sendBytes(
    new Uint8Array([...frame(PacketType.CHAT_MESSAGE, chat("1")), ...frame(PacketType.CHAT_MESSAGE, chat("2"))]),
  );
  await fixture.settle();
  assertEquals(heard, ["1"]);
  assertEquals(client.state, "closed");
  assertEquals(fixture.clock.timerCount, 0);
});

Deno.test("DrawbridgeClient.open() rejects while it is open, and when the first attempt fails", async () => {
  const fixture = new Fixture();
  fixture.server.mode = "refuse";
  await assertRejects(() => fixture.client.open(), Error, "Connection refused");
  assertEquals(fixture.client.state, "closed");
  assertEquals(fixture.clock.timerCount, 0);
  fixture.server.mode = "accept";
  const opened = fixture.client.open();
  await assertRejects(() => fixture.client.open(), TypeError, "connecting");
  await fixture.settle();
  await opened;
  await fixture.close();
});

Deno.test("DrawbridgeClient.open() rejects when the client is closed meanwhile", async () => {
  const fixture = new Fixture();
  fixture.server.mode = "hang";
  const opened = assertRejects(() => fixture.client.open(), Error, "closed the client");
  await fixture.close();
  await opened;
});

Deno.test("DrawbridgeClient refuses heartbeat intervals out of their bounds", () => {
  const connect = new Fixture().server.connect;
  assertThrows(() => new DrawbridgeClient({ connect, heartbeatIntervalMs: 15_001 }), RangeError, "15001 ms");
  assertThrows(() => new DrawbridgeClient({ connect, heartbeatIntervalMs: 0 }), RangeError);
  assertThrows(
    () => new DrawbridgeClient({ connect, heartbeatIntervalMs: 1_000, deadAfterMs: 1_999 }),
    RangeError,
    "1999",
  );
});

Deno.test("DrawbridgeClient tells of a DISCONNECT_NOTICE before it acts on it", async () => {
  const fixture = await Fixture.open();
  const { client, server: { peer } } = fixture;
  const seen: string[] = [];
  client.on(PacketType.DISCONNECT_NOTICE, ({ message }) => seen.push(`${message} ${client.state}`));
  client.onState((state, { reason, notice }) => seen.push(`${state} ${reason} ${notice?.reason}`));
  peer.reply(PacketType.DISCONNECT_NOTICE, { reason: DisconnectReason.KICKED, message: "enough" });
  await fixture.settle();
  assertEquals(seen, ["enough connected", "closed Server closed the connection: KICKED, enough 7"]);
});
