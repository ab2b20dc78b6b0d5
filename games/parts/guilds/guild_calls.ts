/**
 * What is asked of the storage about guilds, and the order in which its answers are taken.
 *
 * @module
 */

import { OrderedCalls } from "../common/ordered_calls.ts";
import type { Refused as RefusedByStore } from "./guild_store.ts";
import { isRefused, refusalOf } from "./guild_refusals.ts";

/** Asks the storage; what is known here is built from its answers, in their order. */
export class GuildCalls {
  readonly #calls = new OrderedCalls();
  readonly #onFailure: (error: unknown) => void;

  /** @param onFailure Told of each request that failed: it may have been done. */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /**
   * Asks the storage to decide and do something, and takes the answer in its turn; rejects with what the client is told.
   *
   * @param apply Called only when it was done.
   */
  request<T extends { readonly kind: string }>(
    call: () => Promise<T | RefusedByStore>,
    apply: (answer: Exclude<T, RefusedByStore>) => void,
  ): Promise<void> {
    // The promise of the call itself, so that refusals go out in their turn as well.
    return this.#calls.run(() => this.#watched(call), (answer) => {
      if (isRefused(answer)) throw refusalOf(answer.reason);
      apply(answer as Exclude<T, RefusedByStore>);
    });
  }

  /** Asks the storage for something that no player's request is about, and takes the answer in its turn. */
  run<T>(call: () => Promise<T>, apply: (answer: T) => void): Promise<void> {
    return this.#calls.run(call, apply);
  }

  /** Resolves when everything called so far is answered. */
  idle(): Promise<void> {
    return this.#calls.idle();
  }

  #watched<T>(call: () => Promise<T>): Promise<T> {
    const answered = call();
    // Beside the way of the answer, which must not become longer than that of others: they are taken as they come.
    answered.catch((error) => this.#onFailure(error));
    return answered;
  }
}
