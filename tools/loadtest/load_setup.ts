/**
 * What a run needs before it starts: players, an address, the load.
 *
 * @module
 */

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { ConfigError } from "../../shared/errors.ts";
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
  const players = lines.slice(0, options.connections).map((line) => {
    const [name, token] = line.trim().split(/\s+/);
    return { name, token: token ?? "" };
  });
  const wrong = players.findIndex(({ token }) => token === "");
  if (wrong >= 0) throw new ConfigError([`Cannot use --tokens ${options.tokens}: line ${wrong + 1} has no token`]);
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

/** The load that the options ask for, against an IP address. */
export function makePlan(options: LoadOptions, address: string): LoadPlan {
  return {
    scenario: options.scenario,
    transport: options.transport,
    engine: options.engine,
    address,
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
