import { Counter, CounterBlock, createCounterBlock } from "../../server/ops/counters.ts";
import { ProgressWatch } from "../../server/process/progress_watch.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("ProgressWatch.stalledMs() counts from the last look at which the thread had finished something", () => {
  const memory = createCounterBlock();
  const thread = new CounterBlock(memory);
  const watch = new ProgressWatch(memory);
  assertEquals(watch.stalledMs(1_000, true), 0);
  assertEquals(watch.stalledMs(1_250, true), 250);
  thread.add(Counter.ITEMS, 1);
  assertEquals([watch.stalledMs(1_500, true), watch.stalledMs(3_000, true)], [0, 1_500]);
  thread.add(Counter.ITEMS, 1);
  assertEquals(watch.stalledMs(3_250, true), 0);
});

Deno.test("ProgressWatch.stalledMs() gives a thread that is being started all the time it takes", () => {
  const watch = new ProgressWatch(createCounterBlock());
  for (let nowMs = 0; nowMs < 60_000; nowMs += 250) assertEquals(watch.stalledMs(nowMs, false), 0);
  assertEquals(watch.stalledMs(60_000, true), 250);
});
