/**
 * `deno task soak:partitions`: cuts the ways between three servers, their database, their bus and their players, in one direction or
 * both, and tells whether a player had two owners, or anything acknowledged was lost. Needs root. Exit status 0: all is
 * well.
 *
 * @module
 */

import { count, json, readOptions, seed } from "./options.ts";
import { allPartitions, runPartitions, somePartitions } from "./partition_soak.ts";

const TIMES_MS = [1_000, 7_000, 60_000];

const options = readOptions("soak:partitions", {
  partitions: count(0, 0, 1_000, "how many of all there are, by chance; 0: all"),
  first: count(0, 0, 1_000, "runs them in their order, from this one, in place of chance; 0: by chance"),
  players: count(12, 1, 200, "players who go from server to server"),
  seed: seed(),
  json: json(),
});

const all = allPartitions(TIMES_MS), wanted = options.partitions === 0 ? all.length : options.partitions;
const from = Math.max(options.first - 1, 0);
const partitions = options.first > 0 || wanted >= all.length
  ? all.slice(from, from + wanted)
  : somePartitions(wanted, TIMES_MS, options.seed);
const result = await runPartitions({
  partitions,
  players: options.players,
  seed: options.seed,
  onPartition: ({ ways, forMs }, index) => {
    const text = ways.map(({ from, host, way }) => `${host} ${way} ${from}`).join(", ");
    console.log(`${index + 1} of ${partitions.length}: ${text}, ${forMs / 1_000} s`);
  },
});
if (options.json !== "") await Deno.writeTextFile(options.json, JSON.stringify(result));
for (const problem of result.problems) console.log(`  ${problem}`);
const { deeds, problems, samples } = result;
const done = deeds.filter(({ outcome }) => outcome === "done").length;
console.log(
  `${
    problems.length > 0 ? "FAILED" : "passed"
  }: ${partitions.length} partitions, ${done} of ${deeds.length} deeds done, ` +
    `${samples.length} looks at owners, ${problems.length} problems, seed ${options.seed}`,
);
Deno.exit(problems.length > 0 ? 1 : 0);
