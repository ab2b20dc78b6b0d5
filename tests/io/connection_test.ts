import { errorResponse } from "../../server/base/refusal.ts";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { deflateRawSync } from "node:zlib";
import { Counter, Histogram } from "../../server/ops/counters.ts";
import {
  RECORD_ACK,
  RECORD_CLOSE,
  RECORD_CLOSED,
  RECORD_CONGESTED,
  RECORD_OPEN,
  RECORD_PACKET,
  RECORD_REFUSED,
  RECORD_SEQUENCE,
} from "../../server/ring/records.ts";
import {
  DisconnectNoticeSchema,
  DisconnectReason,
  EchoRequestSchema,
  EchoResponseSchema,
  ErrorResponseSchema,
  HeartbeatRequestSchema,
  HeartbeatResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { Cause, ErrorCode, ExplanationSchema } from "../../shared/gen/common_pb.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import {
  DECOMPRESSED_BYTES_MAX,
  FLOOD_DROPS_MAX,
  FLOOD_INTERVAL_MS,
  IDLE_TIMEOUT_MS,
  PACKET_TOKENS_BURST,
  PACKET_TOKENS_PER_SECOND,
  REFUSED_PACKETS_MAX,
  RTT_MS_MAX,
  SLOW_READER_MS,
  SWEEP_INTERVAL_MS,
} from "../../shared/limits.ts";
import { PORT_GAME, STATE_AUTHENTICATED } from "../../shared/packet_table.ts";
import { clientFrame, concatenate } from "../gateway/frames.ts";
import { frameOf, headerOf, pattern } from "../shared/frames.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { encode, IoFixture, messageOf, openInfoOf, packetFrame, type PacketInit, type Peer } from "./io_fixture.ts";

const CHAT: PacketInit = { type: PacketType.CHAT_MESSAGE, payload: pattern(12) };

function heartbeat(fields: { timestamp?: bigint; serverTimestampEcho?: bigint } = {}): PacketInit {
  return { type: PacketType.HEARTBEAT_REQUEST, payload: encode(HeartbeatRequestSchema, fields) };
}

function echo(data: Uint8Array, route: number): PacketInit {
  return { type: PacketType.ECHO_REQUEST, payload: encode(EchoRequestSchema, { data, route }) };
}

/** The last packet the peer got must be a DISCONNECT_NOTICE; gives its reason. */
function takeNotice(peer: Peer): DisconnectReason {
  const notice = messageOf(DisconnectNoticeSchema, peer.takePackets().at(-1)!);
  assert(notice.message !== "");
  return notice.reason;
}

// Frames

Deno.test("Connection.onBytes() announces itself once, before its first forwarded packet", () => {
  const fixture = new IoFixture();
  const peer = fixture.connectIn("A");
  assertEquals(fixture.takeRecords(), []);
  peer.send(CHAT, { ...CHAT, sequence: 5, ack: 2 });
  const [open, first, second] = fixture.takeRecords();
  const { slot, generation } = peer.connection;
  assertEquals([open.kind, open.slot, open.generation], [RECORD_OPEN, slot, generation]);
  assertEquals(openInfoOf(open), {
    transport: "tcp",
    port: "game",
    address: "192.0.2.7",
    localAddress: "198.51.100.1",
  });
  assertEquals([first.kind, first.sequence, first.ack], [RECORD_PACKET, 0, 0]);
  assertEquals([second.kind, second.sequence, second.ack], [RECORD_PACKET, 5, 2]);
  assertEquals(fixture.wakeCount, 1);
});

Deno.test("IoWorker.onRound() shows logic movements without waking it, and all else with", () => {
  const fixture = new IoFixture();
  const peer = fixture.connectIn("W");
  const before = fixture.wakeCount;
  peer.send({ type: PacketType.MOVEMENT_UPDATE, payload: pattern(5) });
  assertEquals([fixture.takeRecordsButOpen().length, fixture.wakeCount - before], [1, 0]);
  peer.send({ type: PacketType.MOVEMENT_UPDATE, payload: pattern(5) }, CHAT);
  assertEquals([fixture.takeRecords().length, fixture.wakeCount - before], [2, 1]);
});

Deno.test("Connection.onBytes() takes packets that arrive byte by byte", () => {
  const fixture = new IoFixture();
  const peer = fixture.connectIn("A");
  for (const byte of concatenate(packetFrame(CHAT), packetFrame(CHAT))) peer.arrive(new Uint8Array([byte]));
  fixture.round();
  assertEquals(fixture.takeRecordsButOpen().map(({ payload }) => payload), [CHAT.payload!, CHAT.payload!]);
});

Deno.test("Connection.onBytes() hands packets before a bad length over, then closes as MALFORMED_FRAME", () => {
  for (const length of [0, 65_537, 2 ** 32 - 1]) {
    const fixture = new IoFixture();
    const peer = fixture.connectIn("A");
    peer.arrive(concatenate(packetFrame(CHAT), headerOf(length), packetFrame(CHAT)));
    fixture.round();
    const records = fixture.takeRecordsButOpen();
    assertEquals(records.map(({ kind }) => kind), [RECORD_PACKET, RECORD_CLOSED]);
    assertEquals(records[1].type, DisconnectReason.MALFORMED_FRAME);
    assertEquals(takeNotice(peer), DisconnectReason.MALFORMED_FRAME);
  }
});

