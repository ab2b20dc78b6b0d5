/**
 * The account of who said what to whom: every message is to be heard once, and in the order in which it was said.
 *
 * @module
 */

import { addTotals, type LedgerTotals, NO_TOTALS, SequenceLedger } from "../../tools/loadtest/sequence_ledger.ts";

/** The streams of messages of one run: each has a speaker, a hearer and a name, and is numbered 0, 1, 2 … */
export class DeliveryLedger {
  readonly #streams = new Map<string, SequenceLedger>();

  /** The number of the next message of a stream. */
  next(speaker: string, hearer: string, stream: string): number {
    return this.#stream(speaker, hearer, stream).sentCount;
  }

  /** The next message of a stream was said. */
  said(speaker: string, hearer: string, stream: string): void {
    this.#stream(speaker, hearer, stream).send();
  }

  /** A message of a stream was heard; anything but the number of one that was said counts as corrupted. */
  heard(speaker: string, hearer: string, stream: string, number: number): void {
    const ledger = this.#stream(speaker, hearer, stream);
    if (Number.isInteger(number)) ledger.receive(number);
    else ledger.receiveCorrupted();
  }

  /** Messages of a stream that have been said and not been heard. */
  outstanding(speaker: string, hearer: string, stream: string): number {
    return this.#stream(speaker, hearer, stream).outstandingCount;
  }

  /** The sum of all streams; what has not been heard counts as lost. */
  totals(): LedgerTotals {
    let totals = NO_TOTALS;
    for (const ledger of this.#streams.values()) totals = addTotals(totals, ledger.totals());
    return totals;
  }

  /** The streams that are not as they should be, each with its account. */
  faults(): string[] {
    const faults: string[] = [];
    for (const [name, ledger] of this.#streams) {
      const { sent, lost, duplicated, outOfOrder, corrupted } = ledger.totals();
      if (lost + duplicated + outOfOrder + corrupted === 0) continue;
      faults.push(
        `${name}: of ${sent} ${lost} lost, ${duplicated} doubled, ${outOfOrder} out of order, ${corrupted} corrupted`,
      );
    }
    return faults;
  }

  #stream(speaker: string, hearer: string, name: string): SequenceLedger {
    const key = `${speaker} to ${hearer}, ${name}`;
    let ledger = this.#streams.get(key);
    if (ledger === undefined) this.#streams.set(key, ledger = new SequenceLedger());
    return ledger;
  }
}
