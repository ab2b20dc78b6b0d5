/** Counts in the memory it is given, then says so. @module */

import { Counter, CounterBlock, Histogram } from "../../server/ops/counters.ts";

self.onmessage = ({ data: memory }: MessageEvent<SharedArrayBuffer>) => {
  const block = new CounterBlock(memory);
  for (let count = 0; count < 100_000; count++) {
    block.add(Counter.PACKETS_IN, 1);
    block.observe(Histogram.RTT_MS, count % 1_000);
  }
  self.postMessage("done");
};
