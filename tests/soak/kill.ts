/**
 * `deno task soak:kill`: kills servers at random moments under load and tells whether anything acknowledged was lost, or
 * anything torn. Exit status 0: nothing was.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { choice, integer } from "../../server/config_kinds.ts";
import { IO_BACKENDS } from "../support/server_process.ts";
import { runKillSoak } from "./kill_soak.ts";

const HELP = `Usage: deno task soak:kill [options]

  --kills N        servers to kill, over all backends (1000)
  --companies N    companies of four players each (3)
  --seed N         what the players and the moments are drawn from (random)
  --backend NAME   ${IO_BACKENDS.join(", ")} or both (both)
`;

function fail(message: string): never {
  console.error(`${message}\n\n${HELP}`);
  Deno.exit(64);
}

function readNumber(name: string, text: string, min: number, max: number): number {
  const kind = integer({ min, max });
  return kind.parse(text) ?? fail(`Cannot read --${name}: it is ${text}, allowed is ${kind.expects}`);
}

const text = { type: "string" } as const;
const { values } = parseArgs({
  args: [...Deno.args],
  options: { kills: text, companies: text, seed: text, backend: text, help: { type: "boolean" } },
});
if (values.help) {
  console.log(HELP);
  Deno.exit(0);
}
const kills = readNumber("kills", values.kills ?? "1000", 1, 1_000_000);
const companies = readNumber("companies", values.companies ?? "3", 1, 26);
const seed = readNumber("seed", values.seed ?? String(Math.floor(Math.random() * 2 ** 31)), 0, 2 ** 31 - 1);
const backend = choice([...IO_BACKENDS, "both"]).parse(values.backend ?? "both") ??
  fail(`Cannot read --backend: ${values.backend}`);
const backends = IO_BACKENDS.filter((name) => backend === "both" || backend === name);

let failed = false;
let killCount = 0;
for (const [index, name] of backends.entries()) {
  const startMs = performance.now();
  const share = Math.ceil((kills - killCount) / (backends.length - index));
  const result = await runKillSoak({
    backend: name,
    kills: share,
    companies,
    seed: (seed + index) % 2 ** 31,
    onProgress: ({ kills, deeds }) => {
      if (kills % 10 === 0) console.error(`${name}: ${kills} of ${share} killed, ${deeds} acknowledged`);
    },
  });
  killCount += result.kills;
  console.log(
    `${name}, seed ${seed + index}: ${result.kills} kills (${result.earlyKills} before it was ready) in ` +
      `${((performance.now() - startMs) / 1_000).toFixed(0)} s; ${result.deeds} acknowledged, ` +
      `${result.problems.length} problems` + result.problems.map((problem) => `\n  ${problem}`).join(""),
  );
  if (result.problems.length > 0) failed = true;
}
console.log(`${failed ? "FAILED" : "passed"}: ${killCount} kills, seed ${seed}`);
Deno.exit(failed ? 1 : 0);
