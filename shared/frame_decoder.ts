/**
 * Cuts a byte stream into frames: `[length: u32 little-endian][body: length bytes]`.
 *
 * @module
 */

import { ProtocolError } from "./errors.ts";
import { DisconnectReason } from "./gen/enums.ts";
import { FRAME_BYTES_MAX, FRAME_HEADER_BYTES } from "./limits.ts";

/** Takes the frames of one stream. */
export interface FrameSink {
  /**
   * Takes one frame's body, `bytes[start, end)`, valid only during the call.
   *
   * @returns `false` when the frame cannot be taken now: it and all after it are kept, and offered again by
   * {@linkcode FrameDecoder.resume}.
   */
  onFrame(bytes: Uint8Array, start: number, end: number): boolean;
}

/** A partial frame's buffer up to this size is kept for the next one; a larger one is dropped. */
const KEPT_BUFFER_BYTES = 256;

/**
 * Reads the body length of the frame that starts at `offset`.
 *
 * @param bytes At least `offset + 4` bytes; later bytes are ignored.
 * @returns Body length in bytes, 1 to {@linkcode FRAME_BYTES_MAX}.
 * @throws {ProtocolError} `MALFORMED_FRAME` when the peer announces 0 or more than the limit.
 * @see docs/protocol.md, "Framing"
 */
export function readFrameLength(bytes: Uint8Array, offset: number): number {
  const length = (bytes[offset] | (bytes[offset + 1] << 8) | (bytes[offset + 2] << 16) | (bytes[offset + 3] << 24)) >>>
    0;
  if (length === 0 || length > FRAME_BYTES_MAX) {
    throw new ProtocolError(
      DisconnectReason.MALFORMED_FRAME,
      `Cannot accept frame: body is ${length} bytes, allowed are 1 to ${FRAME_BYTES_MAX} bytes`,
    );
  }
  return length;
}

/**
 * The decoder of one stream. Whole frames are handed over where they lie in the pushed bytes; only a frame that is cut
 * by the end of a push is copied. Memory grows with the bytes that arrived, never with a length that was announced.
 */
export class FrameDecoder {
  readonly #sink: FrameSink;
  /** Bytes kept from earlier pushes: `#kept[#start, #end)`. */
  #kept: Uint8Array | null = null;
  #start = 0;
  #end = 0;
  #paused = false;

  /** A decoder at the start of a stream; `sink` takes the frames. */
  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Bytes kept: part of a frame, or everything since the sink refused one. */
  get keptBytes(): number {
    return this.#end - this.#start;
  }

  /** Whether the sink refused a frame that has not been taken since. */
  get paused(): boolean {
    return this.#paused;
  }

  /**
   * Takes the next bytes of the stream, `bytes[start, end)`; they may be overwritten after the call.
   *
   * @throws {ProtocolError} `MALFORMED_FRAME` at a bad length; frames before it have been handed over.
   */
  push(bytes: Uint8Array, start: number, end: number): void {
    if (this.#paused) return this.#keep(bytes, start, end);
    if (this.#end > this.#start) {
      start = this.#finishKept(bytes, start, end);
      if (start < 0) return;
    }
    while (end - start >= FRAME_HEADER_BYTES) {
      const bodyStart = start + FRAME_HEADER_BYTES;
      const bodyEnd = bodyStart + readFrameLength(bytes, start);
      if (bodyEnd > end) break;
      if (!this.#sink.onFrame(bytes, bodyStart, bodyEnd)) {
        this.#paused = true;
        break;
      }
      start = bodyEnd;
    }
    if (start < end) this.#keep(bytes, start, end);
  }

  /**
   * Offers the kept frames again after the sink refused one.
   *
   * @returns Whether the stream goes on; `false` when the sink refused again.
   * @throws {ProtocolError} `MALFORMED_FRAME` at a bad length.
   */
  resume(): boolean {
    this.#paused = false;
    while (this.#kept !== null && this.#end - this.#start >= FRAME_HEADER_BYTES) {
      const bodyStart = this.#start + FRAME_HEADER_BYTES;
      const bodyEnd = bodyStart + readFrameLength(this.#kept, this.#start);
      if (bodyEnd > this.#end) break;
      if (!this.#sink.onFrame(this.#kept, bodyStart, bodyEnd)) {
        this.#paused = true;
        return false;
      }
      this.#start = bodyEnd;
    }
    if (this.#start === this.#end) this.#release();
    return true;
  }

  /** Completes the one frame that lies in the kept bytes; gives the new start in `bytes`, or -1 when it was not enough. */
  #finishKept(bytes: Uint8Array, start: number, end: number): number {
    if (this.#end - this.#start < FRAME_HEADER_BYTES) {
      const take = Math.min(FRAME_HEADER_BYTES - (this.#end - this.#start), end - start);
      this.#keep(bytes, start, start + take);
      start += take;
      if (this.#end - this.#start < FRAME_HEADER_BYTES) return -1;
    }
    const frameBytes = FRAME_HEADER_BYTES + readFrameLength(this.#kept!, this.#start);
    const take = Math.min(frameBytes - (this.#end - this.#start), end - start);
    if (take > 0) this.#keep(bytes, start, start + take);
    start += take;
    if (this.#end - this.#start < frameBytes) return -1;
    const bodyStart = this.#start + FRAME_HEADER_BYTES;
    if (!this.#sink.onFrame(this.#kept!, bodyStart, this.#start + frameBytes)) {
      this.#paused = true;
      if (start < end) this.#keep(bytes, start, end);
      return -1;
    }
    this.#release();
    return start;
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    const addedBytes = end - start;
    const keptBytes = this.#end - this.#start;
    let kept = this.#kept;
    if (kept === null || kept.length < this.#end + addedBytes) {
      const neededBytes = keptBytes + addedBytes;
      if (kept !== null && kept.length >= neededBytes) {
        kept.copyWithin(0, this.#start, this.#end);
      } else {
        const grown = new Uint8Array(Math.max(KEPT_BUFFER_BYTES, 2 ** Math.ceil(Math.log2(neededBytes))));
        if (kept !== null) grown.set(kept.subarray(this.#start, this.#end));
        this.#kept = kept = grown;
      }
      this.#start = 0;
      this.#end = keptBytes;
    }
    if (addedBytes < 64) {
      for (let from = start, to = this.#end; from < end; from++, to++) kept[to] = bytes[from];
    } else {
      kept.set(bytes.subarray(start, end), this.#end);
    }
    this.#end += addedBytes;
  }

  #release(): void {
    this.#start = 0;
    this.#end = 0;
    if (this.#kept !== null && this.#kept.length > KEPT_BUFFER_BYTES) this.#kept = null;
  }
}
