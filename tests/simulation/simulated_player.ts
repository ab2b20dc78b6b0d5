/**
 * A player: the real client, which does whatever players do, and remembers what it was told.
 *
 * @module
 */

import { fromBinary } from "@bufbuild/protobuf";
import type { Transport } from "../../client/transport.ts";
import { DrawbridgeClient } from "../../client/browser.ts";
import type { Prng } from "../../server/world/prng.ts";
import {
  LoginRequestSchema,
  RegisterRequestSchema,
  RegisterResponseSchema,
  ResumeResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { RoomResponseSchema } from "../../games/parts/rooms/rooms_pb.ts";
import {
  EnterWorldResponseSchema,
  EntityUpdateSchema,
  MapEnteredSchema,
  MovementCorrectionSchema,
} from "../../shared/gen/world_pb.ts";
import {
  GuildActionResponseSchema,
  GuildCreateResponseSchema,
  GuildInviteNoticeSchema,
  GuildInviteResponseSchema,
} from "../../games/parts/guilds/guilds_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import type { PacketView } from "../../shared/packet_codec.ts";
import { FriendResponseSchema, IgnoreResponseSchema } from "../../games/parts/friends/friends_pb.ts";
import { inflatePayload } from "../../client/inflate.ts";
import type { ChatJudge } from "./chat_judge.ts";
import type { Judges } from "./judges.ts";
import { actAtRandom, type Habit } from "./player_actions.ts";
import { Parrot } from "./parrot.ts";
import type { SessionLedger } from "./session_ledger.ts";
import { Sight } from "./sight_judge.ts";
import type { ClientSocket, SimulatedNetwork } from "./simulated_network.ts";
import type { StorageJudge } from "./storage_judge.ts";
import { upgradeSocket } from "./simulated_websocket.ts";
import type { SimulatedTime } from "./simulated_time.ts";

/** The ports, in the order of the server's. */
const LOGIN_PORT = 0;
const GAME_PORT = 1;
const GATEWAY_PORT = 2;

/** Everybody's. */
export const PASSWORD_HASH = "5e".repeat(32);

/** What is told of a player to its judges. */
export interface PlayerJudges extends Pick<Judges, "verdict" | "delivery"> {
  readonly storage: Pick<StorageJudge, "onClientRegistered" | "onClientAcknowledged">;
  readonly chat: Pick<ChatJudge, "onClientHeard" | "onClientGap" | "exempt">;
}

/** What a player lives in. */
export interface Surroundings {
  readonly time: SimulatedTime;
  readonly network: {
    /** @param serverId The server that the client was told to go to; undefined: any. */
    connect(...where: [...Parameters<SimulatedNetwork["connect"]>, serverId?: number]): Promise<ClientSocket>;
  };
  readonly judges: PlayerJudges;
  /** Names of all players. */
  readonly names: readonly string[];
  /** Messages in one shout. */
  readonly shoutCount: number;
  readonly habit: Habit;
  /** Nobody does anything new. */
  isQuiet: boolean;
  /** Everybody goes. */
  isOver: boolean;
}

/** One player, or one of two who share an account. */
export class SimulatedPlayer {
  readonly client: DrawbridgeClient;
  /** The account's id; 0 before it is known. */
  playerId = 0;
  /** The session that the client has; null: none. */
  ledger: SessionLedger | null = null;
  sight: Sight | null = null;
  /** Where it believes to be, in units. */
  readonly place = { x: 0, z: 0 };
  /** When it walked last. */
  walkedMs = 0;
  movementCount = 0;
  sayingCount = 0;
  /** Rooms it was told that it is in. */
  readonly rooms = new Set<bigint>();
  /** Guilds that have invited it. */
  readonly invites: bigint[] = [];
  isActing = false;
  readonly #isParrot: boolean;
  /** It has no account yet. */
  #isNew: boolean;
  #token = "";
  #restsUntilMs = 0;
  /** Why the client's state changed last. */
  #lastChange = "";

  constructor(
    readonly id: number,
    readonly name: string,
    readonly around: Surroundings,
    readonly prng: Prng,
    options: { readonly isTcpOnly: boolean; readonly isNew: boolean; readonly isParrot: boolean },
  ) {
    this.#isParrot = options.isParrot;
    this.#isNew = options.isNew;
    this.client = this.#makeClient(
      () => options.isTcpOnly || prng.nextInt(2) === 0 ? GAME_PORT : GATEWAY_PORT,
      (view, bytes) => this.#onPacket(view, bytes),
    );
    this.client.on("sessionLost", () => this.#forget());
    this.client.on("state", (state, { notice, reason }) => {
      this.#lastChange = reason;
      if (state !== "closed") return;
      this.#forget();
      // Somebody else plays the account: it waits its turn.
      if (notice !== null) this.#restsUntilMs = around.time.monotonicMs() + 1_000 + prng.nextFloat() * 5_000;
    });
  }

  /** Lives until everything is over. */
  async live(): Promise<void> {
    const { around, prng } = this;
    await around.time.sleep(prng.nextFloat() * 2_000);
    while (!around.isOver) {
      if (!around.isQuiet && around.time.monotonicMs() >= this.#restsUntilMs) {
        this.isActing = true;
        try {
          if (this.#isOut()) await this.#enter();
          else await actAtRandom(this);
        } catch (error) {
          if (!(error instanceof Error) || !isExpected(error)) this.#fault(error, "player");
        }
        this.isActing = false;
      }
      await around.time.sleep(prng.nextInt(8) === 0 ? 1_500 * prng.nextFloat() : 20 + 250 * prng.nextFloat());
    }
  }

  /** Goes for good, in one of the ways in which players go. */
  async leave(): Promise<void> {
    const way = this.prng.nextInt(3);
    try {
      if (way === 0 && this.client.state === "connected") await this.client.logout();
      else await this.client.close({ linkDead: way === 1 });
    } catch (error) {
      if (!(error instanceof Error) || !isExpected(error)) this.#fault(error, "leave");
    }
  }

  /** What is still under way; null: nothing. */
  unsettled(): string | null {
    const { client, ledger, sight, isActing } = this;
    if (isActing) return "it is doing something";
    if (client.state === "closed" || client.state === "idle") return null;
    if (client.state !== "connected") return `it is ${client.state}: ${this.#lastChange}`;
    if (client.entityId === null || ledger === null || sight === null) return null;
    return this.around.judges.delivery.unsettled(ledger);
  }

  #isOut(): boolean {
    return this.client.state === "closed" || this.client.state === "idle" || this.client.entityId === null;
  }

  #forget(): void {
    this.ledger = null;
    this.sight = null;
    this.rooms.clear();
  }

  #makeClient(portOf: () => number, onPacket: (view: PacketView, bytes: Uint8Array) => void): DrawbridgeClient {
    const { around, prng } = this;
    return new DrawbridgeClient({
      connect: (signal, server) => this.#connect(portOf(), signal, server?.serverId),
      clientVersion: "1.0.0",
      heartbeatIntervalMs: 1_000,
      connectTimeoutMs: 3_000,
      requestTimeoutMs: 6_000,
      reconnect: { baseMs: 100, capMs: 1_000 },
      now: () => around.time.unixMs(),
      random: () => prng.nextFloat(),
      timers: around.time,
      onPacket,
      onError: (error, source) => this.#fault(error, source),
    });
  }

  async #connect(port: number, signal: AbortSignal, serverId?: number): Promise<Transport> {
    const address = `203.0.113.${this.id + 1}`;
    const socket = await this.around.network.connect(port, address, signal, serverId);
    const transport = port === GATEWAY_PORT ? await upgradeSocket(socket, this.prng) : socket;
    return this.#isParrot ? new Parrot(transport, this.prng, () => !this.#isOut()) : transport;
  }

  /** A client of the real server must never have anything to complain of. */
  #fault(error: unknown, source: string): void {
    const text = error instanceof Error ? error.message : String(error);
    this.around.judges.verdict.fail("contract", `The client of ${this.name} complains in ${source}: ${text}`);
  }

  // Entering

  async #enter(): Promise<void> {
    const { client } = this;
    if (this.#token === "" || this.prng.nextInt(4) === 0) await this.#login();
    if (client.state === "idle" || client.state === "closed") await client.open();
    if (this.#token === "" || client.state !== "connected") return;
    await client.enterWorld({ token: this.#token });
  }

  /** Logs in with a client of its own, on the port for that or the gateway, and registers first where that is needed. */
  async #login(): Promise<void> {
    const port = this.prng.nextInt(2) === 0 ? LOGIN_PORT : GATEWAY_PORT;
    const client = this.#makeClient(() => port, (view, bytes) => this.#onLoginPacket(view, bytes));
    const credentials = { username: this.name, passwordHash: PASSWORD_HASH };
    await client.open();
    try {
      if (this.#isNew) this.#isNew = !(await client.request(RegisterRequestSchema, credentials)).success;
      const { success, sessionToken, playerId } = await client.request(LoginRequestSchema, credentials);
      if (!success) return;
      this.#token = sessionToken;
      this.playerId = Number(playerId);
    } finally {
      await client.close();
    }
  }

  // What the server says

  #onPacket(view: PacketView, bytes: Uint8Array): void {
    const carried = bytes.subarray(view.payloadStart, view.payloadEnd);
    const { type, sequence } = view;
    const { delivery } = this.around.judges;
    if (type === PacketType.ENTER_WORLD_RESPONSE) return this.#onEntered(carried, sequence);
    if (sequence > 0 && this.ledger !== null) delivery.onClientApplied(this.ledger, type, sequence, carried);
    this.#onMessage(type, payloadOf(view, bytes));
  }

  /** Who logs in has a session of its own; the player's may come back to the world meanwhile, on another server. */
  #onLoginPacket(view: PacketView, bytes: Uint8Array): void {
    const payload = payloadOf(view, bytes);
    if (view.type !== PacketType.CHAT_MESSAGE) return this.#onMessage(view.type, payload);
    this.around.judges.chat.onClientHeard(this, fromBinary(ChatMessageSchema, payload), true);
  }

  #onEntered(payload: Uint8Array, sequence: number): void {
    const { success, resumeToken, entityId, spawnPosition } = fromBinary(EnterWorldResponseSchema, payload);
    const { judges } = this.around;
    if (!success) return;
    this.#forget();
    this.ledger = judges.delivery.onClientEntered(resumeToken, sequence);
    this.sight = new Sight(Number(entityId), judges.verdict);
    this.#standAt(spawnPosition!);
  }

  #standAt({ x, z }: { x: number; z: number }): void {
    this.place.x = x;
    this.place.z = z;
    this.walkedMs = this.around.time.monotonicMs();
  }

  #onMessage(type: PacketType, payload: Uint8Array): void {
    const { storage, chat } = this.around.judges;
    switch (type) {
      case PacketType.WORLD_SNAPSHOT:
        return this.sight?.onSnapshot(payload);
      case PacketType.RESUME_RESPONSE: {
        const { success, resumeToken, gap } = fromBinary(ResumeResponseSchema, payload);
        if (!success || this.ledger === null) return;
        this.#onResumed(resumeToken, gap);
        return;
      }
      case PacketType.ENTITY_UPDATE:
        if (fromBinary(EntityUpdateSchema, payload).update.case === "despawn") this.#forget();
        return;
      case PacketType.MOVEMENT_CORRECTION:
        return this.#standAt(fromBinary(MovementCorrectionSchema, payload).position!);
      case PacketType.MAP_ENTERED: {
        const { success, entityId, position } = fromBinary(MapEnteredSchema, payload);
        if (success) this.#onMapEntered(Number(entityId), position!);
        return;
      }
      case PacketType.CHAT_MESSAGE:
        return chat.onClientHeard(this, fromBinary(ChatMessageSchema, payload));
      case PacketType.REGISTER_RESPONSE: {
        const { success, playerId } = fromBinary(RegisterResponseSchema, payload);
        if (success) storage.onClientRegistered(Number(playerId));
        return;
      }
      case PacketType.GUILD_INVITE_NOTICE:
        this.invites.push(fromBinary(GuildInviteNoticeSchema, payload).guildId);
        return;
      case PacketType.ROOM_RESPONSE: {
        const { success, requestType, room } = fromBinary(RoomResponseSchema, payload);
        if (!success || room === undefined) return;
        if (requestType === PacketType.ROOM_LEAVE_REQUEST) this.rooms.delete(room.roomId);
        else this.rooms.add(room.roomId);
        return;
      }
      default: {
        const requestType = successOf(type, payload);
        if (requestType !== 0) storage.onClientAcknowledged(this.playerId, requestType);
      }
    }
  }

  /** It may be another server's map, with ticks of its own. */
  #onMapEntered(entityId: number, position: { x: number; z: number }): void {
    this.#standAt(position);
    this.sight = new Sight(entityId, this.around.judges.verdict);
  }

  /** One-time tokens: each answer brings one that was never given out before. */
  readonly #tokens = new Set<string>();

  #onResumed(token: string, gap: boolean): void {
    const { chat, delivery, verdict } = this.around.judges;
    verdict.expect(!this.#tokens.has(token), "resume", `${this.name} was given a resume token that it had before`);
    this.#tokens.add(token);
    delivery.onClientResumed(this.ledger!, token, gap);
    if (gap) chat.onClientGap(this.id);
    this.sight?.reset();
  }
}

