/**
 * How much memory an idle session costs, and whether a server frees what a storm took:
 * `deno task bench:memory`.
 *
 * Each row starts a server of its own, looks at its resident memory, lets players enter who then do nothing but send
 * heartbeats, and looks again.
 *
 * @module
 */

import { decimal, integer, type Kind, text } from "../server/config/kinds.ts";
import { markdownTable, readFlags, runCommand, someOf } from "./flags.ts";
import { pause, runLoad, runTool, settledMb } from "./load.ts";
import { Contender, drawbridgePlan, SERVE_V8_FLAGS } from "./peer_contenders.ts";

const BYTES_PER_MB = 1_048_576;
/** Until a server that has started is done with starting, in milliseconds. */
const SETTLE_MS = 3_000;
/** Samples of which the lowest counts. */
const SAMPLES = 8;
/** The storm: echoes under way on each of so many connections, and bytes of each. */
const STORM = { connections: 2_000, outstanding: 8, frameBytes: 400 } as const;

/** What is measured. */
export interface MemoryOptions {
  readonly v8Flags: string;
  readonly sessions: number;
  readonly backends: readonly string[];
  readonly transports: readonly string[];
  /** How long the sessions are held, in seconds. */
  readonly hold: number;
  /** Length of the storm, in seconds; 0: none. */
  readonly storm: number;
  /** How long after it, in seconds, memory is looked at. */
  readonly calm: number;
}

const HELP = `How much memory an idle session costs, and whether a server frees what a storm took.

Usage: deno task bench:memory [flags]

  --sessions N        Players in the world who do nothing [10000]
  --backends A,B      Of epoll, deno [epoll,deno]
  --transports A,B    Of tcp, ws [tcp,ws]
  --v8 FLAGS          Flags of V8 for this server, or none [${SERVE_V8_FLAGS}]
  --hold S            How long they are held, in seconds [20]
  --storm S           Then, on a server without players, a storm of echoes of so many seconds [60]; 0: none
  --calm S            Memory is looked at so many seconds after the storm [20]

Exit status: 0 done, 1 a server or the load test failed, 78 the command cannot be used`;

const FLAGS: Readonly<Record<string, Kind<unknown>>> = {
  "--v8": text("flags", "FLAGS", (value) => /^(none|--[a-z0-9,=-]+)$/.test(value) ? value : undefined),
  "--sessions": integer({ min: 1, max: 15_000 }),
  "--backends": someOf(["epoll", "deno"]),
  "--transports": someOf(["tcp", "ws"]),
  "--hold": decimal({ min: 1, max: 3_600 }),
  "--storm": decimal({ min: 0, max: 3_600 }),
  "--calm": decimal({ min: 1, max: 3_600 }),
};

/**
 * Reads the command line.
 *
 * @throws {ConfigError} with every problem.
 */
export function parseMemoryOptions(args: readonly string[]): MemoryOptions {
  const value = readFlags(args, FLAGS);
  return {
    v8Flags: value("--v8", SERVE_V8_FLAGS),
    sessions: value("--sessions", 10_000),
    backends: value("--backends", ["epoll", "deno"]),
    transports: value("--transports", ["tcp", "ws"]),
    hold: value("--hold", 20),
    storm: value("--storm", 60),
    calm: value("--calm", 20),
  };
}

/** What one row found. */
export interface MemoryRow {
  readonly what: string;
  readonly beforeMb: number;
  readonly duringMb: number;
  readonly afterMb: number;
  /** Bytes for each idle session, or, after a storm, what is left of it in per cent of before. */
  readonly verdict: string;
}

async function measureIdle(options: MemoryOptions, backend: string, transport: string, dir: string) {
  const { hold, sessions } = options;
  const tokens = `${dir}/tokens-${backend}`;
  await runTool(
    ["tools/admin.ts", "players", "--count", `${sessions}`, "--data-dir", `${dir}/${backend}`, "--tokens", tokens],
  );
  await using server = await Contender.start(drawbridgePlan(backend, { dir, ioWorkers: 2, v8Flags: options.v8Flags }));
  await pause(SETTLE_MS);
  const beforeMb = await settledMb(server, SAMPLES);
  const { series } = await runLoad(
    server,
    ["idle", "--tokens", tokens, "--connections", `${sessions}`, "--transport", transport, "--duration", `${hold}`],
  );
  const held = series.filter(({ phase }) => phase === "measure").map(({ serverMemoryMb }) => serverMemoryMb ?? NaN);
  const duringMb = Math.min(...held.slice(-SAMPLES));
  const bytes = (duringMb - beforeMb) * BYTES_PER_MB / sessions;
  return {
    what: `${backend}, ${sessions} idle over ${transport}`,
    beforeMb,
    duringMb,
    afterMb: await settledMb(server, SAMPLES),
    verdict: `${(bytes / 1_024).toFixed(1)} KB a session`,
  };
}

async function measureStorm(options: MemoryOptions, backend: string, dir: string): Promise<MemoryRow> {
  await using server = await Contender.start(drawbridgePlan(backend, { dir, ioWorkers: 2, v8Flags: options.v8Flags }));
  await pause(SETTLE_MS);
  const beforeMb = await settledMb(server, SAMPLES);
  const { connections, frameBytes, outstanding } = STORM;
  const { server: found } = await runLoad(
    server,
    ["echo", "--connections", `${connections}`, "--outstanding", `${outstanding}`, "--size", `${frameBytes}`].concat(
      ["--duration", `${options.storm}`],
    ),
  );
  await pause(options.calm * 1_000);
  const afterMb = await settledMb(server, SAMPLES);
  return {
    what: `${backend}, ${options.storm} s of storm`,
    beforeMb,
    duringMb: found?.memoryMbMax ?? NaN,
    afterMb,
    verdict: `${(100 * (afterMb / beforeMb - 1)).toFixed(0)} % above before`,
  };
}

async function run(options: MemoryOptions): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "drawbridge-memory-" });
  try {
    const rows: MemoryRow[] = [];
    const add = async (row: Promise<MemoryRow>) => {
      rows.push(await row);
      console.error(describe(rows.at(-1)!).join(" | "));
    };
    for (const backend of options.backends) {
      for (const transport of options.transports) await add(measureIdle(options, backend, transport, dir));
      if (options.storm > 0) await add(measureStorm(options, backend, dir));
    }
    console.log(markdownTable(["", "before, MB", "during, MB", "after, MB", ""], rows.map(describe), 1));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function describe({ what, beforeMb, duringMb, afterMb, verdict }: MemoryRow): string[] {
  return [what, ...[beforeMb, duringMb, afterMb].map((megabytes) => megabytes.toFixed(1)), verdict];
}

if (import.meta.main) await runCommand(HELP, (args) => run(parseMemoryOptions(args)));