Deno.test("Connection.onBytes() closes as MALFORMED_PACKET on a frame that is no packet, and takes nothing after it", () => {
  const fixture = new IoFixture();
  const peer = fixture.connectIn("A");
  peer.arrive(concatenate(packetFrame(CHAT), frameOf(new Uint8Array([0x0a, 0x7f])), packetFrame(CHAT)));
  peer.arrive(packetFrame(CHAT));
  fixture.round();
  const records = fixture.takeRecordsButOpen();
  assertEquals(records.map(({ kind, type }) => [kind, type]), [
    [RECORD_PACKET, PacketType.CHAT_MESSAGE],
    [RECORD_CLOSED, DisconnectReason.MALFORMED_PACKET],
  ]);
  assertEquals(takeNotice(peer), DisconnectReason.MALFORMED_PACKET);
  assertEquals(fixture.counters.get(Counter.CLOSED_BY_REASON + DisconnectReason.MALFORMED_PACKET), 1);
});

Deno.test("Connection.onFrame() inflates up to the limit exactly", () => {
  const fixture = new IoFixture({ config: { diagnostics: true } });
  const peer = fixture.connect();
  // The echo takes the largest payloads; inflated to the limit it is too large for it, but no bomb.
  const payload = new Uint8Array(deflateRawSync(new Uint8Array(DECOMPRESSED_BYTES_MAX)));
  peer.send({ type: PacketType.ECHO_REQUEST, payload, isCompressed: true });
  assertEquals(messageOf(ErrorResponseSchema, peer.takePacket()).errorCode, ErrorCode.INVALID_PACKET);
  assert(!peer.connection.closing);
});

Deno.test("Connection.onFrame() counts packets and bytes", () => {
  const fixture = new IoFixture();
  const peer = fixture.connect();
  const bytes = packetFrame(heartbeat());
  peer.arrive(bytes);
  fixture.round();
  const sent = peer.socket.takeSent();
  const { PACKETS_IN, PACKETS_OUT, BYTES_IN, BYTES_OUT } = Counter;
  const counts = [PACKETS_IN, PACKETS_OUT, BYTES_IN, BYTES_OUT].map((slot) => fixture.counters.get(slot));
  assertEquals(counts, [1, 1, bytes.length, sent.length]);
});

// Refusals

Deno.test("Connection.onFrame() closes as PROTOCOL_VIOLATION after too many refusals, and not before", () => {
  for (const state of ["C", "A", "W"] as const) {
    const fixture = new IoFixture();
    const peer = fixture.connectIn(state);
    const refused: PacketInit = { type: PacketType.LOGIN_REQUEST };
    for (let count = 0; count < REFUSED_PACKETS_MAX; count++) peer.send(refused);
    assert(!peer.connection.closing);
    const refusalCount = state === "W" ? fixture.takeRecordsButOpen().length : peer.takePackets().length;
    assertEquals(refusalCount, REFUSED_PACKETS_MAX);
    peer.send(refused, CHAT);
    assert(peer.connection.closing);
    assertEquals(takeNotice(peer), DisconnectReason.PROTOCOL_VIOLATION);
    assertEquals(fixture.takeRecordsButOpen().filter(({ kind }) => kind === RECORD_PACKET), []);
  }
});

Deno.test("Connection.onFrame() gives refusals in the world to logic with the packet's sequence and ack", () => {
  const fixture = new IoFixture();
  const peer = fixture.connectIn("W");
  peer.send({ type: PacketType.ENTER_WORLD_REQUEST, sequence: 8, ack: 3 });
  const [record] = fixture.takeRecordsButOpen();
  assertEquals([record.kind, record.type, record.sequence, record.ack], [
    RECORD_REFUSED,
    PacketType.ERROR_RESPONSE,
    8,
    3,
  ]);
  const refusal = messageOf(ErrorResponseSchema, record);
  assertEquals([refusal.errorCode, refusal.requestSequence], [ErrorCode.INVALID_STATE, 8n]);
});

// Heartbeat

Deno.test("Connection answers HEARTBEAT_REQUEST with its clock and the echo of the client's", () => {
  const fixture = new IoFixture();
  for (const state of ["C", "A", "W"] as const) {
    const peer = fixture.connectIn(state);
    peer.send(heartbeat({ timestamp: 2n ** 63n + 1n }));
    const packet = peer.takePacket();
    assertEquals([packet.sequence, packet.timestamp], [0n, BigInt(fixture.clock.unixMs())]);
    const { serverTimestamp, latencyMs, clientTimestamp } = messageOf(HeartbeatResponseSchema, packet);
    assertEquals([serverTimestamp, latencyMs, clientTimestamp], [BigInt(fixture.clock.unixMs()), 0, 2n ** 63n + 1n]);
  }
});

Deno.test("Connection measures the round trip by the exact echo of its last heartbeat only", () => {
  const fixture = new IoFixture();
  const peer = fixture.connect();
  const beat = (serverTimestampEcho: bigint) => {
    peer.send(heartbeat({ serverTimestampEcho }));
    return messageOf(HeartbeatResponseSchema, peer.takePacket());
  };
  const first = beat(0n);
  fixture.clock.advance(120);
  fixture.round();
  for (const wrong of [first.serverTimestamp - 1n, first.serverTimestamp + 1n, 1n, first.serverTimestamp + 2n ** 53n]) {
    // Each answer is a newer heartbeat, so the first one's echo is old from now on.
    assertEquals(beat(wrong).latencyMs, 0);
  }
  assertEquals(beat(first.serverTimestamp).latencyMs, 0);
  const second = beat(0n);
  fixture.clock.advance(80);
  fixture.round();
  const measured = beat(second.serverTimestamp);
  assertEquals(measured.latencyMs, 80);
  assertEquals(fixture.counters.get(Histogram.RTT_MS), 80);
  assertEquals(beat(0n).latencyMs, 80, "The last measurement is told until there is another");
});

