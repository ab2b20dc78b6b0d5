import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { deflatePayload, inflatePayload } from "../../client/inflate.ts";
import { ProtocolError } from "../../shared/errors.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import {
  COMPRESSION_THRESHOLD_BYTES,
  DECOMPRESSED_BYTES_MAX,
  FRAME_BYTES_MAX,
  INFLATE_SLICE_BYTES,
} from "../../shared/limits.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { fc } from "../support/property.ts";
import { assertSameBytes, noise } from "./support/noise.ts";

function deflate(bytes: Uint8Array, options = {}): Uint8Array {
  return new Uint8Array(deflateRawSync(bytes, options));
}

Deno.test("inflatePayload() gives back what another implementation deflated", () => {
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 5_000, size: "max" }),
    fc.integer({ min: 0, max: 20 }),
    fc.integer({ min: 0, max: 9 }),
    fc.constantFrom(0, 1, 2, 3, 4),
    (part, repeats, level, strategy) => {
      const bytes = new Uint8Array(part.length * (repeats + 1)).map((_, i) => part[i % part.length]);
      assertSameBytes(inflatePayload(deflate(bytes, { level, strategy })), bytes);
    },
  ));
});

Deno.test("inflatePayload() takes the bound and not one byte more", () => {
  assertEquals(inflatePayload(deflate(new Uint8Array(DECOMPRESSED_BYTES_MAX))).length, DECOMPRESSED_BYTES_MAX);
  const error = assertThrows(
    () => inflatePayload(deflate(new Uint8Array(DECOMPRESSED_BYTES_MAX + 1))),
    ProtocolError,
    "more than 262144 bytes",
  );
  assertEquals(error.reason, DisconnectReason.MALFORMED_FRAME);
});

Deno.test("inflatePayload() stops inflating within the slice that exceeds its bound", () => {
  // Nearly as much as one frame can carry: an innocent beginning, then millions of zeros.
  const raw = new Uint8Array(56_000_000);
  raw.set(noise(8_000));
  const bomb = deflate(raw);
  assert(bomb.length > 60_000 && bomb.length <= FRAME_BYTES_MAX);
  let slicesNeeded = 0;
  for (let inflatedBytes = 0; inflatedBytes <= DECOMPRESSED_BYTES_MAX;) {
    const prefix = bomb.subarray(0, ++slicesNeeded * INFLATE_SLICE_BYTES);
    inflatedBytes = inflateRawSync(prefix, { finishFlush: constants.Z_SYNC_FLUSH }).length;
  }
  let sliceCount = 0;
  const subarray = bomb.subarray.bind(bomb);
  bomb.subarray = (start, end) => {
    sliceCount++;
    return subarray(start, end);
  };
  assertThrows(() => inflatePayload(bomb), ProtocolError, "more than");
  assertEquals(sliceCount, slicesNeeded);
});

Deno.test("inflatePayload() refuses what ends early or is no DEFLATE stream", () => {
  const whole = deflate(noise(2_000));
  for (const length of [0, 1, 5, 511, 512, 513, whole.length - 1]) {
    assertThrows(() => inflatePayload(whole.subarray(0, length)), ProtocolError, "Cannot inflate payload");
  }
  assertThrows(() => inflatePayload(Uint8Array.of(7)), ProtocolError, "invalid block type");
});

Deno.test("inflatePayload() gives bytes or a ProtocolError for whatever a peer sends", () => {
  const mutated = fc.tuple(fc.uint8Array({ maxLength: 2_000, size: "max" }), fc.nat(), fc.nat(255)).map(
    ([bytes, at, value]) => {
      const deflated = deflate(bytes);
      deflated[at % deflated.length] = value;
      return deflated;
    },
  );
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 2_000, size: "max" }), mutated), (bytes) => {
      let inflated: Uint8Array;
      try {
        inflated = inflatePayload(bytes);
      } catch (error) {
        return assert(error instanceof ProtocolError, String(error));
      }
      assert(inflated.length <= DECOMPRESSED_BYTES_MAX);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("deflatePayload() gives what another implementation inflates, or nothing where it does not pay", () => {
  const text = new Uint8Array(COMPRESSION_THRESHOLD_BYTES + 1).fill(65);
  assertEquals(deflatePayload(text.subarray(1)), null, "at the threshold");
  const deflated = deflatePayload(text)!;
  assert(deflated.length < text.length);
  assertSameBytes(new Uint8Array(inflateRawSync(deflated)), text);
  assertEquals(deflatePayload(noise(4_000)), null);
});
