/**
 * Passwords of chat rooms. They live no longer than their room and in memory only, so a fast hash will do: it keeps them
 * out of dumps and logs.
 *
 * @module
 */

import { createHash, timingSafeEqual } from "node:crypto";

/** A password that can be checked but not read. */
export class RoomPassword {
  readonly #salt: string;
  readonly #hash: Uint8Array;

  /** @param salt Different for every room. */
  constructor(password: string, salt: string) {
    this.#salt = salt;
    this.#hash = hashOf(password, salt);
  }

  /** Tells whether `password` is the one, in a time that does not depend on how much of it is right. */
  matches(password: string): boolean {
    return timingSafeEqual(hashOf(password, this.#salt), this.#hash);
  }
}

function hashOf(password: string, salt: string): Uint8Array {
  return createHash("sha256").update(salt).update("\0").update(password).digest();
}
