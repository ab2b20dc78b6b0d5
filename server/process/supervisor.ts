/**
 * Starts the workers, starts them again when they crash, and stops them in order.
 *
 * An io worker that crashes takes its connections with it; their sessions wait in logic for a resume. When logic
 * crashes, sessions are gone, so every worker starts anew on the same ports, and players enter again from saved state.
 * Before its memory is used up, another logic worker goes on for it, with the sessions and without what has piled up in
 * the game's variables. A worker that hangs forever cannot be ended from here: the process exits, so that its parent can start it again.
 *
 * @module
 */

import type { Asset } from "../../gateway/app.ts";
import { ConfigError, DependencyError } from "../../shared/errors.ts";
import {
  MEMORY_RELIEF_INTERVAL_MS,
  MEMORY_RELIEF_KEPT_VALUES_MAX,
  MEMORY_RELIEF_SHARE,
  MEMORY_RELIEVED_SHARE_MAX,
  MODERATION_PENDING_MAX,
  RELOAD_LOAD_MS,
  RELOAD_START_MS,
  RING_TO_IO_BYTES,
  RING_TO_LOGIC_BYTES,
  ROUNDS_CHECK_INTERVAL_MS,
  STORAGE_CHECK_INTERVAL_MS,
  STORAGE_HANG_MS,
  STORAGE_LOG_BYTES_WARNED,
  STORAGE_RESTART_MS,
  THREAD_HANG_MS,
  THREAD_STALL_MS,
  WORKER_RESTART_MS,
} from "../../shared/limits.ts";
import type { PacketRow } from "../../shared/packet_table.ts";
import type { Clock } from "../base/clock.ts";
import type { ServerConfig } from "../config/config.ts";
import { createAddressTableBuffer } from "../io/address_table.ts";
import { createAdmissionBuffer } from "../io/admission.ts";
import { createDescriptorBuffer } from "../io/descriptor_set.ts";
import type { BusParts } from "./bus.ts";
import type { GameReload } from "./dev_desk.ts";
import type { BusThread } from "../bus/start_bus.ts";
import type { MaintenanceDesk } from "./maintenance_plan.ts";
import type { NodePorts } from "../session/context.ts";
import type { ModerationOutcome, ModerationRequest } from "../moderation/moderation_request.ts";
import { Counter, CounterBlock, createCounterBlock, Gauge } from "../ops/counters.ts";
import { collectGarbage } from "../ops/garbage.ts";
import type { DrillCommand } from "../ops/hang.ts";
import type { Logger } from "../ops/logging.ts";
import { OverloadWatch } from "./overload_watch.ts";
import { ioPermissions, logicPermissions } from "./permissions.ts";
import { ProgressWatch } from "./progress_watch.ts";
import { createRingBuffer } from "../ring/byte_ring.ts";
import { createDoorbellBuffer } from "../ring/doorbell.ts";
import type { StorageWorker } from "../storage/start_storage_worker.ts";
import { WorkerStorage } from "../storage/worker_storage.ts";
import type { TlsFiles } from "./tls.ts";
import { WorkerHandle } from "./worker_handle.ts";
import type { IoCommand, IoReport, IoStarted, LogicCommand, LogicInit, LogicReport } from "./worker_messages.ts";

/** What the supervisor needs. */
export interface SupervisorOptions {
  readonly config: ServerConfig;
  readonly tls: TlsFiles | null;
  /** Every packet type of the game and the engine. */
  readonly packets: readonly PacketRow[];
  readonly assets: ReadonlyMap<string, Asset>;
  /** What runs in the logic worker: the game, and the engine around it. */
  readonly logicEntry: string;
  /** What the game is called. */
  readonly game: string;
  readonly sessionKey: Uint8Array<ArrayBuffer>;
  readonly clock: Clock;
  readonly maintenance: Pick<MaintenanceDesk, "isOn" | "plan" | "run">;
  /** Starts the storage worker, which is told on when it crashes. */
  readonly startStorage: (onCrash: (error: Error) => void, counters: SharedArrayBuffer) => Promise<StorageWorker>;
  /** Starts the bus thread for a node; undefined: there is no bus. Left out: the same. */
  readonly startBus?: (
    parts: Pick<BusParts, "node" | "counters" | "onState" | "onCrash">,
  ) => Promise<BusThread | undefined>;
  /** Where the game writes its own metrics. */
  readonly gameMetrics: SharedArrayBuffer;
  /** Told of each worker's counters, once. */
  readonly attachCounters: (worker: string, counters: SharedArrayBuffer) => void;
  /** A thread hangs: nothing but the end of the process helps. */
  readonly onHang: () => void;
  readonly log: Logger;
}

