/** Takes a command's own flags out of a command line; what is left is for the server's configuration. @module */

import { gamePathOf } from "../server/config/config.ts";
import type { GameOption } from "../server/config/schema.ts";
import { loadGame } from "../server/process/game_file.ts";

/** A command line, taken apart. */
export interface SplitArgs {
  /** Arguments before the first flag, and behind `--`. */
  readonly positionals: readonly string[];
  /** Flags of the command's own, with their dashes. */
  readonly own: ReadonlyMap<string, string>;
  readonly others: readonly string[];
  readonly problems: string[];
}

/**
 * Splits a command line.
 *
 * @param ownFlags The command's flags, each with a value: `--flag VALUE` or `--flag=VALUE`.
 */
export function splitArgs(args: readonly string[], ownFlags: ReadonlySet<string>): SplitArgs {
  const end = args.indexOf("--");
  const flags = end < 0 ? args : args.slice(0, end);
  const first = flags.findIndex(isFlag);
  const positionals = [...flags.slice(0, first < 0 ? flags.length : first), ...end < 0 ? [] : args.slice(end + 1)];
  const own = new Map<string, string>();
  const others: string[] = [];
  const problems: string[] = [];
  for (let index = first < 0 ? flags.length : first; index < flags.length; index++) {
    const [flag] = flags[index].split("=", 1);
    if (!ownFlags.has(flag)) {
      others.push(flags[index]);
      continue;
    }
    const hasOwnValue = flags[index].includes("=");
    const value = hasOwnValue ? flags[index].slice(flag.length + 1) : flags[index + 1];
    if (value === undefined || value === "" || (!hasOwnValue && isFlag(value))) {
      problems.push(`Cannot use ${flag} without a value`);
      continue;
    }
    if (!hasOwnValue) index += 1;
    own.set(flag, value);
  }
  return { positionals, own, others, problems };
}

/**
 * Tells whether an argument is a flag. Players may be called `-troll` or `---`, and announcements may begin with `-5`;
 * what looks like a flag all the same goes behind `--`.
 */
export function isFlag(arg: string): boolean {
  return /^--[a-z]/i.test(arg);
}

/**
 * The options of the game that a command line, the environment or the configuration file names: a server's configuration
 * may hold them. None where that game cannot be loaded, since a server that runs may be asked all the same.
 */
export async function gameOptionsOf(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, GameOption>>> {
  const end = args.indexOf("--");
  const path = gamePathOf({ args: end < 0 ? args : args.slice(0, end), env });
  try {
    return (await loadGame(path)).module.options;
  } catch {
    return {};
  }
}

/** Tells whether help is asked for, by an argument before `--`. */
export function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === "--help" || arg === "-h");
}
