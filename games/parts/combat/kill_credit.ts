/** How often one victim counts for one killer. @module */

import { KILL_PAIRS_MAX, KILLS_OF_ONE_VICTIM_INTERVAL_MS, KILLS_OF_ONE_VICTIM_MAX } from "./limits.ts";

/**
 * Decides which kills count on boards and in wars: a victim that lets itself be killed counts only so many times
 * an hour. Bounded: the pair that began longest ago is forgotten first.
 */
export class KillCredit {
  readonly #pairs = new Map<string, { count: number; readonly sinceMs: number }>();

  /**
   * Takes note of a kill.
   *
   * @param nowMs Monotonic milliseconds.
   * @returns Whether it counts.
   */
  tryCount(killerId: number, victimId: number, nowMs: number): boolean {
    const key = `${killerId} ${victimId}`;
    const pair = this.#pairs.get(key);
    if (pair !== undefined && nowMs - pair.sinceMs < KILLS_OF_ONE_VICTIM_INTERVAL_MS) {
      return ++pair.count <= KILLS_OF_ONE_VICTIM_MAX;
    }
    this.#pairs.delete(key);
    this.#pairs.set(key, { count: 1, sinceMs: nowMs });
    if (this.#pairs.size > KILL_PAIRS_MAX) this.#pairs.delete(this.#pairs.keys().next().value!);
    return true;
  }
}