Deno.test("Connection takes no round trip above RTT_MS_MAX for one", () => {
  const fixture = new IoFixture();
  const peer = fixture.connect();
  peer.send(heartbeat());
  const { serverTimestamp } = messageOf(HeartbeatResponseSchema, peer.takePacket());
  fixture.clock.advance(RTT_MS_MAX + 1);
  fixture.round();
  peer.send(heartbeat({ serverTimestampEcho: serverTimestamp }));
  const late = messageOf(HeartbeatResponseSchema, peer.takePacket());
  assertEquals(late.latencyMs, 0);
  fixture.clock.advance(RTT_MS_MAX);
  fixture.round();
  peer.send(heartbeat({ serverTimestampEcho: late.serverTimestamp }));
  assertEquals(messageOf(HeartbeatResponseSchema, peer.takePacket()).latencyMs, RTT_MS_MAX);
});

Deno.test("Connection refuses a HEARTBEAT_REQUEST that cannot be parsed", () => {
  const peer = new IoFixture().connect();
  peer.send({ type: PacketType.HEARTBEAT_REQUEST, payload: new Uint8Array([0x08]) });
  assertEquals(messageOf(ErrorResponseSchema, peer.takePacket()).errorCode, ErrorCode.INVALID_PACKET);
});

Deno.test("Connection tells logic the sequence and ack of what it answers itself, in the world only", () => {
  const fixture = new IoFixture({ config: { diagnostics: true } });
  const inWorld = fixture.connectIn("W");
  inWorld.send({ ...heartbeat(), ack: 7 }, { ...echo(pattern(3), 0), sequence: 4 }, heartbeat());
  assertEquals(fixture.takeRecordsButOpen().map(({ kind, sequence, ack }) => [kind, sequence, ack]), [
    [RECORD_SEQUENCE, 0, 7],
    [RECORD_SEQUENCE, 4, 0],
  ]);
  const outside = fixture.connectIn("A");
  outside.send({ ...heartbeat(), ack: 7, sequence: 3 });
  assertEquals(fixture.takeRecords(), []);
});

// Requests that change the state

/** Sends a request that changes the state and a movement behind it; gives what has got to logic of both. */
function sendWithMovement(fixture: IoFixture, peer: Peer, type: PacketType): () => PacketType[] {
  peer.send({ type, payload: pattern(3), sequence: 4 }, { type: PacketType.MOVEMENT_UPDATE, payload: pattern(5) });
  return () => fixture.takeRecordsButOpen().map(({ type }) => type);
}

Deno.test("Connection judges what is behind a request that changes the state by the state that it leads to", () => {
  const fixture = new IoFixture();
  const peer = fixture.connectIn("W");
  const taken = sendWithMovement(fixture, peer, PacketType.LOGOUT_REQUEST);
  assertEquals(taken(), [PacketType.LOGOUT_REQUEST]);
  fixture.sendFromLogic(peer, PacketType.CHAT_MESSAGE, pattern(3), { ack: 4 });
  fixture.push(RECORD_ACK, peer.connection.slot, peer.connection.generation, { ack: 4 });
  fixture.round();
  assertEquals(taken(), [], "Neither another packet nor an acknowledgement is the answer");
  fixture.sendFromLogic(peer, PacketType.LOGOUT_RESPONSE, pattern(2), { ack: 4 });
  fixture.round();
  assertEquals(taken(), [PacketType.MOVEMENT_UPDATE]);

  const leaver = fixture.connectIn("W");
  const behind = sendWithMovement(fixture, leaver, PacketType.LEAVE_WORLD_REQUEST);
  assertEquals(behind(), [PacketType.LEAVE_WORLD_REQUEST]);
  fixture.setState(leaver, "A");
  fixture.round();
  assertEquals(behind(), [], "Movements are for the world");
  assertEquals(leaver.takePacket().type, PacketType.ERROR_RESPONSE);
});

Deno.test("Connection goes on behind a request that logic had taken before, on its acknowledgement", () => {
  const fixture = new IoFixture();
  const peer = fixture.connectIn("W");
  const { slot, generation } = peer.connection;
  const taken = sendWithMovement(fixture, peer, PacketType.LOGOUT_REQUEST);
  assertEquals(taken(), [PacketType.LOGOUT_REQUEST]);
  fixture.push(RECORD_ACK, slot, generation, { ack: 4, type: PacketType.CHAT_MESSAGE });
  fixture.round();
  assertEquals(taken(), [], "Another packet came again");
  fixture.push(RECORD_ACK, slot, generation, { ack: 4, type: PacketType.LOGOUT_REQUEST });
  fixture.round();
  assertEquals(taken(), [PacketType.MOVEMENT_UPDATE]);
});

// Echo

Deno.test("Connection answers ECHO_REQUEST of route 0 itself and passes route 1 to logic", () => {
  const fixture = new IoFixture({ config: { diagnostics: true } });
  const peer = fixture.connect();
  for (const byteCount of [0, 1, 127, 128, 16_383, 16_384, 65_000]) {
    peer.send(echo(pattern(byteCount), 0));
    const { data, route } = messageOf(EchoResponseSchema, peer.takePacket());
    assertEquals([data.length, route], [byteCount, 0]);
    assertEquals(fixture.takeRecords(), []);
    const request = echo(pattern(byteCount), 1);
    peer.send(request);
    const [record] = fixture.takeRecordsButOpen();
    assertEquals([record.kind, record.type], [RECORD_PACKET, PacketType.ECHO_REQUEST]);
    assertEquals(record.payload, request.payload);
    assertEquals(peer.takePackets(), []);
  }
});

