/** Whole servers that share a database, on a simulated network, clock and database; see docs/simulation.md. @module */

import { assert, assertEquals } from "../support/assert.ts";
import { CLUSTER_FAULTS } from "./cluster_faults.ts";
import { ANYTHING, PLANS } from "./cluster_plans.ts";
import { simulateCluster } from "./cluster_simulation.ts";
import { CLUSTER_REGRESSION_SEEDS } from "./regression_seeds.ts";
import type { SimulationResult } from "./simulation.ts";

/** Seeds that every run tries, and such that none has tried before. */
const FIXED_SEEDS = 20;
const FRESH_SEEDS = 300;
/** Of each plan that leaves something out. */
const SEEDS_PER_PLAN = 5;
/** Within so many seeds each planted fault is found. */
const SEEDS_PER_FAULT = 60;

function assertKept({ seed, violation }: SimulationResult, plan = ANYTHING): void {
  const again = `deno task simulate --cluster --plan=${plan.name} --seed=${seed}`;
  assert(violation === null, `Seed ${seed} breaks "${violation?.rule}": ${violation?.text}; ${again}`);
}

Deno.test("simulateCluster() keeps every promise with the same seeds as ever", async () => {
  for (let seed = 1; seed <= FIXED_SEEDS; seed++) assertKept(await simulateCluster(seed));
});

for (const plan of PLANS.filter((each) => each !== ANYTHING)) {
  Deno.test(`simulateCluster() keeps every promise with the plan ${plan.name}`, async () => {
    for (let seed = 1; seed <= SEEDS_PER_PLAN; seed++) assertKept(await simulateCluster(seed, { plan }), plan);
  });
}

for (const { seed, was } of CLUSTER_REGRESSION_SEEDS) {
  Deno.test(`simulateCluster() keeps every promise with seed ${seed}: ${was}`, async () => {
    assertKept(await simulateCluster(seed));
  });
}

Deno.test(`simulateCluster() keeps every promise with ${FRESH_SEEDS} fresh seeds`, async () => {
  const first = crypto.getRandomValues(new Uint32Array(1))[0] >>> 1;
  console.log(`Seeds ${first} to ${first + FRESH_SEEDS - 1}`);
  for (let seed = first; seed < first + FRESH_SEEDS; seed++) assertKept(await simulateCluster(seed));
});

Deno.test("simulateCluster() repeats a seed step by step", async () => {
  const [first, second] = [await simulateCluster(7), await simulateCluster(7)];
  assertEquals([second.hash, second.steps], [first.hash, first.steps]);
  assert(first.steps > 500, `Only ${first.steps} steps`);
});

for (const { name, plan, rules, plant } of CLUSTER_FAULTS) {
  Deno.test(`simulateCluster() finds that ${name}`, async () => {
    using _fault = plant();
    const others = new Set<string>();
    for (let seed = 1; seed <= SEEDS_PER_FAULT; seed++) {
      const { violation } = await simulateCluster(seed, { plan });
      if (violation === null) continue;
      if (rules.includes(violation.rule)) return;
      // What it breaks as well may be seen first.
      others.add(violation.rule);
    }
    assert(false, `${SEEDS_PER_FAULT} seeds have not found it, only others: ${[...others]}`);
  });
}
