/**
 * What a run needs before it starts: players, an address, the load.
 *
 * @module
 */

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { hashPassword } from "../../client/password.ts";
import { ConfigError } from "../../shared/errors.ts";
import type { ServerInfo } from "../../shared/gen/auth_pb.ts";
import type { LoadPlan, LoadPlayer } from "./messages.ts";
import type { LoadOptions } from "./options.ts";
import { fileReason } from "../../server/base/file_error.ts";

/** Players of the world that watch, at least, unless `--sample` says otherwise: some thousand latencies a second. */
const WATCHERS_MIN = 150;

/**
 * The players of a run; none in the echo scenario, and in the idle one without tokens.
 *
 * @throws {ConfigError} when the tokens cannot be read, or are too few.
 */
export async function readPlayers(options: LoadOptions): Promise<LoadPlayer[]> {
  if (options.scenario === "echo" || options.tokens === "") return [];
  let text: string;
  try {
    text = await Deno.readTextFile(options.tokens);
  } catch (error) {
    throw new ConfigError([
      `Cannot read --tokens ${options.tokens}: ${fileReason(error)}`,
    ]);
  }
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const players = await Promise.all(
    lines.slice(0, options.connections).map(async (line) => {
      const [name, token = "", password = ""] = line.trim().split(/\s+/);
      return { name, token, password, passwordHash: password === "" ? "" : await hashPassword(password) };
    }),
  );
  const wrong = players.findIndex(({ token }) => token === "");
  if (wrong >= 0) throw new ConfigError([`Cannot use --tokens ${options.tokens}: line ${wrong + 1} has no token`]);
  const open = options.enter === "login" ? players.findIndex(({ password }) => password === "") : -1;
  if (open >= 0) {
    throw new ConfigError([
      `Cannot log in with --tokens ${options.tokens}: line ${open + 1} has no password; ` +
      "create players with: deno task admin players --passwords on",
    ]);
  }
  if (players.length < options.connections) {
    throw new ConfigError([
      `Cannot use --tokens ${options.tokens}: it has ${players.length} players, --connections is ${options.connections}`,
    ]);
  }
  return players;
}

/**
 * The IP address of a host.
 *
 * @throws {ConfigError} when there is none.
 */
export async function resolveHost(host: string): Promise<string> {
  if (isIP(host) !== 0) return host;
  if (host === "localhost") return "127.0.0.1";
  try {
    return (await lookup(host)).address;
  } catch {
    throw new ConfigError([`Cannot use --host ${host}: there is no such host`]);
  }
}

/** Where a run connects first. */
export interface LoadTarget {
  /** An IP address. */
  readonly address: string;
  readonly host: string;
  /** What TLS trusts, in PEM; none: no TLS. */
  readonly caCerts: readonly string[];
}

/**
 * Looks at what the options say of the server.
 *
 * @throws {ConfigError} when there is no such host, or the certificates cannot be read.
 */
export async function resolveTarget({ host, tlsCa }: LoadOptions): Promise<LoadTarget> {
  const address = await resolveHost(host);
  if (tlsCa === "") return { address, host, caCerts: [] };
  try {
    return { address, host, caCerts: [await Deno.readTextFile(tlsCa)] };
  } catch (error) {
    throw new ConfigError([`Cannot read --tls-ca ${tlsCa}: ${fileReason(error)}`]);
  }
}

/** The addresses of the listed servers that are listed by name; of those that have none, nothing. */
export async function addressesOf(servers: readonly ServerInfo[]): Promise<Record<string, string>> {
  const addresses: Record<string, string> = {};
  const hosts = servers.flatMap(({ gatewayUrl, ipAddress }) => [ipAddress, URL.parse(gatewayUrl)?.hostname ?? ""]);
  for (const host of new Set(hosts)) {
    if (host === "" || isIP(host.replace(/^\[|\]$/g, "")) !== 0) continue;
    // A server that cannot be found is one that cannot be reached.
    const address = await resolveHost(host).catch(() => "");
    if (address !== "") addresses[host] = address;
  }
  return addresses;
}

/** The load that the options ask for. */
export function makePlan(
  options: LoadOptions,
  { address, caCerts, host }: LoadTarget,
  addresses: Readonly<Record<string, string>> = {},
): LoadPlan {
  return {
    scenario: options.scenario,
    transport: options.transport,
    engine: options.engine,
    address,
    host,
    addresses,
    caCerts,
    entry: options.enter,
    loginPort: options.loginPort,
    gamePort: options.gamePort,
    gatewayPort: options.gatewayPort,
    connectionCount: options.connections,
    threadCount: options.threads,
    ratePerS: options.rate,
    outstanding: options.outstanding,
    rampS: options.ramp,
    frameBytes: options.size,
    route: options.route,
    chatRatePerS: options.scenario === "world" ? options.chatRate : 0,
    fightRatePerS: options.scenario === "world" ? options.fightRate : 0,
    chatChannel: options.channel,
    newcomersPerS: options.newcomers,
    sampleEvery: sampleEvery(options),
    baseUnixMs: performance.timeOrigin + performance.now(),
  };
}

/** One in how many connections is timed: all of them where nothing else was asked for, but for the world. */
function sampleEvery({ connections, sample, scenario }: LoadOptions): number {
  if (sample > 0) return sample;
  return scenario === "world" ? Math.max(1, Math.floor(connections / WATCHERS_MIN)) : 1;
}

/** Where a thread's connections begin: at an even number, as the chat scenario makes pairs. */
export function shareStart({ connectionCount, threadCount }: LoadPlan, threadIndex: number): number {
  if (threadIndex === threadCount) return connectionCount;
  return 2 * Math.floor(connectionCount * threadIndex / threadCount / 2);
}
