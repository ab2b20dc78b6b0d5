/**
 * Chance as an argument: the same seed gives the same run.
 *
 * @module
 */

/**
 * Small seeded generator (sfc32), for games and tests; never for secrets.
 *
 * ```ts
 * import { Prng } from "./prng.ts";
 *
 * const prng = new Prng(7);
 * const die = 1 + prng.nextInt(6);
 * ```
 */
export class Prng {
  #a: number;
  #b = 0x9e3779b9 | 0;
  #c = 0x243f6a88 | 0;
  #counter = 1;

  /**
   * Begins a stream of numbers.
   *
   * @param seed Any integer; its lowest 32 bits count.
   */
  constructor(seed: number) {
    this.#a = seed | 0;
    // The first numbers of near seeds look alike until the state has been mixed.
    for (let round = 0; round < 16; round++) this.nextUint32();
  }

  /** Next number, 0 to 2^32 - 1. */
  nextUint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** Next fraction, 0 up to but not 1, in steps of 2^-32. */
  nextFloat(): number {
    return this.nextUint32() / 0x1_0000_0000;
  }

  /**
   * Next integer, 0 to `bound` - 1.
   *
   * @param bound 1 to 2^32.
   */
  nextInt(bound: number): number {
    return Math.floor(this.nextFloat() * bound);
  }
}
