/**
 * The command lines of the soak tasks: one table of options gives help, reading and checks.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { choice, integer, type Kind, path } from "../../server/config/kinds.ts";
import { ProgressLine } from "../../tools/loadtest/progress.ts";
import { IO_BACKENDS, type IoBackendName } from "../support/server_process.ts";
import { EXIT_CONFIG } from "../../shared/errors.ts";

/** One option. */
export interface SoakOption<T> {
  /** What its value is; `null`: it takes none, and is `true` when given. */
  readonly kind: Kind<T> | null;
  readonly fallback: T;
  /** What it is, in a few words. */
  readonly help: string;
}

/** Options by their name, without the dashes. */
export type SoakOptions = Readonly<Record<string, SoakOption<unknown>>>;

/** What was given for each option, or what it is unless given. */
export type SoakValues<Options extends SoakOptions> = {
  readonly [Name in keyof Options]: Options[Name] extends SoakOption<infer T> ? T : never;
};

/** A whole number from `min` to `max`. */
export function count(fallback: number, min: number, max: number, help: string): SoakOption<number> {
  return { kind: integer({ min, max }), fallback, help };
}

/** Something that is done only when the option is given, which takes no value. */
export function toggle(help: string): SoakOption<boolean> {
  return { kind: null, fallback: false, help };
}

/** What chance is drawn from; another one each time unless given. */
export function seed(): SoakOption<number> {
  return count(Math.floor(Math.random() * 2 ** 31), 0, 2 ** 31 - 1, "what chance is drawn from, to see a run again");
}

/** One io backend: the fastest there is unless given. */
export function backend(): SoakOption<IoBackendName> {
  return { kind: choice(IO_BACKENDS), fallback: IO_BACKENDS.at(-1)!, help: "the server's --io-backend" };
}

/** One io backend, or each in turn. */
export function backends(): SoakOption<IoBackendName | "both"> {
  return {
    kind: choice([...IO_BACKENDS, "both"]),
    fallback: "both",
    help: "the server's --io-backend, or each in turn",
  };
}

/** Those that {@linkcode backends} names. */
export function backendsOf(name: IoBackendName | "both"): IoBackendName[] {
  return IO_BACKENDS.filter((one) => name === "both" || name === one);
}

/** A file for the results; none unless given. */
export function json(): SoakOption<string> {
  return { kind: path("FILE", "optional"), fallback: "", help: "writes the results there, too" };
}

/** What `--help` prints. */
export function helpText(task: string, options: SoakOptions): string {
  const lines = Object.entries(options).map(([name, { kind, fallback, help }]) => {
    const unlessGiven = kind === null || fallback === "" || fallback === undefined ? "" : ` (${fallback})`;
    return `  ${`--${name} ${kind?.placeholder ?? ""}`.padEnd(26)} ${help}${unlessGiven}\n`;
  });
  return `Usage: deno task ${task} [options]\n\n${lines.join("")}`;
}

/**
 * Reads a command line.
 *
 * @throws {RangeError} when an option is unknown, or its value is not of its kind.
 */
export function parseOptions<Options extends SoakOptions>(
  args: readonly string[],
  options: Options,
): SoakValues<Options> {
  let given: Partial<Record<string, string | boolean>>;
  try {
    ({ values: given } = parseArgs({
      args: [...args],
      options: Object.fromEntries(
        Object.entries(options).map(([name, { kind }]) =>
          [name, { type: kind === null ? "boolean" : "string" }] as const
        ),
      ),
    }));
  } catch (error) {
    throw new RangeError((error as Error).message, { cause: error });
  }
  const entries = Object.entries(options).map(([name, { kind, fallback }]) => {
    const text = given[name];
    if (text === undefined) return [name, fallback];
    if (kind === null || typeof text === "boolean") return [name, true];
    const value = kind.parse(text);
    if (value === undefined) throw new RangeError(`Cannot read --${name}: it is ${text}, allowed is ${kind.expects}`);
    return [name, value];
  });
  return Object.fromEntries(entries);
}

/** Reads this process's command line; prints help, or what is wrong with it, and exits where there is nothing to do. */
export function readOptions<Options extends SoakOptions>(task: string, options: Options): SoakValues<Options> {
  if (Deno.args.includes("--help")) {
    console.log(helpText(task, options));
    Deno.exit(0);
  }
  try {
    return parseOptions(Deno.args, options);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${helpText(task, options)}`);
    Deno.exit(EXIT_CONFIG);
  }
}

/** The line on this process's terminal that shows how it goes. */
export function progressLine(): ProgressLine {
  return new ProgressLine({
    isTerminal: Deno.stderr.isTerminal(),
    write: (text) => void Deno.stderr.writeSync(new TextEncoder().encode(text)),
    columns: () => Deno.consoleSize().columns,
  });
}
