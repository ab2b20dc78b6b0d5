import { SCENARIOS, WalkingCrowd, warmUp } from "../../bench/world_bench.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("WalkingCrowd tells the same by both ways that the benchmark compares, for each scenario in small", () => {
  for (const { playerCount, size } of SCENARIOS) {
    // A sixteenth of the players on a quarter of the side: the same density.
    const crowd = new WalkingCrowd({ playerCount: Math.ceil(playerCount / 16), size: size / 4 });
    warmUp(crowd);
    assert(crowd.acceptedCount > 0);
    assertEquals(crowd.refusedCount, 0);
  }
});
