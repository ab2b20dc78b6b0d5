/**
 * `deno task soak:slow`: many players that read nothing among many that do, and the same without the first, in turn. Exit
 * status 0: the slow ones were closed within their caps, and the others lost nothing.
 *
 * @module
 */

import { SEND_QUEUE_HARD_BYTES_MIN } from "../../shared/limits.ts";
import { alternate, median, medianRatio } from "./alternate.ts";
import { backend, count, json, progressLine, readOptions } from "./options.ts";
import { runSlowSoak, type SlowSoakResult } from "./slow_soak.ts";

const WARM_UP_MESSAGES = 100;

const options = readOptions("soak:slow", {
  honest: count(1_000, 2, 4_000, "players that read"),
  slow: count(1_000, 1, 4_000, "players that do not"),
  "hard-bytes": count(393_216, SEND_QUEUE_HARD_BYTES_MIN, 67_108_864, "the server's --send-queue-hard-bytes"),
  rate: count(10, 0, 10_000, "messages a second that everybody hears; 0: as fast as they are heard"),
  messages: count(300, 1, 1_000_000, "messages measured in each run, at least"),
  rounds: count(2, 1, 100, "runs without the slow ones, and as many with them, in turn"),
  backend: backend(),
  json: json(),
});

function describe(result: SlowSoakResult): string {
  const { honest, slow, slowClosed, messagesUntilClosed, memory, latency, problems } = result;
  const grown = memory.peak - memory.before;
  const perSlow = slow === 0 ? "" : `, ${Math.round(grown / slow)} bytes each slow reader`;
  return `${honest} honest and ${slow} slow players: p50 ${latency.p50.toFixed(1)} ms, ` +
    `p99 ${latency.p99.toFixed(1)} ms; ` +
    `${slowClosed} closed as SLOW_READER within ${messagesUntilClosed} messages; ` +
    `memory ${Math.round(memory.before / 1e6)} MB, grown by ${Math.round(grown / 1e6)} MB${perSlow}` +
    problems.map((problem) => `\n  ${problem}`).join("");
}

const progress = progressLine();
const results = await alternate(options.rounds, async (isBurdened) => {
  const result = await runSlowSoak({
    ...options,
    hardBytes: options["hard-bytes"],
    slow: isBurdened ? options.slow : 0,
    warmUpMessages: WARM_UP_MESSAGES,
    onProgress: (text) => progress.show(text),
  });
  progress.clear();
  console.log(describe(result));
  return result;
});
if (options.json !== "") await Deno.writeTextFile(options.json, JSON.stringify(results, null, 2) + "\n");
const p99 = (result: SlowSoakResult) => result.latency.p99;
console.log(
  `p99 among slow readers: ${medianRatio(results, p99).toFixed(2)} times that without them ` +
    `(medians ${median(results.burdened.map(p99)).toFixed(1)} and ${median(results.without.map(p99)).toFixed(1)} ms)`,
);
const all = [...results.without, ...results.burdened];
Deno.exit(all.some(({ problems }) => problems.length > 0) ? 1 : 0);
