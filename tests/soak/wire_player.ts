/**
 * A player that shares no code with the project's client: written from `docs/protocol.md` alone, on the tests' own
 * framing and WebSocket.
 *
 * @module
 */

import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import type { Prng } from "../../server/world/prng.ts";
import {
  type DisconnectNotice,
  DisconnectReason,
  type ErrorResponse,
  HeartbeatRequestSchema,
  LogoutRequestSchema,
  LogoutResponseSchema,
  ResumeRequestSchema,
  type ResumeResponse,
} from "../../shared/gen/auth_pb.ts";
import { type ChatMessage, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { RoomCreateRequestSchema, RoomJoinRequestSchema, type RoomResponse } from "../../games/parts/rooms/rooms_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { EnterWorldRequestSchema, type EnterWorldResponse } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import type { TestPlayer } from "../support/server_process.ts";
import { until } from "../support/wait.ts";
import { WireClient, type WirePacket } from "../support/wire.ts";
import type { Doors, Saying, SoakPlayer, SoakPlayerEvents } from "./soak_player.ts";

/** Dismissals that a starved machine brings about; who comes back after them finds everything as it was. */
const PASSING_REASONS: ReadonlySet<DisconnectReason> = new Set([
  DisconnectReason.HANDSHAKE_TIMEOUT,
  DisconnectReason.IDLE,
  DisconnectReason.SLOW_READER,
]);
/** Wait before the next connection, at most, in milliseconds. */
const RECONNECT_MS_MAX = 20;
/** Messages of ours that may wait for an acknowledgement. */
const UNACKNOWLEDGED_MAX = 512;
/** Acknowledged messages that are sent again after a resume all the same: the server must not apply them twice. */
const REPEATED_COUNT = 4;
/** An acknowledgement is sent after this many packets at the latest. */
const ACK_PACKETS = 16;

/** A packet of ours that is kept until it is acknowledged. */
interface Numbered {
  readonly sequence: number;
  readonly schema: DescMessage;
  readonly message: MessageInitShape<DescMessage>;
}

/** The player. */
export class WirePlayer implements SoakPlayer {
  readonly name: string;
  resumeCount = 0;
  readonly #sessionToken: string;
  readonly #doors: Doors;
  readonly #prng: Prng;
  readonly #events: SoakPlayerEvents;
  /** The connection, once it carries the session. */
  #bound: WireClient | null = null;
  #resumeToken = "";
  /** It was sent; no answer has come. */
  #isTokenSent = false;
  #sent = 0;
  #received = 0;
  #maySkip = false;
  /** Packets received since something was sent. */
  #unacknowledged = 0;
  #outbox: Numbered[] = [];
  /** The last ones that were acknowledged. */
  #acknowledged: Numbered[] = [];
  readonly #rooms: RoomResponse[] = [];
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(account: TestPlayer, doors: Doors, prng: Prng, events: SoakPlayerEvents) {
    this.name = account.name;
    this.#sessionToken = account.token;
    this.#doors = doors;
    this.#prng = prng;
    this.#events = events;
  }

  async enter(): Promise<void> {
    this.#running = this.#run();
    await until(`${this.name} in the world`, () => this.#resumeToken !== "");
  }

  async joinRoom(name: string): Promise<bigint> {
    const made = await this.#askRoom(RoomCreateRequestSchema, { name });
    const { success, errorCode, room } = made.success ? made : await this.#askRoom(RoomJoinRequestSchema, { name });
    if (!success) throw new Error(`${this.name} cannot join room ${name}: error ${errorCode}`);
    return room!.roomId;
  }

  say(saying: Saying): boolean {
    if (this.#outbox.length >= UNACKNOWLEDGED_MAX) return false;
    this.#send(ChatMessageSchema, saying);
    return true;
  }

  async stop(): Promise<void> {
    const client = await until(`${this.name} to be back`, () => this.#bound);
    this.#send(LogoutRequestSchema, {});
    await client.expect(LogoutResponseSchema);
    this.#stopped = true;
    await client.close();
    await this.#running;
  }

  async #askRoom<D extends DescMessage>(schema: D, message: MessageInitShape<D>): Promise<RoomResponse> {
    const count = this.#rooms.length;
    this.#send(schema, message);
    return await until(`${this.name}'s answer about a room`, () => this.#rooms[count]);
  }

  /** One connection after the other. */
  async #run(): Promise<void> {
    while (!this.#stopped) {
      let client: WireClient | null = null;
      try {
        client = this.#prng.nextInt(2) === 0
          ? await WireClient.tcp(this.#doors.game)
          : await WireClient.webSocket(this.#doors.gateway);
        await this.#use(client);
      } catch {
        // It broke, as it is meant to; what that did is for the ledgers to tell.
      }
      this.#bound = null;
      await client?.close();
      await new Promise((resolve) => setTimeout(resolve, this.#prng.nextInt(RECONNECT_MS_MAX)));
    }
  }

  /** Takes the session up, or begins one, and takes what comes; rejects when the connection ends. */
  async #use(client: WireClient): Promise<void> {
    if (this.#resumeToken === "") {
      client.send(EnterWorldRequestSchema, { sessionToken: this.#sessionToken });
    } else {
      const isRepeat = this.#isTokenSent;
      this.#isTokenSent = true;
      const lastSequence = BigInt(this.#received);
      client.send(ResumeRequestSchema, { resumeToken: this.#resumeToken, lastSequence, isRepeat });
    }
    let taken = 0;
    while (!this.#stopped) {
      await client.until("the next packet", () => client.packets.length > taken);
      while (taken < client.packets.length && !this.#stopped) this.#take(client, client.packets[taken++]);
    }
  }

  #take(client: WireClient, { type, sequence, ack, message }: WirePacket): void {
    if (type === PacketType.ENTER_WORLD_RESPONSE) return this.#entered(client, message as EnterWorldResponse);
    if (type === PacketType.RESUME_RESPONSE) return this.#resumed(client, message as ResumeResponse);
    if (this.#bound !== null) this.#dropUpTo(ack);
    if (sequence > 0 && !this.#accept(sequence)) return;
    if (type === PacketType.CHAT_MESSAGE) this.#events.onChat(message as ChatMessage);
    else if (type === PacketType.ROOM_RESPONSE) this.#rooms.push(message as RoomResponse);
    else if (type === PacketType.ERROR_RESPONSE) this.#events.onLoss(`refused: ${(message as ErrorResponse).message}`);
    else if (type === PacketType.DISCONNECT_NOTICE) this.#dismissed(message as DisconnectNotice);
    if (sequence > 0 && ++this.#unacknowledged >= ACK_PACKETS) this.#acknowledge();
  }

  #entered(client: WireClient, { success, errorCode, resumeToken }: EnterWorldResponse): void {
    if (!success) return this.#events.onLoss(`cannot enter: ${errorCode}`);
    this.#received = 1;
    this.#resumeToken = resumeToken;
    this.#bound = client;
  }

  #resumed(client: WireClient, response: ResumeResponse): void {
    if (!response.success) {
      this.#events.onLoss(`cannot resume: ${ErrorCode[response.errorCode]}`);
      throw new Error("The session is asked for again on another connection");
    }
    this.resumeCount++;
    this.#resumeToken = response.resumeToken;
    this.#isTokenSent = false;
    this.#maySkip = response.gap;
    if (response.gap) this.#events.onGap();
    this.#bound = client;
    this.#dropUpTo(Number(response.lastSequence));
    for (const packet of [...this.#acknowledged, ...this.#outbox]) this.#write(packet);
    this.#acknowledge();
  }

  #accept(sequence: number): boolean {
    if (sequence <= this.#received) return false;
    if (sequence !== this.#received + 1 && !this.#maySkip) {
      this.#events.onLoss(`number ${sequence} came after ${this.#received}`);
    }
    this.#received = sequence;
    this.#maySkip = false;
    return true;
  }

  #dismissed({ reason, message }: DisconnectNotice): void {
    if (!PASSING_REASONS.has(reason)) this.#events.onLoss(`dismissed: ${DisconnectReason[reason]}, ${message}`);
  }

  #dropUpTo(ack: number): void {
    const kept = this.#outbox.findIndex(({ sequence }) => sequence > ack);
    const dropped = this.#outbox.splice(0, kept < 0 ? this.#outbox.length : kept);
    this.#acknowledged = [...this.#acknowledged, ...dropped].slice(-REPEATED_COUNT);
  }

  #send<D extends DescMessage>(schema: D, message: MessageInitShape<D>): void {
    const numbered: Numbered = { sequence: ++this.#sent, schema, message };
    this.#outbox.push(numbered);
    if (this.#bound !== null) this.#write(numbered);
  }

  #write({ sequence, schema, message }: Numbered): void {
    this.#unacknowledged = 0;
    this.#bound!.send(schema, message, { sequence: BigInt(sequence), ack: BigInt(this.#received) });
  }

  #acknowledge(): void {
    this.#unacknowledged = 0;
    this.#bound!.send(HeartbeatRequestSchema, {}, { ack: BigInt(this.#received) });
  }
}
