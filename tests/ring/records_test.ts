import { createRingBuffer, RingConsumer, RingProducer } from "../../server/ring/byte_ring.ts";
import { readRecord, RECORD_HEADER_BYTES, tryPushRecord } from "../../server/ring/records.ts";
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
      assertEquals(consumer.bytes.slice(start, start + payload.length), payload);
      assertEquals(consumer.words[at >>> 2], RECORD_HEADER_BYTES + payload.length + trailerBytes);
      consumer.release();
    }),
    { numRuns: 500 },
  );
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
