import { inflateRawSync } from "node:zlib";
import { compressPayload } from "../../server/session/compress.ts";
import { COMPRESSION_THRESHOLD_BYTES } from "../../shared/limits.ts";
import { Prng } from "../gateway/frames.ts";
import { pattern } from "../shared/frames.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("compressPayload() leaves payloads up to the threshold alone", () => {
  for (const byteCount of [0, 1, COMPRESSION_THRESHOLD_BYTES]) {
    const payload = new Uint8Array(byteCount);
    const { bytes, isCompressed } = compressPayload(payload);
    assert(bytes === payload && !isCompressed);
  }
});

Deno.test("compressPayload() gives raw DEFLATE above the threshold", () => {
  for (const byteCount of [COMPRESSION_THRESHOLD_BYTES + 1, 10_000, 100_000]) {
    const { bytes, isCompressed } = compressPayload(pattern(byteCount));
    assert(isCompressed && bytes.length < byteCount);
    assertEquals(new Uint8Array(inflateRawSync(bytes)), pattern(byteCount));
  }
});

Deno.test("compressPayload() leaves alone what would not become smaller", () => {
  const noise = new Prng(7).bytes(5_000);
  const { bytes, isCompressed } = compressPayload(noise);
  assert(bytes === noise && !isCompressed);
});
