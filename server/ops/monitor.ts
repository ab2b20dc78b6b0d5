/**
 * Gathers the counters of all workers on the main thread and works out what they mean: rates, means and percentiles of
 * the last interval.
 *
 * @module
 */

import { DisconnectReason } from "../../shared/gen/enums.ts";
import { MONITOR_RTT_SAMPLES, MONITOR_SAMPLES_MAX } from "../../shared/limits.ts";
import {
  CONNECTION_STATES,
  connectionSlot,
  Counter,
  COUNTER_SLOTS,
  CounterBlock,
  DISCONNECT_REASON_COUNT,
  Gauge,
  Histogram,
  TRANSPORTS,
} from "./counters.ts";
import { createGameMetricsBlock, GameMetrics, type GameSeries } from "./game_metrics.ts";
import {
  histogramMean,
  histogramQuantile,
  histogramSince,
  type HistogramSnapshot,
  readHistogram,
} from "./histogram.ts";

/** Why a connection is gone, as a label of metrics: the DISCONNECT_NOTICE reasons in lower case, `peer` and `error`. */
export type CloseReason = string;

/** Sums since start, and what is now. */
export interface Totals {
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly accepted: number;
  /** Because the server was full. */
  readonly refused: number;
  /** Because of what their address does or did. */
  readonly refusedByAddress: number;
  readonly addressBans: number;
  readonly packetsDropped: number;
  readonly acceptErrors: number;
  /** Every reason is there, also those with 0. */
  readonly closed: Readonly<Record<CloseReason, number>>;
  readonly ringFullPauses: number;
  /** Times that a connection was not read until it had paid for its work. */
  readonly readPauses: number;
  readonly droppableShed: number;
  readonly slowPackets: number;
  readonly handlerErrors: number;
  readonly requestsShed: number;
  readonly documentsUnreadable: number;
  readonly snapshotsBuilt: number;
  readonly snapshotBytes: number;
  readonly encoderCalls: number;
  readonly chatMessages: number;
  readonly chatRefusedFlood: number;
  readonly chatRefusedMuted: number;
  readonly chatCrowdedOut: number;
  readonly busSent: number;
  readonly busReceived: number;
  readonly busDropped: number;
  readonly busRefused: number;
  readonly loginsOk: number;
  readonly loginsFailed: number;
  readonly ticks: number;
  readonly tickOverruns: number;
  readonly instanceTicksSkipped: number;
  /** Logic workers that have gone on for the one before. */
  readonly logicReplaced: number;

  /** Connections now, by state and transport. */
  readonly connections: readonly ConnectionCount[];
  readonly connectionCount: number;
  readonly sessions: number;
  readonly playersOnline: number;
  readonly linkDead: number;
  readonly loginQueue: number;
  readonly entities: number;
  readonly storagePending: number;
  /** Share of its memory that logic uses, from 0 to 1. */
  readonly logicMemoryShare: number;
  /** Connections that are not read until they have paid for what they had done. */
  readonly throttled: number;
}

/** Connections in one state over one transport. */
export interface ConnectionCount {
  readonly state: typeof CONNECTION_STATES[number];
  readonly transport: typeof TRANSPORTS[number];
  readonly count: number;
}

/** What happened in the last interval, a second as a rule. Undefined: nothing to take a mean of. */
export interface Rates {
  /** Length of the interval in milliseconds. */
  readonly intervalMs: number;
  readonly packetsInPerSecond: number;
  readonly packetsOutPerSecond: number;
  readonly bytesInPerSecond: number;
  readonly bytesOutPerSecond: number;
  readonly acceptedPerSecond: number;
  /** Round trips over the last half minute, in milliseconds. */
  readonly rttMsMean: number | undefined;
  readonly rttMsP95: number | undefined;
  readonly tickMsMean: number | undefined;
  readonly tickMsP95: number | undefined;
}

/** One point of the sparklines. */
export interface MonitorSample extends Rates {
  readonly connectionCount: number;
  readonly playersOnline: number;
}

/** What one worker does. */
export interface WorkerLoad {
  readonly worker: string;
  readonly connectionCount: number;
  /** In the last interval. */
  readonly packetsInPerSecond: number;
  readonly packetsOutPerSecond: number;
  /** How far it was behind at worst in its last interval, in milliseconds. */
  readonly lagMs: number;
}

const NO_RATES: Rates = {
  intervalMs: 0,
  packetsInPerSecond: 0,
  packetsOutPerSecond: 0,
  bytesInPerSecond: 0,
  bytesOutPerSecond: 0,
  acceptedPerSecond: 0,
  rttMsMean: undefined,
  rttMsP95: undefined,
  tickMsMean: undefined,
  tickMsP95: undefined,
};

interface PacketCount {
  readonly packetsIn: number;
  readonly packetsOut: number;
}

