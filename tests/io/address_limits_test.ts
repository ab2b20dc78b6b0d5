/** What an io worker does about the addresses that connections come from. @module */

import { createAddressTableBuffer } from "../../server/io/address_table.ts";
import { Counter } from "../../server/ops/counters.ts";
import { RECORD_OPEN } from "../../server/ring/records.ts";
import { DisconnectNoticeSchema, DisconnectReason, HeartbeatRequestSchema } from "../../shared/gen/auth_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import {
  ADDRESS_BAN_MS_FIRST,
  ADDRESS_BURST_SECONDS,
  FLOOD_DROPS_MAX,
  PACKET_TOKENS_BURST,
  PROXY_HEADER_TIMEOUT_MS,
} from "../../shared/limits.ts";
import { concatenate, utf8 } from "../gateway/frames.ts";
import { pattern } from "../shared/frames.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { proxyHeader, proxyHeaderV4 } from "../support/proxy_header.ts";
import {
  encode,
  FakeSocket,
  type FixtureOptions,
  IoFixture,
  messageOf,
  openInfoOf,
  packetFrame,
  type PacketInit,
  type Peer,
  upgrade,
} from "./io_fixture.ts";

const HEARTBEAT: PacketInit = { type: PacketType.HEARTBEAT_REQUEST, payload: encode(HeartbeatRequestSchema, {}) };
const CHAT: PacketInit = { type: PacketType.CHAT_MESSAGE, payload: pattern(12) };
const STRANGER = "198.51.100.7";

function openFixture(config: FixtureOptions["config"] = {}): IoFixture {
  return new IoFixture({ config });
}

function connectFrom(fixture: IoFixture, address: string, port: "login" | "game" | "gateway" = "game"): Peer | null {
  return fixture.tryConnect(port, new FakeSocket(address));
}

function noticeOf(peer: Peer) {
  peer.fixture.round();
  return messageOf(DisconnectNoticeSchema, peer.takePackets().at(-1)!);
}

/** Sends heartbeats until the connection closes; gives how many that took. */
function flood(peer: Peer): number {
  const frame = packetFrame(HEARTBEAT);
  let count = 0;
  for (; !peer.connection.closing; count++) peer.arrive(frame);
  return count;
}

Deno.test("IoWorker.accept() tells a connection too many from its address FLOOD, over all ports, and others nothing", () => {
  const fixture = openFixture({ addressMaxConnections: 3 });
  const ports = ["login", "game", "gateway"] as const;
  const peers = ports.map((port) => connectFrom(fixture, STRANGER, port)!);
  const refused = connectFrom(fixture, STRANGER)!;
  const { reason, retryAfterMs } = noticeOf(refused);
  assertEquals([reason, refused.connection.closing, retryAfterMs > 0], [DisconnectReason.FLOOD, true, true]);
  assertEquals(connectFrom(fixture, STRANGER, "gateway"), null);
  assert(!connectFrom(fixture, "198.51.100.8")!.connection.closing);
  assertEquals(fixture.counters.get(Counter.REFUSED_BY_ADDRESS), 2);
  assertEquals(fixture.counters.get(Counter.CONNECTIONS_REFUSED), 0);
  peers[0].handler.onEnd();
  fixture.round();
  assert(!connectFrom(fixture, STRANGER)!.connection.closing);
});

Deno.test("IoWorker.accept() tells an address that connects too fast FLOOD, until time has passed", () => {
  const fixture = openFixture({ addressConnectsPerSecond: 2 });
  for (let count = 0; count < 2 * ADDRESS_BURST_SECONDS; count++) {
    const peer = connectFrom(fixture, STRANGER)!;
    assert(!peer.connection.closing);
    peer.handler.onEnd();
    fixture.round();
  }
  assertEquals(noticeOf(connectFrom(fixture, STRANGER)!).reason, DisconnectReason.FLOOD);
  fixture.clock.advance(500);
  fixture.round();
  assert(!connectFrom(fixture, STRANGER)!.connection.closing);
});

