/**
 * Faults that an operator can cause on purpose, with diagnostics on, to see the server recover.
 *
 * @module
 */

import type { Supervisor } from "./supervisor.ts";

/** Causes one fault; gives whether the parameters name something that is there. */
type Drill = (parameters: URLSearchParams) => boolean;

/** The drills of the admin site, by name. */
export function drillsOf(supervisor: Supervisor): ReadonlyMap<string, Drill> {
  return new Map<string, Drill>([
    ["crash-io-worker", (parameters) => supervisor.failIo(indexIn(parameters), { kind: "crash" })],
    ["crash-logic-worker", () => supervisor.failLogic({ kind: "crash" })],
    ["hang-io-worker", (parameters) => {
      const ms = durationIn(parameters);
      return ms > 0 && supervisor.failIo(indexIn(parameters), { kind: "hang", ms });
    }],
    ["hang-logic-worker", (parameters) => {
      const ms = durationIn(parameters);
      return ms > 0 && supervisor.failLogic({ kind: "hang", ms });
    }],
    ["crash-storage-worker", () => supervisor.failStorage({ kind: "crash" })],
    ["hang-storage-worker", (parameters) => {
      const ms = durationIn(parameters);
      return ms > 0 && supervisor.failStorage({ kind: "hang", ms });
    }],
    ["crash-bus-thread", () => supervisor.failBus({ kind: "crash" })],
    ["collect-garbage", () => {
      supervisor.collectGarbage();
      return true;
    }],
  ]);
}

/** The worker that `?index=` names, the first unless told. */
function indexIn(parameters: URLSearchParams): number {
  return Number(parameters.get("index") ?? "0");
}

/** The time that `?ms=` gives, for good unless told; not above 0 when it is none. */
function durationIn(parameters: URLSearchParams): number {
  const text = parameters.get("ms");
  return text === null ? Infinity : Number(text);
}
