/**
 * The numbers that thresholds can ask for, and the thresholds.
 *
 * @module
 */

import type { LatencySummary } from "./histogram.ts";
import type { ScenarioName } from "./messages.ts";
import type { LoadResult, Verdict } from "./result.ts";
import { addTotals, type LedgerTotals, NO_TOTALS } from "./sequence_ledger.ts";

/** What a metric is made of: a result that has no metrics yet. */
export type Measured = Omit<LoadResult, "metrics" | "verdicts">;

interface Metric {
  readonly help: string;
  /** Scenarios that have it; all when left out. */
  readonly scenarios?: readonly ScenarioName[];
  readonly value: (result: Measured) => number | null | undefined;
}

const STATISTICS = ["p50", "p90", "p95", "p99", "p999", "mean", "min", "max"] as const;
const WORLD: readonly ScenarioName[] = ["world"];
const PLAYERS: readonly ScenarioName[] = ["login", "world", "chat", "idle"];

/** Latencies beside the scenario's own, by the names they have in a result. */
const OTHER_LATENCIES: Readonly<Record<string, readonly ScenarioName[] | undefined>> = {
  connect: undefined,
  heartbeat: undefined,
  late: undefined,
  accept: undefined,
  login: PLAYERS,
  enter: PLAYERS,
  away: PLAYERS,
  logout: PLAYERS,
  ack: WORLD,
  chat: WORLD,
  fight: WORLD,
};

function statistic(kind: string | null, name: typeof STATISTICS[number]): Metric["value"] {
  return (result) => {
    const summary: LatencySummary | undefined = result.latencies[kind ?? result.mainLatency]?.all;
    return summary?.[name];
  };
}

/** All accounts of a result together. */
export function allTotals(ledgers: Readonly<Record<string, LedgerTotals>>): LedgerTotals {
  return Object.values(ledgers).reduce(addTotals, NO_TOTALS);
}

/** The account of what the scenario is about. */
function mainTotals({ ledgers, load }: Measured): LedgerTotals {
  return ledgers[
    { echo: "echo", login: "logins", world: "movements", chat: "chat", idle: "heartbeats" }[load.scenario]
  ] ?? NO_TOTALS;
}

/** In per cent: of what was sent and of the connections, what did not come back as it should. */
function errorRate(result: Measured): number {
  const { sent, lost, corrupted } = mainTotals(result);
  const { attempted, failed, dropped } = result.connections;
  const attempts = sent + (result.load.scenario === "login" ? 0 : attempted);
  const wrong = lost + corrupted + (result.load.scenario === "login" ? 0 : failed) + dropped + refusedCount(result);
  return attempts === 0 ? 0 : Math.min(100, 100 * wrong / attempts);
}

function refusedCount({ failures }: Measured): number {
  return Object.entries(failures).reduce((sum, [words, count]) => sum + (isRefusal(words) ? count : 0), 0);
}

function isRefusal(words: string): boolean {
  return words.startsWith("ERROR_RESPONSE") || words.startsWith("MOVEMENT_CORRECTION");
}

