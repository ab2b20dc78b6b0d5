/**
 * SIGINT and SIGTERM: the first stops in order, a second one exits at once. SIGHUP: certificates are read again.
 *
 * @module
 */

import { STOP_TIMEOUT_MS } from "../shared/limits.ts";

/** Exit status of a process ended by a signal: 128 and its number. */
const EXIT_SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Calls `stop` at the first signal and exits 0 when it is done, or 1 when it fails or takes longer than
 * {@linkcode STOP_TIMEOUT_MS}.
 */
export function onStopSignal(stop: (signal: string) => Promise<void>): void {
  let stopping = false;
  const onSignal = async (signal: "SIGINT" | "SIGTERM") => {
    if (stopping) Deno.exit(EXIT_SIGNALS[signal]);
    stopping = true;
    setTimeout(() => Deno.exit(1), STOP_TIMEOUT_MS);
    try {
      await stop(signal);
      Deno.exit(0);
    } catch (error) {
      console.error(`Cannot stop in order: ${error}`);
      Deno.exit(1);
    }
  };
  Deno.addSignalListener("SIGINT", () => void onSignal("SIGINT"));
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", () => void onSignal("SIGTERM"));
}

/** Calls `reload` at every SIGHUP. */
export function onReloadSignal(reload: () => Promise<void>): void {
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGHUP", () => void reload());
}
