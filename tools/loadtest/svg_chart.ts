/**
 * Line charts as SVG, for the report: no script, no fonts, colours from the page's style.
 *
 * @module
 */

import { LOADTEST_CHART_POINTS_MAX } from "../limits.ts";
import { shortNumber } from "./text_report.ts";

const WIDTH = 640;
const HEIGHT = 280;
const PLOT = { left: 58, right: 12, top: 14, bottom: 34 } as const;
const TICKS_WANTED = 5;

/** One line. */
export interface ChartLine {
  readonly name: string;
  /** A CSS class that sets `stroke`. */
  readonly style: string;
  /** Fills the area below it. */
  readonly area?: boolean;
  /** In the order of x; null: a gap. */
  readonly points: readonly (readonly [x: number, y: number | null])[];
}

/** A place on the x axis that has a name. */
export interface ChartMark {
  readonly x: number;
  readonly label: string;
}

/** A chart. */
export interface Chart {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly ChartLine[];
  /** Ticks of the x axis; whole seconds when left out. */
  readonly xTicks?: readonly ChartMark[];
  /** Said of x in the tips. */
  readonly xTip: (x: number) => string;
  /** Stretches of x with a tint and a name. */
  readonly bands?: readonly { readonly from: number; readonly to: number; readonly label: string }[];
}

/** Text for HTML and SVG. */
export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Round steps from 0 to at least `max`. */
export function niceTicks(max: number, wanted: number = TICKS_WANTED): number[] {
  if (!(max > 0)) return [0, 1];
  const rough = max / wanted, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough)!;
  const ticks: number[] = [];
  for (let index = 0; ticks.length === 0 || ticks[ticks.length - 1] < max; index++) ticks.push(index * step);
  return ticks;
}

/** At most as many points as there are pixels; each keeps the highest of those it stands for. */
export function thin<T extends readonly [number, number | null]>(points: readonly T[]): readonly T[] {
  const group = Math.ceil(points.length / LOADTEST_CHART_POINTS_MAX);
  if (group <= 1) return points;
  const kept: T[] = [];
  for (let start = 0; start < points.length; start += group) {
    const members = points.slice(start, start + group);
    kept.push(members.reduce((best, point) => (point[1] ?? -1) > (best[1] ?? -1) ? point : best));
  }
  return kept;
}

/** The chart as one `<figure>`; a chart without any number is left out. */
export function renderChart(chart: Chart): string {
  const lines = chart.lines
    .map((line) => ({ ...line, points: thin(line.points) }))
    .filter(({ points }) => points.some(([, y]) => y !== null));
  if (lines.length === 0) return "";
  const xs = lines.flatMap(({ points }) => points.map(([x]) => x));
  const minX = Math.min(...xs, ...chart.bands?.map(({ from }) => from) ?? []), maxX = Math.max(...xs, minX + 1e-9);
  const yTicks = niceTicks(Math.max(...lines.flatMap(({ points }) => points.map(([, y]) => y ?? 0))));
  const maxY = yTicks[yTicks.length - 1];
  const toX = (x: number) => round(PLOT.left + (x - minX) / (maxX - minX) * (WIDTH - PLOT.left - PLOT.right));
  const toY = (y: number) => round(HEIGHT - PLOT.bottom - y / maxY * (HEIGHT - PLOT.top - PLOT.bottom));
  const xTicks = chart.xTicks ??
    niceTicks(maxX - minX).map((tick) => ({ x: minX + tick, label: `${shortNumber(minX + tick)} s` }));
  return `<figure>
<figcaption>${escapeText(chart.title)} <small>${escapeText(chart.unit)}</small><span class="legend">${
    lines.length < 2 ? "" : lines.map(({ name, style }) => `<span class="${style}">${escapeText(name)}</span>`).join("")
  }</span></figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeText(chart.title)}">
${(chart.bands ?? []).map((band) => renderBand(band, toX)).join("")}
${yTicks.map((tick) => gridLine(toY(tick), shortNumber(tick))).join("")}
${xTicks.filter(({ x }) => x <= maxX * 1.0001).map(({ x, label }) => xTick(toX(x), label)).join("")}
${lines.map((line) => renderLine(line, toX, toY)).join("")}
${lines.map((line) => renderTips(line, chart, toX, toY)).join("")}
</svg></figure>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function gridLine(y: number, label: string): string {
  return `<line class="grid" x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${y}" y2="${y}"/>` +
    `<text class="tick" x="${PLOT.left - 8}" y="${y + 4}" text-anchor="end">${escapeText(label)}</text>`;
}

function xTick(x: number, label: string): string {
  return `<text class="tick" x="${x}" y="${HEIGHT - 12}" text-anchor="middle">${escapeText(label)}</text>`;
}

function renderBand(band: { from: number; to: number; label: string }, toX: (x: number) => number): string {
  const from = toX(band.from), width = round(toX(band.to) - from);
  return `<rect class="band" x="${from}" y="${PLOT.top}" width="${width}" height="${
    HEIGHT - PLOT.top - PLOT.bottom
  }"/>` +
    (width < 40 ? "" : `<text class="bandname" x="${from + 5}" y="${PLOT.top + 12}">${escapeText(band.label)}</text>`);
}

/** Stretches of points without a gap. */
function stretches(points: ChartLine["points"]): [number, number][][] {
  const found: [number, number][][] = [[]];
  for (const [x, y] of points) {
    if (y !== null) found[found.length - 1].push([x, y]);
    else if (found[found.length - 1].length > 0) found.push([]);
  }
  return found.filter((stretch) => stretch.length > 0);
}

function renderLine(line: ChartLine, toX: (x: number) => number, toY: (y: number) => number): string {
  return stretches(line.points).map((stretch) => {
    const path = stretch.map(([x, y]) => `${toX(x)},${toY(y)}`).join(" ");
    const area = line.area
      ? `<polygon class="area ${line.style}" points="${toX(stretch[0][0])},${toY(0)} ${path} ${
        toX(stretch[stretch.length - 1][0])
      },${toY(0)}"/>`
      : "";
    return `${area}<polyline class="line ${line.style}" points="${path}"/>`;
  }).join("");
}

function renderTips(line: ChartLine, chart: Chart, toX: (x: number) => number, toY: (y: number) => number): string {
  return line.points.filter(([, y]) => y !== null).map(([x, y]) =>
    `<circle class="tip ${line.style}" cx="${toX(x)}" cy="${toY(y ?? 0)}" r="5"><title>${
      escapeText(`${line.name} ${shortNumber(y ?? 0)} ${chart.unit}, ${chart.xTip(x)}`)
    }</title></circle>`
  ).join("");
}
