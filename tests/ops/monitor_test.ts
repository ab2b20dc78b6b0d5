import {
  connectionSlot,
  Counter,
  CounterBlock,
  createCounterBlock,
  Gauge,
  Histogram,
} from "../../server/ops/counters.ts";
import { Monitor } from "../../server/ops/monitor.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { MONITOR_RTT_SAMPLES, MONITOR_SAMPLES_MAX } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";

function setup(workers: readonly string[] = ["io-1", "logic"]) {
  const clock = { ms: 1_000 };
  const monitor = new Monitor({ nowMs: () => clock.ms });
  const blocks = workers.map((worker) => {
    const memory = createCounterBlock();
    monitor.attach(worker, memory);
    return new CounterBlock(memory);
  });
  const pass = (ms: number) => {
    clock.ms += ms;
    monitor.sample();
  };
  return { clock, monitor, blocks, pass };
}

Deno.test("Monitor.totals() sums the blocks of all workers", () => {
  const { monitor, blocks: [left, right] } = setup(["io-1", "io-2"]);
  left.add(Counter.PACKETS_IN, 5);
  right.add(Counter.PACKETS_IN, 6);
  left.add(connectionSlot(2, 0), 3);
  right.add(connectionSlot(0, 2), 1);
  right.add(Counter.CLOSED_BY_REASON + DisconnectReason.SLOW_READER, 2);
  right.add(Counter.CLOSED_BY_ERROR, 1);
  const totals = monitor.totals();
  assertEquals([totals.packetsIn, totals.connectionCount], [11, 4]);
  assertEquals(totals.connections.filter(({ count }) => count > 0), [
    { state: "connected", transport: "websocket", count: 1 },
    { state: "in_world", transport: "tcp", count: 3 },
  ]);
  assertEquals([totals.closed.slow_reader, totals.closed.error, totals.closed.peer], [2, 1, 0]);
  assertEquals(Object.keys(totals.closed).length, 16);
});

Deno.test("Monitor.rates() are zero before two samples and then those of the last interval", () => {
  const { monitor, blocks: [io], pass } = setup();
  io.add(Counter.PACKETS_IN, 1_000_000);
  assertEquals(monitor.rates().packetsInPerSecond, 0);
  pass(0);
  assertEquals(monitor.history(), []);
  io.add(Counter.PACKETS_IN, 300);
  io.add(Counter.BYTES_OUT, 5_000);
  io.add(Counter.CONNECTIONS_ACCEPTED, 4);
  pass(2_000);
  const rates = monitor.rates();
  assertEquals([rates.packetsInPerSecond, rates.bytesOutPerSecond, rates.acceptedPerSecond], [150, 2_500, 2]);
  pass(1_000);
  assertEquals(monitor.rates().packetsInPerSecond, 0);
});

Deno.test("Monitor.sample() without passed time makes no rate", () => {
  const { monitor, blocks: [io], pass } = setup();
  pass(0);
  io.add(Counter.PACKETS_IN, 5);
  pass(0);
  assertEquals(monitor.history(), []);
  pass(1_000);
  assert(Number.isFinite(monitor.rates().packetsInPerSecond));
});

Deno.test("Monitor.rates() takes ticks from the last interval and round trips from the last half minute", () => {
  const { monitor, blocks: [io, logic], pass } = setup();
  pass(0);
  assertEquals([monitor.rates().rttMsMean, monitor.rates().tickMsP95], [undefined, undefined]);
  for (let value = 1; value <= 100; value++) {
    io.observe(Histogram.RTT_MS, value);
    logic.observe(Histogram.TICK_US, value * 100);
  }
  pass(1_000);
  const busy = monitor.rates();
  assertEquals([busy.rttMsMean, busy.tickMsMean], [50.5, 5.05]);
  assert(busy.rttMsP95 !== undefined && Math.abs(busy.rttMsP95 - 95) <= 95 / 8);
  assert(busy.tickMsP95 !== undefined && Math.abs(busy.tickMsP95 - 9.5) <= 9.5 / 8);

  pass(1_000);
  assertEquals([monitor.rates().tickMsMean, monitor.rates().tickMsP95], [undefined, undefined]);
  assertEquals(monitor.rates().rttMsMean, 50.5);
  for (let second = 0; second < MONITOR_RTT_SAMPLES; second++) pass(1_000);
  assertEquals(monitor.rates().rttMsMean, undefined);
});

Deno.test("Monitor.history() keeps a minute, oldest first", () => {
  const { monitor, blocks: [, logic], pass } = setup();
  pass(0);
  for (let second = 1; second <= MONITOR_SAMPLES_MAX + 5; second++) {
    logic.set(Gauge.PLAYERS_ONLINE, second);
    pass(1_000);
  }
  const history = monitor.history();
  assertEquals([history.length, history[0].playersOnline], [MONITOR_SAMPLES_MAX, 6]);
  assertEquals(history.at(-1)?.playersOnline, MONITOR_SAMPLES_MAX + 5);
});

Deno.test("Monitor.loads() tells each worker's part in the last interval", () => {
  const { monitor, blocks: [io], pass } = setup();
  pass(0);
  io.add(Counter.PACKETS_IN, 500);
  io.add(connectionSlot(1, 1), 2);
  io.set(Gauge.LAG_MS, 7);
  pass(500);
  assertEquals(monitor.loads(), [
    { worker: "io-1", connectionCount: 2, packetsInPerSecond: 1_000, packetsOutPerSecond: 0, lagMs: 7 },
    { worker: "logic", connectionCount: 0, packetsInPerSecond: 0, packetsOutPerSecond: 0, lagMs: 0 },
  ]);
});

Deno.test("Monitor.totals() never fall when a worker starts again on its block", () => {
  const { monitor, blocks: [io] } = setup();
  io.add(Counter.PACKETS_IN, 10);
  io.add(connectionSlot(0, 0), 3);
  io.resetGauges();
  assertEquals([monitor.totals().packetsIn, monitor.totals().connectionCount], [10, 0]);
});

Deno.test("Monitor.uptimeMs counts from its making", () => {
  const { monitor, clock } = setup();
  clock.ms += 1_234;
  assertEquals(monitor.uptimeMs, 1_234);
});

Deno.test("Monitor reads what a Worker counts in its own thread", async () => {
  const memory = createCounterBlock();
  const monitor = new Monitor({ nowMs: () => 0 });
  monitor.attach("io-1", memory);
  const worker = new Worker(new URL("../support/counting_worker.ts", import.meta.url), { type: "module" });
  const done = Promise.withResolvers<void>();
  worker.onmessage = () => done.resolve();
  worker.postMessage(memory);
  await done.promise;
  worker.terminate();
  assertEquals([monitor.totals().packetsIn, monitor.rtt().count], [100_000, 100_000]);
});
