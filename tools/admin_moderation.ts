/**
 * Moderates the running server over its admin site, or the data folder of a stopped one: mute, kick, ban, accounts,
 * maintenance, announcements, lists.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { describeDatabase, loadConfig, postgresTarget, type ServerConfig } from "../server/config/config.ts";
import type { GameOption } from "../server/config/schema.ts";
import { hostPort, isWildcard } from "../server/base/host.ts";
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
import { moderateOffline } from "./admin_offline.ts";

/** What `mute --help` and the like print. */
export const MODERATION_HELP =
  `Moderates a server, over its admin site. Where none runs, all but kick and announce work on
the data folder instead.

Usage: deno task admin COMMAND … [flags] [server flags]

  mute NAME       Delivers nothing that the player writes
  unmute NAME     Also ends an automatic mute for flooding
  kick NAME       Ends the player's session; the player may log in again
  ban NAME        Ends the player's session and refuses login, entry and resume
  ban --address A Turns away an address, 203.0.113.7, or a range, 203.0.113.0/24 or 2001:db8::/32
  unban NAME      or unban --address A
  announce TEXT   Sends a message to everybody who is online
  list            Shows who is online, and which mutes and bans are in force

  password NAME   Sets a new password, prints it, and ends the player's sessions and tokens
  revoke NAME     Ends the player's sessions and tokens
  delete NAME     Deletes the account in 14 days, unless the player logs in before then
  restore NAME    Cancels the deletion of an account
  maintenance on  Announces maintenance, then disconnects everybody and refuses logins; survives a restart
  maintenance off Lets everybody in again

  game ACTION     Runs an action that the game defines: game ACTION KEY=VALUE …; without an ACTION, lists them

  documents list  Shows which documents of the game cannot be read, and which are put aside
  documents show COLLECTION KEY     Shows one as it is stored, and why it cannot be read
  documents aside COLLECTION KEY    Puts one aside: the game no longer sees it; it is deleted with its account
  documents restore COLLECTION KEY  Puts it back

  --for TIME      How long a mute or a ban lasts: 90s, 10m, 2h, 7d [until it is lifted]
  --reason TEXT   Shown to the player and recorded
  --by NAME       Who decided it [the user of this command line]
  --address A     Instead of NAME
  --stdin         Reads the new password from the first line of standard input
  --now           Deletes the account at once
  --in TIME       When maintenance begins [at once]
  --message TEXT  Shown to players
  --allow NAMES   Players who may stay or enter, NAME,NAME
  --              What follows is NAME or TEXT, even if it looks like a flag: kick -- --troll

Of the server's flags and environment variables --admin-host, --admin-port, --admin-token, --data-dir and --config
matter. Without --admin-token, the token is read from admin.token in the data folder, which only its owner can read.

Exit status: 0 done; 1 no such player, not online, nothing to lift, or the server cannot be reached; 78 the command or
the configuration cannot be used`;

/** Says that the server did not do what was asked: there is nobody or nothing like that. */
export class RefusedError extends Error {
  override name = "RefusedError";
}

const OWN_FLAGS: ReadonlySet<string> = new Set([
  ...["--for", "--reason", "--by", "--address"],
  ...["--in", "--message", "--allow"],
]);
/** Flags without a value, and the command that takes each. */
const SWITCHES: Readonly<Record<string, ModerationAct>> = { "--stdin": "password", "--now": "delete" };
/** Letters and digits that nobody takes for each other. */
const PASSWORD_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789";
const PASSWORD_LENGTH = 20;
const FIRST_LINE_BYTES_MAX = 1_024;
/** How long the server may take, in milliseconds: its storage has 5 s. */
const REQUEST_TIMEOUT_MS = 10_000;
const EXPECTED: Readonly<Record<Exclude<ModerationAct, "game"> | "list", string>> = {
  mute: "one NAME",
  unmute: "one NAME",
  kick: "one NAME",
  ban: "one NAME or --address A",
  unban: "one NAME or --address A",
  announce: "a TEXT",
  password: "one NAME",
  revoke: "one NAME",
  delete: "one NAME",
  restore: "one NAME",
  maintenance: "on or off",
  documents: "list, or show, aside or restore with COLLECTION and KEY",
  list: "no argument",
};

/** What the fields of a request are on the command line. */
const FLAGS_BY_FIELD: Readonly<Record<string, string>> = {
  player: "NAME",
  address: "--address",
  reason: "--reason",
  seconds: "--for",
  moderator: "--by",
};

