/**
 * Puts a result together from what the threads counted and reported.
 *
 * @module
 */

import { VERSION } from "../../server/ops/build_info.ts";
import { LatencyHistogram } from "./histogram.ts";
import type { LoadPlan, WorkerReport } from "./messages.ts";
import { judge, type Measured, metricsOf } from "./metrics.ts";
import type { LoadOptions } from "./options.ts";
import {
  type LatencyResult,
  type LoadResult,
  RESULT_SCHEMA,
  type SeriesPoint,
  type ServerResult,
  type ServersResult,
  spreadOf,
  type Traffic,
} from "./result.ts";
import { addTotals, type LedgerTotals, NO_TOTALS } from "./sequence_ledger.ts";
import {
  Counter,
  LATENCY_KINDS,
  LATENCY_TRANSPORTS,
  type LatencyKind,
  Phase,
  PHASE_NAMES,
  readLatencies,
  sumCounter,
} from "./shared_state.ts";
import { judgeWaits } from "./waits.ts";

/** What the result calls the latency that a scenario is about. */
const MAIN_NAMES = { echo: "echo", login: "login", world: "movement", chat: "chat", idle: "answer" } as const;

/** What is known of a run when it is over. */
export interface FinishedRun {
  readonly plan: LoadPlan;
  readonly startedAt: Date;
  readonly buffers: readonly SharedArrayBuffer[];
  readonly measuredS: number;
  readonly interrupted: boolean;
  readonly traffic: Traffic;
}

/** What went wrong in all threads, the most frequent first. */
export function sumFailures(reports: readonly WorkerReport[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const { failures } of reports) {
    for (const [words, count] of failures) sums.set(words, (sums.get(words) ?? 0) + count);
  }
  return Object.fromEntries([...sums].sort((left, right) => right[1] - left[1]));
}

function sumLedgers(reports: readonly WorkerReport[]): Record<string, LedgerTotals> {
  const sums: Record<string, LedgerTotals> = {};
  for (const { ledgers } of reports) {
    for (const [name, totals] of Object.entries(ledgers)) sums[name] = addTotals(sums[name] ?? NO_TOTALS, totals);
  }
  return sums;
}

function sumDetails(reports: readonly WorkerReport[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { details } of reports) {
    for (const [name, count] of Object.entries(details)) sums[name] = (sums[name] ?? 0) + count;
  }
  return sums;
}

function latencyResult(buffers: readonly SharedArrayBuffer[], kind: LatencyKind): LatencyResult | null {
  const summary = (transport: number) => histogramOf(buffers, kind, transport).summary();
  const all = summary(-1);
  if (all === undefined) return null;
  const [tcp, ws] = LATENCY_TRANSPORTS.map((_, transport) => summary(transport));
  return { all, ...(tcp !== undefined && ws !== undefined ? { tcp, ws } : {}) };
}

function histogramOf(buffers: readonly SharedArrayBuffer[], kind: LatencyKind, transport: number): LatencyHistogram {
  const histogram = new LatencyHistogram();
  histogram.add(readLatencies(buffers, kind, transport));
  return histogram;
}

function serverResult(series: readonly SeriesPoint[], source: string | null): ServerResult | null {
  if (source === null) return null;
  const measured = series.filter(({ phase }) => phase === PHASE_NAMES[Phase.MEASURE]);
  const valuesOf = (field: "serverCpu" | "serverMemoryMb" | "serverTickMsP95") =>
    measured.map((point) => point[field]).filter((value) => value !== null);
  const max = (values: number[]) => values.length === 0 ? null : Math.max(...values);
  const cpu = valuesOf("serverCpu");
  return {
    source,
    cpuMean: cpu.length === 0 ? null : cpu.reduce((sum, value) => sum + value, 0) / cpu.length,
    cpuMax: max(cpu),
    memoryMbMax: max(valuesOf("serverMemoryMb")),
    tickMsP95Max: max(valuesOf("serverTickMsP95")),
  };
}

