/**
 * Whether this server became more expensive: the processor time and memory of two checkouts under the same load, in
 * pairs, either first in turns: `deno task bench:pairs`. Only the ratios mean something.
 *
 * @module
 */

import { choice, decimal, integer, type Kind } from "../server/config/kinds.ts";
import { ConfigError } from "../shared/errors.ts";
import { markdownTable, path, readFlags, runCommand, someOf } from "./flags.ts";
import { median, pause, runLoad, runTool, settledMb } from "./load.ts";
import { Contender, drawbridgePlan } from "./peer_contenders.ts";

const PLAYERS = 2_000;
/** The loads, as `deno task loadtest` takes them; of `memory`, nothing. */
const LOADS: Readonly<Record<string, readonly string[]>> = {
  rate: ["echo", "--connections", "200", "--rate", "50"],
  closed: ["echo", "--connections", "1000", "--outstanding", "4"],
  world: ["world", "--connections", `${PLAYERS}`, "--rate", "10", "--ramp", "8", "--drain", "1"],
  memory: [],
};
/** Until V8 has compiled what is hot, in seconds. */
const WARM_S = 4;
/** Looks at memory of which the lowest counts. */
const MEMORY_LOOKS = 8;
/** Which of a pair is measured when; the machine's speed drifts, and so each is as early as the other. */
const ORDERS = [["before", "now", "now", "before"], ["now", "before", "before", "now"]] as const;

/** One of the two. */
export type Side = typeof ORDERS[number][number];

/** What is compared. */
export interface PairOptions {
  readonly before: string;
  readonly now: string;
  readonly loads: readonly string[];
  readonly backends: readonly string[];
  readonly floodControl: "on" | "off";
  readonly pairs: number;
  readonly seconds: number;
  readonly idle: number;
}

const HELP = `Compares what the servers of two checkouts need under the same load.

Usage: deno task bench:pairs --before DIR [flags]

  --before DIR        The older checkout
  --now DIR           The newer one [this]
  --loads A,B         Of ${Object.keys(LOADS).join(", ")} [all]:
                      rate: 200 connections, 50 echoes a second each; closed: 1,000 connections, 4 echoes under way;
                      world: 2,000 players who walk; memory: nobody is there
  --backends A,B      Of epoll, deno [epoll,deno]
  --flood-control on|off  [on]
  --pairs N           Pairs of servers, each started anew [5]
  --seconds S         Length of one measurement, of which each server has two [4]
  --idle S            memory: how long after the start it is looked at [60]

Exit status: 0 done, 1 a server or the load test failed, 78 the command cannot be used`;

const FLAGS: Readonly<Record<string, Kind<unknown>>> = {
  "--before": path,
  "--now": path,
  "--loads": someOf(Object.keys(LOADS)),
  "--backends": someOf(["epoll", "deno"]),
  "--flood-control": choice(["on", "off"]),
  "--pairs": integer({ min: 1, max: 100 }),
  "--seconds": decimal({ min: 1, max: 600 }),
  "--idle": decimal({ min: 1, max: 3_600 }),
};

/**
 * Reads the command line.
 *
 * @throws {ConfigError} with every problem.
 */
export function parsePairOptions(args: readonly string[]): PairOptions {
  const value = readFlags(args, FLAGS);
  const before = value("--before", "");
  if (before === "") throw new ConfigError(["--before is missing: the checkout to compare with"]);
  return {
    before,
    now: value("--now", new URL("..", import.meta.url).pathname),
    loads: value("--loads", Object.keys(LOADS)),
    backends: value("--backends", ["epoll", "deno"]),
    floodControl: value("--flood-control", "on"),
    pairs: value("--pairs", 5),
    seconds: value("--seconds", 4),
    idle: value("--idle", 60),
  };
}

/** What one measurement found. */
export interface PairSample {
  /** Processor time of the server for each message that came, in microseconds; in a world each makes many answers. */
  readonly cpuUs: number;
  readonly memoryMb: number;
}

