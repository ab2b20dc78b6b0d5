/**
 * A single-producer single-consumer ring of records in shared memory.
 *
 * Layout of the buffer: 64 bytes for the consumer's index, 64 for the producer's (so that they lie on cache lines of
 * their own), then the data. An index counts bytes and wraps at 2^32; its place in the data is its low bits. A record
 * is `[record bytes: u32][fields and payload]`, starts at a multiple of 8 and never wraps: where the end of the data is
 * too near, a filler record (`FILLER` bit set in its length) takes the rest.
 *
 * @module
 */

import { assert } from "../../shared/errors.ts";
import { RING_RECORD_BYTES_MAX } from "../../shared/limits.ts";

const HEAD_INDEX = 0;
const TAIL_INDEX = 16;
const DATA_OFFSET = 128;
/** Marks a record that only fills the space up to the end of the data. */
const FILLER = 0x8000_0000;

/**
 * Makes the shared memory of one ring.
 *
 * @param dataBytes Room for records, in bytes: a power of two.
 */
export function createRingBuffer(dataBytes: number): SharedArrayBuffer {
  assert(dataBytes >= 64 && (dataBytes & (dataBytes - 1)) === 0, `Ring size ${dataBytes} is not a power of two`);
  const buffer = new SharedArrayBuffer(DATA_OFFSET + dataBytes);
  // Written once, so that the first burst does not wait for the kernel to find memory for it.
  new Uint8Array(buffer).fill(0);
  return buffer;
}

/** What producer and consumer share: the views that records are written and read through. */
class RingEnd {
  /** The data as bytes, 32-bit words and doubles; a record's offset is in bytes from the start of the data. */
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly doubles: Float64Array;
  protected readonly indices: Int32Array;
  protected readonly mask: number;

  constructor(buffer: SharedArrayBuffer) {
    this.indices = new Int32Array(buffer, 0, DATA_OFFSET / 4);
    this.bytes = new Uint8Array(buffer, DATA_OFFSET);
    this.words = new Uint32Array(buffer, DATA_OFFSET);
    this.doubles = new Float64Array(buffer, DATA_OFFSET);
    this.mask = this.bytes.length - 1;
  }
}

/** The writing end. Records become visible to the consumer at {@linkcode RingProducer.publish}. */
export class RingProducer extends RingEnd {
  #head: number;
  #tail: number;
  #published: number;

  constructor(buffer: SharedArrayBuffer) {
    super(buffer);
    this.#head = Atomics.load(this.indices, HEAD_INDEX) >>> 0;
    this.#tail = this.#published = Atomics.load(this.indices, TAIL_INDEX) >>> 0;
  }

  /**
   * Reserves a record and writes its length.
   *
   * @param recordBytes Length of the record with its own first word, up to {@linkcode RING_RECORD_BYTES_MAX}.
   * @returns The record's offset in the data, or -1 when the ring is full. The record counts as written at once: fill
   * it before the next call.
   */
  tryReserve(recordBytes: number): number {
    assert(recordBytes <= RING_RECORD_BYTES_MAX, `Record of ${recordBytes} bytes is too large for a ring`);
    const alignedBytes = (recordBytes + 7) & ~7;
    let at = this.#tail & this.mask;
    const toEnd = this.bytes.length - at;
    const neededBytes = alignedBytes <= toEnd ? alignedBytes : toEnd + alignedBytes;
    if (neededBytes > this.#free()) {
      this.#head = Atomics.load(this.indices, HEAD_INDEX) >>> 0;
      if (neededBytes > this.#free()) return -1;
    }
    if (alignedBytes > toEnd) {
      this.words[at >>> 2] = (FILLER | toEnd) >>> 0;
      this.#tail = (this.#tail + toEnd) >>> 0;
      at = 0;
    }
    this.words[at >>> 2] = recordBytes;
    this.#tail = (this.#tail + alignedBytes) >>> 0;
    return at;
  }

  /** Whether a record of `recordBytes` would be taken wherever it came to lie. */
  hasRoom(recordBytes: number): boolean {
    const neededBytes = 2 * ((recordBytes + 7) & ~7);
    if (neededBytes <= this.#free()) return true;
    this.#head = Atomics.load(this.indices, HEAD_INDEX) >>> 0;
    return neededBytes <= this.#free();
  }

  /**
   * Shows all records written so far to the consumer.
   *
   * @returns Whether there were any.
   */
  publish(): boolean {
    if (this.#published === this.#tail) return false;
    this.#published = this.#tail;
    Atomics.store(this.indices, TAIL_INDEX, this.#tail | 0);
    return true;
  }

  #free(): number {
    return this.bytes.length - ((this.#tail - this.#head) >>> 0);
  }
}

/** The reading end. Space returns to the producer at {@linkcode RingConsumer.release}. */
export class RingConsumer extends RingEnd {
  #head: number;
  #tail: number;
  #released: number;

  constructor(buffer: SharedArrayBuffer) {
    super(buffer);
    this.#head = this.#released = Atomics.load(this.indices, HEAD_INDEX) >>> 0;
    this.#tail = Atomics.load(this.indices, TAIL_INDEX) >>> 0;
  }

  /**
   * The next record.
   *
   * @returns Its offset in the data, valid until {@linkcode RingConsumer.release}, or -1 when there is none.
   */
  next(): number {
    if (this.#head === this.#tail) {
      this.#tail = Atomics.load(this.indices, TAIL_INDEX) >>> 0;
      if (this.#head === this.#tail) return -1;
    }
    let at = this.#head & this.mask;
    let word = this.words[at >>> 2];
    if (word >= FILLER) {
      this.#head = (this.#head + (word - FILLER)) >>> 0;
      at = 0;
      word = this.words[0];
    }
    this.#head = (this.#head + ((word + 7) & ~7)) >>> 0;
    return at;
  }

  /** Gives the space of all records read so far back to the producer. */
  release(): void {
    if (this.#released === this.#head) return;
    this.#released = this.#head;
    Atomics.store(this.indices, HEAD_INDEX, this.#head | 0);
  }

  /** Where what is to be read ends now. */
  get end(): number {
    return Atomics.load(this.indices, TAIL_INDEX) >>> 0;
  }

  /** Whether all was read that stood before a place which was the {@linkcode end} not long ago. */
  isPast(end: number): boolean {
    return ((this.#head - end) | 0) >= 0;
  }

  /** Whether nothing waits to be read. */
  get empty(): boolean {
    return this.#head === (Atomics.load(this.indices, TAIL_INDEX) >>> 0);
  }
}
