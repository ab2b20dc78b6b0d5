/**
 * The receiving half of a connection: cuts its bytes into packets, checks each against the packet table, answers what
 * the io worker answers, and passes the rest to logic.
 *
 * @module
 */

import { ProtocolError } from "../../shared/errors.ts";
import { FrameDecoder, type FrameSink } from "../../shared/frame_decoder.ts";
import { DisconnectReason, ErrorCode } from "../../shared/gen/enums.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import {
  FRAMES_PER_SERVICE_MAX,
  RING_RECORD_BYTES_MAX,
  RTT_MS_MAX,
  WORK_ECHO_US,
  WORK_INFLATE_BYTES_PER_US,
  WORK_INFLATE_US,
  WORK_LOOK_US,
} from "../../shared/limits.ts";
import { type PacketRow, STATE_CONNECTED, STATE_IN_WORLD } from "../../shared/packet_table.ts";
import { errorResponse, isErrorFor, type Refusal, refuseRequest } from "../base/refusal.ts";
import { Counter, Histogram } from "../ops/counters.ts";
import {
  RECORD_HEADER_BYTES,
  RECORD_PACKET,
  RECORD_REFUSED,
  RECORD_REQUEST_KEY,
  RECORD_SEQUENCE,
  tryPushRecord,
} from "../ring/records.ts";
import type { Socket } from "./backend.ts";
import { type Connection, OPEN_RECORD_BYTES_MAX } from "./connection.ts";
import type { ConnectionHost } from "./connection_host.ts";
import { ECHO_UNUSUAL, heartbeatResponse, parseEcho, parseHeartbeat, scanEcho } from "./diagnostics.ts";
import { inflatePayload } from "./inflate.ts";
import { PacketBudget } from "./packet_budget.ts";

const EMPTY = new Uint8Array(0);

/** What a connection receives. */
export class PacketReader implements FrameSink {
  readonly #host: ConnectionHost;
  readonly #connection: Connection;
  readonly #socket: Socket;
  readonly #decoder: FrameDecoder;
  readonly #budget: PacketBudget;
  #heartbeatSentMs = 0;
  #roundTripMs = 0;
  /** A request that changes the state and is under way: the packets behind it are judged by the state that it leads to. */
  #awaited: PacketRow | null = null;
  /** Its sequence. */
  #awaitedSequence = 0;
  /** Since when it is under way, monotonic milliseconds. */
  #awaitedSinceMs = 0;
  /** Frames it may still have handled before it is others' turn. */
  #framesLeft = FRAMES_PER_SERVICE_MAX;
  /** The compressed frame that it stopped at has been charged. */
  #inflatingIsPaid = false;
  /** There was no room in the ring to logic for the frame that it stopped at. */
  #ringWasFull = false;
  #throttled = false;

  constructor(host: ConnectionHost, connection: Connection, socket: Socket) {
    this.#host = host;
    this.#connection = connection;
    this.#socket = socket;
    this.#decoder = new FrameDecoder(this);
    this.#budget = new PacketBudget(host.packetRate, host.nowMs);
  }

  /** It is in debt: it is not read, and nothing it sent is handled, until its debt is paid. */
  get throttled(): boolean {
    return this.#throttled;
  }

  /** A request is under way that leads to another state. */
  get awaiting(): boolean {
    return this.#awaited !== null;
  }

  /** For how long it is, in milliseconds; 0: none is. */
  awaitingMs(nowMs: number): number {
    return this.#awaited === null ? 0 : nowMs - this.#awaitedSinceMs;
  }

  /** What its address was charged last, in microseconds: about what it will make when it goes on. */
  get lastWorkUs(): number {
    return this.#budget.lastWorkUs;
  }

  /** Bytes came for it: as many frames as in any other turn. */
  beginTurn(): void {
    this.#framesLeft = FRAMES_PER_SERVICE_MAX;
  }

