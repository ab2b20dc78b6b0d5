/**
 * Moderates the running server over its admin site: mute, kick, ban, announce, list.
 *
 * @module
 */

import { loadConfig, type ServerConfig } from "../server/config.ts";
import { hostPort, isWildcard } from "../server/host.ts";
import { durationText, parseDuration } from "../server/moderation/duration.ts";
import {
  isModerationAct,
  type ModerationAct,
  type ModerationList,
  parseModerationRequest,
} from "../server/moderation/moderation_request.ts";
import { readAdminToken } from "../server/ops/admin_token_file.ts";
import { ConfigError, DependencyError } from "../shared/errors.ts";
import { splitArgs } from "./admin_args.ts";

/** What `mute --help` and the like print. */
export const MODERATION_HELP = `Moderates the running server, over its admin site.

Usage: deno task admin COMMAND … [flags] [server flags]

  mute NAME       Nothing the player writes is delivered
  unmute NAME     Also ends an automatic mute for flooding
  kick NAME       Ends the player's session; it may come back
  ban NAME        Ends the player's session; it cannot log in, enter or resume
  ban --address A Turns away an address, 203.0.113.7, or a range, 203.0.113.0/24 or 2001:db8::/32
  unban NAME      or unban --address A
  announce TEXT   Tells everybody who is online
  list            Who is online, which mutes and bans stand

  --for TIME      How long a mute or a ban lasts: 90s, 10m, 2h, 7d [until it is lifted]
  --reason TEXT   Told to the player and written down
  --by NAME       Who decides [the user of this command line]
  --address A     In place of NAME
  --              What follows is NAME or TEXT, also where it looks like a flag: kick -- --troll

Of the server's flags and environment variables --admin-host, --admin-port, --admin-token, --data-dir and --config
matter. Where the server has no --admin-token, its token is in admin.token in its data folder, for its owner to read.

Exit status: 0 done; 1 no such player, not online, nothing to lift, or the server cannot be reached; 78 the command or
the configuration cannot be used`;

/** Says that the server did not do what was asked: there is nobody or nothing like that. */
export class RefusedError extends Error {
  override name = "RefusedError";
}

const OWN_FLAGS: ReadonlySet<string> = new Set(["--for", "--reason", "--by", "--address"]);
/** How long the server may take, in milliseconds: its storage has 5 s. */
const REQUEST_TIMEOUT_MS = 10_000;
const EXPECTED: Readonly<Record<ModerationAct | "list", string>> = {
  mute: "one NAME",
  unmute: "one NAME",
  kick: "one NAME",
  ban: "one NAME or --address A",
  unban: "one NAME or --address A",
  announce: "a TEXT",
  list: "no argument",
};