Deno.test("Connection answers an ECHO_REQUEST in an unusual form as the same message in the usual one", () => {
  const fixture = new IoFixture({ config: { diagnostics: true } });
  const peer = fixture.connect();
  const unusual = [
    // route before data; data twice; an unknown field; a route in more bytes than it needs.
    [0x10, 0x00, 0x0a, 0x02, 7, 8],
    [0x0a, 0x01, 9, 0x0a, 0x02, 7, 8],
    [0x0a, 0x02, 7, 8, 0x78, 0x05],
    [0x0a, 0x02, 7, 8, 0x10, 0x80, 0x00],
    [0x0a, 0x82, 0x00, 7, 8],
  ];
  for (const payload of unusual) {
    peer.send({ type: PacketType.ECHO_REQUEST, payload: new Uint8Array(payload) });
    const { data, route } = messageOf(EchoResponseSchema, peer.takePacket());
    assertEquals([[...data], route], [[7, 8], 0], `${payload}`);
  }
  peer.send({ type: PacketType.ECHO_REQUEST, payload: new Uint8Array([0x10, 0x81, 0x00, 0x0a, 0x01, 5]) });
  assertEquals(
    fixture.takeRecordsButOpen()[0].payload,
    encode(EchoRequestSchema, { data: new Uint8Array([5]), route: 1 }),
  );
});

Deno.test("Connection answers an ECHO_REQUEST of a route that does not exist where the socket is read", () => {
  const fixture = new IoFixture({ config: { diagnostics: true } });
  const peer = fixture.connect();
  for (const route of [2, 127, 128, 2 ** 32 - 1]) {
    peer.send(echo(pattern(3), route));
    assertEquals(messageOf(EchoResponseSchema, peer.takePacket()).route, route);
  }
  assertEquals(fixture.takeRecords(), []);
});

Deno.test("Connection refuses an ECHO_REQUEST that cannot be parsed", () => {
  const peer = new IoFixture({ config: { diagnostics: true } }).connect();
  for (const payload of [[0x0a, 0x05, 1], [0x0a], [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], [0x13]]) {
    peer.send({ type: PacketType.ECHO_REQUEST, payload: new Uint8Array(payload) });
    assertEquals(messageOf(ErrorResponseSchema, peer.takePacket()).errorCode, ErrorCode.INVALID_PACKET);
  }
});

Deno.test("Connection refuses ECHO_REQUEST as UNSUPPORTED unless diagnostics are on", () => {
  for (const state of ["C", "A"] as const) {
    const peer = new IoFixture().connectIn(state);
    peer.send(echo(pattern(3), 0));
    assertEquals(messageOf(ErrorResponseSchema, peer.takePacket()).errorCode, ErrorCode.UNSUPPORTED);
  }
});

// Flood control

Deno.test("Connection drops packets beyond its tokens, warns once a second and recovers with time", () => {
  const LIST = { type: PacketType.ROOM_LIST_REQUEST };
  const fixture = new IoFixture();
  const peer = fixture.connectIn("A");
  const cost = contract.packets.row(PacketType.ROOM_LIST_REQUEST)!.cost;
  const burst = Math.floor(PACKET_TOKENS_BURST / cost);
  for (let count = 0; count < burst; count++) peer.arrive(packetFrame(LIST));
  fixture.round();
  assertEquals(fixture.takeRecordsButOpen().length, burst);
  for (let count = 0; count < 20; count++) peer.send(LIST);
  assertEquals(fixture.takeRecordsButOpen(), []);
  const warning = peer.takePacket();
  const { errorCode, requestType } = messageOf(ErrorResponseSchema, warning);
  assertEquals([errorCode, requestType, warning.sequence], [
    ErrorCode.RATE_LIMITED,
    PacketType.ROOM_LIST_REQUEST,
    0n,
  ]);
  // Numbered packets count as received: each is answered.
  for (const sequence of [9, 10]) {
    peer.send({ ...LIST, sequence });
    assertEquals(messageOf(ErrorResponseSchema, peer.takePacket()).requestSequence, BigInt(sequence));
  }
  fixture.clock.advance(1_000);
  fixture.round();
  for (let count = 0; count < 60; count++) peer.arrive(packetFrame(LIST));
  fixture.round();
  const leftOver = PACKET_TOKENS_BURST - burst * cost;
  assertEquals(fixture.takeRecordsButOpen().length, Math.floor((PACKET_TOKENS_PER_SECOND + leftOver) / cost));
  assertEquals(messageOf(ErrorResponseSchema, peer.takePacket()).errorCode, ErrorCode.RATE_LIMITED);
});

Deno.test("Connection has logic number the refusal of a numbered packet in the world, so that no broken connection loses it", () => {
  const fixture = new IoFixture();
  const peer = fixture.connectIn("W");
  const burst = Math.floor(PACKET_TOKENS_BURST / contract.packets.row(PacketType.CHAT_MESSAGE)!.cost);
  for (let sequence = 1; sequence <= burst; sequence++) peer.arrive(packetFrame({ ...CHAT, sequence }));
  fixture.round();
  fixture.takeRecordsButOpen();
  peer.send({ ...CHAT, sequence: burst + 1, ack: 3 }, { ...CHAT, sequence: burst + 2 });
  assertEquals(peer.takePackets(), []);
  const records = fixture.takeRecordsButOpen();
  assertEquals(records.map(({ kind, type, sequence }) => [kind, type, sequence]), [
    [RECORD_REFUSED, PacketType.ERROR_RESPONSE, burst + 1],
    [RECORD_REFUSED, PacketType.ERROR_RESPONSE, burst + 2],
  ]);
  assertEquals(records[0].ack, 3);
  const { errorCode, requestSequence } = fromBinary(ErrorResponseSchema, records[1].payload);
  assertEquals([errorCode, requestSequence], [ErrorCode.RATE_LIMITED, BigInt(burst + 2)]);
});

