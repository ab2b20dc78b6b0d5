/**
 * The load test's command line: `deno task loadtest [SCENARIO | games/x/load.ts] [flags]`.
 *
 * @module
 */

import { ConfigError, EXIT_CONFIG } from "../shared/errors.ts";
import { gameLoadText, isGameLoadRight, runGameLoad } from "./loadtest/game_load.ts";
import { htmlReport } from "./loadtest/html_report.ts";
import { LoadError } from "./loadtest/load_thread.ts";
import { type LoadOptions, loadtestHelp, parseLoadOptions } from "./loadtest/options.ts";
import { ProgressLine, progressText } from "./loadtest/progress.ts";
import type { LoadResult } from "./loadtest/result.ts";
import { runLoad } from "./loadtest/run.ts";
import { textReport } from "./loadtest/text_report.ts";
import { fileReason } from "../server/base/file_error.ts";

/** Where the command line writes. */
export interface LoadtestOutput {
  /** Standard output: the result. */
  readonly print: (text: string) => void;
  /** Standard error: what happened. */
  readonly report: (text: string) => void;
  readonly progress: ProgressLine;
  /** Ends the measured time early. */
  readonly signal?: AbortSignal;
}

/**
 * Runs the load test.
 *
 * @param args The scenario and the flags.
 * @returns The exit status: 0 done, 1 a condition of `--fail-if` holds or the run failed, 78 unusable command.
 */
export async function runLoadtest(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  output: LoadtestOutput,
): Promise<number> {
  if (args.some((arg) => arg === "--help" || arg === "-h")) {
    output.print(loadtestHelp());
    return 0;
  }
  try {
    if (args[0]?.endsWith(".ts")) {
      const result = await runGameLoad(args[0], args.slice(1));
      output.print(gameLoadText(result));
      return isGameLoadRight(result) ? 0 : 1;
    }
    const options = parseLoadOptions(args, env);
    using json = openFile("--json", options.json);
    using html = openFile("--html", options.html);
    const result = await runLoad(options, {
      onSample: (point, run) => output.progress.show(progressText(point, run)),
      onNote: output.report,
      signal: output.signal,
    });
    output.progress.clear();
    writeResult(result, options, { json, html, output });
    return result.verdicts.some(({ failed }) => failed) ? 1 : 0;
  } catch (error) {
    output.progress.clear();
    return reportError(error, output);
  }
}

function writeResult(
  result: LoadResult,
  options: LoadOptions,
  to: { json: OutputFile; html: OutputFile; output: LoadtestOutput },
): void {
  const json = `${JSON.stringify(result, null, 2)}\n`;
  if (options.json === "-") to.output.print(json.trimEnd());
  else {
    to.output.print(textReport(result));
    to.json.write(json);
  }
  if (options.html !== "") to.html.write(htmlReport(result));
  for (const { expression, failed, value } of result.verdicts) {
    if (failed) to.output.report(`Failed: ${expression} (${value === null ? "not measured" : value})`);
  }
}

function reportError(error: unknown, output: LoadtestOutput): number {
  if (error instanceof ConfigError) {
    const lines = error.problems.map((problem) => `  - ${problem}`);
    output.report(`Cannot run the load test:\n${lines.join("\n")}\nAll flags: deno task loadtest --help`);
    return EXIT_CONFIG;
  }
  if (error instanceof LoadError) {
    output.report(error.message);
    return 1;
  }
  throw error;
}

interface OutputFile extends Disposable {
  write(text: string): void;
}

/** Opened before the run: better no run than one whose result cannot be kept. */
function openFile(flag: string, path: string): OutputFile {
  if (path === "" || path === "-") return { write: () => {}, [Symbol.dispose]: () => {} };
  try {
    const file = Deno.openSync(path, { write: true, create: true, truncate: true });
    return {
      write: (text) => {
        const bytes = new TextEncoder().encode(text);
        for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
      },
      [Symbol.dispose]: () => file.close(),
    };
  } catch (error) {
    throw new ConfigError([`Cannot write ${flag} ${path}: ${fileReason(error)}`]);
  }
}

if (import.meta.main) {
  const interrupt = new AbortController();
  // The first one ends the measured time, so that there is a result; the next one ends the process.
  Deno.addSignalListener("SIGINT", () => interrupt.signal.aborted ? Deno.exit(130) : interrupt.abort());
  const encoder = new TextEncoder();
  const status = await runLoadtest(Deno.args, Deno.env.toObject(), {
    print: console.log,
    report: console.error,
    progress: new ProgressLine({
      isTerminal: Deno.stderr.isTerminal(),
      write: (text) => void Deno.stderr.writeSync(encoder.encode(text)),
      columns: () => Deno.consoleSize().columns,
    }),
    signal: interrupt.signal,
  });
  Deno.exit(status);
}
