/**
 * How many accounts one address may register: a bucket for each that fills up over an hour.
 *
 * @module
 */

import { REGISTRATION_ADDRESSES_MAX } from "../../shared/limits.ts";
import { type BucketRate, TokenBucket } from "../base/token_bucket.ts";

/** Counts registrations. Bounded: the address that registered longest ago is forgotten first. */
export class RegistrationLimit {
  readonly #rate: BucketRate;
  readonly #buckets = new Map<string, TokenBucket>();

  /** @param perHour Accounts that one address may register in an hour, at once if it likes. */
  constructor(perHour: number) {
    this.#rate = { perSecond: perHour / 3_600, burst: perHour };
  }

  /** Counts one more registration of an address; `false` when that is too many. */
  tryTake(address: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(address) ?? new TokenBucket(this.#rate, nowMs);
    // The newest stands last, so that the first is the oldest.
    this.#buckets.delete(address);
    this.#buckets.set(address, bucket);
    if (this.#buckets.size > REGISTRATION_ADDRESSES_MAX) this.#buckets.delete(this.#buckets.keys().next().value!);
    return bucket.tryTake(1, this.#rate, nowMs);
  }
}
