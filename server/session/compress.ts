/**
 * Compression of what logic sends.
 *
 * @module
 */

import { deflateRawSync } from "node:zlib";
import { COMPRESSION_THRESHOLD_BYTES } from "../../shared/limits.ts";

/**
 * Compresses a payload above {@linkcode COMPRESSION_THRESHOLD_BYTES} with raw DEFLATE (RFC 1951), where that makes it
 * smaller.
 */
export function compressPayload(payload: Uint8Array): { bytes: Uint8Array; isCompressed: boolean } {
  if (payload.length <= COMPRESSION_THRESHOLD_BYTES) return { bytes: payload, isCompressed: false };
  const deflated = deflateRawSync(payload, { level: 1 });
  if (deflated.length >= payload.length) return { bytes: payload, isCompressed: false };
  return { bytes: new Uint8Array(deflated), isCompressed: true };
}
