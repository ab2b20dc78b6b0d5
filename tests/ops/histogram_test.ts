import {
  bucketOf,
  bucketUpperBound,
  HISTOGRAM_BUCKETS,
  HISTOGRAM_SLOTS,
  HISTOGRAM_VALUE_MAX,
  histogramMean,
  histogramQuantile,
  histogramSince,
  readHistogram,
} from "../../server/ops/histogram.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

function histogramOf(values: readonly number[]) {
  const slots = new Float64Array(HISTOGRAM_SLOTS);
  for (const value of values) {
    slots[0] += value;
    slots[1 + bucketOf(value)] += 1;
  }
  return readHistogram(slots, 0);
}

Deno.test("bucketUpperBound() is in its own bucket and the next value in the next one", () => {
  for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
    const bound = bucketUpperBound(bucket);
    assertEquals(bucketOf(bound), bucket);
    assertEquals(bucketOf(bound + 1e-6), Math.min(bucket + 1, HISTOGRAM_BUCKETS - 1));
  }
  assertEquals(bucketUpperBound(HISTOGRAM_BUCKETS - 1), HISTOGRAM_VALUE_MAX);
});

Deno.test("bucketOf() puts what is no number or out of range into the first or the last bucket", () => {
  assertEquals([-1, 0, NaN, -Infinity].map(bucketOf), [0, 0, 0, 0]);
  assertEquals([HISTOGRAM_VALUE_MAX + 1, 1e300, Infinity].map(bucketOf), Array(3).fill(HISTOGRAM_BUCKETS - 1));
});

Deno.test("histogramQuantile() is within a bucket's width of the exact quantile", () => {
  const values = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 });
  fc.assert(fc.property(values, fc.constantFrom(0.5, 0.9, 0.95, 1), (list, fraction) => {
    const sorted = [...list].sort((left, right) => left - right);
    const exact = sorted[Math.max(0, Math.ceil(fraction * list.length) - 1)];
    const found = histogramQuantile(histogramOf(list), fraction);
    assert(found !== undefined && Math.abs(found - exact) <= Math.max(1, exact * 0.125), `${found} for ${exact}`);
  }));
});

Deno.test("histogramMean() and histogramQuantile() are undefined without values", () => {
  const empty = histogramOf([]);
  assertEquals([histogramMean(empty), histogramQuantile(empty, 0.95)], [undefined, undefined]);
});

Deno.test("histogramSince() leaves what came after", () => {
  const since = histogramSince(histogramOf([1, 2, 50, 50]), histogramOf([1, 2]));
  assertEquals([since.count, since.sum, histogramMean(since)], [2, 100, 50]);
  assertEquals(since.buckets[bucketOf(50)], 2);
});
