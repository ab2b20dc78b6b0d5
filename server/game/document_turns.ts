/** Transactions that were in each other's way, one after the other. @module */

import { DOCUMENT_TURN_MS, STORAGE_TIMEOUT_MS } from "../../shared/limits.ts";
import type { Timers } from "../base/clock.ts";

/** Having one's turn at a document. */
export interface DocumentTurn {
  /** Which: its collection and key. */
  readonly document: string;
  /** The next has its turn. */
  end(): void;
}

/**
 * Turns at documents that many want to change: of those who try at once only one gets what it wants, and all would try
 * in vain again. A turn is no lock: who is not in line may change the document, and who needs too long loses its turn.
 */
export class DocumentTurns {
  readonly #timers: Timers;
  /** What the next in line waits for, by document. */
  readonly #ends = new Map<string, Promise<void>>();

  /** @param timers Those of logic. */
  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Documents at which somebody has its turn. */
  get count(): number {
    return this.#ends.size;
  }

  /** Waits in line. @returns Undefined: for too long. */
  async take(document: string): Promise<DocumentTurn | undefined> {
    const before = this.#ends.get(document);
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = () => {
      this.#timers.clear(timer);
      if (this.#ends.get(document) === promise) this.#ends.delete(document);
      resolve();
    };
    this.#ends.set(document, promise);
    const tooLate = Promise.withResolvers<false>();
    let timer = this.#timers.set(() => tooLate.resolve(false), STORAGE_TIMEOUT_MS);
    if (await Promise.race([before, tooLate.promise]) === false) {
      void before!.then(end);
      return undefined;
    }
    this.#timers.clear(timer);
    timer = this.#timers.set(end, DOCUMENT_TURN_MS);
    return { document, end };
  }
}
