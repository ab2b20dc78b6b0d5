import type { Transport } from "../../client/transport.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { RETRY_AFTER_MS_MAX } from "../../shared/limits.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { Fixture } from "./support/fixture.ts";
import { Peer } from "./support/memory_server.ts";

/** The waits a client told of. */
function retryWaits(fixture: Fixture): number[] {
  const waits: number[] = [];
  fixture.client.onState((_, { retryInMs }) => {
    if (retryInMs !== null) waits.push(retryInMs);
  });
  return waits;
}

Deno.test("Link comes back after a wait whose ceiling doubles up to the cap", async () => {
  const fixture = await Fixture.open({ reconnect: { baseMs: 100, capMs: 1_000 } });
  const waits = retryWaits(fixture);
  fixture.server.mode = "refuse";
  fixture.server.peer.hangUp();
  await fixture.settle();
  await fixture.advance(3_000);
  assertEquals(waits.slice(0, 6), [50, 100, 200, 400, 500, 500]);
  const { attemptCount } = fixture.server;
  await fixture.advance(499);
  assertEquals(fixture.server.attemptCount - attemptCount, 1, "one attempt in one wait");
  await fixture.close();
});

Deno.test("Link draws each wait from 0 to its ceiling", async () => {
  const draws = [0, 0.999, 0.25];
  const fixture = await Fixture.open({
    reconnect: { baseMs: 1_000, capMs: 8_000 },
    random: () => draws.shift() ?? 0.5,
  });
  const waits = retryWaits(fixture);
  fixture.server.mode = "refuse";
  fixture.server.peer.hangUp();
  await fixture.settle();
  await fixture.advance(3_500);
  assertEquals(waits.slice(0, 4), [0, 1_998, 1_000, 4_000]);
  await fixture.close();
});

Deno.test("Link begins at the base again only after a connection that lasted", async () => {
  const fixture = await Fixture.open({ reconnect: { baseMs: 100, capMs: 10_000, stableMs: 5_000 } });
  const waits = retryWaits(fixture);
  for (let i = 0; i < 3; i++) {
    fixture.server.peer.hangUp();
    await fixture.advance(1_000);
  }
  assertEquals(waits, [50, 100, 200]);
  fixture.server.peer.reply(PacketType.CHAT_MESSAGE, {});
  await fixture.advance(5_000);
  fixture.server.peer.hangUp();
  await fixture.advance(100);
  assertEquals(waits, [50, 100, 200, 50]);
  assertEquals(fixture.client.state, "connected");
  await fixture.close();
});

Deno.test("Link gives up after the attempts it was allowed, or at once without any", async () => {
  const fixture = await Fixture.open({ reconnect: { attemptsMax: 3 } });
  fixture.server.mode = "refuse";
  fixture.server.peer.hangUp();
  await fixture.advance(60_000);
  assertEquals(fixture.server.attemptCount, 4);
  assertEquals(fixture.states.at(-1), "closed");
  assertEquals(fixture.clock.timerCount, 0);

  const other = await Fixture.open({ reconnect: false });
  other.server.peer.hangUp();
  await other.settle();
  assertEquals(other.states, ["connecting", "connected", "closed"]);
  assertEquals(other.clock.timerCount, 0);
});

Deno.test("Link waits at least as long as DISCONNECT_NOTICE asks, within reason", async () => {
  const fixture = await Fixture.open({ reconnect: { baseMs: 100 } });
  const waits = retryWaits(fixture);
  for (const retryAfterMs of [30_000, 4_000_000_000]) {
    fixture.server.peer.reply(PacketType.DISCONNECT_NOTICE, { reason: DisconnectReason.SHUTDOWN, retryAfterMs });
    await fixture.settle();
    assert(fixture.server.peer.isClosedByClient);
    await fixture.advance(30_050);
  }
  assertEquals(waits, [30_050, RETRY_AFTER_MS_MAX + 100]);
  assertEquals(fixture.server.peers.length, 2);
  await fixture.close();
});

