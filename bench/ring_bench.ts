/**
 * What it costs to hand a packet to another thread: the ring against messages of the platform.
 *
 * Run: `deno bench --no-prompt bench/ring_bench.ts`. Each measurement is of 1,024 records with 88 bytes of payload, 128
 * in all, written and read by the same thread.
 *
 * @module
 */

import { createRingBuffer, RingConsumer, RingProducer } from "../server/ring/byte_ring.ts";
import { payloadEndOf, RECORD_PACKET, sequenceOf, tryPushRecord } from "../server/ring/records.ts";
import { assert } from "../shared/errors.ts";

const RECORD_COUNT = 1_024;
const PAYLOAD = new Uint8Array(88).map((_, index) => index * 7);

const BUFFER = createRingBuffer(1_048_576);
const PRODUCER = new RingProducer(BUFFER);
const CONSUMER = new RingConsumer(BUFFER);

/** Sends records through the ring, so many at a time; gives the sum of what arrived. */
export function throughRing(batch: number): number {
  let sum = 0;
  for (let sent = 0; sent < RECORD_COUNT; sent += batch) {
    for (let count = 0; count < batch; count++) {
      const at = tryPushRecord(PRODUCER, RECORD_PACKET, 7, 1, 2002, sent + count, 0, PAYLOAD, 0, PAYLOAD.length);
      assert(at >= 0, "The ring has room");
    }
    PRODUCER.publish();
    for (let at = CONSUMER.next(); at >= 0; at = CONSUMER.next()) {
      sum += sequenceOf(CONSUMER, at) + CONSUMER.bytes[payloadEndOf(CONSUMER, at) - 1];
    }
    CONSUMER.release();
  }
  return sum;
}

/** Sends the same as messages, each with a copy of its payload or one that changes hands. */
export async function throughMessages(transfers: boolean): Promise<number> {
  const { port1, port2 } = new MessageChannel();
  const { promise, resolve } = Promise.withResolvers<number>();
  let sum = 0;
  let arrived = 0;
  port2.onmessage = ({ data }: MessageEvent<{ sequence: number; payload: Uint8Array }>) => {
    sum += data.sequence + data.payload[data.payload.length - 1];
    if (++arrived === RECORD_COUNT) resolve(sum);
  };
  for (let sequence = 0; sequence < RECORD_COUNT; sequence++) {
    const payload = PAYLOAD.slice();
    const message = { slot: 7, generation: 1, type: 2002, sequence, ack: 0, payload };
    port1.postMessage(message, transfers ? [payload.buffer] : []);
  }
  const result = await promise;
  port1.close();
  port2.close();
  return result;
}

const EXPECTED = throughRing(1);
assert(EXPECTED === RECORD_COUNT * (RECORD_COUNT - 1) / 2 + RECORD_COUNT * PAYLOAD[PAYLOAD.length - 1], "All arrives");
assert(throughRing(16) === EXPECTED && throughRing(RECORD_COUNT) === EXPECTED, "All arrives in batches");
assert(
  await throughMessages(false) === EXPECTED && await throughMessages(true) === EXPECTED,
  "Messages bring the same",
);

/** What is measured; a test calls each once. */
export const BENCHES: readonly Deno.BenchDefinition[] = [
  { group: "records", name: "postMessage, copied", baseline: true, fn: async () => void await throughMessages(false) },
  { group: "records", name: "postMessage, transferred", fn: async () => void await throughMessages(true) },
  { group: "records", name: "ring, one at a time", fn: () => void throughRing(1) },
  { group: "records", name: "ring, 16 at a time", fn: () => void throughRing(16) },
  { group: "records", name: "ring, all at once", fn: () => void throughRing(RECORD_COUNT) },
];

for (const bench of BENCHES) Deno.bench(bench);
