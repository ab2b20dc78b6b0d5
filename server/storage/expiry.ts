/** Deletes by date what is over, but not because a clock is wrong for a moment. @module */

import { EXPIRY_CONFIRM_MS } from "../../shared/limits.ts";

/**
 * Up to which date something may be deleted for good. A date counts when every look at the clock for
 * {@linkcode EXPIRY_CONFIRM_MS} has been as late: one that jumps ahead and comes back deletes nothing, and neither does
 * the first look of a server that starts with a wrong clock.
 */
export class Expiry {
  readonly #nowMs: () => number;
  #confirmedMs = 0;
  /** The earliest date of the looks since then. */
  #candidateMs = Infinity;
  #sinceMs: number | null = null;

  /** @param nowMs Monotonic, in milliseconds. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /**
   * Looks at a date.
   *
   * @param dateMs Up to when things are over, as the clock says now; Unix milliseconds.
   * @returns Up to when they may be deleted; 0: nothing may.
   */
  confirm(dateMs: number): number {
    const nowMs = this.#nowMs();
    this.#sinceMs ??= nowMs;
    this.#candidateMs = Math.min(this.#candidateMs, dateMs);
    if (nowMs - this.#sinceMs >= EXPIRY_CONFIRM_MS) {
      this.#confirmedMs = this.#candidateMs;
      this.#candidateMs = dateMs;
      this.#sinceMs = nowMs;
    }
    return Math.min(this.#confirmedMs, dateMs);
  }
}
