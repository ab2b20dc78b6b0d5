/**
 * `deno task soak:resume`: breaks connections under traffic by the ten thousands and tells whether a message was lost,
 * doubled or reordered. Exit status 0: none was.
 *
 * @module
 */

import { backends, backendsOf, count, json, progressLine, readOptions, seed } from "./options.ts";
import { type ResumeSoakResult, runResumeSoak } from "./resume_soak.ts";

/** Kills on one server before the next one is started: a run then shows a leak, and a failing one is short. */
const KILLS_PER_RUN = 10_000;

const options = readOptions("soak:resume", {
  kills: count(100_000, 1, 100_000_000, "connections to break, over all backends"),
  players: count(160, 2, 2_000, "players on each server; half on the TypeScript client, half on the raw wire"),
  seed: seed(),
  backend: backends(),
  json: json(),
});

function describe(result: ResumeSoakResult): string {
  const { backend, seed, seconds, kills, killCount, connections, resumes, messages, problems } = result;
  const byKind = Object.entries(kills).map(([kind, count]) => `${kind} ${count}`).join(", ");
  const { received, lost, duplicated, outOfOrder, corrupted } = messages;
  return `${backend}, seed ${seed}: ${killCount} kills in ${seconds.toFixed(0)} s (${byKind}), ` +
    `${connections} connections, ${resumes} resumes; ${received} messages heard, ${lost} lost, ` +
    `${duplicated} duplicated, ${outOfOrder} out of order, ${corrupted} corrupted; ${problems.length} problems` +
    problems.map((problem) => `\n  ${problem}`).join("");
}

const names = backendsOf(options.backend);
const progress = progressLine();
const results: ResumeSoakResult[] = [];
let leftKills = options.kills;
for (let run = 0; leftKills > 0; run++) {
  const kills = Math.min(leftKills, KILLS_PER_RUN);
  const result = await runResumeSoak({
    backend: names[run % names.length],
    kills,
    players: options.players,
    seed: (options.seed + run) % 2 ** 31,
    onProgress: ({ kills, resumes, heard, problems }) =>
      progress.show(`run ${run + 1}: ${kills} kills, ${resumes} resumes, ${heard} heard, ${problems} problems`),
  });
  progress.clear();
  console.log(describe(result));
  results.push(result);
  if (options.json !== "") await Deno.writeTextFile(options.json, JSON.stringify(results, null, 2) + "\n");
  leftKills -= kills;
  if (result.problems.length > 0) break;
}
const killCount = results.reduce((sum, { killCount }) => sum + killCount, 0);
const failed = results.some(({ problems }) => problems.length > 0);
console.log(`${failed ? "FAILED" : "passed"}: ${killCount} kills, seed ${options.seed}`);
Deno.exit(failed ? 1 : 0);
