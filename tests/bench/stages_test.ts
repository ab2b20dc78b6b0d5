import { LoopbackPairs } from "../../bench/loopback_pairs.ts";
import { createStages, measureStages, stageTable } from "../../bench/stages.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test({
  name: "bench/stages.ts runs every stage of an echo and sums them by route",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    using pairs = new LoopbackPairs(4);
    const measured = measureStages(createStages(pairs), { packets: 8, rounds: 2 });
    for (const { stage, us } of measured) assert(Number.isFinite(us) && us >= 0, stage.name);
    const lines = stageTable(measured).split("\n");
    assertEquals(lines.length, 2 + measured.length + 1);
    assertEquals(new Set(lines.map((line) => line.length)).size, 1);
    assertEquals(new Set(measured.map(({ stage }) => stage.route)), new Set(["io", "logic"]));
  },
});
