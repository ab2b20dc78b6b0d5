/**
 * A token bucket: what a peer may spend, refilled over time.
 *
 * @module
 */

/** The two figures of a bucket. */
export interface BucketRate {
  /** Tokens that come back each second. */
  readonly perSecond: number;
  /** Most tokens it holds. */
  readonly burst: number;
}

/** One peer's bucket. */
export class TokenBucket {
  #tokens: number;
  #filledMs: number;

  /** A full one. */
  constructor(rate: BucketRate, nowMs: number) {
    this.#tokens = rate.burst;
    this.#filledMs = nowMs;
  }

  /**
   * Takes `cost` tokens.
   *
   * @param nowMs A monotonic clock, in milliseconds.
   * @returns `false`, and takes nothing, when there are too few.
   */
  tryTake(cost: number, rate: BucketRate, nowMs: number): boolean {
    this.#fill(rate, nowMs);
    if (this.#tokens < cost) return false;
    this.#tokens -= cost;
    return true;
  }

  /**
   * Takes `cost` tokens, also those that are not there yet.
   *
   * @param nowMs A monotonic clock, in milliseconds.
   * @returns In how many milliseconds the last of them will be there; 0: it is.
   */
  charge(cost: number, rate: BucketRate, nowMs: number): number {
    this.#fill(rate, nowMs);
    this.#tokens -= cost;
    return this.#tokens >= 0 ? 0 : -this.#tokens * 1_000 / rate.perSecond;
  }

  /** Gives back what was taken for nothing. */
  giveBack(cost: number, rate: BucketRate, nowMs: number): void {
    this.#fill(rate, nowMs);
    this.#tokens = Math.min(rate.burst, this.#tokens + cost);
  }

  /** Whether it is as a new one. */
  isFull(rate: BucketRate, nowMs: number): boolean {
    this.#fill(rate, nowMs);
    return this.#tokens >= rate.burst;
  }

  #fill(rate: BucketRate, nowMs: number): void {
    if (nowMs <= this.#filledMs) return;
    this.#tokens = Math.min(rate.burst, this.#tokens + (nowMs - this.#filledMs) * rate.perSecond / 1_000);
    this.#filledMs = nowMs;
  }
}
