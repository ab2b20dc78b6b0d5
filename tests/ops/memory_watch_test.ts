import { MemoryWatch } from "../../server/ops/memory_watch.ts";
import { CounterBlock, createCounterBlock, Gauge } from "../../server/ops/counters.ts";
import { MEMORY_CHECK_INTERVAL_MS, MEMORY_SHARE_MAX } from "../../shared/limits.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

const MB = 1_048_576;

Deno.test("MemoryWatch.check() throws above its share of the limit, buffers included, and looks now and then", () => {
  let used = MEMORY_SHARE_MAX * 100, lookCount = 0;
  const counters = new CounterBlock(createCounterBlock());
  const watch = new MemoryWatch(counters, () => {
    lookCount++;
    return { used_heap_size: (used - 20) * MB, external_memory: 20 * MB, heap_size_limit: 100 * MB };
  });
  watch.check(0);
  assertEquals(counters.get(Gauge.MEMORY_SHARE), MEMORY_SHARE_MAX);
  used++;
  watch.check(MEMORY_CHECK_INTERVAL_MS - 1);
  assertEquals(lookCount, 1);
  assertThrows(() => watch.check(MEMORY_CHECK_INTERVAL_MS), Error, "Out of memory: 91 MB are in use, limit is 100 MB");
  assertEquals(lookCount, 2);
});

Deno.test("MemoryWatch.check() lets this thread go on", () => {
  const counters = new CounterBlock(createCounterBlock());
  new MemoryWatch(counters).check(0);
  const share = counters.get(Gauge.MEMORY_SHARE);
  assert(share > 0 && share < MEMORY_SHARE_MAX, `${share}`);
});