Deno.test("IoWorker.accept() limits no trusted address, and none when flood control is off", () => {
  for (
    const [config, address] of [
      [{ trustedAddresses: ["198.51.100.0/24"] }, STRANGER],
      [{ trustedAddresses: ["127.0.0.0/8", "::1"] }, "127.0.0.5"],
      [{ trustedAddresses: ["::1"] }, "::1"],
      [{ floodControl: false }, STRANGER],
    ] as const
  ) {
    const fixture = openFixture({ addressMaxConnections: 1, addressConnectsPerSecond: 1, ...config });
    const peers = Array.from({ length: 50 }, () => connectFrom(fixture, address)!);
    assert(peers.every(({ connection }) => !connection.closing), address);
    if (config.floodControl === undefined) flood(peers[0]);
    assert(!connectFrom(fixture, address)!.connection.closing, address);
    assertEquals(fixture.counters.get(Counter.ADDRESS_BANS), 0);
  }
});

Deno.test("Connection that floods is closed as FLOOD, its address banned for as long as the notice says, and others are not", () => {
  const fixture = openFixture();
  const neighbour = connectFrom(fixture, STRANGER)!;
  const peer = connectFrom(fixture, STRANGER)!;
  assertEquals(flood(peer), PACKET_TOKENS_BURST + FLOOD_DROPS_MAX + 1);
  const { reason, retryAfterMs } = noticeOf(peer);
  assertEquals([reason, retryAfterMs], [DisconnectReason.FLOOD, ADDRESS_BAN_MS_FIRST]);
  assertEquals(fixture.counters.get(Counter.PACKETS_DROPPED), FLOOD_DROPS_MAX + 1);
  assertEquals(fixture.counters.get(Counter.ADDRESS_BANS), 1);
  assertEquals(fixture.log.records.map(({ level, properties }) => [level, properties]), [
    ["warn", { address: STRANGER, banMs: ADDRESS_BAN_MS_FIRST }],
  ]);
  for (const port of ["login", "game", "gateway"] as const) assertEquals(connectFrom(fixture, STRANGER, port), null);
  assert(!connectFrom(fixture, "198.51.100.8")!.connection.closing);
  // Who is there already goes on, and does not make the ban longer.
  neighbour.send(HEARTBEAT);
  assertEquals(neighbour.takePacket().type, PacketType.HEARTBEAT_RESPONSE);
  fixture.clock.advance(4_000);
  fixture.round();
  flood(neighbour);
  assertEquals(noticeOf(neighbour).retryAfterMs, ADDRESS_BAN_MS_FIRST - 4_000);
  fixture.clock.advance(ADDRESS_BAN_MS_FIRST - 4_001);
  fixture.round();
  assertEquals(connectFrom(fixture, STRANGER), null);
  fixture.clock.advance(1);
  fixture.round();
  const again = connectFrom(fixture, STRANGER)!;
  flood(again);
  assertEquals(noticeOf(again).retryAfterMs, 2 * ADDRESS_BAN_MS_FIRST);
});

Deno.test("IoWorker shares bans with the other io workers", () => {
  const addresses = createAddressTableBuffer(1);
  const [left, right] = [new IoFixture({ addresses }), new IoFixture({ addresses })];
  flood(connectFrom(left, STRANGER)!);
  assertEquals(connectFrom(right, STRANGER), null);
});

Deno.test("Connection takes tokens of its address too, and drops what that has none for", () => {
  // Ten connections' worth of tokens come, the address has those of two.
  const fixture = openFixture({ addressTokensPerSecond: 200 });
  const peers = Array.from({ length: 10 }, () => connectFrom(fixture, STRANGER)!);
  for (const peer of peers) fixture.setState(peer, "A");
  const burst = 200 * ADDRESS_BURST_SECONDS;
  let taken = 0;
  for (let round = 0; round < 100; round++) {
    for (const peer of peers) peer.arrive(packetFrame(CHAT));
    fixture.round();
    taken += fixture.takeRecordsButOpen().length;
  }
  assert(taken * 3 <= burst && taken * 3 > burst - 10 * 50, `${taken} packets for ${burst} tokens`);
  const stranger = connectFrom(fixture, "198.51.100.8")!;
  fixture.setState(stranger, "A");
  stranger.send(CHAT);
  assertEquals(fixture.takeRecordsButOpen().length, 1);
});

Deno.test("IoWorker gives the places of addresses back, however connections end", () => {
  const fixture = openFixture({ addressMaxConnections: 2, addressConnectsPerSecond: 1_000 });
  for (let round = 0; round < 20; round++) {
    const [first, second] = [connectFrom(fixture, STRANGER)!, connectFrom(fixture, STRANGER, "gateway")!];
    assert(!first.connection.closing, `Round ${round}`);
    upgrade(second);
    if (round % 2 === 0) first.handler.onEnd();
    else first.handler.onBroken(false);
    second.arrive(utf8("no frame of a client"));
    fixture.pass(3_000);
  }
  assertEquals(fixture.worker.connectionCount, 0);
});

