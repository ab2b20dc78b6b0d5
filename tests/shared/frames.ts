/**
 * Frames for tests: how they are written, and a sink that keeps what it gets.
 *
 * @module
 */

import type { FrameSink } from "../../shared/frame_decoder.ts";

/** A frame: the length as little-endian u32, then the body. */
export function frameOf(body: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(4 + body.length);
  new DataView(frame.buffer).setUint32(0, body.length, true);
  frame.set(body, 4);
  return frame;
}

/** The header alone of a frame that announces `length` bytes. */
export function headerOf(length: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(4);
  new DataView(header.buffer).setUint32(0, length, true);
  return header;
}

/** Bytes that go up in sevens from a start, so that no two places near each other look alike. */
export function pattern(byteCount: number, start = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(byteCount);
  for (let index = 0; index < byteCount; index++) bytes[index] = start + index * 7;
  return bytes;
}

/** Whether two byte strings are equal; much faster than a deep comparison. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false;
  return true;
}

/** Keeps copies of the frames it takes. */
export class CollectingSink implements FrameSink {
  readonly bodies: Uint8Array[] = [];
  /** Calls so far, refused ones among them. */
  offerCount = 0;
  /** Says which offers are refused, by their number from 0. */
  readonly #refuses: (offer: number) => boolean;

  constructor(refuses: (offer: number) => boolean = () => false) {
    this.#refuses = refuses;
  }

  onFrame(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#refuses(this.offerCount++)) return false;
    this.bodies.push(bytes.slice(start, end));
    return true;
  }
}
