/**
 * What the server under load needs: from its admin site, or from /proc.
 *
 * @module
 */

import { ConfigError } from "../../shared/errors.ts";

const FETCH_TIMEOUT_MS = 2_000;
const BYTES_PER_MB = 1_048_576;
/** USER_HZ: what /proc counts processor time in, on every Linux that Deno runs on. */
const TICKS_PER_S = 100;

/** One look at the server. */
export interface ServerSample {
  /** Processor time since its start, in milliseconds, of all threads. */
  readonly cpuMs: number;
  readonly memoryMb: number;
  /** Of the last second, in milliseconds; null where it is not told. */
  readonly tickMsP95: number | null;
}

/** Where samples come from. */
export interface ServerProbe {
  /** For people. */
  readonly source: string;
  /** Rejects when the server cannot be looked at. */
  sample(): Promise<ServerSample>;
}

/** Asks the admin site. */
export class AdminProbe implements ServerProbe {
  readonly source: string;
  readonly #url: string;
  readonly #headers: Record<string, string>;

  constructor(url: string, token: string) {
    this.source = url;
    this.#url = new URL("/status.json", url).href;
    this.#headers = token === "" ? {} : { authorization: `Bearer ${token}` };
  }

  async sample(): Promise<ServerSample> {
    const response = await fetch(this.#url, { headers: this.#headers, signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
    const body = await response.text();
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    const status = JSON.parse(body) as {
      cpuMs: number;
      memoryBytes: number;
      rates?: { tickMsP95?: number };
    };
    if (typeof status.cpuMs !== "number" || typeof status.memoryBytes !== "number") {
      throw new Error("it tells no processor time");
    }
    return {
      cpuMs: status.cpuMs,
      memoryMb: status.memoryBytes / BYTES_PER_MB,
      tickMsP95: status.rates?.tickMsP95 ?? null,
    };
  }
}

/** Reads /proc. */
export class ProcessProbe implements ServerProbe {
  readonly source: string;
  readonly #pid: number;

  constructor(pid: number) {
    this.source = `process ${pid}`;
    this.#pid = pid;
  }

  async sample(): Promise<ServerSample> {
    const [stat, status] = await Promise.all([
      Deno.readTextFile(`/proc/${this.#pid}/stat`),
      Deno.readTextFile(`/proc/${this.#pid}/status`),
    ]);
    // The name, in parentheses, may hold anything; utime and stime are the 14th and 15th field.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const memoryKb = Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0);
    return {
      cpuMs: (Number(fields[11]) + Number(fields[12])) * 1_000 / TICKS_PER_S,
      memoryMb: memoryKb / 1_024,
      tickMsP95: null,
    };
  }
}

/**
 * The probe that the options ask for, if any, once it has been tried.
 *
 * @throws {ConfigError} when it tells nothing.
 */
export async function openProbe(
  options: { readonly admin: string; readonly adminToken: string; readonly pid: number },
): Promise<ServerProbe | null> {
  if (options.admin === "" && options.pid === 0) return null;
  const probe = options.admin !== ""
    ? new AdminProbe(options.admin, options.adminToken)
    : new ProcessProbe(options.pid);
  try {
    await probe.sample();
    return probe;
  } catch (error) {
    const flag = options.admin !== "" ? `--admin ${options.admin}` : `--pid ${options.pid}`;
    throw new ConfigError([`Cannot use ${flag}: ${error instanceof Error ? error.message : error}`]);
  }
}
