/**
 * The servers that `peer.ts` compares, as processes of their own on free ports.
 *
 * @module
 */

import { freePort } from "../tests/support/free_port.ts";

const REPOSITORY = new URL("..", import.meta.url).pathname;
/** V8's flags, as `deno task serve` has them. */
export const SERVE_V8_FLAGS = "--max-semi-space-size=4,--max-inlined-bytecode-size-cumulative=2400";
/** What glibc reads from the environment, as `deno task serve` has it. */
export const SERVE_ENVIRONMENT = { MALLOC_MMAP_THRESHOLD_: "131072" };
const START_TIMEOUT_MS = 30_000;
const POLL_MS = 20;
/** USER_HZ: what /proc counts processor time in. */
const TICKS_PER_S = 100;
/** More than any row opens: those of the row before may still be closing. */
const MAX_CONNECTIONS = 16_000;

/** How to start one server. */
export interface ContenderPlan {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Where it listens; 0: its `ready` line says. */
  readonly port: number;
}

/** What a process has used so far. */
export interface Usage {
  readonly cpuS: number;
  readonly memoryMb: number;
}

/** How this server is started, with one of its io backends. */
export interface DrawbridgeOptions {
  /** Where its data folder lies. */
  readonly dir: string;
  readonly ioWorkers: number;
  /** `none`: V8 as it is. */
  readonly v8Flags: string;
  /** The checkout whose server it is. Default: this one. */
  readonly root?: string;
  /** Default: off. */
  readonly floodControl?: "on" | "off";
  /** More flags. */
  readonly flags?: readonly string[];
}

/** This server, or that of another checkout. */
export function drawbridgePlan(backend: string, options: DrawbridgeOptions): ContenderPlan {
  const { dir, flags = [], floodControl = "off", ioWorkers, root = REPOSITORY, v8Flags } = options;
  return {
    name: `drawbridge ${backend}`,
    command: Deno.execPath(),
    args: ["run", "--no-prompt"]
      .concat(v8Flags === "none" ? [] : [`--v8-flags=${v8Flags}`])
      .concat(["-A", `${root}/server/main.ts`, "--data-dir", `${dir}/${backend}`, "--io-backend", backend])
      .concat(["--io-workers", String(ioWorkers), "--diagnostics", "on", "--flood-control", floodControl])
      .concat(["--max-connections", String(MAX_CONNECTIONS)])
      .concat(["--gateway-max-connections", String(MAX_CONNECTIONS), "--log-level", "error"])
      .concat(["--login-port", "0", "--game-port", "0", "--gateway-port", "0", "--admin-port", "0"], flags),
    port: 0,
  };
}

/** A built program of the reference peer's, which takes a port and a number of threads. */
export function peerPlan(name: string, path: string, threads: number): ContenderPlan {
  const port = freePort();
  return { name, command: path, args: [String(port), String(threads)], port };
}

interface Ports {
  readonly game: number;
  readonly gateway: number;
  readonly admin: number;
}

/** A running server. */
export class Contender implements AsyncDisposable {
  readonly name: string;
  readonly port: number;
  /** Of this server: where browsers connect, and where operators look; else 0. */
  readonly gatewayPort: number;
  readonly adminPort: number;
  readonly #child: Deno.ChildProcess;

  private constructor(name: string, ports: Ports, child: Deno.ChildProcess) {
    this.name = name;
    this.port = ports.game;
    this.gatewayPort = ports.gateway;
    this.adminPort = ports.admin;
    this.#child = child;
  }

  /** Starts a server and waits until it can be connected to. */
  static async start(plan: ContenderPlan): Promise<Contender> {
    const isOurs = plan.port === 0;
    const child = new Deno.Command(plan.command, {
      args: [...plan.args],
      env: isOurs ? SERVE_ENVIRONMENT : {},
      stdin: "null",
      stdout: isOurs ? "piped" : "null",
      stderr: "inherit",
    }).spawn();
    try {
      const ports = isOurs ? await readPorts(child.stdout) : { game: plan.port, gateway: 0, admin: 0 };
      await waitForPort(ports.game);
      return new Contender(plan.name, ports, child);
    } catch (error) {
      child.kill("SIGKILL");
      await child.status;
      throw new Error(`Cannot start ${plan.name}: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** The process. */
  get pid(): number {
    return this.#child.pid;
  }

  /** What it has used so far. */
  async usage(): Promise<Usage> {
    const stat = await Deno.readTextFile(`/proc/${this.#child.pid}/stat`);
    const status = await Deno.readTextFile(`/proc/${this.#child.pid}/status`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return {
      cpuS: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S,
      memoryMb: Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1_024,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // It has ended by itself.
    }
    await this.#child.status;
  }
}

/** Reads the `ready` line, and the rest of the output so that the server never waits for its reader. */
async function readPorts(stdout: ReadableStream<Uint8Array>): Promise<Ports> {
  const found = Promise.withResolvers<Ports>();
  const timer = setTimeout(() => found.reject(new Error("it was not ready in time")), START_TIMEOUT_MS);
  void (async () => {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of stdout) {
      text = (text + decoder.decode(chunk, { stream: true })).slice(-4_096);
      const ready = /^ready .*\bgame=\S+:(\d+) gateway=\S+:(\d+) admin=\S+:(\d+)/m.exec(text);
      if (ready !== null) found.resolve({ game: +ready[1], gateway: +ready[2], admin: +ready[3] });
    }
    found.reject(new Error("it ended"));
  })();
  try {
    return await found.promise;
  } finally {
    clearTimeout(timer);
  }
}

async function waitForPort(port: number): Promise<void> {
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}
