/**
 * `deno task soak:rolling`: stops and starts servers one after the other under players, and tells whether anything
 * reliable was lost, doubled or out of order, and how long they waited. Exit status 0: nothing was. With `--before` the
 * servers are upgraded so, from the version of an older checkout to this one.
 *
 * @module
 */

import { resolve } from "node:path";
import { path } from "../../server/config/kinds.ts";
import { count, readOptions } from "./options.ts";
import { runRolling } from "./rolling_soak.ts";

const options = readOptions("soak:rolling", {
  servers: count(3, 2, 8, "servers"),
  rounds: count(2, 1, 100, "how often each is stopped and started again"),
  before: { kind: path("DIR", "optional"), fallback: "", help: "an older checkout, whose servers run first" },
  players: count(300, 1, 2_000, "players who walk, talk, and found and leave guilds"),
});

const result = await runRolling({
  ...options,
  before: options.before === "" ? undefined : resolve(options.before),
  onRestart: (server, round) => console.log(`Round ${round + 1}: server ${server + 1} stops`),
});
for (const problem of result.problems.slice(0, 20)) console.log(`  ${problem}`);
const { deeds, done, moves, movesMs, pausesMs, problems, said } = result;
const at = (times: readonly number[], fraction: number) => Math.round(times[Math.ceil(fraction * times.length) - 1]);
console.log(
  `${problems.length > 0 ? "FAILED" : "passed"}: ${said} messages said and heard, ${done} of ${deeds} deeds done, ` +
    `${moves} sessions moved, ` +
    `${problems.length} problems; longest time of a player with a good connection without a session: ` +
    `median ${at(movesMs, 0.5)} ms, p99 ${at(movesMs, 0.99)} ms, and until it heard itself: ` +
    `median ${at(pausesMs, 0.5)} ms, p99 ${at(pausesMs, 0.99)} ms`,
);
Deno.exit(problems.length > 0 ? 1 : 0);
