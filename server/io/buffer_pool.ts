/**
 * Send buffers of an io worker, kept for reuse: last in, first out, so that the warmest comes first.
 *
 * @module
 */

import {
  POOL_BUFFER_BYTES,
  POOL_BUFFERS_MAX,
  POOL_LARGE_BUFFER_BYTES,
  POOL_LARGE_BUFFERS_MAX,
} from "../../shared/limits.ts";

/** Buffers of two sizes; larger ones are made for the occasion and not kept. */
export class BufferPool {
  readonly #small: Uint8Array[] = [];
  readonly #large: Uint8Array[] = [];

  /** Buffers now kept. */
  get keptCount(): number {
    return this.#small.length + this.#large.length;
  }

  /** A buffer of at least `bytes` bytes, all zero. */
  take(bytes: number): Uint8Array {
    if (bytes <= POOL_BUFFER_BYTES) return this.#small.pop() ?? new Uint8Array(POOL_BUFFER_BYTES);
    if (bytes <= POOL_LARGE_BUFFER_BYTES) return this.#large.pop() ?? new Uint8Array(POOL_LARGE_BUFFER_BYTES);
    return new Uint8Array(2 ** Math.ceil(Math.log2(bytes)));
  }

  /**
   * Gives a buffer back.
   *
   * @param usedBytes Bytes from its start that were written: they are zeroed, so that nothing of one player can ever
   * reach another.
   */
  release(buffer: Uint8Array, usedBytes: number): void {
    if (buffer.length === POOL_BUFFER_BYTES) {
      if (this.#small.length >= POOL_BUFFERS_MAX) return;
      buffer.fill(0, 0, usedBytes);
      this.#small.push(buffer);
    } else if (buffer.length === POOL_LARGE_BUFFER_BYTES) {
      if (this.#large.length >= POOL_LARGE_BUFFERS_MAX) return;
      buffer.fill(0, 0, usedBytes);
      this.#large.push(buffer);
    }
  }
}