Deno.test("Connection closes as FLOOD after FLOOD_DROPS_MAX dropped packets", () => {
  const fixture = new IoFixture();
  const peer = fixture.connect();
  for (let count = 0; count < PACKET_TOKENS_BURST + FLOOD_DROPS_MAX; count++) peer.arrive(packetFrame(heartbeat()));
  assert(!peer.connection.closing);
  peer.arrive(packetFrame(heartbeat()));
  fixture.round();
  assert(peer.connection.closing);
  assertEquals(takeNotice(peer), DisconnectReason.FLOOD);
});

Deno.test("Connection forgets dropped packets after FLOOD_INTERVAL_MS: who is a little too fast is not closed", () => {
  const fixture = new IoFixture();
  const peer = fixture.connect();
  for (let count = 0; count < PACKET_TOKENS_BURST; count++) peer.arrive(packetFrame(heartbeat()));
  for (let round = 0; round < 4; round++) {
    for (let count = 0; count < FLOOD_DROPS_MAX - 1; count++) peer.arrive(packetFrame(heartbeat()));
    assert(!peer.connection.closing);
    fixture.clock.advance(FLOOD_INTERVAL_MS + 1);
    fixture.round();
    // What came back meanwhile.
    for (let count = 0; count < PACKET_TOKENS_BURST; count++) peer.arrive(packetFrame(heartbeat()));
  }
});

Deno.test("Connection drops packets beyond the rate of their type, and takes others all the same", () => {
  for (const row of contract.packets.rows) {
    if (row.rate === null) continue;
    const { burst, perSecond } = row.rate;
    const fixture = new IoFixture();
    const isLogin = (row.states & STATE_AUTHENTICATED) === 0;
    const peer = fixture.connectIn(isLogin ? "C" : "A", (row.ports & PORT_GAME) !== 0 ? "game" : "login");
    // Half as fast again as its rate: the connection has tokens for that.
    const intervalMs = Math.ceil(1_000 / (1.5 * perSecond));
    assert(1.5 * perSecond * row.cost <= PACKET_TOKENS_PER_SECOND, row.name);
    const sentCount = Math.ceil(4 * burst);
    let servedCount = 0;
    for (let count = 0; count < sentCount; count++) {
      peer.arrive(packetFrame({ type: row.type, payload: pattern(3) }));
      const { payload } = errorResponse(ErrorCode.UNAVAILABLE, "", row.type, 0);
      if (row.changesState) {
        peer.connection.reader.onAnswer(PacketType.ERROR_RESPONSE, false, payload, 0, payload.length);
      }
      fixture.round();
      servedCount += fixture.takeRecordsButOpen().length;
      fixture.clock.advance(intervalMs);
      fixture.round();
    }
    assert(
      Math.abs(servedCount - (burst + perSecond * sentCount * intervalMs / 1_000)) <= 2,
      `${row.name}: ${servedCount}`,
    );
    const refusals = peer.takePackets().map((packet) => messageOf(ErrorResponseSchema, packet));
    assert(refusals.length > 0 && refusals.every(({ errorCode }) => errorCode === ErrorCode.RATE_LIMITED), row.name);
    peer.send(heartbeat());
    assertEquals(peer.takePacket().type, PacketType.HEARTBEAT_RESPONSE, row.name);
  }
});

Deno.test("Connection has no tokens to run out of when flood control is off", () => {
  const fixture = new IoFixture({ config: { floodControl: false } });
  const peer = fixture.connect();
  const count = PACKET_TOKENS_BURST + FLOOD_DROPS_MAX + 10;
  peer.send(...new Array(count).fill(heartbeat()));
  assertEquals(peer.takePackets().length, count);
});

Deno.test("Connection takes no tokens for what it refuses by type, port or state", () => {
  const fixture = new IoFixture();
  const peer = fixture.connectIn("A");
  for (let count = 0; count < REFUSED_PACKETS_MAX; count++) peer.send({ type: PacketType.REGISTER_REQUEST });
  peer.takePackets();
  for (let count = 0; count < PACKET_TOKENS_BURST; count++) peer.arrive(packetFrame(heartbeat()));
  fixture.round();
  assertEquals(peer.takePackets().length, PACKET_TOKENS_BURST);
});

// Sending

Deno.test("Connection sends what logic sends with its sequence, the newest ack and its clock", () => {
  const fixture = new IoFixture();
  const peer = fixture.connectIn("W");
  fixture.sendFromLogic(peer, PacketType.CHAT_MESSAGE, pattern(30), { sequence: 6, ack: 2 });
  fixture.push(RECORD_ACK, peer.connection.slot, peer.connection.generation, { ack: 5 });
  fixture.sendFromLogic(peer, PacketType.WORLD_SNAPSHOT, pattern(4), { ack: 5 });
  fixture.round();
  const [chat, snapshot] = peer.takePackets();
  const timestamp = BigInt(fixture.clock.unixMs());
  assertEquals(chat, {
    type: PacketType.CHAT_MESSAGE,
    size: 30,
    sequence: 6n,
    ack: 2n,
    timestamp,
    isCompressed: false,
    payload: pattern(30),
  });
  assertEquals([snapshot.sequence, snapshot.ack], [0n, 5n]);
  // The acknowledgement also goes out with what the io worker answers itself.
  peer.send(heartbeat());
  assertEquals(peer.takePacket().ack, 5n);
});

