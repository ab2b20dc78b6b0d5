import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { compressedBytesMax, inflatePayload } from "../../server/io/inflate.ts";
import { ProtocolError } from "../../shared/errors.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { DECOMPRESSED_BYTES_MAX, FRAME_BYTES_MAX } from "../../shared/limits.ts";
import { contract } from "../../games/marsh/contract.ts";
import { pattern } from "../shared/frames.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { fc } from "../support/property.ts";
import { emptyBlocks } from "../support/empty_blocks.ts";

const BYTES_MAX = 4_096;

function deflate(bytes: Uint8Array, level = 6): Uint8Array {
  return new Uint8Array(deflateRawSync(bytes, { level }));
}

Deno.test("inflatePayload() gives back what was deflated", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
    const inflated = inflatePayload(deflate(bytes), 2_000);
    assert(typeof inflated !== "string");
    assertEquals(new Uint8Array(inflated), new Uint8Array(bytes));
  }));
});

Deno.test("inflatePayload() takes what a type may have however badly it was compressed, and no byte more", () => {
  const bounds = new Set(contract.packets.rows.map((row) => row.payloadBytesMax).filter((bytesMax) => bytesMax > 0));
  for (const bytesMax of bounds) {
    for (const level of [0, 1, 9]) {
      for (const bytes of [new Uint8Array(bytesMax), crypto.getRandomValues(new Uint8Array(bytesMax))]) {
        const inflated = inflatePayload(deflate(bytes, level), bytesMax);
        assertEquals(typeof inflated === "string" ? inflated : inflated.length, bytesMax);
        assertEquals(inflatePayload(deflate(bytes, level), bytesMax - 1), "too_large");
      }
    }
  }
});

Deno.test("inflatePayload() throws at what becomes larger than DECOMPRESSED_BYTES_MAX, whatever the type may have", () => {
  for (const byteCount of [DECOMPRESSED_BYTES_MAX + 1, 4 * DECOMPRESSED_BYTES_MAX, 50_000_000]) {
    const bomb = deflate(new Uint8Array(byteCount));
    for (const bytesMax of [256, BYTES_MAX]) {
      const error = assertThrows(() => inflatePayload(bomb, bytesMax), ProtocolError, "more than 262144 bytes");
      assertEquals(error.reason, DisconnectReason.MALFORMED_FRAME);
    }
  }
  assertEquals(inflatePayload(deflate(new Uint8Array(DECOMPRESSED_BYTES_MAX)), BYTES_MAX), "too_large");
});

Deno.test("inflatePayload() does not read what is longer than its bound needs, however little it holds", () => {
  const bytesMax = compressedBytesMax(256);
  assert(bytesMax < 400, `${bytesMax} bytes`);
  for (const byteCount of [bytesMax + 1, FRAME_BYTES_MAX - 64]) {
    const blocks = emptyBlocks(byteCount);
    assertEquals(inflatePayload(blocks, 256), "too_large");
    const inflated = inflatePayload(blocks, byteCount);
    assertEquals(typeof inflated === "string" ? inflated : inflated.length, 0);
  }
});

Deno.test("inflatePayload() gives `malformed` for what is no raw DEFLATE, cut, or followed by something", () => {
  const inflate = (bytes: Uint8Array) => inflatePayload(bytes, BYTES_MAX);
  const text = pattern(500);
  for (const bytes of [new Uint8Array(0), new Uint8Array([0x07]), deflateSync(text), gzipSync(text)]) {
    assertEquals(inflate(new Uint8Array(bytes)), "malformed");
  }
  const whole = deflate(text);
  for (let length = 0; length < whole.length; length++) assertEquals(inflate(whole.subarray(0, length)), "malformed");
  for (const tail of [[0], [3, 0], [...whole]]) {
    assertEquals(inflate(new Uint8Array([...whole, ...tail])), "malformed");
  }
});

Deno.test("inflatePayload() throws nothing but ProtocolError on any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ maxLength: 20 }), (bytes, noise) => {
      const bent = deflate(bytes);
      for (const [index, byte] of noise.entries()) bent[(index * 7) % bent.length] ^= byte;
      for (const input of [bytes, bent]) {
        const inflated = inflatePayload(input, 1_024);
        assert(typeof inflated === "string" || inflated.length <= 1_024);
      }
    }),
    { numRuns: 500 },
  );
});
