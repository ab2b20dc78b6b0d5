/**
 * What a run found, as plain JSON.
 *
 * @module
 */

import type { LatencySummary, PercentilePoint } from "./histogram.ts";
import type { ScenarioName, TransportChoice } from "./messages.ts";
import type { LedgerTotals } from "./sequence_ledger.ts";
import type { FairnessResult } from "./waits.ts";

/** The form of the JSON; grows when a field changes its meaning. */
export const RESULT_SCHEMA = 1;

/** One kind of latency, in milliseconds; by transport where there were both. */
export interface LatencyResult {
  readonly all: LatencySummary;
  readonly tcp?: LatencySummary;
  readonly ws?: LatencySummary;
}

/** How clients differ. */
export interface Spread {
  readonly min: number;
  readonly mean: number;
  readonly median: number;
  readonly max: number;
}

/** One second of a run. What nobody could tell is null. */
export interface SeriesPoint {
  /** Seconds since the start. */
  readonly t: number;
  readonly phase: string;
  /** Connections that were ready. */
  readonly open: number;
  readonly sentPerS: number;
  readonly receivedPerS: number;
  readonly bytesOutPerS: number;
  readonly bytesInPerS: number;
  readonly errorsPerS: number;
  /** Of the scenario's latency, in milliseconds. */
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly max: number | null;
  /** Per cent of one core. */
  readonly serverCpu: number | null;
  readonly serverMemoryMb: number | null;
  readonly serverTickMsP95: number | null;
  readonly generatorCpu: number;
}

/** What all clients sent and received in the measured time. */
export interface Traffic {
  readonly sentPerS: number;
  readonly receivedPerS: number;
  readonly bytesOutPerS: number;
  readonly bytesInPerS: number;
}

/** What the server needed in the measured time. */
export interface ServerResult {
  /** Where the numbers are from. */
  readonly source: string;
  /** Per cent of one core. */
  readonly cpuMean: number | null;
  readonly cpuMax: number | null;
  readonly memoryMbMax: number | null;
  /** The longest tick of 95 % of them, in milliseconds, in the worst second. */
  readonly tickMsP95Max: number | null;
}

/** Where players played who were sent by the list of a login. */
export interface ServersResult {
  /** Players by server; who played at two counts at both. */
  readonly players: Readonly<Record<string, number>>;
  /** Connections that were lost and made again: the session went on, maybe elsewhere. */
  readonly returns: number;
  /** Of those, sessions that had lost packets, and those that were over, so that the player entered anew. */
  readonly gaps: number;
  readonly reentries: number;
}

/** A threshold and what became of it. */
export interface Verdict {
  readonly expression: string;
  /** Null: it was not measured, which fails. */
  readonly value: number | null;
  readonly failed: boolean;
}

/** What the load was. */
export interface LoadDescription {
  readonly scenario: ScenarioName;
  readonly transport: TransportChoice;
  readonly engine: string;
  readonly threads: number;
  readonly connections: number;
  /** Messages of each connection, a second; 0: a closed loop. */
  readonly ratePerS: number;
  readonly outstanding: number;
  readonly rampS: number;
  readonly durationS: number;
  readonly frameBytes: number;
  readonly chatRatePerS: number;
  readonly fightRatePerS: number;
  readonly chatChannel: string;
  /** Connections a second that came, asked for a heartbeat, and hung up. */
  readonly newcomersPerS: number;
  readonly sampleEvery: number;
  readonly target: string;
}

/** The result of a run. */
export interface LoadResult {
  readonly schema: typeof RESULT_SCHEMA;
  readonly version: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly load: LoadDescription;
  readonly environment: {
    readonly deno: string;
    readonly os: string;
    readonly arch: string;
    readonly cores: number;
  };
  /** How long the measured time really was, and whether it was broken off. */
  readonly measuredS: number;
  readonly interrupted: boolean;
  readonly connections: {
    readonly attempted: number;
    readonly ready: number;
    readonly failed: number;
    readonly dropped: number;
  };
  /** Messages that were due in the measured time and never sent: the load test could not keep up. */
  readonly unsent: number;
  /** Null where players came by tokens. */
  readonly servers: ServersResult | null;
  readonly traffic: Traffic;
  /** The kind that the scenario is about. */
  readonly mainLatency: string;
  readonly latencies: Readonly<Record<string, LatencyResult>>;
  /** Percentiles of the main latency, and its histogram in HdrHistogram's exchange format, in microseconds. */
  readonly curve: readonly PercentilePoint[];
  readonly hdrHistogram: string;
  /** How evenly the connections were served; null when nothing was timed. */
  readonly fairness: FairnessResult | null;
  readonly ledgers: Readonly<Record<string, LedgerTotals>>;
  /** What went wrong, and how often. */
  readonly failures: Readonly<Record<string, number>>;
  readonly clients: {
    readonly bytesPerS: Spread | null;
    readonly snapshotsPerS: Spread | null;
    readonly visible: Spread | null;
    readonly movementMsP95: Spread | null;
  };
  readonly details: Readonly<Record<string, number>>;
  readonly server: ServerResult | null;
  readonly generator: { readonly cpuMean: number };
  /** Everything that a threshold can ask for. */
  readonly metrics: Readonly<Record<string, number | null>>;
  readonly verdicts: readonly Verdict[];
  readonly series: readonly SeriesPoint[];
}

/** How values differ; null when there are none. NaN stands for a client that was not there. */
export function spreadOf(values: ArrayLike<number>): Spread | null {
  const present = Float64Array.from(values).filter((value) => !Number.isNaN(value)).sort();
  if (present.length === 0) return null;
  return {
    min: present[0],
    mean: present.reduce((sum, value) => sum + value, 0) / present.length,
    median: present[present.length >> 1],
    max: present[present.length - 1],
  };
}
