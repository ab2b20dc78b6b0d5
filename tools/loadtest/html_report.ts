/**
 * The result as one HTML file: charts and tables, nothing to fetch, no script.
 *
 * @module
 */

import { REPORT_STYLE } from "./html_style.ts";
import { allTotals } from "./metrics.ts";
import type { LoadResult, SeriesPoint, Spread } from "./result.ts";
import { type ChartLine, type ChartMark, escapeText, renderChart } from "./svg_chart.ts";
import {
  byteRate,
  describeCorrectness,
  describeDoubts,
  describeFairness,
  describeLoad,
  shortNumber,
} from "./text_report.ts";

const LATENCY_COLUMNS = ["count", "min", "mean", "p50", "p90", "p95", "p99", "p999", "max"] as const;
const LEDGER_COLUMNS = ["sent", "received", "lost", "duplicated", "outOfOrder", "corrupted"] as const;
/** Where the percentile chart has its ticks; each step to the right leaves a tenth. */
const PERCENTILES = [0, 50, 90, 99, 99.9, 99.99, 99.999] as const;
const WHAT_IS_WHAT: Readonly<Record<string, string>> = {
  echo: "messages and their echoes",
  logins: "logins that were admitted",
  logouts: "logouts that were confirmed",
  movements: "own movements, acknowledged by the server",
  positions: "others' movements, as they were shown",
  chat: "lines of chat, as they were heard",
  fights: "blows, answered by a result or a refusal",
  fight: "blow due to its result",
  reliable_down: "reliable packets from the server, as it numbers them",
  reliable_up: "reliable packets to the server, as it acknowledges them",
  connect: "connection made, upgrade included",
  enter: "connection asked for to player in the world",
  ack: "movement sent to acknowledged",
  heartbeat: "heartbeat to its answer",
  heartbeats: "heartbeats, as they were answered",
  answer: "heartbeat due to its answer",
  logout: "logout to its confirmation",
  movement: "a player's movement to another's screen",
  login: "login due to player in the world",
  late: "message due to sent: the load test's own delay",
  accept: "newcomer due to its first answer, among busy connections",
};

type Cell = string | number | null;

function cellText(cell: Cell): string {
  return escapeText(cell === null ? "–" : typeof cell === "number" ? shortNumber(cell) : cell);
}

function table(head: readonly string[], rows: readonly { cells: readonly Cell[]; style?: string }[]): string {
  const headRow = head.map((title) => `<th>${escapeText(title)}</th>`).join("");
  const body = rows.map(({ cells, style }) =>
    `<tr${style === undefined ? "" : ` class="${style}"`}>${
      cells.map((cell) => `<td>${cellText(cell)}</td>`).join("")
    }</tr>`
  );
  return `<table><thead><tr>${headRow}</tr></thead><tbody>${body.join("\n")}</tbody></table>`;
}

function section(title: string, content: string): string {
  return content === "" ? "" : `<section><h2>${escapeText(title)}</h2>${content}</section>`;
}

function tile(value: string, unit: string, name: string): string {
  return `<div class="tile"><b>${escapeText(value)} <small>${escapeText(unit)}</small></b><span>${
    escapeText(name)
  }</span></div>`;
}

function tiles(result: LoadResult): string {
  const { clients, metrics, server, traffic } = result;
  const main = result.latencies[result.mainLatency]?.all;
  const optional = (value: number | null | undefined, unit: string, name: string) =>
    value === null || value === undefined ? "" : tile(shortNumber(value), unit, name);
  return `<div class="tiles">${
    [
      optional(main?.p50, "ms", `${result.mainLatency}, median`),
      optional(main?.p95, "ms", `${result.mainLatency}, p95`),
      optional(main?.p99, "ms", `${result.mainLatency}, p99`),
      optional(main?.max, "ms", `${result.mainLatency}, highest`),
      tile(shortNumber(traffic.sentPerS), "/s", "sent"),
      tile(shortNumber(traffic.receivedPerS), "/s", "received"),
      optional(result.fairness?.worstRatio, "x", "longest wait over the mean of all"),
      optional(result.latencies.accept?.all.p99, "ms", "a newcomer's first answer, p99"),
      optional(clients.snapshotsPerS?.mean, "/s", "snapshots of a client"),
      optional(clients.visible?.mean, "", "entities a client is shown"),
      optional(metrics.error_rate, "%", "error rate"),
      optional(server?.cpuMean, "%", "server, of one core"),
      optional(server?.memoryMbMax, "MB", "server memory"),
    ].join("")
  }</div>`;
}

/** The ramp and the end, as tinted stretches: what lies between is measured. */
function bandsOf(series: readonly SeriesPoint[]): { from: number; to: number; label: string }[] {
  const bands: { from: number; to: number; label: string }[] = [];
  let before = 0;
  for (const { phase, t } of series) {
    const last = bands[bands.length - 1];
    if (last?.label === phase) last.to = t;
    else bands.push({ from: before, to: t, label: phase });
    before = t;
  }
  return bands.filter(({ label }) => label !== "measure");
}