function sumServers(plan: LoadPlan, reports: readonly WorkerReport[]): ServersResult | null {
  if (plan.entry === "token") return null;
  const players = new Map<string, number>();
  let returns = 0, gaps = 0, reentries = 0;
  for (const { servers } of reports) {
    for (const [name, count] of servers.players) players.set(name, (players.get(name) ?? 0) + count);
    returns += servers.returns;
    gaps += servers.gaps;
    reentries += servers.reentries;
  }
  return { players: Object.fromEntries([...players].sort()), returns, gaps, reentries };
}

/** Clients of all threads, one after the other. */
function allClients(reports: readonly WorkerReport[], field: keyof WorkerReport["clients"]) {
  return spreadOf(valuesOf(reports, field));
}

function valuesOf(reports: readonly WorkerReport[], field: keyof WorkerReport["clients"]): number[] {
  return reports.flatMap(({ clients }) => [...clients[field]]);
}

/** The result of a run. */
export function makeResult(
  parts: {
    run: FinishedRun;
    options: LoadOptions;
    series: readonly SeriesPoint[];
    reports: readonly WorkerReport[];
    /** Where the server was looked at; null: nowhere. */
    source: string | null;
  },
): LoadResult {
  const { run, options, series, reports, source } = parts;
  const { buffers, plan } = run;
  const mainName = MAIN_NAMES[plan.scenario];
  const latencies: Record<string, LatencyResult> = {};
  for (const kind of LATENCY_KINDS) {
    const found = latencyResult(buffers, kind);
    if (found !== null) latencies[kind === "main" ? mainName : kind] = found;
  }
  const main = histogramOf(buffers, "main", -1);
  const measuredPoints = series.filter(({ phase }) => phase === PHASE_NAMES[Phase.MEASURE]);
  const measured: Measured = {
    schema: RESULT_SCHEMA,
    version: VERSION,
    startedAt: run.startedAt.toISOString(),
    load: {
      scenario: plan.scenario,
      transport: plan.transport,
      engine: plan.engine,
      threads: plan.threadCount,
      connections: plan.connectionCount,
      ratePerS: plan.ratePerS,
      outstanding: plan.outstanding,
      rampS: plan.rampS,
      durationS: options.duration,
      frameBytes: plan.frameBytes,
      chatRatePerS: plan.chatRatePerS,
      fightRatePerS: plan.fightRatePerS,
      chatChannel: plan.chatChannel,
      newcomersPerS: plan.newcomersPerS,
      sampleEvery: plan.sampleEvery,
      target: `${plan.address}, ports ${
        plan.entry === "login" ? plan.loginPort : plan.gamePort
      } (tcp) and ${plan.gatewayPort} (ws)`,
    },
    environment: {
      deno: Deno.version.deno,
      os: Deno.build.os,
      arch: Deno.build.arch,
      cores: navigator.hardwareConcurrency,
    },
    measuredS: run.measuredS,
    interrupted: run.interrupted,
    connections: {
      attempted: sumCounter(buffers, Counter.ATTEMPTED),
      ready: sumCounter(buffers, Counter.READY),
      failed: sumCounter(buffers, Counter.FAILED),
      dropped: sumCounter(buffers, Counter.DROPPED),
    },
    unsent: sumCounter(buffers, Counter.UNSENT),
    servers: sumServers(plan, reports),
    traffic: run.traffic,
    mainLatency: mainName,
    latencies,
    curve: main.curve(),
    hdrHistogram: main.count === 0 ? "" : main.encode(),
    fairness: judgeWaits(
      valuesOf(reports, "waitMsMean"),
      valuesOf(reports, "waitMsMax"),
      latencies[mainName]?.all.mean ?? NaN,
    ),
    ledgers: sumLedgers(reports),
    failures: sumFailures(reports),
    clients: {
      bytesPerS: allClients(reports, "bytesPerS"),
      snapshotsPerS: allClients(reports, "snapshotsPerS"),
      visible: allClients(reports, "visible"),
      movementMsP95: allClients(reports, "movementMsP95"),
    },
    details: sumDetails(reports),
    server: serverResult(series, source),
    generator: { cpuMean: spreadOf(measuredPoints.map(({ generatorCpu }) => generatorCpu))?.mean ?? 0 },
    series,
  };
  const metrics = metricsOf(measured);
  return { ...measured, metrics, verdicts: options.thresholds.map((threshold) => judge(threshold, metrics)) };
}
