/**
 * The operator's command line: `deno task admin COMMAND`.
 *
 * @module
 */

import { ConfigError, DependencyError, EXIT_CONFIG } from "../shared/errors.ts";
import { asksForHelp, gameOptionsOf } from "./admin_args.ts";
import {
  isModerationCommand,
  MODERATION_HELP,
  parseModerationCommand,
  RefusedError,
  runModeration,
} from "./admin_moderation.ts";
import { DATA_HELP, isDataCommand, runData } from "./admin_data.ts";
import { parsePlayersOptions, PLAYERS_HELP, runPlayers } from "./admin_players.ts";

const HELP = `Usage: deno task admin COMMAND [flags]

  players   Create accounts in bulk, with a session token each, for load tests

  mute      Deliver nothing that a player writes
  unmute    Lift a mute
  kick      End a player's session
  ban       Keep out a player or an address
  unban     Lift a ban
  announce  Send a message to everybody who is online
  list      Show who is online, and which mutes and bans are in force

  password     Set a new password for a player
  revoke       End a player's sessions and tokens
  delete       Delete an account
  restore      Cancel the deletion of an account
  maintenance  Begin or end maintenance, with a countdown

  game         Run an action that the game defines
  backup       Copy a SQLite database, also while the server runs
  export       Write everything that players have to a file
  import       Read such a file into an empty database, SQLite or PostgreSQL

  documents    List, show, put aside or restore documents that the game cannot read

More about a command: deno task admin COMMAND --help`;

/** Where the command line writes, a line at a time. */
export interface AdminOutput {
  /** Standard output: what was asked for. */
  readonly print: (text: string) => void;
  /** Standard error: what happened. */
  readonly report: (text: string) => void;
}

/**
 * Runs one command.
 *
 * @param args The command and its flags.
 * @returns The exit status: 0 done, 78 unusable command or configuration, 1 there was nothing to do it to, or a
 * dependency failed.
 */
export async function runAdmin(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  output: AdminOutput,
): Promise<number> {
  // Task runners hand a first `--` on.
  const [command, ...rest] = args[0] === "--" ? args.slice(1) : args;
  const wantsHelp = asksForHelp(rest) || command === "--help" || command === "-h";
  if (command !== "players" && !isDataCommand(command) && (command === undefined || !isModerationCommand(command))) {
    if (wantsHelp) {
      output.print(HELP);
      return 0;
    }
    output.report(command === undefined ? HELP : `Unknown command ${JSON.stringify(command)}\n\n${HELP}`);
    return EXIT_CONFIG;
  }
  if (wantsHelp) {
    output.print(command === "players" ? PLAYERS_HELP : isDataCommand(command) ? DATA_HELP : MODERATION_HELP);
    return 0;
  }
  try {
    const gameOptions = await gameOptionsOf(rest, env);
    if (command === "players") output.report(await runPlayers(parsePlayersOptions(rest, env, gameOptions)));
    else if (isDataCommand(command)) output.report(await runData(command, rest, env, gameOptions));
    else output.print(await runModeration(parseModerationCommand(command, rest, env, gameOptions)));
    return 0;
  } catch (error) {
    return reportError(error, command, output);
  }
}

function reportError(error: unknown, command: string, output: AdminOutput): number {
  if (error instanceof ConfigError) {
    const lines = error.problems.map((problem) => `  - ${problem}`);
    output.report(`Cannot run ${command}:\n${lines.join("\n")}\nAll flags: deno task admin ${command} --help`);
    return EXIT_CONFIG;
  }
  if (error instanceof DependencyError || error instanceof RefusedError) {
    output.report(`Cannot run ${command}: ${error.message}`);
    return 1;
  }
  throw error;
}

if (import.meta.main) {
  const output = { print: console.log, report: console.error };
  Deno.exit(await runAdmin(Deno.args, Deno.env.toObject(), output));
}
