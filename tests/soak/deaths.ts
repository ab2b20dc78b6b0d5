/**
 * `deno task soak:cluster`: kills servers of a cluster under players, and tells whether anything acknowledged was lost or
 * doubled, and how soon everybody played on. Exit status 0: nothing was.
 *
 * @module
 */

import { runDeaths } from "./death_soak.ts";
import { count, readOptions } from "./options.ts";
import { kindsOf } from "./problem_kinds.ts";

const options = readOptions("soak:cluster", {
  kills: count(100, 1, 10_000, "servers to kill"),
  players: count(40, 2, 1_000, "players who found and leave guilds"),
});

const result = await runDeaths({ ...options, onKill: (index) => console.log(`${index + 1} of ${options.kills}`) });
for (const [kind, problems] of kindsOf(result.problems)) {
  console.log(`  ${problems.length} times: ${kind}`);
  for (const problem of problems.slice(0, 5)) console.log(`    ${problem}`);
}
const { backMs, deeds, done, gaps, problems } = result;
const at = (fraction: number) => Math.round(backMs[Math.ceil(fraction * backMs.length) - 1]);
console.log(
  `${
    problems.length > 0 ? "FAILED" : "passed"
  }: ${options.kills} kills, ${done} of ${deeds} deeds done, ${gaps} gaps told, ` +
    `${problems.length} problems; players with a good connection back after a kill: median ${at(0.5)} ms, p99 ${
      at(0.99)
    } ms, at most ${at(1)} ms`,
);
Deno.exit(problems.length > 0 ? 1 : 0);
