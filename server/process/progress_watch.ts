/**
 * Tells for how long a thread has finished nothing. A thread in an endless loop says nothing, raises no error, and cannot
 * be ended: what shows is that its counter stands still. One that only has too much to do goes on finishing things.
 *
 * @module
 */

import { Counter, CounterBlock } from "../ops/counters.ts";

/** One thread, watched from another. */
export class ProgressWatch {
  readonly #counters: CounterBlock;
  #items = -1;
  #movedMs = 0;

  /** @param counters The thread's counters; its successor after a crash continues with the same. */
  constructor(counters: SharedArrayBuffer) {
    this.#counters = new CounterBlock(counters);
  }

  /**
   * Looks at the thread; to be called often.
   *
   * @param isExpected Whether the thread should be running now; while it is being started, it cannot stand still.
   * @returns For how long nothing was finished, in milliseconds; 0 while all is well.
   */
  stalledMs(nowMs: number, isExpected: boolean): number {
    const items = this.#counters.get(Counter.ITEMS);
    if (items !== this.#items || !isExpected) {
      this.#items = items;
      this.#movedMs = nowMs;
    }
    return nowMs - this.#movedMs;
  }
}
