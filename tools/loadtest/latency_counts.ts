/**
 * Latencies as counts in shared memory: a worker records, the main thread reads whenever it likes. Recording is what the
 * load test does most, so it is a few instructions; percentiles come from `histogram.ts`.
 *
 * The buckets are those of an HdrHistogram with three significant digits, so nothing is lost on the way there.
 *
 * @module
 */

const HALF_BITS = 10;
const HALF = 1 << HALF_BITS;
/** Largest value that is told apart, in microseconds: 67 s. */
export const LATENCY_US_MAX = 2 ** 26 - 1;
/** Buckets of one histogram. */
export const LATENCY_BUCKETS = bucketOf(LATENCY_US_MAX) + 1;

/** The bucket of a value in microseconds; below 0 and above {@linkcode LATENCY_US_MAX} it is the nearest. */
export function bucketOf(valueUs: number): number {
  const value = valueUs <= 0 ? 0 : valueUs >= LATENCY_US_MAX ? LATENCY_US_MAX : valueUs | 0;
  const shift = Math.max(0, 31 - HALF_BITS - Math.clz32(value));
  return shift * HALF + (value >>> shift);
}

/** The least value of a bucket, in microseconds. */
export function bucketLowest(bucket: number): number {
  const shift = Math.max(0, (bucket >>> HALF_BITS) - 1);
  return (bucket - shift * HALF) * 2 ** shift;
}

/** Counts of one kind of latency, recorded by one thread. */
export class LatencyCounts {
  readonly #counts: Int32Array;

  /** @param counts {@linkcode LATENCY_BUCKETS} long. */
  constructor(counts: Int32Array) {
    this.#counts = counts;
  }

  record(valueUs: number): void {
    this.#counts[bucketOf(valueUs)]++;
  }
}
