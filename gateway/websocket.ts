/**
 * The server's side of RFC 6455 as a calculator: bytes in, events and bytes out. No extension is ever negotiated.
 *
 * The decoder never assembles a message: it unmasks payload where it lies and hands it on as it arrives, so a peer's
 * announced lengths cost no memory.
 *
 * @module
 */

import { createHash } from "node:crypto";

import { assert } from "../shared/errors.ts";
import { WEBSOCKET_CONTROL_BYTES_MAX, WEBSOCKET_REASON_BYTES_MAX } from "../shared/limits.ts";
import { advanceUtf8, UTF8_COMPLETE, UTF8_INVALID } from "./utf8.ts";

/** What a frame is (RFC 6455, section 11.8). */
export const Opcode = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;
/** One of {@linkcode Opcode}. */
export type Opcode = typeof Opcode[keyof typeof Opcode];
/** What a message is. */
export type MessageOpcode = typeof Opcode.TEXT | typeof Opcode.BINARY;

/** Why a WebSocket is closed (RFC 6455, section 7.4.1); those this server sends or looks at. */
export const CloseCode = {
  NORMAL: 1000,
  GOING_AWAY: 1001,
  PROTOCOL_ERROR: 1002,
  UNSUPPORTED_DATA: 1003,
  /** Stands for a close frame without a code; never on the wire. */
  NO_STATUS: 1005,
  INVALID_DATA: 1007,
  POLICY_VIOLATION: 1008,
  MESSAGE_TOO_BIG: 1009,
  INTERNAL_ERROR: 1011,
  SERVICE_RESTART: 1012,
  TRY_AGAIN_LATER: 1013,
} as const;

/** The close codes that a peer's frames can earn. */
export type WebSocketErrorCode =
  | typeof CloseCode.PROTOCOL_ERROR
  | typeof CloseCode.UNSUPPORTED_DATA
  | typeof CloseCode.INVALID_DATA
  | typeof CloseCode.MESSAGE_TOO_BIG;

/** A peer broke RFC 6455 or a bound; its connection is closed with `code`, nobody else notices. */
export class WebSocketError extends Error {
  /** What a log calls it. */
  override name = "WebSocketError";

  /**
   * Says what cannot be accepted.
   *
   * @param code What the close frame tells the peer.
   * @param message Act, value, limit.
   */
  constructor(readonly code: WebSocketErrorCode, message: string) {
    super(message);
  }
}

/**
 * Where a {@linkcode WebSocketDecoder} puts what it finds, in order. Spans are unmasked and valid only during the call.
 */
export interface WebSocketSink {
  /** A message begins. */
  onMessageStart(opcode: MessageOpcode): void;
  /** Some of the message's payload, one byte or more. Text may be cut inside a character, but is valid so far. */
  onData(bytes: Uint8Array, start: number, end: number): void;
  /** The message is complete. */
  onMessageEnd(): void;
  /** A ping; answer it with {@linkcode encodePong} of the same span. */
  onPing(bytes: Uint8Array, start: number, end: number): void;
  /** A pong, asked for or not. */
  onPong(bytes: Uint8Array, start: number, end: number): void;
  /**
   * The peer closes; nothing follows. Answer with {@linkcode encodeClose} of the same code.
   *
   * @param code The peer's, or {@linkcode CloseCode}`.NO_STATUS` when it gave none.
   */
  onClose(code: number, reason: string): void;
}

/** What a {@linkcode WebSocketDecoder} lets through. */
export interface WebSocketDecoderOptions {
  /** Payload bytes of one message, over all its fragments. */
  readonly messageBytesMax: number;
  /** `refuse`: a text frame is an error, 1003. `accept`: text is checked to be UTF-8 as it arrives. */
  readonly text: "refuse" | "accept";
}

/** What the next byte belongs to. */
type Stage = "header" | "data" | "control" | "closed";

const MASK_KEY_BYTES = 4;
/** A client's longest header: two bytes, a 64-bit length, the masking key. */
const HEADER_BYTES_MAX = 2 + 8 + MASK_KEY_BYTES;
const NO_MESSAGE = 0;

/**
 * Decodes one client's frames.
 *
 * Hostile input costs what it weighs: lengths are compared before anything else happens, only a header or a control
 * payload that arrives in parts is kept, at most 125 bytes, and only until its last byte is here.
 *
 * @see RFC 6455, sections 5 and 7
 */
