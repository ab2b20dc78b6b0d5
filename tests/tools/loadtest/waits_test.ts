import { judgeWaits, UNFAIR_FACTOR, Waits } from "../../../tools/loadtest/waits.ts";
import { assert, assertEquals } from "../../support/assert.ts";

Deno.test("Waits keeps the mean and the longest of a connection's waits, and nothing of a connection without", () => {
  const waits = new Waits();
  assert(Number.isNaN(waits.meanMs) && Number.isNaN(waits.maxMs));
  for (const us of [1_000, 5_000, 3_000]) waits.record(us);
  assertEquals([waits.meanMs, waits.maxMs], [3, 5]);
});

Deno.test("judgeWaits() finds the connection that starves among many that do not", () => {
  const means = Array.from({ length: 100 }, () => 2),
    longest = Array.from({ length: 100 }, (_, index) => 3 + index / 100);
  // At the bound and one beyond; one was not there.
  longest[40] = 2 * UNFAIR_FACTOR;
  longest[41] = 2 * UNFAIR_FACTOR + 0.5;
  means[7] = 9;
  means[50] = longest[50] = NaN;
  const { curve, ...judged } = judgeWaits(means, longest, 2)!;
  assertEquals(judged, { connections: 99, meanMs: 2, worstMs: 20.5, worstRatio: 10.25, worstMeanMs: 9, unfair: 1 });
  assertEquals(curve.at(0), { share: 0, meanMs: 2, maxMs: 3 });
  assertEquals(curve.at(-1), { share: 100, meanMs: 9, maxMs: 20.5 });
  assertEquals(judgeWaits([NaN], [NaN], NaN), null);
});
