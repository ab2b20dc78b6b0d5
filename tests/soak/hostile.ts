/**
 * `deno task soak:hostile`: honest players in the world, alone and beside as many hostile peers, in turn. Prints the 99th
 * percentile of all runs and what the hostile peers did. Exit status 0: no honest player lost its connection or
 * anything else, and the percentile stayed within the factor.
 *
 * @module
 */

import { decimal, text } from "../../server/config/kinds.ts";
import type { LoadResult } from "../../tools/loadtest/result.ts";
import { HostilePeers } from "../support/hostile_peers.ts";
import { ServerProcess } from "../support/server_process.ts";
import { alternate, median, medianRatio } from "./alternate.ts";
import { backend, count, readOptions } from "./options.ts";

/** Hostile peers that have accounts, of all. */
const CHEATS_SHARE = 0.15;
/** How long one attack holds its connection, at most, in milliseconds. */
const HOLD_MS = 5_000;

const options = readOptions("soak:hostile", {
  players: count(500, 1, 4_000, "honest players"),
  hostile: count(500, 1, 4_000, "hostile peers beside them"),
  seconds: count(30, 1, 3_600, "how long each run measures"),
  rounds: count(2, 1, 100, "runs alone, and as many beside hostile peers, in turn"),
  backend: backend(),
  only: {
    kind: text("the name of an attack, or none", "NAME", (name) => name),
    fallback: "",
    help: "one kind of attack alone, or `none`: those with accounts alone",
  },
  seed: count(1, 0, 2 ** 31 - 1, "what the attacks are drawn from"),
  factor: { kind: decimal({ min: 1, max: 100 }), fallback: 1.2, help: "how many times that alone p99 may be" },
});
const { players: playerCount, hostile: hostileCount, only } = options;
const cheatCount = only === "" || only === "none" ? Math.round(hostileCount * CHEATS_SHARE) : 0;

/** One run of the honest players on a server of its own. */
async function run(isAttacked: boolean, round: number): Promise<LoadResult> {
  const players = playerCount + cheatCount;
  await using server = await ServerProcess.start({ backend: options.backend, players });
  const { login: loginPort, game: gamePort, gateway: gatewayPort } = server.ports;
  const take = (count: number) => Array.from({ length: count }, () => server.takePlayer());
  const tokens = await Deno.makeTempFile();
  await Deno.writeTextFile(tokens, take(playerCount).map(({ name, token }) => `${name} ${token}\n`).join(""));
  const cheats = take(cheatCount).map(({ token }) => token);
  const plan = { loginPort, gamePort, gatewayPort, seed: options.seed + round, tokens: cheats };
  const peerCount = only === "none" ? cheatCount : hostileCount;
  const attacks = only === "" || only === "none" ? undefined : [only];
  const peers = isAttacked ? await HostilePeers.start({ ...plan, peerCount, attacks, holdMs: HOLD_MS }) : null;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "-A", new URL("../../tools/loadtest.ts", import.meta.url).pathname, "world"],
      ...["--game-port", String(gamePort), "--gateway-port", String(gatewayPort), "--transport", "both"],
      ...[
        "--connections",
        String(playerCount),
        "--tokens",
        tokens,
        "--duration",
        String(options.seconds),
        "--json",
        "-",
      ],
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

/** Prints the percentiles of a run; one in which nobody could play has none. */
function describe(
  name: string,
  { connections, failures, generator, latencies, mainLatency, server }: LoadResult,
): void {
  const summary = latencies[mainLatency]?.all;
  const { p50, p95, p99 } = summary ?? { p50: NaN, p95: NaN, p99: NaN };
  console.log(`${name}: ${mainLatency} p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms;`, connections, failures);
  // Server, load test and hostile peers share the machine: who took how much of it, in per cent of one core.
  console.log(`  server ${server?.cpuMean} %, tick p95 ${server?.tickMsP95Max} ms, load test ${generator.cpuMean} %`);
}

const results = await alternate(options.rounds, async (isAttacked, round) => {
  const result = await run(isAttacked, round);
  describe(isAttacked ? `Beside ${hostileCount} hostile peers` : "Alone", result);
  return result;
});
const p99 = ({ latencies, mainLatency }: LoadResult) => latencies[mainLatency]?.all?.p99 ?? NaN;
const ratio = medianRatio(results, p99);
const isWhole = results.burdened.every(({ connections, failures }) =>
  connections.dropped === 0 && connections.failed === 0 && Object.keys(failures).length === 0
);
console.log(
  `p99 beside hostile peers: ${ratio.toFixed(2)} times that alone ` +
    `(medians ${median(results.burdened.map(p99))} and ${median(results.without.map(p99))} ms); ` +
    `honest players lost ${isWhole ? "nothing" : "something"}`,
);
Deno.exit(isWhole && ratio <= options.factor ? 0 : 1);
