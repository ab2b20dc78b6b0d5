/**
 * `deno task soak:hostile`: honest players in the world, first alone, then beside as many hostile peers. Prints the 99th
 * percentile of both runs and what the hostile peers did. Exit status 0: no honest player lost its connection or
 * anything else, and the percentile stayed within the factor.
 *
 * @module
 */

import { parseArgs } from "node:util";
import type { LoadResult } from "../../tools/loadtest/result.ts";
import { HostilePeers } from "../support/hostile_peers.ts";
import { type IoBackendName, ServerProcess } from "../support/server_process.ts";

/** Hostile peers that have accounts, of all. */
const CHEATS_SHARE = 0.15;

const { values } = parseArgs({
  options: {
    players: { type: "string", default: "500" },
    hostile: { type: "string", default: "500" },
    seconds: { type: "string", default: "30" },
    backend: { type: "string", default: "epoll" },
    // One kind of attack alone, by its name, or `none` for those with accounts alone.
    only: { type: "string" },
    seed: { type: "string", default: "1" },
    factor: { type: "string", default: "1.2" },
  },
});
const playerCount = Number(values.players);
const hostileCount = Number(values.hostile);
const cheatCount = values.only === undefined || values.only === "none" ? Math.round(hostileCount * CHEATS_SHARE) : 0;

/** One run of the honest players on a server of its own. */
async function run(isAttacked: boolean): Promise<LoadResult> {
  const players = playerCount + cheatCount;
  await using server = await ServerProcess.start({ backend: values.backend as IoBackendName, players });
  const { login: loginPort, game: gamePort, gateway: gatewayPort } = server.ports;
  const take = (count: number) => Array.from({ length: count }, () => server.takePlayer());
  const tokens = await Deno.makeTempFile();
  await Deno.writeTextFile(tokens, take(playerCount).map(({ name, token }) => `${name} ${token}\n`).join(""));
  const cheats = take(cheatCount).map(({ token }) => token);
  const plan = { loginPort, gamePort, gatewayPort, seed: Number(values.seed), tokens: cheats };
  const peerCount = values.only === "none" ? cheatCount : hostileCount;
  const attacks = values.only === undefined || values.only === "none" ? undefined : [values.only];
  const peers = isAttacked ? await HostilePeers.start({ ...plan, peerCount, attacks, holdMs: 5_000 }) : null;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "-A", new URL("../../tools/loadtest.ts", import.meta.url).pathname, "world"],
      ...["--game-port", String(gamePort), "--gateway-port", String(gatewayPort), "--transport", "both"],
      ...["--connections", String(playerCount), "--tokens", tokens, "--duration", values.seconds!, "--json", "-"],
      ...["--admin", `http://127.0.0.1:${server.ports.admin}`],
    ],
  }).output();
  const report = await peers?.stop();
  if (report !== undefined) console.log("Attacks:", report.attacks, "ended by the server:", report.endedByServer);
  await Deno.remove(tokens);
  const closed = await server.metric("drawbridge_handler_errors_total");
  if (closed > 0) throw new Error(`${closed} handlers failed`);
  await server.stop();
  const output = new TextDecoder().decode(stdout);
  if (output === "") throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(output);
}

/** The percentiles of a run; one in which nobody could play has none. */
function describe(
  name: string,
  { connections, failures, generator, latencies, mainLatency, server }: LoadResult,
): number {
  const summary = latencies[mainLatency]?.all;
  const { p50, p95, p99 } = summary ?? { p50: NaN, p95: NaN, p99: NaN };
  console.log(`${name}: ${mainLatency} p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms;`, connections, failures);
  // Server, load test and hostile peers share the machine: who took how much of it, in per cent of one core.
  console.log(`  server ${server?.cpuMean} %, tick p95 ${server?.tickMsP95Max} ms, load test ${generator.cpuMean} %`);
  return p99;
}

const alone = await run(false);
const aloneMs = describe("Alone", alone);
const attacked = await run(true);
const attackedMs = describe(`Beside ${hostileCount} hostile peers`, attacked);
const factor = attackedMs / aloneMs;
const { dropped, failed } = attacked.connections;
const isWhole = dropped === 0 && failed === 0 && Object.keys(attacked.failures).length === 0;
console.log(`p99 is ${factor.toFixed(2)} times as long; honest players lost ${isWhole ? "nothing" : "something"}`);
Deno.exit(isWhole && factor <= Number(values.factor) ? 0 : 1);
