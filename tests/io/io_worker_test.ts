import { createAdmissionBuffer } from "../../server/io/admission.ts";
import { connectionSlot, Counter } from "../../server/ops/counters.ts";
import {
  RECORD_ACK,
  RECORD_BROADCAST,
  RECORD_CLOSE,
  RECORD_CLOSED,
  RECORD_HEADER_BYTES,
  RECORD_OPEN,
  RECORD_PACKET,
  RECORD_SEND,
  tryPushRecord,
} from "../../server/ring/records.ts";
import { FLAG_COMPRESSED } from "../support/records.ts";
import { DisconnectNoticeSchema, DisconnectReason, HeartbeatRequestSchema } from "../../shared/gen/auth_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import {
  ANSWER_TIMEOUT_MS,
  HANDSHAKE_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  LINGER_TIMEOUT_MS,
  REFUSED_CONNECTIONS_MAX,
  SWEEP_INTERVAL_MS,
} from "../../shared/limits.ts";
import { concatenate } from "../gateway/frames.ts";
import { pattern } from "../shared/frames.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";
import { encode, FakeSocket, IoFixture, messageOf, packetFrame, type PacketInit, type Peer } from "./io_fixture.ts";

const CHAT: PacketInit = { type: PacketType.CHAT_MESSAGE, payload: pattern(12) };
const HEARTBEAT: PacketInit = { type: PacketType.HEARTBEAT_REQUEST, payload: encode(HeartbeatRequestSchema, {}) };

function takeNotice(peer: Peer): { reason: DisconnectReason; retryAfterMs: number } {
  return messageOf(DisconnectNoticeSchema, peer.takePackets().at(-1)!);
}

// Time-outs

Deno.test("IoWorker.sweep() closes who has sent nothing valid in time as HANDSHAKE_TIMEOUT", () => {
  const fixture = new IoFixture();
  const silent = fixture.connect();
  const refused = fixture.connect();
  const valid = fixture.connect();
  fixture.pass(HANDSHAKE_TIMEOUT_MS - 1);
  refused.send({ type: PacketType.CHAT_MESSAGE });
  valid.send(HEARTBEAT);
  assert(!silent.connection.closing);
  refused.takePackets();
  fixture.pass(1);
  assertEquals(takeNotice(silent).reason, DisconnectReason.HANDSHAKE_TIMEOUT);
  assertEquals(takeNotice(refused).reason, DisconnectReason.HANDSHAKE_TIMEOUT);
  assert(!valid.connection.closing);
});

Deno.test("IoWorker.sweep() closes who sent nothing at all for IDLE_TIMEOUT_MS as IDLE", () => {
  const fixture = new IoFixture();
  const idle = fixture.connect();
  const busy = fixture.connect();
  for (const peer of [idle, busy]) peer.send(HEARTBEAT);
  fixture.pass(IDLE_TIMEOUT_MS - 1);
  assert(!idle.connection.closing);
  // Part of a packet is a sign of life too.
  busy.arrive(new Uint8Array([9]));
  idle.takePackets();
  fixture.pass(1);
  assertEquals(takeNotice(idle).reason, DisconnectReason.IDLE);
  assert(!busy.connection.closing);
  fixture.pass(IDLE_TIMEOUT_MS - 2);
  assert(!busy.connection.closing);
  fixture.pass(1);
  assert(busy.connection.closing);
});

Deno.test("IoWorker.sweep() closes whose login has no answer for ANSWER_TIMEOUT_MS, however often it says that it is there", () => {
  const fixture = new IoFixture();
  const [answered, forgotten] = [fixture.connect("login"), fixture.connect("login")];
  for (const peer of [answered, forgotten]) peer.send({ type: PacketType.LOGIN_REQUEST });
  fixture.sendFromLogic(answered, PacketType.LOGIN_RESPONSE, new Uint8Array(0));
  fixture.round();
  for (let passedMs = 0; passedMs < ANSWER_TIMEOUT_MS; passedMs += 10_000) {
    assert(!forgotten.connection.closing, `After ${passedMs} ms`);
    for (const peer of [answered, forgotten]) peer.send(HEARTBEAT);
    fixture.pass(10_000);
  }
  assertEquals(takeNotice(forgotten).reason, DisconnectReason.SERVER_ERROR);
  assert(!answered.connection.closing);
});

