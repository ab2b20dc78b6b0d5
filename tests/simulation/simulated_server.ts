/**
 * A whole server in one thread of simulated time: io workers, logic, storage, each a life that can end.
 *
 * @module
 */

import { loadConfig, type ServerConfig } from "../../server/config/config.ts";
import { createAdmissionBuffer } from "../../server/io/admission.ts";
import { buildLogic } from "../../server/session/build_logic.ts";
import type { CharacterSaver } from "../../server/session/character_saver.ts";
import { RingOutput } from "../../server/session/link.ts";
import type { Logic } from "../../server/session/logic.ts";
import type { SessionManager } from "../../server/session/session_manager.ts";
import type { GameModule } from "../../server/game/game.ts";
import { type Marsh, marshWith } from "../../games/marsh/game.ts";
import { ClusterNode } from "../../server/cluster/cluster_node.ts";
import type { NodeEntry } from "../../server/cluster/directory_store.ts";
import { addressOf } from "../../server/session/server_list.ts";
import type { MapDefinition } from "../../games/marsh/maps/map_data.ts";
import type { MonsterData } from "../../games/marsh/monsters/monster_data.ts";
import { CounterBlock, createCounterBlock } from "../../server/ops/counters.ts";
import { LimitedLogger } from "../../server/ops/rate_limited_log.ts";
import { RingConsumer, RingProducer } from "../../server/ring/byte_ring.ts";
import { createDoorbellBuffer, Doorbell } from "../../server/ring/doorbell.ts";
import type { StorageChannel } from "../../server/storage/storage_messages.ts";
import { WorkerStorage } from "../../server/storage/worker_storage.ts";
import { refuseOutsideChance } from "../../server/game/outside_chance.ts";
import { refusePendingPromises } from "../../server/game/pending_promises.ts";
import { Prng } from "../../server/world/prng.ts";
import type { World } from "../../server/world/world.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { STOP_TIMEOUT_MS } from "../../shared/limits.ts";
import { plainTokens } from "../support/plain_tokens.ts";
import { RecordingLogger } from "../support/recording_logger.ts";
import type { BusReach, SimulatedBus, SimulatedCarrier } from "./simulated_bus.ts";
import type { SimulatedDisk } from "./simulated_disk.ts";
import { SimulatedIo, wakerOf } from "./simulated_io.ts";
import type { Listeners, ServerSocket } from "./simulated_network.ts";
import { type SimulatedTime, ThreadTimers } from "./simulated_time.ts";

/** How the server of one simulation is built. */
export interface ServerShape {
  readonly ioWorkers: number;
  /** Room in the rings of each io worker, in bytes. */
  readonly toLogicBytes: number;
  readonly fromLogicBytes: number;
  /** Unsent bytes above which a connection is spared snapshots, and above which it is closed. */
  readonly softBytes: number;
  readonly hardBytes: number;
  readonly linkDeadMs: number;
  readonly monsterCount: number;
  /** Default: the marsh, on two small maps of its own. */
  readonly game?: GameModule;
  /** Options of the game. */
  readonly gameOptions?: Readonly<Record<string, unknown>>;
  /** One of several that share a database, by its server id; left out: there are no others. */
  readonly serverId?: number;
}

/** Side of the first map, in units. */
export const MAP_SIZE = 80;
/** On the first map, in units: it touches the edge. */
export const SAFE_AREA = { x: 40, z: 68, radius: 12 };
/** Side of the other one. */
const CELLAR_SIZE = 50;
const DEFAULTS = loadConfig({ args: [], env: {}, platform: { os: "linux", cores: 1 } });
const WORLD_CAPACITY = 64;
const PORTS = { login: 8080, game: 8081, gateway: 8082 };
/** Two maps, and a way to and fro in the middle of each. */
const MAPS: readonly MapDefinition[] = [
  {
    mapId: 0,
    name: "Field",
    theme: "meadow",
    width: MAP_SIZE,
    height: MAP_SIZE,
    safeAreas: [{ x: SAFE_AREA.x / MAP_SIZE, z: SAFE_AREA.z / MAP_SIZE, radius: SAFE_AREA.radius }],
    portals: [{ portalId: 1, x: 0.5, z: 0.5, radius: 15, toMap: 1, toX: 0.5, toZ: 0.5 }],
  },
  {
    mapId: 1,
    name: "Cellar",
    theme: "cave",
    width: CELLAR_SIZE,
    height: CELLAR_SIZE,
    interestRadius: 15,
    portals: [{ portalId: 2, x: 0.5, z: 0.5, radius: 15, toMap: 0, toX: 0.5, toZ: 0.5 }],
  },
];
/** Code that a seed must repeat. */
const GAMES = new URL("../../games/", import.meta.url).href;
/** How long connections have for what they are told when the server stops, in milliseconds. */
const FAREWELL_MS = 50;
/** How long the threads of a crashed server are away, in milliseconds. */
const RESTART_MS = 300;