// PROXY protocol

const PROXY = "10.0.0.1";

function proxyFixture(config: FixtureOptions["config"] = {}): IoFixture {
  return openFixture({ proxyProtocolFrom: ["10.0.0.0/24"], ...config });
}

Deno.test("IoWorker takes the peer's address from a listed proxy's header, for logic and for limits", () => {
  const fixture = proxyFixture({ addressMaxConnections: 1 });
  const peer = connectFrom(fixture, PROXY)!;
  fixture.setState(peer, "A");
  peer.arrive(concatenate(proxyHeaderV4(STRANGER, "203.0.113.80"), packetFrame(CHAT)));
  fixture.round();
  const [open, packet] = fixture.takeRecords();
  assertEquals(open.kind, RECORD_OPEN);
  assertEquals(openInfoOf(open), {
    transport: "tcp",
    port: "game",
    address: STRANGER,
    localAddress: "203.0.113.80",
  });
  assertEquals(packet.payload, CHAT.payload);
  // The address behind the proxy is limited, the proxy is not.
  const second = connectFrom(fixture, PROXY)!;
  second.arrive(proxyHeaderV4(STRANGER));
  assertEquals(noticeOf(second).reason, DisconnectReason.FLOOD);
  const other = connectFrom(fixture, PROXY)!;
  other.arrive(proxyHeaderV4("198.51.100.8"));
  assert(!other.connection.closing);
});

Deno.test("IoWorker reads a proxy's header that comes byte by byte, before frames and before HTTP", () => {
  const fixture = proxyFixture();
  const game = connectFrom(fixture, PROXY)!;
  const bytes = concatenate(proxyHeaderV4(STRANGER), packetFrame(HEARTBEAT));
  for (const byte of bytes) game.arrive(new Uint8Array([byte]));
  fixture.round();
  assertEquals(game.takePacket().type, PacketType.HEARTBEAT_RESPONSE);
  const web = connectFrom(fixture, PROXY, "gateway")!;
  for (const byte of proxyHeaderV4(STRANGER)) web.arrive(new Uint8Array([byte]));
  upgrade(web);
  web.send(HEARTBEAT);
  assertEquals(web.takePacket().type, PacketType.HEARTBEAT_RESPONSE);
  assertEquals([game, web].map(({ connection }) => connection.remoteAddress), [STRANGER, STRANGER]);
});

Deno.test("IoWorker bans the address behind a proxy, which others go on using", () => {
  const fixture = proxyFixture();
  const peer = connectFrom(fixture, PROXY)!;
  peer.arrive(proxyHeaderV4(STRANGER));
  flood(peer);
  assertEquals(noticeOf(peer).retryAfterMs, ADDRESS_BAN_MS_FIRST);
  const again = connectFrom(fixture, PROXY)!;
  again.arrive(proxyHeaderV4(STRANGER));
  assertEquals(noticeOf(again).retryAfterMs, ADDRESS_BAN_MS_FIRST);
  const other = connectFrom(fixture, PROXY)!;
  other.arrive(concatenate(proxyHeaderV4("198.51.100.8"), packetFrame(HEARTBEAT)));
  fixture.round();
  assertEquals(other.takePacket().type, PacketType.HEARTBEAT_RESPONSE);
});

Deno.test("IoWorker closes a listed proxy's connection that begins without a header, or has none in time", () => {
  const fixture = proxyFixture();
  for (const bytes of [packetFrame(HEARTBEAT), utf8("PROXY TCP4 1.2.3.4\r\n"), utf8("GET / HTTP/1.1\r\n\r\n")]) {
    for (const port of ["login", "game"] as const) {
      const peer = connectFrom(fixture, PROXY, port)!;
      peer.arrive(bytes);
      assertEquals(noticeOf(peer).reason, DisconnectReason.MALFORMED_FRAME);
    }
    const web = connectFrom(fixture, PROXY, "gateway")!;
    web.arrive(bytes);
    fixture.round();
    assert(web.connection.closing);
    assertEquals(web.socket.takeSent().length, 0);
  }
  const silent = [connectFrom(fixture, PROXY)!, connectFrom(fixture, PROXY, "gateway")!];
  for (const peer of silent) peer.arrive(proxyHeaderV4(STRANGER).subarray(0, 27));
  fixture.pass(PROXY_HEADER_TIMEOUT_MS);
  assert(silent.every(({ connection }) => connection.closing));
});

