/**
 * What one connection has still to send. Packets are written straight into its pending bytes; while one write is in
 * flight, everything else gathers, so that a burst becomes one system call.
 *
 * @module
 */

import { frameHeaderBytes, Opcode, writeFrameHeader } from "../../gateway/websocket.ts";
import { ENVELOPE_BYTES_MAX, WEBSOCKET_FRAME_BYTES_MAX } from "../../shared/limits.ts";
import { writeFrame } from "../../shared/packet_codec.ts";
import type { Socket } from "./backend.ts";
import type { BufferPool } from "./buffer_pool.ts";

/** Room for the header of a binary WebSocket frame of up to 65,535 bytes, and of a longer one. */
const WEBSOCKET_HEADER_BYTES = 4;
const WEBSOCKET_LONG_HEADER_BYTES = 10;

/**
 * The send queue of one connection: a buffer that gathers, and one that is in flight.
 *
 * On a WebSocket the packets of one flush travel as one binary message.
 */
export class SendQueue {
  readonly #pool: BufferPool;
  #buffer: Uint8Array | null = null;
  #start = 0;
  #end = 0;
  #inFlight: Uint8Array | null = null;
  #inFlightEnd = 0;
  #inFlightBytes = 0;
  #webSocket = false;
  #sentBytes = 0;
  /** Where the header of the WebSocket frame begins that is being filled, or -1. */
  #frameStart = -1;
  #frameHeaderBytes = WEBSOCKET_HEADER_BYTES;

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  /** Bytes not yet taken by the kernel. */
  get pendingBytes(): number {
    return this.#end - this.#start + this.#inFlightBytes;
  }

  /** Bytes handed to the socket since this was asked last. */
  takeSentBytes(): number {
    const sentBytes = this.#sentBytes;
    this.#sentBytes = 0;
    return sentBytes;
  }

  /** Whether everything has been taken by the kernel. */
  get idle(): boolean {
    return this.#inFlight === null && this.#end === this.#start;
  }

  /** From now on packets travel in WebSocket frames. */
  startWebSocket(): void {
    this.#webSocket = true;
  }

  /** Appends one packet; the arguments are those of {@linkcode writeFrame}. */
  appendPacket(
    type: number,
    sequence: number,
    timestamp: number,
    isCompressed: boolean,
    ack: number,
    payload: Uint8Array,
    payloadStart: number,
    payloadEnd: number,
  ): void {
    const roomBytes = payloadEnd - payloadStart + ENVELOPE_BYTES_MAX;
    const buffer = this.#reserve(roomBytes + WEBSOCKET_LONG_HEADER_BYTES);
    if (this.#webSocket) this.#openFrame(roomBytes);
    this.#end = writeFrame(
      buffer,
      this.#end,
      type,
      sequence,
      timestamp,
      isCompressed,
      ack,
      payload,
      payloadStart,
      payloadEnd,
    );
  }

  /** Appends bytes as they are: HTTP, or a WebSocket control frame. */
  appendRaw(bytes: Uint8Array): void {
    const buffer = this.#reserve(bytes.length);
    this.#closeFrame();
    buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /**
   * Hands the pending bytes to the socket unless a write is in flight.
   *
   * @returns Whether everything has been taken.
   */
  flush(socket: Socket): boolean {
    if (this.#inFlight !== null) return false;
    const buffer = this.#buffer;
    if (buffer === null) return true;
    this.#closeFrame();
    const start = this.#start;
    const end = this.#end;
    this.#buffer = null;
    this.#start = this.#end = 0;
    this.#sentBytes += end - start;
    if (start === end || socket.write(buffer, start, end)) {
      this.#pool.release(buffer, end);
      return true;
    }
    this.#inFlight = buffer;
    this.#inFlightEnd = end;
    this.#inFlightBytes = end - start;
    return false;
  }

  /** The write in flight is done. */
  onWritten(): void {
    if (this.#inFlight === null) return;
    this.#pool.release(this.#inFlight, this.#inFlightEnd);
    this.#inFlight = null;
    this.#inFlightBytes = 0;
  }

  /**
   * Drops everything and gives the buffers back.
   *
   * @param socketClosed Whether the kernel is done with the bytes in flight; otherwise their buffer is left to it.
   */
  clear(socketClosed: boolean): void {
    if (this.#buffer !== null) this.#pool.release(this.#buffer, this.#end);
    if (this.#inFlight !== null && socketClosed) this.#pool.release(this.#inFlight, this.#inFlightEnd);
    this.#buffer = this.#inFlight = null;
    this.#start = this.#end = this.#inFlightBytes = 0;
    this.#frameStart = -1;
  }

  /** Makes room for `bytes` more behind `#end`. */
  #reserve(bytes: number): Uint8Array {
    const buffer = this.#buffer;
    if (buffer === null) return this.#buffer = this.#pool.take(bytes);
    if (buffer.length - this.#end >= bytes) return buffer;
    return this.#buffer = this.#pool.grow(buffer, this.#end, this.#end + bytes);
  }

  /** Opens a WebSocket frame that has room for `bytes` more, if none is open. */
  #openFrame(bytes: number): void {
    if (this.#frameStart >= 0) {
      if (this.#end - this.#frameStart - this.#frameHeaderBytes + bytes <= WEBSOCKET_FRAME_BYTES_MAX) return;
      this.#closeFrame();
    }
    this.#frameStart = this.#end;
    this.#frameHeaderBytes = bytes > WEBSOCKET_FRAME_BYTES_MAX ? WEBSOCKET_LONG_HEADER_BYTES : WEBSOCKET_HEADER_BYTES;
    this.#end += this.#frameHeaderBytes;
  }

  /** Writes the header of the open WebSocket frame, in the shortest form, as the RFC wants it. */
  #closeFrame(): void {
    const frameStart = this.#frameStart;
    if (frameStart < 0) return;
    this.#frameStart = -1;
    const buffer = this.#buffer!;
    const reservedBytes = this.#frameHeaderBytes;
    const payloadStart = frameStart + reservedBytes;
    const payloadBytes = this.#end - payloadStart;
    const headerBytes = frameHeaderBytes(payloadBytes);
    let headerStart = payloadStart - headerBytes;
    if (headerBytes < reservedBytes) {
      // The header came out shorter than its room: the buffer starts later, or the payload moves up.
      if (frameStart === this.#start) {
        this.#start = headerStart;
      } else {
        headerStart = frameStart;
        buffer.copyWithin(frameStart + headerBytes, payloadStart, this.#end);
        // Zeroed by hand: the pool zeroes only what lies before the end.
        const end = this.#end - (reservedBytes - headerBytes);
        buffer.fill(0, end, this.#end);
        this.#end = end;
      }
    }
    writeFrameHeader(buffer, headerStart, Opcode.BINARY, payloadBytes);
  }
}
