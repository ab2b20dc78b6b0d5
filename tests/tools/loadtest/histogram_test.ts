import { LatencyHistogram } from "../../../tools/loadtest/histogram.ts";
import {
  bucketLowest,
  bucketOf,
  LATENCY_BUCKETS,
  LATENCY_US_MAX,
  LatencyCounts,
} from "../../../tools/loadtest/latency_counts.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { fc } from "../../support/property.ts";

Deno.test("bucketOf() is exact below 2,048 us, to one in 1,000 above, and clamps what it cannot hold", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: LATENCY_US_MAX }), (valueUs) => {
    const bucket = bucketOf(valueUs), lowest = bucketLowest(bucket);
    assert(bucket < LATENCY_BUCKETS && bucketOf(lowest) === bucket);
    assert(valueUs < 2_048 ? lowest === valueUs : lowest <= valueUs && valueUs - lowest < valueUs / 1_000);
  }));
  assertEquals([bucketOf(-5), bucketOf(LATENCY_US_MAX), bucketOf(Infinity)], [
    0,
    LATENCY_BUCKETS - 1,
    LATENCY_BUCKETS - 1,
  ]);
});

Deno.test("LatencyHistogram.summary() tells the percentiles of what was counted, to three digits", () => {
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 1, max: 5_000_000 }), { minLength: 1, maxLength: 400 }),
    (values) => {
      const buffer = new Int32Array(LATENCY_BUCKETS);
      const counts = new LatencyCounts(buffer);
      for (const value of values) counts.record(value);
      const histogram = new LatencyHistogram();
      histogram.add(buffer);
      const summary = histogram.summary()!;
      const sorted = values.toSorted((left, right) => left - right);
      const close = (ms: number, us: number) => assert(Math.abs(ms * 1_000 - us) <= us / 500 + 1, `${ms} ms, ${us} us`);
      close(summary.p50, sorted[Math.ceil(0.5 * values.length) - 1]);
      close(summary.p99, sorted[Math.ceil(0.99 * values.length) - 1]);
      close(summary.max, sorted[values.length - 1]);
      close(summary.mean, values.reduce((sum, value) => sum + value, 0) / values.length);
      assertEquals(summary.count, values.length);
      const { min, p50, p90, p95, p99, p999, max } = summary;
      const rising = [min, p50, p90, p95, p99, p999, max];
      assert(rising.every((ms, index) => index === 0 || ms >= rising[index - 1]), rising.join(" "));
    },
  ));
});

Deno.test("LatencyHistogram has no summary and no curve of nothing, and a curve that rises otherwise", () => {
  const histogram = new LatencyHistogram();
  assertEquals([histogram.summary(), histogram.curve()], [undefined, []]);
  const buffer = new Int32Array(LATENCY_BUCKETS);
  const counts = new LatencyCounts(buffer);
  for (let value = 1; value <= 10_000; value++) counts.record(value);
  histogram.add(buffer);
  const curve = histogram.curve();
  assert(curve.length > 20 && curve.every(({ ms }, index) => index === 0 || ms >= curve[index - 1].ms));
  assert(histogram.encode().startsWith("HIST"));
});
