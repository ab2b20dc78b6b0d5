/**
 * Runs the load test of a game's own: bots that play, over the client that everybody has.
 *
 * @module
 */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { GameClient } from "../../client/client.ts";
import type { GameLoad } from "../../client/load_bot.ts";
import type { Transport } from "../../client/transport.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import { PLAIN_ENTITIES } from "../../client/world/world_model.ts";
import { type Stay, WorldView } from "../../client/world/world_view.ts";
import { ConfigError } from "../../shared/errors.ts";
import type { ServerInfo } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { type LoadTarget, readPlayers, resolveTarget } from "./load_setup.ts";
import { connect, connectListed, preflight } from "./preflight.ts";
import { type LoadOptions, parseLoadOptions } from "./options.ts";

/** How long a bot waits for an answer, in milliseconds: it is measured, and not given up. */
const PATIENCE_MS = 60_000;
/** How often a bot moves on and looks, in milliseconds. */
const FRAME_MS = 100;

/** What came of one load test of a game. */
export interface GameLoadResult {
  /** What was looked at and was right, and what was not, by name. */
  readonly ledger: Readonly<Record<string, { right: number; wrong: number }>>;
  /** How long things took, ascending, in milliseconds, by name. */
  readonly times: Readonly<Record<string, readonly number[]>>;
  /** Bots by the server that they entered, where the list of their login sent them. */
  readonly servers: Readonly<Record<string, number>>;
  /** What bots failed with. */
  readonly failures: readonly string[];
}

/**
 * Runs a game's load test.
 *
 * @param path Of its module, relative to the present folder.
 * @param args The flags of the load test; of those, where the server is, and how many players play for how long, count.
 * @throws {ConfigError} when the module or the flags cannot be used.
 */
export async function runGameLoad(path: string, args: readonly string[]): Promise<GameLoadResult> {
  const options = parseLoadOptions(["idle", ...args]);
  const load = await importLoad(path);
  const players = await readPlayers(options);
  if (players.length === 0) throw new ConfigError([`Cannot run ${path} without --tokens, which lists players`]);
  const target = await resolveTarget(options);
  if (options.enter === "login") await preflight(options, target, players);
  const ledger: Record<string, { right: number; wrong: number }> = {}, times: Record<string, number[]> = {};
  const failures: string[] = [], servers: Record<string, number> = {};
  const stop = new AbortController();
  const bots = players.map(async ({ name, password, token }, index) => {
    let server: ServerInfo | undefined;
    const client = new GameClient<object>({
      contract: load.contract,
      connect: (signal, to) => {
        server = to;
        return connectTo(options, target, index, signal, to);
      },
      requestTimeoutMs: PATIENCE_MS,
    });
    const view = new WorldView(client, { reader: PLAIN_ENTITIES, onStay: () => {} });
    let act: (stay: Stay) => void = () => {};
    const frames = setInterval(() => {
      view.step(performance.now());
      if (view.stay !== null) act(view.stay);
    }, FRAME_MS);
    try {
      await new Promise((resolve) => setTimeout(resolve, options.ramp * 1_000 * index / players.length));
      await client.open();
      if (options.enter === "login") await logIn(client, name, password);
      await load.play({
        enter: async (frame = act) => {
          act = frame;
          const isLoggedIn = options.enter === "login";
          const { success, errorCode } = await client.enterWorld(isLoggedIn ? {} : { token });
          if (!success) throw new Error(`Cannot enter the world: error ${errorCode}`);
          if (!isLoggedIn) return;
          const where = server === undefined ? "the server of the login" : `${server.serverName} (${server.serverId})`;
          servers[where] = (servers[where] ?? 0) + 1;
        },
        ...{ client, view, name, index, signal: stop.signal, until },
        time: async (what, work) => {
          const startMs = performance.now();
          const result = await work;
          (times[what] ??= []).push(performance.now() - startMs);
          return result;
        },
        check: (what, isRight) => void (ledger[what] ??= { right: 0, wrong: 0 })[isRight ? "right" : "wrong"]++,
      });
    } catch (error) {
      failures.push(`${name}: ${error}`);
    } finally {
      clearInterval(frames);
      view.close();
      await client.close();
    }
  });
  const timer = setTimeout(() => stop.abort(), (options.ramp + options.duration) * 1_000);
  await Promise.all(bots);
  clearTimeout(timer);
  for (const list of Object.values(times)) list.sort((a, b) => a - b);
  return { ledger, times, servers, failures };
}

async function until(isSo: () => boolean, withinMs = Infinity): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < withinMs && !isSo(); waitedMs += FRAME_MS) {
    await new Promise((resolve) => setTimeout(resolve, FRAME_MS));
  }
  return isSo();
}

/** The result, for people. */
export function gameLoadText({ ledger, times, servers, failures }: GameLoadResult): string {
  const at = (list: readonly number[], part: number) =>
    list[Math.min(list.length - 1, Math.floor(part * list.length))].toFixed(1).padStart(10);
  return [
    `${"ms".padEnd(16)}${["count", "p50", "p95", "max"].map((title) => title.padStart(10)).join("")}`,
    ...Object.entries(times).map(([name, list]) =>
      `${name.padEnd(16)}${String(list.length).padStart(10)}${at(list, 0.5)}${at(list, 0.95)}${at(list, 1)}`
    ),
    `${"ledger".padEnd(16)}${["right", "wrong"].map((title) => title.padStart(10)).join("")}`,
    ...Object.entries(ledger).map(([name, { right, wrong }]) =>
      `${name.padEnd(16)}${String(right).padStart(10)}${String(wrong).padStart(10)}`
    ),
    ...Object.entries(servers).map(([name, count]) => `${count} played at ${name}`),
    ...failures,
  ].join("\n");
}

/** Whether all was right, and anything was looked at. */
export function isGameLoadRight({ ledger, failures }: GameLoadResult): boolean {
  const accounts = Object.values(ledger);
  return failures.length === 0 && accounts.length > 0 && accounts.every(({ wrong }) => wrong === 0);
}

async function importLoad(path: string): Promise<GameLoad<object>> {
  let module: { readonly default?: Partial<GameLoad<object>> };
  try {
    module = await import(pathToFileURL(resolve(path)).href);
  } catch (error) {
    throw new ConfigError([`Cannot load ${path}: ${error instanceof Error ? error.message : error}`]);
  }
  const load = module.default;
  if (load?.contract !== undefined && load.play !== undefined) return load as GameLoad<object>;
  throw new ConfigError([`Cannot use ${path}: its default export has no contract and no play()`]);
}

async function logIn(client: GameClient<object>, name: string, password: string): Promise<void> {
  const { success, errorCode } = await client.login(name, password);
  if (!success) throw new Error(`Cannot log in: ${ErrorCode[errorCode] ?? errorCode}`);
}

/** Connects to where the flags say, or to the server that a bot goes to. */
function connectTo(
  options: LoadOptions,
  target: LoadTarget,
  index: number,
  signal: AbortSignal,
  server: ServerInfo | undefined,
): Promise<Transport> {
  const { transport } = options;
  const isTcp = transport === "tcp" || (transport === "both" && index % 2 === 0);
  if (server === undefined) return connect({ ...options, transport: isTcp ? "tcp" : "ws" }, target, signal);
  return isTcp ? connectListed(target, server, signal) : connectWebSocket(server.gatewayUrl, { signal });
}
