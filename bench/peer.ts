/**
 * Compares this server with the brief's architecture in C++ and with the limit that the kernel sets, in one run on one
 * machine: `deno task bench:peer`. Only the ratios mean something.
 *
 * The reference peer's load generator makes the load, so that no server is measured by its own yardstick. For each row
 * the servers take turns, several times over, each time in another order; the medians are compared.
 *
 * @module
 */

import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { decimal, integer, type Kind, text } from "../server/config/kinds.ts";
import { ConfigError } from "../shared/errors.ts";
import { markdownTable, path, readFlags, runCommand, someOf } from "./flags.ts";
import { median } from "./load.ts";
import { Contender, type ContenderPlan, drawbridgePlan, peerPlan, SERVE_V8_FLAGS } from "./peer_contenders.ts";

const REPOSITORY = dirname(dirname(fileURLToPath(import.meta.url)));
const PROGRAMS = ["peer_server", "echoload", "limit"] as const;
/** The name of the C++ architecture and of the limit in the tables. */
const PEER = "C++ peer";
const LIMIT = "kernel limit";
/** When in a row memory is looked at, of its length: everyone is connected. */
const MEMORY_AT = 0.6;

/** One load. */
export interface Row {
  readonly name: string;
  readonly connections: number;
  /** Messages under way on each connection. */
  readonly outstanding: number;
  /** Messages of each connection, a second; 0: a closed loop. */
  readonly ratePerS: number;
}

/** The rows. */
export const ROWS: readonly Row[] = [
  { name: "100x8", connections: 100, outstanding: 8, ratePerS: 0 },
  { name: "100x1", connections: 100, outstanding: 1, ratePerS: 0 },
  { name: "1000x4", connections: 1_000, outstanding: 4, ratePerS: 0 },
  { name: "5000x1", connections: 5_000, outstanding: 1, ratePerS: 0 },
  { name: "5000@10", connections: 5_000, outstanding: 1, ratePerS: 10 },
];
const FRAME_BYTES = 100;

/** What one measurement found. */
export interface Sample {
  readonly echoedPerS: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly errors: number;
  /** Processor time of the server for each echo, in microseconds. */
  readonly cpuUsPerEcho: number;
  readonly memoryMb: number;
}

/** What is compared. */
export interface PeerOptions {
  readonly v8Flags: string;
  readonly peer: string;
  /** Empty: built from {@linkcode PeerOptions.peer}. */
  readonly built: string;
  readonly rows: readonly Row[];
  readonly backends: readonly string[];
  readonly seconds: number;
  readonly alternations: number;
  readonly ioWorkers: number;
  readonly limitThreads: number;
  readonly json: string;
}

const HELP = `Compares this server with the reference peer in C++ and with the limit of the kernel.

Usage: deno task bench:peer [flags]

  --peer DIR          Sources of the reference peer, with build.sh [../shared/peer beside the repository]
  --built DIR         Its programs ${PROGRAMS.join(", ")}, built already [built into a temporary folder]
  --rows A,B          Of ${ROWS.map(({ name }) => name).join(", ")} [all]:
                      connections x messages under way, or @ messages a second of each
  --backends A,B      Of epoll, deno [epoll,deno]
  --io-workers N      Io workers of this server, threads of the peer [2]
  --limit-threads N   Threads of the limit [1]
  --v8 FLAGS          Flags of V8 for this server, or none [${SERVE_V8_FLAGS}]
  --seconds S         Length of one measurement [5]
  --alternations N    Measurements of each server in each row [5]
  --json FILE         Write all samples

Exit status: 0 done, 1 a server or the load generator failed, 78 the command cannot be used`;

const FLAGS: Readonly<Record<string, Kind<unknown>>> = {
  "--v8": text("flags", "FLAGS", (value) => /^(none|--[a-z0-9,=-]+)$/.test(value) ? value : undefined),
  "--peer": path,
  "--built": path,
  "--rows": someOf(ROWS.map(({ name }) => name)),
  "--backends": someOf(["epoll", "deno"]),
  "--io-workers": integer({ min: 1, max: 64 }),
  "--limit-threads": integer({ min: 1, max: 64 }),
  "--seconds": decimal({ min: 0.5, max: 600 }),
  "--alternations": integer({ min: 1, max: 100 }),
  "--json": path,
};

/**
 * Reads the command line.
 *
 * @throws {ConfigError} with every problem.
 */
