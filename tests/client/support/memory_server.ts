/** A server in memory that a test scripts: the far end of in-memory transports. @module */

import { create, fromBinary, type Message, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { contract, type MessageByType, type MessageType } from "../../../client/browser.ts";
import type { Transport, TransportHandler } from "../../../client/transport.ts";
import type { ServerInfo } from "../../../shared/gen/auth_pb.ts";
import type { SchemaOf } from "../../../shared/contract.ts";
import { FrameDecoder } from "../../../shared/frame_decoder.ts";
import { ENVELOPE_BYTES_MAX } from "../../../shared/limits.ts";
import { PacketView, writeFrame } from "../../../shared/packet_codec.ts";
import { assert } from "../../support/assert.ts";
import { settlePromises } from "./manual_clock.ts";

/** The schema of each packet type. */
export type Schemas = { readonly [T in MessageType]: SchemaOf<MessageByType[T]> };

/** One packet as the server got it. */
export interface ReceivedPacket {
  readonly type: number;
  readonly sequence: number;
  readonly ack: number;
  readonly requestKey: number;
  readonly size: number;
  readonly isCompressed: boolean;
  /** As carried. */
  readonly payload: Uint8Array;
}

/** Header fields of a packet the server sends. */
export interface Numbers {
  sequence?: number;
  ack?: number;
}

/** Frames a message as a server does. */
export function frame<T extends MessageType>(type: T, message: MessageInitShape<Schemas[T]>, numbers: Numbers = {}) {
  const schema = contract.schemaOf(type)!;
  const payload = toBinary(schema, create(schema, message as Record<string, unknown>));
  return framePayload(type, payload, numbers);
}

/** Frames a payload as it is. */
export function framePayload(
  type: number,
  payload: Uint8Array,
  { sequence = 0, ack = 0 }: Numbers = {},
  isCompressed = false,
): Uint8Array {
  const bytes = new Uint8Array(payload.length + ENVELOPE_BYTES_MAX + 4);
  return bytes.subarray(0, writeFrame(bytes, 0, type, sequence, 1, isCompressed, ack, payload, 0, payload.length));
}

/** The server's end of one connection. Bytes to the client wait until {@linkcode MemoryServer.settle}. */
export class Peer implements Transport {
  /** Every packet received. */
  readonly packets: ReceivedPacket[] = [];
  /** Size of every write of the client, in bytes. */
  readonly writes: number[] = [];
  /** What the client's transport says it holds. */
  bufferedBytes = 0;
  /** Bytes that still get through to the server, and to the client, before the connection is cut. */
  bytesToServerMax = Infinity;
  bytesToClientMax = Infinity;
  /** Whether the client closed it. */
  isClosedByClient = false;
  isClosed = false;

  #handler: TransportHandler | null = null;
  readonly #outgoing: Uint8Array[] = [];
  #closeReason: string | null = null;
  readonly #decoder: FrameDecoder;

  constructor(onPacket: (peer: Peer, packet: ReceivedPacket) => void) {
    const view = new PacketView();
    this.#decoder = new FrameDecoder({
      onFrame: (bytes, start, end) => {
        view.decode(bytes, start, end);
        const { type, sequence, ack, requestKey, size, isCompressed } = view;
        const packet = {
          type,
          sequence,
          ack,
          requestKey,
          size,
          isCompressed,
          payload: bytes.slice(view.payloadStart, view.payloadEnd),
        };
        this.packets.push(packet);
        onPacket(this, packet);
        return true;
      },
    });
  }

  start(handler: TransportHandler): void {
    assert(this.#handler === null, "A transport is started once");
    this.#handler = handler;
  }

  send(bytes: Uint8Array): void {
    if (this.isClosed || this.#closeReason !== null) return;
    this.writes.push(bytes.length);
    const passed = Math.min(bytes.length, this.bytesToServerMax);
    this.bytesToServerMax -= passed;
    this.#decoder.push(bytes, 0, passed);
    if (passed < bytes.length) this.hangUp("cut");
  }

  close(): void {
    this.isClosedByClient = true;
    this.#closeReason ??= "closed by the client";
    this.#outgoing.length = 0;
  }

  /** Sends one message to the client. */
  reply<T extends MessageType>(type: T, message: MessageInitShape<Schemas[T]>, numbers: Numbers = {}): void {
    this.sendBytes(frame(type, message, numbers));
  }

  /** Sends bytes to the client as they are. */
  sendBytes(bytes: Uint8Array): void {
    if (this.#closeReason === null) this.#outgoing.push(bytes);
  }

  /** Closes from the server's side, after what is sent. */
  hangUp(reason = "closed by the server"): void {
    this.#closeReason ??= reason;
  }

  /** The packets received of one type. */
  of(type: MessageType): ReceivedPacket[] {
    return this.packets.filter((packet) => packet.type === type);
  }

  /** The last message received of one type. */
  last<T extends MessageType>(type: T): MessageByType[T] {
    const packet = this.of(type).at(-1);
    assert(packet !== undefined, `No packet of type ${type} was received`);
    return fromBinary(contract.schemaOf(type)!, packet.payload) as Message as MessageByType[T];
  }

  /** Hands waiting bytes to the client; gives whether there was anything to do. */
  deliver(cut: (bytes: Uint8Array) => Uint8Array[]): boolean {
    if (this.isClosed || this.#handler === null) return false;
    const bytes = this.#outgoing.shift();
    if (bytes !== undefined) {
      const passed = Math.min(bytes.length, this.bytesToClientMax);
      this.bytesToClientMax -= passed;
      for (const part of cut(bytes.subarray(0, passed))) if (!this.isClosed) this.#handler.onBytes(part);
      if (passed < bytes.length) {
        this.#outgoing.length = 0;
        this.hangUp("cut");
      }
      return true;
    }
    if (this.#closeReason === null) return false;
    this.isClosed = true;
    this.#handler.onClose(this.#closeReason);
    return true;
  }
}

/** A server in memory. */
export class MemoryServer {
  /** Every connection made, oldest first. */
  readonly peers: Peer[] = [];
  /** Attempts to connect. */
  attemptCount = 0;
  /** Where each of them went: a server's id, or 0 to where the client was opened to. */
  readonly attempts: number[] = [];
  /** What connecting does: works, fails, or never ends. */
  mode: "accept" | "refuse" | "hang" = "accept";
  /** Servers that do otherwise, by their ids. */
  readonly modes: Map<number, "refuse" | "hang"> = new Map();
  /** Reacts to each packet. */
  script: (peer: Peer, packet: ReceivedPacket) => void = () => {};
  /** Changes a connection before it is used. */
  prepare: (peer: Peer) => void = () => {};
  /** Splits what is delivered to clients. */
  cut: (bytes: Uint8Array) => Uint8Array[] = (bytes) => [bytes];

  /** The client's `connect`. */
  readonly connect = (signal: AbortSignal, { serverId = 0 }: Partial<ServerInfo> = {}): Promise<Transport> => {
    this.attemptCount++;
    this.attempts.push(serverId);
    const mode = this.modes.get(serverId) ?? this.mode;
    if (mode === "refuse") return Promise.reject(new Error("Connection refused"));
    if (mode === "hang") {
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("Aborted"))));
    }
    const peer = new Peer((peer, packet) => this.script(peer, packet));
    this.prepare(peer);
    this.peers.push(peer);
    return Promise.resolve(peer);
  };

  /** The newest connection. */
  get peer(): Peer {
    const peer = this.peers.at(-1);
    assert(peer !== undefined, "No connection was made");
    return peer;
  }

  /** Delivers until nothing moves any more. */
  async settle(): Promise<void> {
    for (let isMoving = true; isMoving;) {
      await settlePromises();
      isMoving = false;
      for (const peer of this.peers) while (peer.deliver(this.cut)) isMoving = true;
    }
  }
}
