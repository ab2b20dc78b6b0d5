import { durationText, parseDuration } from "../../server/moderation/duration.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("parseDuration() reads seconds, minutes, hours and days, and nothing else", () => {
  assertEquals(["90s", "10m", "2h", "7d"].map(parseDuration), [90, 600, 7_200, 604_800]);
  for (const text of ["", "5", "0s", "-1s", "1.5h", "1w", "1 h", "h", "1hh", "01s", "1000000000s"]) {
    assertEquals(parseDuration(text), null, text);
  }
});

Deno.test("durationText() names the two largest units, what has begun counted whole", () => {
  const cases: readonly (readonly [ms: number, text: string])[] = [
    [-5, "1 s"],
    [1, "1 s"],
    [1_000, "1 s"],
    [1_001, "2 s"],
    [59_001, "1 min"],
    [570_000, "9 min 30 s"],
    [3_600_000, "1 h"],
    [3_660_000, "1 h 1 min"],
    [3_601_000, "1 h"],
    [90_000_000, "1 d 1 h"],
  ];
  for (const [ms, text] of cases) assertEquals(durationText(ms), text);
});
