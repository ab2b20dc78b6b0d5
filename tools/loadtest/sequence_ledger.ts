/**
 * Keeps account of numbered messages: which came back, how often, in what order.
 *
 * @module
 */

import { LOADTEST_GAP_MAX } from "../limits.ts";

/** What became of messages. */
export interface LedgerTotals {
  readonly sent: number;
  /** Different ones that came back. */
  readonly received: number;
  readonly lost: number;
  /** Came back again. */
  readonly duplicated: number;
  /** Came back after one that was sent later. */
  readonly outOfOrder: number;
  /** Came back changed, or were never sent. */
  readonly corrupted: number;
}

/** Nothing yet. */
export const NO_TOTALS: LedgerTotals = {
  sent: 0,
  received: 0,
  lost: 0,
  duplicated: 0,
  outOfOrder: 0,
  corrupted: 0,
};

/** The sum of two accounts. */
export function addTotals(left: LedgerTotals, right: LedgerTotals): LedgerTotals {
  return {
    sent: left.sent + right.sent,
    received: left.received + right.received,
    lost: left.lost + right.lost,
    duplicated: left.duplicated + right.duplicated,
    outOfOrder: left.outOfOrder + right.outOfOrder,
    corrupted: left.corrupted + right.corrupted,
  };
}

/**
 * The account of one connection, whose messages are numbered 0, 1, 2 … as they are sent.
 *
 * As long as they come back in order it is a few numbers. Only what came early is remembered, up to
 * {@linkcode LOADTEST_GAP_MAX} numbers; beyond that the oldest missing one is given up, and counts as duplicated should
 * it come after all.
 */
export class SequenceLedger {
  #sent = 0;
  /** All below this came back or were given up. */
  #floor = 0;
  #highest = -1;
  #early: Set<number> | null = null;
  #received = 0;
  #duplicated = 0;
  #outOfOrder = 0;
  #corrupted = 0;
  /** The account of earlier numberings. */
  #before = NO_TOTALS;

  /** Messages sent. */
  get sentCount(): number {
    return this.#sent;
  }

  /** Messages that have not come back. */
  get outstandingCount(): number {
    return this.#sent - this.#received;
  }

  /** Numbers the next message. */
  send(): number {
    return this.#sent++;
  }

  /** A message came back; gives whether it is the first time, so that its latency counts. */
  receive(sequence: number): boolean {
    if (sequence === this.#floor && sequence < this.#sent) {
      this.#floor++;
      if (sequence < this.#highest) this.#outOfOrder++;
      else this.#highest = sequence;
      if (this.#early !== null) this.#closeGap(this.#early);
      this.#received++;
      return true;
    }
    return this.#receiveUnusual(sequence);
  }

  /** As {@linkcode SequenceLedger.receive}, of messages that the far end numbers: those before the highest were sent. */
  receiveNumbered(sequence: number): boolean {
    if (sequence >= this.#sent) this.#sent = sequence + 1;
    return this.receive(sequence);
  }

  /** The far end begins to number anew; the account goes on. */
  restart(): void {
    this.#before = this.totals();
    this.#sent =
      this.#floor =
      this.#received =
      this.#duplicated =
      this.#outOfOrder =
      this.#corrupted =
        0;
    this.#highest = -1;
    this.#early = null;
  }

  #receiveUnusual(sequence: number): boolean {
    if (sequence < 0 || sequence >= this.#sent) {
      this.#corrupted++;
      return false;
    }
    const early = this.#early ??= new Set();
    if (sequence < this.#floor || early.has(sequence)) {
      this.#duplicated++;
      return false;
    }
    if (sequence < this.#highest) this.#outOfOrder++;
    else this.#highest = sequence;
    early.add(sequence);
    this.#received++;
    while (early.size > LOADTEST_GAP_MAX) {
      this.#floor++;
      this.#closeGap(early);
    }
    return true;
  }

  #closeGap(early: Set<number>): void {
    while (early.delete(this.#floor)) this.#floor++;
    if (early.size === 0) this.#early = null;
  }

  /** A message came back that cannot be one of ours. */
  receiveCorrupted(): void {
    this.#corrupted++;
  }

  /** The account. What is outstanding counts as lost, so it is drawn up once nothing waits for answers any longer. */
  totals(): LedgerTotals {
    return addTotals(this.#before, {
      sent: this.#sent,
      received: this.#received,
      lost: this.outstandingCount,
      duplicated: this.#duplicated,
      outOfOrder: this.#outOfOrder,
      corrupted: this.#corrupted,
    });
  }
}