export class WebSocketDecoder {
  readonly #sink: WebSocketSink;
  readonly #options: WebSocketDecoderOptions;
  #stage: Stage = "header";

  /** The current frame: its opcode, whether it is its message's last, what is left of its payload, its mask. */
  #opcode = 0;
  #isFinal = false;
  #payloadBytes = 0;
  #mask = 0;

  /** The current message; control frames may come between its fragments. */
  #messageOpcode: MessageOpcode | typeof NO_MESSAGE = NO_MESSAGE;
  #messageBytes = 0;
  #utf8State = UTF8_COMPLETE;

  /** Frames that have begun. */
  #frameCount = 0;

  /** A header or control payload of which only a part has arrived. */
  #partial: Uint8Array | undefined;
  #partialBytes = 0;

  /**
   * Starts at the first byte after the handshake.
   *
   * @param sink Gets the events.
   * @param options Kept by reference: share one object between connections.
   */
  constructor(sink: WebSocketSink, options: WebSocketDecoderOptions) {
    assert(options.messageBytesMax > 0 && options.messageBytesMax < 2 ** 31, "A message's length must fit 31 bits");
    this.#sink = sink;
    this.#options = options;
  }

  /** Whether a close frame, an error or {@linkcode stop} has ended the stream; later bytes are ignored. */
  get isClosed(): boolean {
    return this.#stage === "closed";
  }

  /** Frames that have begun. */
  get frameCount(): number {
    return this.#frameCount;
  }

  /** Ignores everything from here on, also the rest of a {@linkcode push} under way. */
  stop(): void {
    this.#stage = "closed";
    this.#partial = undefined;
  }

  /**
   * Takes the next bytes of the stream, cut anywhere. They are unmasked in place.
   *
   * An error of the sink is passed on and ends the stream as well.
   *
   * @param bytes Overwritten between `start` and what was taken; not kept.
   * @param framesMax How many frames may begin: what follows them is not taken. If left out, all.
   * @returns Bytes taken.
   * @throws {WebSocketError} once, with the close code, when the peer breaks the protocol or a bound.
   */
  push(bytes: Uint8Array, start: number, end: number, framesMax = Infinity): number {
    let at = start;
    const framesEnd = this.#frameCount + framesMax;
    try {
      while (at < end && (this.#frameCount < framesEnd || this.#stage !== "header")) {
        switch (this.#stage) {
          case "header":
            at = this.#partial === undefined
              ? this.#readHeader(bytes, at, end)
              : this.#resumeHeader(this.#partial, bytes, at, end);
            break;
          case "data":
            at = this.#readData(bytes, at, end);
            break;
          case "control":
            at = this.#readControl(bytes, at, end);
            break;
          case "closed":
            return end - start;
        }
      }
    } catch (error) {
      this.stop();
      throw error;
    }
    return at - start;
  }

  #readHeader(bytes: Uint8Array, start: number, end: number): number {
    const headerBytes = this.#parseHeader(bytes, start, end);
    if (headerBytes === 0) {
      this.#partial = new Uint8Array(HEADER_BYTES_MAX);
      this.#partial.set(bytes.subarray(start, end));
      this.#partialBytes = end - start;
      return end;
    }
    this.#startFrame();
    return start + headerBytes;
  }

