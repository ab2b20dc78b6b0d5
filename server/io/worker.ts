/// <reference lib="deno.worker" />
/**
 * The entry of an io worker: builds its parts, listens, loops.
 *
 * @module
 */

import { type App, createApp } from "../../gateway/app.ts";
import { DisconnectReason } from "../../shared/gen/enums.ts";
import { DRAIN_TIMEOUT_MS, SWEEP_INTERVAL_MS } from "../../shared/limits.ts";
import { type PacketRow, PacketTable } from "../../shared/packet_table.ts";
import { SystemClock } from "../base/clock.ts";
import { openMonotonicClock } from "../base/libc.ts";
import type { NodePorts } from "../session/context.ts";
import { CounterBlock } from "../ops/counters.ts";
import { collectGarbage } from "../ops/garbage.ts";
import { hang } from "../ops/hang.ts";
import { getLogger, setupLogging } from "../ops/logging.ts";
import { PacketLogger } from "../ops/packet_logger.ts";
import { opensPort } from "../config/checks.ts";
import { getLimitedLogger } from "../ops/rate_limited_log.ts";
import { RingConsumer, RingProducer } from "../ring/byte_ring.ts";
import { Doorbell } from "../ring/doorbell.ts";
import type { TlsFiles } from "../process/tls.ts";
import type { IoCommand, IoInit, IoReport } from "../process/worker_messages.ts";
import { AddressGate } from "./address_gate.ts";
import { AdmissionCounts } from "./admission.ts";
import type { Listener } from "./backend.ts";
import { DenoBackend } from "./deno_backend.ts";
import { DescriptorSet } from "./descriptor_set.ts";
import { EpollBackend } from "./epoll_backend.ts";
import { IoWorker } from "./io_worker.ts";
import { TlsIdentity } from "./tls_socket.ts";

const report = (message: IoReport) => self.postMessage(message);

/** Longest wait for logic, in milliseconds. */
const DOORBELL_WAIT_MS = 1_000;

/** A running io worker. */
class Runtime {
  readonly #init: IoInit;
  readonly #backend: DenoBackend | EpollBackend;
  readonly #doorbell: Doorbell;
  readonly #worker: IoWorker;
  readonly #sweep: ReturnType<typeof setInterval>;
  readonly #listeners: Listener[] = [];
  readonly #appOf: (assets: IoInit["assets"]) => App;
  readonly #tapOf: (packets: PacketTable) => PacketLogger | null;
  /** `null`: without TLS. */
  #identity: TlsIdentity | null = null;
  #stopped = false;

