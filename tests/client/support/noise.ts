/** Bytes without a pattern, the same for the same seed, and their comparison. @module */

import { assert } from "../../support/assert.ts";

/** Fails unless both are equal. A difference of many bytes is only counted: showing it would take gigabytes. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array): void {
  assert(actual.length === expected.length, `${actual.length} bytes came, expected were ${expected.length}`);
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  assert(at < 0, `Byte ${at} of ${actual.length} differs`);
}

/** Gives `length` bytes that do not compress. */
export function noise(length: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) & 0xff;
  });
}
