/**
 * The echo scenario: every message must come back once, in order and unchanged.
 *
 * @module
 */

import { PacketType } from "../../games/marsh/contract.ts";
import { FRAME_HEADER_BYTES } from "../../shared/limits.ts";
import { type PacketView, writeFrame, writeVarint } from "../../shared/packet_codec.ts";
import { type LoadContext, LoadSession } from "./load_session.ts";
import { Pacer } from "./pacer.ts";
import { pacerOf, readPacerOf, Scenario } from "./scenario.ts";
import { addTotals, NO_TOTALS, SequenceLedger } from "./sequence_ledger.ts";
import { Counter, Phase } from "./shared_state.ts";

/** What an echo's data begins with: connection u32, sequence u32, time when it was due u64 in microseconds. */
const STAMP_BYTES = 16;
const FILLER = 0x78;
/** One in so many echoes is compared to its last byte; of the others the stamp and the length. */
const COMPARE_EVERY = 64;

/** One ECHO_REQUEST of a chosen size, stamped anew for every message: nothing else in it changes. */
export class EchoTemplate {
  /** The frame. */
  readonly bytes: Uint8Array;
  /** Where the stamp lies in the payload. */
  readonly stampOffset: number;
  readonly payloadBytes: number;
  readonly #stampAt: number;

  /**
   * @param frameBytes Size of the frame with its length; the nearest possible above it is taken.
   * @param route 0: answered where the socket is read; 1: by the logic thread.
   */
  constructor(options: { frameBytes: number; route: number; unixMs: number }) {
    let built = buildFrame(STAMP_BYTES, options);
    for (let data = Math.max(STAMP_BYTES, options.frameBytes - 48); built.bytes.length < options.frameBytes; data++) {
      built = buildFrame(data, options);
    }
    this.bytes = built.bytes;
    this.payloadBytes = built.payloadBytes;
    this.stampOffset = built.stampOffset;
    this.#stampAt = built.bytes.length - built.payloadBytes + built.stampOffset;
  }

  /** Stamps the frame. */
  stamp(connection: number, sequence: number, dueUs: number): void {
    const { bytes } = this, at = this.#stampAt;
    const due = Math.round(dueUs);
    writeU32(bytes, at, connection);
    writeU32(bytes, at + 4, sequence);
    writeU32(bytes, at + 8, due);
    writeU32(bytes, at + 12, Math.floor(due / 2 ** 32));
  }

  /** Whether a payload is the template's but for its stamp. */
  equals(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start !== this.payloadBytes) return false;
    const own = this.bytes.length - this.payloadBytes;
    for (let at = 0; at < this.payloadBytes; at++) {
      if (at >= this.stampOffset && at < this.stampOffset + STAMP_BYTES) continue;
      if (bytes[start + at] !== this.bytes[own + at]) return false;
    }
    return true;
  }
}

function buildFrame(dataBytes: number, { route, unixMs }: { route: number; unixMs: number }) {
  const payload = new Uint8Array(dataBytes + 16);
  payload[0] = 0x0a;
  const stampOffset = writeVarint(payload, 1, dataBytes);
  payload.fill(FILLER, stampOffset, stampOffset + dataBytes);
  let payloadBytes = stampOffset + dataBytes;
  if (route !== 0) {
    payload[payloadBytes++] = 0x10;
    payload[payloadBytes++] = route;
  }
  const target = new Uint8Array(payloadBytes + 64);
  const end = writeFrame(target, 0, PacketType.ECHO_REQUEST, 0, unixMs, false, 0, payload, 0, payloadBytes);
  return { bytes: target.slice(0, end), payloadBytes, stampOffset };
}

/** The smallest frame an echo fits, in bytes. */
export const ECHO_FRAME_BYTES_MIN =
  new EchoTemplate({ frameBytes: FRAME_HEADER_BYTES, route: 1, unixMs: 2 ** 41 }).bytes.length;

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

