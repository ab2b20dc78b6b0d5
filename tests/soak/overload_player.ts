/**
 * An honest player beside an overload: in the world, with heartbeats whose answers are timed, and a line of chat now and
 * then that all others must hear, in order.
 *
 * @module
 */

import { fromBinary } from "@bufbuild/protobuf";
import { FrameDecoder, type FrameSink } from "../../shared/frame_decoder.ts";
import {
  DisconnectNoticeSchema,
  DisconnectReason,
  type ErrorResponse,
  ErrorResponseSchema,
  HeartbeatRequestSchema,
  HeartbeatResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { EnterWorldRequestSchema, EnterWorldResponseSchema } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { PacketView } from "../../shared/packet_codec.ts";
import { RawSocket } from "../support/raw_socket.ts";
import type { TestPlayer } from "../support/server_process.ts";
import { packet } from "../support/wire.ts";
import { ATTACK_MARK } from "./overload_attacks.ts";

const MARK = ATTACK_MARK.charCodeAt(0);

/** Where a player connects, and from where. */
export interface PlayerPlace {
  readonly port: number;
  readonly localAddress: string;
  readonly head: Uint8Array;
  readonly overTls?: boolean;
}

/** One player; what went wrong is in {@linkcode faults}. */
export class OverloadPlayer implements FrameSink {
  /** Round trips of heartbeats, in milliseconds. */
  readonly roundTripsMs: number[] = [];
  readonly faults: string[] = [];
  /** Lines heard of honest players. */
  heardCount = 0;
  heartbeatsSent = 0;
  /** Lines it has said, and those that were refused because too much was being said. */
  saidCount = 0;
  refusedCount = 0;
  /** The number of the last line heard, by who said it. */
  readonly #heard = new Map<string, number>();
  readonly #name: string;
  readonly #socket: RawSocket;
  readonly #decoder: FrameDecoder = new FrameDecoder(this);
  readonly #view = new PacketView();
  readonly #entered = Promise.withResolvers<void>();
  #sentSequence = 0;
  #lastSequence = 0;
  #leaving = false;

  private constructor(name: string, socket: RawSocket) {
    this.#name = name;
    this.#socket = socket;
    socket.onBytes((bytes) => this.#decoder.push(bytes, 0, bytes.length));
    void socket.ended.then((end) => {
      if (!this.#leaving) this.faults.push(`closed (${end})`);
    });
  }

  /** Connects and enters the world. */
  static async enter(place: PlayerPlace, { name, token }: TestPlayer): Promise<OverloadPlayer> {
    const { port, localAddress, head } = place;
    const socket = await (place.overTls === true ? RawSocket.secure : RawSocket.connect)(port, localAddress);
    const player = new OverloadPlayer(name, socket);
    if (head.length > 0) socket.write(head);
    socket.write(packet(EnterWorldRequestSchema, { sessionToken: token }));
    await player.#entered.promise;
    return player;
  }

  /** Sends a heartbeat that carries its own time, which the answer brings back. */
  sendHeartbeat(): void {
    this.heartbeatsSent++;
    const timestamp = BigInt(Math.round(performance.now() * 1_000));
    this.#socket.write(packet(HeartbeatRequestSchema, { timestamp }, { ack: BigInt(this.#lastSequence) }));
  }

  /** Says its next line to everyone. */
  say(): void {
    const message = `${this.#name} ${++this.saidCount}`;
    const sequence = BigInt(++this.#sentSequence);
    this.#socket.write(packet(ChatMessageSchema, { channel: Channel.GLOBAL, message }, { sequence }));
  }

  /** Leaves; from now on its end is no fault. */
  async leave(): Promise<void> {
    this.#leaving = true;
    await this.#socket.close();
  }

  /** Takes one packet. */
  onFrame(bytes: Uint8Array, start: number, end: number): boolean {
    const view = this.#view;
    view.decode(bytes, start, end);
    if (view.sequence > 0) {
      if (view.sequence !== this.#lastSequence + 1) this.faults.push(`${view.sequence} after ${this.#lastSequence}`);
      this.#lastSequence = view.sequence;
    }
    const payload = bytes.slice(view.payloadStart, view.payloadEnd);
    switch (view.type) {
      case PacketType.HEARTBEAT_RESPONSE:
        this.#onHeartbeat(payload);
        break;
      case PacketType.ENTER_WORLD_RESPONSE:
        if (fromBinary(EnterWorldResponseSchema, payload).success) this.#entered.resolve();
        else this.#entered.reject(new Error(`${this.#name} cannot enter`));
        break;
      case PacketType.CHAT_MESSAGE:
        if (!isMarked(payload)) this.#onChat(fromBinary(ChatMessageSchema, payload).message);
        break;
      case PacketType.DISCONNECT_NOTICE:
        this.faults.push(DisconnectReason[fromBinary(DisconnectNoticeSchema, payload).reason]);
        break;
      case PacketType.ERROR_RESPONSE:
        this.#onRefusal(fromBinary(ErrorResponseSchema, payload));
        break;
    }
    return true;
  }

  #onHeartbeat(payload: Uint8Array): void {
    const { clientTimestamp } = fromBinary(HeartbeatResponseSchema, payload);
    this.roundTripsMs.push(performance.now() - Number(clientTimestamp) / 1_000);
  }

  #onChat(message: string): void {
    const [name, number] = message.split(" ");
    const before = this.#heard.get(name) ?? 0;
    // Those between were refused, or the sums will not agree.
    if (Number(number) <= before) this.faults.push(`line ${number} of ${name} after ${before}`);
    this.#heard.set(name, Number(number));
    this.heardCount++;
  }

  #onRefusal({ errorCode, requestType }: ErrorResponse): void {
    if (requestType === PacketType.CHAT_MESSAGE && errorCode === ErrorCode.RATE_LIMITED) this.refusedCount++;
    else this.faults.push(`refused: ${ErrorCode[errorCode]}`);
  }
}

/** Whether a chat message is an attacker's: there are too many of those to decode each. */
function isMarked(payload: Uint8Array): boolean {
  for (let at = 0; at + 2 < payload.length; at++) {
    // Field 4, a length, and the mark; in front of it are the id, the name and the channel.
    if (payload[at] === 0x22 && payload[at + 2] === MARK) return true;
  }
  return false;
}
