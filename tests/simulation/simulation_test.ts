/** The whole of client and server, on a simulated network, clock and disk; see docs/simulation.md. @module */

import { assert, assertEquals } from "../support/assert.ts";
import { PLANTED_FAULTS } from "./planted_faults.ts";
import { REGRESSION_SEEDS } from "./regression_seeds.ts";
import { simulate, type SimulationResult } from "./simulation.ts";

/** Seeds that every run tries, and such that none has tried before. */
const FIXED_SEEDS = 20;
const FRESH_SEEDS = 300;
/** Within so many seeds each planted fault is found. */
const SEEDS_PER_FAULT = 150;

function assertKept({ seed, violation }: SimulationResult): void {
  if (violation === null) return;
  const { rule, step, text } = violation;
  assert(false, `Seed ${seed} breaks "${rule}" at step ${step}: ${text}\n  deno task simulate --seed=${seed}`);
}

Deno.test("simulate() keeps every promise with the same seeds as ever", async () => {
  for (let seed = 1; seed <= FIXED_SEEDS; seed++) assertKept(await simulate(seed));
});

for (const { seed, was } of REGRESSION_SEEDS) {
  Deno.test(`simulate() keeps every promise with seed ${seed}: ${was}`, async () => {
    assertKept(await simulate(seed));
  });
}

Deno.test(`simulate() keeps every promise with ${FRESH_SEEDS} fresh seeds`, async () => {
  const first = crypto.getRandomValues(new Uint32Array(1))[0] >>> 1;
  console.log(`Seeds ${first} to ${first + FRESH_SEEDS - 1}`);
  for (let seed = first; seed < first + FRESH_SEEDS; seed++) assertKept(await simulate(seed));
});

Deno.test("simulate() repeats a seed step by step and byte by byte", async () => {
  for (const seed of [7, 8]) {
    const [first, second] = [await simulate(seed, { keepsLines: true }), await simulate(seed, { keepsLines: true })];
    assertEquals(second.lines, first.lines);
    assertEquals(second.hash, first.hash);
    assert(first.steps > 500, `Only ${first.steps} steps`);
  }
});

Deno.test("simulate() takes another way with another seed", async () => {
  assert((await simulate(9)).hash !== (await simulate(10)).hash, "Two seeds gave the same run");
});

for (const { fullRings, name, rules, plant } of PLANTED_FAULTS) {
  Deno.test(`simulate() finds that ${name}`, async () => {
    using _fault = plant();
    const others = new Set<string>();
    for (let seed = 1; seed <= SEEDS_PER_FAULT; seed++) {
      const { violation } = await simulate(seed, { fullRings });
      if (violation === null) continue;
      if (rules.includes(violation.rule)) return;
      // What it breaks as well may be seen first.
      others.add(violation.rule);
    }
    assert(false, `${SEEDS_PER_FAULT} seeds have not found it, only others: ${[...others]}`);
  });
}
