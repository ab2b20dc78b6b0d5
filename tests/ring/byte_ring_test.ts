import { AssertionError } from "../../shared/errors.ts";
import { RING_RECORD_BYTES_MAX, RING_TO_IO_BYTES } from "../../shared/limits.ts";
import { createRingBuffer, RingConsumer, RingProducer } from "../../server/ring/byte_ring.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const RING_SIZE = 256;
/** Where the two indices lie in the shared memory, in 32-bit words. */
const HEAD_WORD = 0;
const TAIL_WORD = 16;

interface Pair {
  readonly producer: RingProducer;
  readonly consumer: RingConsumer;
}

/** A ring whose indices begin at `start`, as they would after so many bytes. */
function openRing(ringBytes = RING_SIZE, start = 0): Pair {
  const buffer = createRingBuffer(ringBytes);
  const indices = new Int32Array(buffer);
  indices[HEAD_WORD] = indices[TAIL_WORD] = start | 0;
  return { producer: new RingProducer(buffer), consumer: new RingConsumer(buffer) };
}

/** Writes a record of `recordBytes` bytes, at least 4, all of them telling `number`; false when the ring is full. */
function tryWrite(producer: RingProducer, recordBytes: number, number: number): boolean {
  const at = producer.tryReserve(recordBytes);
  if (at < 0) return false;
  producer.bytes.fill(number & 0xff, at + 4, at + recordBytes);
  return true;
}

/** Reads a record and checks its bytes; null when there is none. */
function read(consumer: RingConsumer): { recordBytes: number; number: number } | null {
  const at = consumer.next();
  if (at < 0) return null;
  const recordBytes = consumer.words[at >>> 2];
  assertEquals(at % 8, 0, "A record starts at a multiple of 8");
  assert(at + recordBytes <= consumer.bytes.length, "A record does not wrap");
  const content = consumer.bytes.subarray(at + 4, at + recordBytes);
  assert(content.every((byte) => byte === content[0]), "A record is whole");
  return { recordBytes, number: content.length === 0 ? -1 : content[0] };
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("write" as const), bytes: fc.integer({ min: 5, max: 140 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("read" as const), bytes: fc.constant(0) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("publish" as const), bytes: fc.constant(0) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("release" as const), bytes: fc.constant(0) }) },
);
/** The indices wrap at 2^32: some runs begin just before. */
const start = fc.constantFrom(0, 8, 128, 2 ** 31 - 64, 2 ** 32 - 8, 2 ** 32 - 96, 2 ** 32 - 256);

Deno.test("RingProducer and RingConsumer hand over every record, whole and in order, for any steps of the two", () => {
  let fullCount = 0;
  fc.assert(
    fc.property(start, fc.array(step, { minLength: 1, maxLength: 120, size: "max" }), (start, steps) => {
      const { producer, consumer } = openRing(RING_SIZE, start);
      const unpublished: { recordBytes: number; number: number }[] = [];
      const published: { recordBytes: number; number: number }[] = [];
      let number = 0;
      for (const { kind, bytes } of steps) {
        switch (kind) {
          case "write": {
            const mustFit = producer.hasRoom(bytes);
            if (tryWrite(producer, bytes, number)) unpublished.push({ recordBytes: bytes, number: number++ & 0xff });
            else {
              assert(!mustFit, "hasRoom() promises that the record is taken");
              fullCount++;
            }
            break;
          }
          case "publish":
            assertEquals(producer.publish(), unpublished.length > 0);
            published.push(...unpublished.splice(0));
            break;
          case "read":
            assertEquals(consumer.empty, published.length === 0);
            assertEquals(read(consumer), published.shift() ?? null);
            break;
          case "release":
            consumer.release();
            break;
        }
      }
      producer.publish();
      published.push(...unpublished);
      for (const record of published) assertEquals(read(consumer), record);
      assertEquals(read(consumer), null);
      // Once everything is given back, the largest record that two rings' halves allow fits again.
      consumer.release();
      assert(producer.hasRoom(RING_SIZE / 2));
    }),
    { numRuns: 1_500 },
  );
  assert(fullCount > 1_000, `The ring was full only ${fullCount} times`);
});

