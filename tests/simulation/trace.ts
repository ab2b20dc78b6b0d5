/**
 * Everything that happened in one simulation, as a rolling hash: two runs of a seed are the same when their hashes are.
 *
 * @module
 */

/** The order of events, their moments and their bytes. */
export class Trace {
  /** How many steps were taken. */
  stepCount = 0;
  #low = 0x811c9dc5 | 0;
  #high = 0x9e3779b9 | 0;
  /** The last steps in words, to be shown when something is wrong; null: not kept. */
  readonly #lines: string[] | null;

  constructor(options: { readonly keepsLines: boolean }) {
    this.#lines = options.keepsLines ? [] : null;
  }

  /** 16 hex digits. */
  get hash(): string {
    return [this.#high, this.#low].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
  }

  get lines(): readonly string[] {
    return this.#lines ?? [];
  }

  /** Something happened: at `atMs`, to or by number `who`, with these bytes. */
  step(what: string, atMs: number, who: number, bytes?: Uint8Array): void {
    this.stepCount++;
    for (let index = 0; index < what.length; index++) this.#mix(what.charCodeAt(index));
    this.#mix(Math.round(atMs * 1_000));
    this.#mix(who);
    if (bytes !== undefined) this.#mixBytes(bytes);
    this.#lines?.push(`${this.stepCount} ${atMs.toFixed(3)} ${what} ${who} ${bytes?.length ?? ""}`);
  }

  #mix(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x01000193);
    this.#high = Math.imul(this.#high ^ this.#low ^ (this.#high >>> 15), 0x85ebca6b);
  }

  #mixBytes(bytes: Uint8Array): void {
    let low = this.#low;
    for (let index = 0; index < bytes.length; index++) low = Math.imul(low ^ bytes[index], 0x01000193);
    this.#low = low;
    this.#mix(bytes.length);
  }
}
