import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { inflatePayload } from "../../server/io/inflate.ts";
import { ProtocolError } from "../../shared/errors.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { DECOMPRESSED_BYTES_MAX } from "../../shared/limits.ts";
import { pattern } from "../shared/frames.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { fc } from "../support/property.ts";

function deflate(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(deflateRawSync(bytes));
}

Deno.test("inflatePayload() gives back what was deflated", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
    const inflated = inflatePayload(deflate(bytes));
    assert(inflated !== null);
    assertEquals(new Uint8Array(inflated), new Uint8Array(bytes));
  }));
});

Deno.test("inflatePayload() takes DECOMPRESSED_BYTES_MAX bytes and throws at one more", () => {
  assertEquals(inflatePayload(deflate(new Uint8Array(DECOMPRESSED_BYTES_MAX)))?.length, DECOMPRESSED_BYTES_MAX);
  for (const byteCount of [DECOMPRESSED_BYTES_MAX + 1, 4 * DECOMPRESSED_BYTES_MAX, 50_000_000]) {
    const bomb = deflate(new Uint8Array(byteCount));
    const error = assertThrows(() => inflatePayload(bomb), ProtocolError, "inflates to more than 262144 bytes");
    assertEquals(error.reason, DisconnectReason.MALFORMED_FRAME);
  }
});

Deno.test("inflatePayload() gives null for what is no raw DEFLATE, cut, or followed by something", () => {
  const text = pattern(500);
  for (const bytes of [new Uint8Array(0), new Uint8Array([0x07]), deflateSync(text), gzipSync(text)]) {
    assertEquals(inflatePayload(new Uint8Array(bytes)), null);
  }
  const whole = deflate(text);
  for (let length = 0; length < whole.length; length++) assertEquals(inflatePayload(whole.subarray(0, length)), null);
  for (const tail of [[0], [3, 0], [...whole]]) assertEquals(inflatePayload(new Uint8Array([...whole, ...tail])), null);
});

Deno.test("inflatePayload() throws nothing but ProtocolError on any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ maxLength: 20 }), (bytes, noise) => {
      const bent = deflate(bytes);
      for (const [index, byte] of noise.entries()) bent[(index * 7) % bent.length] ^= byte;
      for (const input of [bytes, bent]) {
        const inflated = inflatePayload(input);
        assert(inflated === null || inflated.length <= DECOMPRESSED_BYTES_MAX);
      }
    }),
    { numRuns: 500 },
  );
});
