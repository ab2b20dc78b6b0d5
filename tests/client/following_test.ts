/** A client among several servers: it goes where its session is, and to another one where one is gone. @module */

import { create } from "@bufbuild/protobuf";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { GuildInfoRequestSchema } from "../../games/parts/guilds/guilds_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { DisconnectReason, type ServerInfo, ServerInfoSchema } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import {
  CLIENT_FOLLOW_PAUSE_MS,
  CLIENT_FOLLOWED_MAX,
  CLIENT_FOLLOWED_SLOWLY_MAX,
  CLIENT_MOVE_TIMEOUT_MS,
} from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { until } from "../support/wait.ts";
import { Fixture } from "./support/fixture.ts";

const RECONNECT = { baseMs: 200, capMs: 6_400 };
const SENT_AWAY = { success: false, errorCode: ErrorCode.UNAVAILABLE } as const;

function info(serverId: number): ServerInfo {
  return create(ServerInfoSchema, { serverId, ipAddress: "192.0.2.1", port: serverId, maxPlayers: 100 });
}

/** A client in the world, which has come there by whichever server the application means. */
async function enter(...ids: number[]): Promise<Fixture> {
  const fixture = await Fixture.enter({ reconnect: RECONNECT, servers: ids.map(info) });
  fixture.server.attempts.length = 0;
  return fixture;
}

Deno.test("DrawbridgeClient goes at once where RESUME_RESPONSE sends it, with the same token, and comes back there", async () => {
  const fixture = await enter();
  const { client, server } = fixture;
  await fixture.reconnect();
  server.peer.reply(PacketType.RESUME_RESPONSE, { ...SENT_AWAY, resumeAt: info(9) });
  await fixture.advance(0);
  assertEquals(server.attempts, [0, 9]);
  assertEquals(server.peer.last(PacketType.RESUME_REQUEST).resumeToken, "token-1");
  server.peer.reply(PacketType.RESUME_RESPONSE, { success: true, resumeToken: "token-2", entityId: 5n });
  await fixture.settle();
  assertEquals(client.state, "connected");
  await fixture.reconnect();
  assertEquals(server.attempts, [0, 9, 9]);
  await fixture.close();
});

Deno.test("DrawbridgeClient is not sent from server to server without a pause", async () => {
  const fixture = await enter();
  const { server } = fixture;
  await fixture.reconnect();
  const { attemptCount } = server;
  for (let times = 0; times < 10; times++) {
    server.peer.reply(PacketType.RESUME_RESPONSE, { ...SENT_AWAY, resumeAt: info(times % 2 + 1) });
    await fixture.advance(0);
  }
  assertEquals(server.attemptCount - attemptCount, CLIENT_FOLLOWED_MAX);
  // A dead server may be named for a while: where its session is then is worth asking for soon, but not for ever.
  const waits: number[] = [];
  for (let times = 0; times < CLIENT_FOLLOWED_SLOWLY_MAX + 10; times++) {
    const before = server.attemptCount;
    let waitedMs = 0;
    for (; server.attemptCount === before; waitedMs += 50) await fixture.advance(50);
    waits.push(waitedMs);
    server.peer.reply(PacketType.RESUME_RESPONSE, { ...SENT_AWAY, resumeAt: info(times % 2 + 1) });
    await fixture.advance(0);
  }
  const soon = Array(CLIENT_FOLLOWED_SLOWLY_MAX).fill(CLIENT_FOLLOW_PAUSE_MS + RECONNECT.baseMs / 2);
  assertEquals(waits.slice(0, soon.length), soon);
  const later = waits.slice(soon.length);
  assertEquals([later, later.at(-1)], [later.toSorted((a, b) => a - b), RECONNECT.capMs / 2]);
  await fixture.close();
});

