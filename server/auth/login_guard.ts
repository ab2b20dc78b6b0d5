/**
 * Slows down guessing of passwords. Failures count against an account from one address first; far later against the
 * account, wherever they come from; later still against the address, whatever the account.
 *
 * From an address where an account has logged in before, other people's failures do not delay it. Nor does guessing lock
 * a player out of a running session: a resume needs no password.
 *
 * @module
 */

import {
  ACCOUNT_DELAY_MS_MAX,
  ADDRESS_DELAY_MS_MAX,
  LOGIN_DELAY_MS_MAX,
  LOGIN_FAILURE_FADE_MS,
  LOGIN_FAILURES_PER_ACCOUNT,
  LOGIN_FAILURES_PER_ACCOUNT_AND_ADDRESS,
  LOGIN_FAILURES_PER_ADDRESS,
  LOGIN_GUARD_ENTRIES_MAX,
} from "../../shared/limits.ts";
import { FailureDelays } from "./failure_delays.ts";

/** Somebody who shows a password. */
export interface Login {
  /** What the account's name is unique by; the account need not exist. */
  readonly nameKey: string;
  /** Where it comes from; null: a place that is trusted, behind which many may be. */
  readonly address: string | null;
}

/** Counts failed logins, and tells who has to wait. Bounded: what failed seldom and long ago is forgotten first. */
export class LoginGuard {
  readonly #pairs = new FailureDelays({
    failuresMax: LOGIN_FAILURES_PER_ACCOUNT_AND_ADDRESS,
    // As long as they delay for at most, so that a whole row of them has faded after three of these.
    fadeMs: 3 * LOGIN_FAILURE_FADE_MS,
    delayMsMax: LOGIN_DELAY_MS_MAX,
    entriesMax: LOGIN_GUARD_ENTRIES_MAX,
  });
  readonly #accounts = new FailureDelays({
    failuresMax: LOGIN_FAILURES_PER_ACCOUNT,
    fadeMs: LOGIN_FAILURE_FADE_MS,
    delayMsMax: ACCOUNT_DELAY_MS_MAX,
    entriesMax: LOGIN_GUARD_ENTRIES_MAX,
  });
  readonly #addresses = new FailureDelays({
    failuresMax: LOGIN_FAILURES_PER_ADDRESS,
    fadeMs: LOGIN_FAILURE_FADE_MS,
    delayMsMax: ADDRESS_DELAY_MS_MAX,
    entriesMax: LOGIN_GUARD_ENTRIES_MAX,
  });

  /** Accounts, addresses and pairs of both that are remembered. */
  get entryCount(): number {
    return this.#pairs.size + this.#accounts.size + this.#addresses.size;
  }

  /**
   * How long a login has to wait, in milliseconds; 0: it may go on.
   *
   * @param isKnown Whether the account has logged in from there before: only failures of this very pair count then.
   */
  waitMs(login: Login, isKnown: boolean, nowMs: number): number {
    const { nameKey, address } = login;
    if (address === null) return this.#accounts.waitMs(nameKey, nowMs);
    const ownMs = this.#pairs.waitMs(pairOf(nameKey, address), nowMs);
    if (isKnown) return ownMs;
    return Math.max(ownMs, this.#accounts.waitMs(nameKey, nowMs), this.#addresses.waitMs(address, nowMs));
  }

  /**
   * Takes note of a login whose password is about to be looked at. It counts as failed until it has succeeded, so
   * simultaneous guesses are limited like consecutive ones.
   */
  begin({ nameKey, address }: Login, nowMs: number): void {
    this.#accounts.add(nameKey, nowMs);
    if (address === null) return;
    this.#pairs.add(pairOf(nameKey, address), nowMs);
    this.#addresses.add(address, nowMs);
  }

  /** Takes note of a wrong password: it was counted when it came, but the delay runs from now on. */
  failed({ nameKey, address }: Login, nowMs: number): void {
    this.#accounts.restart(nameKey, nowMs);
    if (address === null) return;
    this.#pairs.restart(pairOf(nameKey, address), nowMs);
    this.#addresses.restart(address, nowMs);
  }

  /** Takes note of a right password: failures of this account from this address no longer count, anywhere. */
  succeeded(login: Login, nowMs: number): void {
    const { nameKey, address } = login;
    const count = address === null ? 1 : this.#pairs.countOf(pairOf(nameKey, address), nowMs);
    this.#forgive(login, count, nowMs);
  }

  /** Takes note that a password was not looked at after all. */
  withdrawn(login: Login, nowMs: number): void {
    this.#forgive(login, 1, nowMs);
  }

  #forgive({ nameKey, address }: Login, count: number, nowMs: number): void {
    this.#accounts.forgive(nameKey, count, nowMs);
    if (address === null) return;
    this.#pairs.forgive(pairOf(nameKey, address), count, nowMs);
    this.#addresses.forgive(address, count, nowMs);
  }
}

/** An address has no blanks. */
function pairOf(nameKey: string, address: string): string {
  return `${address} ${nameKey}`;
}