/** What to ask of which server. */
export interface ModerationCommand {
  readonly act: ModerationAct | "list";
  /** The JSON to send. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly config: ServerConfig;
  /** A password that was made, and is to be told. */
  readonly password?: string;
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
  gameOptions: Readonly<Record<string, GameOption>> = {},
): ModerationCommand {
  const { rest, switches } = takeSwitches(act, args);
  const { positionals, own, others, problems } = splitArgs(rest, OWN_FLAGS);
  const body: Record<string, unknown> = act === "list"
    ? {}
    : { moderator: own.get("--by") ?? env.USER ?? env.USERNAME };
  const isToAddress = own.has("--address");
  const countWanted = act === "list" || isToAddress ? 0 : act !== "documents" || positionals[0] === "list" ? 1 : 3;
  if (act !== "game" && (act === "announce" ? positionals.length === 0 : positionals.length !== countWanted)) {
    const given = positionals.length === 0 ? ", and nothing was given" : `, not ${positionals.join(" ")}`;
    problems.push(`${act} takes ${EXPECTED[act]}${given}`);
  }
  if (act === "announce") body.text = positionals.join(" ");
  else if (act === "game") problems.push(...readAction(positionals, body));
  else if (act === "documents") [body.action, body.collection, body.key] = positionals;
  else if (act === "maintenance") problems.push(...readMaintenance(positionals[0], own, body));
  else if (act !== "list" && !isToAddress) body.player = positionals[0];
  if (switches.has("--now")) body.now = true;
  const password = act === "password" && !switches.has("--stdin") ? makePassword() : undefined;
  if (act === "password" && problems.length === 0) {
    const chosen = password ?? firstLine(Deno.stdin);
    if (chosen === "") problems.push("Cannot use --stdin: its first line is empty");
    body.passwordHash = createHash("sha256").update(chosen).digest("hex");
  }
  const flags = [["--reason", "reason"], ["--address", "address"]] as const;
  for (const [flag, field] of flags) if (own.has(flag)) body[field] = own.get(flag);
  const time = own.get("--for");
  if (time !== undefined) {
    body.seconds = parseDuration(time);
    if (body.seconds === null) {
      problems.push(`Cannot use --for ${JSON.stringify(time)}: expected a time such as 90s, 10m, 2h or 7d`);
    }
  }
  if (act === "list" && own.size > 0) {
    problems.push(`Cannot use ${[...own.keys()].join(", ")}: list takes no such flag`);
  }
  // What the server would refuse is told before it is asked.
  const parsed = act === "list" || problems.length > 0 ? null : parseModerationRequest(act, body);
  if (parsed !== null && "problems" in parsed) problems.push(...parsed.problems.map((text) => byFlag(text, act, body)));
  let config: ServerConfig | undefined;
  try {
    config = loadConfig({ args: others, env, gameOptions });
    if (config.adminPort === 0) problems.push("Cannot reach the server on --admin-port 0: give the port it took");
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
  }
  if (config === undefined || problems.length > 0) throw new ConfigError(problems);
  return { act, body, config, password };
}

function takeSwitches(
  act: ModerationAct | "list",
  args: readonly string[],
): { readonly rest: string[]; readonly switches: ReadonlySet<string> } {
  const end = args.indexOf("--");
  const isSwitch = (arg: string, index: number) => SWITCHES[arg] === act && (end < 0 || index < end);
  return { rest: args.filter((arg, index) => !isSwitch(arg, index)), switches: new Set(args.filter(isSwitch)) };
}

/** Reads what `game` takes; gives what is wrong with it. */
function readAction([action = "", ...fields]: readonly string[], body: Record<string, unknown>): string[] {
  body.action = action;
  body.input = Object.fromEntries(fields.map((field) => [field.split("=", 1)[0], field.slice(field.indexOf("=") + 1)]));
  return fields.filter((field) => !/^\w+=/.test(field))
    .map((field) => `Cannot use ${JSON.stringify(field)}: expected KEY=VALUE`);
}

/** Reads what `maintenance` takes; gives what is wrong with it. */
/** What is wrong with a request, in the words of the command line. */
function byFlag(problem: string, act: string, body: Readonly<Record<string, unknown>>): string {
  const [, unknown] = /^Unknown field "(\w+)"/.exec(problem) ?? [];
  if (unknown !== undefined) return `${act} takes no ${FLAGS_BY_FIELD[unknown] ?? unknown}`;
  return problem.replace(/^Cannot use (\w+)/, (whole, field) => {
    const flag = FLAGS_BY_FIELD[field];
    if (flag === undefined) return whole;
    return body[field] === undefined ? `Cannot use ${flag}` : `Cannot use ${flag} ${JSON.stringify(body[field])}`;
  });
}

function readMaintenance(
  onOrOff: string | undefined,
  own: ReadonlyMap<string, string>,
  body: Record<string, unknown>,
): string[] {
  if (onOrOff === undefined) return [];
  if (onOrOff !== "on" && onOrOff !== "off") {
    return [`Cannot use maintenance ${JSON.stringify(onOrOff)}: expected on or off`];
  }
  body.on = onOrOff === "on";
  const time = own.get("--in");
  if (own.has("--message")) body.message = own.get("--message");
  if (own.has("--allow")) body.allow = own.get("--allow")!.split(",").map((name) => name.trim());
  if (time === undefined) return [];
  body.seconds = parseDuration(time);
  return body.seconds === null
    ? [`Cannot use --in ${JSON.stringify(time)}: expected a time such as 90s, 10m, 2h or 7d`]
    : [];
}

function makePassword(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(PASSWORD_LENGTH));
  return [...bytes].map((byte) => PASSWORD_LETTERS[byte % PASSWORD_LETTERS.length]).join("");
}

