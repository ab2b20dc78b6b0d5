/**
 * How long each connection waited, and how fair that is: a mean over all of them hides one that starves.
 *
 * @module
 */

/** A connection whose longest wait is so many times the mean of all is not served fairly. */
export const UNFAIR_FACTOR = 10;
/** Shares of the connections, in per cent, whose waits are told. */
const SHARES = [0, 10, 25, 50, 75, 90, 95, 99, 99.9, 100] as const;

/** The waits of one connection. */
export class Waits {
  #count = 0;
  #sumUs = 0;
  #maxUs = 0;

  /** Notes that a message waited so long for its answer, in microseconds. */
  record(waitUs: number): void {
    this.#count++;
    this.#sumUs += waitUs;
    if (waitUs > this.#maxUs) this.#maxUs = waitUs;
  }

  /** In milliseconds; NaN without any. */
  get meanMs(): number {
    return this.#sumUs / this.#count / 1_000;
  }

  /** In milliseconds; NaN without any. */
  get maxMs(): number {
    return this.#count === 0 ? NaN : this.#maxUs / 1_000;
  }
}

/** How evenly connections were served. */
export interface FairnessResult {
  /** Connections that waited for anything. */
  readonly connections: number;
  /** The mean wait of all messages, in milliseconds. */
  readonly meanMs: number;
  /** The longest wait of the worst connection, in milliseconds, and how many times the mean of all that is. */
  readonly worstMs: number;
  readonly worstRatio: number;
  /** The mean wait of the connection whose mean is longest, in milliseconds. */
  readonly worstMeanMs: number;
  /** Connections whose longest wait is above {@linkcode UNFAIR_FACTOR} times the mean of all. */
  readonly unfair: number;
  /** In per cent of the connections: what their mean and their longest waits stay below, in milliseconds. */
  readonly curve: readonly { readonly share: number; readonly meanMs: number; readonly maxMs: number }[];
}

/**
 * Judges the waits of all connections.
 *
 * @param means By connection, in milliseconds; NaN: it waited for nothing.
 * @param longest Likewise.
 * @param meanMs Of all messages.
 * @returns null when nobody waited for anything.
 */
export function judgeWaits(
  means: readonly number[],
  longest: readonly number[],
  meanMs: number,
): FairnessResult | null {
  const sorted = (values: readonly number[]) =>
    values.filter((value) => !Number.isNaN(value)).toSorted((a, b) => a - b);
  const sortedMeans = sorted(means), sortedMaxima = sorted(longest);
  const { length } = sortedMaxima;
  if (length === 0) return null;
  const at = (values: readonly number[], share: number) => values[Math.max(0, Math.ceil(share / 100 * length) - 1)];
  const worstMs = sortedMaxima[length - 1];
  return {
    connections: length,
    meanMs,
    worstMs,
    worstRatio: worstMs / meanMs,
    worstMeanMs: sortedMeans[length - 1],
    unfair: sortedMaxima.filter((ms) => ms > UNFAIR_FACTOR * meanMs).length,
    curve: SHARES.map((share) => ({ share, meanMs: at(sortedMeans, share), maxMs: at(sortedMaxima, share) })),
  };
}
