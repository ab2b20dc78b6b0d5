import { fromBinary } from "@bufbuild/protobuf";
import { Link, RingOutput } from "../../server/session/link.ts";
import { explain } from "../../server/session/told.ts";
import { Cause, ExplanationSchema } from "../../shared/gen/common_pb.ts";
import { Session } from "../../server/session/session.ts";
import { createRingBuffer, RingConsumer, RingProducer } from "../../server/ring/byte_ring.ts";
import {
  RECORD_ACK,
  RECORD_BROADCAST,
  RECORD_CLOSE,
  RECORD_HEADER_BYTES,
  RECORD_SEND,
} from "../../server/ring/records.ts";
import { FLAG_COMPRESSED, KIND_MASK, readRecord, STATE_SHIFT } from "../support/records.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { BROADCAST_RECIPIENTS_MAX, LINK_OVERFLOW_RECORDS_MAX, RING_TO_IO_BYTES } from "../../shared/limits.ts";
import { STATE_IN_WORLD } from "../../shared/packet_table.ts";
import { pattern } from "../shared/frames.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { OPEN_INFO } from "./fake_output.ts";

/** What an io worker takes out of its ring. */
interface TakenRecord {
  readonly kind: number;
  readonly slot: number;
  readonly type: number;
  readonly sequence: number;
  readonly ack: number;
  readonly payload: Uint8Array;
  readonly recipients: readonly { slot: number; generation: number; sequence: number }[];
}

/** A ring with its far end, and a way to make links to it. */
class Fixture {
  readonly output: RingOutput;
  readonly full: { slot: number; sequence: number }[] = [];
  wakeCount = 0;
  readonly #consumer: RingConsumer;

  constructor(ringBytes = RING_TO_IO_BYTES) {
    const buffer = createRingBuffer(ringBytes);
    this.#consumer = new RingConsumer(buffer);
    this.output = new RingOutput(
      new RingProducer(buffer),
      { ring: () => this.wakeCount++ },
      ({ slot }, sequence) => this.full.push({ slot, sequence }),
    );
  }

  link(slot: number, generation = 1): Link {
    const session = new Session();
    return session.link = new Link(this.output, 0, slot, generation, OPEN_INFO, session);
  }

  /** What the io worker sees, which is what was published. */
  take(): TakenRecord[] {
    const ring = this.#consumer;
    const records: TakenRecord[] = [];
    for (let at = ring.next(); at >= 0; at = ring.next()) {
      const { kind, slot, type, sequence, ack, payloadBytes } = readRecord(ring, at);
      const start = at + RECORD_HEADER_BYTES;
      const recipients = [];
      let entry = (start + payloadBytes + 7) & ~7;
      for (let index = 0; (kind & KIND_MASK) === RECORD_BROADCAST && index < slot; index++, entry += 16) {
        const word = entry >>> 2;
        const sequence = ring.doubles[(entry >>> 3) + 1];
        recipients.push({ slot: ring.words[word], generation: ring.words[word + 1], sequence });
      }
      const payload = ring.bytes.slice(start, start + payloadBytes);
      records.push({ kind, slot, type, sequence, ack, payload, recipients });
    }
    ring.release();
    return records;
  }
}

Deno.test("RingOutput.trySend() writes a record that publish() shows, and wakes the io worker once", () => {
  const fixture = new Fixture();
  const link = fixture.link(4);
  assert(fixture.output.trySend(link, PacketType.CHAT_MESSAGE, 9, 3, true, pattern(20), 5, 15));
  assertEquals(fixture.take(), []);
  fixture.output.publish();
  fixture.output.publish();
  assertEquals(fixture.take(), [{
    kind: RECORD_SEND | FLAG_COMPRESSED,
    slot: 4,
    type: PacketType.CHAT_MESSAGE,
    sequence: 9,
    ack: 3,
    payload: pattern(20).slice(5, 15),
    recipients: [],
  }]);
  assertEquals(fixture.wakeCount, 1);
});

