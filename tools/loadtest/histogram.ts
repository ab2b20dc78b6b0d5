/**
 * Percentiles: the only file that names the histogram library.
 *
 * @module
 */

import { build, encodeIntoCompressedBase64, type Histogram } from "npm:hdr-histogram-js@3.0.1";
import { bucketLowest, LATENCY_US_MAX } from "./latency_counts.ts";

/** What is told of one kind of latency, in milliseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** One point of a percentile curve. */
export interface PercentilePoint {
  readonly percentile: number;
  readonly ms: number;
}

/** Latencies of all threads together. */
export class LatencyHistogram {
  readonly #histogram: Histogram = build({
    bitBucketSize: 64,
    autoResize: false,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LATENCY_US_MAX,
    numberOfSignificantValueDigits: 3,
  });

  /** Adds counts as `latency_counts.ts` keeps them. */
  add(counts: ArrayLike<number>): void {
    for (let bucket = 0; bucket < counts.length; bucket++) {
      if (counts[bucket] > 0) this.#histogram.recordValueWithCount(bucketLowest(bucket), counts[bucket]);
    }
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  /** Percentiles; `undefined` when nothing was recorded. */
  summary(): LatencySummary | undefined {
    const histogram = this.#histogram;
    if (histogram.totalCount === 0) return undefined;
    return {
      count: histogram.totalCount,
      min: this.#percentileMs(0),
      mean: histogram.mean / 1_000,
      p50: this.#percentileMs(50),
      p90: this.#percentileMs(90),
      p95: this.#percentileMs(95),
      p99: this.#percentileMs(99),
      p999: this.#percentileMs(99.9),
      max: this.#percentileMs(100),
    };
  }

  #percentileMs(percentile: number): number {
    return this.#histogram.getValueAtPercentile(percentile) / 1_000;
  }

  /** The curve from the median to one in 100,000: each step leaves half of what was above the last one. */
  curve(): PercentilePoint[] {
    const points: PercentilePoint[] = [];
    if (this.count === 0) return points;
    for (let above = 100; above >= 0.001 && above / 100 * this.count >= 0.5; above /= 2 ** 0.25) {
      points.push({ percentile: 100 - above, ms: this.#percentileMs(100 - above) });
    }
    return points;
  }

  /** The histogram in HdrHistogram's own exchange format (V2, compressed, Base64), microseconds. */
  encode(): string {
    return encodeIntoCompressedBase64(this.#histogram);
  }
}
