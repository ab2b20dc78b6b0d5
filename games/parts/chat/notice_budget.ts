/**
 * How often players may appear at others uninvited: requests, invitations, arrivals.
 *
 * @module
 */

import {
  NOTICE_BUDGETS_MAX,
  NOTICES_BURST,
  NOTICES_INTERVAL_MS,
  NOTICES_TO_ONE_BURST,
  NOTICES_TO_ONE_INTERVAL_MS,
} from "./limits.ts";

import { RecentMap } from "../../../server/game/kit.ts";

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/** Token buckets, of which those that are not full are remembered, and of these the ones used last. */
export class Buckets<Key> {
  readonly #buckets = new RecentMap<Key, Bucket>(
    NOTICE_BUDGETS_MAX,
    (bucket, nowMs) => this.#tokensOf(bucket, nowMs) >= this.#burst,
  );
  readonly #burst: number;
  readonly #intervalMs: number;

  /** @param intervalMs Time after which one token comes back. */
  constructor(burst: number, intervalMs: number) {
    this.#burst = burst;
    this.#intervalMs = intervalMs;
  }

  /** Takes a token of a key, if there is one. */
  tryTake(key: Key, nowMs: number): boolean {
    const bucket = this.find(key, nowMs);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  /** The bucket of a key as it is now; it is remembered from now on. */
  find(key: Key, nowMs: number): Bucket {
    const bucket = this.#buckets.use(key, nowMs, () => ({ tokens: this.#burst, filledAtMs: nowMs }));
    bucket.tokens = this.#tokensOf(bucket, nowMs);
    bucket.filledAtMs = nowMs;
    return bucket;
  }

  #tokensOf({ tokens, filledAtMs }: Bucket, nowMs: number): number {
    return Math.min(this.#burst, tokens + (nowMs - filledAtMs) / this.#intervalMs);
  }
}

/** What senders have left: of all their notices, and of those to one recipient or room. Times are monotonic. */
export class NoticeBudget {
  readonly #ofSender = new Buckets<number>(NOTICES_BURST, NOTICES_INTERVAL_MS);
  readonly #toOne = new Buckets<string>(NOTICES_TO_ONE_BURST, NOTICES_TO_ONE_INTERVAL_MS);

  /**
   * Takes one notice of a sender, if it has one left.
   *
   * @param target Who is told, as a text that no other target has; empty: nobody in particular.
   */
  tryTake(senderId: number, target: string, nowMs: number): boolean {
    const all = this.#ofSender.find(senderId, nowMs);
    const one = target === "" ? null : this.#toOne.find(`${senderId} ${target}`, nowMs);
    if (all.tokens < 1 || (one !== null && one.tokens < 1)) return false;
    all.tokens--;
    if (one !== null) one.tokens--;
    return true;
  }
}