/** A few rats, which get about and bite. */
function monstersOf(count: number): MonsterData {
  const rat = {
    id: "rat",
    name: "Rat",
    hp: 40,
    damageMin: 3,
    damageMax: 9,
    range: 2,
    attackIntervalMs: 1_000,
    speed: 5,
    aggroRadius: 8,
    leashRadius: 20,
    wanderRadius: 8,
    respawnSeconds: 6,
  };
  return { kinds: [rat], spawns: [{ kind: "rat", count }, { kind: "rat", map: 1, count: 1 }] };
}

/** One life of logic. */
export class LogicLife {
  /** This node among others; undefined: there are none. */
  readonly cluster: ClusterNode | undefined;
  readonly sessions: SessionManager;
  readonly log = new RecordingLogger();
  readonly world: World;
  readonly saver: CharacterSaver;
  readonly storage: WorkerStorage;
  readonly logic: Logic;
  readonly waker;
  #isFrozen = false;
  #freezesAfterTick = false;
  readonly #time: SimulatedTime;
  readonly #prng: Prng;
  readonly #timers: ThreadTimers;
  #channel: StorageChannel;
  readonly #carrier: SimulatedCarrier | undefined;
  readonly #doorbell = new Doorbell(createDoorbellBuffer());
  readonly #rings: RingConsumer[] = [];
  readonly #afterTurn: () => void;
  #event: unknown = null;
  #stalledUntilMs = 0;
  #isDead = false;

