/**
 * The world scenario: players enter, walk, talk, and look at each other.
 *
 * @module
 */

import { bucketUpperBound, HISTOGRAM_BUCKETS } from "../../server/ops/histogram.ts";
import type { LoadContext } from "./load_session.ts";
import type { ClientStats, WorkerReport } from "./messages.ts";
import type { Pacer } from "./pacer.ts";
import { reliableLedgers } from "./player_session.ts";
import { Positions, serverCountOf } from "./positions.ts";
import { pacerOf, readPacerOf, Scenario } from "./scenario.ts";
import { addTotals, type LedgerTotals, NO_TOTALS } from "./sequence_ledger.ts";
import { Counter } from "./shared_state.ts";
import { movementTotals, unansweredMovements, WorldSession, WorldTotals } from "./world_session.ts";

/** After the last movement the world settles for so long: ticks, and a busy server's queues. In microseconds. */
const SETTLE_US = 500_000;

/** Players in the world. */
export class WorldScenario extends Scenario {
  readonly sessions: readonly WorldSession[];
  /** Movements, chat, fights. */
  protected readonly pacers: readonly [Pacer, Pacer, Pacer];
  /** Reads of those whose movements are too rare for it. */
  readonly #reads: Pacer;
  readonly #positions: Positions;
  readonly #totals = new WorldTotals();
  readonly #buckets: Uint32Array;
  #snapshotsAtStart = new Float64Array(0);
  #snapshotsPerS: Float32Array<ArrayBuffer> = new Float32Array(0);
  #visible: Float32Array<ArrayBuffer> = new Float32Array(0);
  #stale = 0;

  constructor(context: LoadContext) {
    super(context);
    const { task } = context;
    const positions = new Positions(task.positions!, task.plan.connectionCount, serverCountOf(task.plan));
    this.#positions = positions;
    const buckets = new Uint32Array(task.count * HISTOGRAM_BUCKETS);
    this.#buckets = buckets;
    this.sessions = Array.from({ length: task.count }, (_, index) =>
      new WorldSession(context, index, {
        positions,
        totals: this.#totals,
        buckets: buckets.subarray(index * HISTOGRAM_BUCKETS, (index + 1) * HISTOGRAM_BUCKETS),
      }));
    const { chatRatePerS, fightRatePerS, ratePerS } = task.plan;
    this.pacers = [pacerOf(context, ratePerS), pacerOf(context, chatRatePerS), pacerOf(context, fightRatePerS)];
    this.#reads = readPacerOf(context, ratePerS);
  }

