/// <reference lib="deno.worker" />
/**
 * What runs in the logic worker: builds its parts and loops until it is told to stop.
 *
 * @module
 */

import { STORAGE_ANSWERS_MS } from "../../shared/limits.ts";
import { hashesAtOnce, PasswordHasher } from "../auth/password.ts";
import { SessionTokens } from "../auth/token.ts";
import { SystemClock } from "../base/clock.ts";
import { openMonotonicClock } from "../base/libc.ts";
import type { GameModule } from "../game/define_game.ts";
import { Counter, CounterBlock, Gauge } from "../ops/counters.ts";
import { GameMetrics } from "../ops/game_metrics.ts";
import { collectGarbage } from "../ops/garbage.ts";
import { hang } from "../ops/hang.ts";
import { LoopLag } from "../ops/loop_lag.ts";
import { getLogger, setupLogging } from "../ops/logging.ts";
import { getLimitedLogger } from "../ops/rate_limited_log.ts";
import { SlowPackets } from "../ops/slow_packets.ts";
import type { MaintenancePlan } from "../process/maintenance_plan.ts";
import type { ModerationOutcome, ModerationRequest } from "../moderation/moderation_request.ts";
import { RingConsumer, RingProducer } from "../ring/byte_ring.ts";
import { Doorbell } from "../ring/doorbell.ts";
import { EventfdWaker } from "../ring/eventfd_waker.ts";
import type { StorageChannel } from "../storage/storage_messages.ts";
import { WorkerStorage } from "../storage/worker_storage.ts";
import type { IoRings, LogicCommand, LogicInit, LogicReport } from "../process/worker_messages.ts";
import { Prng } from "../world/prng.ts";
import { buildLogic } from "./build_logic.ts";
import { RingOutput } from "./link.ts";
import type { Logic } from "./logic.ts";

const report = (message: LogicReport) => self.postMessage(message);

const RESUME_TOKEN_BYTES = 24;
/** Answers of the storage that are taken between two looks at the time. */
const ANSWERS_AT_ONCE = 8;

/** A running logic worker. */
class Runtime {
  readonly #doorbell: Doorbell;
  readonly #logic: Logic;
  readonly #rings: (RingConsumer | undefined)[] = [];
  readonly #clock: SystemClock;
  readonly #storage: WorkerStorage;
  readonly #counters: CounterBlock;
  readonly #lag: LoopLag;
  #stopping = false;
  readonly #ended = Promise.withResolvers<void>();

  private constructor(init: LogicInit, game: GameModule, tokens: SessionTokens) {
    const { config } = init;
    this.#clock = new SystemClock(openMonotonicClock().readMs);
    const log = getLimitedLogger("logic", () => this.#clock.monotonicMs());
    this.#counters = new CounterBlock(init.counters);
    this.#counters.resetGauges();
    this.#lag = new LoopLag(this.#counters);
    this.#storage = new WorkerStorage(init.storage, { onAnswers: () => this.#doorbell.ring() });
    this.#doorbell = new Doorbell(init.doorbell);
    this.#logic = buildLogic({
      game,
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
      watch: new SlowPackets(log, this.#counters, game.contract.packets, { nowMs: () => this.#clock.monotonicMs() }),
    });
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
  setIoWorker(index: number, rings: IoRings, wakeDescriptor: number | null): void {
    this.#rings[index] = new RingConsumer(rings.toLogic);
    const doorbell = new Doorbell(rings.doorbell);
    const output = new RingOutput(
      new RingProducer(rings.fromLogic),
      wakeDescriptor === null ? doorbell : new EventfdWaker(doorbell, wakeDescriptor),
      (link, sequence) => this.#logic.context.sessions.onBroadcastFull(link, sequence),
    );
    this.#logic.setIoWorker(index, this.#rings[index], output);
  }

  /** Goes on with a new storage worker. */
  replaceStorage(channel: StorageChannel): void {
    this.#storage.replacePort(channel);
  }

  /** Goes round until stopped: works while there is work, else sleeps until the doorbell or the next step. */
  async run(): Promise<void> {
    while (!this.#stopping) {
      this.#counters.add(Counter.ITEMS, 1);
      await this.#takeAnswers();
      const startMs = this.#clock.monotonicMs();
      const more = this.#logic.turn();
      this.#lag.onRound(startMs, this.#clock.monotonicMs(), more);
      this.#counters.set(Gauge.STORAGE_PENDING, this.#storage.pendingCount);
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
    // Nobody waits for a turn any more: answers are taken as they come.
    this.#storage.takeAnswersAtOnce();
    await this.#logic.stop();
    await this.#storage.close();
    this.#ended.resolve();
  }

  /** Takes answers of the storage for a moment; what is made of them is published by the turn that follows. */
  async #takeAnswers(): Promise<void> {
    const untilMs = performance.now() + STORAGE_ANSWERS_MS;
    while (this.#storage.answerCount > 0 && performance.now() < untilMs) {
      this.#storage.takeAnswers(ANSWERS_AT_ONCE);
      // Those who asked go on before the next are taken.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Does what a moderator asks. */
  moderate(request: ModerationRequest): Promise<ModerationOutcome> {
    return this.#logic.moderation.run(request);
  }

  /** Saves everyone and resolves when that is done. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#doorbell.ring();
    await this.#ended.promise;
  }
}

let runtime: Runtime | null = null;
/** What the operator has planned since this worker was started: it may be asked while it begins. */
let planned: MaintenancePlan | null | undefined;

/** Runs this thread as the logic worker of a game: to be called once, by the module that a worker was started with. */
export function runLogic(game: GameModule): void {
  self.onmessage = ({ data: command }: MessageEvent<LogicCommand>) => obey(command, game);
}

async function obey(command: LogicCommand, game: GameModule): Promise<void> {
  switch (command.kind) {
    case "init":
      runtime = await Runtime.create(command, game);
      runtime.setMaintenance(planned === undefined ? command.maintenance : planned);
      void runtime.run();
      report({ kind: "started" });
      break;
    case "io":
      runtime!.setIoWorker(command.index, command.rings, command.wakeDescriptor);
      break;
    case "storage":
      runtime!.replaceStorage(command.channel);
      break;
    case "moderate":
      report({ kind: `moderated ${command.id}`, outcome: await runtime!.moderate(command.request) });
      break;
    case "maintenance":
      planned = command.plan;
      runtime?.setMaintenance(command.plan);
      break;
    case "stop":
      await runtime!.stop();
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
