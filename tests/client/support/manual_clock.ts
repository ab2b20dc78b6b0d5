/** A clock and its timers, run by hand. @module */

import type { Timers } from "../../../client/client_options.ts";

interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
}

/** Lets every promise that can go on without timers or input go on. */
export async function settlePromises(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** Time passes only by {@linkcode ManualClock.advance}. */
export class ManualClock implements Timers {
  /** The present, in milliseconds. */
  nowMs = 1_700_000_000_000;
  readonly #timers: Set<Timer> = new Set();

  readonly now = (): number => this.nowMs;

  set(run: () => void, delayMs: number): Timer {
    const timer = { dueMs: this.nowMs + delayMs, run };
    this.#timers.add(timer);
    return timer;
  }

  clear(handle: unknown): void {
    this.#timers.delete(handle as Timer);
  }

  /** Timers that are set. */
  get timerCount(): number {
    return this.#timers.size;
  }

  /** Lets time pass; runs what falls due in order, with `between` after each. */
  async advance(durationMs: number, between: () => Promise<void> = settlePromises): Promise<void> {
    const endMs = this.nowMs + durationMs;
    for (;;) {
      let next: Timer | null = null;
      for (const timer of this.#timers) if (next === null || timer.dueMs < next.dueMs) next = timer;
      if (next === null || next.dueMs > endMs) break;
      this.#timers.delete(next);
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      next.run();
      await between();
    }
    this.nowMs = endMs;
  }
}
