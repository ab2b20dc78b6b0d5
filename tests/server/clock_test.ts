import { SystemClock } from "../../server/base/clock.ts";
import { CLOCK_STEP_MS_MAX } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("SystemClock.monotonicMs() counts steps up to its longest, and of longer ones no more than that", () => {
  let nowMs = 5;
  const clock = new SystemClock(() => nowMs);
  const elapsed = (stepMs: number) => {
    const beforeMs = clock.monotonicMs();
    nowMs += stepMs;
    return clock.monotonicMs() - beforeMs;
  };
  assertEquals(elapsed(0), 0);
  assertEquals(elapsed(CLOCK_STEP_MS_MAX), CLOCK_STEP_MS_MAX);
  // A SIGSTOP of half a minute, and a machine that was asleep for days.
  for (const stepMs of [CLOCK_STEP_MS_MAX + 1, 30_000, 3 * 86_400_000]) {
    assertEquals(elapsed(stepMs), CLOCK_STEP_MS_MAX);
    assertEquals(elapsed(40), 40);
  }
});

Deno.test("SystemClock.monotonicMs() is not the date's, and goes on between two calls", () => {
  const clock = new SystemClock();
  const first = clock.monotonicMs();
  assert(clock.monotonicMs() >= first);
  assert(Math.abs(clock.unixMs() - Date.now()) < 60_000);
});

Deno.test("SystemClock.unixMs() takes a date before 1970 for 1970", () => {
  let dateMs = -86_400_000;
  const clock = new SystemClock(() => 0, () => dateMs);
  assertEquals(clock.unixMs(), 0);
  dateMs = 1_760_000_000_000;
  assertEquals(clock.unixMs(), dateMs);
});