Deno.test("Connection has one write in flight, and a burst becomes one more", () => {
  const fixture = new IoFixture();
  const peer = fixture.connectIn("W");
  peer.socket.takesAtOnce = false;
  for (let number = 1; number <= 100; number++) {
    fixture.sendFromLogic(peer, PacketType.CHAT_MESSAGE, pattern(50, number), { sequence: number });
    if (number === 1) fixture.round();
  }
  fixture.round();
  assertEquals(peer.socket.writeCount, 1);
  peer.drain();
  assertEquals(peer.socket.writeCount, 2);
  peer.drain();
  assertEquals(peer.socket.writeCount, 2);
  assertEquals(
    peer.takePackets().map(({ sequence }) => Number(sequence)),
    Array.from({ length: 100 }, (_, at) => at + 1),
  );
});

const SOFT_BYTES = 10_000;
const HARD_BYTES = 40_000;

function openSlowPeer(state: "A" | "W" = "W"): Peer {
  const fixture = new IoFixture({
    config: { sendQueueSoftBytes: SOFT_BYTES, sendQueueHardBytes: HARD_BYTES, diagnostics: true },
  });
  const peer = fixture.connectIn(state);
  // Logic knows of a connection from its first packet on.
  peer.send({ type: PacketType.CHAT_MESSAGE, payload: pattern(5) });
  fixture.takeRecords();
  peer.socket.takesAtOnce = false;
  return peer;
}

Deno.test("Connection above its soft cap sheds what is DROPPABLE and tells logic, and again once it is below half", () => {
  const peer = openSlowPeer();
  const { fixture } = peer;
  const congestion = () => fixture.takeRecords().map(({ kind, type }) => [kind, type]);
  fixture.sendFromLogic(peer, PacketType.CHAT_MESSAGE, pattern(SOFT_BYTES - 100), { sequence: 1 });
  fixture.round();
  assertEquals(congestion(), []);
  fixture.sendFromLogic(peer, PacketType.CHAT_MESSAGE, pattern(200), { sequence: 2 });
  fixture.round();
  assertEquals(congestion(), [[RECORD_CONGESTED, 1]]);

  // DROPPABLE: dropped, from here and from logic. RELIABLE and LATEST: sent.
  peer.send(heartbeat(), echo(pattern(3), 0));
  fixture.sendFromLogic(peer, PacketType.ECHO_RESPONSE, pattern(3));
  fixture.sendFromLogic(peer, PacketType.WORLD_SNAPSHOT, pattern(3));
  fixture.round();
  assertEquals(fixture.counters.get(Counter.DROPPABLE_SHED), 3);
  assertEquals(congestion(), []);

  peer.drain();
  fixture.round();
  assertEquals(congestion(), [[RECORD_CONGESTED, 0]]);
  peer.drain();
  assertEquals(peer.takePackets().map(({ type }) => type), [
    PacketType.CHAT_MESSAGE,
    PacketType.CHAT_MESSAGE,
    PacketType.WORLD_SNAPSHOT,
  ]);
  peer.send(heartbeat());
  peer.drain();
  assertEquals(peer.takePacket().type, PacketType.HEARTBEAT_RESPONSE);
});

Deno.test("Connection stays congested between half its soft cap and the cap", () => {
  const peer = openSlowPeer();
  const { fixture } = peer;
  fixture.sendFromLogic(peer, PacketType.CHAT_MESSAGE, pattern(SOFT_BYTES), { sequence: 1 });
  fixture.round();
  fixture.sendFromLogic(peer, PacketType.CHAT_MESSAGE, pattern(SOFT_BYTES / 2 + 100), { sequence: 2 });
  fixture.round();
  assertEquals(fixture.takeRecords().map(({ kind, type }) => [kind, type]), [[RECORD_CONGESTED, 1]]);
  peer.drain();
  fixture.round();
  assertEquals(fixture.takeRecords(), []);
  peer.drain();
  fixture.round();
  assertEquals(fixture.takeRecords().map(({ kind, type }) => [kind, type]), [[RECORD_CONGESTED, 0]]);
});

Deno.test("Connection above its hard cap is cut off as SLOW_READER, and nobody else notices", () => {
  const peer = openSlowPeer();
  const { fixture } = peer;
  const other = fixture.connectIn("W");
  for (let sequence = 1; sequence <= 5; sequence++) {
    fixture.sendFromLogic(peer, PacketType.CHAT_MESSAGE, pattern(9_000), { sequence });
    fixture.sendFromLogic(other, PacketType.CHAT_MESSAGE, pattern(9), { sequence });
    fixture.round();
  }
  assertEquals(peer.socket.closed, "abort");
  assert(peer.connection.gone);
  const records = fixture.takeRecords();
  assertEquals(records.map(({ kind, type }) => [kind, type]), [
    [RECORD_CONGESTED, 1],
    [RECORD_CLOSED, DisconnectReason.SLOW_READER],
  ]);
  assertEquals(fixture.counters.get(Counter.CLOSED_BY_REASON + DisconnectReason.SLOW_READER), 1);
  assertEquals(other.takePackets().length, 5);
});

