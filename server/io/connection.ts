/**
 * One live socket: cuts its bytes into packets, checks each against the packet table, answers what the io worker
 * answers, passes the rest to logic, and sends what logic sends.
 *
 * @module
 */

import { ProtocolError } from "../../shared/errors.ts";
import { FrameDecoder, type FrameSink } from "../../shared/frame_decoder.ts";
import { DeliveryClass, DisconnectReason, ErrorCode } from "../../shared/gen/enums.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import {
  ENVELOPE_BYTES_MAX,
  FRAME_BYTES_MAX,
  FRAMES_PER_SERVICE_MAX,
  IDLE_TIMEOUT_MS,
  LINGER_TIMEOUT_MS,
  RING_RECORD_BYTES_MAX,
  RTT_MS_MAX,
  WORK_ECHO_US,
  WORK_HANDSHAKE_US,
  WORK_INFLATE_BYTES_PER_US,
  WORK_INFLATE_US,
  WORK_LOOK_US,
  WORK_READ_BYTES_PER_US,
} from "../../shared/limits.ts";
import type { PacketView } from "../../shared/packet_codec.ts";
import { type PacketRow, type PacketTable, STATE_CONNECTED, STATE_IN_WORLD } from "../../shared/packet_table.ts";
import { connectionSlot, Counter, type CounterBlock, Histogram, TRANSPORTS } from "../ops/counters.ts";
import type { PacketLogger } from "../ops/packet_logger.ts";
import type { RingProducer } from "../ring/byte_ring.ts";
import {
  RECORD_CONGESTED,
  RECORD_HEADER_BYTES,
  RECORD_OPEN,
  RECORD_PACKET,
  RECORD_REFUSED,
  RECORD_REQUEST_KEY,
  RECORD_SEQUENCE,
  tryPushRecord,
} from "../ring/records.ts";
import type { Socket, SocketHandler } from "./backend.ts";
import type { BufferPool } from "./buffer_pool.ts";
import { ECHO_UNUSUAL, heartbeatResponse, parseEcho, parseHeartbeat, scanEcho } from "./diagnostics.ts";
import { inflatePayload } from "./inflate.ts";
import { PacketBudget } from "./packet_budget.ts";
import { disconnectNotice, errorResponse, isErrorFor, type Refusal, refuseRequest } from "../base/refusal.ts";
import { SendQueue } from "./send_queue.ts";
import type { BucketRate } from "../base/token_bucket.ts";

/** What carries a connection's bytes. */
export type TransportName = "tcp" | "tls" | "websocket" | "http";

/** Where a connection came in. */
export interface PortInfo {
  readonly name: "login" | "game" | "gateway";
  /** Its bit in the packet table. */
  readonly bit: number;
}

/** Turns the socket's bytes into the bytes of frames, where the socket does not carry them bare. */
export interface ConnectionAdapter {
  /** Bytes from the socket. */
  onBytes(bytes: Uint8Array, start: number, end: number): void;
  /** It is the connection's turn again: goes on with what it has kept; gives whether reading may go on. */
  goOn(): boolean;
  /** Whether packets can be sent: the upgrade is done. */
  readonly open: boolean;
  /** Whether an answer is being made, or waits to be: a peer that has ended its side may still read it. */
  readonly answering: boolean;
  /** When {@linkcode onDeadline} is due, monotonic milliseconds; 0: never. */
  readonly deadlineMs: number;
  /** The deadline has passed. */
  onDeadline(): void;
  /** Everything that was to be sent has been taken by the kernel. */
  onDrained(): void;
  /** Appends the transport's own farewell behind the DISCONNECT_NOTICE. */
  appendClose(queue: SendQueue, reason: DisconnectReason, message: string): void;
}

