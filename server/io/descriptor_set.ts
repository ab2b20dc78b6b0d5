/**
 * The file descriptors that an io worker holds on its own account, in shared memory: unlike Deno's resources they
 * outlive a worker that crashes, so its successor closes them.
 *
 * @module
 */

import { DESCRIPTORS_MAX } from "../../shared/limits.ts";

/** Makes the shared memory of one io worker's set. */
export function createDescriptorBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(DESCRIPTORS_MAX);
}

/** A set of descriptors. */
export class DescriptorSet {
  readonly #held: Uint8Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#held = new Uint8Array(buffer);
  }

  /** Adds a descriptor; `false` when it is above {@linkcode DESCRIPTORS_MAX}. */
  tryAdd(descriptor: number): boolean {
    if (descriptor >= this.#held.length) return false;
    this.#held[descriptor] = 1;
    return true;
  }

  /** Removes a descriptor; to be called before it is closed, as its number may be given to others right after. */
  remove(descriptor: number): void {
    this.#held[descriptor] = 0;
  }

  /** Removes and gives all descriptors. */
  takeAll(): number[] {
    const descriptors: number[] = [];
    this.#held.forEach((held, descriptor) => {
      if (held === 1) descriptors.push(descriptor);
    });
    this.#held.fill(0);
    return descriptors;
  }
}
