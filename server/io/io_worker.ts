/**
 * The connections of one io worker, and its way to and from logic.
 *
 * One packet's way: socket -> decoder -> packet table -> ring -> (logic) -> ring -> send queue -> socket.
 *
 * @module
 */

import type { App } from "../../gateway/app.ts";
import { DisconnectReason } from "../../shared/gen/enums.ts";
import {
  ANSWER_TIMEOUT_MS,
  HANDSHAKE_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  PACKET_TOKENS_BURST,
  PACKET_TOKENS_PER_SECOND,
  ROUND_ITEMS_PER_LOOK,
  ROUND_PART_MS,
  SLOW_READER_MS,
  THROTTLE_CHECK_MS,
  WORK_READ_DENO_US,
  WORK_READ_US,
} from "../../shared/limits.ts";
import { PacketView } from "../../shared/packet_codec.ts";
import type { PacketTable } from "../../shared/packet_table.ts";
import { isLoopback } from "../base/host.ts";
import type { Clock } from "../base/clock.ts";
import type { BucketRate } from "../base/token_bucket.ts";
import type { ServerConfig } from "../config/config.ts";
import { Counter, type CounterBlock, Gauge } from "../ops/counters.ts";
import { LoopLag } from "../ops/loop_lag.ts";
import type { PacketLogger } from "../ops/packet_logger.ts";
import type { LimitedLogger } from "../ops/rate_limited_log.ts";
import type { RingConsumer, RingProducer } from "../ring/byte_ring.ts";
import type { Doorbell, Waker } from "../ring/doorbell.ts";
import { RECORD_CLOSED, tryPushRecord } from "../ring/records.ts";
import type { AddressGate } from "./address_gate.ts";
import type { AdmissionCounts } from "./admission.ts";
import type { LoopHandler, Socket, SocketHandler } from "./backend.ts";
import { BufferPool } from "./buffer_pool.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionHost } from "./connection_host.ts";
import { ConnectionList, LIST_TOUCHED, LIST_TURNS, LIST_WAITING } from "./connection_list.ts";
import { ConnectionTable } from "./connection_table.ts";
import { Debtors } from "./debtors.ts";
import { Doorkeeper } from "./doorkeeper.ts";
import type { GatewaySite } from "./gateway_adapter.ts";
import { LogicInbox } from "./logic_inbox.ts";

/** What an {@linkcode IoWorker} is built from. */
export interface IoWorkerParts {
  /** The packets of the game and the engine. */
  readonly packets: PacketTable;
  readonly config: ServerConfig;
  readonly clock: Clock;
  readonly counters: CounterBlock;
  readonly toLogic: RingProducer;
  readonly fromLogic: RingConsumer;
  readonly logicWaker: Waker;
  /** Where logic rings. */
  readonly doorbell: Doorbell;
  /** Connections admitted on each port by all io workers together. */
  readonly admitted: AdmissionCounts;
  /** What peers' addresses may do. */
  readonly addresses: AddressGate;
  /** For what peers can cause. */
  readonly log: LimitedLogger;
  readonly app: App;
  /** The gateway's own address, such as `http://127.0.0.1:8082`. */
  readonly gatewayOrigin: string;
  /** Sees every packet, or `null`. */
  readonly tap: PacketLogger | null;
  /** Asks the backend for a round soon. */
  readonly requestRound: () => void;
  /** Asks the backend for a round within so many milliseconds. */
  readonly requestRoundIn: (ms: number) => void;
}

const EMPTY = new Uint8Array(0);
const FLOOD_RATE: BucketRate = { perSecond: PACKET_TOKENS_PER_SECOND, burst: PACKET_TOKENS_BURST };

/**
 * All connections of one io worker.
 *
 * A round has parts - sockets, records from logic, connections with more to go on with, sending - and each ends by time,
 * so that none keeps the others waiting, however much there is of it.
 */
export class IoWorker implements LoopHandler, ConnectionHost, GatewaySite {
  /** Others from when the game is reloaded while it is developed. */
  packets: PacketTable;
  readonly view = new PacketView();
  readonly pool = new BufferPool();
  readonly toLogic: RingProducer;
  logicIsDue = false;
  readonly counters: CounterBlock;
  tap: PacketLogger | null;
  app: App;
  readonly origin: string;
  readonly allowedOrigins: readonly string[];
  readonly hostNames: ReadonlySet<string> | null;
  readonly diagnostics: boolean;
  readonly packetRate: BucketRate | null;
  readonly readUs: number;
  readonly sendQueueSoftBytes: number;
  readonly sendQueueHardBytes: number;
  nowMs: number;
  unixMs: number;
  /** Promises at work: the loop must make a round soon. */
  pendingPromises = 0;

