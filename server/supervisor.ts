/**
 * Starts the workers, starts them again when they crash, and stops them in order.
 *
 * @module
 */

import type { Asset } from "../gateway/app.ts";
import { DependencyError } from "../shared/errors.ts";
import type { ServerConfig } from "./config.ts";
import { createAdmissionBuffer } from "./io/admission.ts";
import type { NodePorts } from "./logic/context.ts";
import { createCounterBlock } from "./ops/counters.ts";
import type { Logger } from "./ops/logging.ts";
import { createRingBuffer } from "./ring/byte_ring.ts";
import { createDoorbellBuffer } from "./ring/doorbell.ts";
import type { IoCommand, IoReport, LogicCommand, LogicReport } from "./worker_messages.ts";

/** What the supervisor needs. */
export interface SupervisorOptions {
  readonly config: ServerConfig;
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly assets: ReadonlyMap<string, Asset>;
  readonly sessionKey: Uint8Array<ArrayBuffer>;
  /** Makes a port to the storage worker. */
  readonly connectStorage: () => MessagePort;
  /** Told of each worker's counters. */
  readonly attachCounters: (worker: string, counters: SharedArrayBuffer) => void;
  readonly log: Logger;
}

/** One io worker, whichever of its lives it is in. */
interface IoSlot {
  readonly index: number;
  readonly counters: SharedArrayBuffer;
  worker: WorkerHandle<IoCommand, IoReport> | null;
}

/** What logic is told of an io worker that has started. */
type IoStarted = Extract<LogicCommand, { kind: "io" }>;

/** A worker and the reports that are waited for. */
class WorkerHandle<Command, Report extends { kind: string }> {
  readonly #worker: Worker;
  readonly #waiting = new Map<string, PromiseWithResolvers<Report>>();

  constructor(url: URL, name: string, onCrash: (message: string) => void) {
    this.#worker = new Worker(url, { type: "module", name });
    this.#worker.onmessage = ({ data }: MessageEvent<Report>) => {
      this.#waiting.get(data.kind)?.resolve(data);
      this.#waiting.delete(data.kind);
    };
    this.#worker.onerror = (event) => {
      // Otherwise the error ends the whole process.
      event.preventDefault();
      const error = new DependencyError("unavailable", `Worker ${name} crashed: ${event.message}`);
      for (const waiting of this.#waiting.values()) waiting.reject(error);
      this.#waiting.clear();
      onCrash(event.message);
    };
  }

  send(command: Command, transfer: Transferable[] = []): void {
    this.#worker.postMessage(command, transfer);
  }

  /** Resolves with the first report of one of these kinds. */
  async next(...kinds: Report["kind"][]): Promise<Report> {
    const waiting = Promise.withResolvers<Report>();
    for (const kind of kinds) this.#waiting.set(kind, waiting);
    const report = await waiting.promise;
    for (const kind of kinds) this.#waiting.delete(kind);
    return report;
  }

  terminate(): void {
    this.#worker.terminate();
  }
}