  /** Bytes of the frame stream. */
  push(bytes: Uint8Array, start: number, end: number): void {
    try {
      this.#decoder.push(bytes, start, end);
    } catch (error) {
      this.#onProtocolError(error);
    }
    if (this.#decoder.paused) this.#pause();
  }

  onFrame(bytes: Uint8Array, start: number, end: number): boolean {
    const connection = this.#connection;
    if (connection.closing) return true;
    if (this.#awaited !== null) return false;
    const host = this.#host;
    this.#ringWasFull = false;
    if (this.#throttled || --this.#framesLeft < 0 || host.isTimeUp()) return false;
    const view = host.view;
    view.decode(bytes, start, end);
    const { payloadStart, payloadEnd } = view;
    // Room first: a frame is taken whole or not at all.
    const recordBytes = view.isCompressed ? RING_RECORD_BYTES_MAX : RECORD_HEADER_BYTES + payloadEnd - payloadStart;
    // The connection may have to be announced before, and the packet named.
    if (!host.toLogic.hasRoom(recordBytes + OPEN_RECORD_BYTES_MAX + RECORD_HEADER_BYTES)) {
      host.counters.add(Counter.RING_FULL_PAUSES, 1);
      this.#ringWasFull = true;
      return false;
    }
    if (view.isCompressed && !this.#tryPayInflating(payloadEnd - payloadStart)) return false;
    host.counters.add(Counter.PACKETS_IN, 1);
    if (host.tap !== null) connection.log("in", view.type, view.sequence, bytes, payloadStart, payloadEnd);

    const row = host.packets.row(view.type);
    if (row === undefined || (row.ports & connection.port.bit) === 0 || (row.states & connection.state) === 0) {
      return this.#refuseOutOfPlace(row);
    }
    if (view.size !== 0 && view.size !== payloadEnd - payloadStart) {
      return this.#refuse(`Payload is ${payloadEnd - payloadStart} bytes, header says ${view.size} bytes`);
    }
    if (!this.#budget.tryPay(row, connection, host)) return this.#onFlood(row);
    if (view.isCompressed) return this.#takeCompressed(row, bytes.subarray(payloadStart, payloadEnd));
    return this.#take(row, bytes, payloadStart, payloadEnd);
  }

  /** Charges a compressed frame once; `false`: it waits until that is paid for. Nothing is inflated on credit. */
  #tryPayInflating(bytes: number): boolean {
    if (!this.#inflatingIsPaid) {
      this.charge(WORK_INFLATE_US + bytes / WORK_INFLATE_BYTES_PER_US);
      this.#inflatingIsPaid = this.#throttled;
      if (this.#throttled) return false;
    }
    this.#inflatingIsPaid = false;
    return true;
  }

  /** Refuses a packet that this port, or a connection in this state, does not take. */
  #refuseOutOfPlace(row: PacketRow | undefined): true {
    const { port, state } = this.#connection;
    if (row === undefined || row.states === 0) {
      const message = `Packet type ${this.#host.view.type} is not for clients to send`;
      return this.#refusePlainly(ErrorCode.UNSUPPORTED, message);
    }
    if ((row.ports & port.bit) === 0) {
      return this.#refusePlainly(ErrorCode.UNSUPPORTED, `${row.name} is not served on the ${port.name} port`);
    }
    const code = state === STATE_CONNECTED ? ErrorCode.NOT_AUTHENTICATED : ErrorCode.INVALID_STATE;
    return this.#refusePlainly(code, `${row.name} is not allowed in this state`);
  }

  #takeCompressed(row: PacketRow, compressed: Uint8Array): true {
    if (row.type === PacketType.ECHO_REQUEST && !this.#host.diagnostics) return this.#refuseEcho();
    const inflated = inflatePayload(compressed, row.payloadBytesMax);
    if (inflated === "malformed") return this.#refuse("Payload is not valid DEFLATE");
    if (inflated === "too_large") {
      return this.#refuse(`Payload inflates to more than ${row.payloadBytesMax} bytes, which is its limit`);
    }
    return this.#take(row, inflated, 0, inflated.length);
  }

  /** Takes the packet in view, whose payload is not compressed any more. */
  #take(row: PacketRow, payload: Uint8Array, start: number, end: number): true {
    const { view } = this.#host;
    if (end - start > row.payloadBytesMax) {
      return this.#refuse(`Payload is ${end - start} bytes, limit is ${row.payloadBytesMax} bytes`);
    }
    if (view.requestKey > Number.MAX_SAFE_INTEGER) return this.#refuse("Request key is 2^53 or more");
    this.#connection.prove();
    if (row.handledBy === "logic") {
      if (row.isDurable && view.requestKey > 0) this.#forwardKey(view.requestKey);
      this.#forward(RECORD_PACKET, payload, start, end, row.isUrgent);
      if (row.changesState) this.#await(row, view.sequence);
    } else if (row.type === PacketType.ECHO_REQUEST) {
      this.#onEcho(payload, start, end);
    } else {
      this.#onHeartbeat(payload, start, end);
    }
    return true;
  }

  // Its turn

  /** Goes on with what was kept, and reads again when that is done. */
  goOn(): void {
    const connection = this.#connection;
    if (connection.gone || this.#throttled) return;
    if (connection.closing) return this.#socket.resumeReading();
    this.#host.counters.add(Counter.ITEMS, 1);
    this.beginTurn();
    try {
      if (!this.#decoder.resume()) return this.#pause();
    } catch (error) {
      return this.#onProtocolError(error);
    }
    if (connection.adapter?.goOn() === false || this.#decoder.paused || this.#throttled) return;
    this.#socket.resumeReading();
  }

  /** Stops reading until it is its turn again, and then continues. */
  waitTurn(): void {
    this.#socket.pauseReading();
    if (!this.#throttled) this.#host.waitTurn(this.#connection);
  }

  #pause(): void {
    this.#socket.pauseReading();
    if (this.#awaited !== null || this.#throttled) return;
    if (this.#ringWasFull) this.#host.waitForRing(this.#connection);
    else this.#host.waitTurn(this.#connection);
  }

  /**
   * Charges work that is no packet. Bytes of a stream cannot be dropped, so a connection in debt is not read until it has
   * paid.
   *
   * @param us In microseconds.
   */
  charge(us: number): void {
    if (us > WORK_LOOK_US) this.#host.lookSoon();
    if (this.#connection.forwards) this.#chargeForwarded(us);
    else if (!this.#budget.tryGather(us)) this.#chargeGathered();
  }

  /** Others' requests follow on the connection, and must not wait for this one's debt. */
  #chargeForwarded(us: number): void {
    if (this.#connection.addressEntry >= 0) this.#host.chargeAddress(this.#connection, us);
  }

  #chargeGathered(): void {
    const host = this.#host, connection = this.#connection;
    const waitMs = this.#budget.chargeGathered(connection, host);
    if (waitMs === 0 || this.#throttled) return;
    this.#throttled = true;
    this.#socket.pauseReading();
    host.throttle(connection, waitMs);
  }

  /** In debt: in how many milliseconds to ask again; 0: it has paid, and goes on when it is its turn. */
  tryPayDebt(): number {
    const waitMs = this.#budget.tryGoOn(this.#connection, this.#host);
    if (waitMs === 0) {
      this.#throttled = false;
      this.#host.waitTurn(this.#connection);
    }
    return waitMs;
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
    if (isAnswer) this.#goOnBehindAnswer();
  }

  /** Logic had taken this packet before, and gives no answer to it; frames that waited for one go on. */
  onRepeated(type: number): void {
    if (this.#awaited !== null && (type === this.#awaited.type || type === this.#awaited.replyType)) {
      this.#goOnBehindAnswer();
    }
  }

  #await(row: PacketRow, sequence: number): void {
    this.#awaited = row;
    this.#awaitedSequence = sequence;
    this.#awaitedSinceMs = this.#host.nowMs;
  }

  #goOnBehindAnswer(): void {
    this.#awaited = null;
    if (this.#decoder.paused && !this.#throttled) this.#host.waitTurn(this.#connection);
    // Behind the answer, which is sent in this round.
    if (this.#connection.peerEnded) this.#host.touch(this.#connection);
  }

  #onProtocolError(error: unknown): void {
    if (error instanceof ProtocolError) this.#connection.close(error.reason, error.message);
    else throw error;
  }

  // What the io worker answers

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
    this.#connection.sendDroppable(PacketType.HEARTBEAT_RESPONSE, response, 0, response.length);
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
      this.#connection.sendDroppable(PacketType.ECHO_RESPONSE, payload, start, end);
    }
  }

  #refuseEcho(): true {
    return this.#refusePlainly(ErrorCode.UNSUPPORTED, "ECHO_REQUEST needs a server with diagnostics on");
  }

  /** Drops a packet for want of tokens; warns once a second; closes who goes on. */
  #onFlood(row: PacketRow): true {
    const host = this.#host;
    host.counters.add(Counter.PACKETS_DROPPED, 1);
    const { type, sequence } = host.view;
    const isNumbered = sequence !== 0 && this.#connection.state === STATE_IN_WORLD;
    if (!isNumbered) this.#passSequence(row.isUrgent);
    if (this.#budget.countDrop(host.nowMs)) {
      this.#connection.close(DisconnectReason.FLOOD, "Too many packets", host.onFlood(this.#connection));
    } else if (this.#budget.takeWarning(host.nowMs, sequence)) {
      const { payload } = errorResponse(ErrorCode.RATE_LIMITED, "Too many packets", type, sequence);
      // A numbered packet counts as received, so its sender must surely hear of each that was not handled.
      if (isNumbered) this.#forwardRefusal(PacketType.ERROR_RESPONSE, payload);
      else this.#connection.sendDroppable(PacketType.ERROR_RESPONSE, payload, 0, payload.length);
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
      this.#connection.close(DisconnectReason.PROTOCOL_VIOLATION, "Too many packets that cannot be handled");
    } else if (this.#connection.state === STATE_IN_WORLD) {
      this.#forwardRefusal(refusal.type, refusal.payload);
    } else {
      this.#connection.send(refusal.type, 0, false, refusal.payload, 0, refusal.payload.length);
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
    if (this.#connection.state === STATE_IN_WORLD && (view.sequence !== 0 || view.ack !== 0)) {
      this.#forward(RECORD_SEQUENCE, EMPTY, 0, 0, isUrgent);
    }
  }

  /** Passes the packet in view to logic; there is room, as `onFrame` has seen to. */
  #forward(kind: number, payload: Uint8Array, start: number, end: number, isUrgent = true): void {
    const host = this.#host, { toLogic, view } = host, connection = this.#connection;
    // What is not urgent has no effect before a step of the world, which begins with what is in the ring.
    if (isUrgent) host.logicIsDue = true;
    connection.announce();
    tryPushRecord(
      toLogic,
      kind,
      connection.slot,
      connection.generation,
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
    const { toLogic } = this.#host, connection = this.#connection;
    connection.announce();
    tryPushRecord(toLogic, RECORD_REQUEST_KEY, connection.slot, connection.generation, 0, requestKey, 0, EMPTY, 0, 0);
  }
}
