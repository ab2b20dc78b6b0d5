import { ProtocolError } from "../../shared/errors.ts";
import { FrameDecoder, readFrameLength } from "../../shared/frame_decoder.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { FRAME_BYTES_MAX } from "../../shared/limits.ts";
import { concatenate } from "../gateway/frames.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { fc } from "../support/property.ts";
import { CollectingSink, frameOf, headerOf, pattern, sameBytes } from "./frames.ts";

/** Pushes a copy that is overwritten afterwards, as a socket's receive buffer is. */
function push(decoder: FrameDecoder, bytes: Uint8Array): void {
  const copy = new Uint8Array(bytes.length + 2);
  copy.set(bytes, 1);
  decoder.push(copy, 1, 1 + bytes.length);
  copy.fill(0xee);
}

function pushInPieces(decoder: FrameDecoder, stream: Uint8Array, nextPieceBytes: () => number): void {
  for (let at = 0; at < stream.length;) {
    const piece = stream.subarray(at, at + Math.max(1, nextPieceBytes()));
    push(decoder, piece);
    at += piece.length;
  }
}

/** 50 bodies of sizes around everything that matters inside: tiny, around 64 and 256 bytes, some thousand. */
const BODIES = Array.from(
  { length: 50 },
  (_, index) => pattern([1, 3, 59, 60, 61, 64, 100, 252, 256, 257, 700, 2_000, 2][index % 13] + index, index),
);
const STREAM = concatenate(...BODIES.map(frameOf));

Deno.test("FrameDecoder.push() yields the same frames for every split in two of a stream of 50 packets", () => {
  for (let cut = 0; cut <= STREAM.length; cut++) {
    const sink = new CollectingSink();
    const decoder = new FrameDecoder(sink);
    push(decoder, STREAM.subarray(0, cut));
    push(decoder, STREAM.subarray(cut));
    assertEquals(sink.bodies.length, BODIES.length, `Cut at ${cut}`);
    assertEquals(decoder.keptBytes, 0);
    // Comparing all of them at every cut would take minutes: those around the cut are the ones at risk.
    let end = 0;
    for (const [index, body] of BODIES.entries()) {
      end += 4 + body.length;
      if (Math.abs(end - cut) > 2 * body.length + 8) continue;
      assert(sameBytes(sink.bodies[index], body), `Frame ${index}, cut at ${cut}`);
    }
  }
});

Deno.test("FrameDecoder.push() yields the same frames byte by byte", () => {
  const sink = new CollectingSink();
  const decoder = new FrameDecoder(sink);
  pushInPieces(decoder, STREAM, () => 1);
  assertEquals(sink.bodies, BODIES);
  assertEquals(decoder.keptBytes, 0);
});

Deno.test("FrameDecoder.push() yields the same frames for random pieces", () => {
  const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 700, size: "max" }), { maxLength: 12 });
  const pieces = fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 20 });
  fc.assert(fc.property(bodies, pieces, (bodies, pieces) => {
    const sink = new CollectingSink();
    const decoder = new FrameDecoder(sink);
    let turn = 0;
    pushInPieces(decoder, concatenate(...bodies.map(frameOf)), () => pieces[turn++ % pieces.length]);
    assertEquals(sink.bodies, bodies);
    assertEquals(decoder.keptBytes, 0);
  }));
});

Deno.test("FrameDecoder.push() takes nothing for nothing", () => {
  const sink = new CollectingSink();
  const decoder = new FrameDecoder(sink);
  decoder.push(new Uint8Array(0), 0, 0);
  push(decoder, headerOf(3));
  decoder.push(new Uint8Array(8), 5, 5);
  push(decoder, pattern(3));
  assertEquals(sink.bodies, [pattern(3)]);
});

Deno.test("FrameDecoder.push() accepts a body of 1 and of FRAME_BYTES_MAX bytes", () => {
  for (const byteCount of [1, FRAME_BYTES_MAX - 1, FRAME_BYTES_MAX]) {
    for (const pieceBytes of [4_096, byteCount + 4, 65_535]) {
      const sink = new CollectingSink();
      pushInPieces(new FrameDecoder(sink), frameOf(pattern(byteCount)), () => pieceBytes);
      assert(sink.bodies.length === 1 && sameBytes(sink.bodies[0], pattern(byteCount)), `${byteCount} bytes`);
    }
  }
});

const BAD_LENGTHS = [0, 65_537, 65_536 * 256, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1];

Deno.test("FrameDecoder.push() refuses a length of 0 and above the limit, and frames before it count", () => {
  for (const length of BAD_LENGTHS) {
    for (const pieceBytes of [1, 2, 3, 5, 1_000]) {
      const sink = new CollectingSink();
      const decoder = new FrameDecoder(sink);
      const stream = concatenate(...[10, 300, 1].map((count) => frameOf(pattern(count))), headerOf(length), pattern(9));
      const error = assertThrows(
        () => pushInPieces(decoder, stream, () => pieceBytes),
        ProtocolError,
        `Cannot accept frame: body is ${length} bytes, allowed are 1 to 65536 bytes`,
      );
      assertEquals(error.reason, DisconnectReason.MALFORMED_FRAME);
      assertEquals(sink.bodies, [pattern(10), pattern(300), pattern(1)]);
    }
  }
});

