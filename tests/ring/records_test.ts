import { createRingBuffer, RingConsumer, RingProducer } from "../../server/ring/byte_ring.ts";
import {
  ackOf,
  generationOf,
  isCompressedAt,
  kindOf,
  kindWordOf,
  payloadEndOf,
  payloadStartOf,
  recipientAt,
  recipientCountOf,
  recipientGeneration,
  recipientsBytes,
  recipientSequence,
  recipientSlot,
  RECORD_BROADCAST,
  RECORD_HEADER_BYTES,
  sequenceOf,
  slotOf,
  stateOf,
  tryPushRecord,
  typeOf,
  writeRecipient,
} from "../../server/ring/records.ts";
import { FLAG_COMPRESSED, readRecord, STATE_SHIFT } from "../support/records.ts";
import { assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const record = fc.record({
  kind: u32,
  slot: u32,
  generation: u32,
  type: u32,
  sequence: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  ack: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  payload: fc.uint8Array({ maxLength: 200 }),
  trailerBytes: fc.nat(40),
});

Deno.test("readRecord() reads what tryPushRecord() wrote, for payloads on both sides of 64 bytes", () => {
  const buffer = createRingBuffer(1_024);
  const producer = new RingProducer(buffer);
  const consumer = new RingConsumer(buffer);
  fc.assert(
    fc.property(record, fc.nat(5), ({ payload, trailerBytes, ...fields }, offset) => {
      const source = new Uint8Array(offset + payload.length + 2).fill(0xee);
      source.set(payload, offset);
      const { kind, slot, generation, type, sequence, ack } = fields;
      const end = offset + payload.length;
      tryPushRecord(producer, kind, slot, generation, type, sequence, ack, source, offset, end, trailerBytes);
      producer.publish();
      const at = consumer.next();
      assertEquals(readRecord(consumer, at), { ...fields, payloadBytes: payload.length });
      const start = at + RECORD_HEADER_BYTES;
      assertEquals([payloadStartOf(at), payloadEndOf(consumer, at)], [start, start + payload.length]);
      assertEquals([slotOf(consumer, at), generationOf(consumer, at), typeOf(consumer, at)], [slot, generation, type]);
      assertEquals([sequenceOf(consumer, at), ackOf(consumer, at)], [sequence, ack]);
      assertEquals(consumer.bytes.slice(start, start + payload.length), payload);
      assertEquals(consumer.words[at >>> 2], RECORD_HEADER_BYTES + payload.length + trailerBytes);
      consumer.release();
    }),
    { numRuns: 500 },
  );
});

Deno.test("kindWordOf() keeps kind, state and compression apart", () => {
  const buffer = createRingBuffer(1_024);
  const producer = new RingProducer(buffer), consumer = new RingConsumer(buffer);
  const every = fc.property(fc.nat(255), fc.nat(255), fc.boolean(), (kind, state, isCompressed) => {
    const word = kindWordOf(kind, state, isCompressed);
    assertEquals(word, kind | (state << STATE_SHIFT) | (isCompressed ? FLAG_COMPRESSED : 0));
    tryPushRecord(producer, word, 0, 0, 0, 0, 0, new Uint8Array(0), 0, 0);
    producer.publish();
    const at = consumer.next();
    assertEquals([kindOf(consumer, at), stateOf(consumer, at), isCompressedAt(consumer, at)], [
      kind,
      state,
      isCompressed,
    ]);
    consumer.release();
  });
  fc.assert(every, { numRuns: 300 });
});

Deno.test("writeRecipient() writes recipients behind payloads of every length, aligned, within recipientsBytes()", () => {
  for (let length = 0; length < 20; length++) {
    const buffer = createRingBuffer(1_024);
    const producer = new RingProducer(buffer), consumer = new RingConsumer(buffer);
    const payload = new Uint8Array(length), recipients = [[1, 2, 2 ** 40], [2 ** 32 - 1, 4, 0], [5, 6, 7]];
    const trailerBytes = recipientsBytes(recipients.length);
    const at = tryPushRecord(producer, RECORD_BROADCAST, 3, 0, 9, 0, 0, payload, 0, length, trailerBytes);
    const payloadEnd = payloadStartOf(at) + length;
    for (const [index, [slot, generation, sequence]] of recipients.entries()) {
      writeRecipient(producer, recipientAt(payloadEnd, index), slot, generation, sequence);
    }
    producer.publish();
    assertEquals(consumer.next(), at);
    assertEquals([recipientCountOf(consumer, at), payloadEndOf(consumer, at)], [3, payloadEnd]);
    for (const [index, recipient] of recipients.entries()) {
      const entry = recipientAt(payloadEnd, index);
      assertEquals(entry % 8, 0);
      assertEquals(
        [recipientSlot(consumer, entry), recipientGeneration(consumer, entry), recipientSequence(consumer, entry)],
        recipient,
      );
    }
    assertEquals(recipientAt(payloadEnd, 3) <= at + consumer.words[at >>> 2], true);
  }
});

Deno.test("tryPushRecord() gives -1 and writes nothing when the ring is full", () => {
  const buffer = createRingBuffer(64);
  const producer = new RingProducer(buffer);
  const payload = new Uint8Array(24).fill(7);
  assertEquals(tryPushRecord(producer, 1, 2, 3, 4, 5, 6, payload, 0, 24), 0);
  assertEquals(tryPushRecord(producer, 9, 9, 9, 9, 9, 9, payload, 0, 0), -1);
  producer.publish();
  const consumer = new RingConsumer(buffer);
  assertEquals(readRecord(consumer, consumer.next()), {
    kind: 1,
    slot: 2,
    generation: 3,
    type: 4,
    payloadBytes: 24,
    sequence: 5,
    ack: 6,
  });
  assertEquals(consumer.next(), -1);
});