Deno.test("DrawbridgeClient does not pause while servers restart one after the other, and is on its way no more often than with pauses", async () => {
  const fixture = await enter();
  const { client, server } = fixture;
  const waits: number[] = [];
  // The first two are free, and each server is up for less time than ends a row of losses.
  const upMs = [10, 10, CLIENT_FOLLOW_PAUSE_MS - 100, ...Array(5).fill(CLIENT_FOLLOW_PAUSE_MS)];
  for (const [index, lastsMs] of upMs.entries()) {
    await fixture.advance(lastsMs);
    const notice = { reason: DisconnectReason.SHUTDOWN, retryAfterMs: 70, resumeAt: info(index % 3 + 1) };
    server.peer.reply(PacketType.DISCONNECT_NOTICE, notice);
    await fixture.advance(0);
    const before = server.attemptCount;
    let waitedMs = 0;
    for (; server.attemptCount === before; waitedMs += 10) await fixture.advance(10);
    waits.push(waitedMs);
    server.peer.reply(PacketType.RESUME_RESPONSE, { success: true, resumeToken: `token-${index}`, entityId: 5n });
    await fixture.settle();
    assertEquals(client.state, "connected");
  }
  assertEquals(waits, [70, 70, 100 + RECONNECT.baseMs / 2, 70, 70, 70, 70, 70]);
  await fixture.close();
});

Deno.test("DrawbridgeClient whose connections break soon goes where it is sent at once, however often it was taken before", async () => {
  const fixture = await enter();
  const { client, server } = fixture;
  for (let times = 0; times < 2 * (CLIENT_FOLLOWED_MAX + CLIENT_FOLLOWED_SLOWLY_MAX); times++) {
    client.reconnectNow();
    await fixture.advance(0);
    const { attemptCount } = server;
    server.peer.reply(PacketType.RESUME_RESPONSE, { ...SENT_AWAY, resumeAt: info(times % 2 + 1) });
    await fixture.advance(0);
    assertEquals(server.attemptCount, attemptCount + 1);
    server.peer.reply(PacketType.RESUME_RESPONSE, { success: true, resumeToken: `token-${times}`, entityId: 5n });
    await fixture.settle();
    assertEquals(client.state, "connected");
  }
  await fixture.close();
});

Deno.test("DrawbridgeClient whose server has died begins at the base again on another one, however soon that one dies", async () => {
  const fixture = await enter(1);
  const { client, server } = fixture;
  const waits: (number | null)[] = [];
  client.onState((state, { retryInMs }) => state === "reconnecting" && waits.push(retryInMs));
  for (let times = 0; times < 10; times++) {
    const dead = times % 2;
    server.modes.clear();
    server.modes.set(dead, "refuse");
    server.peer.hangUp();
    await fixture.advance(2 * RECONNECT.baseMs);
    assertEquals(server.attempts.splice(0), [dead, 1 - dead]);
    server.peer.reply(PacketType.RESUME_RESPONSE, { success: true, resumeToken: `token-${times}`, entityId: 5n });
    await fixture.settle();
    assertEquals(client.state, "connected");
  }
  assertEquals(waits, Array(20).fill(RECONNECT.baseMs / 2), "One before each attempt");
  await fixture.close();
});

Deno.test("DrawbridgeClient waits for longer each time that the server that took its session breaks the connection, or sends it to and fro", async () => {
  for (const isSent of [false, true]) {
    const fixture = await enter();
    const { client, server } = fixture;
    const waits: number[] = [];
    const followedMax = isSent ? CLIENT_FOLLOWED_MAX + CLIENT_FOLLOWED_SLOWLY_MAX : 0;
    for (let times = 0; times < followedMax + 8; times++) {
      const before = server.attemptCount;
      const notice = { reason: DisconnectReason.SHUTDOWN, resumeAt: isSent ? info(times % 2 + 1) : undefined };
      server.peer.reply(PacketType.DISCONNECT_NOTICE, notice);
      await fixture.advance(0);
      let waitedMs = 0;
      for (; server.attemptCount === before; waitedMs += 50) await fixture.advance(50);
      waits.push(waitedMs);
      server.peer.reply(PacketType.RESUME_RESPONSE, { success: true, resumeToken: `token-${times}`, entityId: 5n });
      await fixture.settle();
      assertEquals(client.state, "connected");
    }
    const factors = [1, 2, 4, 8, 16, 32, 32, 32];
    assertEquals(waits.slice(followedMax), factors.map((factor) => factor * RECONNECT.baseMs / 2), `sent: ${isSent}`);
    await fixture.close();
  }
});

