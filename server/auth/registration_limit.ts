/**
 * How many accounts one address may register: a bucket for each that fills up over an hour.
 *
 * @module
 */

import { REGISTRATION_ADDRESSES_MAX } from "../../shared/limits.ts";
import { RecentMap } from "../base/recent_map.ts";
import { type BucketRate, TokenBucket } from "../base/token_bucket.ts";

/** Counts registrations. Bounded: an address is forgotten an hour later, and the one that registered longest ago first. */
export class RegistrationLimit {
  readonly #rate: BucketRate;
  readonly #buckets = new RecentMap<string, TokenBucket>(
    REGISTRATION_ADDRESSES_MAX,
    (bucket, nowMs) => bucket.isFull(this.#rate, nowMs),
  );

  /** @param perHour Accounts that one address may register in an hour, at once if it likes. */
  constructor(perHour: number) {
    this.#rate = { perSecond: perHour / 3_600, burst: perHour };
  }

  /** Counts one more registration of an address; `false` when that is too many. */
  tryTake(address: string, nowMs: number): boolean {
    const bucket = this.#buckets.use(address, nowMs, () => new TokenBucket(this.#rate, nowMs));
    return bucket.tryTake(1, this.#rate, nowMs);
  }

  /** One that was counted was not made. */
  giveBack(address: string, nowMs: number): void {
    this.#buckets.use(address, nowMs, () => new TokenBucket(this.#rate, nowMs)).giveBack(1, this.#rate, nowMs);
  }
}
