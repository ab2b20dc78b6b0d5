/**
 * Slows down guessing of passwords: failures count against the account and against the address they come from, and
 * above a number of them each further one makes the next attempt wait longer.
 *
 * A resume needs no password, so whoever is guessed at is never locked out of a session that runs.
 *
 * @module
 */

import {
  LOGIN_DELAY_MS_MAX,
  LOGIN_FAILURES_PER_ACCOUNT,
  LOGIN_FAILURES_PER_ADDRESS,
  LOGIN_GUARD_ENTRIES_MAX,
} from "../../shared/limits.ts";

/** What is known of one account or address. */
interface Failures {
  count: number;
  /** When the next attempt is heard, monotonic milliseconds. */
  openAtMs: number;
}

/** First delay after too many failures, in milliseconds; each further failure doubles it. */
const FIRST_DELAY_MS = 1_000;

/** Counts failed logins. Bounded: the entry that failed longest ago is forgotten first. */
export class LoginGuard {
  readonly #failures = new Map<string, Failures>();

  /** How long this login has to wait, in milliseconds; 0: it may go on. */
  waitMs(nameKey: string, address: string, nowMs: number): number {
    const account = this.#failures.get(`account ${nameKey}`);
    const source = this.#failures.get(`address ${address}`);
    return Math.max(0, (account?.openAtMs ?? 0) - nowMs, (source?.openAtMs ?? 0) - nowMs);
  }

  /** Takes note of a wrong name or password. */
  failed(nameKey: string, address: string, nowMs: number): void {
    this.#count(`account ${nameKey}`, LOGIN_FAILURES_PER_ACCOUNT, nowMs);
    this.#count(`address ${address}`, LOGIN_FAILURES_PER_ADDRESS, nowMs);
  }

  /** Takes note of a right one: the account is forgiven, the address is not, as it may hold one account of its own. */
  succeeded(nameKey: string): void {
    this.#failures.delete(`account ${nameKey}`);
  }

  #count(key: string, allowed: number, nowMs: number): void {
    const failures = this.#failures.get(key) ?? { count: 0, openAtMs: 0 };
    // Failures of long ago no longer count.
    if (nowMs - failures.openAtMs > LOGIN_DELAY_MS_MAX) failures.count = 0;
    failures.count++;
    const excess = failures.count - allowed;
    const delayMs = excess < 0 ? 0 : Math.min(LOGIN_DELAY_MS_MAX, FIRST_DELAY_MS * 2 ** Math.min(excess, 30));
    failures.openAtMs = nowMs + delayMs;
    // The newest stands last, so that the first is the oldest.
    this.#failures.delete(key);
    this.#failures.set(key, failures);
    if (this.#failures.size > LOGIN_GUARD_ENTRIES_MAX) {
      this.#failures.delete(this.#failures.keys().next().value!);
    }
  }
}