export function parsePeerOptions(args: readonly string[]): PeerOptions {
  const value = readFlags(args, FLAGS);
  const rows = value<readonly string[]>("--rows", ROWS.map(({ name }) => name));
  return {
    v8Flags: value("--v8", SERVE_V8_FLAGS),
    peer: value("--peer", resolve(REPOSITORY, "../shared/peer")),
    built: value("--built", ""),
    rows: ROWS.filter(({ name }) => rows.includes(name)),
    backends: value("--backends", ["epoll", "deno"]),
    seconds: value("--seconds", 5),
    alternations: value("--alternations", 5),
    ioWorkers: value("--io-workers", 2),
    limitThreads: value("--limit-threads", 1),
    json: value("--json", ""),
  };
}

/**
 * Reads the line that the load generator prints.
 *
 * @throws {Error} when it is none.
 */
export function parseEchoload(line: string): Omit<Sample, "cpuUsPerEcho" | "memoryMb"> {
  const number = (name: string): number => {
    const found = new RegExp(`(?:^|\\s)${name}=(-?[\\d.]+(?:e[+-]?\\d+)?)`).exec(line)?.[1];
    if (found === undefined) throw new Error(`The load generator said: ${line.trim() || "nothing"}`);
    return Number(found);
  };
  return {
    echoedPerS: number("echoed"),
    meanMs: number("mean"),
    p50Ms: number("p50"),
    p95Ms: number("p95"),
    p99Ms: number("p99"),
    maxMs: number("max"),
    errors: number("errors") + number("bad"),
  };
}

/** The median of one field. */
export function medianOf(samples: readonly Sample[], field: keyof Sample): number {
  return median(samples.map((sample) => sample[field]));
}

async function measure(contender: Contender, row: Row, echoload: string, seconds: number): Promise<Sample> {
  const before = await contender.usage();
  const args = [contender.port, row.connections, FRAME_BYTES, row.outstanding, row.ratePerS, seconds].map(String);
  const child = new Deno.Command(echoload, { args, stdin: "null", stdout: "piped", stderr: "inherit" }).spawn();
  let memoryMb = 0;
  const timer = setTimeout(() => {
    void contender.usage().then((usage) => memoryMb = usage.memoryMb);
  }, seconds * 1_000 * MEMORY_AT);
  const { stdout } = await child.output();
  clearTimeout(timer);
  const after = await contender.usage();
  const sample = parseEchoload(new TextDecoder().decode(stdout));
  const echoes = Math.max(1, sample.echoedPerS * seconds);
  return { ...sample, cpuUsPerEcho: (after.cpuS - before.cpuS) * 1e6 / echoes, memoryMb };
}

/** Samples by row and contender. */
export type Samples = ReadonlyMap<string, ReadonlyMap<string, readonly Sample[]>>;

async function measureAll(contenders: readonly Contender[], options: PeerOptions, echoload: string): Promise<Samples> {
  const samples = new Map<string, Map<string, Sample[]>>();
  for (const row of options.rows) {
    const ofRow = new Map(contenders.map(({ name }): [string, Sample[]] => [name, []]));
    samples.set(row.name, ofRow);
    for (let round = 0; round < options.alternations; round++) {
      for (let turn = 0; turn < contenders.length; turn++) {
        const contender = contenders[(turn + round) % contenders.length];
        const sample = await measure(contender, row, echoload, options.seconds);
        ofRow.get(contender.name)!.push(sample);
        console.error(`${row.name} ${round + 1}/${options.alternations} ${contender.name}: ${describe(row, sample)}`);
      }
    }
  }
  return samples;
}

