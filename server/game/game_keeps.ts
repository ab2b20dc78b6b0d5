/** What a game hands to itself when it is reloaded. @module */

import type { FaultReport } from "../../shared/errors.ts";

/** What is kept, by name. */
export class GameKeeps {
  readonly #before: Readonly<Record<string, unknown>>;
  readonly #givers = new Map<string, () => unknown>();

  /** @param before What was kept when the game was reloaded; nothing where it was not. */
  constructor(before: Readonly<Record<string, unknown>> = {}) {
    this.#before = before;
  }

  /**
   * Registers what is to be kept.
   *
   * @throws {TypeError} when something else is kept under this name.
   */
  keep(name: string, give: () => unknown): void {
    if (this.#givers.has(name)) throw new TypeError(`Cannot keep two things as ${name}`);
    this.#givers.set(name, give);
  }

  /** What was kept under a name; `undefined`: nothing. */
  kept(name: string): unknown {
    return Object.hasOwn(this.#before, name) ? this.#before[name] : undefined;
  }

  /** All that is to be kept now; what cannot be is counted and logged. */
  give(faults: FaultReport): Record<string, unknown> {
    const kept: Record<string, unknown> = {};
    for (const [name, give] of this.#givers) {
      try {
        kept[name] = structuredClone(give());
      } catch (error) {
        faults.report("keep", error, { name });
      }
    }
    return kept;
  }
}
