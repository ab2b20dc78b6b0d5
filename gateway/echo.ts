/**
 * `/echo`: a WebSocket that sends back what it gets, for conformance suites and latency probes.
 *
 * @module
 */

import { ECHO_MESSAGE_BYTES_MAX } from "../shared/limits.ts";
import {
  encodeClose,
  encodePong,
  frameHeaderBytes,
  type MessageOpcode,
  Opcode,
  WebSocketDecoder,
  WebSocketError,
  type WebSocketSink,
  writeFrameHeader,
} from "./websocket.ts";

/** Where an {@linkcode EchoSession} puts its answers. */
export interface EchoOutput {
  /** Sends bytes after those before; they belong to the output from now on. One message may come in several calls. */
  send(bytes: Uint8Array): void;
  /** Closes the socket once everything is sent; called once, nothing is sent after it. */
  close(): void;
}

/** Room before a message for the longest header the server writes. */
const HEADER_ROOM_BYTES = 10;
/** A message grows by blocks as long as itself, up to this many bytes. */
const BLOCK_BYTES_MAX = 262_144;

const DECODER_OPTIONS = { messageBytesMax: ECHO_MESSAGE_BYTES_MAX, text: "accept" } as const;

/**
 * Echoes text and binary messages of up to {@linkcode ECHO_MESSAGE_BYTES_MAX} bytes, each as one frame, answers pings
 * and shakes hands on closing.
 *
 * A message is kept until it is complete, in at most twice the bytes that have arrived. What is sent is not bounded
 * here: the owner reads no further while its peer takes nothing.
 */
export class EchoSession implements WebSocketSink {
  readonly #output: EchoOutput;
  readonly #decoder: WebSocketDecoder = new WebSocketDecoder(this, DECODER_OPTIONS);
  #opcode: MessageOpcode = Opcode.BINARY;
  #messageBytes = 0;
  /** The message so far, {@linkcode HEADER_ROOM_BYTES} into the first block; the last block is used in part. */
  #blocks: Uint8Array[] = [];
  #lastBlockBytes = 0;

  /**
   * Starts at the first byte after the handshake.
   *
   * @param output Gets the answers.
   */
  constructor(output: EchoOutput) {
    this.#output = output;
  }

  /** Frames that have begun. */
  get frameCount(): number {
    return this.#decoder.frameCount;
  }

  /**
   * Takes the next bytes of the stream, cut anywhere; they are overwritten. A peer's errors close the session.
   *
   * @param framesMax How many frames may begin: what follows them is not taken. If left out, all.
   * @returns Bytes taken.
   */
  push(bytes: Uint8Array, start: number, end: number, framesMax = Infinity): number {
    try {
      return this.#decoder.push(bytes, start, end, framesMax);
    } catch (error) {
      if (!(error instanceof WebSocketError)) throw error;
      this.#finish(error.code, error.message);
      return end - start;
    }
  }

  /** @ignore */
  onMessageStart(opcode: MessageOpcode): void {
    this.#opcode = opcode;
  }

  /** @ignore */
  onData(bytes: Uint8Array, start: number, end: number): void {
    const lastBlock = this.#blocks.at(-1);
    if (lastBlock === undefined) {
      const first = new Uint8Array(HEADER_ROOM_BYTES + end - start);
      first.set(bytes.subarray(start, end), HEADER_ROOM_BYTES);
      this.#append(first, first.length);
    } else {
      const fitting = Math.min(end - start, lastBlock.length - this.#lastBlockBytes);
      lastBlock.set(bytes.subarray(start, start + fitting), this.#lastBlockBytes);
      this.#lastBlockBytes += fitting;
      const rest = bytes.subarray(start + fitting, end);
      if (rest.length > 0) {
        const next = new Uint8Array(Math.max(rest.length, Math.min(this.#messageBytes, BLOCK_BYTES_MAX)));
        next.set(rest);
        this.#append(next, rest.length);
      }
    }
    this.#messageBytes += end - start;
  }

  /** @ignore */
  onMessageEnd(): void {
    const blocks = this.#blocks;
    const payloadBytes = this.#messageBytes;
    const lastBlockBytes = this.#lastBlockBytes;
    this.#forget();
    const headerAt = HEADER_ROOM_BYTES - frameHeaderBytes(payloadBytes);
    if (blocks.length === 0) blocks.push(new Uint8Array(HEADER_ROOM_BYTES));
    writeFrameHeader(blocks[0], headerAt, this.#opcode, payloadBytes);
    blocks.forEach((block, index) => {
      const isLast = index === blocks.length - 1 && payloadBytes > 0;
      this.#output.send(block.subarray(index === 0 ? headerAt : 0, isLast ? lastBlockBytes : block.length));
    });
  }

  /** @ignore */
  onPing(bytes: Uint8Array, start: number, end: number): void {
    this.#output.send(encodePong(bytes, start, end));
  }

  /** @ignore */
  onPong(): void {}

  /** @ignore */
  onClose(code: number): void {
    this.#finish(code, "");
  }

  #append(block: Uint8Array, usedBytes: number): void {
    this.#blocks.push(block);
    this.#lastBlockBytes = usedBytes;
  }

  #forget(): void {
    this.#blocks = [];
    this.#lastBlockBytes = 0;
    this.#messageBytes = 0;
  }

  #finish(code: number, reason: string): void {
    this.#forget();
    this.#output.send(encodeClose(code, reason));
    this.#output.close();
  }
}