/** The io workers and the logic worker of one node. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #logicDoorbell = createDoorbellBuffer();
  readonly #admitted: SharedArrayBuffer;
  readonly #ready = new SharedArrayBuffer(4);
  readonly #io: IoSlot[] = [];
  #logic: WorkerHandle<LogicCommand, LogicReport> | null = null;
  #ports: NodePorts;
  #stopping = false;
  readonly #problems = new Map<string, string>();

  constructor(options: SupervisorOptions) {
    const { config } = options;
    this.#options = options;
    this.#admitted = createAdmissionBuffer(config.ioWorkers);
    this.#ports = { login: config.loginPort, game: config.gamePort, gateway: config.gatewayPort };
  }

  /** The real ports. */
  get ports(): NodePorts {
    return this.#ports;
  }

  /** Why the node cannot serve players now; empty when it can. */
  reasons(): readonly string[] {
    return [...this.#problems.values()];
  }

  /**
   * Starts everything; resolves when all ports listen.
   *
   * @throws {DependencyError} `unavailable` when a port cannot be opened or a worker does not start.
   */
  async start(): Promise<void> {
    this.#problems.set("start", "The server is starting");
    const { config, attachCounters } = this.#options;
    for (let index = 0; index < config.ioWorkers; index++) {
      const counters = createCounterBlock();
      attachCounters(`io-${index}`, counters);
      this.#io.push({ index, counters, worker: null });
    }
    // The first one finds free ports where 0 was asked for; logic tells clients of them.
    const started = await Promise.all(this.#io.map((slot) => this.#startIo(slot)));
    this.#ports = await this.#listen(this.#io[0]);
    await this.#startLogic(started);
    for (const slot of this.#io.slice(1)) await this.#listen(slot);
    this.#setReady();
  }

  /** Tells everyone that the server stops, saves, and ends the workers. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#problems.set("stop", "The server is stopping");
    Atomics.store(new Int32Array(this.#ready), 0, 0);
    await Promise.all(this.#io.map(async ({ worker }) => {
      if (worker === null) return;
      worker.send({ kind: "drain" });
      await worker.next("drained");
      worker.terminate();
    }));
    if (this.#logic !== null) {
      this.#logic.send({ kind: "stop" });
      await this.#logic.next("stopped");
      this.#logic.terminate();
    }
  }

  #setReady(): void {
    this.#problems.delete("start");
    Atomics.store(new Int32Array(this.#ready), 0, 1);
  }

  async #startLogic(started: readonly IoStarted[]): Promise<void> {
    const { config, connectStorage, attachCounters, sessionKey } = this.#options;
    const counters = createCounterBlock();
    attachCounters("logic", counters);
    const url = new URL("./logic/worker.ts", import.meta.url);
    const logic = new WorkerHandle<LogicCommand, LogicReport>(url, "logic", (message) => this.#onLogicCrash(message));
    this.#logic = logic;
    const storage = connectStorage();
    const ready = logic.next("started");
    const doorbell = this.#logicDoorbell;
    logic.send({ kind: "init", config, ports: this.#ports, counters, doorbell, storage, sessionKey }, [storage]);
    await ready;
    for (const io of started) logic.send(io);
  }

  async #startIo(slot: IoSlot): Promise<IoStarted> {
    const { assets, config, tls } = this.#options;
    const { index, counters } = slot;
    const rings = { toLogic: createRingBuffer(), fromLogic: createRingBuffer(), doorbell: createDoorbellBuffer() };
    const url = new URL("./io/worker.ts", import.meta.url);
    const worker = new WorkerHandle<IoCommand, IoReport>(
      url,
      `io-${index}`,
      (message) => void this.#onIoCrash(slot, message),
    );
    slot.worker = worker;
    const started = worker.next("started");
    worker.send({
      kind: "init",
      index,
      config,
      tls,
      counters,
      rings,
      logicDoorbell: this.#logicDoorbell,
      admitted: this.#admitted,
      ready: this.#ready,
      assets,
    });
    const report = await started;
    return { kind: "io", index, rings, wakeDescriptor: report.kind === "started" ? report.wakeDescriptor : null };
  }

  async #listen(slot: IoSlot): Promise<NodePorts> {
    const answer = slot.worker!.next("listening", "listen_failed");
    slot.worker!.send({ kind: "listen", ports: this.#ports });
    const report = await answer;
    if (report.kind === "listening") return report.ports;
    const message = report.kind === "listen_failed" ? report.message : report.kind;
    throw new DependencyError("unavailable", `Cannot listen: ${message}`);
  }

  /** The others keep their sessions; those of the crashed worker resume on whichever accepts them. */
  async #onIoCrash(slot: IoSlot, message: string): Promise<void> {
    if (this.#stopping) return;
    const name = `io-${slot.index}`;
    this.#options.log.error("Worker crashed, starting it again", { worker: name, error: message });
    this.#problems.set(name, `Worker ${name} is being started again`);
    try {
      this.#logic!.send(await this.#startIo(slot));
      await this.#listen(slot);
      this.#problems.delete(name);
    } catch (error) {
      this.#options.log.error("Cannot start worker again", { worker: name, error: String(error) });
    }
  }

  #onLogicCrash(message: string): void {
    if (this.#stopping) return;
    this.#options.log.error("The logic worker crashed", { error: message });
    this.#problems.set("logic", "The logic worker crashed");
    Atomics.store(new Int32Array(this.#ready), 0, 0);
  }
}