  constructor(init: IoInit) {
    const { config, index, rings } = init;
    const packets = new PacketTable(init.packets);
    const ready = new Int32Array(init.ready);
    this.#appOf = (assets) =>
      createApp({
        assets,
        allowedOrigins: config.allowedOrigins,
        isSecure: config.tlsCert !== "",
        ready: () => Atomics.load(ready, 0) === 1,
        onError: (error) => log.error("Cannot answer HTTP request", { error: error.stack }),
      });
    this.#tapOf = (packets) =>
      config.debugPackets
        ? new PacketLogger(getLogger("packets"), packets, { nowMs: () => clock.monotonicMs() })
        : null;
    setupLogging({ level: config.logLevel, format: config.logFormat, thread: `io-${index}` });
    const log = getLimitedLogger("io", () => clock.monotonicMs());
    const clock = new SystemClock(openMonotonicClock().readMs);
    const counters = new CounterBlock(init.counters);
    counters.resetGauges();
    this.#init = init;
    this.#doorbell = new Doorbell(rings.doorbell);
    this.#backend = config.ioBackend === "epoll"
      ? new EpollBackend(new DescriptorSet(init.descriptors))
      : new DenoBackend();
    this.#worker = new IoWorker({
      packets,
      config,
      clock,
      counters,
      toLogic: new RingProducer(rings.toLogic),
      fromLogic: new RingConsumer(rings.fromLogic),
      doorbell: this.#doorbell,
      logicWaker: new Doorbell(init.logicDoorbell),
      admitted: new AdmissionCounts(init.admitted, index),
      addresses: new AddressGate(config, init.addresses, index, clock),
      log,
      app: this.#appOf(init.assets),
      gatewayOrigin: "http://gateway",
      tap: this.#tapOf(packets),
      requestRound: () => this.#backend.requestRound(),
      requestRoundIn: (ms) => this.#backend.requestRoundIn(ms),
    });
    this.#backend.start(this.#worker);
    this.#sweep = setInterval(() => this.#worker.sweep(), SWEEP_INTERVAL_MS);
    if (this.#backend instanceof DenoBackend) void this.#waitForLogic(this.#backend);
  }

  /** What logic writes to when this thread sleeps in the kernel; `null` when the doorbell alone wakes it. */
  get wakeDescriptor(): number | null {
    return this.#backend instanceof EpollBackend ? this.#backend.wakeDescriptor : null;
  }

  /** Opens the ports of this node's role. */
  listen(ports: NodePorts, tls: TlsFiles | null): NodePorts {
    const { config } = this.#init;
    this.#identity = tls === null ? null : new TlsIdentity(tls);
    const open = (portIndex: number, port: number): number => {
      const listener = this.#backend.listen(
        {
          hostname: config.host,
          port,
          backlog: config.acceptBacklog,
          noDelay: config.tcpNoDelay,
          // Other workers listen too.
          reusePort: Deno.build.os === "linux",
          tls: this.#identity ?? undefined,
        },
        (socket) => this.#worker.accept(portIndex, socket, tls === null ? "tcp" : "tls"),
      );
      this.#listeners.push(listener);
      return listener.port;
    };
    const openOwn = (portIndex: number, key: "loginPort" | "gamePort" | "gatewayPort", port: number) =>
      opensPort(config.role, key) ? open(portIndex, port) : port;
    return {
      login: openOwn(0, "loginPort", ports.login),
      game: openOwn(1, "gamePort", ports.game),
      gateway: openOwn(2, "gatewayPort", ports.gateway),
    };
  }

  /** Takes the packets of a game that was reloaded. */
  replacePackets(rows: readonly PacketRow[]): void {
    this.#worker.packets = new PacketTable(rows);
    this.#worker.tap = this.#tapOf(this.#worker.packets);
  }

  /** Serves other files. */
  replaceAssets(assets: IoInit["assets"]): void {
    this.#worker.app = this.#appOf(assets);
  }

  /** Shows newcomers another certificate; the listeners stay as they are. */
  replaceCertificate(tls: TlsFiles): void {
    this.#identity?.replace(tls);
  }

  /** Takes no one new, tells everyone that the server stops, and resolves when all are gone. */
  async drain(): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    this.#worker.closeAll(DisconnectReason.SHUTDOWN, "The server stops");
    const untilMs = performance.now() + DRAIN_TIMEOUT_MS;
    while (this.#worker.connectionCount > 0 && performance.now() < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.#worker.abortAll();
    this.#worker.onRound();
    clearInterval(this.#sweep);
    this.#stopped = true;
    this.#backend.stop();
  }

  /** On Deno's event loop, waiting for logic is a promise; the epoll loop waits for everything at once. */
  async #waitForLogic(backend: DenoBackend): Promise<void> {
    while (!this.#stopped) {
      if (this.#worker.beforeSleep()) await this.#doorbell.wait(DOORBELL_WAIT_MS);
      this.#worker.afterSleep();
      await backend.roundEnd();
    }
  }
}

let runtime: Runtime | null = null;

self.onmessage = async ({ data: command }: MessageEvent<IoCommand>) => {
  switch (command.kind) {
    case "init":
      runtime = new Runtime(command);
      report({ kind: "started", wakeDescriptor: runtime.wakeDescriptor });
      break;
    case "listen":
      try {
        report({ kind: "listening", ports: runtime!.listen(command.ports, command.tls) });
      } catch (error) {
        report({ kind: "listen_failed", message: error instanceof Error ? error.message : String(error) });
      }
      break;
    case "certificate":
      runtime!.replaceCertificate(command.tls);
      report({ kind: "certificate_shown" });
      break;
    case "packets":
      runtime!.replacePackets(command.packets);
      report({ kind: "packets_taken" });
      break;
    case "assets":
      runtime!.replaceAssets(command.assets);
      break;
    case "drain":
      await runtime!.drain();
      report({ kind: "drained" });
      break;
    case "collect":
      collectGarbage(getLogger("io"));
      break;
    case "crash":
      throw new Error("Crashed by a drill");
    case "hang":
      hang(command.ms);
  }
};