/** What to ask of which server. */
export interface ModerationCommand {
  readonly act: ModerationAct | "list";
  /** The JSON to send. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly config: ServerConfig;
}

/** Whether there is such a command. */
export function isModerationCommand(name: string): name is ModerationAct | "list" {
  return name === "list" || isModerationAct(name);
}

/**
 * Reads the command line of one command.
 *
 * @throws {ConfigError} with every problem.
 */
export function parseModerationCommand(
  act: ModerationAct | "list",
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): ModerationCommand {
  const { positionals, own, others, problems } = splitArgs(args, OWN_FLAGS);
  const body: Record<string, unknown> = act === "list"
    ? {}
    : { moderator: own.get("--by") ?? env.USER ?? env.USERNAME };
  const isToAddress = own.has("--address");
  const countWanted = act === "list" || isToAddress ? 0 : 1;
  if (act === "announce" ? positionals.length === 0 : positionals.length !== countWanted) {
    problems.push(`Cannot use ${positionals.length} arguments: ${act} takes ${EXPECTED[act]}`);
  }
  if (act === "announce") body.text = positionals.join(" ");
  else if (act !== "list" && !isToAddress) body.player = positionals[0];
  const flags = [["--reason", "reason"], ["--address", "address"]] as const;
  for (const [flag, field] of flags) if (own.has(flag)) body[field] = own.get(flag);
  const time = own.get("--for");
  if (time !== undefined) {
    body.seconds = parseDuration(time);
    if (body.seconds === null) problems.push(`Cannot use --for ${JSON.stringify(time)}: expected 90s, 10m, 2h or 7d`);
  }
  if (act === "list" && own.size > 0) {
    problems.push(`Cannot use ${[...own.keys()].join(", ")}: list takes no such flag`);
  }
  // What the server would refuse is told before it is asked.
  const parsed = act === "list" || problems.length > 0 ? null : parseModerationRequest(act, body);
  if (parsed !== null && "problems" in parsed) problems.push(...parsed.problems);
  let config: ServerConfig | undefined;
  try {
    config = loadConfig({ args: others, env });
    if (config.adminPort === 0) problems.push("Cannot reach the server on --admin-port 0: give the port it took");
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
  }
  if (config === undefined || problems.length > 0) throw new ConfigError(problems);
  return { act, body, config };
}

/**
 * Asks the server.
 *
 * @returns What it did, or the list.
 * @throws {ConfigError} when there is no token, or the server does not know it.
 * @throws {RefusedError} when there is nobody or nothing to do it to.
 * @throws {DependencyError} `unavailable` when the server or its storage cannot be reached.
 */
export async function runModeration({ act, body, config }: ModerationCommand): Promise<string> {
  const token = config.adminToken !== "" ? config.adminToken : await readAdminToken(config.dataDir);
  if (token === undefined) {
    throw new ConfigError([
      `Cannot find the admin token: there is no ${config.dataDir}/admin.token; give the server's --data-dir, or the ` +
      "--admin-token it was started with",
    ]);
  }
  const host = isWildcard(config.adminHost) ? "127.0.0.1" : config.adminHost;
  const url = `http://${hostPort(host, config.adminPort)}/moderation/${act}`;
  const response = await ask(url, act === "list" ? undefined : JSON.stringify(body), token);
  if (act === "list") return listText(response as ModerationList, Date.now());
  return (response as { readonly done: string }).done;
}

async function ask(url: string, body: string | undefined, token: string): Promise<unknown> {
  const { origin } = new URL(url);
  let status: number;
  let text: string;
  try {
    const response = await fetch(url, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    status = response.status;
    text = await response.text();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DependencyError("unavailable", `Cannot reach the server at ${origin}: ${reason}`, { cause: error });
  }
  if (status === 401) throw new ConfigError([`The server at ${origin} does not know this admin token`]);
  const answer = parseAnswer(text);
  if (status === 200 && answer !== null) return answer;
  const reasons = (answer as { errors?: readonly string[] } | null)?.errors ?? [`The server answered ${status}`];
  if (status === 400) throw new ConfigError(reasons);
  if (status === 200 || status >= 500) throw new DependencyError("unavailable", reasons.join("; "));
  throw new RefusedError(reasons.join("; "));
}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The list as a table for a terminal. */
export function listText({ players, playerCount, sanctions }: ModerationList, nowMs: number): string {
  const online = players.map(({ name, address, isInWorld, isMuted }) => [
    name,
    address ?? "link-dead",
    isInWorld ? "in the world" : "logged in",
    isMuted ? "muted" : "",
  ]);
  const standing = sanctions.map(({ kind, playerName, address, endsAtMs, reason, moderator }) => [
    kind,
    playerName ?? address ?? "",
    endsAtMs === null ? "until it is lifted" : `another ${durationText(endsAtMs - nowMs)}`,
    `${reason} (${moderator})`,
  ]);
  const more = playerCount > players.length ? [`  and ${playerCount - players.length} more`] : [];
  return [
    `${playerCount} online`,
    ...columns(online),
    ...more,
    `${sanctions.length} mutes and bans`,
    ...columns(standing),
  ].join("\n");
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column].length))) ?? [];
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column])).join("  ")}`.trimEnd());
}