function seriesLine(
  series: readonly SeriesPoint[],
  field: Exclude<keyof SeriesPoint, "phase" | "t">,
  options: { name: string; style: string; area?: boolean; scale?: number },
): ChartLine {
  const { scale = 1, ...line } = options;
  return {
    ...line,
    points: series.map((point) => {
      const value = point[field];
      return [point.t, value === null ? null : value * scale] as const;
    }),
  };
}

function charts(result: LoadResult): string {
  const { mainLatency, series } = result;
  const bands = bandsOf(series), xTip = (x: number) => `at ${shortNumber(x)} s`;
  const chart = (title: string, unit: string, lines: ChartLine[]) => renderChart({ title, unit, lines, bands, xTip });
  return [
    chart(`Latency of ${mainLatency}`, "ms", [
      seriesLine(series, "p99", { name: "p99", style: "l3" }),
      seriesLine(series, "p95", { name: "p95", style: "l2" }),
      seriesLine(series, "p50", { name: "p50", style: "l1" }),
    ]),
    percentileChart(result),
    fairnessChart(result),
    chart("Throughput", "messages/s", [
      seriesLine(series, "receivedPerS", { name: "received", style: "l4", area: true }),
      seriesLine(series, "sentPerS", { name: "sent", style: "l1" }),
    ]),
    chart("Bandwidth", "MB/s", [
      seriesLine(series, "bytesInPerS", { name: "received", style: "l4", area: true, scale: 1e-6 }),
      seriesLine(series, "bytesOutPerS", { name: "sent", style: "l1", scale: 1e-6 }),
    ]),
    chart("Connections", "ready", [seriesLine(series, "open", { name: "ready", style: "l5", area: true })]),
    chart("Processor", "% of one core", [
      seriesLine(series, "serverCpu", { name: "server", style: "l3" }),
      seriesLine(series, "generatorCpu", { name: "load test", style: "l1" }),
    ]),
    chart("Memory of the server", "MB", [
      seriesLine(series, "serverMemoryMb", { name: "server", style: "l5", area: true }),
    ]),
    chart("Tick of the server, p95", "ms", [
      seriesLine(series, "serverTickMsP95", { name: "tick", style: "l2", area: true }),
    ]),
    series.some(({ errorsPerS }) => errorsPerS > 0)
      ? chart("Errors", "/s", [seriesLine(series, "errorsPerS", { name: "errors", style: "l3", area: true })])
      : "",
  ].join("\n");
}

/** How far right a percentile lies: the logarithm of one in how many is above it. */
function percentileX(percentile: number): number {
  return -Math.log10(1 - percentile / 100);
}

function percentileChart({ curve, mainLatency }: LoadResult): string {
  const lines: ChartLine[] = [{
    name: mainLatency,
    style: "l1",
    area: true,
    points: curve.map(({ percentile, ms }) => [percentileX(percentile), ms] as const),
  }];
  const xTicks = PERCENTILES.map((percentile): ChartMark => ({ x: percentileX(percentile), label: `${percentile} %` }));
  return renderChart({
    title: "Latency by percentile",
    unit: "ms",
    lines,
    xTicks,
    xTip: (x) => `${(100 - 100 * 10 ** -x).toPrecision(6).replace(/\.?0+$/, "")} % are below`,
  });
}

/** Connections in the order of their waits. */
function fairnessChart({ fairness }: LoadResult): string {
  if (fairness === null) return "";
  const line = (field: "meanMs" | "maxMs", name: string, style: string): ChartLine => ({
    name,
    style,
    points: fairness.curve.map((point) => [point.share, point[field]] as const),
  });
  return renderChart({
    title: "Waits by connection",
    unit: "ms",
    lines: [line("maxMs", "longest", "l3"), line("meanMs", "mean", "l1")],
    xTicks: [0, 25, 50, 75, 100].map((x) => ({ x, label: `${x} %` })),
    xTip: (x) => `${shortNumber(x)} % of the connections are below`,
  });
}

function latencySection({ latencies }: LoadResult): string {
  const rows = Object.entries(latencies).flatMap(([kind, { all, tcp, ws }]) => [
    { summary: all, cells: [kind], style: undefined },
    { summary: tcp, cells: ["TCP"], style: "sub" },
    { summary: ws, cells: ["WebSocket"], style: "sub" },
  ]).flatMap(({ cells, style, summary }) =>
    summary === undefined ? [] : [{
      style,
      cells: [
        ...cells,
        ...LATENCY_COLUMNS.map((column): Cell => summary[column]),
        WHAT_IS_WHAT[cells[0]] ?? "",
      ],
    }]
  );
  const head = ["ms", ...LATENCY_COLUMNS.map((column) => column === "p999" ? "p99.9" : column), ""];
  return section("Latencies", table(head, rows));
}

