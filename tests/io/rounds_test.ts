/** Rounds end by time, in every part, and go on where they stopped; work that is no packet is paid for. @module */

import { Counter, Gauge } from "../../server/ops/counters.ts";
import { RECORD_OPEN, RECORD_ROLL_CALL } from "../../server/ring/records.ts";
import {
  DisconnectNoticeSchema,
  DisconnectReason,
  ErrorResponseSchema,
  HeartbeatRequestSchema,
  HeartbeatResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import {
  ADDRESS_WORK_BURST_SECONDS,
  DEBTORS_US_PER_CHECK,
  FRAMES_PER_SERVICE_MAX,
  LINGER_TIMEOUT_MS,
  ROUND_ITEMS_PER_LOOK,
  ROUND_PART_MS,
  THROTTLE_CHECK_MS,
  THROTTLE_MS_MAX,
  UNAUTHENTICATED_MS,
  WORK_ACCEPT_US,
  WORK_HANDSHAKE_US,
  WORK_PING_US,
  WORK_TLS_RECORD_US,
  WORK_US_BATCH,
  WORK_US_BURST,
  WORK_US_PER_ADDRESS_TOKEN,
  WORK_US_PER_SECOND,
} from "../../shared/limits.ts";
import { clientFrame, concatenate, utf8 } from "../gateway/frames.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { emptyBlocks } from "../support/empty_blocks.ts";
import { encode, FakeSocket, IoFixture, messageOf, packetFrame, type Peer } from "./io_fixture.ts";

const HEARTBEAT = packetFrame({ type: PacketType.HEARTBEAT_REQUEST });
const NO_FLOOD_CONTROL = { config: { floodControl: false } };

function heartbeats(count: number, first = 1): Uint8Array {
  return concatenate(...Array.from({ length: count }, (_, index) =>
    packetFrame({
      type: PacketType.HEARTBEAT_REQUEST,
      payload: encode(HeartbeatRequestSchema, { timestamp: BigInt(first + index) }),
    })));
}

/** Rounds until something holds; gives how many that took. */
function roundsUntil(fixture: IoFixture, holds: () => boolean): number {
  for (let rounds = 1; rounds <= 10_000; rounds++) {
    fixture.round();
    if (holds()) return rounds;
  }
  throw new Error("It does not come to an end");
}

Deno.test("IoWorker.isTimeUp() looks at the clock now and then, and anew in each part of a round", () => {
  const { clock, worker } = new IoFixture();
  worker.onWake();
  clock.advance(ROUND_PART_MS);
  const asked = Array.from({ length: 2 * ROUND_ITEMS_PER_LOOK }, () => worker.isTimeUp());
  assertEquals(asked.indexOf(true), ROUND_ITEMS_PER_LOOK - 1);
  assert(asked.slice(ROUND_ITEMS_PER_LOOK).every((isUp) => isUp));
  worker.onWake();
  assertEquals(worker.isTimeUp(), false);
});

Deno.test("A backlog of 13,000 frames gives way to others as time passes, and is handled whole and in order", () => {
  const fixture = new IoFixture(NO_FLOOD_CONTROL);
  const busy = fixture.connect();
  const honest = fixture.connect();
  fixture.clock.stepMs = 1;
  busy.arrive(heartbeats(13_000));
  assert(!busy.socket.isReading);
  const answered: bigint[] = [];
  const take = () => {
    for (const packet of busy.takePackets()) {
      answered.push(messageOf(HeartbeatResponseSchema, packet).clientTimestamp);
    }
  };
  fixture.round();
  take();
  assert(answered.length > 0 && answered.length < 4 * FRAMES_PER_SERVICE_MAX, `${answered.length} in one round`);
  honest.arrive(HEARTBEAT);
  fixture.round();
  assertEquals(honest.takePacket().type, PacketType.HEARTBEAT_RESPONSE);
  take();
  assert(answered.length < 13_000);
  assert(!fixture.worker.beforeSleep());
  roundsUntil(fixture, () => {
    take();
    return answered.length >= 13_000;
  });
  assertEquals(answered, Array.from({ length: 13_000 }, (_, index) => BigInt(index + 1)));
  roundsUntil(fixture, () => busy.socket.isReading);
  fixture.clock.stepMs = 0;
  fixture.round();
  assert(fixture.worker.beforeSleep());
});

Deno.test("Connections with a backlog have their turns one after the other", () => {
  const fixture = new IoFixture(NO_FLOOD_CONTROL);
  const peers = Array.from({ length: 5 }, () => fixture.connect());
  for (const peer of peers) peer.arrive(heartbeats(5 * FRAMES_PER_SERVICE_MAX));
  const counts = peers.map(() => 0);
  fixture.clock.stepMs = 1;
  roundsUntil(fixture, () => {
    peers.forEach((peer, index) => counts[index] += peer.takePackets().length);
    // Nobody is ahead of another by more than one service.
    assert(Math.max(...counts) - Math.min(...counts) <= 2 * FRAMES_PER_SERVICE_MAX, `${counts}`);
    return counts.every((count) => count === 5 * FRAMES_PER_SERVICE_MAX);
  });
});

Deno.test("What logic sends is taken by time, and in order", () => {
  const fixture = new IoFixture();
  const peer = fixture.connectIn("W");
  for (let sequence = 1; sequence <= 1_000; sequence++) {
    fixture.sendFromLogic(peer, PacketType.CHAT_MESSAGE, utf8("x"), { sequence });
  }
  fixture.clock.stepMs = 1;
  const sequences: number[] = [];
  const take = () => sequences.push(...peer.takePackets().map(({ sequence }) => Number(sequence)));
  fixture.round();
  take();
  assert(sequences.length < 1_000 && sequences.length >= ROUND_ITEMS_PER_LOOK, `${sequences.length}`);
  const asked = fixture.roundsAsked;
  fixture.round();
  assert(fixture.roundsAsked > asked, "The backend must be asked for a round");
  roundsUntil(fixture, () => {
    take();
    return sequences.length >= 1_000;
  });
  assertEquals(sequences, Array.from({ length: 1_000 }, (_, index) => index + 1));
});

Deno.test("Sending ends by time, and those left go first", () => {
  const fixture = new IoFixture();
  const peers = Array.from({ length: 200 }, () => fixture.connect());
  for (const peer of peers) peer.arrive(HEARTBEAT);
  fixture.clock.stepMs = 1;
  fixture.round();
  const first = peers.filter(({ socket }) => socket.writeCount > 0).length;
  assert(first >= ROUND_ITEMS_PER_LOOK && first < 200, `${first}`);
  assertEquals(peers.findIndex(({ socket }) => socket.writeCount === 0), first, "In the order they came");
  roundsUntil(fixture, () => peers.every(({ socket }) => socket.writeCount === 1));
});

/** A WebSocket that sends empty pings in one read. */
function ping(peer: Peer, count: number): void {
  peer.arrive(
    concatenate(...new Array<Uint8Array>(count).fill(clientFrame({ opcode: 9, payload: new Uint8Array(0) }))),
  );
}

/** The pongs that came since this was asked last. */
function takePongs(peer: Peer): number {
  peer.takePackets();
  return peer.controlFrames.splice(0).length;
}

for (const address of ["192.0.2.7", "198.51.100.20"]) {
  const who = address === "192.0.2.7" ? "a trusted peer" : "a peer";
  Deno.test(`Pings in debt are not read, and all answered when it is paid: ${who}`, () => {
    const fixture = new IoFixture();
    const peer = fixture.connect("gateway", new FakeSocket(address));
    const perRead = 10_000;
    let sent = 0;
    let pongs = 0;
    while (peer.socket.isReading) {
      ping(peer, perRead);
      sent += perRead;
      fixture.round();
      pongs += takePongs(peer);
    }
    assert(peer.connection.reader.throttled);
    assert(sent * WORK_PING_US < 2 * WORK_US_BURST + perRead * WORK_PING_US * 2, `${sent} pings`);
    assertEquals([fixture.counters.get(Gauge.THROTTLED), fixture.counters.get(Counter.READ_PAUSES)], [1, 1]);
    // Nothing more while in debt, however many rounds.
    for (let round = 0; round < 5; round++) fixture.round();
    assertEquals(takePongs(peer), 0);
    let waitedMs = 0;
    for (; pongs < sent; waitedMs += 100) {
      fixture.clock.advance(100);
      fixture.round();
      pongs += takePongs(peer);
      assert(waitedMs < 60_000, `${pongs} of ${sent} pings were answered`);
    }
    assertEquals(pongs, sent);
    fixture.clock.advance(THROTTLE_MS_MAX);
    fixture.round();
    assert(peer.socket.isReading);
    assertEquals(fixture.counters.get(Gauge.THROTTLED), 0);
    assert(sent * WORK_PING_US <= WORK_US_BURST * 1.5 + (waitedMs + 1_000) * WORK_US_PER_SECOND / 1_000);
  });
}

Deno.test("Pings cost nothing without flood control, and still end by time", () => {
  const fixture = new IoFixture(NO_FLOOD_CONTROL);
  const peer = fixture.connect("gateway");
  fixture.clock.stepMs = 1;
  ping(peer, 50_000);
  let pongs = takePongs(peer);
  assert(!peer.socket.isReading);
  roundsUntil(fixture, () => {
    pongs += takePongs(peer);
    return peer.socket.isReading;
  });
  fixture.round();
  assertEquals([pongs + takePongs(peer), fixture.counters.get(Counter.READ_PAUSES)], [50_000, 0]);
});

Deno.test("A connection's debt to its address is shared: one address that works is slowed, another is not", () => {
  const fixture = new IoFixture({ config: { addressTokensPerSecond: 1_000 } });
  const connect = (address: string) => fixture.connect("gateway", new FakeSocket(address));
  const crowd = Array.from({ length: 20 }, () => connect("198.51.100.20"));
  const other = connect("198.51.100.21");
  for (const peer of crowd) ping(peer, 200);
  assert(crowd.some((peer) => peer.connection.reader.throttled));
  ping(other, 200);
  fixture.round();
  assert(!other.connection.reader.throttled);
  assertEquals(takePongs(other), 200);
});

Deno.test("Newcomers of an address in debt are not read until it has paid for them, and lose nothing", () => {
  const fixture = new IoFixture({ config: { addressTokensPerSecond: 100 } });
  const connect = (address: string) => fixture.connect("game", new FakeSocket(address));
  const crowd = Array.from({ length: 30 }, () => connect("198.51.100.20"));
  const read = crowd.filter(({ socket }) => socket.isReading).length;
  assertEquals(read, 100 * WORK_US_PER_ADDRESS_TOKEN * ADDRESS_WORK_BURST_SECONDS / WORK_ACCEPT_US);
  assert(connect("198.51.100.21").socket.isReading);
  // What was under way when it was paused waits too.
  const late = crowd.at(-1)!;
  late.arrive(HEARTBEAT);
  const web = fixture.tryConnect("gateway", new FakeSocket("198.51.100.20"))!;
  web.arrive(utf8("nonsense\r\n\r\n"));
  fixture.round();
  assertEquals([late.takePackets(), web.socket.writeCount], [[], 0]);
  for (
    let waitedMs = 0;
    crowd.some(({ socket }) => !socket.isReading) || web.socket.writeCount === 0;
    waitedMs += 100
  ) {
    fixture.clock.advance(100);
    fixture.round();
    assert(waitedMs < 60_000, "They must be read in the end");
  }
  fixture.round();
  assertEquals([late.takePacket().type, web.socket.writeCount], [PacketType.HEARTBEAT_RESPONSE, 1]);
});

Deno.test("A TLS handshake is charged to its address, and asks for the time", () => {
  const fixture = new IoFixture({ config: { addressTokensPerSecond: 1_000 } });
  const peers = Array.from({ length: 20 }, () => fixture.connect("game", new FakeSocket("198.51.100.20")));
  fixture.worker.onWake();
  fixture.clock.advance(ROUND_PART_MS);
  peers[0].handler.onHandshake();
  assert(fixture.worker.isTimeUp(), "The next one must not begin in this round");
  for (const peer of peers) peer.handler.onHandshake();
  const read = peers.filter(({ socket }) => socket.isReading).length;
  assert(read < 1_000 * WORK_US_PER_ADDRESS_TOKEN * ADDRESS_WORK_BURST_SECONDS / WORK_HANDSHAKE_US, `${read}`);
});

Deno.test("TLS records are charged to their address, however little they hold, and ask for the time", () => {
  const fixture = new IoFixture({ config: { addressTokensPerSecond: 1_000 } });
  const budgetUs = 1_000 * WORK_US_PER_ADDRESS_TOKEN * ADDRESS_WORK_BURST_SECONDS;
  const peers = Array.from({ length: 2 }, () => fixture.connect("game", new FakeSocket("198.51.100.20")));
  fixture.worker.onWake();
  fixture.clock.advance(ROUND_PART_MS);
  peers[0].handler.onRecords(1_000);
  assert(fixture.worker.isTimeUp(), "What comes next must not be deciphered in this round");
  assert(peers[0].socket.isReading);
  peers[0].handler.onRecords(budgetUs / WORK_TLS_RECORD_US);
  peers[1].handler.onRecords(WORK_US_BATCH / WORK_TLS_RECORD_US);
  assertEquals(peers.map(({ socket }) => socket.isReading), [false, false]);
});

Deno.test("Of those who were in debt and have paid, so many go on at a time, and one while others have to wait", () => {
  const fixture = new IoFixture();
  const peers = Array.from(
    { length: 60 },
    (_, index) => fixture.connect("gateway", new FakeSocket(`198.51.100.${20 + index}`)),
  );
  for (const peer of peers) while (peer.socket.isReading) ping(peer, 10_000);
  fixture.round();
  const waiting = () => peers.filter(({ connection }) => connection.reader.throttled).length;
  assertEquals(waiting(), 60);
  fixture.clock.stepMs = 1;
  // More than one round takes: logic has much to say, so that the round ends behind.
  const honest = fixture.connectIn("W");
  for (let sequence = 1; sequence <= 1_000; sequence++) {
    fixture.sendFromLogic(honest, PacketType.CHAT_MESSAGE, utf8("x"), { sequence });
  }
  fixture.clock.advance(20 * THROTTLE_MS_MAX);
  fixture.round();
  fixture.clock.advance(THROTTLE_CHECK_MS);
  fixture.round();
  const first = 60 - waiting();
  fixture.clock.advance(THROTTLE_CHECK_MS);
  fixture.round();
  assertEquals(60 - waiting(), first + 1, "One");
  fixture.clock.stepMs = 0;
  roundsUntil(fixture, () => honest.takePackets().at(-1)?.sequence === 1_000n);
  const before = waiting();
  fixture.clock.advance(THROTTLE_CHECK_MS);
  fixture.round();
  const wentOn = before - waiting();
  assert(wentOn > 1 && wentOn * WORK_PING_US <= DEBTORS_US_PER_CHECK && waiting() > 0, `${wentOn} went on`);
});

Deno.test("Heartbeats that inflate to nothing are refused unread, charged, and end as a violation", () => {
  const fixture = new IoFixture();
  const peer = fixture.connect();
  const heartbeat = { type: PacketType.HEARTBEAT_REQUEST, isCompressed: true, payload: emptyBlocks(65_000) };
  peer.send(heartbeat);
  const { errorCode, message } = messageOf(ErrorResponseSchema, peer.takePacket());
  assertEquals(errorCode, ErrorCode.INVALID_PACKET);
  assert(message.includes("256 bytes"), message);
  peer.send(heartbeat, heartbeat, heartbeat, heartbeat, heartbeat);
  assert(peer.connection.reader.throttled, "Six of them are 100 ms of work by their length");
});

Deno.test("A ban closes the other connections of its address, and nobody else's", () => {
  const fixture = new IoFixture();
  const connect = (address: string) => fixture.connect("game", new FakeSocket(address));
  const [flooder, silent, other] = [connect("198.51.100.20"), connect("198.51.100.20"), connect("198.51.100.21")];
  for (let read = 0; read < 12; read++) {
    flooder.arrive(heartbeats(100));
    fixture.round();
  }
  assertEquals(messageOf(DisconnectNoticeSchema, flooder.takePackets().at(-1)!).reason, DisconnectReason.FLOOD);
  fixture.pass(500);
  const notice = messageOf(DisconnectNoticeSchema, silent.takePacket());
  assertEquals(notice.reason, DisconnectReason.FLOOD);
  assert(notice.retryAfterMs > 0);
  assert(!other.connection.closing);
});

Deno.test("A roll call announces the connections that logic has not heard of, and each once", () => {
  const fixture = new IoFixture();
  const [idle, web] = [fixture.connect("login"), fixture.connect("gateway")];
  fixture.connectIn("W").send({ type: PacketType.ROOM_LIST_REQUEST });
  const http = fixture.tryConnect("gateway");
  assert(http !== null);
  fixture.takeRecords();
  const announced = () =>
    fixture.takeRecords().map((record) => {
      assertEquals(record.kind, RECORD_OPEN);
      return record.slot;
    });
  fixture.pass(500);
  assertEquals(announced(), [], "Nobody asked");
  fixture.push(RECORD_ROLL_CALL, 0, 0, {});
  fixture.pass(500);
  assertEquals(announced(), [idle.connection.slot, web.connection.slot]);
  fixture.push(RECORD_ROLL_CALL, 0, 0, {});
  fixture.pass(500);
  assertEquals(announced(), []);
});

Deno.test("A full port takes its places back from who has not logged in for long, oldest first, when others want them", () => {
  const fixture = new IoFixture({ config: { maxConnections: 4 } });
  const player = fixture.connectIn("A");
  const idlers: Peer[] = [];
  for (let index = 0; index < 3; index++) {
    idlers.push(fixture.connect());
    fixture.clock.advance(10);
  }
  // Heartbeats keep everyone alive, and nobody is closed while nobody wants in.
  for (let passedMs = 0; passedMs < UNAUTHENTICATED_MS; passedMs += 10_000) {
    for (const peer of [player, ...idlers]) peer.send({ type: PacketType.HEARTBEAT_REQUEST });
    fixture.pass(10_000);
  }
  const closed = () => idlers.map(({ connection }) => connection.closing);
  assertEquals(closed(), [false, false, false]);
  assert(fixture.connect().connection.closing, "It is told that the server is full");
  fixture.pass(500);
  assertEquals(closed(), [true, false, false]);
  assertEquals(messageOf(DisconnectNoticeSchema, idlers[0].takePackets().at(-1)!).reason, DisconnectReason.IDLE);
  assert(!player.connection.closing);
  // A connection counts until it is gone.
  fixture.pass(LINGER_TIMEOUT_MS);
  assertEquals(closed(), [true, false, false], "One for each that was turned away");
  const late = fixture.connect();
  assert(!late.connection.closing);
});
