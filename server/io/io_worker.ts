/**
 * The connections of one io worker, and its way to and from logic.
 *
 * One packet's way: socket -> decoder -> packet table -> ring -> (logic) -> ring -> send queue -> socket.
 *
 * @module
 */

import type { App } from "../../gateway/app.ts";
import { HttpError, type HttpHead } from "../../gateway/http.ts";
import { DisconnectReason } from "../../shared/gen/enums.ts";
import {
  DEBTORS_US_PER_CHECK,
  HANDSHAKE_TIMEOUT_MS,
  HTTP_CONNECTIONS_MAX,
  IDLE_TIMEOUT_MS,
  PACKET_TOKENS_BURST,
  PACKET_TOKENS_PER_SECOND,
  REFUSED_CONNECTIONS_MAX,
  ROUND_ITEMS_PER_LOOK,
  ROUND_PART_MS,
  SLOTS_MAX,
  SLOW_READER_MS,
  THROTTLE_CHECK_MS,
  THROTTLE_MS_MAX,
  UNAUTHENTICATED_MS,
  WORK_ACCEPT_US,
  WORK_READ_DENO_US,
  WORK_READ_US,
} from "../../shared/limits.ts";
import { PacketView } from "../../shared/packet_codec.ts";
import { type PacketTable, PORT_GAME, PORT_GATEWAY, PORT_LOGIN, STATE_CONNECTED } from "../../shared/packet_table.ts";
import type { Clock } from "../base/clock.ts";
import type { ServerConfig } from "../config/config.ts";
import { origins } from "../config/kinds.ts";
import { Counter, type CounterBlock, Gauge } from "../ops/counters.ts";
import { LoopLag } from "../ops/loop_lag.ts";
import type { PacketLogger } from "../ops/packet_logger.ts";
import type { LimitedLogger } from "../ops/rate_limited_log.ts";
import type { RingConsumer, RingProducer } from "../ring/byte_ring.ts";
import type { Doorbell, Waker } from "../ring/doorbell.ts";
import {
  ackOf,
  generationOf,
  isCompressedAt,
  kindOf,
  payloadEndOf,
  payloadStartOf,
  recipientAt,
  recipientCountOf,
  recipientGeneration,
  recipientSequence,
  recipientSlot,
  RECORD_ACK,
  RECORD_BROADCAST,
  RECORD_CLOSE,
  RECORD_CLOSED,
  RECORD_ROLL_CALL,
  RECORD_SEND,
  retryAfterMsOf,
  sequenceOf,
  slotOf,
  stateOf,
  tryPushRecord,
  typeOf,
} from "../ring/records.ts";
import { isLoopback } from "../base/host.ts";
import type { AddressGate } from "./address_gate.ts";
import type { AdmissionCounts } from "./admission.ts";
import type { LoopHandler, Socket, SocketHandler } from "./backend.ts";
import { BufferPool } from "./buffer_pool.ts";
import { Connection, type ConnectionHost, type PortInfo } from "./connection.ts";
import { readForwarded } from "./forwarded_header.ts";
import { GatewayAdapter, type GatewayHost, type Misplacement } from "./gateway_adapter.ts";
import { ProxyAdapter, type ProxyHost } from "./proxy_adapter.ts";
import type { ProxyHeader } from "./proxy_header.ts";
import type { BucketRate } from "../base/token_bucket.ts";

/** The three ports, in the order of the shared admission counts. */
export const PORTS: readonly PortInfo[] = [
  { name: "login", bit: PORT_LOGIN },
  { name: "game", bit: PORT_GAME },
  { name: "gateway", bit: PORT_GATEWAY },
];

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

/** The gateway's place in {@linkcode PORTS}. */
const GATEWAY = 2;
/** Turns taken that are kept in the list before it is made anew. */
const TURNS_KEPT_MAX = 1_024;
/** Characters of a host or an origin in the log: names have 253 at most. */
const LOGGED_CHARS_MAX = 270;
const EMPTY = new Uint8Array(0);
const UTF8 = new TextDecoder();
/** What may be given to `--allowed-origins`. */
const ORIGINS = origins();
const FLOOD_RATE: BucketRate = { perSecond: PACKET_TOKENS_PER_SECOND, burst: PACKET_TOKENS_BURST };