Deno.test("RingProducer.tryReserve() takes exactly the ring's bytes, and one record more after a release", () => {
  const { producer, consumer } = openRing();
  for (let count = 0; count < RING_SIZE / 32; count++) assert(tryWrite(producer, 32, count));
  assert(!tryWrite(producer, 8, 0));
  producer.publish();
  assertEquals(read(consumer), { recordBytes: 32, number: 0 });
  assert(!tryWrite(producer, 32, 0), "What is read is not given back yet");
  consumer.release();
  assert(tryWrite(producer, 32, 8));
  assert(!tryWrite(producer, 8, 0));
  producer.publish();
  for (let count = 1; count <= 8; count++) assertEquals(read(consumer), { recordBytes: 32, number: count });
});

Deno.test("RingProducer.tryReserve() leaves out the end of the data where a record would wrap", () => {
  const { producer, consumer } = openRing();
  assert(tryWrite(producer, 200, 1));
  producer.publish();
  read(consumer);
  consumer.release();
  // 56 bytes are left behind it, 200 before it: a record of 100 goes to the start.
  assertEquals(producer.tryReserve(100), 0);
  assertEquals(producer.tryReserve(104), -1);
  assertEquals(producer.tryReserve(96), 104);
  producer.publish();
  assertEquals(consumer.next(), 0);
  assertEquals(consumer.next(), 104);
  assertEquals(consumer.next(), -1);
});

Deno.test("RingProducer.publish() shows records, and nothing does before", () => {
  const { producer, consumer } = openRing();
  assertEquals(producer.publish(), false);
  tryWrite(producer, 12, 7);
  assert(consumer.empty);
  assertEquals(read(consumer), null);
  assertEquals(producer.publish(), true);
  assertEquals(producer.publish(), false);
  assert(!consumer.empty);
  assertEquals(read(consumer), { recordBytes: 12, number: 7 });
  assert(consumer.empty);
});

Deno.test("RingConsumer opened later, as after a crash, goes on at the first record that was not released", () => {
  const buffer = createRingBuffer(RING_SIZE);
  const producer = new RingProducer(buffer);
  for (let number = 0; number < 4; number++) tryWrite(producer, 20, number);
  producer.publish();
  const first = new RingConsumer(buffer);
  read(first);
  first.release();
  read(first);
  assertEquals(read(new RingConsumer(buffer)), { recordBytes: 20, number: 1 });
  const second = new RingProducer(buffer);
  tryWrite(second, 20, 4);
  second.publish();
  const numbers: number[] = [];
  const last = new RingConsumer(buffer);
  for (let record = read(last); record !== null; record = read(last)) numbers.push(record.number);
  assertEquals(numbers, [1, 2, 3, 4]);
});

Deno.test("RingProducer.tryReserve() takes a record of RING_RECORD_BYTES_MAX bytes and fails at one more", () => {
  const { producer, consumer } = openRing(RING_TO_IO_BYTES);
  assertEquals(producer.tryReserve(RING_RECORD_BYTES_MAX), 0);
  producer.publish();
  assertEquals(consumer.next(), 0);
  assertThrows(() => producer.tryReserve(RING_RECORD_BYTES_MAX + 1), AssertionError, "too large");
});

Deno.test("createRingBuffer() fails unless the size is a power of two", () => {
  for (const bytes of [0, 32, 100, 4_097]) assertThrows(() => createRingBuffer(bytes), AssertionError, "power of two");
});

Deno.test("RingConsumer.isPast() tells when all was read that stood before a place, also where indices wrap", () => {
  for (const start of [0, 2 ** 32 - 40]) {
    const { producer, consumer } = openRing(RING_SIZE, start);
    for (const number of [1, 2]) tryWrite(producer, 24, number);
    producer.publish();
    const { end } = consumer;
    tryWrite(producer, 24, 3);
    producer.publish();
    assertEquals([consumer.isPast(end), consumer.end === end], [false, false]);
    read(consumer);
    assertEquals(consumer.isPast(end), false);
    read(consumer);
    assertEquals([consumer.isPast(end), consumer.empty], [true, false]);
    read(consumer);
    assertEquals([consumer.isPast(end), consumer.empty], [true, true]);
  }
});