Deno.test("Link stays away after notices that are final, and only after those", async () => {
  const { LOGGED_IN_ELSEWHERE, KICKED, BANNED, PROTOCOL_VIOLATION, UNSPECIFIED } = DisconnectReason;
  const finals: ReadonlySet<number> = new Set([LOGGED_IN_ELSEWHERE, KICKED, BANNED, PROTOCOL_VIOLATION]);
  for (let reason: number = UNSPECIFIED; reason <= PROTOCOL_VIOLATION; reason++) {
    const fixture = await Fixture.enter();
    fixture.server.peer.reply(PacketType.DISCONNECT_NOTICE, { reason });
    fixture.server.peer.hangUp();
    await fixture.advance(1_000);
    assertEquals(fixture.states.at(2), finals.has(reason) ? "closed" : "reconnecting", DisconnectReason[reason]);
    assertEquals(fixture.server.peers.length, finals.has(reason) ? 1 : 2, DisconnectReason[reason]);
    await fixture.close();
  }
});

Deno.test("Link gives an attempt up that takes too long, and discards what comes of it", async () => {
  const late = Promise.withResolvers<Transport>();
  const signals: AbortSignal[] = [];
  let isHanging = false;
  const fixture: Fixture = new Fixture({
    connectTimeoutMs: 3_000,
    connect: (signal) => {
      signals.push(signal);
      return isHanging ? late.promise : fixture.server.connect(signal);
    },
  });
  const opened = fixture.client.open();
  await fixture.settle();
  await opened;
  isHanging = true;
  fixture.server.peer.hangUp();
  await fixture.advance(125 + 2_999);
  assertEquals([signals.length, signals[1].aborted], [2, false]);
  await fixture.advance(1);
  assert(signals[1].aborted);
  isHanging = false;
  await fixture.advance(1_000);
  assertEquals(fixture.client.state, "connected");
  const discarded = new Peer(() => {});
  late.resolve(discarded);
  await fixture.settle();
  assert(discarded.isClosedByClient);
  assertEquals(fixture.client.state, "connected");
  await fixture.close();
});

Deno.test("Link fails the first attempt when it takes too long", async () => {
  const fixture = new Fixture({ connectTimeoutMs: 3_000 });
  fixture.server.mode = "hang";
  const opened = assertRejects(() => fixture.client.open(), Error, "no connection within 3000 ms");
  await fixture.advance(3_000);
  await opened;
  assertEquals(fixture.client.state, "closed");
  assertEquals(fixture.clock.timerCount, 0);
});

Deno.test("Link sends a heartbeat at once and at every interval", async () => {
  const fixture = await Fixture.open({ heartbeatIntervalMs: 5_000 });
  const { peer } = fixture.server;
  const counts: number[] = [];
  for (let i = 0; i < 4; i++) {
    counts.push(peer.of(PacketType.HEARTBEAT_REQUEST).length);
    peer.reply(PacketType.CHAT_MESSAGE, {});
    await fixture.advance(5_000);
  }
  assertEquals(counts, [1, 2, 3, 4]);
  await fixture.close();
});