function payloadOf({ payloadStart, payloadEnd, isCompressed }: PacketView, bytes: Uint8Array): Uint8Array {
  const carried = bytes.subarray(payloadStart, payloadEnd);
  return isCompressed ? inflatePayload(carried) : carried;
}

/** The type of the request that was done, by its response; 0: it is no such response, or tells of no success. */
function successOf(type: PacketType, payload: Uint8Array): PacketType | 0 {
  switch (type) {
    case PacketType.GUILD_CREATE_RESPONSE:
      return fromBinary(GuildCreateResponseSchema, payload).success ? PacketType.GUILD_CREATE_REQUEST : 0;
    case PacketType.GUILD_INVITE_RESPONSE:
      return fromBinary(GuildInviteResponseSchema, payload).success ? PacketType.GUILD_INVITE_REQUEST : 0;
    case PacketType.GUILD_ACTION_RESPONSE:
      return requestOf(fromBinary(GuildActionResponseSchema, payload));
    case PacketType.FRIEND_RESPONSE:
      return requestOf(fromBinary(FriendResponseSchema, payload));
    case PacketType.IGNORE_RESPONSE:
      return requestOf(fromBinary(IgnoreResponseSchema, payload));
    default:
      return 0;
  }
}

function requestOf({ success, requestType }: { success: boolean; requestType: PacketType }): PacketType | 0 {
  return success ? requestType : 0;
}

/** The network and the server may fail a player; the client tells so. */
function isExpected({ name, message }: Error): boolean {
  return name === "RequestError" || name === "AbortError" ||
    /refused|reset|closed|no connection|given up|Cannot open client|aborted/.test(message);
}
