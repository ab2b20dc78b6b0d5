/** Takes a command's own flags out of a command line; what is left is for the server's configuration. @module */

/** A command line, taken apart. */
export interface SplitArgs {
  /** Arguments before the first flag. */
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
  const first = args.findIndex((arg) => arg.startsWith("-"));
  const positionals = first < 0 ? args : args.slice(0, first);
  const own = new Map<string, string>();
  const others: string[] = [];
  const problems: string[] = [];
  for (let index = positionals.length; index < args.length; index++) {
    const [flag] = args[index].split("=", 1);
    if (!ownFlags.has(flag)) {
      others.push(args[index]);
      continue;
    }
    const value = args[index].includes("=") ? args[index].slice(flag.length + 1) : args[index + 1];
    if (value === undefined || value === "" || (!args[index].includes("=") && value.startsWith("--"))) {
      problems.push(`Cannot use ${flag} without a value`);
      continue;
    }
    if (!args[index].includes("=")) index += 1;
    own.set(flag, value);
  }
  return { positionals, own, others, problems };
}
