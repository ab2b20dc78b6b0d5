/**
 * What every simulated client does, whatever its scenario: open a connection, send heartbeats, and say what went wrong.
 *
 * @module
 */

import { fromBinary } from "@bufbuild/protobuf";
import {
  type DisconnectNotice,
  DisconnectNoticeSchema,
  DisconnectReason,
  ErrorResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { ENVELOPE_BYTES_MAX, FRAME_BYTES_MAX } from "../../shared/limits.ts";
import { LOADTEST_READY_TIMEOUT_MS, LOADTEST_SILENT_MS } from "../limits.ts";
import { type PacketView, writeFrame, writeVarint } from "../../shared/packet_codec.ts";
import type { Endpoint } from "./engine.ts";
import type { LatencyCounts } from "./latency_counts.ts";
import { type ConnectionHandler, type ConnectionHost, LoadConnection, type TransportName } from "./load_connection.ts";
import type { ServersReport, WorkerTask } from "./messages.ts";
import { Counter, type Counters, type LatencyKind, type PhaseState } from "./shared_state.ts";
import { Waits } from "./waits.ts";

/** What the sessions of one thread share. */
export interface LoadContext {
  readonly task: WorkerTask;
  readonly host: ConnectionHost;
  readonly counters: Counters;
  readonly phase: PhaseState;
  readonly latencies: Readonly<Record<LatencyKind, readonly LatencyCounts[]>>;
  readonly failures: Map<string, number>;
  readonly servers: ServersReport;
}

/** A payload, and the frame around it: filled again for every packet. */
export const payloadScratch = new Uint8Array(FRAME_BYTES_MAX);
export const payloadView = new DataView(payloadScratch.buffer);
const frameScratch = new Uint8Array(FRAME_BYTES_MAX + ENVELOPE_BYTES_MAX);

const SILENT = "the server says nothing";

/** One simulated client. */
export abstract class LoadSession implements ConnectionHandler {
  /** Of this thread's connections. */
  readonly index: number;
  readonly transport: TransportName;
  protected readonly context: LoadContext;
  /** The highest reliable sequence received in order: goes out with every packet. */
  protected ack = 0;
  /** The one that went out last. */
  protected ackSent = 0;
  connection: LoadConnection | null = null;
  /** How long it waited for what the scenario is about. */
  readonly waits = new Waits();
  /** It got where its scenario wants it. */
  ready = false;
  /** When it was to be opened. */
  intendedUs = 0;
  #isLazy = false;
  #isTimed = true;
  #openedUs = 0;
  /** Of connections before this one. */
  #bytesBefore = 0;
  /** It has been connected, and ready, since it was opened. */
  #wasConnected = false;
  #wasReady = false;
  #notice: DisconnectNotice | null = null;
  /** When the heartbeat was due that has no answer yet; 0: none. */
  #heartbeatUs = 0;
  /** When the server was asked something that it has to answer, and has not been heard of since; 0: it has. */
  #silentSinceUs = 0;

  constructor(context: LoadContext, index: number) {
    this.context = context;
    this.index = index;
    const { plan, first } = context.task;
    this.transport = plan.transport === "both" ? ((first + index) % 2 === 0 ? "tcp" : "ws") : plan.transport;
  }

  /** The index in lists by transport. */
  get transportIndex(): number {
    return this.transport === "tcp" ? 0 : 1;
  }

  /** Unix milliseconds. */
  protected get unixMs(): number {
    return Math.floor(this.context.task.plan.baseUnixMs + this.context.host.nowUs / 1_000);
  }

  /** Opens the connection. */
  open(endpoint: Endpoint, intendedUs: number): void {
    this.intendedUs = intendedUs;
    this.#wasConnected = this.#wasReady = false;
    this.#isLazy = false;
    this.#isTimed = true;
    this.#openedUs = this.context.host.engine.nowUs();
    this.context.counters.add(Counter.ATTEMPTED, 1);
    this.connect(endpoint);
  }

  /** Makes a connection, in place of the one before: to the first server, or to the next. */
  protected connect(endpoint: Endpoint): void {
    this.dropConnection();
    this.#notice = null;
    this.#heartbeatUs = this.#silentSinceUs = 0;
    this.connection = new LoadConnection(this.context.host, endpoint, this.transport, this);
  }

  /** Lets go of the connection, without a word to anybody. */
  protected dropConnection(): void {
    if (this.connection === null) return;
    this.#bytesBefore += this.connection.bytesIn;
    this.connection.close();
    this.connection = null;
    if (this.ready) this.context.counters.add(Counter.OPEN, -1);
    this.ready = false;
  }

  /** Bytes received so far, over all connections. */
  get bytesIn(): number {
    return this.#bytesBefore + (this.connection?.bytesIn ?? 0);
  }

  /** Whether it has no connection, and makes none by itself. */
  get isGone(): boolean {
    return this.connection === null;
  }

  /** Says whether it is on its way, and gives it up when that takes too long. */
  isOpening(nowUs: number): boolean {
    if (this.isGone || this.ready) return false;
    if (nowUs - this.#openedUs < LOADTEST_READY_TIMEOUT_MS * 1_000) return true;
    this.abandon("timed out");
    return false;
  }

  /** Whether the server owes it an answer, and says nothing at all. */
  get isSilent(): boolean {
    return this.connection !== null && this.#silentSinceUs > 0;
  }

  /** Takes the connection for lost whose server says nothing for as long as a client waits. */
  checkSilence(nowUs: number): void {
    if (this.isSilent && nowUs - this.#silentSinceUs >= LOADTEST_SILENT_MS * 1_000) this.onClosed(SILENT);
  }

  /** Asks once more: a server that has fallen silent has not been noticed by whoever was told nothing anyway. */
  askLast(): void {
    if (this.ready && this.#heartbeatUs === 0) this.#beat(this.context.host.nowUs);
  }

  /** The time for answers is over: whoever got none has lost its server. */
  endSilence(): void {
    if (this.isSilent) this.abandon(SILENT);
  }

  onReady(): void {
    if (!this.#wasConnected) this.record("connect", this.intendedUs, this.context.host.engine.nowUs(), true);
    this.#wasConnected = true;
    this.onConnected();
  }

  /**
   * Chooses whether it reads only when {@linkcode LoadSession.readNow} is called. From then on what it receives is
   * judged as ever, but not timed: that would be its own delay.
   */
  setLazy(isLazy: boolean): void {
    this.#isLazy = isLazy;
    if (isLazy) this.#isTimed = false;
    this.connection?.setLazy(isLazy);
  }

  /** Takes what has arrived, where that waits for this call. */
  readNow(): void {
    if (this.#isLazy) this.connection?.readNow();
  }

  /** The connection is made; packets can be sent. */
  protected abstract onConnected(): void;

  /** It got where its scenario wants it. */
  protected becomeReady(): void {
    this.ready = true;
    const { nowUs } = this.context.host;
    if (this.#wasReady) this.record("away", this.#openedUs, nowUs, true);
    else this.context.counters.add(Counter.READY, 1);
    this.#wasReady = true;
    this.context.counters.add(Counter.OPEN, 1);
    if (this.#isLazy) this.connection?.setLazy(true);
  }

  onPacket(view: PacketView, bytes: Uint8Array): void {
    this.#silentSinceUs = 0;
    switch (view.type) {
      case PacketType.HEARTBEAT_RESPONSE:
        return this.#onHeartbeat(view, bytes);
      case PacketType.DISCONNECT_NOTICE: {
        this.#notice = fromBinary(DisconnectNoticeSchema, bytes.subarray(view.payloadStart, view.payloadEnd));
        return;
      }
      case PacketType.ERROR_RESPONSE: {
        const error = fromBinary(ErrorResponseSchema, bytes.subarray(view.payloadStart, view.payloadEnd));
        const type = PacketType[error.requestType] ?? String(error.requestType);
        if (this.onErrorResponse(error.requestType, Number(error.requestSequence), error.errorCode)) return;
        this.fail(`ERROR_RESPONSE ${ErrorCode[error.errorCode] ?? error.errorCode} to ${type}`);
        return;
      }
      default:
        return this.onScenarioPacket(view, bytes);
    }
  }

  /** A packet that not every scenario has. */
  protected abstract onScenarioPacket(view: PacketView, bytes: Uint8Array): void;

  /** A request was refused; gives whether that is part of the game, and no failure. */
  protected onErrorResponse(_type: number, _sequence: number, _code: ErrorCode): boolean {
    return false;
  }

  onClosed(reason: string): void {
    const notice = this.#notice;
    if (this.ready) this.#openedUs = this.context.host.engine.nowUs();
    this.dropConnection();
    if (this.goesOn(notice)) return;
    this.abandon(notice === null ? reason : `DISCONNECT_NOTICE ${DisconnectReason[notice.reason] ?? notice.reason}`);
  }

  /** The connection is gone, and maybe the server has said why; gives whether another one is made. */
  protected goesOn(_notice: DisconnectNotice | null): boolean {
    return false;
  }

  /** Gives it up, for a reason in a few words. */
  protected abandon(words: string): void {
    this.dropConnection();
    this.context.counters.add(this.#wasReady ? Counter.DROPPED : Counter.FAILED, 1);
    this.fail(`connection ${this.#wasReady ? "dropped" : "failed"}: ${words}`);
  }

  /** Closes the connection; that is no failure. */
  close(): void {
    this.dropConnection();
  }

  /** Counts something that went wrong. */
  protected fail(words: string): void {
    const { counters, failures } = this.context;
    counters.add(Counter.ERRORS, 1);
    failures.set(words, (failures.get(words) ?? 0) + 1);
  }

  /** Records a latency if its start was in the measured time, or `always`. */
  protected record(kind: LatencyKind, fromUs: number, toUs: number, always = false): void {
    if (!this.#isTimed && kind !== "late" && kind !== "away") return;
    if (!always && !this.context.phase.isMeasured(fromUs)) return;
    this.context.latencies[kind][this.transportIndex].record(toUs - fromUs);
    if (kind === "main") this.waits.record(toUs - fromUs);
  }

  /**
   * Whether a message that was due can be sent now. Notes how late it is: when the load test itself cannot keep up, its
   * latencies say nothing about the server.
   *
   * @param dueUs -1: there is no schedule.
   */
  protected canSend(dueUs: number): boolean {
    if (this.connection === null || !this.ready) return false;
    if (!this.connection.writable) {
      this.fail("message not sent: the server does not read");
      return false;
    }
    if (dueUs >= 0) this.record("late", dueUs, this.context.host.nowUs);
    return true;
  }

  /** Sends the first `length` bytes of {@linkcode payloadScratch} as a packet. */
  protected sendPayload(type: number, sequence: number, length: number): void {
    this.ackSent = this.ack;
    const end = writeFrame(frameScratch, 0, type, sequence, this.unixMs, false, this.ack, payloadScratch, 0, length);
    this.connection?.send(frameScratch, 0, end);
  }

  /** Sends a payload as a packet. */
  protected sendPacket(type: number, sequence: number, payload: Uint8Array): void {
    payloadScratch.set(payload);
    this.sendPayload(type, sequence, payload.length);
  }

  /** Sends HEARTBEAT_REQUEST. */
  sendHeartbeat(intendedUs: number): void {
    this.#beat(intendedUs);
  }

  #beat(intendedUs: number): void {
    if (this.connection === null) return;
    this.#heartbeatUs = intendedUs;
    if (this.#silentSinceUs === 0) this.#silentSinceUs = this.context.host.engine.nowUs();
    this.#sendHeartbeat(0);
  }

  #sendHeartbeat(serverTimestampEcho: number): void {
    payloadScratch[0] = 0x10;
    let at = writeVarint(payloadScratch, 1, this.unixMs);
    if (serverTimestampEcho > 0) {
      payloadScratch[at++] = 0x18;
      at = writeVarint(payloadScratch, at, serverTimestampEcho);
    }
    this.sendPayload(PacketType.HEARTBEAT_REQUEST, 0, at);
  }

  /** The answer's time-stamp goes back at once, so that the server measures the round trip and not our interval. */
  #onHeartbeat(view: PacketView, bytes: Uint8Array): void {
    if (this.#heartbeatUs === 0) return;
    this.record("heartbeat", this.#heartbeatUs, this.context.host.nowUs);
    this.#heartbeatUs = 0;
    this.onHeartbeatAnswered();
    // The server would take the time until it was read for the network's.
    if (this.#isLazy) return;
    let serverTimestamp = 0;
    let factor = 1;
    for (let at = view.payloadStart + 1; at < view.payloadEnd; at++, factor *= 128) {
      serverTimestamp += (bytes[at] & 0x7f) * factor;
      if (bytes[at] < 128) break;
    }
    this.#sendHeartbeat(bytes[view.payloadStart] === 0x08 ? serverTimestamp : 0);
  }

  /** The server answered a heartbeat. */
  protected onHeartbeatAnswered(): void {}
}