  #resumeHeader(partial: Uint8Array, bytes: Uint8Array, start: number, end: number): number {
    const before = this.#partialBytes;
    const taken = Math.min(HEADER_BYTES_MAX - before, end - start);
    partial.set(bytes.subarray(start, start + taken), before);
    const headerBytes = this.#parseHeader(partial, 0, before + taken);
    if (headerBytes === 0) {
      this.#partialBytes = before + taken;
      return start + taken;
    }
    this.#partial = undefined;
    this.#startFrame();
    return start + headerBytes - before;
  }

  /**
   * Checks a header in the order of its bytes, so that what is wrong is found at the same byte however the stream is
   * cut, and stores it once it is complete.
   *
   * @returns Its length, or 0 when bytes are missing.
   */
  #parseHeader(bytes: Uint8Array, start: number, end: number): number {
    const first = bytes[start];
    const opcode = first & 0x0f;
    this.#checkFirstByte(first, opcode);
    if (end - start < 2) return 0;

    const second = bytes[start + 1];
    if ((second & 0x80) === 0) throw protocolError("it is not masked");
    let payloadBytes = second & 0x7f;
    if (opcode >= Opcode.CLOSE && payloadBytes > WEBSOCKET_CONTROL_BYTES_MAX) {
      throw protocolError(`a control payload is over ${WEBSOCKET_CONTROL_BYTES_MAX} bytes`);
    }
    let maskAt = start + 2;
    if (payloadBytes === 126) {
      maskAt += 2;
      if (end < maskAt) return 0;
      payloadBytes = bytes[start + 2] << 8 | bytes[start + 3];
      if (payloadBytes < 126) throw protocolError(`${payloadBytes} bytes are announced in 16 bits`);
    } else if (payloadBytes === 127) {
      maskAt += 8;
      if (end < maskAt) return 0;
      payloadBytes = readLength64(bytes, start + 2);
    }
    if (opcode < Opcode.CLOSE && this.#messageBytes + payloadBytes > this.#options.messageBytesMax) {
      throw new WebSocketError(
        CloseCode.MESSAGE_TOO_BIG,
        `Cannot accept WebSocket message: it is ${this.#messageBytes + payloadBytes} bytes or more, ` +
          `limit is ${this.#options.messageBytesMax} bytes`,
      );
    }
    if (end < maskAt + MASK_KEY_BYTES) return 0;

    this.#opcode = opcode;
    this.#isFinal = first >= 0x80;
    this.#payloadBytes = payloadBytes;
    this.#mask = bytes[maskAt] | bytes[maskAt + 1] << 8 | bytes[maskAt + 2] << 16 | bytes[maskAt + 3] << 24;
    return maskAt + MASK_KEY_BYTES - start;
  }

  #checkFirstByte(first: number, opcode: number): void {
    if ((first & 0x70) !== 0) throw protocolError("reserved bits are set and no extension is in use");
    if (opcode >= Opcode.CLOSE) {
      if (opcode > Opcode.PONG) throw protocolError(`opcode ${opcode} is reserved`);
      if (first < 0x80) throw protocolError("a control frame is fragmented");
    } else if (opcode === Opcode.CONTINUATION) {
      if (this.#messageOpcode === NO_MESSAGE) throw protocolError("there is no message to continue");
    } else if (opcode > Opcode.BINARY) {
      throw protocolError(`opcode ${opcode} is reserved`);
    } else if (this.#messageOpcode !== NO_MESSAGE) {
      throw protocolError("a message begins inside another");
    } else if (opcode === Opcode.TEXT && this.#options.text === "refuse") {
      throw new WebSocketError(CloseCode.UNSUPPORTED_DATA, "Cannot accept WebSocket message: text is not supported");
    }
  }

  #startFrame(): void {
    this.#frameCount++;
    if (this.#opcode >= Opcode.CLOSE) {
      // Without payload there is no byte to wait for.
      if (this.#payloadBytes === 0) this.#endControl(EMPTY, 0, 0);
      else this.#stage = "control";
      return;
    }
    const isEmpty = this.#payloadBytes === 0;
    this.#messageBytes += this.#payloadBytes;
    if (!isEmpty) this.#stage = "data";
    if (this.#opcode !== Opcode.CONTINUATION) {
      this.#messageOpcode = this.#opcode as MessageOpcode;
      this.#sink.onMessageStart(this.#messageOpcode);
    }
    if (isEmpty && this.#isFinal) this.#endMessage();
  }

  #readData(bytes: Uint8Array, start: number, end: number): number {
    const isWhole = end - start >= this.#payloadBytes;
    const dataEnd = isWhole ? start + this.#payloadBytes : end;
    unmask(bytes, start, dataEnd, this.#mask);
    if (this.#messageOpcode === Opcode.TEXT) {
      this.#utf8State = advanceUtf8(this.#utf8State, bytes, start, dataEnd);
      if (this.#utf8State === UTF8_INVALID) throw textError();
    }
    if (isWhole) {
      this.#stage = "header";
    } else {
      this.#payloadBytes -= dataEnd - start;
      this.#mask = rotateMask(this.#mask, dataEnd - start);
    }
    this.#sink.onData(bytes, start, dataEnd);
    if (isWhole && this.#isFinal) this.#endMessage();
    return dataEnd;
  }

  #endMessage(): void {
    // The sink may have stopped the stream in the call before this one.
    if (this.#stage === "closed") return;
    if (this.#utf8State !== UTF8_COMPLETE) throw textError();
    this.#messageOpcode = NO_MESSAGE;
    this.#messageBytes = 0;
    this.#sink.onMessageEnd();
  }

  #readControl(bytes: Uint8Array, start: number, end: number): number {
    const payloadBytes = this.#payloadBytes;
    if (this.#partial === undefined) {
      if (end - start >= payloadBytes) {
        unmask(bytes, start, start + payloadBytes, this.#mask);
        this.#endControl(bytes, start, start + payloadBytes);
        return start + payloadBytes;
      }
      this.#partial = new Uint8Array(payloadBytes);
      this.#partialBytes = 0;
    }
    const partial = this.#partial;
    const taken = Math.min(payloadBytes - this.#partialBytes, end - start);
    partial.set(bytes.subarray(start, start + taken), this.#partialBytes);
    this.#partialBytes += taken;
    if (this.#partialBytes === payloadBytes) {
      this.#partial = undefined;
      unmask(partial, 0, payloadBytes, this.#mask);
      this.#endControl(partial, 0, payloadBytes);
    }
    return start + taken;
  }

  #endControl(bytes: Uint8Array, start: number, end: number): void {
    this.#stage = "header";
    if (this.#opcode === Opcode.PING) {
      this.#sink.onPing(bytes, start, end);
    } else if (this.#opcode === Opcode.PONG) {
      this.#sink.onPong(bytes, start, end);
    } else {
      const { code, reason } = decodeClose(bytes, start, end);
      this.stop();
      this.#sink.onClose(code, reason);
    }
  }
}

const EMPTY = new Uint8Array(0);

function protocolError(what: string): WebSocketError {
  return new WebSocketError(CloseCode.PROTOCOL_ERROR, `Cannot accept WebSocket frame: ${what}`);
}

function textError(): WebSocketError {
  return new WebSocketError(CloseCode.INVALID_DATA, "Cannot accept WebSocket text: it is not UTF-8");
}

/** Reads a 64-bit length; above 2^53 it is not exact, but such a length is refused anyway. */
function readLength64(bytes: Uint8Array, at: number): number {
  if (bytes[at] >= 0x80) throw protocolError("the top bit of a 64-bit length is set");
  let length = 0;
  for (let index = at; index < at + 8; index++) length = length * 256 + bytes[index];
  if (length < 0x10000) throw protocolError(`${length} bytes are announced in 64 bits`);
  return length;
}

const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function decodeClose(bytes: Uint8Array, start: number, end: number): { code: number; reason: string } {
  if (start === end) return { code: CloseCode.NO_STATUS, reason: "" };
  if (end - start === 1) throw protocolError("a close payload is 1 byte, least is 2 bytes");
  const code = bytes[start] << 8 | bytes[start + 1];
  if (!isCloseCode(code)) throw protocolError(`close code ${code} is not for the wire`);
  if (advanceUtf8(UTF8_COMPLETE, bytes, start + 2, end) !== UTF8_COMPLETE) throw textError();
  return { code, reason: utf8Decoder.decode(bytes.subarray(start + 2, end)) };
}

/** Whether a close frame may carry `code` (RFC 6455, section 7.4, and the IANA registry: 1012 to 1014). */
export function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && !(code >= 1004 && code <= 1006);
}

/** Above this a view on words pays for itself, in bytes. */
const UNMASK_WORDS_BYTES_MIN = 512;

/**
 * Masks or unmasks `bytes[start, end)` in place.
 *
 * @param mask The key as a little-endian number; its lowest byte is for `start`.
 * @see RFC 6455, section 5.3
 */
export function unmask(bytes: Uint8Array, start: number, end: number, mask: number): void {
  let at = start;
  if (end - start >= UNMASK_WORDS_BYTES_MIN) {
    for (; ((bytes.byteOffset + at) & 3) !== 0; at++) {
      bytes[at] ^= mask;
      mask = rotateMask(mask, 1);
    }
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, (end - at) >> 2);
    for (let index = 0; index < words.length; index++) words[index] ^= mask;
    at += words.byteLength;
  }
  const mask0 = mask & 0xff;
  const mask1 = mask >>> 8 & 0xff;
  const mask2 = mask >>> 16 & 0xff;
  const mask3 = mask >>> 24;
  for (const wholeEnd = end - 3; at < wholeEnd; at += 4) {
    bytes[at] ^= mask0;
    bytes[at + 1] ^= mask1;
    bytes[at + 2] ^= mask2;
    bytes[at + 3] ^= mask3;
  }
  if (at < end) bytes[at++] ^= mask0;
  if (at < end) bytes[at++] ^= mask1;
  if (at < end) bytes[at] ^= mask2;
}

/** The mask for the byte `byteCount` further on. */
function rotateMask(mask: number, byteCount: number): number {
  const shift = (byteCount & 3) * 8;
  return mask >>> shift | mask << (32 - shift);
}

/** Bytes of the header that {@linkcode writeFrameHeader} writes: 2, 4 or 10. */
export function frameHeaderBytes(payloadBytes: number): number {
  return payloadBytes < 126 ? 2 : payloadBytes < 0x10000 ? 4 : 10;
}

/**
 * Writes the header of a whole, unmasked message or control frame, with its length in the fewest bytes.
 *
 * @param target Has room for {@linkcode frameHeaderBytes} from `offset` on.
 * @param payloadLength In bytes, below 2^32.
 * @returns Bytes written: 2, 4 or 10.
 */
export function writeFrameHeader(target: Uint8Array, offset: number, opcode: Opcode, payloadLength: number): number {
  target[offset] = 0x80 | opcode;
  if (payloadLength < 126) {
    target[offset + 1] = payloadLength;
    return 2;
  }
  if (payloadLength < 0x10000) {
    target[offset + 1] = 126;
    target[offset + 2] = payloadLength >>> 8;
    target[offset + 3] = payloadLength;
    return 4;
  }
  assert(payloadLength < 2 ** 32, "A frame's length must fit 32 bits");
  target[offset + 1] = 127;
  target.fill(0, offset + 2, offset + 6);
  target[offset + 6] = payloadLength >>> 24;
  target[offset + 7] = payloadLength >>> 16;
  target[offset + 8] = payloadLength >>> 8;
  target[offset + 9] = payloadLength;
  return 10;
}

const utf8Encoder = new TextEncoder();

/**
 * Encodes a close frame.
 *
 * @param code One that {@linkcode isCloseCode} allows, or {@linkcode CloseCode}`.NO_STATUS` for a frame without any.
 * @param reason Cut after the last whole character within {@linkcode WEBSOCKET_REASON_BYTES_MAX} bytes.
 */
export function encodeClose(code: number, reason: string): Uint8Array {
  if (code === CloseCode.NO_STATUS) return new Uint8Array([0x80 | Opcode.CLOSE, 0]);
  assert(isCloseCode(code), `Close code ${code} must not be sent`);
  const frame = new Uint8Array(4 + WEBSOCKET_REASON_BYTES_MAX);
  const { written } = utf8Encoder.encodeInto(reason, frame.subarray(4));
  writeFrameHeader(frame, 0, Opcode.CLOSE, 2 + written);
  frame[2] = code >>> 8;
  frame[3] = code;
  return frame.subarray(0, 4 + written);
}

/** Encodes the answer to a ping whose payload is `bytes[start, end)`. */
export function encodePong(bytes: Uint8Array, start: number, end: number): Uint8Array {
  assert(end - start <= WEBSOCKET_CONTROL_BYTES_MAX, "A pong must fit a control frame");
  const frame = new Uint8Array(2 + end - start);
  writeFrameHeader(frame, 0, Opcode.PONG, end - start);
  frame.set(bytes.subarray(start, end), 2);
  return frame;
}

const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Whether `text` is the Base64 of 16 bytes, as a Sec-WebSocket-Key must be. */
export function isWebSocketKey(text: string): boolean {
  return /^[A-Za-z0-9+/]{22}==$/.test(text);
}

/**
 * Computes the Sec-WebSocket-Accept that proves the server understood the key.
 *
 * @throws {RangeError} when {@linkcode isWebSocketKey} says no.
 * @see RFC 6455, section 4.2.2
 */
export function acceptKey(secWebSocketKey: string): string {
  if (!isWebSocketKey(secWebSocketKey)) throw new RangeError("Cannot accept Sec-WebSocket-Key: it is not 16 bytes");
  return createHash("sha1").update(secWebSocketKey + ACCEPT_GUID).digest("base64");
}