Deno.test("Connection that stays above its soft cap is cut off as SLOW_READER after SLOW_READER_MS, and not before", () => {
  const peer = openSlowPeer();
  const { fixture } = peer;
  const stay = (forMs: number) => {
    // It is not silent: it only does not read.
    for (let passedMs = 0; passedMs < forMs; passedMs += SWEEP_INTERVAL_MS) {
      peer.send(heartbeat());
      fixture.pass(SWEEP_INTERVAL_MS);
      fixture.worker.sweep();
    }
  };
  fixture.sendFromLogic(peer, PacketType.CHAT_MESSAGE, pattern(SOFT_BYTES + 1), { sequence: 1 });
  fixture.round();
  stay(SLOW_READER_MS - SWEEP_INTERVAL_MS);
  assert(!peer.connection.closing);
  peer.drain();
  fixture.round();
  stay(SLOW_READER_MS);
  assert(!peer.connection.closing, "It has caught up in time");
  peer.socket.takesAtOnce = false;
  fixture.sendFromLogic(peer, PacketType.CHAT_MESSAGE, pattern(SOFT_BYTES + 1), { sequence: 2 });
  fixture.round();
  stay(SLOW_READER_MS);
  assertEquals(fixture.counters.get(Counter.CLOSED_BY_REASON + DisconnectReason.SLOW_READER), 1);
  assertEquals(peer.socket.closed, "abort");
});

Deno.test("Connection of which logic does not know is cut off as SLOW_READER as well", () => {
  const fixture = new IoFixture({ config: { sendQueueSoftBytes: SOFT_BYTES, floodControl: false } });
  const peer = fixture.connect("gateway");
  peer.socket.takesAtOnce = false;
  const ping = clientFrame({ opcode: 9, payload: "x".repeat(100) });
  for (let sentBytes = 0; sentBytes <= SOFT_BYTES + 200; sentBytes += 100) peer.arrive(ping);
  fixture.round();
  assert(!peer.connection.announced);
  for (let passedMs = 0; passedMs < SLOW_READER_MS; passedMs += SWEEP_INTERVAL_MS) {
    assert(!peer.connection.closing);
    peer.send(heartbeat());
    fixture.pass(SWEEP_INTERVAL_MS);
  }
  assertEquals(fixture.counters.get(Counter.CLOSED_BY_REASON + DisconnectReason.SLOW_READER), 1);
  assertEquals(peer.socket.closed, "abort");
});

Deno.test("Connection that is congested before logic knows of it tells so behind its announcement", () => {
  const fixture = new IoFixture({ config: { sendQueueSoftBytes: SOFT_BYTES, floodControl: false } });
  const peer = fixture.connect("gateway");
  peer.socket.takesAtOnce = false;
  const ping = clientFrame({ opcode: 9, payload: "x".repeat(100) });
  for (let sentBytes = 0; sentBytes <= SOFT_BYTES + 200; sentBytes += 100) peer.arrive(ping);
  fixture.round();
  assertEquals(fixture.takeRecords(), []);
  peer.connection.tryAnnounce();
  fixture.round();
  assertEquals(fixture.takeRecords().map(({ kind, type }) => [kind, type]), [[RECORD_OPEN, 0], [RECORD_CONGESTED, 1]]);
  while (peer.socket.inFlightBytes > 0) peer.drain();
  fixture.round();
  assertEquals(fixture.takeRecords().map(({ kind, type }) => [kind, type]), [[RECORD_CONGESTED, 0]]);
});

Deno.test("Connection that breaks while above its soft cap counts as SLOW_READER", () => {
  const peer = openSlowPeer();
  const { fixture } = peer;
  fixture.sendFromLogic(peer, PacketType.CHAT_MESSAGE, pattern(SOFT_BYTES + 1), { sequence: 1 });
  fixture.round();
  peer.connection.onBroken(false);
  assertEquals(fixture.counters.get(Counter.CLOSED_BY_REASON + DisconnectReason.SLOW_READER), 1);
  fixture.round();
  assertEquals(fixture.takeRecords().map(({ kind, type }) => [kind, type]), [
    [RECORD_CONGESTED, 1],
    [RECORD_CLOSED, DisconnectReason.SLOW_READER],
  ]);
});

for (
  const [silentMs, unsentBytes, reason] of [
    [0, 0, DisconnectReason.SLOW_READER],
    [IDLE_TIMEOUT_MS / 2, 0, DisconnectReason.UNSPECIFIED],
    [IDLE_TIMEOUT_MS / 2, 1_000, DisconnectReason.SLOW_READER],
  ] as const
) {
  const given = `after ${silentMs} ms of silence with ${unsentBytes} bytes unsent`;
  Deno.test(`Connection that the kernel gives up ${given} counts as ${DisconnectReason[reason]}`, () => {
    const peer = openSlowPeer();
    const { connection, fixture } = peer;
    if (unsentBytes > 0) {
      fixture.sendFromLogic(peer, PacketType.CHAT_MESSAGE, pattern(unsentBytes), { sequence: 1 });
    }
    fixture.round();
    fixture.takeRecords();
    fixture.pass(silentMs);
    connection.onBroken(true);
    fixture.round();
    assertEquals(fixture.takeRecords().map(({ kind, type }) => [kind, type]), [[RECORD_CLOSED, reason]]);
  });
}

Deno.test("Connection that is silent and takes nothing closes as SLOW_READER, not as IDLE", () => {
  const peer = openSlowPeer();
  const { fixture } = peer;
  fixture.sendFromLogic(peer, PacketType.CHAT_MESSAGE, pattern(1_000), { sequence: 1 });
  fixture.round();
  fixture.pass(IDLE_TIMEOUT_MS - 1);
  assert(!peer.connection.closing);
  fixture.pass(1);
  assertEquals(fixture.counters.get(Counter.CLOSED_BY_REASON + DisconnectReason.SLOW_READER), 1);
  assertEquals(peer.socket.closed, "abort");
});

