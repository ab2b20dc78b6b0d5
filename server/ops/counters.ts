/**
 * The counters of one worker in shared memory: the worker alone writes, the main thread reads whenever it likes. A slot
 * is a 64-bit float, exact up to 2^53; aligned 64-bit stores are not torn on the processors Deno runs on, so the hot
 * path needs no atomics.
 *
 * @module
 */

import { bucketOf, HISTOGRAM_SLOTS } from "./histogram.ts";

/** What a connection may do, in the order of the slots. */
export const CONNECTION_STATES = ["connected", "authenticated", "in_world"] as const;
/** What a connection speaks, in the order of the slots. */
export const TRANSPORTS = ["tcp", "tls", "websocket", "http"] as const;

/** The state part of {@linkcode connectionSlot}. */
export const ConnectionState = { CONNECTED: 0, AUTHENTICATED: 1, IN_WORLD: 2 } as const;
/** The transport part of {@linkcode connectionSlot}. */
export const TransportKind = { TCP: 0, TLS: 1, WEBSOCKET: 2, HTTP: 3 } as const;

/**
 * How many reasons DISCONNECT_NOTICE knows, 0 among them. A test holds it against the enum, which is not imported here:
 * every thread counts, and the storage worker would need protobuf for nothing else, at 2 MB of heap.
 */
export const DISCONNECT_REASON_COUNT = 14;

/** Slots that only grow. `CLOSED_BY_REASON` is the first of {@linkcode DISCONNECT_REASON_COUNT}. */
export const Counter = {
  PACKETS_IN: 0,
  PACKETS_OUT: 1,
  BYTES_IN: 2,
  BYTES_OUT: 3,
  CONNECTIONS_ACCEPTED: 4,
  /** Refused with SERVER_FULL; not among those closed. */
  CONNECTIONS_REFUSED: 5,
  ACCEPT_ERRORS: 6,
  /** Closed by the peer, with or without a word. */
  CLOSED_BY_PEER: 7,
  /** Closed by a network error, a reset among them. */
  CLOSED_BY_ERROR: 8,
  RING_FULL_PAUSES: 9,
  DROPPABLE_SHED: 10,
  SLOW_PACKETS: 11,
  HANDLER_ERRORS: 12,
  SNAPSHOTS_BUILT: 13,
  SNAPSHOT_BYTES: 14,
  /** Entities encoded for snapshots: at most once a changed entity and tick. */
  ENCODER_CALLS: 15,
  CHAT_MESSAGES: 16,
  LOGINS_OK: 17,
  LOGINS_FAILED: 18,
  /** Ticks that took longer than their interval. */
  TICK_OVERRUNS: 19,
  /** Packets dropped for want of tokens: of the connection, the type or the address. */
  PACKETS_DROPPED: 20,
  /** Connections refused because of their address: too many, too fast, or banned. */
  REFUSED_BY_ADDRESS: 21,
  /** Bans of addresses that flooded. */
  ADDRESS_BANS: 22,
  /** Chat refused because its sender said too much or the same. */
  CHAT_REFUSED_FLOOD: 23,
  /** Chat refused because its sender is muted. */
  CHAT_REFUSED_MUTED: 24,
  /** Chat that made way for newer, as its recipient's ignore list took too long to read. */
  CHAT_CROWDED_OUT: 25,
  /**
   * What the thread has finished, one for each: rounds of its loop, sockets served, records taken. They grow while it
   * lives, however little or much it has to do, and stand still in an endless loop.
   */
  ITEMS: 26,
  /** Times that a connection was not read until it had paid for its work. */
  READ_PAUSES: 27,
  /** Reads that the database could not answer. */
  STORAGE_READ_FAILURES: 28,
  /** Times that a document of the game could not be read. */
  DOCUMENTS_UNREADABLE: 29,
  /** Requests refused with UNAVAILABLE because too many wait, of one address or of all. */
  REQUESTS_SHED: 30,
  /** Messages sent to other nodes. */
  BUS_SENT: 31,
  /** Messages of other nodes that were taken. */
  BUS_RECEIVED: 32,
  /** Messages to or of other nodes that were dropped: too many waited, or it came twice. */
  BUS_DROPPED: 33,
  /** What came over the bus and is none of this cluster's nodes'. */
  BUS_REFUSED: 34,
  /** Ticks that instances have skipped as they took more than their share of time. */
  INSTANCE_TICKS_SKIPPED: 35,
  /** Writes that the database could not do. */
  STORAGE_WRITE_FAILURES: 36,
  /** Logic workers that have gone on for the one before. */
  LOGIC_REPLACED: 37,
  /** Closed with a DISCONNECT_NOTICE: add the `DisconnectReason`. */
  CLOSED_BY_REASON: 38,
} as const;

