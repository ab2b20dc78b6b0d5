/**
 * Runs simulations: `deno task simulate` for fresh seeds, `deno task simulate --seed=N` to repeat one; with `--cluster`,
 * of several servers that share a database.
 *
 * @module
 */

import { choice, integer } from "../../server/config/kinds.ts";
import { count as option, readOptions, seed as anySeed, type SoakOption, toggle } from "../soak/options.ts";
import { ANYTHING, PLANS } from "./cluster_plans.ts";
import { simulateCluster } from "./cluster_simulation.ts";
import { simulate } from "./simulation.ts";

const one: SoakOption<number | undefined> = {
  kind: integer({ min: 0, max: 2 ** 32 - 1 }),
  fallback: undefined,
  help: "one seed alone, to see a run again",
};
const values = readOptions("simulate", {
  seed: one,
  from: { ...anySeed(), help: "the first of several seeds" },
  seeds: option(300, 1, 1_000_000_000, "how many seeds"),
  cluster: toggle("three servers on one database instead of one server"),
  plan: {
    kind: choice(PLANS.map(({ name }) => name)),
    fallback: ANYTHING.name,
    help: "what goes wrong with several servers",
  },
  lines: toggle("print every step"),
});

const plan = PLANS.find(({ name }) => name === values.plan)!;
const run = (seed: number) => {
  const options = { keepsLines: values.lines };
  return values.cluster ? simulateCluster(seed, { ...options, plan }) : simulate(seed, options);
};
const task = values.cluster ? `deno task simulate --cluster --plan=${plan.name}` : "deno task simulate";
const first = values.seed ?? values.from;
const count = values.seed === undefined ? values.seeds : 1;
console.log(`Seeds ${first} to ${first + count - 1}`);
const startMs = performance.now();
let failed = 0;
for (let seed = first; seed < first + count; seed++) {
  const { violation, steps, hash, lines } = await run(seed);
  for (const line of lines) console.log(line);
  if (values.seed !== undefined) console.log(`Seed ${seed}: ${steps} steps, hash ${hash}`);
  if (violation === null) continue;
  failed++;
  console.log(`Seed ${seed} breaks "${violation.rule}" at step ${violation.step}: ${violation.text}`);
  console.log(`  ${task} --seed=${seed}`);
}
const seconds = (performance.now() - startMs) / 1_000;
console.log(`${count} seeds, ${failed} broken, ${(count / seconds * 60).toFixed(0)} a minute`);
Deno.exit(failed === 0 ? 0 : 1);
