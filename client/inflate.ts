/**
 * Raw DEFLATE (RFC 1951) for payloads, with the bound of the wire contract. The only file that names the library.
 *
 * @module
 */

import { deflateSync, Inflate } from "fflate";
import { ProtocolError } from "../shared/errors.ts";
import { DisconnectReason } from "../shared/gen/auth_pb.ts";
import { COMPRESSION_THRESHOLD_BYTES, DECOMPRESSED_BYTES_MAX, INFLATE_SLICE_BYTES } from "../shared/limits.ts";

/**
 * Inflates a payload.
 *
 * The input is fed in slices of {@linkcode INFLATE_SLICE_BYTES}, so a payload that would grow beyond the bound is given
 * up within one slice, which makes at most 1,032 bytes of each of its own.
 *
 * @returns At most {@linkcode DECOMPRESSED_BYTES_MAX} bytes.
 * @throws {ProtocolError} `MALFORMED_FRAME` when it is no DEFLATE stream, ends early or holds more.
 */
export function inflatePayload(payload: Uint8Array): Uint8Array {
  const chunks: Uint8Array[] = [];
  let inflatedBytes = 0;
  const inflate = new Inflate((chunk) => {
    chunks.push(chunk);
    inflatedBytes += chunk.length;
  });
  for (let start = 0; start === 0 || start < payload.length; start += INFLATE_SLICE_BYTES) {
    const end = start + INFLATE_SLICE_BYTES;
    try {
      inflate.push(payload.subarray(start, end), end >= payload.length);
    } catch (error) {
      throw malformed(error instanceof Error ? error.message : String(error));
    }
    if (inflatedBytes > DECOMPRESSED_BYTES_MAX) throw malformed(`it holds more than ${DECOMPRESSED_BYTES_MAX} bytes`);
  }
  if (payload.length === 0) throw malformed("it is empty");
  return chunks.length === 1 ? chunks[0] : join(chunks, inflatedBytes);
}

/**
 * Compresses a payload where the contract allows it and it pays.
 *
 * @returns `null` when the payload is to be sent as it is.
 */
export function deflatePayload(payload: Uint8Array): Uint8Array | null {
  if (payload.length <= COMPRESSION_THRESHOLD_BYTES || payload.length > DECOMPRESSED_BYTES_MAX) return null;
  const compressed = deflateSync(payload);
  return compressed.length < payload.length ? compressed : null;
}

function malformed(what: string): ProtocolError {
  return new ProtocolError(DisconnectReason.MALFORMED_FRAME, `Cannot inflate payload: ${what}`);
}

function join(chunks: Uint8Array[], totalBytes: number): Uint8Array {
  const joined = new Uint8Array(totalBytes);
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}
