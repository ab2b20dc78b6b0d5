/**
 * The client's side of RFC 6455 as a calculator: what the load test needs of it, and nothing more.
 *
 * @module
 */

import { createHash, randomBytes } from "node:crypto";

const BINARY_FINAL = 0x82;
const PONG_FINAL = 0x8a;
const MASKED = 0x80;
const OPCODE_CLOSE = 8;
const OPCODE_PING = 9;
const HEAD_BYTES_MAX = 8_192;
const CONTROL_BYTES_MAX = 125;

/** Bytes that {@linkcode writeMaskedFrame} adds at most. */
export const MASKED_HEADER_BYTES_MAX = 14;

/** The server broke RFC 6455, or refused the upgrade. */
export class UpgradeError extends Error {
  override name = "UpgradeError";
}

/** The request that asks for a WebSocket, and what proves that the server understood it. */
export function upgradeRequest(host: string, path: string): { bytes: Uint8Array; accept: string } {
  const key = randomBytes(16).toString("base64");
  const head = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`;
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  return { bytes: new TextEncoder().encode(head), accept };
}

let maskState = (Math.random() * 0xffffffff) | 1;

/** A new masking key: hard to guess for a proxy, which is what masks are against, and quick. */
function nextMask(): number {
  maskState ^= maskState << 13;
  maskState ^= maskState >>> 17;
  maskState ^= maskState << 5;
  return maskState;
}

/**
 * Writes `bytes[start, end)` as one masked binary message.
 *
 * @param target Has room for the bytes and {@linkcode MASKED_HEADER_BYTES_MAX}; must not share memory with them.
 * @returns How many bytes were written from the start of `target`.
 */
export function writeMaskedFrame(target: DataView, bytes: Uint8Array, start: number, end: number): number {
  return writeFrame(target, BINARY_FINAL, bytes, start, end);
}

function writeFrame(target: DataView, head: number, bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  target.setUint8(0, head);
  let at = 2;
  if (length < 126) target.setUint8(1, MASKED | length);
  else if (length < 65_536) {
    target.setUint8(1, MASKED | 126);
    target.setUint16(2, length);
    at = 4;
  } else {
    target.setUint8(1, MASKED | 127);
    target.setUint32(2, 0);
    target.setUint32(6, length);
    at = 10;
  }
  const mask = nextMask();
  target.setInt32(at, mask);
  at += 4;
  let from = start;
  for (; from + 4 <= end; from += 4, at += 4) {
    const word = (bytes[from] << 24) | (bytes[from + 1] << 16) | (bytes[from + 2] << 8) | bytes[from + 3];
    target.setInt32(at, word ^ mask);
  }
  for (let shift = 24; from < end; from++, shift -= 8) target.setUint8(at++, bytes[from] ^ (mask >> shift));
  return at;
}

/** Takes what a {@linkcode WebSocketReader} finds. */
export interface WebSocketReaderSink {
  /** The upgrade is done. */
  onUpgraded(): void;
  /** Bytes of the stream that the messages carry. */
  onStream(bytes: Uint8Array, start: number, end: number): void;
  /** A pong that is to be sent. */
  onReply(bytes: Uint8Array): void;
  /** The server closes, with this code. */
  onCloseFrame(code: number): void;
}

/** Reads what the server sends: the answer to the upgrade, then frames, however they are cut. */
export class WebSocketReader {
  readonly #sink: WebSocketReaderSink;
  readonly #accept: string;
  #head: string | null = "";
  /** A header or control payload of which only a part has arrived. */
  readonly #kept = new Uint8Array(10 + CONTROL_BYTES_MAX);
  #keptBytes = 0;
  /** What is left of the payload of a data frame. */
  #dataBytes = 0;
  #closed = false;

  /** @param accept What the server must answer, see {@linkcode upgradeRequest}. */
  constructor(sink: WebSocketReaderSink, accept: string) {
    this.#sink = sink;
    this.#accept = accept;
  }

  /**
   * Takes the next bytes.
   *
   * @throws {UpgradeError} when they are no WebSocket.
   */
  push(bytes: Uint8Array, start: number, end: number): void {
    if (this.#head !== null) start = this.#readHead(bytes, start, end);
    while (start < end && !this.#closed) {
      if (this.#dataBytes > 0) {
        const dataEnd = Math.min(end, start + this.#dataBytes);
        this.#dataBytes -= dataEnd - start;
        this.#sink.onStream(bytes, start, dataEnd);
        start = dataEnd;
      } else if (this.#keptBytes === 0 && end - start >= 4 && bytes[start] === BINARY_FINAL && bytes[start + 1] < 127) {
        // The usual frame, read where it lies.
        const length = bytes[start + 1];
        this.#dataBytes = length < 126 ? length : (bytes[start + 2] << 8) | bytes[start + 3];
        start += length < 126 ? 2 : 4;
      } else {
        this.#kept[this.#keptBytes++] = bytes[start++];
        this.#readKept();
      }
    }
  }

  #readHead(bytes: Uint8Array, start: number, end: number): number {
    const before = this.#head ?? "";
    const head = before + new TextDecoder("latin1").decode(bytes.subarray(start, end));
    const headEnd = head.indexOf("\r\n\r\n");
    if (headEnd < 0) {
      if (head.length > HEAD_BYTES_MAX) throw new UpgradeError("upgrade answered without an end");
      this.#head = head;
      return end;
    }
    const lines = head.slice(0, headEnd).split("\r\n");
    const status = /^HTTP\/1\.1 (\d{3})/.exec(lines[0])?.[1];
    if (status !== "101") throw new UpgradeError(`upgrade refused with ${status ?? "no status"}`);
    if (!lines.some((line) => /^sec-websocket-accept: *(.*?) *$/i.exec(line)?.[1] === this.#accept)) {
      throw new UpgradeError("upgrade answered with a wrong accept key");
    }
    this.#head = null;
    this.#sink.onUpgraded();
    return start + headEnd + 4 - before.length;
  }

  /** Looks whether a header, and a control frame's payload, is complete. */
  #readKept(): void {
    const kept = this.#kept, count = this.#keptBytes;
    if (count < 2) return;
    if ((kept[0] & 0x70) !== 0 || (kept[1] & MASKED) !== 0) {
      throw new UpgradeError("frame with reserved bits or a mask");
    }
    const opcode = kept[0] & 15, length = kept[1];
    if (opcode >= OPCODE_CLOSE) {
      if (length > CONTROL_BYTES_MAX) throw new UpgradeError("control frame too long");
      if (count < 2 + length) return;
      this.#keptBytes = 0;
      return this.#onControl(opcode, kept.subarray(2, 2 + length));
    }
    const headerBytes = length < 126 ? 2 : length === 126 ? 4 : 10;
    if (count < headerBytes) return;
    const view = new DataView(kept.buffer);
    this.#dataBytes = length < 126 ? length : length === 126 ? view.getUint16(2) : view.getUint32(6);
    this.#keptBytes = 0;
  }

  #onControl(opcode: number, payload: Uint8Array): void {
    if (opcode === OPCODE_CLOSE) {
      this.#closed = true;
      this.#sink.onCloseFrame(payload.length >= 2 ? (payload[0] << 8) | payload[1] : 1005);
    } else if (opcode === OPCODE_PING) {
      const reply = new Uint8Array(payload.length + MASKED_HEADER_BYTES_MAX);
      const length = writeFrame(new DataView(reply.buffer), PONG_FINAL, payload, 0, payload.length);
      this.#sink.onReply(reply.subarray(0, length));
    }
  }
}
