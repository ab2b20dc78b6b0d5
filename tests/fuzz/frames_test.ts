import { assert as hold, ProtocolError } from "../../shared/errors.ts";
import { FrameDecoder, type FrameSink } from "../../shared/frame_decoder.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { PacketView, writeFrame } from "../../shared/packet_codec.ts";
import { contract } from "../../games/marsh/contract.ts";
import { assert } from "../support/assert.ts";
import { CheapChance, fuzzSeed } from "./chance.ts";

/** Decodes the packet of each frame; refuses one now and then, as a full ring does. */
class DecodingSink implements FrameSink {
  readonly view = new PacketView();
  packetCount = 0;
  refusalCount = 0;
  readonly #chance: CheapChance;

  constructor(chance: CheapChance) {
    this.#chance = chance;
  }

  onFrame(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#chance.below(64) === 0) {
      this.refusalCount++;
      return false;
    }
    const { view } = this;
    view.decode(bytes, start, end);
    hold(view.payloadStart >= start && view.payloadEnd >= view.payloadStart && view.payloadEnd <= end, "Out of bounds");
    hold(view.sequence >= 0 && view.ack >= 0 && view.timestamp >= 0 && view.size >= 0, "A number is negative");
    this.packetCount++;
    return true;
  }
}

const FRAME_COUNT = 200_000;

Deno.test(`FrameDecoder.push() and PacketView.decode() throw nothing but ProtocolError on ${FRAME_COUNT} fuzzed frames`, () => {
  const seed = fuzzSeed();
  console.log(`FUZZ_SEED=${seed}`);
  const chance = new CheapChance(seed);
  const sink = new DecodingSink(chance);
  const stream = new Uint8Array(512);
  const payload = new Uint8Array(128).map(() => chance.below(256));
  const reasons = new Map<DisconnectReason, number>();
  const stackTraceLimit = Error.stackTraceLimit;
  // A stack for each of some hundred thousand errors would be most of the work.
  Error.stackTraceLimit = 0;
  try {
    let decoder = new FrameDecoder(sink);
    for (let count = 0; count < FRAME_COUNT; count++) {
      const end = writeFuzzedFrame(chance, stream, payload);
      const cut = chance.below(4) === 0 ? chance.below(end + 1) : end;
      try {
        decoder.push(stream, 0, cut);
        decoder.push(stream, cut, end);
        while (decoder.paused) decoder.resume();
        // What a frame announced and did not bring: the next ones would only fill it.
        if (decoder.keptBytes > 0 && chance.below(4) > 0) decoder = new FrameDecoder(sink);
      } catch (error) {
        if (!(error instanceof ProtocolError)) {
          const bytes = stream.subarray(0, end).toHex();
          throw new Error(`FUZZ_SEED=${seed}, frame ${count}, cut at ${cut}: ${bytes}`, { cause: error });
        }
        reasons.set(error.reason, (reasons.get(error.reason) ?? 0) + 1);
        decoder = new FrameDecoder(sink);
      }
      hold(decoder.keptBytes <= 4 + 65_536, "More than a frame is kept");
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  // A fuzzer that never gets anywhere finds nothing.
  const told = `FUZZ_SEED=${seed}: ${sink.packetCount} packets, ${sink.refusalCount} refusals, ${[...reasons]}`;
  assert(sink.packetCount > FRAME_COUNT / 4 && sink.refusalCount > FRAME_COUNT / 1_000, told);
  assert((reasons.get(DisconnectReason.MALFORMED_FRAME) ?? 0) > FRAME_COUNT / 4_000, told);
  assert((reasons.get(DisconnectReason.MALFORMED_PACKET) ?? 0) > FRAME_COUNT / 100, told);
  assert(reasons.size === 2, told);
});

/** Writes a frame, right or wrong, most of them right: an error costs as much as fifty packets. Gives its end. */
function writeFuzzedFrame(chance: CheapChance, stream: Uint8Array, payload: Uint8Array): number {
  const kind = chance.below(32);
  if (kind === 0) return writeRandomBody(chance, stream);
  const { type } = contract.packets.rows[chance.below(contract.packets.rows.length)];
  const sequence = chance.below(3) === 0 ? chance.below(65_536) * 2 ** chance.below(37) : 0;
  const ack = chance.below(3) === 0 ? chance.below(65_536) : 0;
  const payloadEnd = chance.below(payload.length);
  let end = writeFrame(
    stream,
    0,
    type,
    sequence,
    1_700_000_000_000,
    chance.below(8) === 0,
    ack,
    payload,
    0,
    payloadEnd,
  );
  // Mutations: flipped bits, other bytes, a piece moved, a tail cut off with its length made to fit.
  if (kind === 1) {
    end -= chance.below(end - 5);
    setLength(stream, end - 4);
  } else if (kind === 2) {
    const from = 4 + chance.below(end - 4);
    stream.copyWithin(4 + chance.below(end - 4), from, Math.min(end, from + 9));
  } else if (kind >= 26) {
    for (let count = chance.below(3); count >= 0; count--) {
      // The envelope is where it hurts: most hits go there, few to the length.
      const at = chance.below(32) === 0 ? chance.below(4) : 4 + chance.below(Math.min(28, end - 4));
      if (chance.below(2) === 0) stream[at] ^= 1 << chance.below(8);
      else stream[at] = chance.below(256);
    }
  }
  return end;
}

function writeRandomBody(chance: CheapChance, stream: Uint8Array): number {
  const end = 5 + chance.below(40);
  for (let at = 4; at < end; at++) stream[at] = chance.below(256);
  setLength(stream, end - 4);
  return end;
}

function setLength(stream: Uint8Array, length: number): void {
  stream[0] = length;
  stream[1] = length >>> 8;
  stream[2] = stream[3] = 0;
}
