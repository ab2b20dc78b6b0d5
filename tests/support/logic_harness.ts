/**
 * The whole of logic in one thread, without sockets, time and chance: real sessions, world and storage, packets in by
 * the real rings, packets out into arrays.
 *
 * @module
 */

import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { inflateRawSync } from "node:zlib";
import type { MessageByType, MessageType } from "../../client/browser.ts";
import { nameKey } from "../../server/auth/names.ts";
import { type Clock, SYSTEM_TIMERS, type Timers } from "../../server/base/clock.ts";
import type { BusCarrier } from "../../server/bus/bus.ts";
import { ClusterNode } from "../../server/cluster/cluster_node.ts";
import type { NodeEntry } from "../../server/cluster/directory_store.ts";
import type { GameModule } from "../../server/game/game.ts";
import { refuseOutsideChance } from "../../server/game/outside_chance.ts";
import { refusePendingPromises } from "../../server/game/pending_promises.ts";
import { loadConfig, type ServerConfig } from "../../server/config/config.ts";
import { buildLogic } from "../../server/session/build_logic.ts";
import type { LogicContext } from "../../server/session/context.ts";
import type { IoOutput, Link } from "../../server/session/link.ts";
import type { Logic, Predecessor } from "../../server/session/logic.ts";
import type { Player } from "../../server/session/player.ts";
import type { Session } from "../../server/session/session.ts";
import type { SessionManager } from "../../server/session/session_manager.ts";
import { textOf, type Told } from "../../server/session/told.ts";
import { loadGameData } from "../../games/marsh/data/game_data.ts";
import type { Health } from "../../games/parts/combat/components.ts";
import { type Marsh, marshWith } from "../../games/marsh/game.ts";
import type { MapDefinition } from "../../games/marsh/maps/map_data.ts";
import type { MonsterData } from "../../games/marsh/monsters/monster_data.ts";
import { CounterBlock, createCounterBlock } from "../../server/ops/counters.ts";
import { LimitedLogger } from "../../server/ops/rate_limited_log.ts";
import type { Faults } from "../../server/ops/faults.ts";
import { createRingBuffer, RingConsumer, RingProducer } from "../../server/ring/byte_ring.ts";
import {
  type OpenInfo,
  RECORD_CLOSED,
  RECORD_CONGESTED,
  RECORD_OPEN,
  RECORD_PACKET,
  RECORD_REQUEST_KEY,
  tryPushRecord,
} from "../../server/ring/records.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { MEMORY_PATH } from "../../server/storage/sqlite_database.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { Prng } from "../../server/world/prng.ts";
import type { World } from "../../server/world/world.ts";
import type { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { EnterWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { RING_TO_IO_BYTES } from "../../shared/limits.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { assert } from "./assert.ts";
import { plainTokens } from "./plain_tokens.ts";
import { RecordingLogger } from "./recording_logger.ts";

/** A clock that stands still until it is told otherwise. */
export class ManualClock implements Clock {
  /** Time that passes with every look at the clock, in milliseconds. */
  perLookMs = 0;
  #monotonicMs = 1_000;
  #unixMs = 1_700_000_000_000;

  monotonicMs(): number {
    this.#monotonicMs += this.perLookMs;
    return this.#monotonicMs;
  }

  unixMs(): number {
    return this.#unixMs;
  }

  advance(ms: number): void {
    this.#monotonicMs += ms;
    this.#unixMs += ms;
  }

  /** Sets the date on or back; no time passes. */
  jump(ms: number): void {
    this.#unixMs += ms;
  }
}

/** A packet that logic sent to a client. */
export interface SentPacket {
  readonly type: PacketType;
  /** 0: not reliable. */
  readonly sequence: number;
  readonly ack: number;
  /** Decompressed. */
  readonly payload: Uint8Array;
}

/** How logic closed a connection. */
export interface ClosedBy {
  readonly reason: DisconnectReason;
  readonly message: string;
  readonly retryAfterMs: number;
}

/** One connection, and who is behind it. */
export class HarnessClient {
  /** What came over this connection since it was opened, or since {@linkcode LogicHarness.forget}. */
  packets: SentPacket[] = [];
  /** Types of packets that came again, and that logic acknowledged by themselves. */
  readonly repeated: PacketType[] = [];
  /** Null while logic has not closed the connection. */
  closedBy: ClosedBy | null = null;
  /** The account's id; 0 before {@linkcode LogicHarness.connect}. */
  playerId = 0;
  characterId = 0;
  /** Of the entry into the world; 0 before. */
  entityId = 0;
  /** As of the entry into the world. */
  resumeToken = "";

  constructor(readonly slot: number, readonly generation: number, readonly name: string) {}
}

/** Numbers in the header of a packet. */
interface PacketNumbers {
  readonly sequence?: number;
  readonly ack?: number;
  readonly requestKey?: number;
}

/** What a {@linkcode LogicHarness} is made with; everything has a default. */
export interface HarnessOptions {
  /** Default: the marsh. */
  readonly game?: GameModule;
  /** Seed of all chance. */
  readonly seed?: number;
  /** What differs from the default configuration, in which there are no monsters here. */
  readonly config?: Partial<ServerConfig>;
  /** Who lives in the world beside players; if left out, the monsters of the build where the configuration has them. */
  readonly monsters?: MonsterData;
  /** Where they live; if left out, the maps of the build. */
  readonly maps?: readonly MapDefinition[];
  /** A storage to go on with; an empty one in memory unless told. Closed with the harness. */
  readonly storage?: Storage;
  /** A node that has joined others; alone unless told. */
  readonly node?: NodeEntry;
  /** What it says to other nodes, and hears of them; nothing unless told. */
  readonly carrier?: BusCarrier;
  /** The time that others count its lease by; its own unless told. */
  readonly nowMs?: () => number;
  /** For whatever comes back later; those of the thread unless told. */
  readonly timers?: Timers;
  /** Entities the world has room for. */
  readonly worldCapacity?: number;
  /** Passwords in plain text unless told. */
  readonly hasher?: LogicContext["hasher"];
  /** Tokens in plain text unless told. */
  readonly tokens?: LogicContext["tokens"];
  /** The game is measured, and not watched for chance from outside: every look at a clock would take 50 µs. */
  readonly isTimed?: boolean;
  /** Takes each packet at once, in the order logic sends them; then {@linkcode HarnessClient.packets} stays empty. */
  readonly onPacket?: (client: HarnessClient, packet: SentPacket) => void;
}

/** Who enters the world. */
export interface ConnectOptions {
  /** A new account unless there is one; `player1`, `player2` … unless told. */
  readonly name?: string;
  readonly port?: OpenInfo["port"];
  /** Where the connection comes from. */
  readonly address?: string;
  /** Where the character was saved, in units; without it the world chooses a place. */
  readonly at?: { readonly x: number; readonly z: number };
  /** On which map, the first one unless told. Only together with `at`. */
  readonly mapId?: number;
  /** Hit points it was saved with. Only together with `at`. */
  readonly hp?: number;
}

const PARTS = new URL("../../games/parts/", import.meta.url).href;
const SLOT_COUNT_MAX = 4_096;
const WORKER = 0;
const EMPTY = new Uint8Array(0);
/** Turns of the event loop that a request may take until it is answered: each needs a few, a signature of a busy machine many. */
const TURNS_MAX = 100_000;

/** Gathers what logic sends, by connection. */
class CollectingOutput implements IoOutput {
  readonly clients: (HarnessClient | undefined)[] = [];
  /** Links that logic closed since the last look. */
  closed: Link[] = [];
  /** Whether there is room for anything; see {@linkcode LogicHarness.setFull}. */
  isFull = false;
  /** Times that the connections were asked for that logic has not heard of. */
  rollCallCount = 0;
  /** Times that something was published. */
  publishCount = 0;
  packetCount = 0;
  #isDue = false;
  readonly #onBroadcastFull: (link: Link, sequence: number) => void;
  readonly #onPacket: (client: HarnessClient, packet: SentPacket) => void;
  #recipients: { readonly link: Link; readonly sequence: number }[] = [];
  /** Takes everything instead; see {@linkcode LogicHarness.sendTo}. */
  other: IoOutput | null = null;

  constructor(
    onBroadcastFull: (link: Link, sequence: number) => void,
    onPacket: HarnessOptions["onPacket"] = (client, packet) => client.packets.push(packet),
  ) {
    this.#onBroadcastFull = onBroadcastFull;
    this.#onPacket = onPacket;
  }

  trySend(
    link: Link,
    type: number,
    sequence: number,
    ack: number,
    isCompressed: boolean,
    payload: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    if (this.isFull) return false;
    if (this.other !== null) {
      this.packetCount++;
      return this.other.trySend(link, type, sequence, ack, isCompressed, payload, start, end);
    }
    link.stateDue = 0;
    this.#add(link, { type, sequence, ack, payload: inflate(payload.slice(start, end), isCompressed) });
    return true;
  }

  send(link: Link, type: number, payload: Uint8Array): void {
    if (this.other !== null) {
      this.packetCount++;
      return this.other.send(link, type, payload);
    }
    this.#add(link, { type, sequence: 0, ack: 0, payload: payload.slice() });
  }

  tryAck(link: Link, _ack: number, repeatedType: PacketType | 0): boolean {
    if (this.isFull) return false;
    link.stateDue = 0;
    if (repeatedType !== 0) this.clients[link.slot]?.repeated.push(repeatedType);
    return true;
  }

  addRecipient(link: Link, sequence: number): void {
    if (this.other !== null) return this.other.addRecipient(link, sequence);
    this.#recipients.push({ link, sequence });
  }

  flushBroadcast(type: number, isCompressed: boolean, payload: Uint8Array): void {
    if (this.other !== null) {
      this.packetCount++;
      return this.other.flushBroadcast(type, isCompressed, payload);
    }
    const recipients = this.#recipients;
    this.#recipients = [];
    const copy = inflate(payload.slice(), isCompressed);
    for (const { link, sequence } of recipients) {
      if (this.isFull) this.#onBroadcastFull(link, sequence);
      else this.#add(link, { type, sequence, ack: 0, payload: copy });
    }
  }

  close(link: Link, reason: DisconnectReason, told: Told, retryAfterMs: number): void {
    if (link.closed) return;
    link.closed = true;
    this.closed.push(link);
    const client = this.clients[link.slot];
    if (client?.generation === link.generation) client.closedBy = { reason, message: textOf(told), retryAfterMs };
  }

  tryCallRoll(): boolean {
    this.rollCallCount++;
    return !this.isFull;
  }

  hasRoomFor(): boolean {
    return !this.isFull;
  }

  publish(): void {
    this.other?.publish();
    if (this.#isDue) this.publishCount++;
    this.#isDue = false;
  }

  #add(link: Link, packet: SentPacket): void {
    this.#isDue = true;
    this.packetCount++;
    const client = this.clients[link.slot];
    if (client?.generation === link.generation && !link.closed) this.#onPacket(client, packet);
  }
}

function inflate(bytes: Uint8Array, isCompressed: boolean): Uint8Array {
  return isCompressed ? new Uint8Array(inflateRawSync(bytes)) : bytes;
}

/** Passwords in plain text. */
const PLAIN_HASHER = {
  hash: (clientHash: string) => Promise.resolve(`plain:${clientHash}`),
  verify: (clientHash: string, verifier: string | null) => Promise.resolve(verifier === `plain:${clientHash}`),
  verifyAgainstNobody: () => Promise.resolve(false as const),
};

/**
 * Runs logic step by step:
 *
 * ```ts ignore
 * await using harness = await LogicHarness.create({ seed: 7 });
 * const [anna, bert] = [await harness.connect({ at: { x: 10, z: 10 } }), await harness.connect({ at: { x: 12, z: 10 } })];
 * harness.tick();
 * harness.send(anna, CombatActionSchema, { skillId: 1, targetId: BigInt(bert.entityId) });
 * const [result] = harness.received(bert, PacketType.COMBAT_RESULT);
 * ```
 *
 * Two runs with the same seed and the same calls are the same.
 */
export class LogicHarness implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly counters = new CounterBlock(createCounterBlock());
  readonly log = new RecordingLogger();
  faults!: Faults;
  sessions!: SessionManager;
  readonly config: ServerConfig;
  readonly storage: Storage;
  world!: World;
  logic!: Logic;
  readonly #memory = createRingBuffer(RING_TO_IO_BYTES);
  readonly #ring: RingProducer;
  readonly #output: CollectingOutput;
  readonly #build: (game: GameModule, before?: Predecessor) => void;
  #generation = 0;
  #playerCount = 0;

  private constructor(options: HarnessOptions) {
    const defaults = loadConfig({ args: [], env: {}, platform: { os: "linux", cores: 1 } });
    const gameOptions = { monsters: options.monsters !== undefined, ...options.config?.gameOptions };
    const config = { ...defaults, ...options.config, gameOptions };
    this.config = config;
    const records = options.game === undefined ? MARSH_RECORDS : { game: options.game.name, stores: [] };
    this.storage = options.storage ?? new DirectStorage({ path: MEMORY_PATH }, records);
    const data = loadGameData();
    let tokenCount = 0, life = 0;
    const { carrier, node } = options;
    const game = options.game ??
      marshWith({ maps: options.maps ?? data.maps, monsters: options.monsters ?? data.monsters });
    if (options.isTimed !== true) {
      for (const folder of [game.folder, PARTS]) refuseOutsideChance(folder);
      refusePendingPromises();
    }
    this.#ring = new RingProducer(this.#memory);
    this.#output = new CollectingOutput(
      (link, sequence) => this.sessions.onBroadcastFull(link, sequence),
      options.onPacket,
    );
    this.#build = (game, before) => {
      const log = new LimitedLogger(this.log, () => this.clock.monotonicMs());
      this.logic = buildLogic({
        game,
        before,
        config,
        ports: { login: 8080, game: 8081, gateway: 8082 },
        clock: this.clock,
        storage: this.storage,
        hasher: options.hasher ?? PLAIN_HASHER,
        tokens: options.tokens ?? plainTokens(this.storage),
        wake: () => {},
        randomToken: () => `${options.node?.incarnation ?? ""}token${++tokenCount}`,
        prng: new Prng(options.seed ?? 1),
        worldCapacity: options.worldCapacity ?? 1_024,
        cluster: options.node && new ClusterNode({
          ...{ storage: this.storage, node: options.node, log },
          nowMs: options.nowMs ?? (() => this.clock.monotonicMs()),
          timers: options.timers ?? SYSTEM_TIMERS,
          linkDeadMs: config.linkDeadMs,
        }),
        bus: carrier && { carrier, node: node!.incarnation, life: life++ },
        timers: options.timers,
        counters: this.counters,
        log,
        // How long a packet took depends on the machine.
        watch: { check: () => {} },
      });
      const { faults, sessions, world } = this.logic.context;
      this.faults = faults;
      this.sessions = sessions;
      this.world = world;
    };
    this.#build(game);
    this.logic.setIoWorker(WORKER, new RingConsumer(this.#memory), this.#output);
  }

  /**
   * Reloads the game as `deno task dev` does: a logic made from an image of this one takes its place. What the image has
   * goes the way between threads.
   *
   * @throws What the game throws at its start; then nothing has changed.
   */
  async reload(game: GameModule): Promise<void> {
    while (!this.logic.isBetweenTicks) this.tick();
    const image = structuredClone(this.logic.image());
    const { faults, logic, sessions, world } = this;
    try {
      this.#build(game, {
        image,
        connect: (sessions) => {
          this.sessions = sessions;
          return [{ ring: new RingConsumer(this.#memory), output: this.#output }];
        },
      });
      await this.logic.takeOver();
    } catch (error) {
      Object.assign(this, { faults, logic, sessions, world });
      throw error;
    }
  }

  /** Hit points of everybody. */
  get health(): Health {
    return this.marsh.combat.health;
  }

  static create(options: HarnessOptions = {}): Promise<LogicHarness> {
    return Promise.resolve(new LogicHarness(options));
  }

  /** The parts of the game. */
  get marsh(): Marsh {
    return this.logic.parts as Marsh;
  }

  /** Opens a connection that has sent nothing yet. */
  open(
    { name = "", port = "gateway", address = "203.0.113.7" }: {
      name?: string;
      port?: OpenInfo["port"];
      address?: string;
    } = {},
  ): HarnessClient {
    const { clients } = this.#output;
    let slot = clients.indexOf(undefined);
    if (slot < 0) slot = clients.length;
    assert(slot < SLOT_COUNT_MAX, "Too many connections");
    const client = new HarnessClient(slot, ++this.#generation, name);
    clients[slot] = client;
    const transport = port === "gateway" ? "websocket" : "tcp";
    const info: OpenInfo = { transport, port, address, localAddress: "192.0.2.1" };
    this.#push(client, { kind: RECORD_OPEN, payload: new TextEncoder().encode(JSON.stringify(info)) });
    this.#turn();
    return client;
  }

  /** Opens a connection and enters the world on it. */
  async connect(options: ConnectOptions = {}): Promise<HarnessClient> {
    const name = options.name ?? `player${++this.#playerCount}`;
    const playerId = await this.#ensureAccount(name);
    const character = await this.storage.characters.load({ accountId: playerId, characterId: 0 });
    assert(character !== undefined, "Every account has a character");
    const { characterId } = character;
    if (options.at !== undefined) {
      const { at: { x, z }, hp = 100, mapId = 0 } = options;
      await this.storage.characters.save({ characterId, mapId, x, y: 0, z, yaw: 0, hp });
    }
    const client = this.open({ name, port: options.port, address: options.address });
    client.playerId = playerId;
    client.characterId = characterId;
    await this.enter(client);
    return client;
  }

  /** Enters the world, or enters it again, with the player of {@linkcode LogicHarness.connect}. */
  async enter(client: HarnessClient): Promise<void> {
    const answers = this.received(client, PacketType.ENTER_WORLD_RESPONSE).length;
    this.send(client, EnterWorldRequestSchema, { sessionToken: `plain:${client.playerId}:${client.name}` });
    await this.until(() => this.received(client, PacketType.ENTER_WORLD_RESPONSE).length > answers);
    const response = this.received(client, PacketType.ENTER_WORLD_RESPONSE)[answers];
    assert(response.success, `${client.name} cannot enter the world: error ${response.errorCode}`);
    client.entityId = Number(response.entityId);
    client.resumeToken = response.resumeToken;
  }

  /**
   * Sends one message and lets logic handle it; what it awaits is done after {@linkcode LogicHarness.until}.
   *
   * @param header Of the packet; 0 unless told: a client that ignores both.
   */
  send<Desc extends DescMessage>(
    client: HarnessClient,
    schema: Desc,
    message: MessageInitShape<Desc>,
    header: PacketNumbers = {},
  ): void {
    const row = this.logic.context.contract.rowOf(schema);
    this.sendRaw(client, row.type, toBinary(schema, create(schema, message)), header);
  }

  /** Sends any payload under any type. */
  sendRaw(
    client: HarnessClient,
    type: PacketType,
    payload: Uint8Array,
    { requestKey = 0, ...header }: PacketNumbers = {},
  ): void {
    if (requestKey > 0) this.#push(client, { kind: RECORD_REQUEST_KEY, sequence: requestKey });
    this.#push(client, { kind: RECORD_PACKET, type, payload, ...header });
    this.#turn();
  }

  /** Puts one message into the ring and leaves logic alone. */
  post<Desc extends DescMessage>(client: HarnessClient, schema: Desc, message: MessageInitShape<Desc>): void {
    const { type } = this.logic.context.contract.rowOf(schema);
    this.#push(client, { kind: RECORD_PACKET, type, payload: toBinary(schema, create(schema, message)) });
  }

  /** One turn of logic; gives whether it has more to do at once. */
  turn(): boolean {
    return this.#turn();
  }

  /** From now on logic sends to another output, and clients receive nothing. */
  sendTo(output: IoOutput): void {
    this.#output.other = output;
  }

  /** Packets that logic has sent, to everybody. */
  get packetCount(): number {
    return this.#output.packetCount;
  }

  /** How often logic asked for the connections that it has not heard of. */
  get rollCallCount(): number {
    return this.#output.rollCallCount;
  }

  /** How often logic has published something. */
  get publishCount(): number {
    return this.#output.publishCount;
  }

  /**
   * The client's connection is lost.
   *
   * @param isTold Whether logic is told so before the slot is used again.
   */
  disconnect(client: HarnessClient, isTold = true): void {
    if (isTold) this.#push(client, { kind: RECORD_CLOSED });
    this.#output.clients[client.slot] = undefined;
    this.#turn();
  }

  /** The client reads too slowly, or fast enough again. */
  setCongested(client: HarnessClient, isCongested: boolean): void {
    this.#push(client, { kind: RECORD_CONGESTED, type: isCongested ? 1 : 0 });
    this.#turn();
  }

  /** The ring to the io worker has no room, or has room again. */
  setFull(isFull: boolean): void {
    this.#output.isFull = isFull;
  }

  /** Goes on by `count` ticks. */
  tick(count = 1): void {
    for (let index = 0; index < count; index++) {
      this.clock.advance(this.config.tickMs);
      this.#turn();
    }
  }

  /** Goes on by as many ticks as take `ms` or more. */
  advance(ms: number): void {
    this.tick(Math.ceil(ms / this.config.tickMs));
  }

  /** Lets what logic awaits go on, without time passing, until `condition` holds; fails when that takes too long. */
  async until(condition: () => boolean): Promise<void> {
    for (let turn = 0; !condition(); turn++) {
      assert(turn < TURNS_MAX, `Waited for ${TURNS_MAX} turns: ${condition}`);
      await new Promise((resolve) => setImmediate(resolve));
      this.#turn();
    }
  }

  /** What a client received of one type, oldest first. */
  received<T extends MessageType>(client: HarnessClient, type: T): MessageByType[T][] {
    const schema = this.logic.context.contract.schemaOf(type)!;
    return client.packets.filter((packet) => packet.type === type)
      .map(({ payload }) => fromBinary(schema, payload) as MessageByType[T]);
  }

  /** What a client received of one type since it was last taken or forgotten; takes it. */
  take<T extends MessageType>(client: HarnessClient, type: T): MessageByType[T][] {
    const messages = this.received(client, type);
    client.packets = client.packets.filter((packet) => packet.type !== type);
    return messages;
  }

  /** Forgets what clients received so far; all of them unless told. */
  forget(...clients: HarnessClient[]): void {
    for (const client of clients.length > 0 ? clients : this.#output.clients) {
      if (client !== undefined) client.packets = [];
    }
  }

  /** The session that a client's entity belongs to. */
  sessionOf(client: HarnessClient): Session {
    const session = this.logic.world.occupants.sessionOf(client.entityId);
    assert(session !== undefined, `${client.name} is not in the world`);
    return session;
  }

  /** The player of a client in the world. */
  playerOf(client: HarnessClient): Player {
    return this.sessionOf(client).player!;
  }

  /** Takes everyone out of the world, saves them and closes the storage. */
  async close(): Promise<void> {
    await this.logic.stop();
    await this.storage.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #ensureAccount(name: string): Promise<number> {
    const account = { name, nameKey: nameKey(name), passwordVerifier: null, createdAtMs: this.clock.unixMs() };
    const [{ accountId }] = await this.storage.accounts.createMany([account]);
    return accountId;
  }

  #push(
    client: HarnessClient,
    record: { kind: number; type?: number; sequence?: number; ack?: number; payload?: Uint8Array },
  ): void {
    const { kind, type = 0, sequence = 0, ack = 0, payload = EMPTY } = record;
    const { slot, generation } = client;
    const at = tryPushRecord(this.#ring, kind, slot, generation, type, sequence, ack, payload, 0, payload.length);
    assert(at >= 0, "The ring to logic is full");
    this.#ring.publish();
  }

  /** One turn of logic, and what io workers do with the connections it closed. */
  #turn(): boolean {
    const more = this.logic.turn();
    const { closed } = this.#output;
    this.#output.closed = [];
    for (const { slot, generation } of closed) {
      const client = this.#output.clients[slot];
      if (client?.generation === generation) this.disconnect(client);
    }
    return more;
  }
}