  readonly #parts: IoWorkerParts;
  readonly #connections = new ConnectionTable();
  readonly #doorkeeper: Doorkeeper;
  readonly #inbox: LogicInbox;
  /** Those that have something to send or to say this round. */
  readonly #touched = new ConnectionList(LIST_TOUCHED);
  /** Those that found no room in the ring to logic. */
  readonly #waiting = new ConnectionList(LIST_WAITING);
  /** Those with more to go on with, in the order of their turns. */
  readonly #turns = new ConnectionList(LIST_TURNS);
  readonly #debtors = new Debtors();
  readonly #lag: LoopLag;
  /** When this round began, and when its present part ends, monotonic milliseconds. */
  #roundStartMs = 0;
  #partEndMs = 0;
  /** Things done since the clock was looked at. */
  #itemsSinceLook = 0;
  #timeIsUp = false;
  /** Something was left to do when the last round ended. */
  #isBehind = false;
  /** Connections whose end could not be told to logic yet: the ring was full. */
  readonly #closedUntold: { slot: number; generation: number; reason: number }[] = [];
  #draining = false;

  constructor(parts: IoWorkerParts) {
    const { config } = parts;
    this.#parts = parts;
    this.packets = parts.packets;
    this.toLogic = parts.toLogic;
    this.counters = parts.counters;
    this.tap = parts.tap;
    this.app = parts.app;
    this.origin = parts.gatewayOrigin;
    this.allowedOrigins = config.allowedOrigins;
    this.hostNames = isLoopback(config.host) ? hostNamesOf(config) : null;
    this.diagnostics = config.diagnostics;
    this.packetRate = config.floodControl ? FLOOD_RATE : null;
    this.readUs = config.ioBackend === "epoll" ? WORK_READ_US : WORK_READ_DENO_US;
    this.sendQueueSoftBytes = config.sendQueueSoftBytes;
    this.sendQueueHardBytes = config.sendQueueHardBytes;
    const { admitted, addresses, log } = parts;
    const connections = this.#connections;
    this.#doorkeeper = new Doorkeeper({ config, connections, admitted, addresses, log, host: this, site: this });
    this.#inbox = new LogicInbox(parts.fromLogic, connections);
    this.#lag = new LoopLag(parts.counters);
    this.nowMs = parts.clock.monotonicMs();
    this.unixMs = parts.clock.unixMs();
    this.#partEndMs = this.nowMs + ROUND_PART_MS;
  }

  /** Connections held, refused and closing ones among them. */
  get connectionCount(): number {
    return this.#connections.count;
  }

  /**
   * Takes a new connection.
   *
   * @param portIndex Its place in {@linkcode PORTS}.
   * @returns `null` when it cannot even be told that the server is full.
   */
  accept(portIndex: number, socket: Socket, transport: "tcp" | "tls"): SocketHandler | null {
    return this.#draining ? this.#doorkeeper.turnAway() : this.#doorkeeper.accept(portIndex, socket, transport);
  }

  // GatewaySite

  promiseStarted(): void {
    this.pendingPromises++;
  }

  promiseEnded(): void {
    this.pendingPromises--;
    this.#parts.requestRound();
  }

  // ConnectionHost

  tryTakeOfAddress(connection: Connection, tokens: number): boolean {
    return this.#parts.addresses.tryTakeTokens(connection.addressEntry, tokens, this.nowMs);
  }

  chargeAddress(connection: Connection, us: number): number {
    return this.#parts.addresses.chargeWork(connection.addressEntry, us, this.nowMs);
  }

  onFlood(connection: Connection): number {
    if (connection.addressEntry < 0) return 0;
    const { banMs, isNew } = this.#parts.addresses.ban(connection.addressEntry, this.nowMs);
    if (isNew) {
      this.counters.add(Counter.ADDRESS_BANS, 1);
      this.#parts.log.warn("Address is banned for flooding", { address: connection.remoteAddress, banMs });
    }
    return banMs;
  }

