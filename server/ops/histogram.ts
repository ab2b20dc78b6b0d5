/**
 * A histogram with fixed logarithmic buckets: 8 in each power of two, so any value is known to 12.5 %. Its numbers are
 * a stretch of a `Float64Array`, which lets a worker write and the main thread read it in shared memory.
 *
 * Layout: `[sum][bucket 0] … [bucket n-1]`. The bucket of a value is that of `ceil(value) - 1`, so each bucket holds its upper
 * bound, as Prometheus wants it.
 *
 * @module
 */

const SUB_BUCKETS = 8;
const SUB_BUCKET_BITS = 3;
/** Powers of two above the first sub-buckets: values up to 2^24, which is 16 s in microseconds. */
const OCTAVES = 21;

/** Buckets of a histogram; the last one takes everything above its bound too. */
export const HISTOGRAM_BUCKETS = SUB_BUCKETS + OCTAVES * SUB_BUCKETS;
/** Numbers a histogram takes: the sum and the buckets. */
export const HISTOGRAM_SLOTS = 1 + HISTOGRAM_BUCKETS;
/** Largest upper bound of a bucket. */
export const HISTOGRAM_VALUE_MAX = 2 ** (SUB_BUCKET_BITS + OCTAVES);

/** The bucket of `value`; negative values and NaN count as 0. Cost: a few nanoseconds. */
export function bucketOf(value: number): number {
  if (!(value > 1)) return 0;
  if (value > HISTOGRAM_VALUE_MAX) return HISTOGRAM_BUCKETS - 1;
  const below = Math.ceil(value) - 1;
  if (below < SUB_BUCKETS) return below;
  const octave = 31 - Math.clz32(below) - SUB_BUCKET_BITS;
  return (octave << SUB_BUCKET_BITS) + (below >> octave);
}

/** The largest value of `bucket`. */
export function bucketUpperBound(bucket: number): number {
  if (bucket < SUB_BUCKETS) return bucket + 1;
  const octave = (bucket >> SUB_BUCKET_BITS) - 1;
  const below = SUB_BUCKETS + (bucket & (SUB_BUCKETS - 1));
  return (below + 1) * 2 ** octave;
}

/** What a histogram says, as plain numbers. */
export interface HistogramSnapshot {
  readonly count: number;
  readonly sum: number;
  /** Values in each bucket, not cumulative. */
  readonly buckets: Float64Array;
}

/** Reads the histogram that starts at `slot`. */
export function readHistogram(values: Float64Array, slot: number): HistogramSnapshot {
  const buckets = values.slice(slot + 1, slot + HISTOGRAM_SLOTS);
  let count = 0;
  for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) count += buckets[bucket];
  return { count, sum: values[slot], buckets };
}

/** The values that came after `before`. */
export function histogramSince(after: HistogramSnapshot, before: HistogramSnapshot): HistogramSnapshot {
  const buckets = after.buckets.map((count, bucket) => count - before.buckets[bucket]);
  return { count: after.count - before.count, sum: after.sum - before.sum, buckets };
}

/** The mean, or undefined without values. */
export function histogramMean(histogram: HistogramSnapshot): number | undefined {
  return histogram.count > 0 ? histogram.sum / histogram.count : undefined;
}

/** The value that `fraction` (0 to 1) of all values do not exceed, to the width of a bucket; undefined without values. */
export function histogramQuantile(histogram: HistogramSnapshot, fraction: number): number | undefined {
  if (histogram.count <= 0) return undefined;
  const wanted = fraction * histogram.count;
  let before = 0;
  for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
    const count = histogram.buckets[bucket];
    if (count > 0 && before + count >= wanted) {
      const lower = bucket === 0 ? 0 : bucketUpperBound(bucket - 1);
      return lower + (bucketUpperBound(bucket) - lower) * Math.max(0, wanted - before) / count;
    }
    before += count;
  }
  return HISTOGRAM_VALUE_MAX;
}
