/**
 * What WebSocket framing costs: decoding a client's messages, unmasking, and sending packets in messages.
 *
 * Run: `deno bench --no-prompt bench/websocket_bench.ts`. Messages carry 100 bytes, 200 of them in each measurement.
 *
 * @module
 */

import {
  frameHeaderBytes,
  Opcode,
  unmask,
  WebSocketDecoder,
  type WebSocketSink,
  writeFrameHeader,
} from "../gateway/websocket.ts";
import type { Socket } from "../server/io/backend.ts";
import { BufferPool } from "../server/io/buffer_pool.ts";
import { SendQueue } from "../server/io/send_queue.ts";
import { assert } from "../shared/errors.ts";
import { PacketType } from "../games/marsh/contract.ts";
import { ENVELOPE_BYTES_MAX } from "../shared/limits.ts";
import { writeFrame } from "../shared/packet_codec.ts";

const MESSAGE_COUNT = 200;
const PAYLOAD = new Uint8Array(100).map((_, index) => index * 7);
const MASK = [0x37, 0xfa, 0x21, 0x3d];
const NOW_MS = 1_700_000_000_000;

function clientStream(): Uint8Array {
  const header = [0x80 | Opcode.BINARY, 0x80 | PAYLOAD.length, ...MASK];
  const frame = new Uint8Array([...header, ...PAYLOAD.map((byte, index) => byte ^ MASK[index & 3])]);
  const stream = new Uint8Array(frame.length * MESSAGE_COUNT);
  for (let count = 0; count < MESSAGE_COUNT; count++) stream.set(frame, count * frame.length);
  return stream;
}

const STREAM = clientStream();
/** Decoding overwrites, so each run works on a copy. */
const RECEIVED = new Uint8Array(STREAM.length);

class SummingSink implements WebSocketSink {
  sum = 0;
  messageCount = 0;
  onMessageStart(): void {}
  onData(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; at++) this.sum += bytes[at];
  }
  onMessageEnd(): void {
    this.messageCount++;
  }
  onPing(): void {}
  onPong(): void {}
  onClose(): void {}
}

/** Decodes the messages of a client; gives the sum of all bytes. */
export function decodeOurs(): number {
  RECEIVED.set(STREAM);
  const sink = new SummingSink();
  new WebSocketDecoder(sink, { messageBytesMax: 65_540, text: "refuse" }).push(RECEIVED, 0, RECEIVED.length);
  assert(sink.messageCount === MESSAGE_COUNT, "Every message is decoded");
  return sink.sum;
}

/** The same as one would write it first: each message is copied out and unmasked byte by byte. */
export function decodeCopying(): number {
  RECEIVED.set(STREAM);
  let sum = 0;
  for (let at = 0; at < RECEIVED.length;) {
    const length = RECEIVED[at + 1] & 0x7f;
    const mask = RECEIVED.slice(at + 2, at + 6);
    const message = RECEIVED.slice(at + 6, at + 6 + length).map((byte, index) => byte ^ mask[index % 4]);
    for (const byte of message) sum += byte;
    at += 6 + length;
  }
  return sum;
}

const LARGE = new Uint8Array(65_536).map((_, index) => index * 31);
const MASK_NUMBER = 0x3d21fa37;

/** Unmasks 64 KiB by words. */
export function unmaskOurs(): number {
  unmask(LARGE, 0, LARGE.length, MASK_NUMBER);
  return LARGE[1] + LARGE[LARGE.length - 2];
}

/** The same byte by byte. */
export function unmaskBytes(): number {
  for (let at = 0; at < LARGE.length; at++) LARGE[at] ^= MASK[at & 3];
  return LARGE[1] + LARGE[LARGE.length - 2];
}

/** A kernel that takes everything, and counts. */
class CountingSocket implements Socket {
  readonly remoteAddress = "";
  readonly localAddress = "";
  byteCount = 0;
  writeCount = 0;
  write(_bytes: Uint8Array, start: number, end: number): boolean {
    this.byteCount += end - start;
    this.writeCount++;
    return true;
  }
  pauseReading(): void {}
  resumeReading(): void {}
  endWriting(): void {}
  close(): void {}
  abort(): void {}
}

const QUEUE = new SendQueue(new BufferPool());
QUEUE.startWebSocket();

/** Sends the packets of a round as one message; gives the writes it took. */
export function sendQueued(): CountingSocket {
  const socket = new CountingSocket();
  for (let sequence = 1; sequence <= MESSAGE_COUNT; sequence++) {
    QUEUE.appendPacket(PacketType.CHAT_MESSAGE, sequence, NOW_MS, false, 0, PAYLOAD, 0, PAYLOAD.length);
  }
  QUEUE.flush(socket);
  return socket;
}

/** The same with a message and a write for each packet. */
export function sendEach(): CountingSocket {
  const socket = new CountingSocket();
  for (let sequence = 1; sequence <= MESSAGE_COUNT; sequence++) {
    const packet = new Uint8Array(PAYLOAD.length + ENVELOPE_BYTES_MAX);
    const type = PacketType.CHAT_MESSAGE;
    const packetBytes = writeFrame(packet, 0, type, sequence, NOW_MS, false, 0, PAYLOAD, 0, PAYLOAD.length);
    const headerBytes = frameHeaderBytes(packetBytes);
    const frame = new Uint8Array(headerBytes + packetBytes);
    writeFrameHeader(frame, 0, Opcode.BINARY, packetBytes);
    frame.set(packet.subarray(0, packetBytes), headerBytes);
    socket.write(frame, 0, frame.length);
  }
  return socket;
}

assert(decodeOurs() === decodeCopying(), "Both decode the same");
{
  const before = LARGE.slice();
  unmaskOurs();
  assert(LARGE.some((byte, at) => byte !== before[at]), "Unmasking changes something");
  unmaskBytes();
  assert(LARGE.every((byte, at) => byte === before[at]), "Both unmask alike: one after the other is nothing");
  const [queued, each] = [sendQueued(), sendEach()];
  assert(queued.writeCount === 1 && each.writeCount === MESSAGE_COUNT, "A round is one write");
  assert(queued.byteCount < each.byteCount && queued.byteCount > MESSAGE_COUNT * PAYLOAD.length, "All is sent");
}

/** What is measured; a test calls each once. */
export const BENCHES: readonly Deno.BenchDefinition[] = [
  { group: "decode messages", name: "copy and unmask by bytes", baseline: true, fn: () => void decodeCopying() },
  { group: "decode messages", name: "WebSocketDecoder", fn: () => void decodeOurs() },
  { group: "unmask 64 KiB", name: "by bytes", baseline: true, fn: () => void unmaskBytes() },
  { group: "unmask 64 KiB", name: "unmask()", fn: () => void unmaskOurs() },
  { group: "send packets", name: "a message each", baseline: true, fn: () => void sendEach() },
  { group: "send packets", name: "SendQueue, a message a round", fn: () => void sendQueued() },
];

for (const bench of BENCHES) Deno.bench(bench);