Deno.test("Link sends the server's time-stamp back at once, and measures by its own clock", async () => {
  const fixture = await Fixture.open({ heartbeatIntervalMs: 5_000 });
  const { client, clock, server: { peer } } = fixture;
  assertEquals(client.rttMs, null);
  const probe = peer.last(PacketType.HEARTBEAT_REQUEST);
  assertEquals([probe.timestamp, probe.serverTimestampEcho], [BigInt(clock.nowMs), 0n]);
  await fixture.advance(42);
  peer.reply(PacketType.HEARTBEAT_RESPONSE, { clientTimestamp: probe.timestamp, serverTimestamp: 777n });
  await fixture.settle();
  assertEquals(client.rttMs, 42);
  const echo = peer.last(PacketType.HEARTBEAT_REQUEST);
  assertEquals([peer.of(PacketType.HEARTBEAT_REQUEST).length, echo.serverTimestampEcho], [2, 777n]);

  peer.reply(PacketType.HEARTBEAT_RESPONSE, { clientTimestamp: echo.timestamp, serverTimestamp: 778n });
  peer.reply(PacketType.HEARTBEAT_RESPONSE, { clientTimestamp: probe.timestamp, serverTimestamp: 779n });
  await fixture.settle();
  assertEquals(peer.of(PacketType.HEARTBEAT_REQUEST).length, 2, "the answer to the echo is not echoed");
  await fixture.advance(5_000);
  assertEquals(peer.last(PacketType.HEARTBEAT_REQUEST).serverTimestampEcho, 0n);
  await fixture.close();
});

Deno.test("Link takes a server for gone that is silent for longer than allowed", async () => {
  const fixture = await Fixture.open({ heartbeatIntervalMs: 5_000, deadAfterMs: 12_000 });
  const { client, server } = fixture;
  await fixture.advance(11_999);
  assertEquals(client.state, "connected");
  server.peer.reply(PacketType.CHAT_MESSAGE, {});
  await fixture.settle();
  await fixture.advance(11_999);
  assertEquals(client.state, "connected");
  const reasons: string[] = [];
  client.onState((_, { reason }) => reasons.push(reason));
  await fixture.advance(1);
  assertEquals(reasons, ["Server sent nothing for 12000 ms"]);
  assert(server.peers[0].isClosedByClient);
  await fixture.advance(1_000);
  assertEquals(server.peers.length, 2);
  await fixture.close();
});

Deno.test("Link asks a server twice before it gives it up, however long the machine slept", async () => {
  const fixture = await Fixture.open({ heartbeatIntervalMs: 5_000, deadAfterMs: 15_000 });
  const { client, clock, server: { peer } } = fixture;
  peer.reply(PacketType.CHAT_MESSAGE, {});
  await fixture.settle();
  clock.nowMs += 3_600_000;
  await fixture.advance(0);
  assertEquals(client.state, "connected");
  await fixture.advance(4_000);
  assertEquals(client.state, "connected");
  peer.reply(PacketType.CHAT_MESSAGE, {});
  await fixture.advance(10_000);
  assertEquals(client.state, "connected");
  await fixture.close();
});

Deno.test("DrawbridgeClient.reconnectNow() makes a new connection without a wait", async () => {
  const fixture = await Fixture.open({ random: () => 0.999 });
  const { client, server } = fixture;
  client.reconnectNow();
  await fixture.advance(0);
  assertEquals([server.peers.length, client.state], [2, "connected"]);
  assert(server.peers[0].isClosedByClient);
  server.peer.hangUp();
  await fixture.settle();
  assertEquals(client.state, "reconnecting");
  client.reconnectNow();
  client.reconnectNow();
  await fixture.settle();
  assertEquals([server.peers.length, client.state], [3, "connected"]);
  assertEquals(server.attemptCount, 3);
  await fixture.close();
  client.reconnectNow();
  assertEquals(server.attemptCount, 3);
});

Deno.test("DrawbridgeClient.close() waits for its transport no longer than it may linger", async () => {
  const fixture = await Fixture.open();
  const closed = fixture.client.close();
  await fixture.clock.advance(2_000);
  await closed;
  assertEquals(fixture.clock.timerCount, 0);
});

Deno.test("DrawbridgeClient without a session drops what waits but needs a login when it comes back", async () => {
  const fixture = await Fixture.open();
  const { client, server } = fixture;
  server.peer.hangUp();
  await fixture.settle();
  assertEquals(client.send(ChatMessageSchema, { message: "lost" }), "queued");
  await fixture.advance(1_000);
  assertEquals(client.state, "connected");
  assertEquals(server.peer.of(PacketType.CHAT_MESSAGE), []);
  await fixture.close();
});