/** What all connections of an io worker share. */
export interface ConnectionHost {
  readonly packets: PacketTable;
  readonly view: PacketView;
  readonly toLogic: RingProducer;
  /** Whether something in the ring to logic must not wait for logic's next step. */
  logicIsDue: boolean;
  readonly pool: BufferPool;
  readonly counters: CounterBlock;
  /** `null` unless packets are logged. */
  readonly tap: PacketLogger | null;
  /** ECHO is answered. */
  readonly diagnostics: boolean;
  /** `null`: flood control is off. */
  readonly packetRate: BucketRate | null;
  /** Price of a read, in microseconds. */
  readonly readUs: number;
  readonly sendQueueSoftBytes: number;
  readonly sendQueueHardBytes: number;
  /** Monotonic, in milliseconds; as of this round. */
  readonly nowMs: number;
  /** Unix milliseconds; as of this round. */
  readonly unixMs: number;
  /** Takes tokens of the connection's address, which is limited; `false` when there are too few. */
  tryTakeOfAddress(connection: Connection, tokens: number): boolean;
  /** Charges the connection's address, which is limited; gives in how many milliseconds it will have paid. */
  chargeAddress(connection: Connection, us: number): number;
  /** Whether others should have their turn now. */
  isTimeUp(): boolean;
  /** Something took long: the next question for the time is answered by the clock. */
  lookSoon(): void;
  /** Lets the connection go on in so many milliseconds, when its debt is paid. */
  throttle(connection: Connection, waitMs: number): void;
  /** Lets the connection go on when it is its turn. */
  waitTurn(connection: Connection): void;
  /** The connection floods and will be closed; gives when its peer may come back, in milliseconds, 0 for at once. */
  onFlood(connection: Connection): number;
  /** The connection has something to send or to say this round. */
  touch(connection: Connection): void;
  /** The connection waits for room in the ring to logic. */
  waitForRing(connection: Connection): void;
  /** The connection closes: logic is to be told. `reason` 0: the peer went. */
  onClosing(connection: Connection, reason: DisconnectReason): void;
  /** The socket is closed: the connection no longer counts, its slot is free. */
  onGone(connection: Connection): void;
}

const EMPTY = new Uint8Array(0);

/** One connection; made at accept, or for a WebSocket at its upgrade. */
export class Connection implements SocketHandler, FrameSink {
  readonly slot: number;
  readonly generation: number;
  readonly port: PortInfo;
  readonly queue: SendQueue;
  transport: TransportName;
  /** Set while the socket carries something else than bare frames. */
  adapter: ConnectionAdapter | null = null;
  /** One of the packet table's states. */
  state = STATE_CONNECTED;
  /** Highest sequence that logic has taken from the client; goes out with every packet. */
  ack = 0;
  /** When anything arrived last, monotonic milliseconds. */
  lastBytesMs: number;
  /** Whether a valid packet has arrived. */
  proven = false;
  /** When it was accepted, monotonic milliseconds. */
  readonly acceptedMs: number;
  /** Logic knows of it. */
  announced = false;
  /** It is in the host's list of this round. */
  touched = false;
  /** It is in the host's list of those that wait for the ring. */
  waitsForRing = false;
  /** It is in the host's list of those that have more to go on with. */
  waitsForTurn = false;
  /** It is not read, and nothing it sent is handled, until its debt is paid. */
  throttled = false;
  /** When to look whether it is paid, monotonic milliseconds. */
  throttledUntilMs = 0;
  /** Set when it closes: until when the peer may still read what was sent. */
  closingUntilMs = 0;
  /** Logic was told that the send queue is above its soft cap. */
  congested = false;
  /** Since when logic has been told what it was told last of the send queue, monotonic milliseconds. */
  congestedSinceMs = 0;
  /** The network broke it. */
  broken = false;
  /** It counts against the limit of its port. */
  admitted = false;
  /** Its address's place among those that are limited; -1: it is not. */
  addressEntry = -1;
  /** An HTTP proxy is its peer: each request is somebody else's, who has a name and an address only while it lasts. */
  forwards = false;
  /** The client that the proxy names; `null`: nobody. */
  forwardedFrom: string | null = null;
  /** The send queue may grow beyond its caps: a diagnostic echo, which stops reading instead. */
  uncapped = false;
  /** The socket is closed. */
  gone = false;

