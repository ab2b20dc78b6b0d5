/** Everything that can be fuzzed in one process, by name. @module */

import type { CheapChance } from "./chance.ts";
import { fuzzConnections } from "./connections.ts";
import { fuzzLogic } from "./logic.ts";
import { PARSERS } from "./parsers.ts";

/** One thing to fuzz. */
export interface FuzzTarget {
  readonly name: string;
  /** What is counted. */
  readonly unit: string;
  /** How much of all inputs of a run of `deno task fuzz` are its. */
  readonly share: number;
  /** Gives it `count` inputs; rejects with what must not happen. */
  run(chance: CheapChance, count: number): unknown;
}

/** The targets: connections get most, as peers reach nothing else directly. */
export const TARGETS: readonly FuzzTarget[] = [
  { name: "Connection", unit: "frames", share: 1, run: fuzzConnections },
  { name: "Logic", unit: "messages", share: 0.02, run: fuzzLogic },
  ...[...PARSERS].map(([name, fuzz]) => ({
    name,
    unit: "inputs",
    share: 0.02,
    run: (chance: CheapChance, count: number) => {
      for (let index = 0; index < count; index++) fuzz(chance);
    },
  })),
];

/** Runs a target; what it throws names the seed that shows it again. */
export async function runTarget(target: FuzzTarget, chance: CheapChance, count: number): Promise<unknown> {
  try {
    return await target.run(chance, count);
  } catch (error) {
    throw new Error(`FUZZ_SEED=${chance.seed}: ${target.name} failed within ${count} ${target.unit}`, { cause: error });
  }
}
