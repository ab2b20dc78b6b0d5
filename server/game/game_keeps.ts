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

  /**
   * All that is to be kept now; what cannot be is counted and logged.
   *
   * @param valuesMax Values that may be kept, nested ones included: copies take memory.
   * @throws {RangeError} when the game keeps more.
   */
  give(faults: FaultReport, valuesMax = Infinity): Record<string, unknown> {
    const kept: Record<string, unknown> = {};
    let left = valuesMax;
    for (const [name, give] of this.#givers) {
      try {
        const given = give();
        if (valuesMax !== Infinity) left -= countValues(given, left);
        if (left >= 0) kept[name] = structuredClone(given);
      } catch (error) {
        faults.report("keep", error, { name });
      }
      if (left < 0) throw new RangeError(`Cannot keep ${name}: the game keeps more than ${valuesMax} values`);
    }
    return kept;
  }
}

/** Characters or bytes that count as one value. */
const BYTES_PER_VALUE = 64;

/** How many values plain data consists of; counts on a little where there are more than `max`. */
function countValues(data: unknown, max: number): number {
  const seen = new Set<object>(), left = [data];
  let count = 0;
  while (left.length > 0 && count <= max) {
    const value = left.pop();
    count++;
    if (typeof value === "string") count += value.length / BYTES_PER_VALUE;
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
      count += value.byteLength / BYTES_PER_VALUE;
      continue;
    }
    for (const part of partsOf(value)) {
      if (count + left.push(part) > max) return max + 1;
    }
  }
  return count;
}

function* partsOf(value: object): Iterable<unknown> {
  if (value instanceof Map) { for (const entry of value) yield* entry; }
  else if (value instanceof Set || Array.isArray(value)) yield* value;
  else for (const key in value) yield (value as Record<string, unknown>)[key];
}
