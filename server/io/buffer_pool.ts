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
  /** The fewest buffers kept since {@linkcode BufferPool.trim}: nobody has needed those. */
  #smallLeast = 0;
  #largeLeast = 0;

  /** Buffers now kept. */
  get keptCount(): number {
    return this.#small.length + this.#large.length;
  }

  /** A buffer of at least `bytes` bytes, all zero. */
  take(bytes: number): Uint8Array {
    if (bytes <= POOL_BUFFER_BYTES) {
      const buffer = this.#small.pop();
      if (this.#small.length < this.#smallLeast) this.#smallLeast = this.#small.length;
      return buffer ?? new Uint8Array(POOL_BUFFER_BYTES);
    }
    if (bytes <= POOL_LARGE_BUFFER_BYTES) {
      const buffer = this.#large.pop();
      if (this.#large.length < this.#largeLeast) this.#largeLeast = this.#large.length;
      return buffer ?? new Uint8Array(POOL_LARGE_BUFFER_BYTES);
    }
    return new Uint8Array(2 ** Math.ceil(Math.log2(bytes)));
  }

  /**
   * A buffer of at least `bytes` bytes that begins with what is in `buffer`, which is given up; zero behind that.
   *
   * Large ones grow by steps, and are moved: a slow reader must not cost twice what it may, and thousands of them must
   * not leave as much garbage.
   *
   * @param usedBytes Bytes from its start that were written.
   */
  grow(buffer: Uint8Array, usedBytes: number, bytes: number): Uint8Array {
    if (buffer.length > POOL_LARGE_BUFFER_BYTES) {
      return new Uint8Array((buffer.buffer as ArrayBuffer).transfer(bytes + POOL_LARGE_BUFFER_BYTES));
    }
    const larger = 2 * bytes <= POOL_LARGE_BUFFER_BYTES
      ? this.take(2 * bytes)
      : new Uint8Array(bytes + POOL_LARGE_BUFFER_BYTES);
    larger.set(buffer.subarray(0, usedBytes));
    this.release(buffer, usedBytes);
    return larger;
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
    } else if (buffer.length === POOL_LARGE_BUFFER_BYTES && this.#large.length < POOL_LARGE_BUFFERS_MAX) {
      buffer.fill(0, 0, usedBytes);
      this.#large.push(buffer);
    } else {
      // Freed at once, not when garbage is next collected: slow readers come in crowds.
      (buffer.buffer as ArrayBuffer).transfer(0);
    }
  }

  /**
   * Frees half of what nobody has needed since the last call; to be called now and then, so that the memory of a burst is
   * freed when the burst is over.
   */
  trim(): void {
    this.#small.length -= this.#smallLeast + 1 >> 1;
    this.#large.length -= this.#largeLeast + 1 >> 1;
    this.#smallLeast = this.#small.length;
    this.#largeLeast = this.#large.length;
  }
}
