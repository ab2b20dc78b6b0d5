/**
 * Runs simulations: `deno task simulate` for fresh seeds, `deno task simulate --seed=N` to repeat one; with `--cluster`,
 * of several servers that share a database.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { simulateCluster } from "./cluster_simulation.ts";
import { simulate } from "./simulation.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "300" },
    from: { type: "string" },
    cluster: { type: "boolean", default: false },
    lines: { type: "boolean", default: false },
  },
});

const [run, task] = values.cluster
  ? [simulateCluster, "deno task simulate --cluster"] as const
  : [simulate, "deno task simulate"] as const;
const first = Number(values.seed ?? values.from ?? crypto.getRandomValues(new Uint32Array(1))[0] >>> 1);
const count = values.seed === undefined ? Number(values.seeds) : 1;
console.log(`Seeds ${first} to ${first + count - 1}`);
const startMs = performance.now();
let failed = 0;
for (let seed = first; seed < first + count; seed++) {
  const { violation, steps, hash, lines } = await run(seed, { keepsLines: values.lines });
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