Deno.test("IoWorker.sweep() cuts who does not take its DISCONNECT_NOTICE after LINGER_TIMEOUT_MS", () => {
  const fixture = new IoFixture();
  const reading = fixture.connect();
  const stuck = fixture.connect();
  stuck.socket.takesAtOnce = false;
  for (const peer of [reading, stuck]) peer.connection.close(DisconnectReason.KICKED, "Go");
  fixture.round();
  fixture.pass(LINGER_TIMEOUT_MS - 1);
  assertEquals([reading.socket.closed, stuck.socket.closed], ["no", "no"]);
  fixture.pass(1);
  // What was taken may be read by the peer yet; what was not is dropped.
  assertEquals([reading.socket.closed, stuck.socket.closed], ["close", "abort"]);
  assertEquals(fixture.worker.connectionCount, 0);
});

// The ring to logic

/** Rings that are full soon. */
function openNarrow(ringBytes: number): IoFixture {
  return new IoFixture({ ringBytes, config: { floodControl: false } });
}

Deno.test("IoWorker pauses who sends while the ring to logic is full, and resumes without loss", () => {
  const fixture = openNarrow(4_096);
  const peer = fixture.connectIn("A");
  const packets = Array.from({ length: 200 }, (_, number): PacketInit => ({
    type: PacketType.CHAT_MESSAGE,
    sequence: number + 1,
    payload: pattern(100, number),
  }));
  peer.send(...packets);
  assert(!peer.socket.isReading);
  assert(fixture.counters.get(Counter.RING_FULL_PAUSES) > 0);
  const sequences: number[] = [];
  for (let turn = 0; turn < 200 && sequences.length < 200; turn++) {
    for (const record of fixture.takeRecordsButOpen()) {
      assertEquals(record.payload, packets[record.sequence - 1].payload);
      sequences.push(record.sequence);
    }
    fixture.round();
  }
  assertEquals(sequences, packets.map(({ sequence }) => sequence));
  assert(peer.socket.isReading);
  assertEquals(fixture.counters.get(Counter.PACKETS_IN), 200);
});

Deno.test("IoWorker loses nothing of several connections for any pace of logic", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("arrive" as const), peer: fc.nat(2), count: fc.integer({ min: 1, max: 400 }) }),
    fc.record({ kind: fc.constant("round" as const), peer: fc.constant(0), count: fc.constant(0) }),
    fc.record({ kind: fc.constant("take" as const), peer: fc.constant(0), count: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60, size: "max" }), (steps) => {
      const fixture = openNarrow(2_048);
      const peers = [0, 1, 2].map(() => fixture.connectIn("A"));
      const streams = peers.map((_, index) =>
        concatenate(
          ...Array.from({ length: 40 }, (_, number) =>
            packetFrame({ type: PacketType.CHAT_MESSAGE, sequence: number + 1, payload: pattern(30 + index, number) })),
        )
      );
      const at = [0, 0, 0];
      const received: number[][] = [[], [], []];
      const take = () => {
        for (const { slot, sequence } of fixture.takeRecordsButOpen()) {
          received[peers.findIndex(({ connection }) => connection.slot === slot)].push(sequence);
        }
      };
      const arrive = (index: number, count: number) => {
        // A socket that is not read keeps its bytes in the kernel.
        if (!peers[index].socket.isReading || at[index] === streams[index].length) return;
        peers[index].arrive(streams[index].subarray(at[index], at[index] + count));
        at[index] = Math.min(at[index] + count, streams[index].length);
      };
      for (const { kind, peer, count } of steps) {
        if (kind === "arrive") arrive(peer, count);
        else if (kind === "round") fixture.round();
        else take();
      }
      for (let turn = 0; turn < 300 && received.some(({ length }) => length < 40); turn++) {
        for (const index of [0, 1, 2]) arrive(index, 1_000);
        fixture.round();
        take();
      }
      for (const sequences of received) assertEquals(sequences, Array.from({ length: 40 }, (_, index) => index + 1));
    }),
    { numRuns: 60 },
  );
});

Deno.test("IoWorker tells logic of closed connections later when the ring is full now", () => {
  const fixture = openNarrow(2_048);
  const peers = Array.from({ length: 80 }, () => {
    const peer = fixture.connectIn("A");
    peer.send(CHAT);
    fixture.takeRecords();
    return peer;
  });
  for (const peer of peers) peer.handler.onBroken(false);
  fixture.round();
  const first = fixture.takeRecords();
  assert(first.length < peers.length, "They do not all fit");
  fixture.round();
  const closed = [...first, ...fixture.takeRecords()];
  assertEquals(
    closed.map(({ kind, slot }) => [kind, slot]),
    peers.map(({ connection }) => [RECORD_CLOSED, connection.slot]),
  );
});

