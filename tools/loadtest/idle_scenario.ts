/**
 * The idle scenario: connections with nothing but heartbeats, each of which must be answered; with tokens, of players who
 * enter the world and stay there. It shows what a session costs that does nothing, and how many a server holds.
 *
 * @module
 */

import type { LoadContext } from "./load_session.ts";
import type { Pacer } from "./pacer.ts";
import { PlayerSession, reliableLedgers } from "./player_session.ts";
import { Scenario } from "./scenario.ts";
import { addTotals, type LedgerTotals, NO_TOTALS } from "./sequence_ledger.ts";
import { Counter, Phase } from "./shared_state.ts";

class IdleSession extends PlayerSession {
  #sent = 0;
  #answered = 0;
  #dueUs = 0;

  /** Without a player, an answered heartbeat proves that the server has accepted the connection. */
  protected override onConnected(): void {
    if (this.player !== undefined) super.onConnected();
    else super.sendHeartbeat(this.intendedUs);
  }

  /** While one has no answer, the next counts from when that one was due; none is begun that cannot be waited for. */
  override sendHeartbeat(dueUs: number): void {
    if (this.connection === null || this.context.phase.phase > Phase.MEASURE) return;
    this.record("late", dueUs, this.context.host.engine.nowUs());
    this.context.counters.add(Counter.SENT, 1);
    if (this.#sent === this.#answered) this.#dueUs = dueUs;
    this.#sent++;
    super.sendHeartbeat(dueUs);
  }

  protected override onHeartbeatAnswered(): void {
    if (this.player === undefined && !this.ready) return this.becomeReady();
    // What is asked at the end is no part of the scenario.
    if (this.outstanding === 0) return;
    this.record("main", this.#dueUs, this.context.host.nowUs);
    this.context.counters.add(Counter.RECEIVED, this.outstanding);
    this.#answered = this.#sent;
  }

  protected onEntered(): void {}

  protected onResumed(): void {}

  protected onWorldPacket(): void {
    // What it is shown it does not look at.
  }

  /** Heartbeats that wait for an answer. */
  get outstanding(): number {
    return this.#sent - this.#answered;
  }

  totals(): LedgerTotals {
    return { ...NO_TOTALS, sent: this.#sent, received: this.#answered, lost: this.outstanding };
  }
}

/** Players who do nothing. */
export class IdleScenario extends Scenario {
  readonly sessions: readonly IdleSession[];
  protected readonly pacers: readonly Pacer[] = [];

  constructor(context: LoadContext) {
    super(context);
    this.sessions = Array.from({ length: context.task.count }, (_, index) => new IdleSession(context, index));
  }

  override get heartbeatsPerS(): number {
    return this.context.task.plan.ratePerS;
  }

  /** Heartbeats are sent in every scenario. */
  sendDue(): number {
    return Infinity;
  }

  outstandingCount(): number {
    return this.sessions.reduce((sum, { outstanding }) => sum + outstanding, 0);
  }

  override leave(): void {
    for (const session of this.sessions) session.logOut();
  }

  report() {
    const heartbeats = this.sessions.reduce((sum, session) => addTotals(sum, session.totals()), NO_TOTALS);
    const hasPlayers = this.context.task.players.length > 0;
    return { ledgers: { heartbeats, ...(hasPlayers ? reliableLedgers(this.sessions) : {}) }, details: {} };
  }
}
