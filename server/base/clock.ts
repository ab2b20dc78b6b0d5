/**
 * Time as the server's parts get it: an argument, so that a simulation can give another.
 *
 * @module
 */

import { CLOCK_STEP_MS_MAX } from "../../shared/limits.ts";

/** Two clocks. */
export interface Clock {
  /** Never goes back; for intervals and time-outs, in milliseconds. */
  monotonicMs(): number;
  /** Unix time, for what is written down or sent, in milliseconds; 0 or more. */
  unixMs(): number;
}

/** Timers, for work that must continue later; an argument like the clocks. */
export interface Timers {
  /** Calls `run` once after `delayMs` milliseconds; gives a handle. */
  set(run: () => void, delayMs: number): unknown;
  /** Cancels a timer by its handle. */
  clear(handle: unknown): void;
}

/** The timers of this thread. */
export const SYSTEM_TIMERS: Timers = {
  set: (run, delayMs) => setTimeout(run, delayMs),
  clear: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
};

/**
 * The clocks of this process. The monotonic one does not count the time in which the process did not run: after a
 * SIGSTOP, a suspended machine or a long pause nobody's time-out is over at once. It must be asked at least every
 * {@linkcode CLOCK_STEP_MS_MAX} for that.
 */
export class SystemClock implements Clock {
  readonly #readMs: () => number;
  readonly #readUnixMs: () => number;
  #lastMs: number;
  #lostMs = 0;

  /**
   * @param readMs The clock below: milliseconds since whenever, never backwards, whatever becomes of the date.
   * @param readUnixMs The date below, which may be any.
   * @param startMs What the monotonic clock shows at first; what the one below does unless told.
   */
  constructor(
    readMs: () => number = () => performance.now(),
    readUnixMs: () => number = () => Date.now(),
    startMs?: number,
  ) {
    this.#readMs = readMs;
    this.#readUnixMs = readUnixMs;
    this.#lastMs = readMs();
    if (startMs !== undefined) this.#lostMs = this.#lastMs - startMs;
  }

  monotonicMs(): number {
    const nowMs = this.#readMs();
    const stepMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (stepMs > CLOCK_STEP_MS_MAX) this.#lostMs += stepMs - CLOCK_STEP_MS_MAX;
    return nowMs - this.#lostMs;
  }

  /** A date before 1970 counts as 1970: what is stored and sent has no times before. */
  unixMs(): number {
    return Math.max(0, this.#readUnixMs());
  }
}
