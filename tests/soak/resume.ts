/**
 * `deno task soak:resume`: breaks connections under traffic by the ten thousands and tells whether a message was lost,
 * doubled or reordered. Exit status 0: none was.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { choice, integer } from "../../server/config_kinds.ts";
import { ProgressLine } from "../../tools/loadtest/progress.ts";
import { IO_BACKENDS } from "../support/server_process.ts";
import { type ResumeSoakResult, runResumeSoak } from "./resume_soak.ts";

const HELP = `Usage: deno task soak:resume [options]

  --kills N        connections to break, over all backends (100000)
  --players N      players on each server; half on the TypeScript client, half on the raw wire (64)
  --seed N         what the faults are drawn from (random)
  --backend NAME   ${IO_BACKENDS.join(", ")} or both (both)
  --json FILE      writes the results there too
`;

/** Kills on one server before the next one is started: a run then shows a leak, and a failing one is short. */
const KILLS_PER_RUN = 10_000;

function fail(message: string): never {
  console.error(`${message}\n\n${HELP}`);
  Deno.exit(64);
}

function readNumber(name: string, text: string, min: number, max: number): number {
  const kind = integer({ min, max });
  return kind.parse(text) ?? fail(`Cannot read --${name}: it is ${text}, allowed is ${kind.expects}`);
}

function readOptions(args: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        kills: text,
        players: text,
        seed: text,
        backend: text,
        json: text,
        help: { type: "boolean" },
      },
    });
    if (values.help) {
      console.log(HELP);
      Deno.exit(0);
    }
    const names = [...IO_BACKENDS, "both"];
    const backend = choice(names).parse(values.backend ?? "both") ?? fail(`Cannot read --backend: ${values.backend}`);
    return {
      kills: readNumber("kills", values.kills ?? "100000", 1, 100_000_000),
      players: readNumber("players", values.players ?? "64", 2, 2_000),
      seed: readNumber("seed", values.seed ?? String(Math.floor(Math.random() * 2 ** 31)), 0, 2 ** 31 - 1),
      backends: IO_BACKENDS.filter((name) => backend === "both" || backend === name),
      json: values.json,
    };
  } catch (error) {
    fail((error as Error).message);
  }
}

function describe(result: ResumeSoakResult): string {
  const { backend, seed, seconds, kills, killCount, connections, resumes, messages, problems } = result;
  const byKind = Object.entries(kills).map(([kind, count]) => `${kind} ${count}`).join(", ");
  const { received, lost, duplicated, outOfOrder, corrupted } = messages;
  return `${backend}, seed ${seed}: ${killCount} kills in ${seconds.toFixed(0)} s (${byKind}), ` +
    `${connections} connections, ${resumes} resumes; ${received} messages heard, ${lost} lost, ` +
    `${duplicated} duplicated, ${outOfOrder} out of order, ${corrupted} corrupted; ${problems.length} problems` +
    problems.map((problem) => `\n  ${problem}`).join("");
}

const { kills, players, seed, backends, json } = readOptions(Deno.args);
const progress = new ProgressLine({
  isTerminal: Deno.stderr.isTerminal(),
  write: (text) => void Deno.stderr.writeSync(new TextEncoder().encode(text)),
  columns: () => Deno.consoleSize().columns,
});
const results: ResumeSoakResult[] = [];
let leftKills = kills;
for (let run = 0; leftKills > 0; run++) {
  const runKills = Math.min(leftKills, KILLS_PER_RUN);
  const result = await runResumeSoak({
    backend: backends[run % backends.length],
    kills: runKills,
    players,
    seed: (seed + run) % 2 ** 31,
    onProgress: ({ kills, resumes, heard, problems }) =>
      progress.show(`run ${run + 1}: ${kills} kills, ${resumes} resumes, ${heard} heard, ${problems} problems`),
  });
  progress.clear();
  console.log(describe(result));
  results.push(result);
  if (json !== undefined) await Deno.writeTextFile(json, JSON.stringify(results, null, 2) + "\n");
  leftKills -= runKills;
  if (result.problems.length > 0) break;
}
const killCount = results.reduce((sum, { killCount }) => sum + killCount, 0);
const failed = results.some(({ problems }) => problems.length > 0);
console.log(`${failed ? "FAILED" : "passed"}: ${killCount} kills, seed ${seed}`);
Deno.exit(failed ? 1 : 0);
