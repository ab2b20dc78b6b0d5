/**
 * When each connection should send: an open loop's schedule. It does not wait for answers, so a server that stalls
 * cannot make the load test stall with it and hide what players would have felt (coordinated omission).
 *
 * @module
 */

import { LOADTEST_SENDS_PER_ROUND_MAX } from "../limits.ts";

/**
 * Connections take turns, evenly spaced, each once in every interval. A turn is due at a time that was fixed before the
 * run began; when it is taken late, its latency is measured from when it was due.
 */
export class Pacer {
  readonly #count: number;
  readonly #gapUs: number;
  readonly #firstUs: number;
  #turns = 0;

  /**
   * @param options `connectionCount`: of this thread. `ratePerS`: of each connection; 0: never. `startUs`: when the
   * schedule begins. `offset`: 0 to 1, where between two turns this one's first lies, so that threads do not send at
   * once.
   */
  constructor(options: { connectionCount: number; ratePerS: number; startUs: number; offset?: number }) {
    this.#count = options.connectionCount;
    this.#gapUs = options.ratePerS > 0 && options.connectionCount > 0
      ? 1e6 / options.ratePerS / options.connectionCount
      : Infinity;
    this.#firstUs = options.startUs + (options.offset ?? 0) * this.#gapUs;
  }

  /** When the next turn is due, in microseconds; infinite when there is none. */
  get dueUs(): number {
    // From the start each time: sums of intervals would drift.
    return this.#gapUs === Infinity ? Infinity : this.#firstUs + this.#turns * this.#gapUs;
  }

  /**
   * Gives everyone its turn that is due, up to {@linkcode LOADTEST_SENDS_PER_ROUND_MAX} of them.
   *
   * @returns When the next turn is due; not after `nowUs` when there were more.
   */
  takeDue(nowUs: number, onTurn: (index: number, dueUs: number) => void): number {
    let { dueUs } = this;
    for (let left = LOADTEST_SENDS_PER_ROUND_MAX; dueUs <= nowUs && left > 0; left--) {
      onTurn(this.#turns++ % this.#count, dueUs);
      dueUs = this.dueUs;
    }
    return dueUs;
  }

  /** Turns that were due before a time and not given. */
  countDue(beforeUs: number): number {
    if (this.#gapUs === Infinity) return 0;
    return Math.max(0, Math.ceil((beforeUs - this.#firstUs) / this.#gapUs) - this.#turns);
  }

  /** Leaves out the turns that were due before a time. */
  skipTo(nowUs: number): void {
    this.#turns += this.countDue(nowUs);
  }
}
