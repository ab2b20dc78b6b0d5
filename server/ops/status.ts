/**
 * What the status page shows, as plain JSON.
 *
 * @module
 */

import process from "node:process";
import { VERSION } from "./build_info.ts";
import type { Monitor, MonitorSample, Rates, Totals, WorkerLoad } from "./monitor.ts";

/** What a server says of itself. */
export interface ServerFacts {
  readonly serverId: number;
  readonly serverName: string;
  readonly role: string;
  /** Where it listens, as the `ready` line says: `login` to `0.0.0.0:8080`. */
  readonly addresses: Readonly<Record<string, string>>;
  /** The configuration without its secrets. */
  readonly config: Readonly<Record<string, string | number | boolean>>;
  /** Maintenance that is planned or on: when it begins, Unix time in milliseconds, and what players are told. */
  readonly maintenance: { readonly startsAtMs: number; readonly message: string } | null;
}

/** The answer to `/status.json`. */
export interface StatusReport extends ServerFacts {
  readonly version: string;
  readonly deno: string;
  readonly uptimeMs: number;
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly reasons: readonly string[];
  /** What does not work although players can play. */
  readonly notices: readonly string[];
  readonly memoryBytes: number;
  /** Processor time since start, in milliseconds, of all threads. */
  readonly cpuMs: number;
  readonly rates: Rates;
  readonly totals: Totals;
  readonly workers: readonly WorkerLoad[];
  readonly history: readonly MonitorSample[];
}

/** Puts a report together. */
export function statusReport(
  monitor: Monitor,
  facts: ServerFacts,
  { reasons, notices }: Pick<StatusReport, "reasons" | "notices">,
): StatusReport {
  const cpu = process.cpuUsage();
  return {
    ...facts,
    version: VERSION,
    deno: Deno.version.deno,
    uptimeMs: monitor.uptimeMs,
    ready: reasons.length === 0,
    reasons,
    notices,
    memoryBytes: Deno.memoryUsage().rss,
    cpuMs: (cpu.user + cpu.system) / 1_000,
    rates: monitor.rates(),
    totals: monitor.totals(),
    workers: monitor.loads(),
    history: monitor.history(),
  };
}