  readonly #onMovement = (index: number, dueUs: number): void => {
    const session = this.sessions[index];
    session.move(dueUs);
    // Behind its packet, which carries the kernel's acknowledgement: the other way round it would be sent by itself.
    session.readNow();
  };
  readonly #onRead = (index: number): void => this.sessions[index].readNow();
  readonly #onChat = (index: number, dueUs: number): void => this.sessions[index].say(dueUs);
  readonly #onFight = (index: number, dueUs: number): void => this.sessions[index].fight(dueUs);

  sendDue(untilUs: number): number {
    const [movements, chat, fights] = this.pacers;
    return Math.min(
      movements.takeDue(untilUs, this.#onMovement),
      chat.takeDue(untilUs, this.#onChat),
      fights.takeDue(untilUs, this.#onFight),
      this.#reads.takeDue(untilUs, this.#onRead),
    );
  }

  outstandingCount(nowUs: number): number {
    this.#judgePlaces(nowUs - SETTLE_US);
    let count = nowUs - this.#totals.lastMoveUs < SETTLE_US ? 1 : 0;
    for (const session of this.sessions) {
      if (session.connection === null) continue;
      count += unansweredMovements(session) + session.chat.outstandingCount + (session.fights?.openCount ?? 0);
    }
    return count;
  }

  /** A place shown before its player heard of it, at its entry or respawn, is known by now. */
  #judgePlaces(beforeUs: number): void {
    const places = this.#totals.unknownPlaces;
    while (places.length > 0 && places[0].shownUs < beforeUs) {
      const { entityId, player, viewer, x, z } = places.shift()!;
      const number = this.#positions.find(player, x, z);
      if (number < 0) this.#totals.misplaced++;
      else if (viewer.visible.get(entityId) === -1) viewer.visible.set(entityId, number);
    }
  }

  override startMeasuring(nowUs: number): void {
    super.startMeasuring(nowUs);
    this.#snapshotsAtStart = Float64Array.from(this.sessions, ({ snapshotCount }) => snapshotCount);
  }

  override endMeasuring(nowUs: number): void {
    super.endMeasuring(nowUs);
    this.#snapshotsPerS = Float32Array.from(this.sessions, ({ connection, snapshotCount }, index) => {
      const count = snapshotCount - (this.#snapshotsAtStart[index] ?? 0);
      return connection === null ? NaN : count / this.measuredS;
    });
    this.#visible = Float32Array.from(
      this.sessions,
      ({ connection, visible }) => connection === null ? NaN : visible.size,
    );
  }

  override leave(): void {
    this.#judgePlaces(Infinity);
    const settledUs = this.context.host.engine.nowUs() - SETTLE_US;
    for (const session of this.sessions) if (session.ready) this.#stale += session.staleCount(settledUs);
    for (const session of this.sessions) session.logOut();
  }

  report(): Pick<WorkerReport, "ledgers" | "details"> {
    const totals = this.#totals;
    let movements = NO_TOTALS, chat = NO_TOTALS, fights = NO_TOTALS, chatDisorder = 0;
    for (const session of this.sessions) {
      movements = addTotals(movements, movementTotals(session));
      chat = addTotals(chat, session.chat.totals());
      if (session.fights !== null) fights = addTotals(fights, session.fights.totals());
      chatDisorder += session.chatDisorder;
    }
    const positions: LedgerTotals = {
      sent: totals.looked,
      received: totals.looked,
      lost: this.#stale,
      duplicated: 0,
      outOfOrder: totals.outOfOrder + totals.tickDisorder,
      corrupted: totals.misplaced + totals.unexpected,
    };
    chat = { ...chat, outOfOrder: chat.outOfOrder + chatDisorder };
    return {
      ledgers: {
        movements,
        positions,
        chat,
        ...fights.sent > 0 ? { fights } : {},
        ...reliableLedgers(this.sessions),
      },
      details: {
        moves_looked_at: totals.looked,
        moves_superseded: totals.superseded,
        moves_repeated: totals.repeated,
        corrections: this.context.counters.get(Counter.CORRECTIONS),
        deaths: totals.deaths,
        movements_of_the_dead_or_stunned: totals.fightCorrections,
        blows_refused: totals.refusedBlows,
        snapshots: this.context.counters.get(Counter.SNAPSHOTS),
        moves: this.context.counters.get(Counter.MOVES),
      },
    };
  }

  override clientStats(): ClientStats {
    return {
      ...super.clientStats(),
      snapshotsPerS: this.#snapshotsPerS,
      visible: this.#visible,
      movementMsP95: Float32Array.from(this.sessions, (_, index) => this.#movementMsP95(index)),
    };
  }

  /** The upper bound of the bucket; NaN for a player that was shown nothing. */
  #movementMsP95(index: number): number {
    const buckets = this.#buckets.subarray(index * HISTOGRAM_BUCKETS, (index + 1) * HISTOGRAM_BUCKETS);
    const count = buckets.reduce((sum, value) => sum + value, 0);
    let left = Math.ceil(0.95 * count);
    for (let bucket = 0; bucket < buckets.length && count > 0; bucket++) {
      left -= buckets[bucket];
      if (left <= 0) return bucketUpperBound(bucket) / 1_000;
    }
    return NaN;
  }
}
