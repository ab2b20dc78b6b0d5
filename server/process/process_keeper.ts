/**
 * `--supervise`: a small parent process that runs the server as its child, and starts it again when a fault has ended
 * it. A worker in an endless loop can be ended by nothing but the end of its process; somebody must start the next one.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import manifest from "../../deno.json" with { type: "json" };
import { ConfigError, EXIT_CONFIG } from "../../shared/errors.ts";
import { KEEPER_PAUSE_MS, KEEPER_PAUSE_MS_MAX, KEEPER_STABLE_MS } from "../../shared/limits.ts";
import type { Logger } from "../ops/logging.ts";
import type { StartTerminal } from "./signals.ts";

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
/** A child that ends with one of these is not started again: it was stopped, or would fail in the same way. */
const FINAL_CODES: readonly number[] = [0, EXIT_CONFIG];

/** A child as its keeper sees it. */
export interface KeptProcess {
  /** Resolves when it has ended, with its exit status. */
  readonly ended: Promise<number>;
  /** Sends it a signal; nothing happens where it has ended. */
  kill(signal: Deno.Signal): void;
}

/** What a keeper needs. */
export interface ProcessKeeperOptions {
  readonly start: () => KeptProcess;
  readonly nowMs: () => number;
  /** Resolves after this many milliseconds, or when `end` does. */
  readonly pause: (ms: number, end: Promise<void>) => Promise<void>;
  readonly log: Pick<Logger, "error" | "info">;
}

/** Keeps one process running. */
export class ProcessKeeper {
  readonly #options: ProcessKeeperOptions;
  readonly #stopAsked = Promise.withResolvers<void>();
  #isStopping = false;
  #child: KeptProcess | null = null;

  constructor(options: ProcessKeeperOptions) {
    this.#options = options;
  }

  /**
   * Starts the process and, after a pause that doubles with every fault, starts it again, until it was told to stop, or
   * ends with 0 or {@linkcode EXIT_CONFIG}.
   *
   * @returns Its last exit status.
   */
  async run(): Promise<number> {
    const { start, nowMs, pause, log } = this.#options;
    let pauseMs = KEEPER_PAUSE_MS;
    for (;;) {
      const startedMs = nowMs();
      this.#child = start();
      const code = await this.#child.ended;
      this.#child = null;
      if (this.#isStopping || FINAL_CODES.includes(code)) return code;
      if (nowMs() - startedMs >= KEEPER_STABLE_MS) pauseMs = KEEPER_PAUSE_MS;
      log.error("The server ended because of a fault and is being restarted", { code, pauseMs });
      await pause(pauseMs, this.#stopAsked.promise);
      if (this.#isStopping) return 0;
      pauseMs = Math.min(2 * pauseMs, KEEPER_PAUSE_MS_MAX);
    }
  }

  /** Passes a signal on; after any but SIGHUP the process is not started again. */
  signal(signal: Deno.Signal): void {
    if (signal !== "SIGHUP") {
      this.#isStopping = true;
      this.#stopAsked.resolve();
    }
    this.#child?.kill(signal);
  }
}

/**
 * Runs the serve task's command with these arguments, and keeps it running.
 *
 * @param args The command line of this process; the child is told not to supervise.
 * @param terminal That of this process.
 * @returns The exit status to end with.
 * @throws {ConfigError} when this process may not start Deno.
 */
export async function keepServer(args: readonly string[], terminal: StartTerminal, log: Logger): Promise<number> {
  const program = Deno.execPath();
  if (Deno.permissions.querySync({ name: "run", command: program }).state !== "granted") {
    throw new ConfigError([
      `Cannot use --supervise without permission to start the server: use deno task supervise, or add --allow-run=${program}`,
    ]);
  }
  for (const name of ["net", "read", "write", "env", "ffi", "sys", "import"] as const) {
    Deno.permissions.revokeSync({ name });
  }
  const keeper = new ProcessKeeper({
    start: () => startChild(program, [...serveArguments(), ...args, "--supervise", "off"]),
    nowMs: () => performance.now(),
    pause,
    log,
  });
  for (const signal of SIGNALS) {
    Deno.addSignalListener(signal, () => keeper.signal(signal === "SIGHUP" && terminal.isGone() ? "SIGTERM" : signal));
  }
  return await keeper.run();
}

/**
 * The arguments of Deno in the serve task, behind its environment, with paths that hold in any working folder.
 *
 * @param config The `deno.json` to run it with; that of the engine unless told.
 */
export function serveArguments(config?: string): string[] {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const [, , run, ...rest] = manifest.tasks.serve.command.split(" ");
  return [run, "--config", config ?? `${root}deno.json`, ...rest.slice(0, -1), `${root}${rest.at(-1)}`];
}

function startChild(program: string, args: readonly string[]): KeptProcess {
  // In a process group of its own: Ctrl+C would reach it directly and again through us, and twice means at once.
  const child = new Deno.Command(program, { args: [...args], stdin: "null", detached: true }).spawn();
  return {
    ended: child.status.then(({ code }) => code),
    kill: (signal) => {
      try {
        child.kill(signal);
      } catch {
        // It has ended in this moment.
      }
    },
  };
}

async function pause(ms: number, end: Promise<void>): Promise<void> {
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(() => over.resolve(), ms);
  await Promise.race([over.promise, end]);
  clearTimeout(timer);
}