interface Gathered {
  readonly atMs: number;
  readonly values: Float64Array;
  readonly rtt: HistogramSnapshot;
  readonly tick: HistogramSnapshot;
}

/** The monitor. Its owner calls {@linkcode Monitor.sample} once an interval. */
export class Monitor {
  /** Where the game writes its own metrics: for the logic worker. */
  readonly gameMetrics: SharedArrayBuffer = createGameMetricsBlock();
  readonly #blocks = new Map<string, CounterBlock>();
  readonly #loads = new Map<string, WorkerLoad>();
  readonly #lastPackets = new Map<string, PacketCount>();
  readonly #nowMs: () => number;
  readonly #startedAtMs: number;
  #gathered: Gathered[] = [];
  #samples: MonitorSample[] = [];

  /** @param clock A clock in milliseconds that never goes back. */
  constructor(clock: { readonly nowMs: () => number }) {
    this.#nowMs = clock.nowMs;
    this.#startedAtMs = clock.nowMs();
  }

  /** Time since the monitor was made, in milliseconds. */
  get uptimeMs(): number {
    return this.#nowMs() - this.#startedAtMs;
  }

  /**
   * Counts the block of `worker` too. A worker that is started again keeps its block, so that no counter falls: then
   * this is not called again.
   */
  attach(worker: string, memory: SharedArrayBuffer): void {
    this.#blocks.set(worker, new CounterBlock(memory));
  }

  /** The game's own metrics. */
  gameSeries(): GameSeries[] {
    return new GameMetrics(this.gameMetrics).read();
  }

  /** Ends an interval: rates and percentiles are those since the last call. */
  sample(): void {
    const current = this.#gather();
    const last = this.#gathered.at(-1);
    this.#gathered = [...this.#gathered.slice(-MONITOR_RTT_SAMPLES), current];
    // The first call has nothing to compare with, and without passed time there are no rates.
    if (last === undefined || current.atMs <= last.atMs) return;
    this.#measureLoads(current.atMs - last.atMs);
    const point = {
      ...ratesBetween(last, current, this.#gathered[0]),
      connectionCount: connectionsOf(current.values).reduce((sum, { count }) => sum + count, 0),
      playersOnline: current.values[Gauge.PLAYERS_ONLINE],
    };
    this.#samples = [...this.#samples.slice(-(MONITOR_SAMPLES_MAX - 1)), point];
  }

  /** The last interval; zeros before the second {@linkcode sample}. */
  rates(): Rates {
    return this.#samples.at(-1) ?? NO_RATES;
  }

  /** The last minute, oldest first. */
  history(): readonly MonitorSample[] {
    return this.#samples;
  }

  /** Each worker's part in the last interval, in the order they were attached. */
  loads(): readonly WorkerLoad[] {
    return [...this.#loads.values()];
  }

  /** Sums over all workers, as of now. */
  totals(): Totals {
    return totalsOf(this.#gather());
  }

  /** All round trips since start, in milliseconds. */
  rtt(): HistogramSnapshot {
    return this.#gather().rtt;
  }

  /** The work of all ticks since start, in microseconds. */
  tick(): HistogramSnapshot {
    return this.#gather().tick;
  }

  #measureLoads(intervalMs: number): void {
    for (const [worker, block] of this.#blocks) {
      const now = { packetsIn: block.get(Counter.PACKETS_IN), packetsOut: block.get(Counter.PACKETS_OUT) };
      const before = this.#lastPackets.get(worker) ?? { packetsIn: 0, packetsOut: 0 };
      this.#lastPackets.set(worker, now);
      this.#loads.set(worker, {
        worker,
        connectionCount: connectionCountOf(block),
        packetsInPerSecond: (now.packetsIn - before.packetsIn) * 1_000 / intervalMs,
        packetsOutPerSecond: (now.packetsOut - before.packetsOut) * 1_000 / intervalMs,
        lagMs: block.get(Gauge.LAG_MS),
      });
    }
  }

  #gather(): Gathered {
    const values = new Float64Array(COUNTER_SLOTS);
    for (const block of this.#blocks.values()) block.addTo(values);
    return {
      atMs: this.#nowMs(),
      values,
      rtt: readHistogram(values, Histogram.RTT_MS),
      tick: readHistogram(values, Histogram.TICK_US),
    };
  }
}

