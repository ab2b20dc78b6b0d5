/**
 * `deno task soak:recovery`: breaks a server with players on it in several ways, and prints how long it takes until that
 * shows, until the server is ready, and until the last player plays again.
 *
 * @module
 */

import { median } from "./alternate.ts";
import { backend, count, readOptions } from "./options.ts";
import { type Recovery, RECOVERY_FAULTS, RecoverySoak } from "./recovery_soak.ts";

const options = readOptions("soak:recovery", {
  players: count(50, 1, 1_000, "players in the world"),
  rounds: count(3, 1, 1_000, "how often each fault is caused"),
  backend: backend(),
});

/** The median and the worst, in seconds. */
function seconds(values: readonly number[]): string {
  if (values.length === 0) return "not seen";
  return `${(median(values) / 1_000).toFixed(2)} s, at most ${(Math.max(...values) / 1_000).toFixed(2)} s`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

for (const [name, fault] of Object.entries(RECOVERY_FAULTS)) {
  const recoveries: Recovery[] = [];
  for (let round = 0; round < options.rounds; round++) {
    await using soak = await RecoverySoak.start(options);
    recoveries.push(await soak.cause(fault));
  }
  console.log(
    `${name}: noticed after ${seconds(recoveries.flatMap(({ noticedMs }) => noticedMs ?? []))}; ` +
      `ready after ${seconds(recoveries.map(({ readyMs }) => readyMs))}; ` +
      `the last player back after ${seconds(recoveries.map(({ playersMs }) => playersMs))}; ` +
      `${sum(recoveries.map(({ brokenCount }) => brokenCount))} connections broke, ` +
      `${sum(recoveries.map(({ anewCount }) => anewCount))} entered anew`,
  );
}
