/**
 * What the threads of a run share while it lasts: the phase, and each thread's counters and latencies. A worker writes
 * its own, the main thread reads; nothing is posted from one to the other before the end.
 *
 * @module
 */

import { LATENCY_BUCKETS, LatencyCounts } from "./latency_counts.ts";

/** What a run is doing, in this order. */
export const Phase = {
  /** Connections are opened; load grows with them. */
  RAMP: 0,
  /** What is intended now counts. */
  MEASURE: 1,
  /** What was due is sent even now: leaving it out would hide a stall. */
  CATCH_UP: 2,
  /** Nothing is sent; answers are waited for. */
  DRAIN: 3,
  /** Players log out. */
  LEAVE: 4,
  /** The loops end. */
  STOP: 5,
} as const;
/** One of {@linkcode Phase}. */
export type Phase = typeof Phase[keyof typeof Phase];
/** Their names, in order. */
export const PHASE_NAMES = ["ramp", "measure", "catch up", "drain", "leave", "stop"] as const;

/** What a thread counts. */
export const Counter = {
  /** Connections that were to be opened; in the login scenario it grows with each login. */
  ATTEMPTED: 0,
  /** Connections that got where the scenario wants them. */
  READY: 1,
  /** Connections that did not. */
  FAILED: 2,
  /** Connections that were ready and broke. */
  DROPPED: 3,
  /** Connections that are ready now. */
  OPEN: 4,
  /** Messages of the scenario that were sent, and that arrived. */
  SENT: 5,
  RECEIVED: 6,
  BYTES_OUT: 7,
  BYTES_IN: 8,
  /** What went wrong, whatever it was. */
  ERRORS: 9,
  /** Sent and not answered yet. */
  OUTSTANDING: 10,
  SNAPSHOTS: 11,
  MOVES: 12,
  CORRECTIONS: 13,
  /** 1 when every connection was opened or has failed. */
  RAMPED: 14,
  /** 1 when every connection has been closed from here. */
  LEFT: 15,
  /** Messages that were due in the measured time and are not sent. */
  UNSENT: 16,
} as const;
const COUNTER_COUNT = 17;

/** What is timed, in the words of the result. */
export const LATENCY_KINDS = [
  "main",
  "connect",
  "login",
  "enter",
  "ack",
  "chat",
  "fight",
  "logout",
  "heartbeat",
  "accept",
  "away",
  "late",
] as const;
/** One of {@linkcode LATENCY_KINDS}. */
export type LatencyKind = typeof LATENCY_KINDS[number];
/** What carries the connections that are timed, in order. */
export const LATENCY_TRANSPORTS = ["tcp", "ws"] as const;

const HISTOGRAM_COUNT = LATENCY_KINDS.length * LATENCY_TRANSPORTS.length;

/** Makes the memory of the phase. */
export function createPhaseBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * Float64Array.BYTES_PER_ELEMENT);
}

/** The phase, and which times count. */
export class PhaseState {
  readonly #phase: Int32Array;
  readonly #times: Float64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#phase = new Int32Array(buffer, 0, 1);
    this.#times = new Float64Array(buffer, Float64Array.BYTES_PER_ELEMENT, 2);
  }

  get phase(): Phase {
    return Atomics.load(this.#phase, 0) as Phase;
  }

  set phase(phase: Phase) {
    Atomics.store(this.#phase, 0, phase);
  }

  /** Says what is measured: what is intended from `startUs` on, before `endUs`. */
  setWindow(startUs: number, endUs: number): void {
    this.#times[0] = startUs;
    this.#times[1] = endUs;
  }

  /** The end of what is measured. */
  get endUs(): number {
    return this.#times[1];
  }

  /** Whether what was intended at this time counts. */
  isMeasured(intendedUs: number): boolean {
    return intendedUs >= this.#times[0] && intendedUs < this.#times[1] && this.phase >= Phase.MEASURE;
  }
}

/** Makes the memory of one thread's counters and latencies. */
export function createWorkerBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(
    COUNTER_COUNT * Float64Array.BYTES_PER_ELEMENT + HISTOGRAM_COUNT * LATENCY_BUCKETS * Int32Array.BYTES_PER_ELEMENT,
  );
}

/** The counters of one thread; aligned 64-bit stores are not torn on the processors Deno runs on. */
export class Counters {
  readonly #values: Float64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#values = new Float64Array(buffer, 0, COUNTER_COUNT);
  }

  add(counter: number, count: number): void {
    this.#values[counter] += count;
  }

  set(counter: number, value: number): void {
    this.#values[counter] = value;
  }

  get(counter: number): number {
    return this.#values[counter];
  }
}

function countsOf(buffer: SharedArrayBuffer, kind: LatencyKind, transport: number): Int32Array {
  const index = LATENCY_KINDS.indexOf(kind) * LATENCY_TRANSPORTS.length + transport;
  const start = COUNTER_COUNT * Float64Array.BYTES_PER_ELEMENT;
  return new Int32Array(
    buffer,
    start + index * LATENCY_BUCKETS * Int32Array.BYTES_PER_ELEMENT,
    LATENCY_BUCKETS,
  );
}

/** One kind of latency, by transport, as a worker records it. */
export function latencyRecorders(buffer: SharedArrayBuffer, kind: LatencyKind): readonly LatencyCounts[] {
  return LATENCY_TRANSPORTS.map((_, transport) => new LatencyCounts(countsOf(buffer, kind, transport)));
}

/** One kind of latency of all threads so far; `transport` -1: of all transports. */
export function readLatencies(
  buffers: readonly SharedArrayBuffer[],
  kind: LatencyKind,
  transport: number,
): Float64Array {
  const sums = new Float64Array(LATENCY_BUCKETS);
  for (const buffer of buffers) {
    for (let index = 0; index < LATENCY_TRANSPORTS.length; index++) {
      if (transport >= 0 && transport !== index) continue;
      const counts = countsOf(buffer, kind, index);
      for (let bucket = 0; bucket < LATENCY_BUCKETS; bucket++) sums[bucket] += counts[bucket];
    }
  }
  return sums;
}

/** Sums one counter over all threads. */
export function sumCounter(buffers: readonly SharedArrayBuffer[], counter: number): number {
  return buffers.reduce((sum, buffer) => sum + new Counters(buffer).get(counter), 0);
}