function describe(row: Row, sample: Sample): string {
  const errors = sample.errors > 0 ? `, ${sample.errors} errors` : "";
  const latency = `mean ${sample.meanMs.toFixed(2)} ms, p99 ${sample.p99Ms.toFixed(1)} ms`;
  return row.ratePerS > 0 ? `${latency}${errors}` : `${thousands(sample.echoedPerS)}/s, ${latency}${errors}`;
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** The medians of one server in one row, and how they compare. */
export interface Comparison {
  readonly row: string;
  readonly contender: string;
  readonly median: Sample;
  /** Above 1: better than the C++ peer, and than the limit: in throughput, or in mean latency in an open loop. */
  readonly againstPeer: number | null;
  readonly againstLimit: number | null;
}

/** Compares medians. */
export function compare(samples: Samples, rows: readonly Row[]): Comparison[] {
  return rows.flatMap((row) => {
    const ofRow = samples.get(row.name)!;
    const merit = (name: string): number | null => {
      const found = ofRow.get(name);
      if (found === undefined || found.length === 0) return null;
      return row.ratePerS > 0 ? 1 / medianOf(found, "meanMs") : medianOf(found, "echoedPerS");
    };
    const ratio = (name: string, to: string) => {
      const own = merit(name), other = merit(to);
      return own === null || other === null ? null : own / other;
    };
    return [...ofRow].map(([contender, found]) => ({
      row: row.name,
      contender,
      median: medianSample(found),
      againstPeer: ratio(contender, PEER),
      againstLimit: ratio(contender, LIMIT),
    }));
  });
}

function medianSample(samples: readonly Sample[]): Sample {
  return {
    echoedPerS: medianOf(samples, "echoedPerS"),
    meanMs: medianOf(samples, "meanMs"),
    p50Ms: medianOf(samples, "p50Ms"),
    p95Ms: medianOf(samples, "p95Ms"),
    p99Ms: medianOf(samples, "p99Ms"),
    maxMs: medianOf(samples, "maxMs"),
    errors: samples.reduce((sum, { errors }) => sum + errors, 0),
    cpuUsPerEcho: medianOf(samples, "cpuUsPerEcho"),
    memoryMb: medianOf(samples, "memoryMb"),
  };
}

/** The comparison as a Markdown table. */
export function comparisonTable(comparisons: readonly Comparison[]): string {
  const head = ["row", "server", "echoes/s", "mean ms", "p99 ms", "CPU µs/echo", "MB", "to peer", "to limit", "errors"];
  const ratio = (value: number | null) => value === null ? "" : `${value.toFixed(2)}x`;
  const rows = comparisons.map(({ againstLimit, againstPeer, contender, median, row }) => [
    row,
    contender,
    thousands(median.echoedPerS),
    median.meanMs.toFixed(2),
    median.p99Ms.toFixed(1),
    median.cpuUsPerEcho.toFixed(1),
    median.memoryMb.toFixed(0),
    ratio(againstPeer),
    ratio(againstLimit),
    String(median.errors),
  ]);
  return markdownTable(head, rows, 2);
}

/** The folder of the programs: the one given, or one they are built into. */
async function findPrograms(options: PeerOptions, dir: string): Promise<string> {
  const built = options.built !== "" ? options.built : await build(options.peer, `${dir}/built`);
  for (const program of PROGRAMS) {
    try {
      await Deno.stat(`${built}/${program}`);
    } catch {
      throw new ConfigError([`Cannot use ${built}: it has no ${program}`]);
    }
  }
  return built;
}

async function build(peer: string, target: string): Promise<string> {
  try {
    await Deno.stat(`${peer}/build.sh`);
  } catch {
    throw new ConfigError([`Cannot use --peer ${peer}: it has no build.sh`]);
  }
  console.error(`Building ${peer}`);
  const { success } = await new Deno.Command("bash", {
    args: [`${peer}/build.sh`, target],
    stdout: "null",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("Cannot build the reference peer: it needs g++, protoc, libprotobuf-dev, libboost-dev");
  return target;
}

async function run(options: PeerOptions): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "drawbridge-peer-" });
  try {
    const built = await findPrograms(options, dir);
    const plans: ContenderPlan[] = [
      ...options.backends.map((backend) => drawbridgePlan(backend, { ...options, dir })),
      peerPlan(PEER, `${built}/peer_server`, options.ioWorkers),
      peerPlan(LIMIT, `${built}/limit`, options.limitThreads),
    ];
    await using stack = new AsyncDisposableStack();
    const contenders: Contender[] = [];
    for (const plan of plans) contenders.push(stack.use(await Contender.start(plan)));
    const samples = await measureAll(contenders, options, `${built}/echoload`);
    const comparisons = compare(samples, options.rows);
    console.log(comparisonTable(comparisons));
    if (options.json !== "") {
      await Deno.writeTextFile(options.json, `${JSON.stringify(report(options, samples), null, 2)}\n`);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function report(options: PeerOptions, samples: Samples) {
  return {
    schema: 1,
    startedAt: new Date().toISOString(),
    environment: { deno: Deno.version.deno, cores: navigator.hardwareConcurrency, target: Deno.build.target },
    seconds: options.seconds,
    alternations: options.alternations,
    ioWorkers: options.ioWorkers,
    limitThreads: options.limitThreads,
    frameBytes: FRAME_BYTES,
    rows: options.rows,
    comparisons: compare(samples, options.rows),
    samples: Object.fromEntries([...samples].map(([row, ofRow]) => [row, Object.fromEntries(ofRow)])),
  };
}

if (import.meta.main) await runCommand(HELP, (args) => run(parsePeerOptions(args)));