Deno.test("IoWorker.beforeSleep() allows sleep only when there is nothing to do", () => {
  const fixture = new IoFixture();
  const peer = fixture.connectIn("A");
  assert(fixture.worker.beforeSleep());
  assert(fixture.doorbell.takeSleeping(), "Logic is told that this thread sleeps");
  fixture.worker.afterSleep();

  peer.arrive(packetFrame(HEARTBEAT));
  assert(!fixture.worker.beforeSleep(), "Something is to be sent");
  assert(fixture.roundsAsked > 0);
  fixture.round();
  assert(fixture.worker.beforeSleep());
  fixture.worker.afterSleep();
  assert(!fixture.doorbell.takeSleeping());

  fixture.push(RECORD_ACK, peer.connection.slot, peer.connection.generation, {});
  assert(!fixture.worker.beforeSleep(), "Logic has sent something");
  assert(!fixture.doorbell.takeSleeping());
  fixture.round();
  assert(fixture.worker.beforeSleep());

  const narrow = openNarrow(4_096);
  narrow.connectIn("A").send(...new Array(60).fill(CHAT));
  assert(!narrow.worker.beforeSleep(), "A connection waits for room");
});

// Records of logic

Deno.test("IoWorker drops records for a connection that is gone, also when its slot is in use again", () => {
  const fixture = new IoFixture();
  const gone = fixture.connectIn("W");
  const { slot, generation } = gone.connection;
  gone.handler.onBroken(false);
  fixture.round();
  const next = fixture.connectIn("A");
  assertEquals(next.connection.slot, slot);
  assert(next.connection.generation !== generation);
  fixture.push(RECORD_SEND, slot, generation, { type: PacketType.CHAT_MESSAGE, payload: pattern(3), ack: 9 });
  fixture.push(RECORD_ACK | (1 << 8), slot, generation, { ack: 9 });
  fixture.push(RECORD_CLOSE, slot, generation, { type: DisconnectReason.KICKED });
  fixture.push(RECORD_SEND, slot + 1, 1, { type: PacketType.CHAT_MESSAGE, payload: pattern(3) });
  pushBroadcast(fixture, PacketType.CHAT_MESSAGE, pattern(3), [{ slot, generation, sequence: 1 }]);
  fixture.round();
  assertEquals(next.takePackets(), []);
  assertEquals([next.connection.ack, next.connection.state, next.connection.closing], [0, 2, false]);
});

/** Writes a broadcast as logic does: payload, then 16 bytes for each recipient. */
function pushBroadcast(
  fixture: IoFixture,
  type: number,
  payload: Uint8Array,
  recipients: readonly { slot: number; generation: number; sequence: number }[],
  flags = 0,
): void {
  const ring = fixture.fromLogic;
  const kind = RECORD_BROADCAST | flags;
  const trailerBytes = 8 + 16 * recipients.length;
  const at = tryPushRecord(ring, kind, recipients.length, 0, type, 0, 0, payload, 0, payload.length, trailerBytes);
  let entry = (at + RECORD_HEADER_BYTES + payload.length + 7) & ~7;
  for (const { slot, generation, sequence } of recipients) {
    ring.words[entry >>> 2] = slot;
    ring.words[(entry >>> 2) + 1] = generation;
    ring.doubles[(entry >>> 3) + 1] = sequence;
    entry += 16;
  }
  ring.publish();
}

Deno.test("IoWorker sends a broadcast to each recipient with its own sequence and ack", () => {
  const fixture = new IoFixture();
  const peers = Array.from({ length: 5 }, () => fixture.connectIn("W"));
  const bystander = fixture.connectIn("W");
  for (const payloadBytes of [0, 1, 7, 8, 9, 64, 1_000]) {
    const payload = pattern(payloadBytes);
    fixture.push(RECORD_ACK, peers[2].connection.slot, peers[2].connection.generation, { ack: 44 });
    const recipients = peers.map(({ connection: { slot, generation } }, index) => ({
      slot,
      generation,
      sequence: 2 ** 40 + index,
    }));
    pushBroadcast(fixture, PacketType.CHAT_MESSAGE, payload, recipients, FLAG_COMPRESSED);
    fixture.round();
    for (const [index, peer] of peers.entries()) {
      const packet = peer.takePacket();
      assertEquals([packet.sequence, packet.isCompressed, packet.payload], [2n ** 40n + BigInt(index), true, payload]);
      assertEquals(packet.ack, index === 2 ? 44n : 0n);
    }
  }
  assertEquals(bystander.takePackets(), []);
});