Deno.test("IoWorker closes a peer that is not listed and sends a header as MALFORMED_FRAME", () => {
  const fixture = proxyFixture();
  const peer = connectFrom(fixture, STRANGER)!;
  peer.arrive(concatenate(proxyHeaderV4("192.0.2.55"), packetFrame(HEARTBEAT)));
  assertEquals(noticeOf(peer).reason, DisconnectReason.MALFORMED_FRAME);
  const web = connectFrom(fixture, STRANGER, "gateway")!;
  web.arrive(concatenate(proxyHeaderV4("192.0.2.55"), utf8("GET / HTTP/1.1\r\nHost: a\r\n\r\n")));
  fixture.round();
  assert(web.connection.closing);
  assert(utf8Text(web.socket.takeSent()).startsWith("HTTP/1.1 400 "));
  assertEquals([peer, web].map(({ connection }) => connection.remoteAddress), [STRANGER, STRANGER]);
});

Deno.test("IoWorker takes a proxy's own connection, such as a health check, for what it is", () => {
  const fixture = proxyFixture();
  const peer = connectFrom(fixture, PROXY)!;
  peer.arrive(concatenate(proxyHeader({ command: 0x20, family: 0 }), packetFrame(HEARTBEAT)));
  fixture.round();
  assertEquals(peer.takePacket().type, PacketType.HEARTBEAT_RESPONSE);
  assertEquals(peer.connection.remoteAddress, PROXY);
});

function utf8Text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

const NGINX = "10.0.0.2";
const FORWARDS = { trustedProxies: ["10.0.0.0/8"], addressMaxConnections: 2 } as const;

function forwardedFor(address: string): string {
  return `X-Forwarded-For: ${address}\r\n`;
}

/** Asks on a connection of a trusted proxy; gives the status. */
async function askFor(peer: Peer, fields: string): Promise<number> {
  peer.arrive(utf8(`GET /x HTTP/1.1\r\nHost: a\r\n${fields}\r\n`));
  let answer = "";
  for (let turns = 0; answer === "" && turns < 50; turns++) {
    await new Promise((resolve) => setImmediate(resolve));
    peer.fixture.round();
    answer = new TextDecoder().decode(peer.socket.takeSent());
  }
  peer.fixture.round();
  return Number(answer.split(" ")[1]);
}

Deno.test("IoWorker counts a WebSocket of a trusted proxy for the address that it names, and requests while they last", async () => {
  const fixture = openFixture(FORWARDS);
  const held = Array.from({ length: 2 }, () => {
    const peer = connectFrom(fixture, NGINX, "gateway")!;
    upgrade(peer, "/ws", forwardedFor(`198.51.100.200, ${STRANGER}`));
    return peer;
  });
  held[0].isWebSocket = true;
  held[0].send(CHAT, { ...CHAT, type: PacketType.LOGIN_REQUEST, payload: new Uint8Array(0) });
  const opened = fixture.takeRecords().find(({ kind }) => kind === RECORD_OPEN)!;
  assertEquals(openInfoOf(opened).address, STRANGER);
  // One connection carries the requests of many.
  const shared = connectFrom(fixture, NGINX, "gateway")!;
  for (let count = 0; count < 5; count++) {
    assertEquals(await askFor(shared, forwardedFor(`198.51.100.${8 + count}`)), 200);
    assertEquals(await askFor(shared, 'Forwarded: for="198.51.100.8:80"\r\n'), 200);
  }
  assertEquals(await askFor(shared, forwardedFor(STRANGER)), 429);
  assert(shared.connection.closing);
  assertEquals(fixture.counters.get(Counter.REFUSED_BY_ADDRESS), 1);
  // The proxy itself has no limit, and a place that was left is there again.
  held[1].handler.onEnd();
  fixture.round();
  const peers = Array.from({ length: 10 }, () => connectFrom(fixture, NGINX, "gateway")!);
  assertEquals(await askFor(peers[0], forwardedFor(STRANGER)), 200);
  for (const peer of peers) assertEquals(await askFor(peer, forwardedFor("198.51.100.7")), 200);
  assertEquals(connectFrom(fixture, STRANGER)!.connection.closing, false);
});

