/**
 * One run: starts the threads, sets the phases, gathers what they found.
 *
 * @module
 */

import { LOADTEST_READY_TIMEOUT_MS } from "../limits.ts";
import { createGroupsBuffer } from "./chat_scenario.ts";
import { addressesOf, makePlan, readPlayers, resolveTarget, shareStart } from "./load_setup.ts";
import { LoadError, LoadThread } from "./load_thread.ts";
import { type FinishedRun, makeResult, sumFailures } from "./make_result.ts";
import type { LoadPlan, LoadPlayer, WorkerReport } from "./messages.ts";
import type { LoadOptions } from "./options.ts";
import { preflight } from "./preflight.ts";
import { createPositionsBuffer, serverCountOf } from "./positions.ts";
import type { LoadResult, SeriesPoint, Traffic } from "./result.ts";
import { Sampler } from "./sampler.ts";
import { openProbe } from "./server_probe.ts";
import { Counter, createPhaseBuffer, createWorkerBuffer, Phase, PhaseState, sumCounter } from "./shared_state.ts";

const POLL_MS = 20;
const SAMPLE_MS = 1_000;
/** What threads do at a new phase is done by then, in milliseconds. */
const PHASE_SETTLE_MS = 250;
/** How long players may take to log out, in milliseconds. */
const LEAVE_TIMEOUT_MS = 10_000;
const NO_TRAFFIC: Traffic = { sentPerS: 0, receivedPerS: 0, bytesOutPerS: 0, bytesInPerS: 0 };

/** What a run tells while it lasts. */
export interface LoadHooks {
  /** Once a second. */
  readonly onSample?: (point: SeriesPoint, run: { readonly phaseLeftS: number; readonly errors: number }) => void;
  /** Something the user should know of the run, before it starts. */
  readonly onNote?: (note: string) => void;
  /** Ends the measured time early. */
  readonly signal?: AbortSignal;
}

/**
 * Runs the load.
 *
 * @throws {ConfigError} when an option cannot be used here.
 * @throws {LoadError} when nobody could connect, or a thread failed.
 */
export async function runLoad(asked: LoadOptions, hooks: LoadHooks = {}): Promise<LoadResult> {
  const players = await readPlayers(asked);
  const target = await resolveTarget(asked);
  const probe = await openProbe(asked);
  const { note, options, servers } = await preflight(asked, target, players);
  if (note !== "") hooks.onNote?.(note);
  const run = new Run(makePlan(options, target, await addressesOf(servers)), players, options);
  try {
    const sampler = await Sampler.start({ buffers: run.buffers, phase: run.phase, probe });
    await run.execute(sampler, hooks);
    const reports = await run.reports();
    return makeResult({ run, options, series: sampler.series, reports, source: probe?.source ?? null });
  } finally {
    run.close();
  }
}

/** The threads of a run and what they share. */
class Run implements FinishedRun {
  readonly plan: LoadPlan;
  readonly startedAt = new Date();
  readonly phase: PhaseState;
  readonly buffers: readonly SharedArrayBuffer[];
  readonly #threads: readonly LoadThread[];
  readonly #options: LoadOptions;
  #failed: string | null = null;
  measuredS = 0;
  interrupted = false;
  traffic: Traffic = NO_TRAFFIC;

