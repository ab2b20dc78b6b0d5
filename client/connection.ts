/**
 * One connection of a client: frames and envelopes over a transport. Packets written in one turn leave as one write.
 *
 * @module
 */

import { ProtocolError } from "../shared/errors.ts";
import { FrameDecoder, type FrameSink } from "../shared/frame_decoder.ts";
import { DisconnectReason } from "../shared/gen/auth_pb.ts";
import { ENVELOPE_BYTES_MAX, FRAME_BYTES_MAX, FRAME_HEADER_BYTES } from "../shared/limits.ts";
import { PacketView, writeFrame } from "../shared/packet_codec.ts";
import type { Transport, TransportHandler } from "./transport.ts";

/** First size of the buffer that collects a turn's packets, in bytes: several small ones. */
const WRITE_BUFFER_BYTES = 256;

/** Largest payload that surely fits a frame, in bytes. */
export const PAYLOAD_BYTES_MAX: number = FRAME_BYTES_MAX - ENVELOPE_BYTES_MAX;

/** Takes what one {@linkcode Connection} reports. */
export interface ConnectionOwner {
  /** Bytes arrived. */
  handleBytes(): void;
  /** Takes one packet; `view` and `bytes` are valid only during the call. */
  handlePacket(view: PacketView, bytes: Uint8Array): void;
  /** The connection is unusable: the transport closed, or `error` says what is wrong. Called at most once. */
  handleEnd(reason: string, error: Error | null): void;
}

/** Frames and envelopes over one transport. */
export class Connection implements TransportHandler, FrameSink {
  readonly #transport: Transport;
  readonly #owner: ConnectionOwner;
  readonly #decoder = new FrameDecoder(this);
  readonly #view = new PacketView();
  readonly #flush = () => this.flush();
  /** A turn's packets: `#pending[0, #pendingBytes)`. */
  #pending: Uint8Array | null = null;
  #pendingBytes = 0;
  /** Set once the owner is not interested any more. */
  #isEnded = false;
  #isClosed = false;
  #onClosed: (() => void) | null = null;

  /**
   * @param transport Open, not started.
   * @param owner Takes packets and the end.
   */
  constructor(transport: Transport, owner: ConnectionOwner) {
    this.#transport = transport;
    this.#owner = owner;
  }

  /** Begins to receive. */
  start(): void {
    this.#transport.start(this);
  }

  /** Bytes written that the network has not taken yet. */
  get bufferedBytes(): number {
    return this.#transport.bufferedBytes + this.#pendingBytes;
  }

  /** Writes one packet; it leaves at the end of the turn. */
  write(
    type: number,
    sequence: number,
    timestamp: number,
    isCompressed: boolean,
    ack: number,
    payload: Uint8Array,
    requestKey = 0,
  ): void {
    if (this.#isEnded) return;
    if (this.#pending === null) queueMicrotask(this.#flush);
    const target = this.#reserve(FRAME_HEADER_BYTES + ENVELOPE_BYTES_MAX + payload.length);
    this.#pendingBytes = writeFrame(
      target,
      this.#pendingBytes,
      type,
      sequence,
      timestamp,
      isCompressed,
      ack,
      payload,
      0,
      payload.length,
      requestKey,
    );
  }

  /** Hands this turn's packets to the transport now. */
  flush(): void {
    if (this.#pending === null) return;
    const bytes = this.#pending.subarray(0, this.#pendingBytes);
    this.#pending = null;
    this.#pendingBytes = 0;
    this.#transport.send(bytes);
  }

  /** Sends what is written and closes; nothing is reported to the owner any more. */
  close(): void {
    if (this.#isEnded) return;
    this.flush();
    this.#isEnded = true;
    this.#transport.close();
  }

  /** Calls `run` once the transport is closed. */
  whenClosed(run: () => void): void {
    if (this.#isClosed) run();
    else this.#onClosed = run;
  }

  /** Takes bytes of the transport. */
  onBytes(bytes: Uint8Array): void {
    if (this.#isEnded) return;
    this.#owner.handleBytes();
    try {
      this.#decoder.push(bytes, 0, bytes.length);
    } catch (error) {
      // Most are ProtocolErrors. Any other is a fault of ours, which must not reach the transport's callback either.
      if (this.#isEnded) return;
      this.close();
      const cause = error instanceof Error ? error : new Error(String(error));
      this.#owner.handleEnd(cause.message, cause);
    }
  }

  /** Takes a frame of the decoder. */
  onFrame(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#isEnded) return true;
    const view = this.#view;
    view.decode(bytes, start, end);
    const payloadBytes = view.payloadEnd - view.payloadStart;
    if (view.size !== 0 && view.size !== payloadBytes) {
      throw new ProtocolError(
        DisconnectReason.MALFORMED_PACKET,
        `Cannot accept packet: its payload is ${payloadBytes} bytes, announced were ${view.size} bytes`,
      );
    }
    this.#owner.handlePacket(view, bytes);
    return true;
  }

  /** Takes the end of the transport. */
  onClose(reason: string): void {
    this.#isClosed = true;
    this.#onClosed?.();
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#pending = null;
    this.#pendingBytes = 0;
    this.#owner.handleEnd(reason, null);
  }

  #reserve(addedBytes: number): Uint8Array {
    const neededBytes = this.#pendingBytes + addedBytes;
    let pending = this.#pending;
    if (pending === null) {
      this.#pending = pending = new Uint8Array(Math.max(WRITE_BUFFER_BYTES, neededBytes));
    } else if (pending.length < neededBytes) {
      const grown = new Uint8Array(Math.max(2 * pending.length, neededBytes));
      grown.set(pending.subarray(0, this.#pendingBytes));
      this.#pending = pending = grown;
    }
    return pending;
  }
}