// Admission

Deno.test("IoWorker.accept() tells who is too many SERVER_FULL, and takes the next when one has left", () => {
  const fixture = new IoFixture({ config: { maxConnections: 2 } });
  const first = fixture.connect();
  fixture.connect();
  const refused = fixture.connect();
  fixture.round();
  const { reason, retryAfterMs } = takeNotice(refused);
  assertEquals([reason, retryAfterMs > 0], [DisconnectReason.SERVER_FULL, true]);
  assert(refused.socket.isWritingEnded);
  refused.send(CHAT);
  assertEquals(fixture.takeRecords(), []);
  const login = fixture.connect("login");
  fixture.round();
  assert(!login.connection.closing, "Each port has a limit of its own");

  first.handler.onEnd();
  fixture.round();
  const next = fixture.connect();
  fixture.round();
  assert(!next.connection.closing);
  const { CONNECTIONS_ACCEPTED, CONNECTIONS_REFUSED } = Counter;
  assertEquals([CONNECTIONS_ACCEPTED, CONNECTIONS_REFUSED].map((slot) => fixture.counters.get(slot)), [4, 1]);
});

Deno.test("IoWorker.accept() counts the connections of all io workers, and forgets those of a crashed one", () => {
  const buffer = createAdmissionBuffer(2);
  const config = { maxConnections: 3 };
  const first = new IoFixture({ config, admitted: { buffer, worker: 0 } });
  const second = new IoFixture({ config, admitted: { buffer, worker: 1 } });
  first.connect();
  second.connect();
  second.connect();
  const refused = first.connect();
  assert(refused.connection.closing);
  const successor = new IoFixture({ config, admitted: { buffer, worker: 1 } });
  for (const fixture of [first, successor]) assert(!fixture.connect().connection.closing);
  assert(successor.connect().connection.closing);
});

Deno.test("IoWorker.accept() turns away without a word when too many are being refused", () => {
  const fixture = new IoFixture({ config: { maxConnections: 1 } });
  fixture.connect();
  for (let count = 0; count < REFUSED_CONNECTIONS_MAX; count++) assert(fixture.tryConnect("game") !== null);
  assertEquals(fixture.tryConnect("game"), null);
  fixture.round();
  fixture.pass(LINGER_TIMEOUT_MS);
  assert(fixture.tryConnect("game") !== null);
});

Deno.test("IoWorker gives everything back: slots, admissions and gauges, however connections end", () => {
  const fixture = new IoFixture({ config: { maxConnections: 6 } });
  const endings: ((peer: Peer) => void)[] = [
    (peer) => peer.handler.onEnd(),
    (peer) => peer.handler.onBroken(false),
    (peer) => peer.connection.close(DisconnectReason.KICKED, "Go"),
    (peer) => peer.arrive(new Uint8Array(4)),
    (peer) => peer.connection.closeQuietly(),
    ({ connection: { slot, generation } }) => fixture.push(RECORD_CLOSE, slot, generation, { type: 7 }),
  ];
  for (let turn = 0; turn < 40; turn++) {
    const peers = endings.map(() => fixture.connectIn(turn % 3 === 0 ? "C" : turn % 3 === 1 ? "A" : "W"));
    for (const peer of peers) assert(!peer.connection.closing);
    for (const [index, peer] of peers.entries()) endings[(index + turn) % endings.length](peer);
    fixture.round();
    fixture.pass(LINGER_TIMEOUT_MS);
    assertEquals(fixture.worker.connectionCount, 0);
  }
  for (const state of [0, 1, 2]) {
    for (const transport of [0, 1, 2, 3]) assertEquals(fixture.counters.get(connectionSlot(state, transport)), 0);
  }
});

Deno.test("IoWorker counts connections by state and transport", () => {
  const fixture = new IoFixture();
  fixture.connectIn("C");
  fixture.connectIn("A");
  fixture.connectIn("W");
  fixture.connectIn("W", "gateway");
  fixture.tryConnect("gateway");
  const counts = [0, 1, 2].map((state) =>
    [0, 1, 2, 3].map((transport) => fixture.counters.get(connectionSlot(state, transport)))
  );
  assertEquals(counts, [[1, 0, 0, 1], [1, 0, 0, 0], [1, 0, 1, 0]]);
});

