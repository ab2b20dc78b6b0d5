import {
  CONNECTION_STATES,
  connectionSlot,
  Counter,
  COUNTER_SLOTS,
  CounterBlock,
  createCounterBlock,
  DISCONNECT_REASON_COUNT,
  Gauge,
  Histogram,
  TRANSPORTS,
} from "../../server/ops/counters.ts";
import { HISTOGRAM_SLOTS } from "../../server/ops/histogram.ts";
import { DisconnectReason, DisconnectReasonSchema } from "../../shared/gen/auth_pb.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("Counter, Gauge, Histogram and connectionSlot() share no slot and leave none out", () => {
  const { CLOSED_BY_REASON, ...counters } = Counter;
  const slots = [
    ...Object.values(counters),
    ...Array.from({ length: DISCONNECT_REASON_COUNT }, (_, reason) => CLOSED_BY_REASON + reason),
    ...Object.values(Gauge),
    ...CONNECTION_STATES.flatMap((_state, state) =>
      TRANSPORTS.map((_transport, index) => connectionSlot(state, index))
    ),
    ...Object.values(Histogram).flatMap((first) => Array.from({ length: HISTOGRAM_SLOTS }, (_, slot) => first + slot)),
  ];
  assertEquals(slots.sort((left, right) => left - right), Array.from({ length: COUNTER_SLOTS }, (_, slot) => slot));
});

Deno.test("DISCONNECT_REASON_COUNT covers every reason of the wire", () => {
  assertEquals(Math.max(...DisconnectReasonSchema.values.map((value) => value.number)) + 1, DISCONNECT_REASON_COUNT);
  assertEquals(DISCONNECT_REASON_COUNT, 14);
});

Deno.test("CounterBlock.add() and observe() are seen by another view of the same memory", () => {
  const memory = createCounterBlock();
  const writer = new CounterBlock(memory), reader = new CounterBlock(memory);
  writer.add(Counter.BYTES_IN, 2 ** 40);
  writer.add(Counter.BYTES_IN, 1);
  writer.add(Counter.CLOSED_BY_REASON + DisconnectReason.IDLE, 1);
  writer.observe(Histogram.RTT_MS, 12.5);
  assertEquals(reader.get(Counter.BYTES_IN), 2 ** 40 + 1);
  assertEquals(reader.get(Counter.CLOSED_BY_REASON + DisconnectReason.IDLE), 1);
  assertEquals(reader.get(Histogram.RTT_MS), 12.5);
});

Deno.test("CounterBlock.resetGauges() forgets what is now and keeps what was", () => {
  const block = new CounterBlock(createCounterBlock());
  block.add(Counter.PACKETS_IN, 3);
  block.add(Counter.CLOSED_BY_REASON + DisconnectReason.PROTOCOL_VIOLATION, 2);
  block.set(Gauge.SESSIONS, 9);
  block.add(connectionSlot(2, 3), 4);
  block.observe(Histogram.TICK_US, 7);
  block.resetGauges();
  assertEquals([block.get(Gauge.SESSIONS), block.get(connectionSlot(2, 3))], [0, 0]);
  assertEquals([block.get(Counter.PACKETS_IN), block.get(Histogram.TICK_US)], [3, 7]);
  assertEquals(block.get(Counter.CLOSED_BY_REASON + DisconnectReason.PROTOCOL_VIOLATION), 2);
});

Deno.test("CounterBlock.addTo() sums blocks slot by slot", () => {
  const totals = new Float64Array(COUNTER_SLOTS);
  for (const packets of [3, 4]) {
    const block = new CounterBlock(createCounterBlock());
    block.add(Counter.PACKETS_OUT, packets);
    block.addTo(totals);
  }
  assertEquals(totals[Counter.PACKETS_OUT], 7);
});

Deno.test("CounterBlock refuses memory of another layout", () => {
  assertThrows(() => new CounterBlock(new SharedArrayBuffer(8)), RangeError, "Cannot use counters of 8 bytes");
});