Deno.test("RingOutput tells a new state with the next record of the link, once", () => {
  const sends: ((output: RingOutput, link: Link) => void)[] = [
    (output, link) => void output.trySend(link, PacketType.CHAT_MESSAGE, 1, 0, false, pattern(1), 0, 1),
    (output, link) => output.send(link, PacketType.LOGIN_RESPONSE, pattern(1)),
    (output, link) => void output.tryAck(link, 7, 0),
  ];
  for (const send of sends) {
    const fixture = new Fixture();
    const link = fixture.link(1);
    const other = fixture.link(2);
    link.stateDue = STATE_IN_WORLD;
    send(fixture.output, other);
    send(fixture.output, link);
    send(fixture.output, link);
    fixture.output.publish();
    assertEquals(fixture.take().map(({ kind }) => kind >>> STATE_SHIFT), [0, STATE_IN_WORLD, 0]);
  }
});

Deno.test("RingOutput.tryAck() sends the acknowledgement alone", () => {
  const fixture = new Fixture();
  assert(fixture.output.tryAck(fixture.link(3), 2 ** 40, PacketType.LOGOUT_REQUEST));
  fixture.output.publish();
  const [{ kind, slot, type, ack, payload }] = fixture.take();
  assertEquals([kind, slot, type, ack, payload.length], [RECORD_ACK, 3, PacketType.LOGOUT_REQUEST, 2 ** 40, 0]);
});

Deno.test("RingOutput.send() and close() wait for room, in order, and trySend() waits behind them", () => {
  const fixture = new Fixture(1_024);
  const link = fixture.link(1);
  let sent = 0;
  while (fixture.output.trySend(link, PacketType.WORLD_SNAPSHOT, 0, 0, false, pattern(100), 0, 100)) sent++;
  link.stateDue = STATE_IN_WORLD;
  for (let count = 1; count <= 20; count++) fixture.output.send(link, PacketType.LOGIN_RESPONSE, pattern(count));
  assertEquals(fixture.output.trySend(link, PacketType.CHAT_MESSAGE, 1, 0, false, pattern(0), 0, 0), false);
  assertEquals(fixture.output.tryAck(link, 1, 0), false);
  fixture.output.close(link, DisconnectReason.KICKED, "Go", 250);
  fixture.output.close(link, DisconnectReason.BANNED, "Again", 0);
  const records: TakenRecord[] = [];
  for (let turn = 0; turn < 50; turn++) {
    fixture.output.publish();
    records.push(...fixture.take());
  }
  const waited = records.slice(sent);
  assertEquals(waited.map(({ payload }) => payload.length), [...Array.from({ length: 20 }, (_, at) => at + 1), 2]);
  assertEquals(waited[0].kind, RECORD_SEND | (STATE_IN_WORLD << STATE_SHIFT));
  const { kind, type, sequence } = waited[20];
  assertEquals([kind, type, sequence], [RECORD_CLOSE, DisconnectReason.KICKED, 250]);
  assert(fixture.output.trySend(link, PacketType.CHAT_MESSAGE, 1, 0, false, pattern(0), 0, 0));
});

Deno.test("RingOutput.close() sends the text of an explanation, and the explanation behind it", () => {
  const fixture = new Fixture(1_024);
  const told = explain(Cause.BANNED, { reason: "욕설", remainingMs: 7_200_000n });
  fixture.output.close(fixture.link(1), DisconnectReason.BANNED, told, 0);
  fixture.output.publish();
  const [{ kind, ack, payload }] = fixture.take();
  const text = new TextDecoder().decode(payload.subarray(0, payload.length - ack));
  assertEquals([kind, text], [RECORD_CLOSE, "You are banned for another 2 h: 욕설"]);
  assertEquals(fromBinary(ExplanationSchema, payload.subarray(payload.length - ack)), told);
});

