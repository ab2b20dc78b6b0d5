/**
 * Work under way, counted by who asked for it.
 *
 * @module
 */

/** Counts by name. Bounded by the work that is under way. */
export class PendingCounts {
  readonly #counts = new Map<string, number>();

  /** Counts one more for a name, unless there are `max` already. */
  tryAdd(name: string, max: number): boolean {
    const count = this.#counts.get(name) ?? 0;
    if (count >= max) return false;
    this.#counts.set(name, count + 1);
    return true;
  }

  /** Counts one less. */
  remove(name: string): void {
    const count = this.#counts.get(name)! - 1;
    if (count === 0) this.#counts.delete(name);
    else this.#counts.set(name, count);
  }
}
