/** What was read a moment ago. @module */

interface Entry<T> {
  readonly value: Promise<T>;
  readonly readAtMs: number;
}

/** Values that may be a little old, by key: each is read at most once in its lifetime, however many ask. */
export class ShortCache<T> {
  readonly #lifetimeMs: number;
  readonly #entriesMax: number;
  /** In the order of reading. */
  readonly #entries = new Map<string, Entry<T>>();

  /**
   * @param options How long a value is good for; it is forgotten with one of the next that are read. How many are kept;
   * above that the oldest is forgotten.
   */
  constructor(options: { readonly lifetimeMs: number; readonly entriesMax: number }) {
    this.#lifetimeMs = options.lifetimeMs;
    this.#entriesMax = options.entriesMax;
  }

  /** Values that are kept, or being read. */
  get size(): number {
    return this.#entries.size;
  }

  /** The value of a key, read now unless it was read within its lifetime; a failed read is not kept. */
  get(key: string, nowMs: number, read: () => Promise<T>): Promise<T> {
    const known = this.#entries.get(key);
    if (known !== undefined && nowMs - known.readAtMs < this.#lifetimeMs) return known.value;
    const entry = { value: read(), readAtMs: nowMs };
    entry.value.catch(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    // The newest stands last, so that the first is the oldest.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    // Two for each that comes, so that what nobody asks for any more goes.
    for (let count = 0; count < 2; count++) this.#forgetFirst(nowMs);
    return entry.value;
  }

  #forgetFirst(nowMs: number): void {
    const [[key, { readAtMs }]] = this.#entries;
    if (this.#entries.size > this.#entriesMax || nowMs - readAtMs >= this.#lifetimeMs) this.#entries.delete(key);
  }
}