/** The first line of a stream, without its line end. */
function firstLine(input: { readSync(bytes: Uint8Array): number | null }): string {
  const bytes: number[] = [];
  const one = new Uint8Array(1);
  while (bytes.length < FIRST_LINE_BYTES_MAX && input.readSync(one) === 1 && one[0] !== 10) bytes.push(one[0]);
  return new TextDecoder().decode(new Uint8Array(bytes)).replace(/\r$/, "");
}

/**
 * Asks the server; where none listens, does it on the data folder, unless a server uses that.
 *
 * @returns What was done, or the list.
 * @throws {ConfigError} when there is no token, or the server does not know it.
 * @throws {RefusedError} when there is nobody or nothing to do it to.
 * @throws {DependencyError} `unavailable` when the server or its storage cannot be reached.
 */
export async function runModeration(command: ModerationCommand): Promise<string> {
  const { act, body, config, password } = command;
  const token = config.adminToken !== "" ? config.adminToken : await readAdminToken(config.dataDir);
  const isShared = postgresTarget(config) !== undefined;
  if (token === undefined && !isShared) {
    throw new ConfigError([
      `Cannot find the admin token: there is no ${config.dataDir}/admin.token; give the server's --data-dir, or the ` +
      "--admin-token it was started with",
    ]);
  }
  const host = isWildcard(config.adminHost) ? "127.0.0.1" : config.adminHost;
  const url = `http://${hostPort(host, config.adminPort)}/moderation/${act}`;
  let answer: unknown;
  try {
    if (token === undefined) {
      throw new NobodyListensError(`No server of this machine has its data in ${config.dataDir}`);
    }
    answer = await ask(url, act === "list" ? undefined : JSON.stringify(body), token);
  } catch (error) {
    if (!(error instanceof NobodyListensError)) throw error;
    answer = await runOffline(command, error);
  }
  if (act === "list") return listText(answer as ModerationList, Date.now());
  const { done } = answer as { readonly done: string };
  return password === undefined ? done : `${done}\nThe password: ${password}`;
}

/** Does it on the data folder; gives what the server would have answered. */
async function runOffline({ act, body, config }: ModerationCommand, reason: NobodyListensError): Promise<unknown> {
  const request = act === "list" ? { act } as const : parseModerationRequest(act, body);
  // Kicks and announcements are for who is online, and a server elsewhere has its data elsewhere.
  const isPossible = act !== "kick" && act !== "announce" && act !== "game" && isOwnMachine(config.adminHost) &&
    !("problems" in request);
  const outcome = isPossible ? await moderateOffline(request, config) : undefined;
  if (outcome === undefined) {
    const message = `${reason.message}; start it, or give its --admin-host and --admin-port`;
    throw new DependencyError("unavailable", message, { cause: reason });
  }
  if (outcome.kind === "list") return outcome.list;
  if (outcome.kind === "done") return { done: `${outcome.text} (in ${whereOf(config)}, where no server runs)` };
  if (outcome.kind === "unavailable") throw new DependencyError("unavailable", outcome.text);
  throw new RefusedError(outcome.text);
}

function whereOf(config: ServerConfig): string {
  return postgresTarget(config) === undefined ? config.dataDir : describeDatabase(config);
}

function isOwnMachine(host: string): boolean {
  return isWildcard(host) || host === "localhost" || host === "::1" || host.startsWith("127.");
}

/** Says that no server listens at an address. */
class NobodyListensError extends Error {
  override name = "NobodyListensError";
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
    if (await isRefused(new URL(url))) throw new NobodyListensError(`No server listens at ${origin}`);
    throw new DependencyError("unavailable", `Cannot reach the server at ${origin}: ${reason}`, { cause: error });
  }
  if (status === 401) {
    const remedy = "give --data-dir and --admin-port of one server, or its --admin-token";
    throw new ConfigError([`The server at ${origin} does not know this admin token; ${remedy}`]);
  }
  const answer = parseAnswer(text);
  if (status === 200 && answer !== null) return answer;
  const reasons = (answer as { errors?: readonly string[] } | null)?.errors ?? [`The server answered ${status}`];
  if (status === 400) throw new ConfigError(reasons);
  if (status === 200 || status >= 500) throw new DependencyError("unavailable", reasons.join("; "));
  throw new RefusedError(reasons.join("; "));
}

/** Whether nothing listens there; `fetch` does not tell that from other errors. */
async function isRefused({ hostname, port }: URL): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port || 80) })).close();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused;
  }
}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The list as a table for a terminal. */
export function listText({ players, playerCount, sanctions, unanswered }: ModerationList, nowMs: number): string {
  const isOne = new Set(players.map(({ serverId }) => serverId)).size <= 1;
  const online = players.map(({ name, address, isInWorld, isMuted, serverId }) => [
    name,
    ...isOne ? [] : [`server ${serverId}`],
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
    ...unanswered.map((server) => `  without those of server ${server}: it does not answer, ask its own admin site`),
    sanctions.length === 1 ? "1 mute or ban" : `${sanctions.length} mutes and bans`,
    ...columns(standing),
  ].join("\n");
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column].length))) ?? [];
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column])).join("  ")}`.trimEnd());
}
