/**
 * Looks at a run once a second: what the threads have counted since the last look, and what the server needs.
 *
 * @module
 */

import process from "node:process";
import { LatencyHistogram } from "./histogram.ts";
import type { SeriesPoint } from "./result.ts";
import type { ServerProbe, ServerSample } from "./server_probe.ts";
import { Counter, PHASE_NAMES, type PhaseState, readLatencies, sumCounter } from "./shared_state.ts";

/** A look so soon after the last one, in seconds, would tell of chance. */
const INTERVAL_S_MIN = 0.25;

interface Look {
  readonly atMs: number;
  readonly sent: number;
  readonly received: number;
  readonly bytesOut: number;
  readonly bytesIn: number;
  readonly errors: number;
  readonly generatorCpuMs: number;
  readonly latencies: Float64Array;
  readonly server: ServerSample | null;
}

/** The series of a run. */
export class Sampler {
  readonly series: SeriesPoint[] = [];
  readonly #buffers: readonly SharedArrayBuffer[];
  readonly #phase: PhaseState;
  readonly #probe: ServerProbe | null;
  readonly #startMs: number;
  #last: Look;

  private constructor(
    parts: { buffers: readonly SharedArrayBuffer[]; phase: PhaseState; probe: ServerProbe | null },
    first: { startMs: number; server: ServerSample | null },
  ) {
    this.#buffers = parts.buffers;
    this.#phase = parts.phase;
    this.#probe = parts.probe;
    this.#startMs = first.startMs;
    this.#last = this.#look(first.server);
  }

  /** Takes the first look. */
  static async start(
    parts: { buffers: readonly SharedArrayBuffer[]; phase: PhaseState; probe: ServerProbe | null },
  ): Promise<Sampler> {
    const startMs = performance.now();
    return new Sampler(parts, { startMs, server: await askServer(parts.probe) });
  }

  /** Seconds since the first look. */
  get elapsedS(): number {
    return (performance.now() - this.#startMs) / 1_000;
  }

  /** Takes a look at the end of a phase, unless there was one just now. */
  async sampleEnd(): Promise<void> {
    if (performance.now() - this.#last.atMs >= INTERVAL_S_MIN * 1_000) await this.sample();
  }

  /** Takes a look and adds a point. */
  async sample(): Promise<SeriesPoint> {
    const phase = PHASE_NAMES[this.#phase.phase];
    const before = this.#last;
    const now = this.#look(await askServer(this.#probe));
    this.#last = now;
    const seconds = Math.max(1e-3, (now.atMs - before.atMs) / 1_000);
    const histogram = new LatencyHistogram();
    histogram.add(now.latencies.map((count, bucket) => count - before.latencies[bucket]));
    const latency = histogram.summary();
    const point: SeriesPoint = {
      t: (now.atMs - this.#startMs) / 1_000,
      phase,
      open: sumCounter(this.#buffers, Counter.OPEN),
      sentPerS: (now.sent - before.sent) / seconds,
      receivedPerS: (now.received - before.received) / seconds,
      bytesOutPerS: (now.bytesOut - before.bytesOut) / seconds,
      bytesInPerS: (now.bytesIn - before.bytesIn) / seconds,
      errorsPerS: (now.errors - before.errors) / seconds,
      p50: latency?.p50 ?? null,
      p95: latency?.p95 ?? null,
      p99: latency?.p99 ?? null,
      max: latency?.max ?? null,
      serverCpu: now.server !== null && before.server !== null
        ? (now.server.cpuMs - before.server.cpuMs) / seconds / 10
        : null,
      serverMemoryMb: now.server?.memoryMb ?? null,
      serverTickMsP95: now.server?.tickMsP95 ?? null,
      generatorCpu: (now.generatorCpuMs - before.generatorCpuMs) / seconds / 10,
    };
    this.series.push(point);
    return point;
  }

  #look(server: ServerSample | null): Look {
    const cpu = process.cpuUsage();
    return {
      atMs: performance.now(),
      sent: sumCounter(this.#buffers, Counter.SENT),
      received: sumCounter(this.#buffers, Counter.RECEIVED),
      bytesOut: sumCounter(this.#buffers, Counter.BYTES_OUT),
      bytesIn: sumCounter(this.#buffers, Counter.BYTES_IN),
      errors: sumCounter(this.#buffers, Counter.ERRORS),
      generatorCpuMs: (cpu.user + cpu.system) / 1_000,
      latencies: readLatencies(this.#buffers, "main", -1),
      server,
    };
  }
}

/** A server too busy to answer only leaves a gap in the chart. */
async function askServer(probe: ServerProbe | null): Promise<ServerSample | null> {
  try {
    return await probe?.sample() ?? null;
  } catch {
    return null;
  }
}