function ratesBetween(last: Gathered, current: Gathered, oldest: Gathered): Rates {
  const intervalMs = current.atMs - last.atMs;
  const perSecond = (slot: number) => (current.values[slot] - last.values[slot]) * 1_000 / intervalMs;
  const rtt = histogramSince(current.rtt, oldest.rtt);
  const tick = histogramSince(current.tick, last.tick);
  return {
    intervalMs,
    packetsInPerSecond: perSecond(Counter.PACKETS_IN),
    packetsOutPerSecond: perSecond(Counter.PACKETS_OUT),
    bytesInPerSecond: perSecond(Counter.BYTES_IN),
    bytesOutPerSecond: perSecond(Counter.BYTES_OUT),
    acceptedPerSecond: perSecond(Counter.CONNECTIONS_ACCEPTED),
    rttMsMean: histogramMean(rtt),
    rttMsP95: histogramQuantile(rtt, 0.95),
    tickMsMean: milliseconds(histogramMean(tick)),
    tickMsP95: milliseconds(histogramQuantile(tick, 0.95)),
  };
}

function milliseconds(microseconds: number | undefined): number | undefined {
  return microseconds === undefined ? undefined : microseconds / 1_000;
}

function totalsOf({ values, tick }: Gathered): Totals {
  const connections = connectionsOf(values);
  return {
    packetsIn: values[Counter.PACKETS_IN],
    packetsOut: values[Counter.PACKETS_OUT],
    bytesIn: values[Counter.BYTES_IN],
    bytesOut: values[Counter.BYTES_OUT],
    accepted: values[Counter.CONNECTIONS_ACCEPTED],
    refused: values[Counter.CONNECTIONS_REFUSED],
    refusedByAddress: values[Counter.REFUSED_BY_ADDRESS],
    addressBans: values[Counter.ADDRESS_BANS],
    packetsDropped: values[Counter.PACKETS_DROPPED],
    acceptErrors: values[Counter.ACCEPT_ERRORS],
    closed: closedOf(values),
    ringFullPauses: values[Counter.RING_FULL_PAUSES],
    readPauses: values[Counter.READ_PAUSES],
    droppableShed: values[Counter.DROPPABLE_SHED],
    slowPackets: values[Counter.SLOW_PACKETS],
    handlerErrors: values[Counter.HANDLER_ERRORS],
    requestsShed: values[Counter.REQUESTS_SHED],
    documentsUnreadable: values[Counter.DOCUMENTS_UNREADABLE],
    snapshotsBuilt: values[Counter.SNAPSHOTS_BUILT],
    snapshotBytes: values[Counter.SNAPSHOT_BYTES],
    encoderCalls: values[Counter.ENCODER_CALLS],
    chatMessages: values[Counter.CHAT_MESSAGES],
    chatRefusedFlood: values[Counter.CHAT_REFUSED_FLOOD],
    chatRefusedMuted: values[Counter.CHAT_REFUSED_MUTED],
    chatCrowdedOut: values[Counter.CHAT_CROWDED_OUT],
    busSent: values[Counter.BUS_SENT],
    busReceived: values[Counter.BUS_RECEIVED],
    busDropped: values[Counter.BUS_DROPPED],
    busRefused: values[Counter.BUS_REFUSED],
    loginsOk: values[Counter.LOGINS_OK],
    loginsFailed: values[Counter.LOGINS_FAILED],
    ticks: tick.count,
    tickOverruns: values[Counter.TICK_OVERRUNS],
    instanceTicksSkipped: values[Counter.INSTANCE_TICKS_SKIPPED],
    logicReplaced: values[Counter.LOGIC_REPLACED],
    connections,
    connectionCount: connections.reduce((sum, { count }) => sum + count, 0),
    sessions: values[Gauge.SESSIONS],
    playersOnline: values[Gauge.PLAYERS_ONLINE],
    linkDead: values[Gauge.LINK_DEAD],
    loginQueue: values[Gauge.LOGIN_QUEUE],
    entities: values[Gauge.ENTITIES],
    storagePending: values[Gauge.STORAGE_PENDING],
    logicMemoryShare: values[Gauge.MEMORY_SHARE],
    throttled: values[Gauge.THROTTLED],
  };
}

function connectionsOf(values: Float64Array): ConnectionCount[] {
  return CONNECTION_STATES.flatMap((state, stateIndex) =>
    TRANSPORTS.map((transport, transportIndex) => ({
      state,
      transport,
      count: values[connectionSlot(stateIndex, transportIndex)],
    }))
  );
}

function connectionCountOf(block: CounterBlock): number {
  let count = 0;
  for (let state = 0; state < CONNECTION_STATES.length; state++) {
    for (let transport = 0; transport < TRANSPORTS.length; transport++) {
      count += block.get(connectionSlot(state, transport));
    }
  }
  return count;
}

function closedOf(values: Float64Array): Record<CloseReason, number> {
  const closed: Record<CloseReason, number> = {
    peer: values[Counter.CLOSED_BY_PEER],
    error: values[Counter.CLOSED_BY_ERROR],
  };
  for (let reason = 0; reason < DISCONNECT_REASON_COUNT; reason++) {
    closed[DisconnectReason[reason].toLowerCase()] = values[Counter.CLOSED_BY_REASON + reason];
  }
  return closed;
}
