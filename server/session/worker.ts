/// <reference lib="deno.worker" />
/**
 * What runs in the logic worker: builds its parts and loops until it is told to stop.
 *
 * @module
 */

import { ConfigError } from "../../shared/errors.ts";
import { DRAIN_ANSWERS_MS, RELOAD_SETTLE_MS, STORAGE_ANSWERS_MS } from "../../shared/limits.ts";
import { hashesAtOnce, PasswordHasher } from "../auth/password.ts";
import { SessionTokens } from "../auth/token.ts";
import { SYSTEM_TIMERS, SystemClock } from "../base/clock.ts";
import { withPlace } from "../base/error_place.ts";
import { openMonotonicClock } from "../base/libc.ts";
import { WorkerBus } from "../bus/worker_bus.ts";
import { ClusterNode, type ClusterNodeOptions } from "../cluster/cluster_node.ts";
import { postgresTarget } from "../config/config.ts";
import { addressOf, playersMaxOf } from "./server_list.ts";
import type { GameModule } from "../game/define_game.ts";
import { Counter, CounterBlock, Gauge } from "../ops/counters.ts";
import { GameMetrics } from "../ops/game_metrics.ts";
import { collectGarbage } from "../ops/garbage.ts";
import { hang } from "../ops/hang.ts";
import { LoopLag } from "../ops/loop_lag.ts";
import { getLogger, setupLogging } from "../ops/logging.ts";
import { MemoryWatch } from "../ops/memory_watch.ts";
import { getLimitedLogger } from "../ops/rate_limited_log.ts";
import { SlowPackets } from "../ops/slow_packets.ts";
import type { MaintenancePlan } from "../process/maintenance_plan.ts";
import type { ModerationOutcome, ModerationRequest } from "../moderation/moderation_request.ts";
import { RingConsumer, RingProducer } from "../ring/byte_ring.ts";
import { Doorbell } from "../ring/doorbell.ts";
import { EventfdWaker } from "../ring/eventfd_waker.ts";
import type { StorageChannel } from "../storage/storage_messages.ts";
import { WorkerStorage } from "../storage/worker_storage.ts";
import type { IoStarted, LogicCommand, LogicInit, LogicReport } from "../process/worker_messages.ts";
import { Prng } from "../world/prng.ts";
import { buildLogic } from "./build_logic.ts";
import { RingOutput } from "./link.ts";
import type { Logic, LogicImage } from "./logic.ts";
import type { SessionManager } from "./session_manager.ts";

const report = (message: LogicReport) => self.postMessage(message);

const RESUME_TOKEN_BYTES = 24;
/** Answers of the storage that are taken between two looks at the time, unless what goes on behind them takes long. */
const ANSWERS_AT_ONCE = 8;

/** What stands still for the logic that goes on. */
interface HandOver {
  /** When it stops waiting for requests under way, monotonic milliseconds. */
  readonly untilMs: number;
  /** Values that the game may keep; undefined: as many as there are. */
  readonly keptValuesMax: number | undefined;
  readonly image: PromiseWithResolvers<LogicImage>;
}

/** A running logic worker. */
class Runtime {
  readonly #doorbell: Doorbell;
  readonly #logic: Logic;
  /** This node among others; undefined: there are none. */
  readonly #cluster: ClusterNode | undefined;
  readonly #rings: (RingConsumer | undefined)[] = [];
  readonly #outputs: RingOutput[] = [];
  readonly #clock: SystemClock;
  readonly #storage: WorkerStorage;
  readonly #bus: WorkerBus | undefined;
  readonly #counters: CounterBlock;
  readonly #lag: LoopLag;
  readonly #memory: MemoryWatch;
  #answersAtOnce = ANSWERS_AT_ONCE;
  /** Since when answers of the storage were left when the time for them was over, monotonic milliseconds; -1: none are. */
  #answersSinceMs = -1;
  /** Requests of moderators under way. */
  #moderationCount = 0;
  #stopping = false;
  /** The game is to be reloaded. */
  #handOver: HandOver | null = null;
  /** Resolves when it goes on after all. */
  #goOn = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();