Deno.test("IoWorker limits together whom a trusted proxy does not name, though its address has no limits, and nobody whom it names", async () => {
  const fixture = openFixture({ ...FORWARDS, trustedAddresses: ["10.0.0.0/8"] });
  const connect = () => connectFrom(fixture, NGINX, "gateway")!;
  const unnamed = Array.from({ length: 2 }, () => {
    const peer = connect();
    upgrade(peer, "/ws", "");
    return peer;
  });
  assertEquals(await askFor(connect(), ""), 429);
  assertEquals(await askFor(connect(), "Forwarded: for=unknown\r\n"), 429);
  assertEquals(await askFor(connect(), forwardedFor(STRANGER)), 200);
  unnamed[0].isWebSocket = true;
  for (let count = 0; !unnamed[0].connection.closing && count < 2_000; count++) unnamed[0].send(HEARTBEAT);
  assert(unnamed[0].connection.closing, "A flood ends");
  assertEquals(await askFor(connect(), ""), 429);
  assertEquals(await askFor(connect(), forwardedFor(STRANGER)), 200);
});

Deno.test("IoWorker bans whom a trusted proxy names, not the proxy and nobody else behind it", async () => {
  const fixture = openFixture(FORWARDS);
  const flooding = connectFrom(fixture, NGINX, "gateway")!;
  upgrade(flooding, "/ws", forwardedFor(STRANGER));
  flooding.isWebSocket = true;
  for (let count = 0; !flooding.connection.closing && count < 2_000; count++) flooding.send(HEARTBEAT);
  assertEquals(fixture.log.records.map(({ properties }) => properties?.address), [STRANGER]);
  const shared = connectFrom(fixture, NGINX, "gateway")!;
  assertEquals(await askFor(shared, forwardedFor("198.51.100.8")), 200);
  shared.arrive(utf8(`GET /x HTTP/1.1\r\nHost: a\r\n${forwardedFor(STRANGER)}\r\n`));
  fixture.round();
  const refusal = new TextDecoder().decode(shared.socket.takeSent());
  assert(/^HTTP\/1\.1 429 [^]*\r\nretry-after: 10\r\n[^]*banned for flooding/.test(refusal), refusal);
  const other = connectFrom(fixture, NGINX, "gateway")!;
  upgrade(other, "/ws", forwardedFor("198.51.100.8"));
  assertEquals(connectFrom(fixture, STRANGER), null);
});

Deno.test("IoWorker believes forwarded addresses from trusted proxies alone, and on the gateway alone", async () => {
  const fixture = openFixture(FORWARDS);
  const peer = connectFrom(fixture, "198.51.100.50", "gateway")!;
  upgrade(peer, "/ws", forwardedFor(STRANGER));
  assertEquals(peer.connection.remoteAddress, "198.51.100.50");
  // Native ports count the proxy's own address.
  const natives = Array.from({ length: 3 }, () => connectFrom(fixture, NGINX, "game")!);
  assertEquals(natives.map(({ connection }) => connection.closing), [false, false, true]);
  assertEquals(await askFor(connectFrom(fixture, NGINX, "gateway")!, "X-Forwarded-For: x\r\n"), 400);
  assertEquals(
    await askFor(connectFrom(fixture, NGINX, "gateway")!, `${forwardedFor(STRANGER)}Forwarded: for=192.0.2.1\r\n`),
    400,
  );
  // A load balancer that speaks PROXY before a proxy that forwards.
  const chained = openFixture({ ...FORWARDS, proxyProtocolFrom: ["203.0.113.1"] });
  const behind = connectFrom(chained, "203.0.113.1", "gateway")!;
  behind.arrive(proxyHeaderV4(NGINX));
  upgrade(behind, "/ws", forwardedFor(STRANGER));
  assertEquals(behind.connection.remoteAddress, STRANGER);
});

Deno.test("Connection of a trusted proxy is read on, whatever one client's requests have cost", async () => {
  const fixture = openFixture({ ...FORWARDS, addressConnectsPerSecond: 10_000 });
  const shared = connectFrom(fixture, NGINX, "gateway")!;
  for (let count = 0; count < 90; count++) {
    shared.connection.reader.charge(50_000);
    assertEquals(await askFor(shared, forwardedFor(STRANGER)), 200);
  }
  assert(!shared.connection.reader.throttled);
  assertEquals(await askFor(shared, forwardedFor("198.51.100.8")), 200);
  // A WebSocket is one client's, and pays like any other.
  const webSocket = connectFrom(fixture, NGINX, "gateway")!;
  upgrade(webSocket, "/ws", forwardedFor("198.51.100.9"));
  webSocket.connection.reader.charge(10_000_000);
  assert(webSocket.connection.reader.throttled);
});