function ledgerSection({ ledgers }: LoadResult): string {
  const rows = Object.entries(ledgers).map(([name, totals]) => ({
    cells: [name, ...LEDGER_COLUMNS.map((column): Cell => totals[column]), WHAT_IS_WHAT[name] ?? ""],
  }));
  const head = ["", ...LEDGER_COLUMNS.map((column) => column === "outOfOrder" ? "out of order" : column), ""];
  return section("Ledger: what became of every message", table(head, rows));
}

function clientSection({ clients }: LoadResult): string {
  const row = (name: string, spread: Spread | null, format: (value: number) => string) =>
    spread === null ? [] : [{
      cells: [name, format(spread.min), format(spread.mean), format(spread.median), format(spread.max)],
    }];
  const rows = [
    ...row("received", clients.bytesPerS, byteRate),
    ...row("snapshots/s", clients.snapshotsPerS, shortNumber),
    ...row("visible entities", clients.visible, shortNumber),
    ...row("movement p95, ms (to 12 %)", clients.movementMsP95, shortNumber),
  ];
  return rows.length === 0 ? "" : section("By client", table(["", "min", "mean", "median", "max"], rows));
}

function verdictSection({ verdicts }: LoadResult): string {
  if (verdicts.length === 0) return "";
  const rows = verdicts.map(({ expression, failed, value }) =>
    `<tr><td>${escapeText(expression)}</td><td>${value === null ? "not measured" : shortNumber(value)}</td>` +
    `<td class="${failed ? "bad" : "good"}">${failed ? "failed" : "passed"}</td></tr>`
  );
  return section("Conditions under which the run fails", `<table>${rows.join("")}</table>`);
}

function failureSection({ failures }: LoadResult): string {
  const rows = Object.entries(failures).map(([words, count]) => ({ cells: [words, count] as Cell[] }));
  return rows.length === 0 ? "" : section("What went wrong", table(["", "times"], rows));
}

function aboutSection(result: LoadResult): string {
  const { connections, environment, generator, load, server } = result;
  const rows: [string, string][] = [
    ["Target", load.target],
    [
      "Connections",
      `${shortNumber(connections.attempted)} attempted, ${shortNumber(connections.ready)} ready, ` +
      `${shortNumber(connections.failed)} failed, ${shortNumber(connections.dropped)} dropped`,
    ],
    ["Measured", `${shortNumber(result.measuredS)} s after a ramp of ${shortNumber(load.rampS)} s`],
    ["Fairness", describeFairness(result) ?? "nothing was timed"],
    ["Server looked at through", server?.source ?? "nothing"],
    ["Load test", `${load.threads} threads on ${load.engine}, ${shortNumber(generator.cpuMean)} % of a core`],
    ["Machine", `${environment.cores} cores, ${environment.os} ${environment.arch}, Deno ${environment.deno}`],
    ...Object.entries(result.details).map(([name, count]): [string, string] => [
      name.replaceAll("_", " "),
      shortNumber(count),
    ]),
  ];
  return section(
    "About this run",
    `<table>${
      rows.map(([name, text]) => `<tr><td>${escapeText(name)}</td><td class="words">${escapeText(text)}</td></tr>`)
        .join("")
    }</table>`,
  );
}

function pills(result: LoadResult): string {
  const { lost, duplicated, outOfOrder, corrupted } = allTotals(result.ledgers);
  const isCorrect = lost + duplicated + outOfOrder + corrupted === 0;
  const failedCount = result.verdicts.filter(({ failed }) => failed).length;
  const passed = `${result.verdicts.length} of ${result.verdicts.length} conditions passed`;
  return `<div class="pills">
<span class="pill ${isCorrect ? "good" : "bad"}">${escapeText(describeCorrectness(result))}</span>
${
    result.verdicts.length === 0
      ? ""
      : `<span class="pill ${failedCount === 0 ? "good" : "bad"}">${
        failedCount === 0 ? passed : `${failedCount} of ${result.verdicts.length} conditions failed`
      }</span>`
  }
${result.interrupted ? '<span class="pill plain">broken off</span>' : ""}
</div>`;
}

/** The whole report. */
export function htmlReport(result: LoadResult): string {
  const doubts = describeDoubts(result).map((doubt) => `<div class="doubt">${escapeText(doubt)}</div>`).join("\n");
  const title = `Load test: ${result.load.scenario}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(title)}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<main>
<header>
<div><h1>Drawbridge load test <small>${escapeText(result.load.scenario)}</small></h1>
<p>${escapeText(describeLoad(result))}</p></div>
${pills(result)}
</header>
${doubts}
${tiles(result)}
<div class="grid2">
${charts(result)}
</div>
<div class="grid2">
${verdictSection(result)}
${failureSection(result)}
</div>
<div class="grid2" style="grid-template-columns: minmax(0, 1fr)">
${latencySection(result)}
${ledgerSection(result)}
</div>
<div class="grid2">
${clientSection(result)}
${aboutSection(result)}
</div>
<footer>Latencies are measured from when a message was due, so that a server that stalls cannot hide it.
Drawbridge ${escapeText(result.version)}, ${escapeText(result.startedAt)}</footer>
</main>
</body>
</html>
`;
}
