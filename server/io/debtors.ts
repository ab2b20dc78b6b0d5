/** Connections that are not read until they have paid for the work they made. @module */

import { DEBTORS_US_PER_CHECK, THROTTLE_CHECK_MS, THROTTLE_MS_MAX } from "../../shared/limits.ts";
import type { Connection } from "./connection.ts";

interface Debtor {
  readonly connection: Connection;
  /** When to look whether it has paid, monotonic milliseconds. */
  untilMs: number;
}

/** Connections that have paid continue in turn: so many at a time, and fewer while others have to wait. */
export class Debtors {
  #debtors: Debtor[] = [];
  #nextCheckMs = 0;

  /** Those in debt. */
  get count(): number {
    return this.#debtors.length;
  }

  /** Adds a connection that is not in debt yet. */
  add(connection: Connection, waitMs: number, nowMs: number): void {
    this.#debtors.push({ connection, untilMs: nowMs + Math.min(waitMs, THROTTLE_MS_MAX) });
  }

  /**
   * Lets those go on that have paid, if it is time to look.
   *
   * @param isBehind Others have to wait.
   * @returns Whether it was time.
   */
  check(nowMs: number, isBehind: boolean): boolean {
    if (nowMs < this.#nextCheckMs) return false;
    this.#nextCheckMs = nowMs + THROTTLE_CHECK_MS;
    // Never none: a connection that has paid continues in the end, however much there is to do.
    let usLeft = isBehind ? 1 : DEBTORS_US_PER_CHECK;
    this.#debtors = this.#debtors.filter((debtor) => {
      const { connection } = debtor;
      if (connection.gone) return false;
      if (usLeft <= 0 || !hasPaid(debtor, nowMs)) return true;
      usLeft -= connection.reader.lastWorkUs;
      return false;
    });
    return true;
  }
}

function hasPaid(debtor: Debtor, nowMs: number): boolean {
  if (nowMs < debtor.untilMs) return false;
  const waitMs = debtor.connection.reader.tryPayDebt();
  if (waitMs === 0) return true;
  debtor.untilMs = nowMs + Math.min(waitMs, THROTTLE_MS_MAX);
  return false;
}