const GAUGES_AT = Counter.CLOSED_BY_REASON + DISCONNECT_REASON_COUNT;

/** Slots that go up and down. For connections see {@linkcode connectionSlot}. */
export const Gauge = {
  SESSIONS: GAUGES_AT,
  PLAYERS_ONLINE: GAUGES_AT + 1,
  LINK_DEAD: GAUGES_AT + 2,
  ENTITIES: GAUGES_AT + 3,
  /** Requests that wait for the storage. */
  STORAGE_PENDING: GAUGES_AT + 4,
  /** How far the thread was behind at worst in its last interval, in milliseconds: each thread's own, no sum. */
  LAG_MS: GAUGES_AT + 5,
  /** Connections that are not read until they have paid for what they had done. */
  THROTTLED: GAUGES_AT + 6,
  /** Bytes in the write-ahead log of the database, when it was last shortened as far as it could be. */
  STORAGE_LOG_BYTES: GAUGES_AT + 7,
  /** Players who wait for room in the world. */
  LOGIN_QUEUE: GAUGES_AT + 8,
  /** Share of the memory that V8 gives logic which is in use, from 0 to 1. */
  MEMORY_SHARE: GAUGES_AT + 9,
} as const;

const CONNECTIONS_AT = GAUGES_AT + 10;
const HISTOGRAMS_AT = CONNECTIONS_AT + CONNECTION_STATES.length * TRANSPORTS.length;

/** Slots for {@linkcode CounterBlock.observe}. */
export const Histogram = {
  /** Round trips of heartbeats, in milliseconds. */
  RTT_MS: HISTOGRAMS_AT,
  /** Work of ticks, in microseconds. */
  TICK_US: HISTOGRAMS_AT + HISTOGRAM_SLOTS,
} as const;

/** Slots of a block. */
export const COUNTER_SLOTS = HISTOGRAMS_AT + 2 * HISTOGRAM_SLOTS;

/** The gauge of connections in `state` ({@linkcode ConnectionState}) over `transport` ({@linkcode TransportKind}). */
export function connectionSlot(state: number, transport: number): number {
  return CONNECTIONS_AT + state * TRANSPORTS.length + transport;
}

/** The memory of one block, zeroed, to be posted to its worker. */
export function createCounterBlock(): SharedArrayBuffer {
  return new SharedArrayBuffer(COUNTER_SLOTS * Float64Array.BYTES_PER_ELEMENT);
}

/** One worker's counters. Cost of each method: nanoseconds, no allocation. */
export class CounterBlock {
  readonly #values: Float64Array;

  /** @param memory What {@linkcode createCounterBlock} made. */
  constructor(memory: SharedArrayBuffer) {
    if (memory.byteLength !== COUNTER_SLOTS * Float64Array.BYTES_PER_ELEMENT) {
      throw new RangeError(`Cannot use counters of ${memory.byteLength} bytes: expected ${COUNTER_SLOTS} slots`);
    }
    this.#values = new Float64Array(memory);
  }

  /** Adds `amount` to a counter or a gauge. */
  add(slot: number, amount: number): void {
    this.#values[slot] += amount;
  }

  /** Sets a gauge. */
  set(slot: number, value: number): void {
    this.#values[slot] = value;
  }

  get(slot: number): number {
    return this.#values[slot];
  }

  /** Counts `value` in one of {@linkcode Histogram}. */
  observe(histogram: number, value: number): void {
    const values = this.#values;
    values[histogram] += value;
    values[histogram + 1 + bucketOf(value)] += 1;
  }

  /**
   * Sets all gauges to 0. A worker that takes over the block of a crashed one begins so: the counters go on, as a
   * counter must never fall, but the connections are gone.
   */
  resetGauges(): void {
    this.#values.fill(0, GAUGES_AT, HISTOGRAMS_AT);
  }

  /** Adds all slots to `totals`, which has {@linkcode COUNTER_SLOTS} numbers. */
  addTo(totals: Float64Array): void {
    for (let slot = 0; slot < COUNTER_SLOTS; slot++) totals[slot] += this.#values[slot];
  }
}
