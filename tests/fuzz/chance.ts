/** Chance that replays from its seed and costs next to nothing. @module */

/** xorshift32. */
export class CheapChance {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = (seed | 0) || 1;
  }

  /** A whole number from 0 to `end - 1`; `end` is up to 65,536. */
  below(end: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return ((state >>> 8) & 0xffff) * end >>> 16;
  }

  /** True once in `count` times. */
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  /** Random bytes. */
  bytes(count: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count; at++) bytes[at] = this.below(256);
    return bytes;
  }
}

/** The seed that the environment asks for in `FUZZ_SEED`, or a new one. */
export function fuzzSeed(): number {
  return Number(Deno.env.get("FUZZ_SEED") ?? Math.floor(Math.random() * 2 ** 31));
}
