/**
 * The command lines of the comparisons in this folder: `--name VALUE`, each value of one kind.
 *
 * @module
 */

import { choice, type Kind, text } from "../server/config/kinds.ts";
import { ConfigError, EXIT_CONFIG } from "../shared/errors.ts";

/** A path. */
export const path: Kind<string> = text("a path", "PATH", (value) => value === "" ? undefined : value);

/** Several of these words, separated by commas; each counts once. */
export function someOf(words: readonly string[]): Kind<readonly string[]> {
  return {
    expects: `some of ${words.join(", ")}, separated by commas`,
    placeholder: "A,B",
    parse: (value) => {
      const parts = value.split(",");
      return parts.every((part) => choice(words).parse(part) !== undefined) ? [...new Set(parts)] : undefined;
    },
    fromJson: () => undefined,
  };
}

/**
 * Reads a command line.
 *
 * @returns The value of a flag, or the standard given for it.
 * @throws {ConfigError} with every problem.
 */
export function readFlags(
  args: readonly string[],
  flags: Readonly<Record<string, Kind<unknown>>>,
): <T>(flag: string, standard: T) => T {
  const given = new Map<string, unknown>();
  const problems: string[] = [];
  for (let index = 0; index < args.length; index++) {
    if (args[index] === "--") continue;
    const [flag, inline] = args[index].split(/=(.*)/s, 2);
    const kind = flags[flag];
    const raw = inline ?? args[index + 1];
    if (kind === undefined) {
      problems.push(`Unknown flag ${flag.slice(0, 80)}`);
      continue;
    }
    if (inline === undefined) index++;
    const value = raw === undefined ? undefined : kind.parse(raw);
    if (value === undefined) problems.push(`Cannot use ${flag} ${JSON.stringify(raw)}: expected ${kind.expects}`);
    else given.set(flag, value);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return <T>(flag: string, standard: T) => (given.get(flag) ?? standard) as T;
}

/** Runs a comparison as a command: `--help`, and the exit statuses. */
export async function runCommand(help: string, run: (args: readonly string[]) => void | Promise<void>): Promise<never> {
  if (Deno.args.some((arg) => arg === "--help" || arg === "-h")) {
    console.log(help);
    Deno.exit(0);
  }
  try {
    await run(Deno.args);
    Deno.exit(0);
  } catch (error) {
    if (error instanceof ConfigError) {
      console.error(`Cannot measure:\n${error.problems.map((problem) => `  - ${problem}`).join("\n")}`);
      Deno.exit(EXIT_CONFIG);
    }
    console.error(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  }
}

/** A Markdown table; the first `leftCount` columns are words. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  leftCount: number,
): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((cells) => cells[column].length)));
  const pad = (cell: string, column: number) =>
    column < leftCount ? cell.padEnd(widths[column]) : cell.padStart(widths[column]);
  const line = (cells: readonly string[]) => `| ${cells.map(pad).join(" | ")} |`;
  const rule = `|${
    widths.map((width, column) => column < leftCount ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`).join("|")
  }|`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}
