/** What was read from the storage and is used again and again, until it changes. @module */

import { DependencyError } from "../../../shared/errors.ts";

/** What is being read. */
interface Reading<Value> {
  readonly key: number;
  readonly value: Promise<Value>;
  isOutdated: boolean;
}

/**
 * The values used last, by key. Code that changes something in the storage drops the values made from it once the storage
 * has answered, or another server has said so. What is read from then on is at least as new; what was being read may be
 * older, and is not kept.
 */
export class RecentCache<Value> {
  readonly #max: number;
  /** The one used last stands last. */
  readonly #values = new Map<number, Value>();
  /** Readings under way, by key and by who asked: nobody waits in the line of another. */
  readonly #readings = new Map<string, Reading<Value>>();
  /** Grows when it is unknown what has changed: what was asked for before may be old. */
  #epoch = 0;

  /** @param max Values that are kept. */
  constructor(max: number) {
    this.#max = max;
  }

  /** The value of a key, if it is kept. */
  find(key: number): Value | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  /**
   * Reads a value and keeps it; the same reading serves all who ask for it meanwhile.
   *
   * @param source Who asks.
   * @param read Gives the storage's own promise.
   * @param make Makes the value of what was read; throws where there is nothing to keep.
   */
  read<Row>(
    key: number,
    source: string,
    { read, make }: { readonly read: () => Promise<Row>; readonly make: (row: Row) => Value },
  ): Promise<Value> {
    const name = `${key} ${source}`;
    const under = this.#readings.get(name);
    if (under !== undefined) return under.value;
    const epoch = this.#epoch;
    const value = read().then((row) => {
      const value = make(row);
      if (epoch === this.#epoch && !reading.isOutdated) this.#keep(key, value);
      return value;
    });
    const reading: Reading<Value> = { key, value, isOutdated: false };
    this.#readings.set(name, reading);
    const forget = () => {
      if (this.#readings.get(name) === reading) this.#readings.delete(name);
    };
    value.then(forget, forget);
    return value;
  }

  /** Forgets a value that has changed: a reading under way may have come before that. */
  drop(key: number): void {
    this.#values.delete(key);
    for (const [name, reading] of this.#readings) {
      if (reading.key !== key) continue;
      reading.isOutdated = true;
      this.#readings.delete(name);
    }
  }

  /** Forgets everything, where a change failed and may have been made all the same. */
  onFailure(error: unknown): void {
    if (error instanceof DependencyError && error.code === "timeout") this.clear();
  }

  /** Forgets everything, and what is being read will not be kept. */
  clear(): void {
    this.#epoch++;
    this.#readings.clear();
    this.#values.clear();
  }

  #keep(key: number, value: Value): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size > this.#max) this.#values.delete(this.#values.keys().next().value!);
  }
}
