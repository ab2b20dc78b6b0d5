/**
 * One io worker in the simulation: the real {@linkcode IoWorker}, whose loop makes a round when the simulation says so.
 *
 * @module
 */

import type { ServerConfig } from "../../server/config/config.ts";
import { AddressGate } from "../../server/io/address_gate.ts";
import { createAddressTableBuffer } from "../../server/io/address_table.ts";
import { AdmissionCounts } from "../../server/io/admission.ts";
import type { SocketHandler } from "../../server/io/backend.ts";
import { IoWorker } from "../../server/io/io_worker.ts";
import type { CounterBlock } from "../../server/ops/counters.ts";
import { LimitedLogger } from "../../server/ops/rate_limited_log.ts";
import { createRingBuffer, RingConsumer, RingProducer } from "../../server/ring/byte_ring.ts";
import { createDoorbellBuffer, Doorbell, type Waker } from "../../server/ring/doorbell.ts";
import type { Prng } from "../../server/world/prng.ts";
import { SWEEP_INTERVAL_MS } from "../../shared/limits.ts";
import type { PacketTable } from "../../shared/packet_table.ts";
import { RecordingLogger } from "../support/recording_logger.ts";
import type { ServerSocket } from "./simulated_network.ts";
import type { SimulatedTime } from "./simulated_time.ts";

/** What an io worker is started with. */
export interface IoParts {
  readonly packets: PacketTable;
  readonly config: ServerConfig;
  readonly counters: CounterBlock;
  readonly admitted: SharedArrayBuffer;
  readonly index: number;
  readonly logicWaker: Waker;
  readonly toLogicBytes: number;
  readonly fromLogicBytes: number;
}

/** Wakes a thread of the simulation as an eventfd does: only if it sleeps. */
export function wakerOf(doorbell: Doorbell, wake: () => void): Waker {
  return {
    ring: () => {
      if (doorbell.takeSleeping()) wake();
    },
  };
}

/** One life of an io worker. */
export class SimulatedIo {
  readonly worker: IoWorker;
  /** Logic's ends. */
  readonly toLogic: SharedArrayBuffer;
  readonly fromLogic: SharedArrayBuffer;
  readonly waker: Waker;
  readonly admitted: AdmissionCounts;
  readonly counters: CounterBlock;
  readonly #time: SimulatedTime;
  readonly #prng: Prng;
  readonly #sockets = new Map<ServerSocket, SocketHandler>();
  /** Sockets that have something, in the order in which they got it. */
  #ready = new Set<ServerSocket>();
  #accepting: { readonly portIndex: number; readonly socket: ServerSocket }[] = [];
  #isScheduled = false;
  #stalledUntilMs = 0;
  #isAsleep = false;
  #isDead = false;

  constructor(time: SimulatedTime, prng: Prng, parts: IoParts) {
    this.#time = time;
    this.#prng = prng;
    this.toLogic = createRingBuffer(parts.toLogicBytes);
    this.fromLogic = createRingBuffer(parts.fromLogicBytes);
    const doorbell = new Doorbell(createDoorbellBuffer());
    this.waker = wakerOf(doorbell, () => this.#schedule());
    this.counters = parts.counters;
    this.counters.resetGauges();
    this.admitted = new AdmissionCounts(parts.admitted, parts.index);
    this.worker = new IoWorker({
      packets: parts.packets,
      config: parts.config,
      clock: time,
      counters: parts.counters,
      toLogic: new RingProducer(this.toLogic),
      fromLogic: new RingConsumer(this.fromLogic),
      doorbell,
      logicWaker: parts.logicWaker,
      admitted: this.admitted,
      addresses: new AddressGate(parts.config, createAddressTableBuffer(1), 0, time),
      log: new LimitedLogger(new RecordingLogger(), () => time.monotonicMs()),
      app: { asset: () => undefined, fetch: () => new Response("Not found", { status: 404 }) },
      gatewayOrigin: "http://gateway",
      tap: null,
      requestRoundIn: () => {},
      requestRound: () => this.#schedule(),
    });
    this.#sweepLater();
    this.#schedule();
  }

  /** The kernel has a new connection. */
  accept(portIndex: number, socket: ServerSocket): void {
    this.#accepting.push({ portIndex, socket });
    this.#schedule();
  }

  /** Does nothing for a while. */
  stall(ms: number): void {
    this.#stalledUntilMs = this.#time.monotonicMs() + ms;
  }

  /** The thread dies, and the kernel resets its connections. */
  crash(): void {
    this.#isDead = true;
    for (const socket of [...this.#sockets.keys(), ...this.#accepting.map(({ socket }) => socket)]) {
      if (!socket.isClosed) socket.abort();
    }
  }

  #sweepLater(): void {
    this.#time.at(SWEEP_INTERVAL_MS, () => {
      if (this.#isDead) return;
      this.worker.sweep();
      this.#sweepLater();
    });
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isDead) return;
    this.#isScheduled = true;
    this.#time.at(this.#prng.nextFloat() * 1.5, () => this.#wake());
  }

  #wake(): void {
    const stalledMs = this.#stalledUntilMs - this.#time.monotonicMs();
    if (stalledMs > 0) {
      this.#time.at(stalledMs, () => this.#wake());
      return;
    }
    this.#isScheduled = false;
    if (!this.#isDead) this.#round();
  }

  #round(): void {
    const { worker } = this;
    if (this.#isAsleep) worker.afterSleep();
    this.#isAsleep = false;
    worker.onWake();
    this.#acceptAll();
    const ready = this.#ready;
    this.#ready = new Set();
    for (const socket of ready) this.#serve(socket);
    worker.onRound();
    if (this.#ready.size > 0 || !worker.beforeSleep()) this.#schedule();
    else this.#isAsleep = true;
  }

  #acceptAll(): void {
    const accepting = this.#accepting;
    this.#accepting = [];
    for (const { portIndex, socket } of accepting) {
      const handler = this.worker.accept(portIndex, socket, "tcp");
      if (handler === null) {
        socket.close();
        continue;
      }
      this.#sockets.set(socket, handler);
      socket.onReady = () => {
        this.#ready.add(socket);
        this.#schedule();
      };
      this.#ready.add(socket);
    }
  }

  #serve(socket: ServerSocket): void {
    const { ready } = socket;
    const handler = this.#sockets.get(socket)!;
    if (ready.isBroken && !socket.isClosed) {
      socket.isClosed = true;
      handler.onBroken(false);
    }
    if (!socket.isClosed && ready.isWritten) {
      ready.isWritten = false;
      handler.onWritten();
    }
    if (!socket.isClosed && socket.isReading && ready.pieces.length > 0) this.#read(socket, handler);
    if (!socket.isClosed && socket.isReading && ready.isEnded && ready.pieces.length === 0) {
      ready.isEnded = false;
      handler.onEnd();
    }
    if (socket.isClosed) this.#sockets.delete(socket);
    else if (ready.isWritten || (socket.isReading && (ready.pieces.length > 0 || ready.isEnded))) {
      this.#ready.add(socket);
    }
  }

  /** Bytes lie somewhere in a buffer that is used again afterwards. */
  #read(socket: ServerSocket, handler: SocketHandler): void {
    const bytes = socket.read();
    const buffer = new Uint8Array(bytes.length + 7).fill(0xee);
    buffer.set(bytes, 3);
    handler.onBytes(buffer, 3, 3 + bytes.length);
    buffer.fill(0xdd);
  }
}