/** The flags that the serve task of a checkout gives V8. */
async function serveV8Flags(root: string): Promise<string> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${root}/deno.json`));
  return /--v8-flags=(\S+)/.exec(tasks.serve.command)?.[1] ?? "none";
}

/** The two servers of a pair, and how each is loaded. */
class Pair implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #servers = new Map<Side, { server: Contender; args: readonly string[] }>();
  readonly #load: string;

  constructor(load: string) {
    this.#load = load;
  }

  async start(side: Side, backend: string, options: PairOptions): Promise<void> {
    const dir = await Deno.makeTempDir({ prefix: `drawbridge-${side}-` });
    this.#stack.defer(() => Deno.remove(dir, { recursive: true }));
    const { floodControl } = options, root = options[side];
    let args = LOADS[this.#load];
    if (this.#load === "world") {
      const tokens = `${dir}/tokens`;
      const players = ["players", "--count", `${PLAYERS}`, "--data-dir", `${dir}/${backend}`, "--tokens", tokens];
      await runTool(["tools/admin.ts", ...players], root);
      args = [...args, "--tokens", tokens];
    }
    const flags = ["--monsters", "off"];
    const v8Flags = await serveV8Flags(root);
    const plan = drawbridgePlan(backend, { dir, ioWorkers: 2, v8Flags, root, floodControl, flags });
    this.#servers.set(side, { server: this.#stack.use(await Contender.start(plan)), args });
  }

  async load(side: Side, seconds: number): Promise<PairSample> {
    const { args, server } = this.#servers.get(side)!;
    const found = await runLoad(server, [...args, "--duration", `${seconds}`]);
    const { cpuMean, memoryMbMax } = found.server!;
    return { cpuUs: cpuMean! / 100 * 1e6 / found.traffic.sentPerS, memoryMb: memoryMbMax! };
  }

  async idle(side: Side): Promise<PairSample> {
    return { cpuUs: NaN, memoryMb: await settledMb(this.#servers.get(side)!.server, MEMORY_LOOKS) };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

async function measurePair(load: string, backend: string, order: readonly Side[], options: PairOptions) {
  const samples: Record<Side, PairSample[]> = { before: [], now: [] };
  await using pair = new Pair(load);
  const sides = order.slice(0, 2);
  for (const side of sides) await pair.start(side, backend, options);
  if (load === "memory") {
    await pause(options.idle * 1_000);
    for (const side of sides) samples[side].push(await pair.idle(side));
  } else {
    for (const side of sides) await pair.load(side, WARM_S);
    for (const side of order) samples[side].push(await pair.load(side, options.seconds));
  }
  return { before: meanOf(samples.before), now: meanOf(samples.now) };
}

function meanOf(samples: readonly PairSample[]): PairSample {
  const mean = (field: keyof PairSample) => samples.reduce((sum, sample) => sum + sample[field], 0) / samples.length;
  return { cpuUs: mean("cpuUs"), memoryMb: mean("memoryMb") };
}

/** The row of one load: medians, the ratio of each pair, and the median of these. */
export function rowOf(name: string, pairs: readonly Readonly<Record<Side, PairSample>>[]): string[] {
  const cells = (field: keyof PairSample, digits: number) => {
    const values = (side: Side) => pairs.map((pair) => pair[side][field]);
    if (pairs.some(({ now }) => Number.isNaN(now[field]))) return ["", "", "", ""];
    const ratios = pairs.map(({ before, now }) => now[field] / before[field]);
    return [
      median(values("before")).toFixed(digits),
      median(values("now")).toFixed(digits),
      ratios.map((ratio) => ratio.toFixed(2)).join(" "),
      median(ratios).toFixed(3),
    ];
  };
  return [name, ...cells("cpuUs", 2), ...cells("memoryMb", 0)];
}

async function run(options: PairOptions): Promise<void> {
  const rows: string[][] = [];
  for (const load of options.loads) {
    for (const backend of options.backends) {
      const pairs: Record<Side, PairSample>[] = [];
      for (let index = 0; index < options.pairs; index++) {
        const order = ORDERS[index % ORDERS.length];
        pairs.push(await measurePair(load, backend, order, options));
        console.error(rowOf(`${load}, ${backend} ${index + 1}/${options.pairs}`, pairs.slice(-1)).join(" | "));
      }
      rows.push(rowOf(`${load}, ${backend}`, pairs));
    }
  }
  const of = (what: string) => [`${what} before`, "now", "ratios", "median"];
  console.log(`Flood control ${options.floodControl}.`);
  console.log(markdownTable(["", ...of("µs a message,"), ...of("MB,")], rows, 1));
}

if (import.meta.main) await runCommand(HELP, (args) => run(parsePairOptions(args)));
