/**
 * The line that shows how a run goes, on a terminal.
 *
 * @module
 */

import type { SeriesPoint } from "./result.ts";
import { shortNumber } from "./text_report.ts";

const CLEAR_LINE = "\r\x1b[2K";

/** What the line says. */
export function progressText(
  point: SeriesPoint,
  run: { readonly phaseLeftS: number; readonly errors: number },
): string {
  const latency = point.p50 === null ? "" : `  p50 ${shortNumber(point.p50)} ms  p99 ${shortNumber(point.p99 ?? 0)} ms`;
  const server = point.serverCpu === null ? "" : `  server ${Math.round(point.serverCpu)} %`;
  const left = point.phase === "measure" ? ` ${Math.ceil(run.phaseLeftS)} s left` : "";
  return `${point.phase}${left}  ${shortNumber(point.open)} open  ${shortNumber(point.sentPerS)} out/s  ` +
    `${shortNumber(point.receivedPerS)} in/s${latency}${server}  ${shortNumber(run.errors)} errors`;
}

/** One line that is written over again and again; nothing when it is not a terminal. */
export class ProgressLine {
  readonly #isTerminal: boolean;
  readonly #write: (text: string) => void;
  readonly #columns: () => number;
  #shown = false;

  constructor(terminal: { isTerminal: boolean; write: (text: string) => void; columns: () => number }) {
    this.#isTerminal = terminal.isTerminal;
    this.#write = terminal.write;
    this.#columns = terminal.columns;
  }

  /** Replaces the line. */
  show(text: string): void {
    if (!this.#isTerminal) return;
    // A line that wraps could not be cleared.
    this.#write(CLEAR_LINE + text.slice(0, Math.max(1, this.#columns() - 1)));
    this.#shown = true;
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shown) this.#write(CLEAR_LINE);
    this.#shown = false;
  }
}