Deno.test("RingOutput.send() closes a connection whose answer is beyond LINK_OVERFLOW_RECORDS_MAX waiting records", () => {
  const fixture = new Fixture(1_024);
  const [early, late] = [fixture.link(1), fixture.link(2)];
  while (fixture.output.trySend(early, PacketType.WORLD_SNAPSHOT, 0, 0, false, pattern(8), 0, 8));
  for (let count = 0; count < LINK_OVERFLOW_RECORDS_MAX; count++) {
    fixture.output.send(early, PacketType.LOGIN_RESPONSE, pattern(8));
  }
  for (let count = 0; count < 3; count++) fixture.output.send(late, PacketType.LOGIN_RESPONSE, pattern(8));
  assertEquals([early.closed, late.closed], [false, true]);
  const taken: TakenRecord[] = [];
  for (let turn = 0; turn < LINK_OVERFLOW_RECORDS_MAX && taken.at(-1)?.kind !== RECORD_CLOSE; turn++) {
    fixture.output.publish();
    taken.push(...fixture.take().filter(({ type }) => type !== PacketType.WORLD_SNAPSHOT));
  }
  const answers = taken.filter(({ slot }) => slot === 1).map(({ type }) => type);
  assertEquals(answers, new Array(LINK_OVERFLOW_RECORDS_MAX).fill(PacketType.LOGIN_RESPONSE));
  const ofLate = taken.filter(({ slot }) => slot === 2).map(({ kind, type }) => [kind, type]);
  assertEquals(ofLate, [[RECORD_CLOSE, DisconnectReason.SERVER_ERROR]], "No answer, so no connection");
});

Deno.test("RingOutput.close() is never dropped: a connection that logic gave up does not live on", () => {
  const fixture = new Fixture(1_024);
  const link = fixture.link(1);
  while (fixture.output.trySend(link, PacketType.WORLD_SNAPSHOT, 0, 0, false, pattern(8), 0, 8));
  for (let count = 0; count < LINK_OVERFLOW_RECORDS_MAX; count++) {
    fixture.output.send(link, PacketType.LOGIN_RESPONSE, pattern(8));
  }
  const closedLinks = [2, 3, 4].map((slot) => fixture.link(slot));
  for (const closed of closedLinks) fixture.output.close(closed, DisconnectReason.KICKED, "", 0);
  const closes: number[] = [];
  for (let turn = 0; turn < LINK_OVERFLOW_RECORDS_MAX && closes.length < 3; turn++) {
    fixture.output.publish();
    closes.push(...fixture.take().filter(({ kind }) => kind === RECORD_CLOSE).map(({ slot }) => slot));
  }
  assertEquals(closes, [2, 3, 4]);
});

Deno.test("RingOutput.send() keeps a DISCONNECT_NOTICE however much waits, ahead of its close: it says where to go on", () => {
  const fixture = new Fixture(1_024);
  const [link, dismissed] = [fixture.link(1), fixture.link(2)];
  while (fixture.output.trySend(link, PacketType.WORLD_SNAPSHOT, 0, 0, false, pattern(8), 0, 8));
  for (let count = 0; count < LINK_OVERFLOW_RECORDS_MAX; count++) {
    fixture.output.send(link, PacketType.LOGIN_RESPONSE, pattern(8));
  }
  fixture.output.send(dismissed, PacketType.DISCONNECT_NOTICE, pattern(8));
  fixture.output.close(dismissed, DisconnectReason.UNSPECIFIED, "", 0);
  const told: number[][] = [];
  for (let turn = 0; turn < LINK_OVERFLOW_RECORDS_MAX && told.length < 2; turn++) {
    fixture.output.publish();
    told.push(...fixture.take().filter(({ slot }) => slot === 2).map(({ kind, type }) => [kind, type]));
  }
  const notice = [RECORD_SEND, PacketType.DISCONNECT_NOTICE];
  assertEquals(told, [notice, [RECORD_CLOSE, DisconnectReason.UNSPECIFIED]]);
});

