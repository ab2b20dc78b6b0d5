/**
 * The login scenario: players come with their tokens, enter the world, log out and hang up, again and again.
 *
 * @module
 */

import type { PacketView } from "../../shared/packet_codec.ts";
import type { LoadContext } from "./load_session.ts";
import type { Pacer } from "./pacer.ts";
import { PlayerSession, reliableLedgers } from "./player_session.ts";
import { endpointOf, Scenario } from "./scenario.ts";
import { NO_TOTALS } from "./sequence_ledger.ts";
import { Counter } from "./shared_state.ts";

class LoginSession extends PlayerSession {
  /** Logins begun, those that were admitted, and those that ended as they should. */
  begunCount = 0;
  enteredCount = 0;
  leftCount = 0;

  /** Comes, for the login that was due at this time. */
  come(dueUs: number): void {
    this.begunCount++;
    this.context.counters.add(Counter.SENT, 1);
    this.open(endpointOf(this.context, this), dueUs);
  }

  /** Comes in time. */
  comePunctually(dueUs: number): void {
    this.record("late", dueUs, this.context.host.engine.nowUs());
    this.come(dueUs);
  }

  protected onEntered(): void {
    this.enteredCount++;
    this.context.counters.add(Counter.RECEIVED, 1);
    this.record("main", this.intendedUs, this.context.host.nowUs);
    this.logOut();
  }

  /** What it had asked before it was away is asked again. */
  protected onResumed(): void {}

  protected onWorldPacket(_view: PacketView): void {
    // What it is shown in passing is none of its business.
  }

  protected override onLoggedOut(): void {
    this.leftCount++;
  }

  /** The time for answers is over. */
  end(): void {
    if (!this.isGone) this.abandon("not answered by the end");
  }
}

/**
 * Players who come and go. The schedule is an open loop: a player whose last visit took too long comes late, and the
 * delay counts.
 */
export class LoginScenario extends Scenario {
  readonly sessions: readonly LoginSession[];
  override readonly hasRamp = false;
  /** The schedule is its own: a visit has to wait for the end of the one before. */
  protected readonly pacers: readonly Pacer[] = [];
  readonly #intervalUs: number;
  readonly #originUs: number;
  /** The visit that is due next, over all players in turn. */
  #turn = 0;
  /** Players whose visit was due while the one before lasted. */
  readonly #late = new Set<number>();

  constructor(context: LoadContext) {
    super(context);
    const { task, host } = context;
    this.sessions = Array.from({ length: task.count }, (_, index) => new LoginSession(context, index));
    this.#intervalUs = 1e6 / task.plan.ratePerS;
    this.#originUs = host.engine.nowUs();
  }

  /** Connections are opened by {@linkcode LoginScenario.sendDue}. */
  override openDue(): number {
    return Infinity;
  }

  /** When a player's visit is due: players evenly spread over an interval, each once in it. */
  #dueUs(player: number, visit: number): number {
    const { plan, first } = this.context.task;
    return this.#originUs + ((first + player) / plan.connectionCount + visit) * this.#intervalUs;
  }

  sendDue(untilUs: number): number {
    const { length } = this.sessions;
    if (length === 0) return Infinity;
    for (const player of this.#late) {
      const { begunCount, isGone } = this.sessions[player];
      if (!isGone) continue;
      this.sessions[player].come(this.#dueUs(player, begunCount));
      if (this.#dueUs(player, begunCount + 1) > untilUs) this.#late.delete(player);
    }
    for (;;) {
      const player = this.#turn % length, visit = Math.floor(this.#turn / length);
      const dueUs = this.#dueUs(player, visit);
      if (dueUs > untilUs) return dueUs;
      this.#turn++;
      const session = this.sessions[player];
      if (!session.isGone || this.#late.has(player)) this.#late.add(player);
      else session.comePunctually(dueUs);
    }
  }

  /** Visits that were due before a time and have not begun. */
  override unsentCount(beforeUs: number): number {
    return this.sessions.reduce((sum, { begunCount }, player) => {
      const dueCount = Math.ceil((beforeUs - this.#dueUs(player, 0)) / this.#intervalUs);
      return sum + Math.max(0, dueCount - begunCount);
    }, 0);
  }

  outstandingCount(): number {
    return this.sessions.reduce((sum, { isGone }) => sum + (isGone ? 0 : 1), 0);
  }

  override leave(): void {
    for (const session of this.sessions) session.end();
  }

  report() {
    let begun = 0, entered = 0, left = 0;
    for (const session of this.sessions) {
      begun += session.begunCount;
      entered += session.enteredCount;
      left += session.leftCount;
    }
    return {
      ledgers: {
        logins: { ...NO_TOTALS, sent: begun, received: entered, lost: begun - entered },
        logouts: { ...NO_TOTALS, sent: entered, received: left, lost: entered - left },
        reliable_down: reliableLedgers(this.sessions).reliable_down,
      },
      details: {},
    };
  }
}