Deno.test("DrawbridgeClient goes where DISCONNECT_NOTICE sends it when that says, and from there home where nobody is", async () => {
  const fixture = await enter();
  const { client, server } = fixture;
  const notice = { reason: DisconnectReason.SHUTDOWN, retryAfterMs: 70, resumeAt: info(7) };
  server.peer.reply(PacketType.DISCONNECT_NOTICE, notice);
  await fixture.advance(69);
  assertEquals([client.state, server.attempts], ["reconnecting", []]);
  server.modes.set(7, "refuse");
  await fixture.advance(1);
  assertEquals(server.attempts, [7]);
  await fixture.advance(200);
  assertEquals(server.attempts, [7, 0]);
  await fixture.close();
});

Deno.test("DrawbridgeClient tries all servers it knows one after the other, and waits for longer after each round", async () => {
  const fixture = await enter(1, 2);
  const { server } = fixture;
  for (const port of [0, 1, 2]) server.modes.set(port, "refuse");
  server.peer.hangUp();
  await fixture.advance(100 * 4);
  assertEquals(server.attempts, [0, 1, 2], "At half of the base each, as chance is one half");
  await fixture.advance(100);
  assertEquals(server.attempts.length, 4);
  server.modes.delete(2);
  await fixture.advance(1_000);
  assertEquals([server.attempts.slice(3), server.peers.length], [[0, 1, 2], 2]);
  await fixture.close();
});

Deno.test("DrawbridgeClient learns servers at its login, and gives each a moment only", async () => {
  const fixture = await Fixture.open({ reconnect: RECONNECT });
  const { client, server } = fixture;
  const login = client.login("Anna", "secret");
  await until("the password's hash", () => server.peer.of(PacketType.LOGIN_REQUEST).length > 0);
  const gameServers = [1, 2].map(info);
  server.peer.reply(PacketType.LOGIN_RESPONSE, { success: true, sessionToken: "jwt", gameServers, serverId: 1 });
  await fixture.settle();
  assert((await login).success);
  server.mode = "hang";
  server.attempts.length = 0;
  server.peer.hangUp();
  await fixture.advance(100 + CLIENT_MOVE_TIMEOUT_MS + 100);
  assertEquals(server.attempts, [0, 2], "The first of them is where it is");
  await fixture.close();
});

Deno.test("DrawbridgeClient comes again when RESUME_RESPONSE says, with a little of its own, however often", async () => {
  const fixture = await enter();
  const { server } = fixture;
  await fixture.reconnect();
  for (const retryAfterMs of [5_000, 40, 40, 40]) {
    const count = server.attemptCount;
    server.peer.reply(PacketType.RESUME_RESPONSE, { ...SENT_AWAY, retryAfterMs });
    await fixture.advance(retryAfterMs + 99);
    assertEquals(server.attemptCount, count);
    await fixture.advance(1);
    assertEquals(server.attemptCount, count + 1);
  }
  await fixture.close();
});

Deno.test("DrawbridgeClient sends all it has again to a server that does not know what came before", async () => {
  const fixture = await enter();
  const { client, server } = fixture;
  for (const message of ["one", "two"]) client.send(ChatMessageSchema, { channel: Channel.AREA, message });
  const answered = client.request(GuildInfoRequestSchema, { guildId: 1n });
  const lost = answered.catch((error) => error.reason);
  await fixture.settle();
  server.peer.reply(PacketType.CHAT_MESSAGE, {}, { sequence: 2, ack: 1 });
  client.send(ChatMessageSchema, { channel: Channel.AREA, message: "three" });
  await fixture.reconnect();
  const response = { success: true, resumeToken: "token-2", lastSequence: 0n, gap: true, entityId: 9n };
  server.peer.reply(PacketType.RESUME_RESPONSE, response);
  await fixture.settle();
  // What is sent there may be lost as well.
  await fixture.reconnect();
  server.peer.reply(PacketType.RESUME_RESPONSE, { ...response, resumeToken: "token-3" });
  server.peer.reply(PacketType.CHAT_MESSAGE, {}, { sequence: 3 });
  await fixture.settle();
  const sent = server.peer.packets.filter(({ sequence }) => sequence > 0).map(({ sequence }) => sequence);
  assertEquals([sent, client.state, client.entityId], [[2, 3, 4], "connected", 9n]);
  server.peer.reply(PacketType.GUILD_INFO_RESPONSE, { success: true }, { sequence: 4, ack: 4 });
  await fixture.settle();
  assertEquals([(await answered).success, await lost === "lost"], [true, false], "It was asked again");
  await fixture.close();
});
