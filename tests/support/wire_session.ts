/** Steps of the session flow over {@linkcode WireClient}, and what a player sees of the world. @module */

import { isMessage } from "@bufbuild/protobuf";
import {
  ErrorResponseSchema,
  LoginRequestSchema,
  type LoginResponse,
  LoginResponseSchema,
  RegisterRequestSchema,
  type RegisterResponse,
  RegisterResponseSchema,
  ResumeRequestSchema,
  type ResumeResponse,
  ResumeResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { Channel, type ChatMessage, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import {
  EnterWorldRequestSchema,
  type EnterWorldResponse,
  EnterWorldResponseSchema,
  EntityUpdateSchema,
  type MovementCorrection,
  MovementCorrectionSchema,
  MovementUpdateSchema,
  WorldSnapshotSchema,
} from "../../shared/gen/world_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { assert, assertEquals } from "./assert.ts";
import type { ServerProcess, TestPlayer } from "./server_process.ts";
import { passwordHash, type WireClient, WireClient as Wire, type WireTransport } from "./wire.ts";

/** Both ways into the world. */
export const TRANSPORTS: readonly WireTransport[] = ["tcp", "websocket"];

/** Connects to where the game is served on a transport. */
export function connect(server: ServerProcess, transport: WireTransport): Promise<WireClient> {
  return transport === "tcp" ? Wire.tcp(server.ports.game) : Wire.webSocket(server.ports.gateway);
}

/** Connects to where logins are served on a transport. */
export function connectToLogin(server: ServerProcess, transport: WireTransport): Promise<WireClient> {
  return transport === "tcp" ? Wire.tcp(server.ports.login) : Wire.webSocket(server.ports.gateway);
}

/** Registers; gives the answer, whatever it is. */
export function register(client: WireClient, username: string, password: string): Promise<RegisterResponse> {
  return client.ask(RegisterRequestSchema, { username, passwordHash: passwordHash(password) }, RegisterResponseSchema);
}

/** Logs in; gives the answer, whatever it is. */
export function login(
  client: WireClient,
  username: string,
  password: string,
  clientVersion = "1.0.0",
): Promise<LoginResponse> {
  const request = { username, passwordHash: passwordHash(password), clientVersion, deviceId: "test" };
  return client.ask(LoginRequestSchema, request, LoginResponseSchema);
}

/** Enters the world with a session token, or without one where the connection is logged in. */
export async function enterWorld(client: WireClient, sessionToken: string): Promise<EnterWorldResponse> {
  const answer = await client.ask(EnterWorldRequestSchema, { sessionToken }, EnterWorldResponseSchema);
  assert(answer.success, `Cannot enter the world: error ${answer.errorCode}`);
  return answer;
}

/** Takes a session up on a fresh connection; gives the answer, whatever it is. */
export function resume(client: WireClient, resumeToken: string, lastSequence: number): Promise<ResumeResponse> {
  const request = { resumeToken, lastSequence: BigInt(lastSequence) };
  return client.ask(ResumeRequestSchema, request, ResumeResponseSchema);
}

/** Lines that are said in one go where there are many. */
const LINES_AT_ONCE = 250;
/** Time between two steps of a walk, in milliseconds. */
const WALK_STEP_MS = 20;

/** A point on the ground. */
export interface GroundPoint {
  readonly x: number;
  readonly z: number;
}

/** Someone in the world, on one connection. */
export class WirePlayer {
  readonly client: WireClient;
  readonly name: string;
  readonly entry: EnterWorldResponse;
  #movementNumber = 0;
  #sentSequence = 0;
  #settleCount = 0;
  #position: GroundPoint;

  private constructor(client: WireClient, name: string, entry: EnterWorldResponse) {
    this.client = client;
    this.name = name;
    this.entry = entry;
    this.#position = { x: entry.spawnPosition?.x ?? NaN, z: entry.spawnPosition?.z ?? NaN };
  }

  /** Connects and enters. */
  static async enter(server: ServerProcess, transport: WireTransport, player?: TestPlayer): Promise<WirePlayer> {
    const { name, token } = player ?? server.takePlayer();
    const client = await connect(server, transport);
    try {
      return new WirePlayer(client, name, await enterWorld(client, token));
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  /** Its entity. */
  get entityId(): bigint {
    return this.entry.entityId;
  }

  /** Says where it is; gives the movement's number. */
  move(position: GroundPoint & { y?: number }, velocity: GroundPoint = { x: 0, z: 0 }): number {
    this.#position = position;
    this.client.send(MovementUpdateSchema, {
      position: { x: position.x, y: position.y ?? 0, z: position.z },
      velocity: { x: velocity.x, y: 0, z: velocity.z },
      rotation: {},
      timestamp: BigInt(Date.now()),
      sequenceNumber: ++this.#movementNumber,
    });
    return this.#movementNumber;
  }

  /** Walks to a place in a straight line, as fast as the world allows, and resolves when the server has it there. */
  async walkTo(target: GroundPoint): Promise<void> {
    const stepUnits = this.entry.maxSpeed * WALK_STEP_MS / 1_000;
    for (;;) {
      const { length: before } = this.#tooFast();
      for (let part = 0; part < 1;) {
        const { x, z } = this.#position;
        const distance = Math.hypot(target.x - x, target.z - z);
        part = distance <= stepUnits ? 1 : stepUnits / distance;
        this.move({ x: x + (target.x - x) * part, z: z + (target.z - z) * part });
        if (part < 1) await new Promise((resolve) => setTimeout(resolve, WALK_STEP_MS));
      }
      await this.settle();
      const corrections = this.#tooFast();
      if (corrections.length === before) return;
      // The server stood still for longer than a walk may have been silent, and had all its steps at once.
      const { x, z } = corrections.at(-1)!.position!;
      this.#position = { x, z };
    }
  }

  #tooFast(): MovementCorrection[] {
    return this.client.all(MovementCorrectionSchema).filter(({ reason }) => reason === "too_fast");
  }

  /** Resolves when the server has handled everything that was sent before. */
  async settle(): Promise<void> {
    const text = `settled ${++this.#settleCount}`;
    this.say(Channel.WHISPER, text, { recipientName: this.name });
    await this.client.expect(ChatMessageSchema, (chat) => chat.message === text && chat.senderName === this.name);
  }

  /** Says something under the next number of its reliable packets; gives the number. */
  say(channel: Channel, message: string, recipient: { recipientId?: bigint; recipientName?: string } = {}): number {
    this.client.send(ChatMessageSchema, { channel, message, ...recipient }, { sequence: BigInt(++this.#sentSequence) });
    return this.#sentSequence;
  }

  /**
   * Says lines to everyone, however many: those that a busy server refuses for want of time are said again.
   *
   * @returns The lines in the order in which the server took them; this player has heard them all.
   */
  async sayAll(lines: readonly string[]): Promise<string[]> {
    const taken: string[] = [];
    let left = lines;
    for (let tries = 0; left.length > 0; tries++) {
      assert(tries <= lines.length, `${left.length} of ${lines.length} lines are refused again and again`);
      const said = new Map(left.slice(0, LINES_AT_ONCE).map((line) => [BigInt(this.say(Channel.GLOBAL, line)), line]));
      const again = new Set<bigint>();
      let heardCount = 0, at = this.client.packets.length;
      await this.client.until("each line heard or refused", () => {
        for (; at < this.client.packets.length; at++) {
          const { message } = this.client.packets[at];
          if (isMessage(message, ChatMessageSchema) && message.senderName === this.name) heardCount++;
          if (!isMessage(message, ErrorResponseSchema) || !said.has(message.requestSequence)) continue;
          assertEquals(message.errorCode, ErrorCode.UNAVAILABLE);
          again.add(message.requestSequence);
        }
        return heardCount + again.size === said.size;
      });
      const linesOf = (isRefused: boolean) =>
        [...said].filter(([sequence]) => again.has(sequence) === isRefused).map(([, line]) => line);
      taken.push(...linesOf(false));
      left = [...linesOf(true), ...left.slice(said.size)];
    }
    return taken;
  }

  /** The next chat message that this sender sends. */
  hears(senderName: string): Promise<ChatMessage> {
    return this.client.expect(ChatMessageSchema, (chat) => chat.senderName === senderName);
  }

  /** Everything that was said by a sender so far, in order. */
  heard(senderName: string): string[] {
    return this.client.all(ChatMessageSchema).filter((chat) => chat.senderName === senderName)
      .map((chat) => chat.message);
  }

  /** What this connection was told of an entity so far; `undefined`: it does not see it. */
  sees(entityId: bigint): SeenEntity | undefined {
    return viewOf(this.client).get(entityId);
  }

  /** Resolves when what it sees of an entity, or `undefined`, is as wanted. */
  async untilSees(entityId: bigint, what: string, isWanted: (seen: SeenEntity | undefined) => boolean): Promise<void> {
    await this.client.until(`${this.name} seeing ${what}`, () => isWanted(this.sees(entityId)));
  }

  /** Closes its connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
  }
}

/** An entity as a client knows it. */
export interface SeenEntity {
  readonly name: string;
  readonly x: number;
  readonly z: number;
  readonly hp: number;
}

/** Puts together what a connection was told, as any client would; fails on what makes no sense. */
export function viewOf(client: WireClient): Map<bigint, SeenEntity> {
  const seen = new Map<bigint, SeenEntity>();
  const update = (entityId: bigint, change: Partial<SeenEntity>) => {
    const before = seen.get(entityId);
    assert(before !== undefined, `Entity ${entityId} changes before it spawns`);
    seen.set(entityId, { ...before, ...change });
  };
  for (const snapshot of client.all(WorldSnapshotSchema)) {
    for (const { entityId, update: part } of snapshot.updates) {
      if (part.case === "spawn") {
        const { name, movement, health } = part.value;
        const { x = NaN, z = NaN } = movement?.position ?? {};
        seen.set(entityId, { name, x, z, hp: health?.currentHp ?? NaN });
      } else if (part.case === "despawn") {
        assert(seen.delete(entityId), `Entity ${entityId} despawns before it spawns`);
      } else if (part.case === "health") {
        update(entityId, { hp: part.value.currentHp });
      } else if (part.case === "movement") {
        update(entityId, { x: part.value.position?.x ?? 0, z: part.value.position?.z ?? 0 });
      }
    }
    for (const { entityId, x, z } of snapshot.moves) update(entityId, { x: x / 100, z: z / 100 });
  }
  return seen;
}

/** Fails unless the reliable packets that a connection brought are numbered from `first` on without a hole. */
export function assertNumbered(client: WireClient, first: number): void {
  const numbers = client.reliable.map(({ sequence }) => sequence);
  assertEquals(numbers, numbers.map((_, index) => first + index));
}

/** The despawns of an entity that a connection was told of, outside snapshots too. */
export function despawnsOf(client: WireClient, entityId: bigint): number[] {
  const updates = [
    ...client.all(WorldSnapshotSchema).flatMap((snapshot) => snapshot.updates),
    ...client.all(EntityUpdateSchema),
  ];
  return updates.filter((update) => update.entityId === entityId && update.update.case === "despawn")
    .map(({ update }) => update.case === "despawn" ? update.value.reason : -1);
}