  private constructor(init: LogicInit, game: GameModule, tokens: SessionTokens) {
    const { config } = init;
    this.#clock = new SystemClock(openMonotonicClock().readMs, () => Date.now(), init.before?.image.nowMs);
    const log = getLimitedLogger("logic", () => this.#clock.monotonicMs());
    this.#counters = new CounterBlock(init.counters);
    this.#counters.resetGauges();
    this.#lag = new LoopLag(this.#counters);
    this.#memory = new MemoryWatch(this.#counters);
    this.#storage = new WorkerStorage(init.storage, { onAnswers: () => this.#doorbell.ring() });
    this.#doorbell = new Doorbell(init.doorbell);
    this.#bus = init.bus === null ? undefined : new WorkerBus(init.bus.port, () => this.#doorbell.ring());
    this.#cluster = clusterOf(init, { storage: this.#storage, log });
    this.#logic = buildLogic({
      game,
      cluster: this.#cluster,
      bus: this.#bus && { carrier: this.#bus, node: init.incarnation, life: init.bus!.life },
      config,
      ports: init.ports,
      clock: this.#clock,
      storage: this.#storage,
      hasher: new PasswordHasher({ hashesMax: hashesAtOnce(navigator.hardwareConcurrency) }),
      tokens,
      randomToken: () => crypto.getRandomValues(new Uint8Array(RESUME_TOKEN_BYTES)).toBase64({ alphabet: "base64url" }),
      wake: () => this.#doorbell.ring(),
      prng: new Prng(crypto.getRandomValues(new Uint32Array(1))[0]),
      counters: this.#counters,
      metrics: new GameMetrics(init.gameMetrics),
      log,
      before: init.before && {
        image: init.before.image,
        connect: (sessions) => init.before!.io.map((started) => this.#connect(started, sessions)),
      },
      watch: new SlowPackets(log, this.#counters, game.contract.packets, { nowMs: () => this.#clock.monotonicMs() }),
    });
    // A promise that a game forgot to await must not end everybody's session.
    self.addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      this.#logic.context.faults.report("promise", event.reason);
    });
  }

  /** Joins the other nodes; to be called while it runs. @throws {ConfigError} when one of them has its server id. */
  async join(): Promise<void> {
    await this.#cluster?.join();
  }

  /** Takes what the operator has planned. */
  setMaintenance(plan: MaintenancePlan | null): void {
    this.#logic.maintenance.set(plan);
    this.#doorbell.ring();
  }

  static async create(init: LogicInit, game: GameModule): Promise<Runtime> {
    const { config } = init;
    setupLogging({ level: config.logLevel, format: config.logFormat, thread: "logic" });
    const tokens = await SessionTokens.create({
      key: init.sessionKey,
      lifetimeMs: config.sessionTokenHours * 3_600_000,
    });
    return new Runtime(init, game, tokens);
  }

  /** Takes an io worker or its successor. */
  setIoWorker(started: IoStarted): void {
    const { ring, output } = this.#connect(started, this.#logic.context.sessions);
    this.#logic.setIoWorker(started.index, ring, output);
  }

  #connect({ index, rings, wakeDescriptor }: IoStarted, sessions: SessionManager) {
    const doorbell = new Doorbell(rings.doorbell);
    const ring = this.#rings[index] = new RingConsumer(rings.toLogic);
    const output = this.#outputs[index] = new RingOutput(
      new RingProducer(rings.fromLogic),
      wakeDescriptor === null ? doorbell : new EventfdWaker(doorbell, wakeDescriptor),
      (link, sequence) => sessions.onBroadcastFull(link, sequence),
    );
    return { ring, output };
  }

  /** Goes on with a new storage worker. */
  replaceStorage(channel: StorageChannel): void {
    this.#storage.replacePort(channel);
  }

  /** Goes on with a new bus thread; null: the old one has died. */
  replaceBus(port: MessagePort | null): void {
    if (port === null) this.#bus?.onDeath();
    else this.#bus?.replacePort(port);
  }

  /** Goes round until stopped: works while there is work, else sleeps until the doorbell or the next step. */
  async run(): Promise<void> {
    while (!this.#stopping) {
      this.#counters.add(Counter.ITEMS, 1);
      const startMs = this.#clock.monotonicMs();
      const answersLeft = this.#storage.answerCount > 0 && await this.#takeAnswers();
      const turnMs = this.#clock.monotonicMs();
      this.#memory.check(turnMs);
      if (!answersLeft) this.#answersSinceMs = -1;
      else if (this.#answersSinceMs < 0) this.#answersSinceMs = startMs;
      const answersWaitMs = answersLeft ? turnMs - this.#answersSinceMs : 0;
      const more = this.#logic.turn(this.#handOver === null, answersWaitMs) || answersLeft;
      this.#lag.onRound(startMs, this.#clock.monotonicMs(), more);
      this.#counters.set(Gauge.STORAGE_PENDING, this.#storage.pendingCount);
      if (this.#handOver !== null) {
        await this.#settle(this.#handOver);
        continue;
      }
      this.#doorbell.markSleeping();
      const waitMs = this.#logic.nextStepMs - this.#clock.monotonicMs();
      if (
        more || waitMs <= 0 || this.#storage.answerCount > 0 ||
        this.#rings.some((ring) => ring !== undefined && !ring.empty)
      ) {
        this.#doorbell.markAwake();
        await new Promise((resolve) => setImmediate(resolve));
      } else {
        await this.#doorbell.wait(waitMs);
        this.#doorbell.markAwake();
      }
    }
    this.#logic.turn();
    await this.#answering(this.#logic.stop());
    await this.#storage.close();
    this.#bus?.close();
    this.#ended.resolve();
  }

  /**
   * Takes nothing new, until requests under way are answered and what they wanted is on disk, or their time is over; then
   * gives the image and stands still.
   */
  async #settle({ untilMs, keptValuesMax, image }: HandOver): Promise<void> {
    const isOver = this.#clock.monotonicMs() >= untilMs;
    const problem = this.#logic.unsavedCount > 0
      ? "the storage has not taken yet what the game wants saved"
      : this.#outputs.some((output) => !output.isFlushed)
      ? "an io worker takes nothing"
      : undefined;
    const isSettled = this.#logic.isSettled && this.#storage.pendingCount === 0 && this.#moderationCount === 0;
    const mayStop = problem === undefined && (isSettled || isOver);
    if (!this.#logic.isBetweenTicks || !mayStop && !isOver) {
      return await new Promise((resolve) => setImmediate(resolve));
    }
    try {
      if (problem !== undefined) throw new Error(problem);
      image.resolve(this.#logic.image(keptValuesMax));
    } catch (error) {
      image.reject(error);
    }
    await this.#goOn.promise;
    this.#goOn = Promise.withResolvers();
    this.#handOver = null;
  }

  /** Stops at the end of a tick, with all that goes on in the next logic. */
  async handOver(keptValuesMax: number | undefined): Promise<LogicImage> {
    const image = Promise.withResolvers<LogicImage>();
    this.#handOver = { untilMs: this.#clock.monotonicMs() + RELOAD_SETTLE_MS, keptValuesMax, image };
    this.#doorbell.ring();
    return await image.promise;
  }

  /** Goes on after {@linkcode handOver} as if nothing had been. */
  goOn(): void {
    if (this.#handOver !== null) this.#goOn.resolve();
  }

  /** Lets the game take over the players who were there before it was reloaded. */
  async takeOver(): Promise<void> {
    await this.#answering(this.#logic.takeOver());
    // Before the one before is given up.
    this.#memory.check(this.#clock.monotonicMs());
  }

  /** It is the one that goes on. */
  onReplaced(): void {
    this.#counters.add(Counter.LOGIC_REPLACED, 1);
  }

  /** Takes answers of the storage until something is done, outside of the rounds. */
  async #answering(doing: Promise<void>): Promise<void> {
    let isOver = false;
    const done = doing.finally(() => isOver = true);
    while (!isOver) {
      await this.#takeAnswers();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await done;
  }

  /**
   * Takes answers of the storage for a moment; what is made of them is published by the turn that follows.
   *
   * @returns Whether its time was over first.
   */
  async #takeAnswers(): Promise<boolean> {
    let nowMs = performance.now();
    const untilMs = nowMs + STORAGE_ANSWERS_MS;
    while (this.#storage.answerCount > 0) {
      if (nowMs >= untilMs) return true;
      const count = Math.min(this.#answersAtOnce, this.#storage.answerCount);
      this.#storage.takeAnswers(count);
      // Those who asked go on before the next are taken.
      await new Promise((resolve) => setImmediate(resolve));
      const tookMs = performance.now() - nowMs;
      nowMs += tookMs;
      this.#logic.onAnswers(count, tookMs);
      const isSlow = tookMs / count > STORAGE_ANSWERS_MS;
      this.#answersAtOnce = isSlow ? 1 : ANSWERS_AT_ONCE;
      if (isSlow) this.#storage.onSlowAnswers();
    }
    return false;
  }

  /** Does what a moderator asks. */
  async moderate(request: ModerationRequest): Promise<ModerationOutcome> {
    this.#moderationCount++;
    try {
      return await this.#logic.moderation.run(request);
    } finally {
      this.#moderationCount--;
    }
  }

  /** Lets instances end, gives sessions to other servers, and resolves when that is done. */
  async drain(): Promise<void> {
    await this.#logic.drain();
    // Io workers close what is open once this is done: until then they must have what clients are told of where they go on.
    const untilMs = this.#clock.monotonicMs() + DRAIN_ANSWERS_MS;
    for (const output of this.#outputs) output.publish();
    while (this.#outputs.some(({ isFlushed }) => !isFlushed) && this.#clock.monotonicMs() < untilMs) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Waits for no instance any more. */
  hurry(): void {
    this.#logic.hurry();
  }

  /** Saves everyone and resolves when that is done. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#doorbell.ring();
    await this.#ended.promise;
  }
}

/** This node among others: where the database is shared, and players play here. */
function clusterOf(
  { config, incarnation, ports }: LogicInit,
  parts: Pick<ClusterNodeOptions, "storage" | "log">,
): ClusterNode | undefined {
  if (postgresTarget(config) === undefined || config.role === "login") return undefined;
  const address = addressOf(config, ports, config.publicHost !== "" ? config.publicHost : config.host);
  const load = { currentPlayers: 0, maxPlayers: playersMaxOf(config), isDraining: false };
  const node = { serverId: config.serverId, incarnation, ...address, ...load };
  return new ClusterNode({
    ...parts,
    node,
    nowMs: () => performance.now(),
    timers: SYSTEM_TIMERS,
    linkDeadMs: config.linkDeadMs,
  });
}

/** Resolves with what runs here: whatever it is told while it is being made is done then. */
const begun = Promise.withResolvers<Runtime>();
/** It goes round, or stands still as the game is to be reloaded. */
let isRunning = false;

/** Runs this thread as the logic worker of a game: to be called once, by the module that a worker was started with. */
export function runLogic(game: GameModule): void {
  self.onmessage = ({ data: command }: MessageEvent<LogicCommand>) => {
    // What the engine's own promises reject with ends the thread, as rejections that nobody heard do not.
    obey(command, game).catch(reportError);
  };
}

async function obey(command: LogicCommand, game: GameModule): Promise<void> {
  switch (command.kind) {
    case "init":
      try {
        const runtime = await Runtime.create(command, game);
        runtime.setMaintenance(command.maintenance);
        begun.resolve(runtime);
        isRunning = command.before === undefined;
        if (isRunning) {
          runtime.run().catch(reportError);
          await runtime.join();
        } else {
          await runtime.takeOver();
        }
        report({ kind: "started" });
      } catch (error) {
        if (error instanceof ConfigError) return report({ kind: "start_failed", message: error.problems.join("; ") });
        if (command.before === undefined) throw error;
        report({ kind: "start_failed", message: withPlace(error, game.folder) });
      }
      break;
    case "io":
      (await begun.promise).setIoWorker(command);
      break;
    case "describe":
      report({ kind: "described", game: game.name, packets: game.contract.packets.rows });
      break;
    case "hand_over":
      try {
        report({ kind: "handed_over", image: await (await begun.promise).handOver(command.keptValuesMax) });
      } catch (error) {
        report({ kind: "not_handed_over", message: String(error) });
      }
      break;
    case "run": {
      const runtime = await begun.promise;
      if (isRunning) {
        runtime.goOn();
      } else {
        runtime.onReplaced();
        runtime.run().catch(reportError);
      }
      isRunning = true;
      break;
    }
    case "storage":
      (await begun.promise).replaceStorage(command.channel);
      break;
    case "bus":
      (await begun.promise).replaceBus(command.port);
      break;
    case "moderate":
      report({ kind: `moderated ${command.id}`, outcome: await (await begun.promise).moderate(command.request) });
      break;
    case "maintenance":
      (await begun.promise).setMaintenance(command.plan);
      break;
    case "drain":
      await (await begun.promise).drain();
      report({ kind: "drained" });
      break;
    case "hurry":
      (await begun.promise).hurry();
      break;
    case "stop":
      await (await begun.promise).stop();
      report({ kind: "stopped" });
      break;
    case "collect":
      collectGarbage(getLogger("logic"));
      break;
    case "crash":
      throw new Error("Crashed by a drill");
    case "hang":
      hang(command.ms);
  }
}