type IoHandle = WorkerHandle<IoCommand, IoReport>;
type LogicHandle = WorkerHandle<LogicCommand, LogicReport>;

/** What a reload is given up at; nothing unless told. */
interface ReloadBounds {
  /** Values that the game may keep. */
  readonly keptValuesMax?: number;
  /** Share of its memory that the new logic worker may use. */
  readonly memoryShareMax?: number;
}

const RELIEF_BOUNDS: ReloadBounds = {
  keptValuesMax: MEMORY_RELIEF_KEPT_VALUES_MAX,
  memoryShareMax: MEMORY_RELIEVED_SHARE_MAX,
};

/** Exit status of a process with a thread that hangs: EX_SOFTWARE. */
export const EXIT_HANG = 70;

/** The game could not be reloaded, and the one before goes on; the message says why. */
export class ReloadError extends Error {
  /** What logs call it. */
  override name = "ReloadError";
}

/** The io workers and the logic worker of one node. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  /** Of this run: logic that is started again is the same node to others. */
  readonly #incarnation = crypto.randomUUID();
  readonly #ioCounters: SharedArrayBuffer[] = [];
  readonly #descriptors: SharedArrayBuffer[] = [];
  readonly #logicCounters = createCounterBlock();
  readonly #storageCounters = createCounterBlock();
  /** Reads and writes of the storage that had failed when it was looked at last. */
  #readFailures = 0;
  #writeFailures = 0;
  /** Bytes of its write-ahead log that were warned of last; 0: none. */
  #logBytesWarned = 0;
  readonly #ready = new Int32Array(new SharedArrayBuffer(4));
  readonly #problems = new Map<string, string>();
  /** Everything was started, and logic has not crashed since. */
  #isUp = false;
  #logicDoorbell = createDoorbellBuffer();
  #admitted: SharedArrayBuffer;
  /** Outlives workers and logic: bans hold. */
  readonly #addresses: SharedArrayBuffer;
  #io: IoHandle[] = [];
  readonly #ioStartedMs: number[] = [];
  /** What logic was told of the io workers. */
  readonly #ioStarted: IoStarted[] = [];
  /** The ways of logic workers to the storage. */
  readonly #storageIds = new WeakMap<LogicHandle, number>();
  #assets: ReadonlyMap<string, Asset>;
  #packets: readonly PacketRow[];
  /** Resolves when the game is reloaded; `null`: it is not being. */
  #reloading: Promise<void> | null = null;
  /** When logic may be replaced next because of its memory, monotonic milliseconds; Infinity: that does not help. */
  #relievableFromMs = 0;
  #logic: LogicHandle | null = null;
  #storage: StorageWorker | null = null;
  #bus: BusThread | undefined;
  readonly #busCounters = createCounterBlock();
  /** The ways of logic workers to the bus. */
  readonly #busIds = new WeakMap<LogicHandle, number>();
  /** Logic workers that were started in this run. */
  #lifeCount = 0;
  /** What operators should know, and players can play with. */
  readonly #notices = new Map<string, string>();
  #ports: NodePorts;
  #tls: TlsFiles | null;
  /** Whether the server is about to stop, and waits for what is under way. */
  #draining: "no" | "yes" | "hurried" | "done" = "no";
  #stopping = false;
  #nextModerationId = 1;
  /** Requests of moderators that logic has not answered yet. */
  #moderationCount = 0;
  #watch: ReturnType<typeof setInterval> | undefined;
  #check: ReturnType<typeof setInterval> | undefined;
  /** Our own way to the storage, to ask how it is. */
  #ownStorage: WorkerStorage | null = null;

  constructor(options: SupervisorOptions) {
    const { attachCounters, config } = options;
    this.#options = options;
    this.#tls = options.tls;
    this.#assets = options.assets;
    this.#packets = options.packets;
    this.#admitted = createAdmissionBuffer(config.ioWorkers);
    this.#addresses = createAddressTableBuffer(config.ioWorkers);
    this.#ports = { login: config.loginPort, game: config.gamePort, gateway: config.gatewayPort };
    for (let index = 0; index < config.ioWorkers; index++) {
      this.#ioCounters.push(createCounterBlock());
      this.#descriptors.push(createDescriptorBuffer());
      attachCounters(`io-${index}`, this.#ioCounters[index]);
    }
    attachCounters("logic", this.#logicCounters);
  }

  /** The real ports. */
  get ports(): NodePorts {
    return this.#ports;
  }

  /** Why the node cannot serve players now; empty when it can. */
  reasons(): readonly string[] {
    return [...this.#problems.values()];
  }

  /** What does not work while the node serves players all the same. */
  notices(): readonly string[] {
    return [...this.#notices.values()];
  }

  /**
   * Starts everything; resolves when all ports listen.
   *
   * @throws {ConfigError} when the database cannot be used.
   * @throws {DependencyError} `unavailable` when a port cannot be opened or a worker does not start.
   */
  async start(): Promise<void> {
    this.#storage = await this.#startStorage();
    this.#ownStorage = new WorkerStorage(this.#storage.connect());
    this.#bus = await this.#startBus();
    if (this.#bus !== undefined) this.#options.attachCounters("bus", this.#busCounters);
    await this.#startAll();
    this.#watch = this.#watchThreads();
    this.#check = setInterval(() => void this.#checkStorage(), STORAGE_CHECK_INTERVAL_MS);
  }

  /**
   * Takes nobody new, waits for instances in progress as long as they may go on, and hands sessions to other servers, where
   * there are some. Never rejects; {@linkcode Supervisor.stop} comes next.
   */
  async drain(): Promise<void> {
    this.#draining = "yes";
    this.#setProblem("node", "The server is stopping");
    await this.#reloading;
    // Where logic has died there is nothing to hand over, and its crash has been told.
    if (this.#isUp) await this.#logic?.ask({ kind: "drain" }, ["drained"]).catch(() => {});
    this.#draining = "done";
  }

  /** Waits for no instance any more; false: none is waited for, or that was said before. */
  hurry(): boolean {
    if (this.#draining !== "yes") return false;
    this.#draining = "hurried";
    this.#logic?.send({ kind: "hurry" });
    return true;
  }

  /** Tells everyone that the server stops, saves, and ends the workers. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#watch);
    clearInterval(this.#check);
    await this.#ownStorage?.close();
    await Promise.allSettled(this.#io.map((worker) => worker.ask({ kind: "drain" }, ["drained"])));
    // One that is being started again after a crash has nothing to save.
    if (this.#isUp) await this.#logic?.ask({ kind: "stop" }, ["stopped"]);
    this.#terminateAll();
    await this.#bus?.stop();
    await this.#storage?.stop();
  }

  /** Shows newcomers another certificate, which has been checked; those there are go on with the old one. */
  async replaceCertificate(tls: TlsFiles): Promise<void> {
    // A worker that is being started again takes it from here.
    this.#tls = tls;
    await Promise.allSettled(this.#io.map((worker) => worker.ask({ kind: "certificate", tls }, ["certificate_shown"])));
  }

  /**
   * Asks logic to do what a moderator wants.
   *
   * @throws {DependencyError} `unavailable` when logic dies first or does not run; `overloaded` when too many requests
   * are under way.
   */
  async moderate(request: ModerationRequest): Promise<ModerationOutcome> {
    if (request.act === "maintenance") return await this.#planMaintenance(request);
    if (this.#logic === null || !this.#isUp || this.#stopping) {
      throw new DependencyError("unavailable", "The server is not running");
    }
    if (this.#moderationCount >= MODERATION_PENDING_MAX) {
      const message = `${this.#moderationCount} requests are waiting, limit is ${MODERATION_PENDING_MAX} requests`;
      throw new DependencyError("overloaded", `Cannot moderate: ${message}`);
    }
    const id = this.#nextModerationId++;
    this.#moderationCount++;
    try {
      await this.#reloading;
      const report = await this.#logic.ask({ kind: "moderate", id, request }, [`moderated ${id}`]);
      return (report as Extract<LogicReport, { outcome: unknown }>).outcome;
    } finally {
      this.#moderationCount--;
    }
  }

  async #planMaintenance(request: Extract<ModerationRequest, { act: "maintenance" }>): Promise<ModerationOutcome> {
    const outcome = await this.#options.maintenance.run(request, (plan) => {
      // A logic worker that is being started learns it from its init.
      this.#logic?.send({ kind: "maintenance", plan });
    });
    this.#showMaintenance();
    return outcome;
  }

  /** Nobody is to send newcomers while they are refused. */
  #showMaintenance(): void {
    const { isOn } = this.#options.maintenance;
    if (isOn === this.#problems.has("maintenance")) return;
    if (isOn) this.#setProblem("maintenance", "The server is under maintenance");
    else this.#clearProblem("maintenance");
  }

  /** Every thread that serves players collects its garbage, and so does this one. */
  collectGarbage(): void {
    for (const worker of this.#io) worker.send({ kind: "collect" });
    this.#logic?.send({ kind: "collect" });
    collectGarbage(this.#options.log);
  }

  /** A drill: an io worker dies, or hangs; `false` where there is none. */
  failIo(index: number, drill: DrillCommand): boolean {
    this.#io[index]?.send(drill);
    return this.#io[index] !== undefined;
  }

  /** A drill: the storage worker dies, or hangs. */
  failStorage(drill: DrillCommand): boolean {
    this.#storage?.fail(drill);
    return this.#storage !== null;
  }

  /** A drill: the bus thread dies, or hangs. */
  failBus(drill: DrillCommand): boolean {
    this.#bus?.fail(drill);
    return this.#bus !== undefined;
  }

  /** A drill: logic dies, or hangs. */
  failLogic(drill: DrillCommand): boolean {
    this.#logic?.send(drill);
    return this.#logic !== null;
  }

  async #startAll(): Promise<void> {
    this.#setProblem("node", "The server is starting");
    const { config } = this.#options;
    this.#admitted = createAdmissionBuffer(config.ioWorkers);
    this.#logicDoorbell = createDoorbellBuffer();
    const started = await Promise.all(this.#ioCounters.map((_, index) => this.#startIo(index)));
    // The first one finds free ports where 0 was asked for; logic tells clients of them.
    this.#ports = await this.#listen(this.#io[0]);
    await this.#startLogic(started);
    for (const worker of this.#io.slice(1)) await this.#listen(worker);
    this.#isUp = true;
    this.#problems.clear();
    this.#showMaintenance();
    this.#tellReadiness();
  }

  async #startIo(index: number): Promise<IoStarted> {
    const { config } = this.#options;
    const rings = {
      toLogic: createRingBuffer(RING_TO_LOGIC_BYTES),
      fromLogic: createRingBuffer(RING_TO_IO_BYTES),
      doorbell: createDoorbellBuffer(),
    };
    const url = new URL("../io/worker.ts", import.meta.url);
    const worker: IoHandle = new WorkerHandle(url, {
      name: `io-${index}`,
      permissions: ioPermissions(config),
      onCrash: (message) => void this.#onIoCrash(index, worker, message),
    });
    this.#io[index] = worker;
    this.#ioStartedMs[index] = this.#options.clock.monotonicMs();
    const report = await worker.ask({
      kind: "init",
      index,
      config,
      packets: this.#packets,
      counters: this.#ioCounters[index],
      rings,
      logicDoorbell: this.#logicDoorbell,
      admitted: this.#admitted,
      addresses: this.#addresses,
      descriptors: this.#descriptors[index],
      ready: this.#ready.buffer as SharedArrayBuffer,
      assets: this.#assets,
    }, ["started"]);
    return this.#ioStarted[index] = {
      kind: "io",
      index,
      rings,
      wakeDescriptor: report.kind === "started" ? report.wakeDescriptor : null,
    };
  }

  async #startLogic(io: readonly IoStarted[]): Promise<void> {
    this.#relievableFromMs = 0;
    this.#logic = this.#makeLogic();
    await this.#initLogic(this.#logic);
    for (const started of io) this.#logic.send(started);
  }

  #makeLogic(): LogicHandle {
    const { config, logicEntry } = this.#options;
    const logic: LogicHandle = new WorkerHandle(logicEntry, {
      name: "logic",
      permissions: logicPermissions(config),
      onCrash: (message) => {
        // One that does not run yet is handled where it is started.
        if (this.#logic === logic) void this.#onLogicCrash(logic, message);
      },
    });
    return logic;
  }

  async #initLogic(logic: LogicHandle, before?: LogicInit["before"]): Promise<void> {
    const { config, maintenance, sessionKey } = this.#options;
    const storage = this.#connectStorage(logic);
    const bus = this.#connectBus(logic);
    const report = await logic.ask(
      {
        kind: "init",
        config,
        ports: this.#ports,
        counters: this.#logicCounters,
        gameMetrics: this.#options.gameMetrics,
        doorbell: this.#logicDoorbell,
        storage,
        sessionKey,
        incarnation: this.#incarnation,
        bus: bus === undefined ? null : { port: bus, life: this.#lifeCount++ },
        maintenance: maintenance.plan,
        before,
      },
      ["started", "start_failed"],
      bus === undefined ? [storage.port] : [storage.port, bus],
    );
    if (report.kind !== "start_failed") return;
    throw before === undefined ? new ConfigError([report.message]) : new ReloadError(report.message);
  }

  #connectStorage(logic: LogicHandle) {
    const storage = this.#storage!.connect();
    this.#storageIds.set(logic, storage.id);
    return storage;
  }

  #connectBus(logic: LogicHandle): MessagePort | undefined {
    const way = this.#bus?.connect();
    if (way !== undefined) this.#busIds.set(logic, way.id);
    return way?.port;
  }

  #endLogic(logic: LogicHandle): void {
    logic.terminate();
    const way = this.#busIds.get(logic);
    if (way !== undefined) this.#bus?.disconnect(way);
    const id = this.#storageIds.get(logic);
    if (id !== undefined) this.#storage?.disconnect(id);
  }

  /**
   * Replaces the running logic worker with one that has the game as it is now: connections stay with the io workers,
   * sessions continue in the new one. If the new one cannot start, the old one continues.
   *
   * @param bounds What the game may keep, and the share of its memory that the new one may use.
   * @throws {ReloadError} when the old one continues; it says why, and where in the game.
   */
  async reloadGame(bounds: ReloadBounds = {}): Promise<GameReload> {
    if (this.#reloading !== null || !this.#isUp || this.#draining !== "no") throw new ReloadError("The server is busy");
    const done = Promise.withResolvers<void>();
    this.#reloading = done.promise;
    const old = this.#logic!, next = this.#makeLogic();
    let isReplaced = false;
    try {
      const packets = await this.#describe(next);
      const startMs = performance.now();
      const kept = await this.#replaceLogic(old, next, packets, bounds);
      isReplaced = true;
      return { heldMs: performance.now() - startMs, kept };
    } catch (error) {
      throw error instanceof ReloadError
        ? error
        : new ReloadError(error instanceof Error ? error.message : String(error));
    } finally {
      if (!isReplaced) old.send({ kind: "run" });
      this.#endLogic(isReplaced ? old : next);
      this.#reloading = null;
      done.resolve();
    }
  }

  /** The packets of the game that a logic worker has loaded. */
  async #describe(logic: LogicHandle): Promise<readonly PacketRow[]> {
    const report = await this.#within(RELOAD_LOAD_MS, "load", logic.ask({ kind: "describe" }, ["described"]));
    const { game, packets } = report as Extract<LogicReport, { kind: "described" }>;
    if (game === this.#options.game) return packets;
    throw new ReloadError(`The game is called ${game} now, and was ${this.#options.game}: start the server anew`);
  }

  /** Gives the names of what the game has kept. */
  async #replaceLogic(
    old: LogicHandle,
    next: LogicHandle,
    packets: readonly PacketRow[],
    { keptValuesMax, memoryShareMax = 1 }: ReloadBounds,
  ): Promise<readonly string[]> {
    const handOver = old.ask({ kind: "hand_over", keptValuesMax }, ["handed_over", "not_handed_over"]);
    const handedOver = await this.#within(RELOAD_START_MS, "stop", handOver);
    if (handedOver.kind !== "handed_over") {
      throw new ReloadError(handedOver.kind === "not_handed_over" ? handedOver.message : handedOver.kind);
    }
    await this.#within(
      RELOAD_START_MS,
      "start",
      this.#initLogic(next, { image: handedOver.image, io: this.#ioStarted }),
    );
    const memoryShare = this.#memoryShare;
    if (memoryShare > memoryShareMax) {
      // What has piled up is in the image, and would be in the next one.
      this.#relievableFromMs = Infinity;
      throw new ReloadError(`The new one would use ${percent(memoryShare)} of its memory at once`);
    }
    this.#packets = packets;
    // One that dies meanwhile is given them when it is started again.
    const taken = this.#io.map((worker) => worker.ask({ kind: "packets", packets }, ["packets_taken"]));
    await this.#within(RELOAD_START_MS, "reach the io workers", Promise.allSettled(taken));
    this.#logic = next;
    next.send({ kind: "run" });
    next.send({ kind: "maintenance", plan: this.#options.maintenance.plan });
    return Object.keys(handedOver.image.kept);
  }

  /** What logic uses of its memory, from 0 to 1. */
  get #memoryShare(): number {
    return new CounterBlock(this.#logicCounters).get(Gauge.MEMORY_SHARE);
  }

  /** Has another logic worker go on where the memory of this one is nearly used up, if that helps and was not just done. */
  async #relieveLogic(nowMs: number): Promise<void> {
    const before = this.#memoryShare;
    if (before < MEMORY_RELIEF_SHARE || nowMs < this.#relievableFromMs) return;
    if (!this.#isUp || this.#stopping || this.#draining !== "no" || this.#reloading !== null) return;
    this.#relievableFromMs = nowMs + MEMORY_RELIEF_INTERVAL_MS;
    const { log } = this.#options;
    try {
      const { heldMs, kept } = await this.reloadGame(RELIEF_BOUNDS);
      const memory = `${percent(before)}, now ${percent(this.#memoryShare)}`;
      log.warn("Logic had nearly used up its memory and was replaced: something in the game keeps more and more", {
        memory,
        heldMs: Math.round(heldMs),
        kept: kept.join(", "),
      });
    } catch (error) {
      log.error("Logic has nearly used up its memory and cannot be replaced", {
        memory: percent(before),
        error: String(error),
      });
    }
  }

  /** @throws {ReloadError} when the game takes too long, and no debugger may hold it up. */
  async #within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
    if (this.#options.config.dev === "inspect") return await promise;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new ReloadError(`The game does not ${what} within ${ms} ms`)), ms);
    try {
      return await Promise.race([promise, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Serves other files. */
  replaceAssets(assets: ReadonlyMap<string, Asset>): void {
    this.#assets = assets;
    for (const worker of this.#io) worker.send({ kind: "assets", assets });
  }

  async #listen(worker: IoHandle): Promise<NodePorts> {
    const command = { kind: "listen", ports: this.#ports, tls: this.#tls } as const;
    const report = await worker.ask(command, ["listening", "listen_failed"]);
    if (report.kind === "listening") return report.ports;
    const message = report.kind === "listen_failed" ? report.message : report.kind;
    throw new DependencyError("unavailable", `Cannot listen: ${message}`);
  }

  async #onIoCrash(index: number, crashed: IoHandle, message: string): Promise<void> {
    // Where logic has crashed as well, all are started anew, this one among them.
    const isOver = (worker: IoHandle) => this.#stopping || !this.#isUp || this.#io[index] !== worker;
    if (isOver(crashed)) return;
    const name = `io-${index}`;
    this.#options.log.error("Worker crashed and is being restarted", { worker: name, error: message });
    this.#setProblem(name, `Worker ${name} is being restarted`);
    // One that dies at once would otherwise keep a core busy with dying.
    await this.#reloading;
    const livedMs = this.#options.clock.monotonicMs() - this.#ioStartedMs[index];
    if (livedMs < WORKER_RESTART_MS) await new Promise((resolve) => setTimeout(resolve, WORKER_RESTART_MS));
    if (isOver(crashed)) return;
    const starting = this.#startIo(index), worker = this.#io[index];
    try {
      const started = await starting;
      if (isOver(worker)) return;
      this.#logic!.send(started);
      await this.#listen(worker);
      if (isOver(worker)) return;
      this.#clearProblem(name);
      this.#options.log.info("Worker is running again", { worker: name });
    } catch (error) {
      if (isOver(worker)) return;
      this.#options.log.error("Cannot restart worker, will try again", { worker: name, error: String(error) });
      setTimeout(() => void this.#onIoCrash(index, worker, String(error)), WORKER_RESTART_MS);
    }
  }

  async #onLogicCrash(logic: LogicHandle, message: string): Promise<void> {
    await this.#reloading;
    // With it went all that was waited for.
    if (this.#draining !== "no" || !this.#isUp || this.#logic !== logic) return;
    this.#isUp = false;
    this.#options.log.error("The logic worker crashed, restarting everything", { error: message });
    this.#setProblem("node", "The logic worker crashed");
    this.#terminateAll();
    try {
      await this.#startAll();
      this.#options.log.info("Everything is running again");
    } catch (error) {
      if (this.#stopping) return;
      this.#options.log.error("Cannot restart", { error: String(error) });
      this.#options.onHang();
    }
  }

  /** Requests under way fail as unavailable; those after find the new worker. */
  async #onStorageCrash(error: Error): Promise<void> {
    if (this.#stopping) return;
    this.#options.log.error("The storage worker crashed and is being restarted", { error: error.message });
    this.#setProblem("storage", "The storage worker is being restarted");
    try {
      await this.#reloading;
      const storage = await this.#startStorage();
      if (this.#stopping) return void await storage.stop();
      this.#storage = storage;
      this.#ownStorage?.replacePort(this.#storage.connect());
      if (this.#logic !== null) {
        const channel = this.#connectStorage(this.#logic);
        this.#logic.send({ kind: "storage", channel }, [channel.port]);
      }
      this.#clearProblem("storage");
    } catch (error) {
      this.#options.log.error("Cannot restart the storage worker", { error: String(error) });
      setTimeout(() => void this.#onStorageCrash(error as Error), STORAGE_RESTART_MS);
    }
  }

  async #startBus(): Promise<BusThread | undefined> {
    return await this.#options.startBus?.({
      node: this.#incarnation,
      counters: this.#busCounters,
      onState: (isUp, reason) => this.#onBusState(isUp, reason),
      onCrash: (error) => void this.#onBusCrash(error),
    });
  }

  #onBusState(isUp: boolean, reason: string): void {
    const { log } = this.#options;
    if (isUp) {
      this.#notices.delete("bus");
      return log.info("The NATS server can be reached again");
    }
    this.#notices.set("bus", "The NATS server cannot be reached: players do not hear those on other servers");
    log.warn("Lost the NATS server, will try again", { reason });
  }

  /** Players play on; what those of other servers should hear is refused meanwhile. */
  async #onBusCrash(error: Error): Promise<void> {
    if (this.#stopping) return;
    this.#options.log.error("The bus thread crashed and is being restarted", { error: error.message });
    this.#notices.set("bus", "The bus thread is being restarted: players do not hear those on other servers");
    this.#logic?.send({ kind: "bus", port: null });
    try {
      await this.#reloading;
      this.#bus = await this.#startBus();
      if (this.#stopping) return void await this.#bus?.stop();
      this.#notices.delete("bus");
      const port = this.#logic === null ? undefined : this.#connectBus(this.#logic);
      if (port !== undefined) this.#logic!.send({ kind: "bus", port }, [port]);
    } catch (error) {
      setTimeout(() => void this.#onBusCrash(error as Error), WORKER_RESTART_MS);
    }
  }

  #startStorage(): Promise<StorageWorker> {
    return this.#options.startStorage((error) => void this.#onStorageCrash(error), this.#storageCounters);
  }

  async #checkStorage(): Promise<void> {
    const healthy = await this.#ownStorage!.isHealthy();
    if (this.#stopping) return;
    const counters = new CounterBlock(this.#storageCounters);
    this.#checkStorageLog(counters.get(Gauge.STORAGE_LOG_BYTES));
    const readFailures = counters.get(Counter.STORAGE_READ_FAILURES);
    if (readFailures > this.#readFailures) this.#setProblem("reads", "The storage cannot be read");
    else this.#clearProblem("reads");
    this.#readFailures = readFailures;
    // The check itself may find room right after the write-ahead log was started over, and others not.
    const writeFailures = counters.get(Counter.STORAGE_WRITE_FAILURES);
    if (healthy && writeFailures === this.#writeFailures) this.#clearProblem("writes");
    else this.#setProblem("writes", "The storage cannot be written");
    this.#writeFailures = writeFailures;
  }

  /** Nothing bounds the log while something keeps it from ending, so it is told before the disk is full. */
  #checkStorageLog(bytes: number): void {
    const { log } = this.#options;
    if (bytes <= STORAGE_LOG_BYTES_WARNED) {
      if (this.#logBytesWarned > 0) {
        log.info("The write-ahead log of the database is back to its usual size", { bytes });
      }
      this.#logBytesWarned = 0;
    } else if (bytes >= 2 * this.#logBytesWarned) {
      log.warn(
        "The write-ahead log of the database keeps growing: another process has long been reading the database",
        { bytes },
      );
      this.#logBytesWarned = bytes;
    }
  }

  /**
   * Every thread that serves players finishes things many times a second; when one does not, something never ends. One
   * that finishes things, but not all there is, is overloaded: that passes, so it only shows.
   */
  #watchThreads(): ReturnType<typeof setInterval> {
    const blocks = [
      ["storage", this.#storageCounters],
      ["logic", this.#logicCounters],
      ...this.#bus === undefined ? [] : [["bus", this.#busCounters]],
      ...this.#ioCounters.map((block, index) => [`io-${index}`, block]),
    ];
    const watches = (blocks as [string, SharedArrayBuffer][]).map(([worker, block]) => ({
      worker,
      progress: new ProgressWatch(block),
      overload: new OverloadWatch(block),
    }));
    return setInterval(() => {
      const nowMs = this.#options.clock.monotonicMs();
      this.#showMaintenance();
      void this.#relieveLogic(nowMs);
      for (const { worker, progress, overload } of watches) {
        // One that crashed is being started again, which takes a moment.
        const isRunning = this.#isUp && !this.#problems.has(worker) && !this.#notices.has(worker) &&
          this.#reloading === null;
        this.#onStalled(worker, progress.stalledMs(nowMs, isRunning));
        if (overload.update(nowMs)) this.#onOverload(worker, overload);
      }
    }, ROUNDS_CHECK_INTERVAL_MS);
  }

  #onOverload(worker: string, { overloaded, lagMs }: OverloadWatch): void {
    const name = `${worker} overloaded`;
    if (overloaded) {
      this.#options.log.warn("A worker is overloaded", { worker, lagMs: Math.round(lagMs) });
      this.#setProblem(name, `Worker ${worker} is overloaded`);
    } else {
      this.#options.log.info("A worker is no longer overloaded", { worker });
      this.#clearProblem(name);
    }
  }

  #onStalled(worker: string, stalledMs: number): void {
    const { log, onHang } = this.#options;
    if (stalledMs > (worker === "storage" ? STORAGE_HANG_MS : THREAD_HANG_MS)) {
      log.error("A worker hangs, so the process ends itself", { worker, stalledMs: Math.round(stalledMs) });
      onHang();
    } else if (stalledMs > THREAD_STALL_MS) {
      this.#setProblem(`${worker} stalled`, `Worker ${worker} makes no progress`);
    } else {
      this.#clearProblem(`${worker} stalled`);
    }
  }

  #setProblem(name: string, text: string): void {
    this.#problems.set(name, text);
    this.#tellReadiness();
  }

  #clearProblem(name: string): void {
    if (this.#problems.delete(name)) this.#tellReadiness();
  }

  /** The gateway's readiness is the admin site's. */
  #tellReadiness(): void {
    Atomics.store(this.#ready, 0, this.#problems.size === 0 ? 1 : 0);
  }

  #terminateAll(): void {
    for (const worker of this.#io) worker.terminate();
    if (this.#logic !== null) this.#endLogic(this.#logic);
  }
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