/**
 * All connections of one io worker.
 *
 * A round has parts - sockets, records from logic, connections with more to go on with, sending - and each ends by time,
 * so that none keeps the others waiting, however much there is of it.
 */
export class IoWorker implements LoopHandler, ConnectionHost, GatewayHost, ProxyHost {
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
  readonly #admittedMax: readonly number[];
  readonly #connections: (Connection | null)[] = [];
  readonly #generations: number[] = [];
  readonly #freeSlots: number[] = [];
  #touched: Connection[] = [];
  #touchedNext: Connection[] = [];
  #waiting: Connection[] = [];
  /** Connections with more to go on with, from `#turnAt` on, in the order of their turns. */
  #turns: Connection[] = [];
  #turnAt = 0;
  /** Connections in debt; looked at again when `#throttleCheckMs` is over. */
  #throttled: Connection[] = [];
  #throttleCheckMs = 0;
  /** Newcomers that each port turned away as it was full, since the last sweep. */
  readonly #turnedAway = PORTS.map(() => 0);
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
  /** Logic asks for the connections that it has not heard of. */
  #isRollCalled = false;
  #refusedNow = 0;
  #httpNow = 0;
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
    this.#admittedMax = [config.loginMaxConnections, config.maxConnections, config.gatewayMaxConnections];
    this.#lag = new LoopLag(parts.counters);
    this.nowMs = parts.clock.monotonicMs();
    this.unixMs = parts.clock.unixMs();
    this.#partEndMs = this.nowMs + ROUND_PART_MS;
  }

  /** Connections held, refused and closing ones among them. */
  get connectionCount(): number {
    return this.#connections.length - this.#freeSlots.length;
  }

  /**
   * Takes a new connection.
   *
   * @param portIndex Its place in {@linkcode PORTS}.
   * @returns `null` when it cannot even be told that the server is full.
   */
  accept(portIndex: number, socket: Socket, transport: "tcp" | "tls"): SocketHandler | null {
    const isGateway = portIndex === GATEWAY;
    if (this.#draining || (isGateway && this.#httpNow >= HTTP_CONNECTIONS_MAX)) return this.#turnAway();
    const slot = this.#freeSlots.at(-1) ?? this.#connections.length;
    if (slot >= SLOTS_MAX) return this.#turnAway();
    const { addresses } = this.#parts;
    const address = addresses.active ? socket.remoteAddress : "";
    const isProxied = addresses.isProxy(address);
    const forwards = isGateway && !isProxied && addresses.forwarders.containsText(address);
    // Behind a proxy the address is not known yet.
    const source = isProxied || forwards ? null : addresses.tryAdmit(address, this.nowMs);
    const isRefused = source !== null && source.kind !== "admitted";
    if (isRefused) this.counters.add(Counter.REFUSED_BY_ADDRESS, 1);
    // A banned peer has been told for how long; HTTP has not begun, and a handshake costs more than a word is worth.
    if (isRefused && (isGateway || transport === "tls" || source.kind === "banned")) return null;
    const admitted = !isGateway && !isRefused && this.#tryAdmit(portIndex);
    if (!admitted && !isGateway && this.#refusedNow >= REFUSED_CONNECTIONS_MAX) {
      if (source !== null && source.entry >= 0) addresses.release(source.entry);
      return isRefused ? null : this.#turnAway();
    }
    this.#freeSlots.pop();
    const generation = this.#generations[slot] = ((this.#generations[slot] ?? 0) + 1) >>> 0;
    const connection = new Connection(this, socket, {
      slot,
      generation,
      port: PORTS[portIndex],
      transport: isGateway ? "http" : transport,
    });
    this.#connections[slot] = connection;
    connection.admitted = admitted;
    connection.addressEntry = source?.entry ?? -1;
    connection.forwards = forwards;
    this.counters.add(connection.gaugeSlot, 1);
    if (isGateway) {
      connection.adapter = new GatewayAdapter(connection, this);
      this.#httpNow++;
    } else if (admitted) {
      this.counters.add(Counter.CONNECTIONS_ACCEPTED, 1);
    } else if (isRefused) {
      this.#refuseAddress(connection, source.waitMs);
    } else {
      this.#refuse(connection);
    }
    if (isProxied && !connection.closing) connection.adapter = new ProxyAdapter(connection, this, !isGateway);
    if (!isProxied) connection.charge(WORK_ACCEPT_US);
    return connection;
  }

  #turnAway(): null {
    this.counters.add(Counter.CONNECTIONS_REFUSED, 1);
    return null;
  }

  #tryAdmit(portIndex: number): boolean {
    const admitted = this.#parts.admitted.tryAdmit(portIndex, this.#admittedMax[portIndex]);
    if (!admitted) this.#turnedAway[portIndex]++;
    return admitted;
  }

  #refuse(connection: Connection): void {
    this.#refusedNow++;
    this.counters.add(Counter.CONNECTIONS_REFUSED, 1);
    connection.close(DisconnectReason.SERVER_FULL, "The server is full", 5_000);
  }

  /** The peer's address has too many connections, or opens them too fast. */
  #refuseAddress(connection: Connection, retryAfterMs: number): void {
    if (!connection.admitted && connection.transport !== "http") this.#refusedNow++;
    connection.close(DisconnectReason.FLOOD, "Too many connections from this address", retryAfterMs);
  }

  // ProxyHost

  onProxied(connection: Connection, proxied: ProxyHeader["addresses"]): void {
    const isGateway = PORTS.indexOf(connection.port) === GATEWAY;
    connection.adapter = isGateway ? new GatewayAdapter(connection, this) : null;
    if (proxied !== null) connection.setProxied(proxied);
    const { addresses } = this.#parts;
    connection.forwards = isGateway && addresses.forwarders.containsText(connection.remoteAddress);
    if (connection.forwards) return;
    const source = addresses.tryAdmit(connection.remoteAddress, this.nowMs);
    connection.addressEntry = source.entry;
    connection.charge(WORK_ACCEPT_US);
    if (source.kind === "admitted") return;
    this.counters.add(Counter.REFUSED_BY_ADDRESS, 1);
    this.#refuseAddress(connection, source.waitMs);
  }

  // GatewayHost

  beginRequest(connection: Connection, head: HttpHead): void {
    if (!connection.forwards) return;
    const { addresses } = this.#parts;
    const named = connection.forwardedFrom = readForwarded(head.headers, addresses.forwarders);
    // A health check may ask for nobody; a WebSocket is somebody's.
    if (named === null && head.path === "/ws") {
      this.#parts.log.warn("Cannot tell whom a trusted proxy asks for", { proxy: connection.remoteAddress });
    }
    const { kind, entry, waitMs } = named === null
      ? addresses.tryAdmitUnnamed(connection.remoteAddress, this.nowMs)
      : addresses.tryAdmit(named, this.nowMs);
    connection.addressEntry = entry;
    if (kind === "admitted") return;
    this.counters.add(Counter.REFUSED_BY_ADDRESS, 1);
    const why = kind === "banned" ? "this address is banned for flooding" : "too many connections from this address";
    throw new HttpError(429, `Cannot accept request: ${why}`, Math.ceil(waitMs / 1_000));
  }

  onMisplaced(fault: Misplacement, { headers }: HttpHead): void {
    const origin = shorten(headers.get("origin") ?? "");
    const host = shorten(headers.get("host") ?? "");
    const { log } = this.#parts;
    if (fault === "upgrade") log.warn("Cannot accept WebSocket: a proxy took its Upgrade field off", { host });
    else if (fault === "host") {
      log.warn("Cannot accept request: its host is not among the gateway's names", {
        host,
        flag: `--public-host ${host.replace(/:\d+$/, "")}`,
      });
    } else {
      const isOrigin = ORIGINS.parse(origin) !== undefined;
      log.warn("Cannot accept WebSocket: pages of this origin are not allowed", {
        origin,
        host,
        ...(isOrigin ? { flag: `--allowed-origins ${origin}` } : {}),
      });
    }
  }

  endRequest(connection: Connection): void {
    if (!connection.forwards) return;
    if (connection.addressEntry >= 0) this.#parts.addresses.release(connection.addressEntry);
    connection.addressEntry = -1;
    connection.forwardedFrom = null;
  }

  onUpgraded(connection: Connection): void {
    this.#httpNow--;
    connection.admitted = this.#tryAdmit(2);
    if (connection.admitted) this.counters.add(Counter.CONNECTIONS_ACCEPTED, 1);
    else this.#refuse(connection);
  }

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
    if (connection.touched) return;
    connection.touched = true;
    this.#touched.push(connection);
    if (this.#touched.length === 1) this.#parts.requestRound();
  }

  throttle(connection: Connection, waitMs: number): void {
    connection.throttledUntilMs = this.nowMs + Math.min(waitMs, THROTTLE_MS_MAX);
    this.#throttled.push(connection);
    this.counters.add(Counter.READ_PAUSES, 1);
    if (this.#throttled.length === 1) this.#parts.requestRoundIn(THROTTLE_CHECK_MS);
  }

  waitTurn(connection: Connection): void {
    if (connection.waitsForTurn) return;
    connection.waitsForTurn = true;
    this.#turns.push(connection);
    this.#parts.requestRound();
  }

  waitForRing(connection: Connection): void {
    if (connection.waitsForRing) return;
    connection.waitsForRing = true;
    this.#waiting.push(connection);
  }

  onClosing(connection: Connection, reason: DisconnectReason): void {
    this.counters.add(connection.gaugeSlot, -1);
    if (connection.transport !== "http" && connection.admitted) {
      const peer = connection.broken ? Counter.CLOSED_BY_ERROR : Counter.CLOSED_BY_PEER;
      this.counters.add(reason === 0 ? peer : Counter.CLOSED_BY_REASON + reason, 1);
    }
    if (connection.announced) {
      this.#closedUntold.push({ slot: connection.slot, generation: connection.generation, reason });
      this.#tellClosed();
    }
  }

  onGone(connection: Connection): void {
    // Not before: a socket that lingers holds a descriptor like any other.
    if (connection.transport === "http") this.#httpNow--;
    else if (connection.admitted) this.#parts.admitted.release(PORTS.indexOf(connection.port));
    else this.#refusedNow--;
    if (connection.addressEntry >= 0) this.#parts.addresses.release(connection.addressEntry);
    this.#connections[connection.slot] = null;
    this.#freeSlots.push(connection.slot);
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
    if (this.#throttled.length > 0) this.#checkThrottled();
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
    const { doorbell, fromLogic } = this.#parts;
    doorbell.markSleeping();
    if (fromLogic.empty) return true;
    doorbell.markAwake();
    return false;
  }

  afterSleep(): void {
    this.#parts.doorbell.markAwake();
  }

  /** Sends what gathered; gives whether some of it must wait for the next round. */
  #flushTouched(): boolean {
    const touched = this.#touched;
    if (touched.length === 0) return false;
    this.#touched = this.#touchedNext;
    this.#touchedNext = touched;
    let index = 0;
    for (; index < touched.length && !this.isTimeUp(); index++) {
      const connection = touched[index];
      connection.touched = false;
      connection.flush();
    }
    const isBehind = index < touched.length;
    // Those left go first in the next round.
    if (isBehind) this.#touched = touched.slice(index).concat(this.#touched);
    this.counters.add(Counter.ITEMS, index);
    touched.length = 0;
    return isBehind;
  }

  /** Those that found no room in the ring to logic try again, each once. */
  #retryWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const connection of waiting) {
      connection.waitsForRing = false;
      connection.goOn();
    }
  }

  /** Connections go on with what they have, one after the other; gives whether some must wait for the next round. */
  #takeTurns(): boolean {
    while (this.#turnAt < this.#turns.length && !this.isTimeUp()) {
      const connection = this.#turns[this.#turnAt++];
      connection.waitsForTurn = false;
      connection.goOn();
    }
    const isBehind = this.#turnAt < this.#turns.length;
    if (isBehind && this.#turnAt < TURNS_KEPT_MAX) return true;
    this.#turns = isBehind ? this.#turns.slice(this.#turnAt) : [];
    this.#turnAt = 0;
    return isBehind;
  }

  /** Connections that have paid continue in turn: so many at a time, and fewer while others have to wait. */
  #checkThrottled(): void {
    const { counters, nowMs } = this;
    this.#parts.requestRoundIn(THROTTLE_CHECK_MS);
    if (nowMs < this.#throttleCheckMs) return;
    this.#throttleCheckMs = nowMs + THROTTLE_CHECK_MS;
    // Never none: a connection that has paid continues in the end, however much there is to do.
    let usLeft = this.#isBehind ? 1 : DEBTORS_US_PER_CHECK;
    this.#throttled = this.#throttled.filter((connection) => {
      if (connection.gone) return false;
      if (usLeft <= 0 || !this.#hasPaid(connection)) return true;
      usLeft -= connection.lastWorkUs;
      return false;
    });
    counters.set(Gauge.THROTTLED, this.#throttled.length);
  }

  #hasPaid(connection: Connection): boolean {
    if (this.nowMs < connection.throttledUntilMs) return false;
    const waitMs = connection.tryGoOn();
    if (waitMs > 0) {
      connection.throttledUntilMs = this.nowMs + Math.min(waitMs, THROTTLE_MS_MAX);
      return false;
    }
    connection.throttled = false;
    this.waitTurn(connection);
    return true;
  }

  /** Takes what logic has sent; gives whether some of it must wait for the next round. */
  #drainLogic(): boolean {
    const ring = this.#parts.fromLogic;
    let count = 0;
    for (let at = ring.next(); at >= 0; at = this.isTimeUp() ? -1 : ring.next()) {
      count++;
      const kind = kindOf(ring, at);
      if (kind === RECORD_BROADCAST) {
        this.#broadcast(ring, at);
        continue;
      }
      if (kind === RECORD_ROLL_CALL) {
        this.#isRollCalled = true;
        continue;
      }
      const connection = this.#find(slotOf(ring, at), generationOf(ring, at));
      if (connection === null) continue;
      const type = typeOf(ring, at), state = stateOf(ring, at);
      const payloadStart = payloadStartOf(at), payloadEnd = payloadEndOf(ring, at);
      switch (kind) {
        case RECORD_SEND:
          if (state !== 0) connection.setState(state);
          connection.onAnswer(type, state !== 0, ring.bytes, payloadStart, payloadEnd);
          connection.ack = ackOf(ring, at);
          connection.sendFromLogic(
            type,
            sequenceOf(ring, at),
            isCompressedAt(ring, at),
            ring.bytes,
            payloadStart,
            payloadEnd,
          );
          break;
        case RECORD_ACK:
          if (state !== 0) connection.setState(state);
          if (state !== 0) connection.onAnswer(type, true, EMPTY, 0, 0);
          else if (type !== 0) connection.onRepeated(type);
          connection.ack = ackOf(ring, at);
          break;
        case RECORD_CLOSE:
          if (type === 0) connection.closeQuietly();
          else {connection.close(
              type,
              UTF8.decode(ring.bytes.slice(payloadStart, payloadEnd)),
              retryAfterMsOf(ring, at),
            );}
          break;
      }
    }
    ring.release();
    this.counters.add(Counter.ITEMS, count);
    return this.#timeIsUp;
  }

  #broadcast(ring: RingConsumer, at: number): void {
    const type = typeOf(ring, at), isCompressed = isCompressedAt(ring, at), count = recipientCountOf(ring, at);
    const payloadStart = payloadStartOf(at), payloadEnd = payloadEndOf(ring, at);
    for (let index = 0; index < count; index++) {
      const entry = recipientAt(payloadEnd, index);
      const connection = this.#find(recipientSlot(ring, entry), recipientGeneration(ring, entry));
      if (connection === null) continue;
      const sequence = recipientSequence(ring, entry);
      connection.sendFromLogic(type, sequence, isCompressed, ring.bytes, payloadStart, payloadEnd);
    }
  }

  #find(slot: number, generation: number): Connection | null {
    const connection = this.#connections[slot];
    return connection !== undefined && connection !== null && connection.generation === generation ? connection : null;
  }

  // Time-outs and the end

  /** Closes connections that are late, and frees what is not needed; to be called every `SWEEP_INTERVAL_MS`. */
  sweep(): void {
    this.nowMs = this.#parts.clock.monotonicMs();
    this.pool.trim();
    for (let slot = 0; slot < this.#connections.length; slot++) {
      const connection = this.#connections[slot];
      if (connection === null) continue;
      this.#sweepOne(connection);
      if (this.#isRollCalled) connection.tryAnnounce();
    }
    this.#isRollCalled = false;
    this.#turnedAway.forEach((count, portIndex) => {
      if (count > 0) this.#makeRoom(portIndex, count);
      this.#turnedAway[portIndex] = 0;
    });
    this.#parts.requestRound();
  }

  /** Who holds a place with nothing but heartbeats, and has not logged in for long, gives way to those turned away. */
  #makeRoom(portIndex: number, count: number): void {
    const isIdle = (connection: Connection | null): connection is Connection =>
      connection !== null && connection.admitted && !connection.closing && connection.port === PORTS[portIndex] &&
      connection.state === STATE_CONNECTED && this.nowMs - connection.acceptedMs >= UNAUTHENTICATED_MS;
    const idle = this.#connections.filter(isIdle).sort((a, b) => a.acceptedMs - b.acceptedMs);
    for (const connection of idle.slice(0, count)) {
      connection.close(DisconnectReason.IDLE, "Not logged in for too long, and the server is full");
    }
  }

  #sweepOne(connection: Connection): void {
    const { nowMs } = this;
    const { adapter } = connection;
    if (connection.closing) {
      if (nowMs >= connection.closingUntilMs) connection.closeSocket();
    } else if (adapter !== null && adapter.deadlineMs !== 0 && nowMs >= adapter.deadlineMs) {
      adapter.onDeadline();
    } else if (adapter !== null && !adapter.open && !connection.proven) {
      // Still an HTTP connection, which has its own deadline.
    } else if (!connection.proven && nowMs - connection.acceptedMs >= HANDSHAKE_TIMEOUT_MS) {
      connection.close(DisconnectReason.HANDSHAKE_TIMEOUT, "Nothing valid was sent in time");
    } else if (connection.addressEntry >= 0 && this.#parts.addresses.bannedMs(connection.addressEntry, nowMs) > 0) {
      const banMs = this.#parts.addresses.bannedMs(connection.addressEntry, nowMs);
      connection.close(DisconnectReason.FLOOD, "This address is banned for flooding", banMs);
    } else if (nowMs - connection.lastBytesMs >= IDLE_TIMEOUT_MS) {
      connection.closeIdle();
    } else if (connection.congested && nowMs - connection.congestedSinceMs >= SLOW_READER_MS) {
      connection.closeSlowReader();
    }
  }

  /** Takes no one new, and closes everyone. */
  closeAll(reason: DisconnectReason, message: string): void {
    this.#draining = true;
    for (const connection of this.#connections) connection?.close(reason, message);
    this.#parts.requestRound();
  }

  /** Closes every socket at once. */
  abortAll(): void {
    for (const connection of this.#connections) connection?.closeSocket();
  }
}

/** Whatever a peer wrote, no longer than a name in the log needs to be. */
function shorten(text: string): string {
  return text.slice(0, LOGGED_CHARS_MAX);
}

/** The names that an operator has given the gateway. */
function hostNamesOf({ publicHost, gatewayUrl, allowedOrigins }: ServerConfig): ReadonlySet<string> {
  const urls = gatewayUrl === "" ? allowedOrigins : [gatewayUrl, ...allowedOrigins];
  return new Set([publicHost, ...urls.map((url) => new URL(url).hostname)].map((name) => name.toLowerCase()));
}
