import { checkClock } from "../../server/process/database.ts";
import { ConfigError } from "../../shared/errors.ts";
import { CLOCK_OFF_MS_MAX } from "../../shared/limits.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("checkClock() lets a clock be CLOCK_OFF_MS_MAX off, and names what is wrong with one that is further", () => {
  for (const aheadMs of [0, CLOCK_OFF_MS_MAX, -CLOCK_OFF_MS_MAX]) checkClock(aheadMs);
  const problemOf = (aheadMs: number) => (assertThrows(() => checkClock(aheadMs), ConfigError) as ConfigError).problems;
  assertEquals(problemOf(5 * 3_600_000), [
    "Cannot use the clock of this machine: it is 5 h ahead of that of the database server, allowed are 1 min; set both " +
    "by NTP",
  ]);
  assertEquals(problemOf(-CLOCK_OFF_MS_MAX - 1), [
    "Cannot use the clock of this machine: it is 1 min 1 s behind that of the database server, allowed are 1 min; set " +
    "both by NTP",
  ]);
});