Deno.test("FrameDecoder.push() says nothing of a bad length before its fourth byte is here", () => {
  const decoder = new FrameDecoder(new CollectingSink());
  push(decoder, headerOf(0).subarray(0, 3));
  assertEquals(decoder.keptBytes, 3);
  assertThrows(() => push(decoder, headerOf(0).subarray(3)), ProtocolError);
});

Deno.test("readFrameLength() reads an unsigned little-endian number at an offset", () => {
  assertEquals(readFrameLength(new Uint8Array([9, 1, 2, 0, 0, 9]), 1), 0x0201);
  for (const length of BAD_LENGTHS) {
    assertThrows(() => readFrameLength(headerOf(length), 0), ProtocolError, `${length}`);
  }
});

const SMALL_BODIES = [1, 5, 60, 2, 300, 1, 70].map((byteCount, index) => pattern(byteCount, index));
const SMALL_STREAM = concatenate(...SMALL_BODIES.map(frameOf));

Deno.test("FrameDecoder.resume() goes on without loss when any frame is refused, for every split", () => {
  for (let refused = 0; refused < SMALL_BODIES.length; refused++) {
    for (let cut = 0; cut <= SMALL_STREAM.length; cut++) {
      for (const resumesBetween of [false, true]) {
        const sink = new CollectingSink((offer) => offer === refused);
        const decoder = new FrameDecoder(sink);
        push(decoder, SMALL_STREAM.subarray(0, cut));
        if (decoder.paused && resumesBetween) assert(decoder.resume());
        push(decoder, SMALL_STREAM.subarray(cut));
        if (decoder.paused) {
          assertEquals(sink.bodies.length, refused);
          assert(decoder.resume());
        }
        assert(!decoder.paused);
        assertEquals(decoder.keptBytes, 0);
        assert(
          sink.bodies.length === SMALL_BODIES.length &&
            sink.bodies.every((body, index) => sameBytes(body, SMALL_BODIES[index])),
          `Frame ${refused} refused, cut at ${cut}`,
        );
      }
    }
  }
});

Deno.test("FrameDecoder.resume() stays paused as long as the sink refuses, and offers the same frame again", () => {
  const sink = new CollectingSink((offer) => offer >= 1 && offer <= 4);
  const decoder = new FrameDecoder(sink);
  push(decoder, SMALL_STREAM);
  for (let attempt = 0; attempt < 3; attempt++) {
    assert(decoder.paused);
    assertEquals(decoder.resume(), false);
  }
  assertEquals(decoder.keptBytes, SMALL_STREAM.length - 5);
  assertEquals(decoder.resume(), true);
  assertEquals(sink.bodies, SMALL_BODIES);
  assertEquals(decoder.resume(), true);
});

Deno.test("FrameDecoder.push() and resume() lose nothing, whatever is refused and in whatever pieces", () => {
  const step = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant("push" as const), byteCount: fc.integer({ min: 1, max: 90 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("resume" as const), byteCount: fc.constant(0) }) },
  );
  const refusals = fc.array(fc.boolean(), { maxLength: 30 });
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), refusals, (steps, refusals) => {
    const sink = new CollectingSink((offer) => refusals[offer] ?? false);
    const decoder = new FrameDecoder(sink);
    let at = 0;
    for (const { kind, byteCount } of steps) {
      if (kind === "resume") {
        if (decoder.paused) assertEquals(decoder.resume(), !decoder.paused);
        continue;
      }
      push(decoder, SMALL_STREAM.subarray(at, at + byteCount));
      at = Math.min(at + byteCount, SMALL_STREAM.length);
      const takenBytes = sink.bodies.reduce((sum, body) => sum + 4 + body.length, 0);
      assertEquals(decoder.keptBytes, at - takenBytes);
    }
    push(decoder, SMALL_STREAM.subarray(at));
    while (decoder.paused) decoder.resume();
    assertEquals(sink.bodies, SMALL_BODIES);
    assertEquals(decoder.keptBytes, 0);
  }));
});

Deno.test("FrameDecoder.resume() refuses a bad length behind the frame that was refused", () => {
  const sink = new CollectingSink((offer) => offer === 0);
  const decoder = new FrameDecoder(sink);
  push(decoder, concatenate(frameOf(pattern(3)), headerOf(0)));
  assertThrows(() => decoder.resume(), ProtocolError);
  assertEquals(sink.bodies, [pattern(3)]);
});

Deno.test("FrameDecoder.keptBytes counts what arrived, never what was announced", () => {
  const decoder = new FrameDecoder(new CollectingSink());
  push(decoder, headerOf(FRAME_BYTES_MAX));
  assertEquals(decoder.keptBytes, 4);
  push(decoder, pattern(10));
  assertEquals(decoder.keptBytes, 14);
});

Deno.test("FrameDecoder.push() reserves no memory for an announced length", () => {
  const decoders: FrameDecoder[] = [];
  const before = Deno.memoryUsage().external;
  for (let count = 0; count < 4_000; count++) {
    const decoder = new FrameDecoder(new CollectingSink());
    push(decoder, concatenate(headerOf(FRAME_BYTES_MAX), pattern(10)));
    decoders.push(decoder);
  }
  // Reserved in full it would be 262 MB.
  assert(Deno.memoryUsage().external - before < 32 * 1_048_576);
  assertEquals(decoders.reduce((sum, { keptBytes }) => sum + keptBytes, 0), 4_000 * 14);
});
