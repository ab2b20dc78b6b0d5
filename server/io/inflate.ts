/**
 * Bounded decompression of payloads.
 *
 * @module
 */

import { type InflateRaw, inflateRawSync } from "node:zlib";
import { ProtocolError } from "../../shared/errors.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { DECOMPRESSED_BYTES_MAX } from "../../shared/limits.ts";

const OPTIONS = { info: true, maxOutputLength: DECOMPRESSED_BYTES_MAX };

/** What `info` has the library give, which its types do not know of. */
interface Inflated {
  readonly buffer: Uint8Array;
  /** `bytesWritten`: how much of the input it took. */
  readonly engine: Pick<InflateRaw, "bytesWritten">;
}

/**
 * Inflates raw DEFLATE (RFC 1951) and stops at {@linkcode DECOMPRESSED_BYTES_MAX}.
 *
 * @returns The payload, or `null` when it is not valid DEFLATE, or something follows it.
 * @throws {ProtocolError} `MALFORMED_FRAME` when it would become larger than the limit.
 */
export function inflatePayload(bytes: Uint8Array): Uint8Array | null {
  try {
    const { buffer, engine } = inflateRawSync(bytes, OPTIONS) as unknown as Inflated;
    return engine.bytesWritten === bytes.length ? buffer : null;
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
