/**
 * SIGINT and SIGTERM: the first stops in order; a second one ends the wait for what is under way, or where nothing is
 * waited for exits at once. SIGHUP: certificates are read again, unless it says that the terminal is gone.
 *
 * @module
 */

import { STOP_TIMEOUT_MS } from "../../shared/limits.ts";
import { isControllingTerminal, isSignalIgnored } from "../base/libc.ts";
import { printLine } from "./standard_output.ts";

/** Exit status of a process ended by a signal: 128 and its number. */
const EXIT_SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
const SIGHUP_NUMBER = 1;
/** By their descriptors, from 0. */
const STREAMS = [Deno.stdin, Deno.stdout, Deno.stderr] as const;

/** The terminal that the process was started in, if it was. */
export interface StartTerminal {
  /** Whether there was one and it is gone: SIGHUP then means that nobody is there to stop the process any more. */
  isGone(): boolean;
}

/**
 * Looks for a terminal, which is to be done first: later the process may have given up the right to call the C library.
 * Where SIGHUP was ignored at start, as `nohup` and `trap '' HUP` have it, there is none that could go; nor where the
 * terminal is another session's, as that of the process which supervises this one.
 */
export function findStartTerminal(): StartTerminal {
  const own = STREAMS.filter((stream, descriptor) => stream.isTerminal() && isControllingTerminal(descriptor));
  const isWatched = own.length > 0 && !isSignalIgnored(SIGHUP_NUMBER);
  return { isGone: () => isWatched && !own.some((stream) => stream.isTerminal()) };
}

/** How the process stops. */
export interface Stopping {
  /** How long {@linkcode Stopping.drain} may take, in milliseconds. */
  readonly drainMs: number;
  /** Waits until what is under way is over. */
  readonly drain: (signal: string) => Promise<void>;
  /** Ends that wait; false: nothing is waited for. */
  readonly hurry: () => boolean;
  readonly stop: () => Promise<void>;
}

/**
 * Drains and stops at the first signal and exits 0 when it is done, or 1 when that fails, or stopping takes longer than
 * {@linkcode STOP_TIMEOUT_MS}.
 *
 * @returns Does as if a signal had come.
 */
export function onStopSignal(
  terminal: StartTerminal,
  { drain, drainMs, hurry, stop }: Stopping,
): (signal: string) => Promise<void> {
  let stopping = false;
  const stopOnce = async (signal: string) => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => Deno.exit(1), drainMs + STOP_TIMEOUT_MS);
    try {
      await drain(signal);
      setTimeout(() => Deno.exit(1), STOP_TIMEOUT_MS);
      await stop();
      Deno.exit(0);
    } catch (error) {
      printLine(`Cannot stop cleanly: ${error}`, "error");
      Deno.exit(1);
    }
  };
  const listen = (signal: keyof typeof EXIT_SIGNALS) =>
    Deno.addSignalListener(signal, () => {
      if (!stopping) void stopOnce(signal);
      else if (!hurry()) Deno.exit(EXIT_SIGNALS[signal]);
    });
  listen("SIGINT");
  if (Deno.build.os === "windows") return stopOnce;
  listen("SIGTERM");
  // The shell and the kernel may both send it: one more does not mean at once.
  Deno.addSignalListener("SIGHUP", () => terminal.isGone() && void stopOnce("SIGHUP"));
  return stopOnce;
}

/** Calls `reload`, which must not fail, at every SIGHUP that does not come from a terminal that is gone: one after the other. */
export function onReloadSignal(terminal: StartTerminal, reload: () => Promise<void>): void {
  if (Deno.build.os === "windows") return;
  let before = Promise.resolve();
  Deno.addSignalListener("SIGHUP", () => {
    if (!terminal.isGone()) before = before.then(reload);
  });
}
