import { assert } from "../support/assert.ts";
import { CheapChance, fuzzSeed } from "./chance.ts";
import { type ConnectionFuzzReport, fuzzConnections } from "./connections.ts";
import type { LogicFuzzReport } from "./logic.ts";
import { runTarget, TARGETS } from "./targets.ts";

/** Inputs of each target in the suite; `deno task fuzz` runs ten times as many, and more. */
const COUNTS: ReadonlyMap<string, number> = new Map([["Connection", 1_000_000], ["Logic", 10_000]]);

for (const target of TARGETS) {
  const count = COUNTS.get(target.name) ?? 3_000;
  Deno.test(`${target.name} holds what it promises on ${count} fuzzed ${target.unit}`, async () => {
    const chance = new CheapChance(fuzzSeed());
    console.log(`FUZZ_SEED=${chance.seed}`);
    const report = await runTarget(target, chance, count);
    // A fuzzer that never gets anywhere finds nothing.
    const told = `FUZZ_SEED=${chance.seed}: ${JSON.stringify(report)}`;
    if (target.name === "Connection") {
      const { forwardedCount, closedCount } = report as ConnectionFuzzReport;
      assert(forwardedCount > count / 5 && closedCount > count / 1_000, told);
    } else if (target.name === "Logic") {
      const { answerCount, refusalCount } = report as LogicFuzzReport;
      assert(answerCount > count / 5 && refusalCount > count / 100, told);
    }
  });
}

Deno.test("fuzzConnections() does the same again from the same seed", () => {
  const [first, second] = [0, 1].map(() => JSON.stringify(fuzzConnections(new CheapChance(7), 5_000)));
  assert(first === second, `${first} and ${second}`);
});