  constructor(
    time: SimulatedTime,
    prng: Prng,
    parts: {
      config: ServerConfig;
      disk: SimulatedDisk;
      counters: CounterBlock;
      game: GameModule;
      node: NodeEntry | undefined;
      /** The way to the other nodes; undefined: there are none. */
      bus: SimulatedBus | undefined;
      busReach: () => BusReach;
      randomToken: () => string;
      afterTurn: () => void;
    },
  ) {
    const { config, counters, randomToken } = parts;
    this.#time = time;
    this.#prng = prng;
    this.#timers = new ThreadTimers(time);
    this.#afterTurn = parts.afterTurn;
    counters.resetGauges();
    this.#channel = parts.disk.connect();
    this.storage = new WorkerStorage(this.#channel, {
      nowMs: () => time.monotonicMs(),
      timers: this.#timers,
    });
    this.waker = wakerOf(this.#doorbell, () => this.#schedule(this.#prng.nextFloat() * 2));
    const { bus, game, node } = parts;
    this.#carrier = bus?.connect(() => parts.busReach(), () => this.waker.ring());
    const log = new LimitedLogger(this.log, () => time.monotonicMs());
    const nowMs = () => time.monotonicMs();
    const { linkDeadMs } = config;
    this.cluster = node &&
      new ClusterNode({ storage: this.storage, node, nowMs, timers: this.#timers, log, linkDeadMs });
    for (const folder of [GAMES, game.folder]) refuseOutsideChance(folder);
    refusePendingPromises();
    this.logic = buildLogic({
      game,
      cluster: this.cluster,
      bus: this.#carrier && node && { carrier: this.#carrier, node: node.incarnation, life: 0 },
      config,
      ports: PORTS,
      clock: time,
      timers: this.#timers,
      storage: this.storage,
      hasher: PLAIN_HASHER,
      tokens: plainTokens(this.storage),
      randomToken,
      wake: () => this.waker.ring(),
      prng,
      worldCapacity: WORLD_CAPACITY,
      counters,
      log,
      // How long a packet took depends on the machine.
      watch: { check: () => {} },
    });
    const { saver, sessions, world } = this.logic.context;
    this.saver = saver;
    this.sessions = sessions;
    this.world = world;
    this.#schedule(0);
  }

  /** The parts of the game. */
  get marsh(): Marsh {
    return this.logic.parts as Marsh;
  }

  /** Takes an io worker, or its successor. */
  setIoWorker(index: number, io: SimulatedIo): void {
    this.#rings[index] = new RingConsumer(io.toLogic);
    const onBroadcastFull = this.sessions.onBroadcastFull.bind(this.sessions);
    const output = new RingOutput(new RingProducer(io.fromLogic), io.waker, onBroadcastFull);
    this.logic.setIoWorker(index, this.#rings[index], output);
    this.#schedule(0);
  }

  /** Does nothing for a while: another process has the processor, or a packet takes long. */
  stall(ms: number): void {
    this.#stalledUntilMs = this.#time.monotonicMs() + ms;
    this.#schedule(ms);
  }

  /** Does nothing at all for a while, timers included. */
  pause(ms: number): void {
    this.#timers.pause(ms);
    this.stall(ms);
  }

  /** Goes on with a new storage worker. */
  replaceStorage(channel: StorageChannel): void {
    this.#channel = channel;
    this.storage.replacePort(channel);
  }

  /** The thread dies; nothing of it goes on, what waits for the storage included. */
  die(): void {
    this.#isDead = true;
    this.#carrier?.close();
    this.#channel.port.close();
    this.#timers.die();
  }

  /** Stops the world after its next tick, when everybody has been told of what it is like. */
  freeze(): void {
    this.#freezesAfterTick = true;
  }

  thaw(): void {
    this.#freezesAfterTick = this.#isFrozen = false;
    this.#schedule(0);
  }

  #schedule(delayMs: number): void {
    this.#time.clear(this.#event);
    const stalledMs = this.#stalledUntilMs - this.#time.monotonicMs();
    this.#event = this.#time.at(Math.max(delayMs, stalledMs), () => this.#turn());
  }

  /** Gives every viewer its turn to be shown the world as it stands now. */
  #showEveryone(): void {
    for (let step = 0; step < this.world.stepsPerTick; step++) this.logic.world.step();
    this.logic.context.sessions.publish();
  }

  #turn(): void {
    if (this.#isDead || this.#isFrozen) return;
    this.#doorbell.markAwake();
    const { tick } = this.world;
    const more = this.logic.turn();
    this.#afterTurn();
    this.#isFrozen = this.#freezesAfterTick && this.world.tick !== tick;
    if (this.#isFrozen) this.#showEveryone();
    this.#doorbell.markSleeping();
    const waitMs = this.logic.nextStepMs - this.#time.monotonicMs();
    if (!more && waitMs > 0 && this.#rings.every((ring) => ring.empty)) return this.#schedule(waitMs);
    this.#doorbell.markAwake();
    this.#schedule(0.1);
  }
}

/** Who watches a {@linkcode SimulatedServer}. */
export interface ServerHooks {
  /** Logic begins a new life. */
  readonly onLife: (life: LogicLife) => void;
  /** Logic has made a turn. */
  readonly afterTurn: (server: SimulatedServer) => void;
}

/** The server of one simulation. */
export class SimulatedServer implements Listeners {
  readonly config: ServerConfig;
  readonly disk: SimulatedDisk;
  readonly logicCounters = new CounterBlock(createCounterBlock());
  io: SimulatedIo[] = [];
  life!: LogicLife;
  /** How often logic began. */
  lifeCount = 0;
  /** Nobody listens: everything is being started again. */
  isDown = false;
  #isStopping = false;
  #pausedUntilMs = 0;
  /** How it reaches the bus. */
  busReach: BusReach = "whole";
  readonly #time: SimulatedTime;
  readonly #prng: Prng;
  readonly #shape: ServerShape;
  readonly #hooks: ServerHooks;
  readonly #bus: SimulatedBus | undefined;
  readonly #ioCounters: CounterBlock[] = [];
  readonly #game: GameModule;
  #admitted!: SharedArrayBuffer;
  #tokenCount = 0;

  constructor(
    time: SimulatedTime,
    prng: Prng,
    options: { shape: ServerShape; disk: SimulatedDisk; bus?: SimulatedBus } & ServerHooks,
  ) {
    this.#time = time;
    this.#prng = prng;
    this.#shape = options.shape;
    this.#game = options.shape.game ??
      marshWith({ maps: MAPS, monsters: monstersOf(options.shape.monsterCount) });
    this.#hooks = options;
    this.#bus = options.bus;
    this.disk = options.disk;
    this.config = {
      ...DEFAULTS,
      ioWorkers: options.shape.ioWorkers,
      linkDeadMs: options.shape.linkDeadMs,
      tickMs: 100,
      mapSize: MAP_SIZE,
      interestRadius: 25,
      sendQueueSoftBytes: options.shape.softBytes,
      sendQueueHardBytes: options.shape.hardBytes,
      gameOptions: options.shape.gameOptions ?? { guildWarMinutes: 1 },
      floodControl: false,
      ...options.shape.serverId !== undefined && {
        serverId: options.shape.serverId,
        serverName: `Server ${options.shape.serverId}`,
        publicHost: `node${options.shape.serverId}`,
        databaseUrl: "postgres://database",
      },
    };
    for (let index = 0; index < this.#shape.ioWorkers; index++) {
      this.#ioCounters.push(new CounterBlock(createCounterBlock()));
    }
    this.#start();
  }

  /** Whether it is about to stop, or being started. */
  get isRestarting(): boolean {
    return this.isDown || this.#isStopping;
  }

  /** Whether the whole process stands still. */
  get isPaused(): boolean {
    return this.#pausedUntilMs > this.#time.monotonicMs();
  }

  tryAccept(portIndex: number, socket: ServerSocket): boolean {
    const io = this.io[this.#prng.nextInt(this.io.length)];
    if (this.isDown || io === undefined) return false;
    io.accept(portIndex, socket);
    return true;
  }

  /** An io worker dies and is started again at once. */
  crashIo(index: number): void {
    if (this.isDown) return;
    this.io[index].crash();
    this.#startIo(index);
    this.life.setIoWorker(index, this.io[index]);
  }

  /** Logic dies: everything is started again, from what was saved. */
  crashLogic(): void {
    if (this.isDown) return;
    this.life.die();
    for (const io of this.io) io.crash();
    this.isDown = true;
    this.#time.at(RESTART_MS, () => this.#start());
  }

  /**
   * The server is told to stop, as by SIGTERM, and is started again. It hands its sessions over; where that takes longer
   * than it may, it is killed.
   */
  async restart(): Promise<void> {
    const { life } = this;
    if (this.isDown || this.#isStopping) return;
    this.#isStopping = true;
    const isGone = () => life !== this.life || this.isDown;
    this.#time.at(STOP_TIMEOUT_MS, () => {
      if (!isGone() && this.#isStopping) this.crashLogic();
    });
    await life.logic.drain();
    if (isGone()) return;
    for (const io of this.io) io.worker.closeAll(DisconnectReason.SHUTDOWN, "The server stops");
    await this.#time.sleep(FAREWELL_MS);
    if (isGone()) return;
    // It ends then, whether or not the database has heard of it.
    await life.logic.stop().catch(() => {});
    if (!isGone()) this.crashLogic();
  }

  /** The whole process stands still for a while at least, as by SIGSTOP; its clock goes on. */
  pause(ms: number): void {
    const nowMs = this.#time.monotonicMs();
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, nowMs + ms);
    const forMs = this.#pausedUntilMs - nowMs;
    this.disk.pause(forMs);
    this.life.pause(forMs);
    for (const io of this.io) io.stall(forMs);
  }

  /** Everything ends where it is. */
  stop(): void {
    this.life.die();
    for (const io of this.io) io.crash();
  }

  /** The storage worker dies and is started again. */
  crashStorage(): void {
    this.disk.crash();
    const { life } = this;
    this.#time.at(RESTART_MS, () => {
      if (life === this.life && !this.isDown) life.replaceStorage(this.disk.connect());
    });
  }

  #start(): void {
    this.lifeCount++;
    this.#isStopping = false;
    this.#admitted = createAdmissionBuffer(this.#shape.ioWorkers);
    this.life = new LogicLife(this.#time, new Prng(this.#prng.nextUint32()), {
      config: this.config,
      disk: this.disk,
      counters: this.logicCounters,
      game: this.#game,
      node: this.#node(),
      bus: this.#bus,
      busReach: () => this.busReach,
      randomToken: () => `token${this.#shape.serverId ?? ""}.${++this.#tokenCount}`,
      afterTurn: () => this.#hooks.afterTurn(this),
    });
    this.#hooks.onLife(this.life);
    if (this.life.cluster === undefined) return this.#listen();
    this.isDown = true;
    this.#join(this.life, this.life.cluster);
  }

  /** Listens once it has joined the others; what cannot is started again. */
  async #join(life: LogicLife, cluster: ClusterNode): Promise<void> {
    try {
      await cluster.join();
      if (life === this.life) this.#listen();
    } catch {
      if (life !== this.life) return;
      life.die();
      this.#time.at(RESTART_MS, () => this.#start());
    }
  }

  #listen(): void {
    this.isDown = false;
    for (let index = 0; index < this.#shape.ioWorkers; index++) {
      this.#startIo(index);
      this.life.setIoWorker(index, this.io[index]);
    }
  }

  #node(): NodeEntry | undefined {
    const { config } = this, { serverId } = this.#shape;
    if (serverId === undefined) return undefined;
    const address = addressOf(config, PORTS, config.publicHost);
    const load = { currentPlayers: 0, maxPlayers: WORLD_CAPACITY, isDraining: false };
    return { serverId, incarnation: `run ${serverId}.${this.lifeCount}`, ...address, ...load };
  }

  #startIo(index: number): void {
    const { life } = this;
    this.io[index] = new SimulatedIo(this.#time, new Prng(this.#prng.nextUint32()), {
      packets: this.#game.contract.packets,
      config: this.config,
      counters: this.#ioCounters[index],
      admitted: this.#admitted,
      index,
      logicWaker: life.waker,
      toLogicBytes: this.#shape.toLogicBytes,
      fromLogicBytes: this.#shape.fromLogicBytes,
    });
  }
}

/** Passwords in plain text. */
const PLAIN_HASHER = {
  hash: (clientHash: string) => Promise.resolve(`plain:${clientHash}`),
  verify: (clientHash: string, verifier: string | null) => Promise.resolve(verifier === `plain:${clientHash}`),
  verifyAgainstNobody: () => Promise.resolve(false as const),
};