// The end

Deno.test("IoWorker.closeAll() tells everyone that the server stops, and takes no one new", () => {
  const fixture = new IoFixture();
  const peers = [fixture.connectIn("W"), fixture.connectIn("C", "login"), fixture.connectIn("W", "gateway")];
  const http = fixture.tryConnect("gateway")!;
  fixture.worker.closeAll(DisconnectReason.SHUTDOWN, "The server stops");
  fixture.round();
  for (const peer of peers) {
    assertEquals(takeNotice(peer).reason, DisconnectReason.SHUTDOWN);
    assert(peer.socket.isWritingEnded);
  }
  assertEquals([http.socket.takeSent().length, http.socket.isWritingEnded], [0, true]);
  assertEquals(fixture.tryConnect("game"), null);
  for (const peer of peers) peer.handler.onEnd();
  assertEquals(fixture.worker.connectionCount, 1);
  fixture.worker.abortAll();
  assertEquals(fixture.worker.connectionCount, 0);
});

Deno.test("IoWorker.closeAll() closes no one with other words than logic has told by then", () => {
  const fixture = new IoFixture(), peer = fixture.connectIn("W"), { slot, generation } = peer.connection;
  peer.takePackets();
  const resumeAt = { serverId: 2, ipAddress: "192.0.2.1", port: 8081 };
  const notice = encode(DisconnectNoticeSchema, {
    reason: DisconnectReason.SHUTDOWN,
    message: "Goes on there",
    resumeAt,
  });
  for (let count = 0; count < 1_000; count++) fixture.sendFromLogic(peer, CHAT.type, pattern(12));
  fixture.sendFromLogic(peer, PacketType.DISCONNECT_NOTICE, notice);
  fixture.push(RECORD_CLOSE, slot, generation, {});
  fixture.worker.closeAll(DisconnectReason.SHUTDOWN, "The server stops");
  fixture.round();
  const packets = peer.takePackets();
  assertEquals([packets.length, packets.filter(({ type }) => type === CHAT.type).length], [1_001, 1_000]);
  assertEquals(messageOf(DisconnectNoticeSchema, packets.at(-1)!).resumeAt?.serverId, 2);
  assert(peer.socket.isWritingEnded);
});

Deno.test("IoWorker.abortAll() drops what peers have not taken, and tells logic that they are gone", () => {
  const fixture = new IoFixture();
  const socket = new FakeSocket();
  const peer = fixture.connect("game", socket);
  fixture.setState(peer, "W");
  peer.send({ type: PacketType.CHAT_MESSAGE, payload: pattern(1) });
  fixture.takeRecords();
  socket.takesAtOnce = false;
  peer.send(HEARTBEAT);
  fixture.worker.abortAll();
  assertEquals(socket.closed, "abort");
  fixture.round();
  assertEquals(fixture.takeRecords().map(({ kind, slot }) => [kind, slot]), [[RECORD_CLOSED, peer.connection.slot]]);
});

Deno.test("IoWorker.sweep() is called often enough for its time-outs", () => {
  for (const timeoutMs of [HANDSHAKE_TIMEOUT_MS, IDLE_TIMEOUT_MS, LINGER_TIMEOUT_MS]) {
    assert(timeoutMs >= 4 * SWEEP_INTERVAL_MS);
  }
});

Deno.test("IoWorker forwards packets of one connection in order, whatever came between", () => {
  const fixture = new IoFixture();
  const [left, right] = [fixture.connectIn("A"), fixture.connectIn("A")];
  left.arrive(packetFrame({ ...CHAT, sequence: 1 }));
  right.arrive(packetFrame({ ...CHAT, sequence: 1 }));
  left.arrive(packetFrame({ ...CHAT, sequence: 2 }));
  fixture.round();
  const records = fixture.takeRecords();
  assertEquals(records.map(({ kind, slot, sequence }) => [kind, slot, sequence]), [
    [RECORD_OPEN, left.connection.slot, 0],
    [RECORD_PACKET, left.connection.slot, 1],
    [RECORD_OPEN, right.connection.slot, 0],
    [RECORD_PACKET, right.connection.slot, 1],
    [RECORD_PACKET, left.connection.slot, 2],
  ]);
});
