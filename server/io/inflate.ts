/**
 * Bounded decompression of payloads.
 *
 * @module
 */

import { inflateRawSync } from "node:zlib";
import { ProtocolError } from "../../shared/errors.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { DECOMPRESSED_BYTES_MAX } from "../../shared/limits.ts";

/**
 * Inflates raw DEFLATE (RFC 1951) and stops at {@linkcode DECOMPRESSED_BYTES_MAX}.
 *
 * @returns The payload, or `null` when it is not valid DEFLATE.
 * @throws {ProtocolError} `MALFORMED_FRAME` when it would become larger than the limit.
 */
export function inflatePayload(bytes: Uint8Array): Uint8Array | null {
  try {
    return inflateRawSync(bytes, { maxOutputLength: DECOMPRESSED_BYTES_MAX });
  } catch (error) {
    if (error instanceof RangeError || (error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE") {
      throw new ProtocolError(
        DisconnectReason.MALFORMED_FRAME,
        `Cannot accept payload: it inflates to more than ${DECOMPRESSED_BYTES_MAX} bytes`,
      );
    }
    return null;
  }
}
