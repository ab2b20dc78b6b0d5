/**
 * Fuzzes for as long as wanted: `deno task fuzz --frames 10000000 --seed 7`, or `--seconds 3600` instead of frames, and
 * `--only Connection` for one target. A failure prints the seed that shows it again. Exit status 1 for a failure.
 *
 * @module
 */

import { choice } from "../../server/config/kinds.ts";
import { count as option, readOptions, seed as anySeed } from "../soak/options.ts";
import { CheapChance } from "./chance.ts";
import { runTarget, TARGETS } from "./targets.ts";

/** Inputs that share a seed: a failure is replayed by so few. */
const ROUND_FRAMES = 100_000;

async function main(): Promise<void> {
  const values = readOptions("fuzz", {
    frames: option(10_000_000, 1, 1e12, "frames altogether"),
    seconds: option(0, 0, 1e9, "how long to go on, instead of a number of frames; 0: count frames"),
    seed: anySeed(),
    only: { kind: choice([...TARGETS.map(({ name }) => name), "all"]), fallback: "all", help: "what to fuzz" },
  });
  const frames = values.seconds === 0 ? values.frames : Infinity;
  const untilMs = performance.now() + (values.seconds === 0 ? Infinity : values.seconds * 1_000);
  let { seed } = values;
  const targets = TARGETS.filter(({ name }) => values.only === "all" || name === values.only);
  const counts = new Map<string, number>();
  for (let done = 0; done < frames && performance.now() < untilMs; done += ROUND_FRAMES, seed++) {
    for (const target of targets) {
      const count = Math.ceil(Math.min(ROUND_FRAMES, frames - done) * target.share);
      await runTarget(target, new CheapChance(seed), count);
      counts.set(target.name, (counts.get(target.name) ?? 0) + count);
    }
    const { heapUsed, rss } = Deno.memoryUsage();
    const memory = `heap ${(heapUsed / 1e6).toFixed(0)} MB, process ${(rss / 1e6).toFixed(0)} MB`;
    console.log(`seed ${seed}: ${[...counts].map(([name, count]) => `${name} ${count}`).join(", ")}; ${memory}`);
  }
}

await main();