  constructor(plan: LoadPlan, players: readonly LoadPlayer[], options: LoadOptions) {
    this.plan = plan;
    this.#options = options;
    const phase = createPhaseBuffer();
    this.phase = new PhaseState(phase);
    this.buffers = Array.from({ length: plan.threadCount }, createWorkerBuffer);
    const positions = plan.scenario === "world"
      ? createPositionsBuffer(plan.connectionCount, serverCountOf(plan))
      : null;
    const groups = plan.scenario === "chat" ? createGroupsBuffer(plan.connectionCount) : null;
    this.#threads = this.buffers.map((counters, threadIndex) => {
      const first = shareStart(plan, threadIndex), end = shareStart(plan, threadIndex + 1);
      const task = { plan, threadIndex, first, count: end - first, players: players.slice(first, end) };
      return new LoadThread({ ...task, phase, counters, positions, groups }, (message) => this.#failed ??= message);
    });
  }

  /** Goes through the phases. */
  async execute(sampler: Sampler, hooks: LoadHooks): Promise<void> {
    const { connectionCount, rampS, scenario } = this.plan;
    const wait = (seconds: number, until: () => boolean) => this.#wait(seconds, until, sampler, hooks);
    const aborted = () => hooks.signal?.aborted ?? false;
    const rampMax = rampS + LOADTEST_READY_TIMEOUT_MS / 1_000;
    await wait(rampMax, () => aborted() || this.#all(Counter.RAMPED));
    const readyCount = sumCounter(this.buffers, Counter.READY);
    if (scenario !== "login" && readyCount === 0 && connectionCount > 0 && !aborted()) await this.#giveUp();

    await sampler.sampleEnd();
    const before = this.#trafficSince(NO_TRAFFIC, 1);
    const startUs = this.#nowUs();
    this.phase.setWindow(startUs, startUs + this.#options.duration * 1e6);
    this.phase.phase = Phase.MEASURE;
    await wait(this.#options.duration, aborted);
    this.interrupted = aborted();
    this.measuredS = Math.max(1e-3, (this.#nowUs() - startUs) / 1e6);
    this.traffic = this.#trafficSince(before, this.measuredS);
    await sampler.sampleEnd();

    this.phase.setWindow(startUs, Math.min(this.phase.endUs, this.#nowUs()));
    await this.#settle(Phase.CATCH_UP, Counter.UNSENT, wait);
    await this.#settle(Phase.DRAIN, Counter.OUTSTANDING, wait);
    this.phase.phase = Phase.LEAVE;
    await wait(LEAVE_TIMEOUT_MS / 1_000, () => this.#all(Counter.LEFT));
    this.phase.phase = Phase.STOP;
  }

  /** Waits in a phase until a counter is down to nothing, or `--drain` has passed. */
  async #settle(
    phase: Phase,
    counter: number,
    wait: (seconds: number, until: () => boolean) => Promise<void>,
  ): Promise<void> {
    this.phase.phase = phase;
    const settledMs = performance.now() + PHASE_SETTLE_MS;
    const isDone = () => performance.now() >= settledMs && sumCounter(this.buffers, counter) === 0;
    await wait(Math.max(this.#options.drain, PHASE_SETTLE_MS / 1_000), isDone);
  }

  /** The accounts of all threads, once the phase is over. */
  async reports(): Promise<WorkerReport[]> {
    return await Promise.all(this.#threads.map(({ report }) => report));
  }

  /** Nobody got in: the reasons are all there is to tell. */
  async #giveUp(): Promise<never> {
    this.phase.phase = Phase.STOP;
    const failures = sumFailures(await this.reports());
    const reasons = Object.entries(failures).map(([words, count]) => `${count} x ${words}`).join(", ");
    const { address, entry, gamePort, gatewayPort, loginPort, transport } = this.plan;
    const tcp = entry === "login" ? loginPort : gamePort;
    const ports = { tcp: `${tcp}`, ws: `${gatewayPort}`, both: `${tcp} and ${gatewayPort}` }[transport];
    throw new LoadError(`Cannot load ${address} port ${ports}: ${reasons || "no connection was ready in time"}`);
  }

  /** What all threads have counted since, a second. */
  #trafficSince(before: Traffic, seconds: number): Traffic {
    const rate = (counter: number, since: number) => (sumCounter(this.buffers, counter) - since) / seconds;
    return {
      sentPerS: rate(Counter.SENT, before.sentPerS),
      receivedPerS: rate(Counter.RECEIVED, before.receivedPerS),
      bytesOutPerS: rate(Counter.BYTES_OUT, before.bytesOutPerS),
      bytesInPerS: rate(Counter.BYTES_IN, before.bytesInPerS),
    };
  }

  #all(counter: number): boolean {
    return sumCounter(this.buffers, counter) === this.buffers.length;
  }

  #nowUs(): number {
    return (performance.timeOrigin + performance.now() - this.plan.baseUnixMs) * 1_000;
  }

  /** Waits until the condition holds, or so many seconds; takes a sample every second. */
  async #wait(seconds: number, until: () => boolean, sampler: Sampler, hooks: LoadHooks): Promise<void> {
    const endMs = performance.now() + seconds * 1_000;
    for (;;) {
      if (this.#failed !== null) throw new LoadError(`A thread of the load test failed: ${this.#failed}`);
      const leftMs = endMs - performance.now();
      if (leftMs <= 0 || until()) return;
      await new Promise((resolve) => setTimeout(resolve, Math.min(POLL_MS, leftMs)));
      const sampledS = sampler.series.at(-1)?.t ?? 0;
      if (sampler.elapsedS - sampledS < SAMPLE_MS / 1_000) continue;
      const point = await sampler.sample();
      const errors = sumCounter(this.buffers, Counter.ERRORS);
      hooks.onSample?.(point, { phaseLeftS: Math.max(0, endMs - performance.now()) / 1_000, errors });
    }
  }

  close(): void {
    for (const thread of this.#threads) thread.close();
  }
}
