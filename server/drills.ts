/**
 * Faults that an operator can cause on purpose, with diagnostics on, to see the server recover.
 *
 * @module
 */

import type { Supervisor } from "./supervisor.ts";

/** The drills of the admin site, by name. */
export function drillsOf(supervisor: Supervisor): ReadonlyMap<string, (parameters: URLSearchParams) => boolean> {
  return new Map<string, (parameters: URLSearchParams) => boolean>([
    ["crash-io-worker", (parameters) => supervisor.crashIo(Number(parameters.get("index") ?? "0"))],
    ["crash-logic-worker", () => supervisor.failLogic("crash")],
    ["collect-garbage", () => {
      supervisor.collectGarbage();
      return true;
    }],
    ["hang-logic-worker", () => supervisor.failLogic("hang")],
  ]);
}
