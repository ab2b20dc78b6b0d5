import { CounterBlock, createCounterBlock, Gauge } from "../../server/ops/counters.ts";
import { LoopLag } from "../../server/ops/loop_lag.ts";
import { OverloadWatch } from "../../server/process/overload_watch.ts";
import { LAG_INTERVAL_MS, OVERLOAD_LAG_MS, OVERLOAD_MS } from "../../shared/limits.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("OverloadWatch.update() tells of a lag that lasts, once, and of its end, and of no burst", () => {
  const memory = createCounterBlock();
  const thread = new CounterBlock(memory);
  const watch = new OverloadWatch(memory);
  const changes: string[] = [];
  const look = (nowMs: number, lagMs: number) => {
    thread.set(Gauge.LAG_MS, lagMs);
    if (watch.update(nowMs)) changes.push(`${nowMs} ${watch.overloaded}`);
  };
  look(0, OVERLOAD_LAG_MS + 1);
  look(OVERLOAD_MS - 1, OVERLOAD_LAG_MS + 1);
  look(OVERLOAD_MS, OVERLOAD_LAG_MS);
  for (let nowMs = 10_000; nowMs < 20_000; nowMs += 100) look(nowMs, OVERLOAD_LAG_MS + 1);
  look(20_000, 0);
  look(21_000, OVERLOAD_LAG_MS + 1);
  for (let nowMs = 30_000; nowMs < 40_000; nowMs += 100) look(nowMs, 0);
  assertEquals(changes, [`${10_000 + OVERLOAD_MS} true`, `${30_000 + OVERLOAD_MS} false`]);
});

Deno.test("LoopLag.onRound() counts from the round at whose beginning something waited to the one that served it", () => {
  const counters = new CounterBlock(createCounterBlock());
  const lag = new LoopLag(counters);
  const startMs = 10 * LAG_INTERVAL_MS;
  lag.onRound(startMs, startMs, false);
  assertEquals(counters.get(Gauge.LAG_MS), 0);
  lag.onRound(startMs + 10, startMs + 14, true);
  lag.onRound(startMs + 15, startMs + 19, true);
  lag.onRound(startMs + 20, startMs + 25, false);
  lag.onRound(startMs + 30, startMs + 34, false);
  lag.onRound(startMs + LAG_INTERVAL_MS, startMs + LAG_INTERVAL_MS, false);
  assertEquals(counters.get(Gauge.LAG_MS), 15);
  lag.onRound(startMs + 2 * LAG_INTERVAL_MS, startMs + 2 * LAG_INTERVAL_MS + 2, false);
  assertEquals(counters.get(Gauge.LAG_MS), 2);
});
