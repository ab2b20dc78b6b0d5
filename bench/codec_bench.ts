/**
 * What a packet costs on its way in and out: framing, envelope and movement, against the generated codec and a decoder
 * that gathers first.
 *
 * Run: `deno bench --no-prompt bench/codec_bench.ts`. Each measurement is of 50 packets with 100 bytes of payload.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { MovementReader } from "../server/session/movement_reader.ts";
import { assert } from "../shared/errors.ts";
import { FrameDecoder } from "../shared/frame_decoder.ts";
import { MovementUpdateSchema } from "../shared/gen/world_pb.ts";
import { PacketType } from "../games/marsh/contract.ts";
import { PacketSchema } from "../shared/gen/packet_pb.ts";
import { ENVELOPE_BYTES_MAX } from "../shared/limits.ts";
import { PacketView, writeFrame } from "../shared/packet_codec.ts";

const PACKET_COUNT = 50;
const NOW_MS = 1_700_000_000_000;
const PAYLOAD = new Uint8Array(100).map((_, index) => index * 7);
const TARGET = new Uint8Array(PACKET_COUNT * (PAYLOAD.length + ENVELOPE_BYTES_MAX));

/** Writes the packets as the send queue does; gives the end of the stream in {@linkcode TARGET}. */
export function writeOurs(): number {
  let end = 0;
  for (let sequence = 1; sequence <= PACKET_COUNT; sequence++) {
    end = writeFrame(
      TARGET,
      end,
      PacketType.CHAT_MESSAGE,
      sequence,
      NOW_MS,
      false,
      sequence,
      PAYLOAD,
      0,
      PAYLOAD.length,
    );
  }
  return end;
}

/** The same by the generated codec. */
export function writeGenerated(): number {
  let end = 0;
  for (let sequence = 1; sequence <= PACKET_COUNT; sequence++) {
    const body = toBinary(
      PacketSchema,
      create(PacketSchema, {
        header: {
          type: PacketType.CHAT_MESSAGE,
          size: PAYLOAD.length,
          sequence: BigInt(sequence),
          timestamp: BigInt(NOW_MS),
          ack: BigInt(sequence),
        },
        payload: PAYLOAD,
      }),
    );
    TARGET[end] = body.length;
    TARGET[end + 1] = body.length >>> 8;
    TARGET[end + 2] = TARGET[end + 3] = 0;
    TARGET.set(body, end + 4);
    end += 4 + body.length;
  }
  return end;
}

const STREAM = TARGET.slice(0, writeGenerated());
assert(STREAM.length === writeOurs() && STREAM.every((byte, at) => byte === TARGET[at]), "Both write the same bytes");
/** Where the bodies lie in {@linkcode STREAM}. */
const BODIES: (readonly [number, number])[] = [];
for (let at = 0; at < STREAM.length;) {
  const end = at + 4 + (STREAM[at] | STREAM[at + 1] << 8);
  BODIES.push([at + 4, end]);
  at = end;
}

const VIEW = new PacketView();

/** Reads every envelope into one view; gives the sum of what was read. */
export function readOurs(): number {
  let sum = 0;
  for (const [start, end] of BODIES) {
    VIEW.decode(STREAM, start, end);
    sum += VIEW.type + VIEW.sequence + VIEW.timestamp + VIEW.ack + VIEW.payloadEnd - VIEW.payloadStart;
  }
  return sum;
}

/** The same by the generated codec. */
export function readGenerated(): number {
  let sum = 0;
  for (const [start, end] of BODIES) {
    const { header, payload } = fromBinary(PacketSchema, STREAM.subarray(start, end));
    sum += header!.type + Number(header!.sequence) + Number(header!.timestamp) + Number(header!.ack) + payload.length;
  }
  return sum;
}

/** A decoder as one would write it first: everything is gathered, whole frames are cut off. */
class GatheringDecoder {
  #gathered: Uint8Array = new Uint8Array(0);

  constructor(readonly onFrame: (body: Uint8Array) => void) {}

