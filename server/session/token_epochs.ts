/**
 * Accounts whose tokens became void a moment ago: anything read about them before is outdated.
 *
 * @module
 */

import { TOKEN_EPOCHS_RECENT_MAX } from "../../shared/limits.ts";
import type { Account } from "../storage/storage.ts";

/**
 * The newest epochs, oldest change first. A login or an entry may have asked the storage just before the change, and go
 * on just after it. Bounded: the account that changed longest ago is forgotten first.
 */
export class TokenEpochs {
  readonly #recent = new Map<number, number>();

  /** Takes note of what an account's tokens must name from now on. @param epoch Infinity: the account is gone. */
  set(accountId: number, epoch: number): void {
    // What another server says may be older than what is known here.
    const newest = Math.max(epoch, this.#recent.get(accountId) ?? 0);
    // The newest stands last, so that the first is the oldest.
    this.#recent.delete(accountId);
    this.#recent.set(accountId, newest);
    if (this.#recent.size > TOKEN_EPOCHS_RECENT_MAX) this.#recent.delete(this.#recent.keys().next().value!);
  }

  /** Whether what was read of an account still holds. */
  isCurrent({ accountId, tokenEpoch }: Pick<Account, "accountId" | "tokenEpoch">): boolean {
    return tokenEpoch >= (this.#recent.get(accountId) ?? 0);
  }
}