  readonly #host: ConnectionHost;
  readonly #socket: Socket;
  readonly #decoder: FrameDecoder;
  readonly #budget: PacketBudget;
  /** What a proxy said of the peer; otherwise the socket knows. */
  #proxied: { readonly remoteAddress: string; readonly localAddress: string } | null = null;
  #heartbeatSentMs = 0;
  #roundTripMs = 0;
  /** A request that changes the state and is under way: the packets behind it are judged by the state that it leads to. */
  #awaited: PacketRow | null = null;
  /** Frames it may still have handled before it is others' turn. */
  #framesLeft = FRAMES_PER_SERVICE_MAX;
  /** The compressed frame that it stopped at has been charged. */
  #inflatingIsPaid = false;
  /** There was no room in the ring to logic for the frame that it stopped at. */
  #ringWasFull = false;
  /** Its sequence. */
  #awaitedSequence = 0;
  #endAsked = false;
  #peerEnded = false;

  constructor(
    host: ConnectionHost,
    socket: Socket,
    place: { slot: number; generation: number; port: PortInfo; transport: TransportName },
  ) {
    this.#host = host;
    this.#socket = socket;
    this.slot = place.slot;
    this.generation = place.generation;
    this.port = place.port;
    this.transport = place.transport;
    this.queue = new SendQueue(host.pool);
    this.#decoder = new FrameDecoder(this);
    this.#budget = new PacketBudget(host.packetRate, host.nowMs);
    this.acceptedMs = this.lastBytesMs = host.nowMs;
  }