class EchoSession extends LoadSession {
  readonly ledger = new SequenceLedger();
  readonly #template: EchoTemplate;
  readonly #closedLoop: boolean;
  /** It reads at once and is timed; others read when they send, which costs less and tells no latency. */
  readonly #isWatcher: boolean;

  constructor(context: LoadContext, index: number, template: EchoTemplate) {
    super(context, index);
    this.#template = template;
    const { first, plan } = context.task;
    this.#closedLoop = plan.ratePerS === 0;
    this.#isWatcher = (first + index) % plan.sampleEvery === 0;
  }

  /** An answered heartbeat proves that the server has accepted the connection. */
  protected onConnected(): void {
    this.sendHeartbeat(this.intendedUs);
  }

  protected override onHeartbeatAnswered(): void {
    if (this.ready) return;
    this.becomeReady();
    if (!this.#isWatcher) this.setLazy(true);
    if (!this.#closedLoop) return;
    for (let count = 0; count < this.context.task.plan.outstanding; count++) this.echo(this.context.host.nowUs);
  }

  /** Sends one message. */
  echo(dueUs: number): void {
    if (!this.canSend(this.#closedLoop ? -1 : dueUs)) return;
    this.#template.stamp(this.context.task.first + this.index, this.ledger.send(), dueUs);
    this.context.counters.add(Counter.SENT, 1);
    this.connection!.send(this.#template.bytes, 0, this.#template.bytes.length);
  }

  protected onScenarioPacket(view: PacketView, bytes: Uint8Array): void {
    if (view.type !== PacketType.ECHO_RESPONSE) return this.fail(`unexpected packet of type ${view.type}`);
    const { counters, host, phase, task } = this.context;
    const template = this.#template;
    const at = view.payloadStart + template.stampOffset;
    const sequence = readU32(bytes, at + 4);
    const isOurs = view.payloadEnd - view.payloadStart === template.payloadBytes &&
      readU32(bytes, at) === task.first + this.index &&
      (sequence % COMPARE_EVERY !== 0 || template.equals(bytes, view.payloadStart, view.payloadEnd));
    counters.add(Counter.RECEIVED, 1);
    if (!isOurs) return this.ledger.receiveCorrupted();
    if (this.ledger.receive(sequence)) {
      this.record("main", readU32(bytes, at + 12) * 2 ** 32 + readU32(bytes, at + 8), host.nowUs);
    }
    if (this.#closedLoop && phase.phase <= Phase.MEASURE) this.echo(host.nowUs);
  }
}

/** Echoes. */
export class EchoScenario extends Scenario {
  readonly sessions: readonly EchoSession[];
  protected readonly pacers: readonly [Pacer];
  readonly #reads: Pacer;

  constructor(context: LoadContext) {
    super(context);
    const { frameBytes, route, baseUnixMs } = context.task.plan;
    const template = new EchoTemplate({ frameBytes, route, unixMs: Math.floor(baseUnixMs) });
    this.sessions = Array.from({ length: context.task.count }, (_, index) => new EchoSession(context, index, template));
    this.pacers = [pacerOf(context, context.task.plan.ratePerS)];
    this.#reads = readPacerOf(context, context.task.plan.ratePerS);
  }

  readonly #onTurn = (index: number, dueUs: number): void => {
    const session = this.sessions[index];
    session.echo(dueUs);
    session.readNow();
  };
  readonly #onRead = (index: number): void => this.sessions[index].readNow();

  sendDue(untilUs: number): number {
    return Math.min(this.pacers[0].takeDue(untilUs, this.#onTurn), this.#reads.takeDue(untilUs, this.#onRead));
  }

  outstandingCount(): number {
    let count = 0;
    for (const { connection, ledger } of this.sessions) if (connection !== null) count += ledger.outstandingCount;
    return count;
  }

  report() {
    const echo = this.sessions.reduce((sum, { ledger }) => addTotals(sum, ledger.totals()), NO_TOTALS);
    return { ledgers: { echo }, details: {} };
  }
}
