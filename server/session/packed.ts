/** A payload that many are sent, encoded and compressed once. @module */

import { compressPayload } from "./compress.ts";

/** A payload in both forms, made once for all who get it. Not changed afterwards. */
export interface Packed {
  /** As the message was encoded. */
  readonly payload: Uint8Array;
  /** What is sent reliably. */
  readonly bytes: Uint8Array;
  /** Whether `bytes` is a DEFLATE stream. */
  readonly isCompressed: boolean;
}

/** Of a block of DEFLATE that is not compressed, at the start of a stream: its kind, its length, and that again inverted. */
const STORED_HEADER_BYTES = 5;

/** Packs a payload. */
export function pack(payload: Uint8Array): Packed {
  return { payload, ...compressPayload(payload) };
}

/**
 * Packs a short piece with what was packed before behind it, which is not compressed again: a stored block comes before
 * its blocks (RFC 1951, section 3.2.4), and what they refer to lies in themselves.
 *
 * @param head Less than 64 KiB.
 */
export function packBehind(head: Uint8Array, { payload, bytes, isCompressed }: Packed): Packed {
  const whole = new Uint8Array(head.length + payload.length);
  whole.set(head);
  whole.set(payload, head.length);
  if (!isCompressed) return { payload: whole, bytes: whole, isCompressed };
  const blocks = new Uint8Array(STORED_HEADER_BYTES + head.length + bytes.length);
  const header = new DataView(blocks.buffer);
  header.setUint16(1, head.length, true);
  header.setUint16(3, ~head.length, true);
  blocks.set(head, STORED_HEADER_BYTES);
  blocks.set(bytes, STORED_HEADER_BYTES + head.length);
  return { payload: whole, bytes: blocks, isCompressed };
}
