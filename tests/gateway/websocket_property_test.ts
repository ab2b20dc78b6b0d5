import { WebSocketDecoder, type WebSocketDecoderOptions, WebSocketError } from "../../gateway/websocket.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";
import { type ClientFrame, clientFrame, clientHeader, concatenate, Prng, RecordingSink, utf8 } from "./frames.ts";
import { type DecodedStream, decodeStream } from "./reference_decoder.ts";

const OPTIONS: WebSocketDecoderOptions = { messageBytesMax: 700, text: "accept" };

/** Decodes a copy of `bytes` in pieces whose lengths `nextPieceBytes` chooses. */
function decodeInPieces(
  bytes: Uint8Array,
  nextPieceBytes: () => number,
  options: WebSocketDecoderOptions = OPTIONS,
): DecodedStream {
  const sink = new RecordingSink();
  const decoder = new WebSocketDecoder(sink, options);
  try {
    for (let at = 0; at < bytes.length;) {
      const piece = bytes.slice(at, at + nextPieceBytes());
      decoder.push(piece, 0, piece.length);
      at += piece.length;
    }
  } catch (error) {
    assert(error instanceof WebSocketError, String(error));
    return { events: sink.events, errorCode: error.code };
  }
  return { events: sink.events };
}

const mask = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
const control = fc.record({
  opcode: fc.constantFrom(9, 10),
  payload: fc.uint8Array({ maxLength: 125 }),
  mask,
});
const message = fc.record({
  opcode: fc.constantFrom(1, 2),
  text: fc.string({ unit: "binary", maxLength: 150 }),
  cuts: fc.array(fc.nat(150), { maxLength: 3 }),
  between: fc.array(control, { maxLength: 1 }),
  mask,
});

/** A whole conversation of a correct client, as its stream. */
const conversation = fc.array(message, { maxLength: 5 }).map((messages) =>
  concatenate(...messages.flatMap(({ opcode, text, cuts, between, mask }) => {
    const payload = utf8(text);
    const borders = [0, ...cuts.map((cut) => Math.min(cut, payload.length)).sort((a, b) => a - b), payload.length];
    return borders.slice(1).flatMap((border, index) => [
      clientFrame({
        opcode: index === 0 ? opcode : 0,
        payload: payload.subarray(borders[index], border),
        isFinal: index === borders.length - 2,
        mask,
      }),
      ...between.map(clientFrame),
    ]);
  }))
);

Deno.test("WebSocketDecoder.push() yields the same events for every split of a correct stream", () => {
  fc.assert(fc.property(conversation, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (stream, pieces) => {
    const expected = decodeStream(stream, OPTIONS);
    assertEquals(expected.errorCode, undefined);
    let turn = 0;
    assertEquals(decodeInPieces(stream, () => pieces[turn++ % pieces.length]), expected);
    assertEquals(decodeInPieces(stream, () => 1), expected);
    assertEquals(decodeInPieces(stream, () => stream.length), expected);
  }));
});

Deno.test("WebSocketDecoder.push() throws nothing but WebSocketError on any bytes, and the same for every split", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 1, max: 30 }), (bytes, pieceBytes) => {
    const expected = decodeStream(bytes, OPTIONS);
    assertEquals(decodeInPieces(bytes, () => bytes.length), expected);
    assertEquals(decodeInPieces(bytes, () => pieceBytes), expected);
  }));
});

/** Frames that mostly follow one another as they should. */
function randomStream(prng: Prng): Uint8Array {
  const frames: Uint8Array[] = [];
  let isMessageOpen = false;
  for (let count = prng.below(14); count > 0; count--) {
    const opcodes = isMessageOpen ? [0, 0, 9, 10] : [1, 2, 2, 9];
    const frame = randomFrame(prng, opcodes[prng.below(4)]);
    frames.push(frame);
    if ((frame[0] & 0x0f) < 8) isMessageOpen = frame[0] < 0x80;
  }
  return concatenate(...frames);
}

function randomFrame(prng: Prng, likelyOpcode: number): Uint8Array {
  const payload = prng.below(4) === 0 ? prng.bytes(prng.below(300)) : utf8("aé€😀".repeat(prng.below(13)));
  const frame: ClientFrame = {
    opcode: prng.below(40) === 0 ? prng.below(16) : likelyOpcode,
    payload: payload.subarray(0, prng.below(payload.length + 1)),
    isFinal: prng.below(3) > 0,
    reserved: prng.below(100) === 0 ? prng.below(8) : 0,
    mask: prng.below(100) === 0 ? null : [...prng.bytes(4)],
    lengthBytes: prng.below(100) === 0 ? 2 : undefined,
  };
  switch (prng.below(40)) {
    case 0:
      return clientFrame({ ...frame, opcode: 8, isFinal: true });
    case 1:
      return clientFrame({
        opcode: 8,
        payload: concatenate(new Uint8Array([prng.below(20), prng.below(256)]), payload),
      });
    case 2:
      return clientHeader({ ...frame, lengthBytes: 8 }, BigInt(prng.below(2 ** 32)) << BigInt(prng.below(33)));
    default:
      return clientFrame(frame.opcode >= 8 ? { ...frame, payload: payload.subarray(0, 100), isFinal: true } : frame);
  }
}

Deno.test("WebSocketDecoder.push() agrees with the reference decoder on fuzzed streams", () => {
  const seed = Number(Deno.env.get("FUZZ_SEED") ?? 6455);
  const prng = new Prng(seed);
  const errorCodes = new Map<number | undefined, number>();
  const eventCounts = new Map<string, number>();
  for (let round = 0; round < 6_000; round++) {
    const stream = randomStream(prng);
    if (stream.length > 0 && prng.below(3) === 0) stream[prng.below(stream.length)] ^= 1 << prng.below(8);
    const options: WebSocketDecoderOptions = { ...OPTIONS, text: prng.below(20) === 0 ? "refuse" : "accept" };
    const expected = decodeStream(stream, options);
    const pieceBytesMax = 1 + prng.below(200);
    const actual = decodeInPieces(stream, () => 1 + prng.below(pieceBytesMax), options);
    assertEquals(actual, expected, `Seed ${seed}, round ${round}: ${stream.toHex()}`);
    errorCodes.set(actual.errorCode, (errorCodes.get(actual.errorCode) ?? 0) + 1);
    for (const { kind } of actual.events) eventCounts.set(kind, (eventCounts.get(kind) ?? 0) + 1);
  }
  // A fuzzer that never gets anywhere finds nothing.
  for (const code of [undefined, 1002, 1003, 1007, 1009]) assert((errorCodes.get(code) ?? 0) > 20, `Code ${code}`);
  for (const kind of ["message", "ping", "pong", "close"]) assert((eventCounts.get(kind) ?? 0) > 50, `Kind ${kind}`);
});
