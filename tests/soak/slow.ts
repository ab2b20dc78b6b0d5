/**
 * `deno task soak:slow`: many players that read nothing among many that do, and the same without the first. Exit status
 * 0: the slow ones were closed within their caps, and the others lost nothing.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { choice, integer } from "../../server/config_kinds.ts";
import { SEND_QUEUE_HARD_BYTES_MIN } from "../../shared/limits.ts";
import { ProgressLine } from "../../tools/loadtest/progress.ts";
import { IO_BACKENDS } from "../support/server_process.ts";
import { runSlowSoak, type SlowSoakResult } from "./slow_soak.ts";

const HELP = `Usage: deno task soak:slow [options]

  --honest N       players that read (1000)
  --slow N         players that do not (1000)
  --hard-bytes N   the server's --send-queue-hard-bytes (393216)
  --rate N         messages a second that everybody hears (10)
  --messages N     messages measured in each run, at least (300)
  --backend NAME   ${IO_BACKENDS.join(" or ")} (${IO_BACKENDS.at(-1)})
  --json FILE      writes both results there too
`;
const WARM_UP_MESSAGES = 100;

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
        honest: text,
        slow: text,
        "hard-bytes": text,
        rate: text,
        messages: text,
        backend: text,
        json: text,
        help: { type: "boolean" },
      },
    });
    if (values.help) {
      console.log(HELP);
      Deno.exit(0);
    }
    const backend = values.backend ?? IO_BACKENDS.at(-1)!;
    return {
      honest: readNumber("honest", values.honest ?? "1000", 2, 4_000),
      slow: readNumber("slow", values.slow ?? "1000", 1, 4_000),
      hardBytes: readNumber("hard-bytes", values["hard-bytes"] ?? "393216", SEND_QUEUE_HARD_BYTES_MIN, 67_108_864),
      rate: readNumber("rate", values.rate ?? "10", 0, 10_000),
      messages: readNumber("messages", values.messages ?? "300", 1, 1_000_000),
      backend: choice(IO_BACKENDS).parse(backend) ?? fail(`Cannot read --backend: ${backend}`),
      json: values.json,
    };
  } catch (error) {
    fail((error as Error).message);
  }
}

function describe(
  { honest, slow, slowClosed, messagesUntilClosed, memory, latency, problems }: SlowSoakResult,
): string {
  const grown = memory.peak - memory.before;
  const perSlow = slow === 0 ? "" : `, ${Math.round(grown / slow)} bytes each slow reader`;
  return `${honest} honest and ${slow} slow players: p50 ${latency.p50.toFixed(1)} ms, p99 ${
    latency.p99.toFixed(1)
  } ms; ` +
    `${slowClosed} closed as SLOW_READER within ${messagesUntilClosed} messages; ` +
    `memory ${Math.round(memory.before / 1e6)} MB, grown by ${Math.round(grown / 1e6)} MB${perSlow}` +
    problems.map((problem) => `\n  ${problem}`).join("");
}

const { json, slow, ...options } = readOptions(Deno.args);
const progress = new ProgressLine({
  isTerminal: Deno.stderr.isTerminal(),
  write: (text) => void Deno.stderr.writeSync(new TextEncoder().encode(text)),
  columns: () => Deno.consoleSize().columns,
});
const results: SlowSoakResult[] = [];
for (const slowCount of [0, slow]) {
  const result = await runSlowSoak({
    ...options,
    slow: slowCount,
    warmUpMessages: WARM_UP_MESSAGES,
    onProgress: (text) => progress.show(text),
  });
  progress.clear();
  console.log(describe(result));
  results.push(result);
}
if (json !== undefined) await Deno.writeTextFile(json, JSON.stringify(results, null, 2) + "\n");
const [without, among] = results;
console.log(`p99 among slow readers: ${(among.latency.p99 / without.latency.p99).toFixed(2)} times that without them`);
Deno.exit(results.some(({ problems }) => problems.length > 0) ? 1 : 0);