Deno.test("Connection holds exactly its hard cap", () => {
  const peer = openSlowPeer();
  const { fixture } = peer;
  const envelopeBytes = packetBytes(fixture, 30_000) - 30_000;
  fixture.sendFromLogic(peer, PacketType.CHAT_MESSAGE, pattern(HARD_BYTES - envelopeBytes), { sequence: 1 });
  fixture.round();
  assertEquals(peer.socket.inFlightBytes, HARD_BYTES);
  assert(!peer.connection.closing);
  const beyond = openSlowPeer();
  beyond.fixture.sendFromLogic(beyond, PacketType.CHAT_MESSAGE, pattern(HARD_BYTES - envelopeBytes + 1), {
    sequence: 1,
  });
  beyond.fixture.round();
  assert(beyond.connection.gone);
});

/** Bytes on the wire of a chat message with that much payload. */
function packetBytes(fixture: IoFixture, payloadBytes: number): number {
  const peer = fixture.connectIn("W");
  fixture.sendFromLogic(peer, PacketType.CHAT_MESSAGE, pattern(payloadBytes), { sequence: 1 });
  fixture.round();
  return peer.socket.takeSent().length;
}

// Closing

Deno.test("Connection closed by logic says why, then ends writing, then closes when the peer has read it", () => {
  const fixture = new IoFixture();
  const peer = fixture.connectIn("W");
  const { slot, generation } = peer.connection;
  peer.socket.takesAtOnce = false;
  fixture.sendFromLogic(peer, PacketType.CHAT_MESSAGE, pattern(9), { sequence: 1 });
  const explanation = toBinary(ExplanationSchema, create(ExplanationSchema, { cause: Cause.KICKED, reason: "noise" }));
  const payload = new Uint8Array([...new TextEncoder().encode("Behave"), ...explanation]);
  const close = { type: DisconnectReason.KICKED, sequence: 30_000, ack: explanation.length, payload };
  fixture.push(RECORD_CLOSE, slot, generation, close);
  fixture.sendFromLogic(peer, PacketType.CHAT_MESSAGE, pattern(9), { sequence: 2 });
  fixture.round();
  assertEquals([peer.socket.isWritingEnded, peer.socket.closed], [false, "no"]);
  peer.drain();
  assertEquals([peer.socket.isWritingEnded, peer.socket.closed], [true, "no"]);
  const [chat, notice, ...rest] = peer.takePackets();
  assertEquals([chat.type, rest], [PacketType.CHAT_MESSAGE, []]);
  const { reason, message, retryAfterMs, explanation: said } = messageOf(DisconnectNoticeSchema, notice);
  assertEquals([reason, message, retryAfterMs], [DisconnectReason.KICKED, "Behave", 30_000]);
  assertEquals([said?.cause, said?.reason], [Cause.KICKED, "noise"]);
  peer.handler.onEnd();
  assertEquals(peer.socket.closed, "close");
  assert(peer.connection.gone);
});

Deno.test("Connection closed by logic without a reason says nothing", () => {
  const fixture = new IoFixture();
  const peer = fixture.connectIn("A");
  fixture.push(RECORD_CLOSE, peer.connection.slot, peer.connection.generation, {});
  fixture.round();
  assertEquals(peer.takePackets(), []);
  assert(peer.socket.isWritingEnded);
});

Deno.test("Connection whose peer ended sends what was to be sent and closes", () => {
  const fixture = new IoFixture();
  const peer = fixture.connectIn("A");
  peer.send(CHAT);
  peer.socket.takesAtOnce = false;
  peer.send(heartbeat());
  fixture.takeRecords();
  peer.handler.onEnd();
  fixture.round();
  assertEquals(peer.socket.closed, "no");
  peer.drain();
  assertEquals(peer.socket.closed, "close");
  assertEquals(peer.takePacket().type, PacketType.HEARTBEAT_RESPONSE);
  assertEquals(fixture.takeRecords().map(({ kind, type }) => [kind, type]), [[RECORD_CLOSED, 0]]);
  assertEquals(fixture.counters.get(Counter.CLOSED_BY_PEER), 1);
});

Deno.test("Connection whose peer ended behind a request is closed when it has been answered", () => {
  const fixture = new IoFixture();
  const peer = fixture.connect("login");
  peer.send({ type: PacketType.LOGIN_REQUEST, payload: pattern(9) });
  peer.handler.onEnd();
  fixture.round();
  assertEquals([peer.socket.closed, peer.connection.closing], ["no", false]);
  fixture.sendFromLogic(peer, PacketType.LOGIN_RESPONSE, pattern(7));
  fixture.round();
  assertEquals(peer.takePackets().map(({ type }) => type), [PacketType.LOGIN_RESPONSE]);
  assertEquals(peer.socket.closed, "close");
});

Deno.test("Connection whose socket broke is gone at once and touches it no more", () => {
  const fixture = new IoFixture();
  const peer = fixture.connectIn("A");
  peer.send(CHAT);
  peer.socket.takesAtOnce = false;
  peer.send(heartbeat());
  peer.send(heartbeat());
  const { writeCount } = peer.socket;
  peer.handler.onBroken(false);
  fixture.round();
  fixture.pass(60_000);
  assert(peer.connection.gone);
  assertEquals([peer.socket.writeCount, peer.socket.closed], [writeCount, "no"]);
  assertEquals(fixture.takeRecordsButOpen().at(-1)!.kind, RECORD_CLOSED);
  assertEquals(fixture.worker.connectionCount, 0);
});

Deno.test("Connection that closes reads on but takes nothing", () => {
  const fixture = new IoFixture();
  const peer = fixture.connectIn("A");
  peer.connection.close(DisconnectReason.KICKED, "Go");
  fixture.round();
  assert(peer.socket.isReading);
  peer.send(CHAT, heartbeat());
  assertEquals(fixture.takeRecords(), []);
  assertEquals(peer.takePackets().length, 1);
});