  touch(connection: Connection): void {
    if (this.#touched.add(connection) && this.#touched.length === 1) this.#parts.requestRound();
  }

  throttle(connection: Connection, waitMs: number): void {
    this.#debtors.add(connection, waitMs, this.nowMs);
    this.counters.add(Counter.READ_PAUSES, 1);
    if (this.#debtors.count === 1) this.#parts.requestRoundIn(THROTTLE_CHECK_MS);
  }

  waitTurn(connection: Connection): void {
    if (this.#turns.add(connection)) this.#parts.requestRound();
  }

  waitForRing(connection: Connection): void {
    this.#waiting.add(connection);
  }

  onState(connection: Connection): void {
    this.#doorkeeper.onState(connection);
  }

  onClosing(connection: Connection, reason: DisconnectReason, broken: boolean): void {
    this.#doorkeeper.onClosing(connection);
    this.counters.add(connection.gaugeSlot, -1);
    if (connection.place === "admitted") {
      const peer = broken ? Counter.CLOSED_BY_ERROR : Counter.CLOSED_BY_PEER;
      this.counters.add(reason === 0 ? peer : Counter.CLOSED_BY_REASON + reason, 1);
    }
    if (connection.announced) {
      this.#closedUntold.push({ slot: connection.slot, generation: connection.generation, reason });
      this.#tellClosed();
    }
  }

  onGone(connection: Connection): void {
    this.#doorkeeper.onGone(connection);
  }

  /** Bounded by the slots: one entry a connection at most. */
  #tellClosed(): void {
    let told = 0;
    for (const { slot, generation, reason } of this.#closedUntold) {
      if (tryPushRecord(this.toLogic, RECORD_CLOSED, slot, generation, reason, 0, 0, EMPTY, 0, 0) < 0) break;
      this.logicIsDue = true;
      told++;
    }
    this.#closedUntold.splice(0, told);
  }

  // LoopHandler

  onWake(): void {
    this.#beginPart();
    if (this.#roundStartMs !== 0) return;
    this.#roundStartMs = this.nowMs;
    this.unixMs = this.#parts.clock.unixMs();
  }

  #beginPart(): void {
    this.nowMs = this.#parts.clock.monotonicMs();
    this.#partEndMs = this.nowMs + ROUND_PART_MS;
    this.#itemsSinceLook = 0;
    this.#timeIsUp = false;
  }

  isTimeUp(): boolean {
    if (this.#timeIsUp) return true;
    if (++this.#itemsSinceLook < ROUND_ITEMS_PER_LOOK) return false;
    this.#itemsSinceLook = 0;
    return this.#timeIsUp = this.#parts.clock.monotonicMs() >= this.#partEndMs;
  }

  lookSoon(): void {
    this.#itemsSinceLook = ROUND_ITEMS_PER_LOOK;
  }

  onRound(more = false): void {
    this.counters.add(Counter.ITEMS, 1);
    this.onWake();
    let isBehind = this.#drainLogic() || more;
    if (this.#closedUntold.length > 0) this.#tellClosed();
    if (this.#debtors.count > 0) this.#checkDebtors();
    if (this.#turns.length > 0 || this.#waiting.length > 0) {
      this.#beginPart();
      if (this.#waiting.length > 0) this.#retryWaiting();
      if (this.#timeIsUp) this.#beginPart();
      isBehind = this.#takeTurns() || isBehind;
    }
    if (this.#timeIsUp || this.#touched.length > ROUND_ITEMS_PER_LOOK) this.#beginPart();
    isBehind = this.#flushTouched() || isBehind;
    this.toLogic.publish();
    if (this.logicIsDue || this.#waiting.length > 0) this.#parts.logicWaker.ring();
    this.logicIsDue = false;
    this.#lag.onRound(this.#roundStartMs, this.nowMs, isBehind);
    this.#isBehind = isBehind;
    this.#roundStartMs = 0;
    if (isBehind) this.#parts.requestRound();
  }

  onAcceptError(): void {
    this.counters.add(Counter.ACCEPT_ERRORS, 1);
  }

  beforeSleep(): boolean {
    if (this.#touched.length > 0 || this.#waiting.length > 0 || this.#turns.length > 0) return false;
    if (this.pendingPromises > 0) return false;
    const { doorbell } = this.#parts;
    doorbell.markSleeping();
    if (this.#inbox.empty) return true;
    doorbell.markAwake();
    return false;
  }

  afterSleep(): void {
    this.#parts.doorbell.markAwake();
  }

  /** Sends what gathered; gives whether some of it must wait for the next round. */
  #flushTouched(): boolean {
    if (this.#touched.length === 0) return false;
    const touched = this.#touched.takeAll();
    let index = 0;
    for (; index < touched.length && !this.isTimeUp(); index++) {
      this.#touched.release(touched[index]);
      touched[index].flush();
    }
    this.counters.add(Counter.ITEMS, index);
    return this.#touched.putBack(touched, index);
  }

  /** Those that found no room in the ring to logic try again, each once. */
  #retryWaiting(): void {
    const waiting = this.#waiting.takeAll();
    for (const connection of waiting) {
      this.#waiting.release(connection);
      connection.reader.goOn();
    }
    this.#waiting.putBack(waiting, waiting.length);
  }

  /** Connections go on with what they have, one after the other; gives whether some must wait for the next round. */
  #takeTurns(): boolean {
    while (this.#turns.length > 0 && !this.isTimeUp()) this.#turns.take().reader.goOn();
    return this.#turns.length > 0;
  }

  #checkDebtors(): void {
    this.#parts.requestRoundIn(THROTTLE_CHECK_MS);
    if (this.#debtors.check(this.nowMs, this.#isBehind)) this.counters.set(Gauge.THROTTLED, this.#debtors.count);
  }

  /** Takes what logic has sent; gives whether some of it must wait for the next round. */
  #drainLogic(): boolean {
    this.counters.add(Counter.ITEMS, this.#inbox.drain(this));
    return this.#timeIsUp;
  }

  // Time-outs and the end

  /** Closes connections that are late, and frees what is not needed; to be called every `SWEEP_INTERVAL_MS`. */
  sweep(): void {
    this.nowMs = this.#parts.clock.monotonicMs();
    this.pool.trim();
    const isRollCalled = this.#inbox.takeRollCall();
    for (let slot = 0; slot < this.#connections.slotCount; slot++) {
      const connection = this.#connections.at(slot);
      if (connection === null) continue;
      this.#sweepOne(connection);
      if (isRollCalled) connection.tryAnnounce();
    }
    this.#doorkeeper.makeRoom();
    this.#parts.requestRound();
  }

  #sweepOne(connection: Connection): void {
    const { nowMs } = this;
    const { adapter, addressEntry } = connection;
    if (connection.closing) {
      if (connection.isOverdue(nowMs)) connection.closeSocket();
    } else if (adapter !== null && adapter.deadlineMs !== 0 && nowMs >= adapter.deadlineMs) {
      adapter.onDeadline();
    } else if (adapter !== null && !adapter.open && !connection.proven) {
      // Still an HTTP connection, which has its own deadline.
    } else if (!connection.proven && nowMs - connection.acceptedMs >= HANDSHAKE_TIMEOUT_MS) {
      connection.close(DisconnectReason.HANDSHAKE_TIMEOUT, "Nothing valid was sent in time");
    } else if (addressEntry >= 0 && this.#parts.addresses.bannedMs(addressEntry, nowMs) > 0) {
      const banMs = this.#parts.addresses.bannedMs(addressEntry, nowMs);
      connection.close(DisconnectReason.FLOOD, "This address is banned for flooding", banMs);
    } else if (connection.reader.awaitingMs(nowMs) >= ANSWER_TIMEOUT_MS) {
      connection.close(DisconnectReason.SERVER_ERROR, "There is no answer to the last request");
    } else if (connection.silentMs(nowMs) >= IDLE_TIMEOUT_MS) {
      connection.closeIdle();
    } else if (connection.congestedMs(nowMs) >= SLOW_READER_MS) {
      connection.closeSlowReader();
    }
  }

  /** Takes no one new, and closes everyone; what logic has told them by now they hear before. */
  closeAll(reason: DisconnectReason, message: string): void {
    this.#draining = true;
    while (!this.#inbox.empty) {
      this.#beginPart();
      this.#drainLogic();
    }
    for (const connection of this.#connections.all()) connection.close(reason, message);
    this.#parts.requestRound();
  }

  /** Closes every socket at once. */
  abortAll(): void {
    for (const connection of this.#connections.all()) connection.closeSocket();
  }
}

/** The names that an operator has given the gateway. */
function hostNamesOf({ publicHost, gatewayUrl, allowedOrigins }: ServerConfig): ReadonlySet<string> {
  const urls = gatewayUrl === "" ? allowedOrigins : [gatewayUrl, ...allowedOrigins];
  return new Set([publicHost, ...urls.map((url) => new URL(url).hostname)].map((name) => name.toLowerCase()));
}
