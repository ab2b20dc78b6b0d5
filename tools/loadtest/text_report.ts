/**
 * The result as text, for a terminal.
 *
 * @module
 */

import { allTotals } from "./metrics.ts";
import type { LoadResult, Spread } from "./result.ts";
import { UNFAIR_FACTOR } from "./waits.ts";

const LATENCY_COLUMNS = ["count", "mean", "p50", "p95", "p99", "p999", "max"] as const;
const LEDGER_COLUMNS = ["sent", "received", "lost", "duplicated", "outOfOrder", "corrupted"] as const;
const FAILURES_SHOWN = 10;
/** Later than this, in milliseconds, at the 99th percentile, the load test measures itself. */
const LATE_MS_MAX = 20;
/** Chance spreads players unevenly too; not by this factor, when more than a few are seen. */
const CROWD_FACTOR = 2.5;
const CROWD_MIN = 20;

/** A number with the digits that matter. */
export function shortNumber(value: number): string {
  const magnitude = Math.abs(value);
  const digits = magnitude >= 100 || Number.isInteger(value) ? 0 : magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : 3;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

/** Bytes a second with a unit. */
export function byteRate(value: number): string {
  if (value >= 1e6) return `${shortNumber(value / 1e6)} MB/s`;
  return value >= 1e3 ? `${shortNumber(value / 1e3)} KB/s` : `${shortNumber(value)} B/s`;
}

/** One sentence about the load. */
export function describeLoad({ ledgers, load }: LoadResult): string {
  const transport = { tcp: "TCP", ws: "WebSocket", both: "TCP and WebSocket" }[load.transport];
  // Players are sent numbered packets.
  const what = "reliable_down" in ledgers ? "players" : "connections";
  const rate = load.ratePerS > 0
    ? `${shortNumber(load.ratePerS)} ${
      { echo: "messages", login: "logins", world: "movements", chat: "lines", idle: "heartbeats" }[load.scenario]
    }/s each`
    : `${load.outstanding} outstanding each`;
  return `${shortNumber(load.connections)} ${what} over ${transport}, ${rate}, ${shortNumber(load.durationS)} s`;
}

/** The verdict in a few words. */
export function describeCorrectness(result: LoadResult): string {
  const { lost, duplicated, outOfOrder, corrupted } = allTotals(result.ledgers);
  if (lost + duplicated + outOfOrder + corrupted === 0) return "every message accounted for";
  return `${shortNumber(lost)} lost, ${shortNumber(duplicated)} duplicated, ${shortNumber(outOfOrder)} out of order, ` +
    `${shortNumber(corrupted)} corrupted`;
}

/** How evenly the connections were served, in one line; `undefined` when nothing was timed. */
export function describeFairness({ fairness }: LoadResult): string | undefined {
  if (fairness === null) return undefined;
  const { connections, meanMs, unfair, worstMs, worstRatio } = fairness;
  return `longest wait ${shortNumber(worstMs)} ms, ${shortNumber(worstRatio)} times the mean of ` +
    `${shortNumber(meanMs)} ms; ${shortNumber(unfair)} of ${shortNumber(connections)} connections waited ` +
    `more than ${UNFAIR_FACTOR} times the mean`;
}

/** What to know before the numbers are believed; none when there is nothing. */
export function describeDoubts({ clients, failures, latencies, unsent }: LoadResult): string[] {
  const doubts: string[] = [];
  const limited = Object.entries(failures).reduce(
    (sum, [words, count]) => /\bFLOOD\b/.test(words) ? sum + count : sum,
    0,
  );
  if (limited > 0) {
    doubts.push(
      `The server limits what one address may do, and refused ${shortNumber(limited)} connections of this one. Start ` +
        "it with --flood-control off, or with this machine's address in --trusted-addresses.",
    );
  }
  const late = latencies.late?.all.p99 ?? 0;
  if (late > LATE_MS_MAX || unsent > 0) {
    doubts.push(
      `The load test could not keep up: one message in 100 was sent ${
        shortNumber(late)
      } ms late or more, which counts ` +
        `into the latencies; ${shortNumber(unsent)} were not sent at all. Use more --threads, a lower --rate, or a ` +
        "machine that is less busy.",
    );
  }
  const { visible } = clients;
  if (visible !== null && visible.mean > CROWD_MIN && visible.max > CROWD_FACTOR * visible.mean) {
    doubts.push(
      `The players are not evenly spread: one is shown ${shortNumber(visible.max)} entities, the mean is ` +
        `${
          shortNumber(visible.mean)
        }. The server remembers where they were; use new ones after a change of --map-size.`,
    );
  }
  return doubts;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
  return [head, ...rows].map((row) =>
    `  ${row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])).join("  ")}`
  ).join("\n");
}

function latencyTable({ latencies }: LoadResult): string {
  const rows = Object.entries(latencies).flatMap(([kind, { all, tcp, ws }]) =>
    [[kind, all], ["  tcp", tcp], ["  ws", ws]] as const
  ).flatMap(([name, summary]) =>
    summary === undefined ? [] : [[name, ...LATENCY_COLUMNS.map((column) => shortNumber(summary[column]))]]
  );
  return table(["latency, ms", ...LATENCY_COLUMNS.map((column) => column === "p999" ? "p99.9" : column)], rows);
}

function ledgerTable({ ledgers }: LoadResult): string {
  const rows = Object.entries(ledgers).map(([name, totals]) => [
    name,
    ...LEDGER_COLUMNS.map((column) => shortNumber(totals[column])),
  ]);
  return table(["ledger", ...LEDGER_COLUMNS.map((column) => column === "outOfOrder" ? "out of order" : column)], rows);
}

function spreadLine(name: string, spread: Spread | null, format: (value: number) => string): string[] {
  if (spread === null) return [];
  const { min, mean, median, max } = spread;
  return [
    `  ${name.padEnd(24)} min ${format(min)}, mean ${format(mean)}, median ${format(median)}, max ${format(max)}`,
  ];
}

function trafficLines(result: LoadResult): string[] {
  const { connections, details, generator, server, traffic } = result;
  const megabytes = (value: number | null) => value === null ? "?" : `${shortNumber(value)} MB`;
  const percent = (value: number | null) => value === null ? "?" : `${shortNumber(value)} %`;
  const fairness = describeFairness(result);
  return [
    `  connections  ${shortNumber(connections.attempted)} attempted, ${shortNumber(connections.ready)} ready, ` +
    `${shortNumber(connections.failed)} failed, ${shortNumber(connections.dropped)} dropped`,
    `  sent         ${shortNumber(traffic.sentPerS)}/s (${byteRate(traffic.bytesOutPerS)})`,
    `  received     ${shortNumber(traffic.receivedPerS)}/s (${byteRate(traffic.bytesInPerS)})`,
    `  errors       ${shortNumber(result.metrics.error_rate ?? 0)} %`,
    ...fairness === undefined ? [] : [`  fairness     ${fairness}`],
    ...server === null ? ["  server       not looked at (--admin URL or --pid N)"] : [
      `  server       ${percent(server.cpuMean)} of a core (highest ${percent(server.cpuMax)}), ` +
      `${megabytes(server.memoryMbMax)}${
        server.tickMsP95Max === null ? "" : `, tick p95 ${shortNumber(server.tickMsP95Max)} ms`
      }`,
    ],
    `  load test    ${percent(generator.cpuMean)} of a core`,
    ...details.moves_superseded === undefined ? [] : [
      `  moves        ${shortNumber(details.moves)} shown, ${shortNumber(details.moves_looked_at)} looked at, ` +
      `${shortNumber(details.moves_superseded)} superseded before they were shown; ` +
      `${shortNumber(details.corrections)} corrections, ${shortNumber(details.deaths)} deaths`,
    ],
  ];
}

function serverLines({ servers }: LoadResult): string[] {
  if (servers === null) return [];
  const { gaps, players, reentries, returns } = servers;
  const played = Object.entries(players).map(([name, count]) => `${shortNumber(count)} at ${name}`).join(", ");
  const lines = [`  played       ${played}`];
  if (returns > 0) {
    lines.push(
      `  came back    ${shortNumber(returns)} lost connections, ${shortNumber(gaps)} of them with a gap, ` +
        `${shortNumber(reentries)} by a new entry`,
    );
  }
  return lines;
}

function clientLines({ clients, load }: LoadResult): string[] {
  const lines = [
    ...spreadLine("received", clients.bytesPerS, byteRate),
    ...spreadLine("snapshots/s", clients.snapshotsPerS, shortNumber),
    ...spreadLine("visible entities", clients.visible, shortNumber),
    ...spreadLine("movement p95, ms (to 12 %)", clients.movementMsP95, shortNumber),
  ];
  return lines.length === 0 || load.scenario === "login" ? [] : ["", "By client", ...lines];
}

/** The whole report. */
export function textReport(result: LoadResult): string {
  const failures = Object.entries(result.failures);
  return [
    `${result.load.scenario}: ${describeLoad(result)}${result.interrupted ? " (broken off)" : ""}`,
    "",
    latencyTable(result),
    "",
    ledgerTable(result),
    `  => ${describeCorrectness(result)}`,
    "",
    ...trafficLines(result),
    ...serverLines(result),
    ...clientLines(result),
    ...describeDoubts(result).flatMap((doubt) => ["", doubt]),
    ...failures.length === 0 ? [] : ["", "What went wrong"],
    ...failures.slice(0, FAILURES_SHOWN).map(([words, count]) => `  ${shortNumber(count).padStart(9)} x ${words}`),
    ...failures.length > FAILURES_SHOWN ? [`  and ${failures.length - FAILURES_SHOWN} other kinds`] : [],
    ...result.verdicts.length === 0 ? [] : ["", "Conditions"],
    ...result.verdicts.map(({ expression, failed, value }) =>
      `  ${failed ? "FAIL" : "ok  "} ${expression} (${value === null ? "not measured" : shortNumber(value)})`
    ),
  ].join("\n");
}
