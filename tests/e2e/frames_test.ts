import { SCREENS, timeFrames } from "../frames/frames.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { programTest } from "../support/programs.ts";

programTest("chromium", "deno task bench:frames draws a crowd on each screen", async () => {
  const times = Object.entries(await timeFrames(10, SCREENS.slice(0, 2)));
  assertEquals(times.length, 6);
  for (const [name, { median, p95, ratio }] of times) {
    assert(median > 0 && p95 >= median, `${name}: ${median}, ${p95}`);
    assertEquals(ratio, 1);
  }
});
