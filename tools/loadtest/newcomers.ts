/**
 * Connections that come while the others are busy: each asks for one heartbeat and hangs up when it is answered. How
 * long that takes is what a player waits who comes to a full server.
 *
 * @module
 */

import { LOADTEST_NEWCOMERS_MAX } from "../limits.ts";
import { type LoadContext, LoadSession } from "./load_session.ts";
import { Pacer } from "./pacer.ts";
import { endpointOf } from "./scenario.ts";
import { Phase } from "./shared_state.ts";

class Newcomer extends LoadSession {
  /** Its connection is not one of those that the ramp opens. */
  override onReady(): void {
    this.onConnected();
  }

  protected onConnected(): void {
    this.sendHeartbeat(this.intendedUs);
  }

  protected override onHeartbeatAnswered(): void {
    this.becomeReady();
    this.record("accept", this.intendedUs, this.context.host.nowUs);
    this.close();
  }

  protected onScenarioPacket(): void {
    // Nothing else is for it.
  }
}

/** The newcomers of one thread. */
export class Newcomers {
  readonly #context: LoadContext;
  readonly #pacer: Pacer;
  /** As many as have been needed at once, those of even and those of odd index; each is used again. */
  readonly #sessions: readonly [Newcomer[], Newcomer[]] = [[], []];

  constructor(context: LoadContext) {
    const { host, task } = context;
    const { newcomersPerS, threadCount } = task.plan;
    this.#context = context;
    this.#pacer = new Pacer({
      // In turns, as even and odd ones take different transports where there are both.
      connectionCount: 2,
      ratePerS: newcomersPerS / threadCount / 2,
      startUs: host.engine.nowUs(),
      offset: task.threadIndex / threadCount,
    });
  }

  /** Lets those come whose time it is; they come while is measured. Gives when the next one is due. */
  openDue(nowUs: number): number {
    if (this.#context.phase.phase === Phase.MEASURE) return this.#pacer.takeDue(nowUs, this.#onTurn);
    this.#pacer.skipTo(nowUs);
    return Infinity;
  }

  readonly #onTurn = (turn: number, dueUs: number): void => {
    const sessions = this.#sessions[turn];
    let session = sessions.find(({ connection }) => connection === null);
    if (session === undefined) {
      if (sessions.length === LOADTEST_NEWCOMERS_MAX / 2) return this.#turnAway();
      session = new Newcomer(this.#context, 2 * sessions.length + turn);
      sessions.push(session);
    }
    session.open(endpointOf(this.#context, session), dueUs);
  };

  #turnAway(): void {
    const { failures } = this.#context;
    const words = "newcomer not opened: too many wait";
    failures.set(words, (failures.get(words) ?? 0) + 1);
  }

  /** Newcomers that wait for their answer; those that wait for too long are given up. */
  sweep(nowUs: number): number {
    return this.#sessions.flat().filter((session) => session.isOpening(nowUs)).length;
  }

  /** Closes them all. */
  close(): void {
    for (const session of this.#sessions.flat()) session.close();
  }
}