  /** The peer's address, without its port: behind a proxy that says so, the address that connected to the proxy. */
  get remoteAddress(): string {
    return this.forwardedFrom ?? (this.#proxied ?? this.#socket).remoteAddress;
  }

  /** A proxy said who the peer is. */
  setProxied(addresses: { readonly remoteAddress: string; readonly localAddress: string }): void {
    this.#proxied = addresses;
  }

  /** The gauge that counts connections of this state and transport. */
  get gaugeSlot(): number {
    const state = this.state === STATE_CONNECTED ? 0 : this.state === STATE_IN_WORLD ? 2 : 1;
    return connectionSlot(state, TRANSPORTS.indexOf(this.transport));
  }

  /** Whether it closes or has closed. */
  get closing(): boolean {
    return this.closingUntilMs !== 0;
  }

  // SocketHandler

  onBytes(bytes: Uint8Array, start: number, end: number): void {
    const { counters } = this.#host;
    counters.add(Counter.ITEMS, 1);
    this.charge(this.#host.readUs + (end - start) / WORK_READ_BYTES_PER_US);
    if (this.closing) return;
    this.lastBytesMs = this.#host.nowMs;
    this.#framesLeft = FRAMES_PER_SERVICE_MAX;
    counters.add(Counter.BYTES_IN, end - start);
    if (this.adapter !== null) this.adapter.onBytes(bytes, start, end);
    else this.onStreamBytes(bytes, start, end);
  }

  /** Bytes of the frame stream, from the socket or from an adapter. */
  onStreamBytes(bytes: Uint8Array, start: number, end: number): void {
    try {
      this.#decoder.push(bytes, start, end);
    } catch (error) {
      this.#onProtocolError(error);
    }
    if (this.#decoder.paused) this.#pause();
  }

  onHandshake(): void {
    this.#host.counters.add(Counter.ITEMS, 1);
    this.charge(WORK_HANDSHAKE_US);
  }

  onWritten(): void {
    this.queue.onWritten();
    if (!this.queue.idle) this.queue.flush(this.#socket);
    if (this.congested) this.#host.touch(this);
    if (!this.queue.idle) return;
    if (this.closing) this.#endWriting();
    else this.adapter?.onDrained();
  }

  onEnd(): void {
    this.#peerEnded = true;
    if (!this.closing) this.#closeAnswered();
    else if (this.#endAsked) this.closeSocket();
  }

  /**
   * Closes behind a peer that has ended its side, once it has the answer to what it asked before. In the world it has
   * left at once: a session must not look as if its player were there.
   */
  #closeAnswered(): void {
    const isAnswering = this.adapter === null
      ? this.#awaited !== null && this.state !== STATE_IN_WORLD
      : this.adapter.answering;
    if (!isAnswering) this.#beginClosing(DisconnectReason.UNSPECIFIED);
  }

  onBroken(timedOut: boolean): void {
    this.broken = true;
    // The kernel gives a peer up that takes nothing for long enough, and is sometimes the first to do so. One that was
    // heard of meanwhile, or for which more waits than the kernel takes, did not read.
    const isThere = this.#host.nowMs - this.lastBytesMs < IDLE_TIMEOUT_MS / 2;
    const isSlow = this.congested || (timedOut && (isThere || !this.queue.idle));
    if (!this.closing) this.#beginClosing(isSlow ? DisconnectReason.SLOW_READER : DisconnectReason.UNSPECIFIED);
    this.queue.clear(true);
    this.#leave();
  }

  // Receiving

  onFrame(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.closing) return true;
    if (this.#awaited !== null) return false;
    const host = this.#host;
    this.#ringWasFull = false;
    if (this.throttled || --this.#framesLeft < 0 || host.isTimeUp()) return false;
    const view = host.view;
    view.decode(bytes, start, end);
    const row = host.packets.row(view.type);
    let payload = bytes;
    let payloadStart = view.payloadStart;
    let payloadEnd = view.payloadEnd;
    // Room first: a frame is taken whole or not at all.
    const recordBytes = view.isCompressed ? RING_RECORD_BYTES_MAX : RECORD_HEADER_BYTES + payloadEnd - payloadStart;
    // The connection may have to be announced before, and the packet named.
    if (!host.toLogic.hasRoom(recordBytes + OPEN_RECORD_BYTES_MAX + RECORD_HEADER_BYTES)) {
      host.counters.add(Counter.RING_FULL_PAUSES, 1);
      this.#ringWasFull = true;
      return false;
    }
    if (view.isCompressed && !this.#inflatingIsPaid) {
      this.charge(WORK_INFLATE_US + (payloadEnd - payloadStart) / WORK_INFLATE_BYTES_PER_US);
      this.#inflatingIsPaid = this.throttled;
      // Nothing is inflated on credit: what takes long waits until it is paid for.
      if (this.throttled) return false;
    }
    this.#inflatingIsPaid = false;
    host.counters.add(Counter.PACKETS_IN, 1);
    if (host.tap !== null) this.#log("in", view.type, view.sequence, bytes, payloadStart, payloadEnd);

    if (row === undefined || row.states === 0) {
      return this.#refusePlainly(ErrorCode.UNSUPPORTED, `Packet type ${view.type} is not for clients to send`);
    }
    if ((row.ports & this.port.bit) === 0) {
      return this.#refusePlainly(ErrorCode.UNSUPPORTED, `${row.name} is not served on the ${this.port.name} port`);
    }
    if ((row.states & this.state) === 0) {
      const code = this.state === STATE_CONNECTED ? ErrorCode.NOT_AUTHENTICATED : ErrorCode.INVALID_STATE;
      return this.#refusePlainly(code, `${row.name} is not allowed in this state`);
    }
    if (view.size !== 0 && view.size !== payloadEnd - payloadStart) {
      return this.#refuse(`Payload is ${payloadEnd - payloadStart} bytes, header says ${view.size} bytes`);
    }
    if (!this.#budget.tryPay(row, this, host)) return this.#onFlood(row);
    if (view.isCompressed) {
      if (view.type === PacketType.ECHO_REQUEST && !host.diagnostics) return this.#refuseEcho();
      const inflated = inflatePayload(bytes.subarray(payloadStart, payloadEnd), row.payloadBytesMax);
      if (inflated === "malformed") return this.#refuse("Payload is not valid DEFLATE");
      if (inflated === "too_large") {
        return this.#refuse(`Payload inflates to more than ${row.payloadBytesMax} bytes, which is its limit`);
      }
      payload = inflated;
      payloadStart = 0;
      payloadEnd = inflated.length;
    }
    if (payloadEnd - payloadStart > row.payloadBytesMax) {
      return this.#refuse(`Payload is ${payloadEnd - payloadStart} bytes, limit is ${row.payloadBytesMax} bytes`);
    }
    if (view.requestKey > Number.MAX_SAFE_INTEGER) return this.#refuse("Request key is 2^53 or more");
    this.proven = true;
    if (row.handledBy === "logic") {
      if (row.isDurable && view.requestKey > 0) this.#forwardKey(view.requestKey);
      this.#forward(RECORD_PACKET, payload, payloadStart, payloadEnd, row.isUrgent);
      if (row.changesState) this.#await(row, view.sequence);
    } else if (view.type === PacketType.ECHO_REQUEST) {
      this.#onEcho(payload, payloadStart, payloadEnd);
    } else {
      this.#onHeartbeat(payload, payloadStart, payloadEnd);
    }
    return true;
  }

  /** Goes on with what was kept, and reads again when that is done. */
  goOn(): void {
    if (this.gone || this.throttled) return;
    if (this.closing) return this.#socket.resumeReading();
    this.#host.counters.add(Counter.ITEMS, 1);
    this.#framesLeft = FRAMES_PER_SERVICE_MAX;
    try {
      if (!this.#decoder.resume()) return this.#pause();
    } catch (error) {
      return this.#onProtocolError(error);
    }
    if (this.adapter?.goOn() === false || this.#decoder.paused || this.throttled) return;
    this.#socket.resumeReading();
  }

  /** Stops reading until it is its turn again, and then continues. */
  waitTurn(): void {
    this.#socket.pauseReading();
    if (!this.throttled) this.#host.waitTurn(this);
  }

  #pause(): void {
    this.#socket.pauseReading();
    if (this.#awaited !== null || this.throttled) return;
    if (this.#ringWasFull) this.#host.waitForRing(this);
    else this.#host.waitTurn(this);
  }

  /**
   * Charges work that is no packet. Bytes of a stream cannot be dropped, so a connection in debt is not read until it has
   * paid.
   *
   * @param us In microseconds.
   */
  charge(us: number): void {
    if (us > WORK_LOOK_US) this.#host.lookSoon();
    if (this.#host.packetRate === null) return;
    // Others' requests follow on the connection, and must not wait for this one's debt.
    if (this.forwards) {
      if (this.addressEntry >= 0) this.#host.chargeAddress(this, us);
      return;
    }
    const waitMs = this.#budget.chargeWork(us, this, this.#host);
    if (waitMs === 0 || this.throttled) return;
    this.throttled = true;
    this.#socket.pauseReading();
    this.#host.throttle(this, waitMs);
  }

  /** What its address was charged last, in microseconds: about what it will make when it goes on. */
  get lastWorkUs(): number {
    return this.#budget.lastWorkUs;
  }

  /** In debt: in how many milliseconds to look again; 0: it may go on. */
  tryGoOn(): number {
    return this.#budget.tryGoOn(this, this.#host);
  }

  /**
   * Logic sent a packet of `type`, or a new state. Where it answers the request that frames wait for, they go on; answers
   * to what came before it do not count.
   */
  onAnswer(type: number, changedState: boolean, payload: Uint8Array, start: number, end: number): void {
    if (this.#awaited === null) return;
    const isAnswer = changedState || type === this.#awaited.replyType ||
      (type === PacketType.ERROR_RESPONSE &&
        isErrorFor(this.#awaited.type, this.#awaitedSequence, payload.slice(start, end)));
    if (isAnswer) this.#goOn();
  }

  /** Logic had taken this packet before, and gives no answer to it; frames that waited for one go on. */
  onRepeated(type: number): void {
    if (this.#awaited !== null && (type === this.#awaited.type || type === this.#awaited.replyType)) this.#goOn();
  }

  #await(row: PacketRow, sequence: number): void {
    this.#awaited = row;
    this.#awaitedSequence = sequence;
  }

  #goOn(): void {
    this.#awaited = null;
    if (this.#decoder.paused && !this.throttled) this.#host.waitTurn(this);
    // Behind the answer, which is sent in this round.
    if (this.#peerEnded) this.#host.touch(this);
  }

  #onProtocolError(error: unknown): void {
    if (error instanceof ProtocolError) this.close(error.reason, error.message);
    else throw error;
  }

  #onHeartbeat(payload: Uint8Array, start: number, end: number): void {
    const request = parseHeartbeat(payload.slice(start, end));
    if (request === null) {
      this.#refuse("HEARTBEAT_REQUEST cannot be parsed");
      return;
    }
    this.#passSequence();
    const nowMs = this.#host.unixMs;
    if (request.serverTimestampEcho !== 0 && request.serverTimestampEcho === this.#heartbeatSentMs) {
      const roundTripMs = nowMs - this.#heartbeatSentMs;
      if (roundTripMs >= 0 && roundTripMs <= RTT_MS_MAX) {
        this.#roundTripMs = roundTripMs;
        this.#host.counters.observe(Histogram.RTT_MS, roundTripMs);
      }
    }
    this.#heartbeatSentMs = nowMs;
    const response = heartbeatResponse(nowMs, this.#roundTripMs, request.timestamp);
    this.#sendDroppable(PacketType.HEARTBEAT_RESPONSE, response, 0, response.length);
  }

  #onEcho(payload: Uint8Array, start: number, end: number): void {
    if (!this.#host.diagnostics) {
      this.#refuseEcho();
      return;
    }
    this.charge(WORK_ECHO_US);
    let route = scanEcho(payload, start, end);
    if (route === ECHO_UNUSUAL) {
      const echo = parseEcho(payload.slice(start, end));
      if (echo === null) {
        this.#refuse("ECHO_REQUEST cannot be parsed");
        return;
      }
      route = echo.route;
      payload = echo.response;
      start = 0;
      end = payload.length;
    }
    if (route === 1) {
      this.#forward(RECORD_PACKET, payload, start, end);
    } else {
      this.#passSequence();
      this.#sendDroppable(PacketType.ECHO_RESPONSE, payload, start, end);
    }
  }

  #refuseEcho(): true {
    return this.#refusePlainly(ErrorCode.UNSUPPORTED, "ECHO_REQUEST needs a server with diagnostics on");
  }

  /** Drops a packet for want of tokens; warns once a second; closes who goes on. */
  #onFlood(row: PacketRow): boolean {
    const host = this.#host;
    host.counters.add(Counter.PACKETS_DROPPED, 1);
    const { type, sequence } = host.view;
    const isNumbered = sequence !== 0 && this.state === STATE_IN_WORLD;
    if (!isNumbered) this.#passSequence(row.isUrgent);
    if (this.#budget.countDrop(host.nowMs)) {
      this.close(DisconnectReason.FLOOD, "Too many packets", host.onFlood(this));
    } else if (this.#budget.takeWarning(host.nowMs, sequence)) {
      const { payload } = errorResponse(ErrorCode.RATE_LIMITED, "Too many packets", type, sequence);
      // A numbered packet counts as received, so its sender must surely hear of each that was not handled.
      if (isNumbered) this.#forwardRefusal(PacketType.ERROR_RESPONSE, payload);
      else this.#sendDroppable(PacketType.ERROR_RESPONSE, payload, 0, payload.length);
    }
    return true;
  }

  /** Refuses the packet in view as INVALID_PACKET, by its own response type where it has one. */
  #refuse(message: string): true {
    const { packets, view } = this.#host;
    return this.#sendRefusal(refuseRequest(ErrorCode.INVALID_PACKET, message, packets.row(view.type)!, view.sequence));
  }

  /** Refuses the packet in view by an ERROR_RESPONSE. */
  #refusePlainly(code: ErrorCode, message: string): true {
    const { type, sequence } = this.#host.view;
    return this.#sendRefusal(errorResponse(code, message, type, sequence));
  }

  #sendRefusal(refusal: Refusal): true {
    if (this.#budget.countRefusal(this.#host.nowMs)) {
      this.close(DisconnectReason.PROTOCOL_VIOLATION, "Too many packets that cannot be handled");
    } else if (this.state === STATE_IN_WORLD) {
      this.#forwardRefusal(refusal.type, refusal.payload);
    } else {
      this.send(refusal.type, 0, false, refusal.payload, 0, refusal.payload.length);
    }
    return true;
  }

  /** Refuses the packet in view through logic, which numbers all reliable packets of a session, refusals too. */
  #forwardRefusal(type: number, payload: Uint8Array): void {
    const { packets, view } = this.#host;
    const row = packets.row(view.type);
    // Else a second request of the type could be taken as answered by the refusal of the first.
    if (row !== undefined && row.changesState && type === row.refusal?.type) this.#await(row, view.sequence);
    view.type = type;
    this.#forward(RECORD_REFUSED, payload, 0, payload.length);
  }

  /** Lets logic know of a sequence or an ack on a packet that it does not see. */
  #passSequence(isUrgent = true): void {
    const view = this.#host.view;
    if (this.state === STATE_IN_WORLD && (view.sequence !== 0 || view.ack !== 0)) {
      this.#forward(RECORD_SEQUENCE, EMPTY, 0, 0, isUrgent);
    }
  }

  /** Passes the packet in view to logic; there is room, as `onFrame` has seen to. */
  #forward(kind: number, payload: Uint8Array, start: number, end: number, isUrgent = true): void {
    const host = this.#host, { toLogic, view } = host;
    // What is not urgent has no effect before a step of the world, which begins with what is in the ring.
    if (isUrgent) host.logicIsDue = true;
    this.#announce();
    tryPushRecord(
      toLogic,
      kind,
      this.slot,
      this.generation,
      view.type,
      view.sequence,
      view.ack,
      payload,
      start,
      end,
    );
  }

  /** Names the packet that is forwarded next. */
  #forwardKey(requestKey: number): void {
    const { toLogic } = this.#host;
    this.#announce();
    tryPushRecord(toLogic, RECORD_REQUEST_KEY, this.slot, this.generation, 0, requestKey, 0, EMPTY, 0, 0);
  }

  /** Lets logic know of a connection that speaks frames and has not sent it anything. */
  tryAnnounce(): void {
    const speaksFrames = this.transport !== "http" && (this.adapter === null || this.adapter.open);
    const host = this.#host;
    // Where there is no room, the next roll call finds it.
    if (!speaksFrames || this.closing || this.announced || !host.toLogic.hasRoom(OPEN_RECORD_BYTES_MAX)) return;
    this.#announce();
    host.logicIsDue = true;
  }

  #announce(): void {
    if (this.announced) return;
    this.announced = true;
    const info = new TextEncoder().encode(JSON.stringify({
      transport: this.transport,
      port: this.port.name,
      address: this.remoteAddress,
      localAddress: (this.#proxied ?? this.#socket).localAddress,
    }));
    tryPushRecord(this.#host.toLogic, RECORD_OPEN, this.slot, this.generation, 0, 0, 0, info, 0, info.length);
  }

  // Sending

  /** Sends one packet; see {@linkcode SendQueue.appendPacket}. */
  send(
    type: number,
    sequence: number,
    isCompressed: boolean,
    payload: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (this.adapter !== null && !this.adapter.open) return;
    const host = this.#host;
    // The largest payloads leave no room for the parts of the header that can be done without.
    const tight = end - start > FRAME_BYTES_MAX - ENVELOPE_BYTES_MAX;
    const timestamp = tight ? 0 : host.unixMs;
    this.queue.appendPacket(type, sequence, timestamp, isCompressed, tight ? 0 : this.ack, payload, start, end);
    host.counters.add(Counter.PACKETS_OUT, 1);
    if (host.tap !== null) this.#log("out", type, sequence, payload, start, end);
    if (!this.touched) host.touch(this);
  }

  #log(
    direction: "in" | "out",
    type: number,
    sequence: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const payload = bytes.subarray(start, end);
    this.#host.tap!.log({ direction, connection: this.slot, type, sequence, payload });
  }

  #sendDroppable(type: number, payload: Uint8Array, start: number, end: number): void {
    if (this.queue.pendingBytes > this.#host.sendQueueSoftBytes) this.#host.counters.add(Counter.DROPPABLE_SHED, 1);
    else this.send(type, 0, false, payload, start, end);
  }

  /** Sends a packet that logic sent; a DROPPABLE one is dropped while the send queue is above its soft cap. */
  sendFromLogic(
    type: number,
    sequence: number,
    isCompressed: boolean,
    payload: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (this.closing) return;
    if (sequence === 0 && this.#host.packets.row(type)?.delivery === DeliveryClass.DROPPABLE) {
      this.#sendDroppable(type, payload, start, end);
    } else {
      this.send(type, sequence, isCompressed, payload, start, end);
    }
  }

  /** Moves to another state of the packet table. */
  setState(state: number): void {
    if (this.closing || state === this.state) return;
    const { counters } = this.#host;
    counters.add(this.gaugeSlot, -1);
    this.state = state;
    counters.add(this.gaugeSlot, 1);
  }

  /** At the end of a round: hands what gathered to the socket, and holds the caps of the send queue. */
  flush(): void {
    if (this.gone) return;
    const host = this.#host;
    if (this.#peerEnded && !this.closing) this.#closeAnswered();
    const drained = this.queue.flush(this.#socket);
    host.counters.add(Counter.BYTES_OUT, this.queue.takeSentBytes());
    if (drained && this.closing) return this.#endWriting();
    if (this.closing) return;
    if (drained) this.adapter?.onDrained();
    if (this.uncapped) return;
    const pendingBytes = this.queue.pendingBytes;
    if (pendingBytes > host.sendQueueHardBytes) return this.closeSlowReader();
    const congested = pendingBytes > (this.congested ? host.sendQueueSoftBytes / 2 : host.sendQueueSoftBytes);
    if (congested !== this.congested && this.announced) {
      const { toLogic } = host;
      const type = congested ? 1 : 0;
      if (tryPushRecord(toLogic, RECORD_CONGESTED, this.slot, this.generation, type, 0, 0, EMPTY, 0, 0) >= 0) {
        host.logicIsDue = true;
        this.congested = congested;
        this.congestedSinceMs = host.nowMs;
      } else {
        host.touch(this);
      }
    }
  }

  /** Sends bytes as they are: an adapter's own. */
  sendRaw(bytes: Uint8Array): void {
    if (this.gone) return;
    this.queue.appendRaw(bytes);
    this.#host.touch(this);
  }

  /** Stops reading until {@linkcode goOn}: an adapter is busy. */
  pauseReading(): void {
    this.#socket.pauseReading();
  }

  /** Becomes a WebSocket: packets travel in binary messages from now on. */
  startWebSocket(): void {
    const { counters } = this.#host;
    this.queue.startWebSocket();
    counters.add(this.gaugeSlot, -1);
    this.transport = "websocket";
    counters.add(this.gaugeSlot, 1);
  }

  // Closing

  /**
   * Tells the peer why, and closes: nothing more is read as packets, and the peer has a moment to read the notice.
   *
   * @param retryAfterMs When the peer may come back; 0 says nothing.
   */
  close(reason: DisconnectReason, message: string, retryAfterMs = 0): void {
    if (this.closing) return;
    if (this.adapter === null || this.adapter.open) {
      const payload = disconnectNotice(reason, message, retryAfterMs);
      this.send(PacketType.DISCONNECT_NOTICE, 0, false, payload, 0, payload.length);
    }
    this.adapter?.appendClose(this.queue, reason, message);
    this.#beginClosing(reason);
  }

  /** Closes without a word, once what gathered has been sent. */
  closeQuietly(): void {
    if (!this.closing) this.#beginClosing(DisconnectReason.UNSPECIFIED);
  }

  /** Closes the socket now. */
  closeSocket(): void {
    if (this.gone) return;
    if (!this.closing) this.#beginClosing(DisconnectReason.UNSPECIFIED);
    // What a peer has not taken by now it need not be sent for minutes.
    if (this.queue.idle) this.#socket.close();
    else this.#socket.abort();
    this.queue.clear(false);
    this.#leave();
  }

  /**
   * Nothing was received for too long. From a peer that does not read this may be the kernel's doing: it drops what does
   * not fit, and an acknowledgement in it, so that the peer sends the same again and again instead of what is new.
   */
  closeIdle(): void {
    if (this.queue.idle) this.close(DisconnectReason.IDLE, "Nothing was received for too long");
    else this.closeSlowReader();
  }

  /** Closes now: a peer that does not read cannot be told why either. */
  closeSlowReader(): void {
    this.#beginClosing(DisconnectReason.SLOW_READER);
    this.closeSocket();
  }

  #beginClosing(reason: DisconnectReason): void {
    this.closingUntilMs = this.#host.nowMs + LINGER_TIMEOUT_MS;
    this.#host.onClosing(this, reason);
    this.#host.touch(this);
    if (!this.throttled) this.#socket.resumeReading();
  }

  /** Everything is sent: says so, and closes once the peer has said the same or its time is over. */
  #endWriting(): void {
    if (!this.#endAsked) {
      this.#endAsked = true;
      this.#socket.endWriting();
    }
    if (this.#peerEnded) this.closeSocket();
  }

  #leave(): void {
    if (this.gone) return;
    this.gone = true;
    this.#host.onGone(this);
  }
}

/** Room that the announcement of a connection may take in the ring. */
const OPEN_RECORD_BYTES_MAX = 512;
