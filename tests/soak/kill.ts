/**
 * `deno task soak:kill`: kills servers at random moments under load and tells whether anything acknowledged was lost, or
 * anything torn. Exit status 0: nothing was.
 *
 * @module
 */

import { runKillSoak } from "./kill_soak.ts";
import { backends, backendsOf, count, progressLine, readOptions, seed } from "./options.ts";

const options = readOptions("soak:kill", {
  kills: count(1_000, 1, 1_000_000, "servers to kill, over all backends"),
  companies: count(3, 1, 26, "companies of four players each"),
  seed: seed(),
  backend: backends(),
});

const names = backendsOf(options.backend);
const progress = progressLine();
const killed = names.map(() => 0);
// Side by side: a server that starts waits for the disk and for its threads more than it works.
const results = await Promise.all(names.map(async (backend, index) => {
  const startMs = performance.now();
  const kills = Math.ceil((options.kills - index) / names.length);
  const seed = (options.seed + index) % 2 ** 31;
  const result = await runKillSoak({
    backend,
    kills,
    companies: options.companies,
    seed,
    onProgress: ({ kills }) => {
      killed[index] = kills;
      progress.show(`${killed.reduce((sum, count) => sum + count, 0)} of ${options.kills} killed`);
    },
  });
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(0);
  progress.clear();
  console.log(
    `${backend}, seed ${seed}: ${result.kills} kills (${result.earlyKills} before it was ready) in ${seconds} s; ` +
      `${result.deeds} acknowledged, ${result.problems.length} problems` +
      result.problems.map((problem) => `\n  ${problem}`).join(""),
  );
  return result;
}));
const killCount = results.reduce((sum, { kills }) => sum + kills, 0);
const failed = results.some(({ problems }) => problems.length > 0);
console.log(`${failed ? "FAILED" : "passed"}: ${killCount} kills, seed ${options.seed}`);
Deno.exit(failed ? 1 : 0);
