/**
 * The loop of one thread: opens connections along the ramp, lets the scenario send, and follows the phases that the main
 * thread sets.
 *
 * @module
 */

import { LOADTEST_CONNECTING_MAX } from "../limits.ts";
import type { EngineDriver } from "./engine.ts";
import type { LoadContext } from "./load_session.ts";
import { Newcomers } from "./newcomers.ts";
import type { Pacer } from "./pacer.ts";
import { pacerOf, type Scenario } from "./scenario.ts";
import { Counter, Phase } from "./shared_state.ts";

/** How often what takes a look at every session is done, in microseconds. */
const SWEEP_US = 100_000;

/** Runs one scenario. */
export class LoadRunner implements EngineDriver {
  readonly #context: LoadContext;
  readonly #scenario: Scenario;
  readonly #heartbeats: Pacer;
  readonly #newcomers: Newcomers;
  #phase: Phase = Phase.RAMP;
  #sweepUs = 0;

  constructor(context: LoadContext, scenario: Scenario) {
    this.#context = context;
    this.#scenario = scenario;
    this.#heartbeats = pacerOf(context, scenario.heartbeatsPerS);
    this.#newcomers = new Newcomers(context);
  }

  onRound(): number {
    const { phase } = this.#context.phase;
    const nowUs = this.#context.host.nowUs = this.#context.host.engine.nowUs();
    while (this.#phase < phase) this.#enter(this.#phase + 1 as Phase, nowUs);
    if (phase === Phase.STOP) return -1;
    let dueUs = Math.min(this.#heartbeats.takeDue(nowUs, this.#onBeat), this.#newcomers.openDue(nowUs));
    if (phase <= Phase.MEASURE) dueUs = Math.min(dueUs, this.#open(nowUs), this.#scenario.sendDue(nowUs));
    else if (phase === Phase.CATCH_UP) dueUs = Math.min(dueUs, this.#sendLate());
    if (nowUs >= this.#sweepUs) this.#sweep(nowUs);
    return Math.max(0, Math.min(dueUs, this.#sweepUs) - nowUs);
  }

  #enter(phase: Phase, nowUs: number): void {
    this.#phase = phase;
    if (phase === Phase.MEASURE) this.#scenario.startMeasuring(nowUs);
    else if (phase === Phase.CATCH_UP) {
      this.#scenario.endMeasuring(nowUs);
      for (const session of this.#scenario.sessions) session.askLast();
    } else if (phase === Phase.LEAVE) {
      this.#newcomers.close();
      for (const session of this.#scenario.sessions) session.endSilence();
      this.#scenario.leave();
    }
    this.#sweepUs = 0;
  }

  /** Sends what was due in the measured time. */
  #sendLate(): number {
    const { endUs } = this.#context.phase;
    const dueUs = this.#scenario.sendDue(endUs);
    return dueUs < endUs ? dueUs : Infinity;
  }

  #open(nowUs: number): number {
    let dueUs = 0;
    while (dueUs <= nowUs) {
      // The answer to one of those in the making comes first.
      if (this.#openingCount >= LOADTEST_CONNECTING_MAX) return Infinity;
      dueUs = this.#scenario.openDue(nowUs);
    }
    return dueUs;
  }

  get #openingCount(): number {
    const { counters } = this.#context;
    return counters.get(Counter.ATTEMPTED) - counters.get(Counter.READY) - counters.get(Counter.FAILED);
  }

  readonly #onBeat = (index: number, dueUs: number): void => {
    const session = this.#scenario.sessions[index];
    if (session.ready) session.sendHeartbeat(dueUs);
  };

  #sweep(nowUs: number): void {
    this.#sweepUs = nowUs + SWEEP_US;
    const { counters } = this.#context;
    let openCount = 0, silentCount = 0;
    for (const session of this.#scenario.sessions) {
      session.isOpening(nowUs);
      session.checkSilence(nowUs);
      if (!session.isGone) openCount++;
      if (session.isSilent) silentCount++;
    }
    const outstandingCount = this.#scenario.outstandingCount(nowUs) + this.#newcomers.sweep(nowUs);
    counters.set(Counter.OUTSTANDING, outstandingCount + silentCount);
    if (this.#phase === Phase.CATCH_UP) {
      counters.set(Counter.UNSENT, this.#scenario.unsentCount(this.#context.phase.endUs));
    }
    const allOpened = this.#scenario.openDue(-Infinity) === Infinity && this.#openingCount === 0;
    counters.set(Counter.RAMPED, allOpened || !this.#scenario.hasRamp ? 1 : 0);
    if (this.#phase === Phase.LEAVE && openCount === 0) counters.set(Counter.LEFT, 1);
  }
}
