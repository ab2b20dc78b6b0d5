/**
 * Keeps what one part of a thread throws from every other part.
 *
 * @module
 */

import type { FaultReport } from "../../shared/errors.ts";
import { Counter, type CounterBlock } from "./counters.ts";
import type { Logger } from "./logging.ts";

/** Counts and logs faults; the code that catches one sets its entity or feature aside and continues. */
export class Faults implements FaultReport {
  readonly #counters: CounterBlock;
  readonly #log: Pick<Logger, "error">;

  /**
   * The engine makes it.
   *
   * @param log Limits what is the same.
   */
  constructor(log: Pick<Logger, "error">, counters: CounterBlock) {
    this.#log = log;
    this.#counters = counters;
  }

  /**
   * Counts and logs what was thrown.
   *
   * @param place Where, such as `timer` or `packet`.
   */
  report(place: string, error: unknown, properties: Readonly<Record<string, unknown>> = {}): void {
    this.#counters.add(Counter.HANDLER_ERRORS, 1);
    const stack = error instanceof Error ? error.stack : String(error);
    this.#log.error("Something failed; the server goes on without it", { place, ...properties, error: stack });
  }

  /**
   * Does something that may throw, off the hot path. Where it gives a promise - an async function is taken for one that
   * gives nothing - what that rejects with is reported, too.
   *
   * @returns Whether it did not throw.
   */
  run(place: string, act: () => unknown): boolean {
    try {
      const done = act();
      if (done instanceof Promise) done.catch((error) => this.report(place, error));
      return true;
    } catch (error) {
      this.report(place, error);
      return false;
    }
  }

  /** Calls every listener, whatever the others throw or reject with. */
  notify<Args extends readonly unknown[]>(
    place: string,
    listeners: readonly ((...args: Args) => unknown)[],
    ...args: Args
  ): void {
    for (const listener of listeners) this.run(place, () => listener(...args));
  }
}
