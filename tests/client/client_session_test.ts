import type { SessionLoss } from "../../client/browser.ts";
import { RequestError } from "../../client/browser.ts";
import { ClientSession } from "../../client/client_session.ts";
import type { OutgoingPacket } from "../../client/outgoing.ts";
import { ProtocolError } from "../../shared/errors.ts";
import { LogoutRequestSchema } from "../../shared/gen/auth_pb.ts";
import { ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { RoomListRequestSchema } from "../../games/parts/rooms/rooms_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { LeaveWorldRequestSchema, MovementUpdateSchema } from "../../shared/gen/world_pb.ts";
import { GuildInfoRequestSchema } from "../../games/parts/guilds/guilds_pb.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { OUTBOX_BYTES_MAX, OUTBOX_PACKETS_MAX } from "../../shared/limits.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { Fixture } from "./support/fixture.ts";

function packet(payloadBytes = 1): OutgoingPacket {
  const row = contract.packets.row(PacketType.CHAT_MESSAGE)!;
  return { row, payload: new Uint8Array(payloadBytes), isCompressed: false, requestKey: 0, sequence: 0, isSent: false };
}

Deno.test("ClientSession.accept() takes each number once and none that skips one", () => {
  const session = new ClientSession("token", 1n, 1);
  assertEquals([2, 2, 1, 3, 2].map((sequence) => session.accept(sequence)), [true, false, false, true, false]);
  assertEquals(session.received, 3);
  assertThrows(() => session.accept(5), ProtocolError, "its number is 5, expected 4");
  assertEquals(session.received, 3);
});

Deno.test("ClientSession.accept() lets one number skip others after a gap", () => {
  const session = new ClientSession("token", 1n, 1);
  session.resume(0, true);
  assertEquals(session.accept(1), false);
  assertEquals(session.accept(10), true);
  assertThrows(() => session.accept(12), ProtocolError);
});

Deno.test("ClientSession.acknowledge() frees what the server has and refuses what was never sent", () => {
  const session = new ClientSession("token", 1n, 1);
  const packets = [packet(), packet(), packet()];
  for (const each of packets) session.number(each);
  assertEquals(packets.map(({ sequence }) => sequence), [1, 2, 3]);
  assertEquals(session.acknowledge(2), true);
  assertEquals(session.acknowledge(2), false);
  assertEquals(session.acknowledge(1), false);
  assertEquals(session.outbox, [packets[2]]);
  assertThrows(() => session.acknowledge(4), ProtocolError, "it is 4, the last number sent is 3");
});

Deno.test("ClientSession.hasRoom() bounds the outbox by count and by bytes", () => {
  const byCount = new ClientSession("token", 1n, 1);
  for (let i = 0; i < OUTBOX_PACKETS_MAX; i++) {
    assert(byCount.hasRoom(1));
    byCount.number(packet());
  }
  assert(!byCount.hasRoom(1));
  byCount.acknowledge(1);
  assert(byCount.hasRoom(1));

  const byBytes = new ClientSession("token", 1n, 1);
  assert(byBytes.hasRoom(OUTBOX_BYTES_MAX + 1), "a single packet always fits");
  byBytes.number(packet(OUTBOX_BYTES_MAX - 1));
  assert(byBytes.hasRoom(1));
  assert(!byBytes.hasRoom(2));
});

Deno.test("ClientSession.resume() keeps exactly what the server lacks", () => {
  const session = new ClientSession("token", 1n, 1);
  for (let i = 0; i < 5; i++) session.number(packet());
  session.acknowledge(1);
  session.resume(3, false);
  assertEquals(session.outbox.map(({ sequence }) => sequence), [4, 5]);
  assertThrows(() => session.resume(2, false), ProtocolError, "the server has 2, it had acknowledged 3");
  assertThrows(() => session.resume(6, false), ProtocolError);
});

Deno.test("DrawbridgeClient resumes with what it received, then sends again what the server lacks", async () => {
  const fixture = await Fixture.enter();
  const { client, server } = fixture;
  for (const message of ["1", "2", "3"]) client.send(ChatMessageSchema, { message });
  server.peer.reply(PacketType.CHAT_MESSAGE, { message: "a" }, { sequence: 2 });
  await fixture.reconnect();
  assertEquals(client.send(ChatMessageSchema, { message: "4" }), "queued");
  const { peer } = server;
  const request = peer.last(PacketType.RESUME_REQUEST);
  assertEquals([request.resumeToken, request.lastSequence], ["token-1", 2n]);
  assertEquals(peer.packets[0].type, PacketType.RESUME_REQUEST, "it comes before anything else");
  assertEquals(
    peer.packets.map(({ sequence, ack }) => sequence + ack),
    peer.packets.map(() => 0),
    "nothing is bound yet",
  );

  const response = { success: true, resumeToken: "token-2", lastSequence: 1n, entityId: 6n };
  peer.reply(PacketType.RESUME_RESPONSE, response);
  peer.reply(PacketType.CHAT_MESSAGE, { message: "b" }, { sequence: 3 });
  await fixture.settle();
  assertEquals([client.state, client.entityId], ["connected", 6n]);
  assertEquals(peer.of(PacketType.CHAT_MESSAGE).map(({ sequence, ack }) => [sequence, ack]), [[2, 2], [3, 2], [4, 2]]);

  await fixture.reconnect();
  const second = server.peer.last(PacketType.RESUME_REQUEST);
  assertEquals([second.resumeToken, second.lastSequence], ["token-2", 3n], "a token serves once");
  await fixture.close();
});

Deno.test("DrawbridgeClient is connected again only once its session is resumed", async () => {
  const fixture = await Fixture.enter();
  await fixture.reconnect();
  assertEquals(fixture.client.state, "reconnecting");
  fixture.server.peer.reply(PacketType.RESUME_RESPONSE, { success: true, resumeToken: "token-2" });
  await fixture.settle();
  assertEquals(fixture.states, ["connecting", "connected", "reconnecting", "connected"]);
  await fixture.close();
});

Deno.test("DrawbridgeClient.request() in a session is answered after its connection was lost", async () => {
  const fixture = await Fixture.enter();
  const { client, server } = fixture;
  const received = client.request(GuildInfoRequestSchema, { guildId: 1n });
  const lost = client.request(GuildInfoRequestSchema, { guildId: 2n });
  await fixture.reconnect();
  const unsent = client.request(GuildInfoRequestSchema, { guildId: 3n });
  const { peer } = server;
  peer.reply(PacketType.RESUME_RESPONSE, { success: true, resumeToken: "token-2", lastSequence: 1n });
  peer.reply(PacketType.GUILD_INFO_RESPONSE, { guildId: 1n }, { sequence: 2 });
  await fixture.settle();
  assertEquals(peer.of(PacketType.GUILD_INFO_REQUEST).map(({ sequence }) => sequence), [2, 3]);
  peer.reply(PacketType.GUILD_INFO_RESPONSE, { guildId: 2n }, { sequence: 3 });
  peer.reply(PacketType.GUILD_INFO_RESPONSE, { guildId: 3n }, { sequence: 4 });
  await fixture.settle();
  assertEquals([(await received).guildId, (await lost).guildId, (await unsent).guildId], [1n, 2n, 3n]);
  await fixture.close();
});

Deno.test("DrawbridgeClient tells of a gap and goes on from the next number", async () => {
  const fixture = await Fixture.enter();
  const { client, server } = fixture;
  let gapCount = 0;
  client.on("gap", () => gapCount++);
  const answered = client.request(GuildInfoRequestSchema, { guildId: 1n });
  const rejected = assertRejects(() => answered, RequestError, "answers are gone");
  await fixture.reconnect();
  const { peer } = server;
  peer.reply(PacketType.RESUME_RESPONSE, { success: true, resumeToken: "token-2", lastSequence: 1n, gap: true });
  peer.reply(PacketType.CHAT_MESSAGE, {}, { sequence: 40 });
  await fixture.settle();
  assertEquals((await rejected).reason, "lost");
  assertEquals([gapCount, client.state], [1, "connected"]);
  client.send(ChatMessageSchema, {});
  await fixture.settle();
  assertEquals(peer.of(PacketType.CHAT_MESSAGE)[0].ack, 40);
  await fixture.close();
});

/** A client whose session the server does not resume; gives what it was told. */
async function loseSession(fixture: Fixture): Promise<SessionLoss[]> {
  const losses: SessionLoss[] = [];
  fixture.client.on("sessionLost", (loss) => losses.push(loss));
  await fixture.reconnect();
  fixture.server.peer.reply(PacketType.RESUME_RESPONSE, { success: false, errorCode: ErrorCode.RESUME_EXPIRED });
  await fixture.settle();
  return losses;
}

Deno.test("DrawbridgeClient enters the world anew when its session is lost; only the unsent is sent", async () => {
  const fixture = await Fixture.enter();
  const { client, server } = fixture;
  client.send(ChatMessageSchema, { message: "perhaps applied" });
  const sent = assertRejects(() => client.request(GuildInfoRequestSchema, {}), RequestError, "session is over");
  server.peer.hangUp();
  await fixture.settle();
  client.send(ChatMessageSchema, { message: "never sent" });
  client.send(MovementUpdateSchema, { sequenceNumber: 9 });
  const unsent = client.request(GuildInfoRequestSchema, { guildId: 3n });
  await fixture.advance(1_000);
  const losses: SessionLoss[] = [];
  client.on("sessionLost", (loss) => losses.push(loss));
  const { peer } = server;
  peer.reply(PacketType.RESUME_RESPONSE, { success: false, errorCode: ErrorCode.RESUME_EXPIRED });
  await fixture.settle();
  assertEquals(losses, [{ code: ErrorCode.RESUME_EXPIRED, unacknowledgedCount: 2, isReentering: true }]);
  assertEquals((await sent).reason, "lost");
  assertEquals([client.state, client.entityId], ["reconnecting", null]);
  const { sessionToken, characterId } = peer.last(PacketType.ENTER_WORLD_REQUEST);
  assertEquals([sessionToken, characterId], ["jwt", 7n]);

  await fixture.admit({ success: true, resumeToken: "token-9", entityId: 8n });
  assertEquals([client.state, client.entityId], ["connected", 8n]);
  assertEquals(peer.of(PacketType.CHAT_MESSAGE).length, 1);
  assertEquals(peer.last(PacketType.CHAT_MESSAGE).message, "never sent");
  assertEquals(peer.of(PacketType.CHAT_MESSAGE)[0].sequence, 1, "the new session numbers anew");
  assertEquals(peer.of(PacketType.MOVEMENT_UPDATE), [], "the old place means nothing");
  peer.reply(PacketType.GUILD_INFO_RESPONSE, { guildId: 3n }, { sequence: 2 });
  await fixture.settle();
  assertEquals((await unsent).guildId, 3n);
  await fixture.reconnect();
  assertEquals(server.peer.last(PacketType.RESUME_REQUEST).resumeToken, "token-9");
  await fixture.close();
});

Deno.test("DrawbridgeClient stays outside when told not to enter anew; what waits is dropped", async () => {
  const fixture = await Fixture.enter({ reenter: false });
  const { client, server } = fixture;
  server.peer.hangUp();
  await fixture.settle();
  const unsent = assertRejects(() => client.request(GuildInfoRequestSchema, {}), RequestError, "session is over");
  await fixture.advance(1_000);
  const losses: SessionLoss[] = [];
  client.on("sessionLost", (loss) => losses.push(loss));
  server.peer.reply(PacketType.RESUME_RESPONSE, { success: false, errorCode: ErrorCode.RESUME_EXPIRED });
  await fixture.settle();
  assertEquals(losses.map(({ isReentering }) => isReentering), [false]);
  assertEquals((await unsent).reason, "not_sent");
  assertEquals(client.state, "connected");
  assertEquals(server.peer.of(PacketType.ENTER_WORLD_REQUEST), []);
  assertEquals(server.peer.of(PacketType.GUILD_INFO_REQUEST), []);
  await fixture.close();
});

Deno.test("DrawbridgeClient tries later when the server cannot resume or admit now", async () => {
  const fixture = await Fixture.enter();
  const { client, server } = fixture;
  let lossCount = 0;
  client.on("sessionLost", () => lossCount++);
  await fixture.reconnect();
  const requestType = PacketType.RESUME_REQUEST;
  server.peer.reply(PacketType.ERROR_RESPONSE, { errorCode: ErrorCode.UNAVAILABLE, requestType });
  await fixture.advance(1_000);
  assertEquals([server.peers.length, lossCount], [3, 0]);
  assertEquals(server.peer.last(PacketType.RESUME_REQUEST).resumeToken, "token-1");

  server.peer.reply(PacketType.ERROR_RESPONSE, { errorCode: ErrorCode.RESUME_EXPIRED, requestType });
  await fixture.settle();
  assertEquals(lossCount, 1);
  server.peer.reply(PacketType.ENTER_WORLD_RESPONSE, { success: false, errorCode: ErrorCode.SERVER_FULL });
  await fixture.advance(2_000);
  assertEquals([server.peers.length, lossCount], [4, 1]);
  assertEquals(server.peer.of(PacketType.RESUME_REQUEST), []);
  await fixture.admit();
  assertEquals([client.state, client.entityId], ["connected", 5n]);
  await fixture.close();
});

Deno.test("DrawbridgeClient waits in the login queue for as long as each LOGIN_QUEUE_STATUS says, and no longer", async () => {
  const fixture = await Fixture.open({ requestTimeoutMs: 2_000 });
  const { client, server } = fixture;
  const refused = assertRejects(() => client.enterWorld({ token: "token" }), RequestError, "no answer in time");
  await fixture.settle();
  for (const position of [3, 2, 1]) {
    server.peer.reply(PacketType.LOGIN_QUEUE_STATUS, { position, etaMs: 3_000 * position });
    await fixture.advance(2_000);
  }
  let isOver = false;
  refused.then(() => isOver = true);
  // By the first status, 3 x 3 s and the time of a request, of which 6 s are over.
  await fixture.advance(4_900);
  assertEquals(isOver, false);
  await fixture.advance(200);
  assertEquals((await refused).reason, "timeout");
  await fixture.close();
});

Deno.test("DrawbridgeClient that enters anew waits in the login queue on the same connection for as long as it is told", async () => {
  for (const etaMs of [60_000, 2 ** 32 - 1]) {
    const fixture = await Fixture.enter({ requestTimeoutMs: 2_000, heartbeatIntervalMs: 1_000 });
    const { client, server } = fixture;
    await loseSession(fixture);
    const count = server.peers.length;
    server.peer.reply(PacketType.LOGIN_QUEUE_STATUS, { position: 1, etaMs });
    for (let i = 0; i < 20; i++) {
      await fixture.advance(1_000);
      server.peer.reply(PacketType.LOGIN_QUEUE_STATUS, { position: 1, etaMs });
    }
    assertEquals([server.peers.length, client.state], [count, "reconnecting"]);
    await fixture.admit();
    assertEquals(client.state, "connected");
    await fixture.close();
  }
});

Deno.test("DrawbridgeClient gives entering anew up when the server refuses it for good", async () => {
  for (const refusal of ["response", "error"]) {
    const fixture = await Fixture.enter();
    const { client, server } = fixture;
    const losses = await loseSession(fixture);
    const errorCode = ErrorCode.TOKEN_EXPIRED;
    const requestType = PacketType.ENTER_WORLD_REQUEST;
    if (refusal === "response") server.peer.reply(PacketType.ENTER_WORLD_RESPONSE, { success: false, errorCode });
    else server.peer.reply(PacketType.ERROR_RESPONSE, { errorCode, requestType });
    await fixture.settle();
    assertEquals(losses.map(({ code, isReentering }) => [code, isReentering]), [
      [ErrorCode.RESUME_EXPIRED, true],
      [ErrorCode.TOKEN_EXPIRED, false],
    ]);
    assertEquals(client.state, "connected");
    await fixture.reconnect();
    assertEquals(server.peer.of(PacketType.ENTER_WORLD_REQUEST), []);
    assertEquals(client.state, "connected");
    await fixture.close();
  }
});

Deno.test("DrawbridgeClient gives a connection up on which RESUME_REQUEST is not answered", async () => {
  const fixture = await Fixture.enter({ requestTimeoutMs: 4_000, heartbeatIntervalMs: 15_000 });
  await fixture.reconnect();
  await fixture.advance(4_000);
  const { peers } = fixture.server;
  assertEquals(peers.length, 3);
  assertEquals(peers[1].of(PacketType.RESUME_REQUEST).length, 1);
  assert(peers[1].isClosedByClient);
  await fixture.close();
});

Deno.test("DrawbridgeClient takes its session for lost when the server lacks what it had acknowledged", async () => {
  const fixture = await Fixture.enter();
  const { client, server } = fixture;
  client.send(ChatMessageSchema, {});
  await fixture.settle();
  server.peer.reply(PacketType.HEARTBEAT_RESPONSE, {}, { ack: 1 });
  await fixture.reconnect();
  server.peer.reply(PacketType.RESUME_RESPONSE, { success: true, resumeToken: "token-2", lastSequence: 0n });
  await fixture.settle();
  assertEquals(fixture.errors, ["resume: Cannot resume: the server has 0, it had acknowledged 1"]);
  assertEquals(server.peer.of(PacketType.ENTER_WORLD_REQUEST).length, 1);
  await fixture.close();
});

Deno.test("DrawbridgeClient may be closed from within every event", async () => {
  for (const event of ["sessionLost", "gap", "state"] as const) {
    const fixture = await Fixture.enter();
    const { client, server } = fixture;
    await fixture.reconnect();
    client.on(event, () => {
      if (client.state !== "closed") client.close({ linkDead: true });
    });
    const isLost = event === "sessionLost";
    server.peer.reply(PacketType.RESUME_RESPONSE, { success: !isLost, resumeToken: "token-2", gap: true });
    await fixture.settle();
    assertEquals(client.state, "closed", event);
    assertEquals(fixture.states.at(-1), "closed");
    assertEquals(fixture.clock.timerCount, 0, event);
    assertEquals(fixture.errors, []);
    server.mode = "hang";
    const opened = assertRejects(() => client.open(), Error);
    assertEquals(client.send(ChatMessageSchema, {}), "queued", "nothing of the old connection is left");
    await fixture.close();
    await opened;
  }
});

Deno.test("DrawbridgeClient does not take requests of a session it left for those of the next", async () => {
  const fixture = await Fixture.enter();
  const { client } = fixture;
  const left = assertRejects(() => client.request(GuildInfoRequestSchema, {}), RequestError, "broken");
  client.send(LeaveWorldRequestSchema, {});
  const entered = client.enterWorld({ token: "jwt" });
  await fixture.admit();
  await entered;
  const kept = client.request(RoomListRequestSchema, {});
  await fixture.reconnect();
  assertEquals((await left).reason, "lost");
  const { peer } = fixture.server;
  peer.reply(PacketType.RESUME_RESPONSE, { success: true, resumeToken: "token-2" });
  peer.reply(PacketType.ROOM_LIST_RESPONSE, {}, { sequence: 2 });
  await fixture.settle();
  assertEquals((await kept).rooms, []);
  await fixture.close();
});

Deno.test("DrawbridgeClient shows at once that it has heard the answer to its resume, so that the old token is spent", async () => {
  const fixture = await Fixture.enter();
  await fixture.reconnect();
  const { peer } = fixture.server;
  const before = peer.packets.length;
  peer.reply(PacketType.RESUME_RESPONSE, { success: true, resumeToken: "token-2", lastSequence: 0n });
  await fixture.settle();
  assertEquals(peer.packets.slice(before).map(({ type, ack }) => [type, ack]), [[PacketType.HEARTBEAT_REQUEST, 1]]);
  await fixture.close();
});

Deno.test("DrawbridgeClient asks again with the same token, and says so, until it learns the next", async () => {
  const fixture = await Fixture.enter();
  const asked = () => {
    const { resumeToken, isRepeat } = fixture.server.peer.last(PacketType.RESUME_REQUEST);
    return [resumeToken, isRepeat];
  };
  await fixture.reconnect();
  assertEquals(asked(), ["token-1", false]);
  for (let lost = 0; lost < 2; lost++) {
    await fixture.reconnect();
    assertEquals(asked(), ["token-1", true]);
  }
  fixture.server.peer.reply(PacketType.RESUME_RESPONSE, { success: true, resumeToken: "token-2", lastSequence: 0n });
  await fixture.settle();
  await fixture.reconnect();
  assertEquals(asked(), ["token-2", false]);
  await fixture.close();
});

Deno.test("DrawbridgeClient resumes a session that it was leaving, so that what it said before is not lost", async () => {
  const fixture = await Fixture.enter();
  const { client, server } = fixture;
  client.send(ChatMessageSchema, { message: "farewell" });
  client.send(LeaveWorldRequestSchema, {});
  await fixture.reconnect();
  server.peer.reply(PacketType.RESUME_RESPONSE, { success: true, resumeToken: "token-2", lastSequence: 0n });
  await fixture.settle();
  assertEquals(server.peer.of(PacketType.CHAT_MESSAGE).map(({ sequence }) => sequence), [1]);
  assertEquals(server.peer.of(PacketType.LEAVE_WORLD_REQUEST).map(({ sequence }) => sequence), [2]);
  await fixture.close();
});

for (const schema of [LeaveWorldRequestSchema, LogoutRequestSchema]) {
  Deno.test(`DrawbridgeClient does not come back into the world when it sent ${schema.name} and the session is over`, async () => {
    const fixture = await Fixture.enter();
    const { client, server } = fixture;
    const losses: SessionLoss[] = [];
    client.on("sessionLost", (loss) => losses.push(loss));
    client.send(schema, {});
    await fixture.reconnect();
    server.peer.reply(PacketType.RESUME_RESPONSE, { success: false, errorCode: ErrorCode.RESUME_EXPIRED });
    await fixture.settle();
    assertEquals(losses.map(({ code, isReentering }) => [code, isReentering]), [[ErrorCode.RESUME_EXPIRED, false]]);
    assertEquals(server.peer.of(PacketType.ENTER_WORLD_REQUEST), []);
    assertEquals([client.state, client.entityId], ["connected", null]);
    await fixture.close();
  });

  Deno.test(`DrawbridgeClient stays in its session when ${schema.name} is refused`, async () => {
    const fixture = await Fixture.enter();
    const { client, server } = fixture;
    client.send(schema, {});
    await fixture.settle();
    const requestType = schema === LogoutRequestSchema ? PacketType.LOGOUT_REQUEST : PacketType.LEAVE_WORLD_REQUEST;
    server.peer.reply(PacketType.ERROR_RESPONSE, { errorCode: ErrorCode.RATE_LIMITED, requestType }, { sequence: 2 });
    await fixture.reconnect();
    server.peer.reply(PacketType.RESUME_RESPONSE, { success: false, errorCode: ErrorCode.RESUME_EXPIRED });
    await fixture.settle();
    assertEquals(server.peer.of(PacketType.ENTER_WORLD_REQUEST).length, 1, "it plays on");
    await fixture.close();
  });
}
