/**
 * Tells for how long a thread has not come round. A thread in an endless loop says nothing, raises no error, and cannot
 * be ended: what shows is that its counter stands still.
 *
 * @module
 */

import { Counter, CounterBlock } from "./ops/counters.ts";

/** One thread, watched from another. */
export class RoundsWatch {
  readonly #counters: CounterBlock;
  #rounds = -1;
  #movedMs = 0;

  /** @param counters The thread's counters; whoever follows it after a crash goes on with the same. */
  constructor(counters: SharedArrayBuffer) {
    this.#counters = new CounterBlock(counters);
  }

  /**
   * Looks at the thread; to be called often.
   *
   * @param isExpected Whether the thread should be running now; while it is being started, it cannot stand still.
   * @returns For how long no round has ended, in milliseconds; 0 while all is well.
   */
  stalledMs(nowMs: number, isExpected: boolean): number {
    const rounds = this.#counters.get(Counter.ROUNDS);
    if (rounds !== this.#rounds || !isExpected) {
      this.#rounds = rounds;
      this.#movedMs = nowMs;
    }
    return nowMs - this.#movedMs;
  }
}