  push(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#gathered.length + bytes.length);
    all.set(this.#gathered);
    all.set(bytes, this.#gathered.length);
    const view = new DataView(all.buffer);
    let at = 0;
    while (all.length - at >= 4 && all.length - at - 4 >= view.getUint32(at, true)) {
      const end = at + 4 + view.getUint32(at, true);
      this.onFrame(all.slice(at + 4, end));
      at = end;
    }
    this.#gathered = all.slice(at);
  }
}

/** Cuts the stream, which arrives in pieces, into frames; gives the bytes of their bodies. */
export function cutOurs(pieceBytes: number): number {
  let bodyBytes = 0;
  const decoder = new FrameDecoder({
    onFrame: (_bytes, start, end) => {
      bodyBytes += end - start;
      return true;
    },
  });
  for (let at = 0; at < STREAM.length; at += pieceBytes) {
    decoder.push(STREAM, at, Math.min(at + pieceBytes, STREAM.length));
  }
  return bodyBytes;
}

/** The same by a decoder that gathers. */
export function cutGathering(pieceBytes: number): number {
  let bodyBytes = 0;
  const decoder = new GatheringDecoder((body) => bodyBytes += body.length);
  for (let at = 0; at < STREAM.length; at += pieceBytes) decoder.push(STREAM.subarray(at, at + pieceBytes));
  return bodyBytes;
}

const MOVEMENT = toBinary(
  MovementUpdateSchema,
  create(MovementUpdateSchema, {
    position: { x: 12.5, y: 0, z: 991.25 },
    velocity: { x: 3, z: -4 },
    rotation: { y: 1.5 },
    timestamp: BigInt(NOW_MS),
    sequenceNumber: 4_711,
  }),
);
const MOVEMENT_READER = new MovementReader();

/** Reads a movement straight from its bytes. */
export function moveOurs(): number {
  let sum = 0;
  for (let count = 0; count < PACKET_COUNT; count++) {
    assert(MOVEMENT_READER.tryRead(MOVEMENT, 0, MOVEMENT.length), "The movement is in the usual form");
    const { x, z, vx, vz, yaw, sequenceNumber } = MOVEMENT_READER;
    sum += x + z + vx + vz + yaw + sequenceNumber;
  }
  return sum;
}

/** The same by the generated codec. */
export function moveGenerated(): number {
  let sum = 0;
  for (let count = 0; count < PACKET_COUNT; count++) {
    const { position, velocity, rotation, sequenceNumber } = fromBinary(MovementUpdateSchema, MOVEMENT);
    sum += position!.x + position!.z + velocity!.x + velocity!.z + rotation!.y + sequenceNumber;
  }
  return sum;
}

/** A piece as an Ethernet packet brings it. */
const PIECE_BYTES = 1_448;
assert(readOurs() === readGenerated(), "Both read the same");
assert(moveOurs() === moveGenerated(), "Both read the same movement");
for (const pieceBytes of [STREAM.length, PIECE_BYTES, 1]) {
  assert(cutOurs(pieceBytes) === cutGathering(pieceBytes), "Both cut the same frames");
}

/** What is measured; a test calls each once. */
export const BENCHES: readonly Deno.BenchDefinition[] = [
  { group: "write envelopes", name: "generated codec", baseline: true, fn: () => void writeGenerated() },
  { group: "write envelopes", name: "writeFrame()", fn: () => void writeOurs() },
  { group: "read envelopes", name: "generated codec", baseline: true, fn: () => void readGenerated() },
  { group: "read envelopes", name: "PacketView.decode()", fn: () => void readOurs() },
  { group: "frames in one piece", name: "gather and cut", baseline: true, fn: () => void cutGathering(STREAM.length) },
  { group: "frames in one piece", name: "FrameDecoder", fn: () => void cutOurs(STREAM.length) },
  { group: "frames in pieces", name: "gather and cut", baseline: true, fn: () => void cutGathering(PIECE_BYTES) },
  { group: "frames in pieces", name: "FrameDecoder", fn: () => void cutOurs(PIECE_BYTES) },
  { group: "read movements", name: "generated codec", baseline: true, fn: () => void moveGenerated() },
  { group: "read movements", name: "MovementReader", fn: () => void moveOurs() },
];

for (const bench of BENCHES) Deno.bench(bench);