Deno.test("RingOutput.flushBroadcast() names every recipient with its sequence, for any length of payload", () => {
  for (const payloadBytes of [0, 1, 7, 8, 60, 64, 65, 1_001]) {
    const fixture = new Fixture();
    fixture.output.flushBroadcast(PacketType.CHAT_MESSAGE, false, pattern(payloadBytes));
    for (let slot = 1; slot <= 3; slot++) fixture.output.addRecipient(fixture.link(slot, slot * 10), 2 ** 40 + slot);
    fixture.output.flushBroadcast(PacketType.CHAT_MESSAGE, true, pattern(payloadBytes));
    fixture.output.flushBroadcast(PacketType.CHAT_MESSAGE, true, pattern(payloadBytes));
    fixture.output.publish();
    const [record, ...rest] = fixture.take();
    assertEquals(rest, []);
    assertEquals([record.kind, record.type], [RECORD_BROADCAST | FLAG_COMPRESSED, PacketType.CHAT_MESSAGE]);
    assertEquals(record.payload, pattern(payloadBytes));
    assertEquals(
      record.recipients,
      [1, 2, 3].map((slot) => ({ slot, generation: slot * 10, sequence: 2 ** 40 + slot })),
    );
  }
});

Deno.test("RingOutput.flushBroadcast() splits more than BROADCAST_RECIPIENTS_MAX recipients", () => {
  const fixture = new Fixture();
  const link = fixture.link(1);
  for (let count = 1; count <= BROADCAST_RECIPIENTS_MAX + 5; count++) fixture.output.addRecipient(link, count);
  fixture.output.flushBroadcast(PacketType.CHAT_MESSAGE, false, pattern(30));
  fixture.output.publish();
  const records = fixture.take();
  assertEquals(records.map(({ recipients }) => recipients.length), [BROADCAST_RECIPIENTS_MAX, 5]);
  assertEquals(records[1].recipients[0].sequence, BROADCAST_RECIPIENTS_MAX + 1);
});

Deno.test("RingOutput.flushBroadcast() says for whom there was no room", () => {
  const fixture = new Fixture(1_024);
  const link = fixture.link(9);
  while (fixture.output.trySend(link, PacketType.WORLD_SNAPSHOT, 0, 0, false, pattern(8), 0, 8));
  for (let slot = 1; slot <= 3; slot++) fixture.output.addRecipient(fixture.link(slot), slot + 100);
  fixture.output.flushBroadcast(PacketType.CHAT_MESSAGE, false, pattern(30));
  assertEquals(fixture.full, [1, 2, 3].map((slot) => ({ slot, sequence: slot + 100 })));
  fixture.output.publish();
  fixture.take();
  fixture.output.flushBroadcast(PacketType.CHAT_MESSAGE, false, pattern(30));
  fixture.output.publish();
  assertEquals(fixture.take(), []);
});

Deno.test("RingOutput.flushBroadcast() does not overtake what waits for room", () => {
  const fixture = new Fixture(1_024);
  const link = fixture.link(1);
  while (fixture.output.trySend(link, PacketType.WORLD_SNAPSHOT, 0, 0, false, pattern(60), 0, 60));
  // Room for the broadcast alone: the large one that waits does not fit yet.
  fixture.output.publish();
  fixture.output.send(link, PacketType.LOGIN_RESPONSE, pattern(700));
  fixture.output.addRecipient(link, 5);
  fixture.output.flushBroadcast(PacketType.CHAT_MESSAGE, false, pattern(1));
  assertEquals(fixture.full, [{ slot: 1, sequence: 5 }]);
});

Deno.test("RingOutput.hasRoomFor() tells whether a packet would be taken", () => {
  const fixture = new Fixture(1_024);
  const link = fixture.link(1);
  assert(fixture.output.hasRoomFor(400));
  assertEquals(fixture.output.hasRoomFor(1_000), false);
  while (fixture.output.hasRoomFor(60)) {
    assert(fixture.output.trySend(link, PacketType.WORLD_SNAPSHOT, 0, 0, false, pattern(60), 0, 60));
  }
  fixture.output.publish();
  fixture.take();
  assert(fixture.output.hasRoomFor(400));
});
