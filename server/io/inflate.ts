/**
 * Bounded decompression of payloads.
 *
 * @module
 */

import { constants, type InflateRaw, inflateRawSync } from "node:zlib";
import { ProtocolError } from "../../shared/errors.ts";
import { DisconnectReason } from "../../shared/gen/enums.ts";
import { DECOMPRESSED_BYTES_MAX } from "../../shared/limits.ts";

/** What `info` has the library give, which its types do not know of. */
interface Inflated {
  readonly buffer: Uint8Array;
  /** `bytesWritten`: how much of the input it took. */
  readonly engine: Pick<InflateRaw, "bytesWritten">;
}

/** What a sender may add that is no content: heads of blocks, an empty block or some to flush, in bytes. */
const BLOCKS_BYTES = 64;

/**
 * The most bytes that a payload of `payloadBytesMax` bytes can take compressed, with some to spare: fixed Huffman codes
 * make 9 bits of a byte at worst, stored blocks less.
 */
export function compressedBytesMax(payloadBytesMax: number): number {
  return Math.ceil(payloadBytesMax * 9 / 8) + BLOCKS_BYTES;
}

/**
 * Inflates raw DEFLATE (RFC 1951), and stops at the bound of the packet's type. What is longer than the bound could ever
 * need is not read: blocks without content take time and give nothing.
 *
 * @param payloadBytesMax What the payload may have, in bytes, above 0.
 * @returns The payload; `malformed` when it is not valid DEFLATE, or something follows it; `too_large` when it would be
 * longer than it may be.
 * @throws {ProtocolError} `MALFORMED_FRAME` when it would become larger than {@linkcode DECOMPRESSED_BYTES_MAX}, as far
 * as so many bytes as the bound could need tell.
 */
export function inflatePayload(bytes: Uint8Array, payloadBytesMax: number): Uint8Array | "malformed" | "too_large" {
  const bytesMax = compressedBytesMax(payloadBytesMax);
  if (bytes.length <= bytesMax) {
    try {
      const options = { info: true, maxOutputLength: payloadBytesMax };
      const { buffer, engine } = inflateRawSync(bytes, options) as unknown as Inflated;
      return engine.bytesWritten === bytes.length ? buffer : "malformed";
    } catch (error) {
      if (!isTooLarge(error)) return "malformed";
    }
  }
  refuseBomb(bytes.subarray(0, bytesMax));
  return "too_large";
}

function refuseBomb(beginning: Uint8Array): void {
  try {
    inflateRawSync(beginning, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: DECOMPRESSED_BYTES_MAX });
  } catch (error) {
    if (!isTooLarge(error)) return;
    throw new ProtocolError(
      DisconnectReason.MALFORMED_FRAME,
      `Cannot accept payload: it inflates to more than ${DECOMPRESSED_BYTES_MAX} bytes`,
    );
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof RangeError || (error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE";
}