const PLAIN_METRICS: Readonly<Record<string, Metric>> = {
  error_rate: { help: "messages and connections that went wrong, in percent", value: errorRate },
  errors: {
    help: "everything that went wrong",
    value: ({ failures }) => Object.values(failures).reduce((sum, count) => sum + count, 0),
  },
  refused: { help: "requests and movements that the server refused, fights aside", value: refusedCount },
  failed_connections: { help: "connections that could not be made", value: ({ connections }) => connections.failed },
  dropped_connections: { help: "connections that broke", value: ({ connections }) => connections.dropped },
  unsent: {
    help: "messages that were due and never sent: the load test could not keep up",
    value: ({ unsent }) => unsent,
  },
  lost: { help: "messages that never arrived", value: ({ ledgers }) => allTotals(ledgers).lost },
  duplicated: { help: "messages that arrived twice", value: ({ ledgers }) => allTotals(ledgers).duplicated },
  out_of_order: {
    help: "messages that arrived after later ones",
    value: ({ ledgers }) => allTotals(ledgers).outOfOrder,
  },
  corrupted: { help: "messages that arrived changed", value: ({ ledgers }) => allTotals(ledgers).corrupted },
  sent_per_s: { help: "messages sent, by all clients", value: ({ traffic }) => traffic.sentPerS },
  received_per_s: { help: "messages received, by all clients", value: ({ traffic }) => traffic.receivedPerS },
  worst_wait: {
    help: "longest wait of the connection that waited longest, in ms; in the world, of the watchers",
    value: ({ fairness }) => fairness?.worstMs,
  },
  worst_wait_ratio: {
    help: "the same over the mean wait of all: 10 at most is fair",
    value: ({ fairness }) => fairness?.worstRatio,
  },
  unfair_connections: {
    help: "connections whose longest wait is above 10 times the mean of all",
    value: ({ fairness }) => fairness?.unfair,
  },
  bytes_per_s: { help: "bytes that a client receives, mean", value: ({ clients }) => clients.bytesPerS?.mean },
  bytes_per_s_max: { help: "the same of the client with most", value: ({ clients }) => clients.bytesPerS?.max },
  snapshots_per_s: {
    help: "snapshots that a client receives, mean",
    scenarios: WORLD,
    value: ({ clients }) => clients.snapshotsPerS?.mean,
  },
  snapshots_per_s_min: {
    help: "the same of the client with fewest",
    scenarios: WORLD,
    value: ({ clients }) => clients.snapshotsPerS?.min,
  },
  visible: {
    help: "entities that a client is shown, mean",
    scenarios: WORLD,
    value: ({ clients }) => clients.visible?.mean,
  },
  player_p95_max: {
    help: "p95 of the worst-served watcher, in ms",
    scenarios: WORLD,
    value: ({ clients }) => clients.movementMsP95?.max,
  },
  deaths: { help: "players that were killed", scenarios: WORLD, value: ({ details }) => details.deaths },
  corrections: {
    help: "movements that the server refused, fights aside",
    scenarios: WORLD,
    value: ({ details }) => details.corrections,
  },
  returns: {
    help: "connections that were lost and made again, with --enter login",
    scenarios: PLAYERS,
    value: ({ servers }) => servers?.returns,
  },
  gaps: {
    help: "of those, the ones that had lost packets, or their session",
    scenarios: PLAYERS,
    value: ({ servers }) => servers === null ? null : servers.gaps + servers.reentries,
  },
  server_cpu: { help: "processor of the server, mean, in percent of a core", value: ({ server }) => server?.cpuMean },
  server_memory_mb: { help: "memory of the server, highest, in MB", value: ({ server }) => server?.memoryMbMax },
  tick_p95: { help: "tick of the server, p95 of the worst second, in ms", value: ({ server }) => server?.tickMsP95Max },
  generator_cpu: {
    help: "processor of the load test itself, mean, in percent of a core",
    value: ({ generator }) => generator.cpuMean,
  },
};

/** `p99`, and of the other latencies `connect_p99` and so on. */
const LATENCY_METRICS: Readonly<Record<string, Metric>> = Object.fromEntries([
  ...STATISTICS.map((name): [string, Metric] => [name, { help: "", value: statistic(null, name) }]),
  ...Object.entries(OTHER_LATENCIES).flatMap(([kind, scenarios]) =>
    STATISTICS.map((name): [string, Metric] => [`${kind}_${name}`, {
      help: "",
      scenarios,
      value: statistic(kind, name),
    }])
  ),
]);

const METRICS: Readonly<Record<string, Metric>> = { ...LATENCY_METRICS, ...PLAIN_METRICS };

/** Names of the metrics a scenario has. */
export function metricNames(scenario: ScenarioName): string[] {
  return Object.entries(METRICS)
    .filter(([, { scenarios }]) => scenarios === undefined || scenarios.includes(scenario))
    .map(([name]) => name);
}

/** Every metric of a result. */
export function metricsOf(result: Measured): Record<string, number | null> {
  return Object.fromEntries(
    metricNames(result.load.scenario).map((name) => [name, METRICS[name].value(result) ?? null]),
  );
}

/** The help of the metrics that are no latencies. */
export function metricsHelp(): string {
  return Object.entries(PLAIN_METRICS)
    .map(([name, { help, scenarios }]) => `    ${name.padEnd(20)} ${help}${scenarios ? ` (${scenarios})` : ""}`)
    .join("\n");
}

/** A condition under which a run fails. */
export interface Threshold {
  readonly expression: string;
  readonly metric: string;
  readonly operator: ">" | ">=" | "<" | "<=";
  readonly bound: number;
}

/** Reads `p99>50`; undefined when it cannot be read. */
export function parseThreshold(expression: string): Threshold | undefined {
  const match = /^\s*([a-z][a-z0-9_]*)\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)\s*$/.exec(expression);
  if (match === null) return undefined;
  const [, metric, operator, bound] = match;
  return {
    expression: `${metric}${operator}${bound}`,
    metric,
    operator: operator as Threshold["operator"],
    bound: Number(bound),
  };
}

/** Judges one threshold. What was not measured cannot be good. */
export function judge(threshold: Threshold, metrics: Readonly<Record<string, number | null>>): Verdict {
  const value = metrics[threshold.metric] ?? null;
  const { bound, expression, operator } = threshold;
  if (value === null) return { expression, value, failed: true };
  const failed = operator === ">"
    ? value > bound
    : operator === ">="
    ? value >= bound
    : operator === "<"
    ? value < bound
    : value <= bound;
  return { expression, value, failed };
}
