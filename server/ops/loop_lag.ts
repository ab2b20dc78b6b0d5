/**
 * How far a thread is behind: for how long what there was to do has waited until all of it was done. A thread that ends
 * its rounds by time and leaves things for the next one shows here what it would hide otherwise.
 *
 * @module
 */

import { LAG_INTERVAL_MS } from "../../shared/limits.ts";
import { type CounterBlock, Gauge } from "./counters.ts";

/** The lag of one thread; the worst of each interval is its gauge. */
export class LoopLag {
  readonly #counters: CounterBlock;
  /** Since when something waits. */
  #sinceMs = -1;
  #worstMs = 0;
  #shownMs = 0;

  /** @param counters The thread's own. */
  constructor(counters: CounterBlock) {
    this.#counters = counters;
  }

  /**
   * A round has ended; also one that had nothing to do.
   *
   * @param startMs When it began, by a monotonic clock, in milliseconds.
   * @param endMs When it ended.
   * @param more Whether something is left that was there when it began.
   */
  onRound(startMs: number, endMs: number, more: boolean): void {
    if (this.#sinceMs < 0) this.#sinceMs = startMs;
    const lagMs = endMs - this.#sinceMs;
    if (lagMs > this.#worstMs) this.#worstMs = lagMs;
    if (!more) this.#sinceMs = -1;
    if (endMs - this.#shownMs < LAG_INTERVAL_MS) return;
    this.#counters.set(Gauge.LAG_MS, this.#worstMs);
    this.#worstMs = 0;
    this.#shownMs = endMs;
  }
}
