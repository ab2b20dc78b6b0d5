/** What is known of those who did something of late, such as what they have left of a budget. @module */

/**
 * Values by key, in the order of their last use. A value that says nothing any more - its bucket is full again - is
 * forgotten with one of the next uses, and with too many of them the one used longest ago.
 */
export class RecentMap<Key, Value> {
  readonly #max: number;
  readonly #isOver: (value: Value, nowMs: number) => boolean;
  readonly #values = new Map<Key, Value>();

  /**
   * Begins empty.
   *
   * @param max Values that are kept.
   * @param isOver Whether a value is one that a newcomer would have.
   */
  constructor(max: number, isOver: (value: Value, nowMs: number) => boolean) {
    this.#max = max;
    this.#isOver = isOver;
  }

  /** Values that are kept. */
  get size(): number {
    return this.#values.size;
  }

  /** The value of a key, if there is one; that is no use of it. */
  find(key: Key): Value | undefined {
    return this.#values.get(key);
  }

  /** The value of a key, made if there is none. */
  use(key: Key, nowMs: number, make: () => Value): Value {
    const value = this.#values.get(key) ?? make();
    this.#values.delete(key);
    this.#values.set(key, value);
    // Two for each that may have come: so the map shrinks as it is used.
    for (let count = 0; count < 2; count++) this.#forgetFirst(nowMs);
    return value;
  }

  /** Forgets a value. */
  delete(key: Key): void {
    this.#values.delete(key);
  }

  #forgetFirst(nowMs: number): void {
    const [first] = this.#values;
    // The newest is in use.
    if (first === undefined || this.#values.size === 1) return;
    if (this.#values.size > this.#max || this.#isOver(first[1], nowMs)) this.#values.delete(first[0]);
  }
}
