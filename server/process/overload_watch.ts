/**
 * Tells when a thread has had more to do than it can for so long that it is no mere burst, and when that is over.
 *
 * @module
 */

import { OVERLOAD_LAG_MS, OVERLOAD_MS } from "../../shared/limits.ts";
import { CounterBlock, Gauge } from "../ops/counters.ts";

/** One thread, watched from another. */
export class OverloadWatch {
  readonly #counters: CounterBlock;
  #overloaded = false;
  /** Since when it looks otherwise than it is called; -1: it does not. */
  #otherwiseSinceMs = -1;

  /** @param counters The thread's counters. */
  constructor(counters: SharedArrayBuffer) {
    this.#counters = new CounterBlock(counters);
  }

  /** Whether the thread is overloaded. */
  get overloaded(): boolean {
    return this.#overloaded;
  }

  /** How far the thread was behind when looked at last, in milliseconds. */
  get lagMs(): number {
    return this.#counters.get(Gauge.LAG_MS);
  }

  /**
   * Looks at the thread; to be called often.
   *
   * @returns Whether {@linkcode overloaded} has changed.
   */
  update(nowMs: number): boolean {
    const isBehind = this.lagMs > OVERLOAD_LAG_MS;
    if (isBehind === this.#overloaded) {
      this.#otherwiseSinceMs = -1;
      return false;
    }
    if (this.#otherwiseSinceMs < 0) this.#otherwiseSinceMs = nowMs;
    if (nowMs - this.#otherwiseSinceMs < OVERLOAD_MS) return false;
    this.#overloaded = isBehind;
    this.#otherwiseSinceMs = -1;
    return true;
  }
}
