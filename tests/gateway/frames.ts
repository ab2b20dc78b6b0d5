/**
 * The client's side of RFC 6455 for tests: frames in every shape, also wrong ones, and a reader of what comes back.
 *
 * @module
 */

import type { WebSocketSink } from "../../gateway/websocket.ts";

/** A frame as a client sends it; what is left out is right. */
export interface ClientFrame {
  readonly opcode: number;
  readonly payload?: Uint8Array | string;
  readonly isFinal?: boolean;
  /** The reserved bits, 0 to 7. */
  readonly reserved?: number;
  /** The masking key; `null` leaves the frame unmasked. */
  readonly mask?: readonly number[] | null;
  /** Writes the length in so many bytes after the second one, needed or not. */
  readonly lengthBytes?: 0 | 2 | 8;
}

const MASK = [0x37, 0xfa, 0x21, 0x3d];

/** Encodes text; a short name for tables. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Puts byte strings one after the other. */
export function concatenate(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Encodes one client frame. */
export function clientFrame(frame: ClientFrame): Uint8Array<ArrayBuffer> {
  const payload = typeof frame.payload === "string" ? utf8(frame.payload) : frame.payload ?? new Uint8Array(0);
  const header = clientHeader(frame, payload.length);
  const mask = frame.mask === undefined ? MASK : frame.mask;
  return concatenate(header, mask === null ? payload : payload.map((byte, index) => byte ^ mask[index & 3]));
}

/** Encodes the header alone of a frame that announces `payloadBytes`. */
export function clientHeader(frame: ClientFrame, payloadBytes: number | bigint): Uint8Array<ArrayBuffer> {
  const mask = frame.mask === undefined ? MASK : frame.mask;
  const lengthBytes = frame.lengthBytes ?? (payloadBytes < 126 ? 0 : payloadBytes < 65_536 ? 2 : 8);
  const header = new DataView(new ArrayBuffer(2 + lengthBytes));
  header.setUint8(0, (frame.isFinal === false ? 0 : 0x80) | (frame.reserved ?? 0) << 4 | frame.opcode);
  const short = lengthBytes === 0 ? Number(payloadBytes) : lengthBytes === 2 ? 126 : 127;
  header.setUint8(1, (mask === null ? 0 : 0x80) | short);
  if (lengthBytes === 2) header.setUint16(2, Number(payloadBytes));
  if (lengthBytes === 8) header.setBigUint64(2, BigInt(payloadBytes));
  return concatenate(new Uint8Array(header.buffer), new Uint8Array(mask ?? []));
}

/** Encodes a client's close frame. */
export function clientClose(code: number, reason: Uint8Array | string = ""): Uint8Array<ArrayBuffer> {
  const bytes = typeof reason === "string" ? utf8(reason) : reason;
  return clientFrame({ opcode: 8, payload: concatenate(new Uint8Array([code >> 8, code]), bytes) });
}

/** One thing a decoder told its sink, with message payload put together. */
export type SinkEvent =
  | { readonly kind: "message"; readonly opcode: number; readonly payload: Uint8Array }
  | { readonly kind: "ping" | "pong"; readonly payload: Uint8Array }
  | { readonly kind: "close"; readonly code: number; readonly reason: string };

/** Keeps what it is told. */
export class RecordingSink implements WebSocketSink {
  readonly events: SinkEvent[] = [];
  opcode = 0;
  payload: Uint8Array = new Uint8Array(0);
  onMessageStart(opcode: number): void {
    this.opcode = opcode;
    this.payload = new Uint8Array(0);
  }
  onData(bytes: Uint8Array, start: number, end: number): void {
    this.payload = concatenate(this.payload, bytes.subarray(start, end));
  }
  onMessageEnd(): void {
    this.events.push({ kind: "message", opcode: this.opcode, payload: this.payload });
  }
  onPing(bytes: Uint8Array, start: number, end: number): void {
    this.events.push({ kind: "ping", payload: bytes.slice(start, end) });
  }
  onPong(bytes: Uint8Array, start: number, end: number): void {
    this.events.push({ kind: "pong", payload: bytes.slice(start, end) });
  }
  onClose(code: number, reason: string): void {
    this.events.push({ kind: "close", code, reason });
  }
}

/** A frame as the server sent it. */
export interface ServerFrame {
  readonly opcode: number;
  readonly payload: Uint8Array;
}

/** Reads frames of the server; fails unless each is whole, final, unmasked and minimal. */
export function readServerFrames(bytes: Uint8Array): ServerFrame[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: ServerFrame[] = [];
  for (let at = 0; at < bytes.length;) {
    const first = view.getUint8(at);
    const short = view.getUint8(at + 1);
    if ((first & 0xf0) !== 0x80) throw new Error("A server frame is not final or has reserved bits");
    if (short > 127) throw new Error("A server frame is masked");
    const length = short < 126 ? short : short === 126 ? view.getUint16(at + 2) : Number(view.getBigUint64(at + 2));
    if (short === 126 && length < 126 || short === 127 && length < 65_536) throw new Error("A length is not minimal");
    const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
    if (start + length > bytes.length) throw new Error("A server frame is cut off");
    frames.push({ opcode: first & 0x0f, payload: bytes.slice(start, start + length) });
    at = start + length;
  }
  return frames;
}

/** Gives `bytes` to `push` in copies of at most `pieceBytes`: what is pushed may be overwritten. */
export function pushInPieces(
  push: (bytes: Uint8Array, start: number, end: number) => void,
  bytes: Uint8Array,
  pieceBytes: number,
): void {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = bytes.slice(at, at + pieceBytes);
    push(piece, 0, piece.length);
  }
}

/** Chance that replays from its seed (mulberry32). */
export class Prng {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }

  /** A whole number from 0 to `end - 1`. */
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ this.#state >>> 15, 1 | this.#state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return Math.floor(((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32 * end);
  }

  /** So many bytes of any value. */
  bytes(byteCount: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(byteCount).map(() => this.below(256));
  }
}
