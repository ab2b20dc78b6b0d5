/**
 * What logins and registrations may ask for: failures make the next one wait, and nobody fills the queue of passwords
 * alone.
 *
 * @module
 */

import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { LOGINS_PENDING_PER_ACCOUNT, PASSWORDS_PENDING_PER_ADDRESS } from "../../shared/limits.ts";
import { LoginGuard } from "../auth/login_guard.ts";
import { PendingCounts } from "../auth/pending_counts.ts";
import { RegistrationLimit } from "../auth/registration_limit.ts";
import type { Clock } from "../clock.ts";
import type { ServerConfig } from "../config.ts";
import { addressGroup, AddressRanges } from "../ip_address.ts";
import { RequestError } from "./dispatcher.ts";

/**
 * The limits of one node. Without flood control there are none. Addresses are those that requests came from: a peer that
 * has hung up by the time it is answered has failed all the same.
 */
export class AuthLimits {
  readonly #clock: Clock;
  readonly #isOn: boolean;
  readonly #trusted: AddressRanges;
  readonly #guard = new LoginGuard();
  readonly #registrations: RegistrationLimit;
  readonly #pending = new PendingCounts();

  constructor(config: ServerConfig, clock: Clock) {
    this.#clock = clock;
    this.#isOn = config.floodControl;
    this.#trusted = new AddressRanges(config.trustedAddresses);
    this.#registrations = new RegistrationLimit(config.addressRegistrationsPerHour);
  }

  /**
   * Counts a registration that is about to be made.
   *
   * @throws {RequestError} RATE_LIMITED when there were too many from its address.
   */
  registering(address: string): void {
    if (!this.#isOn || this.#trusted.containsText(address)) return;
    if (!this.#registrations.tryTake(addressGroup(address), this.#clock.monotonicMs())) {
      throw new RequestError(ErrorCode.RATE_LIMITED, "Too many registrations from this address, try again later");
    }
  }

  /** @throws {RequestError} RATE_LIMITED while a login of this account or from this address has to wait. */
  checkLogin(nameKey: string, address: string): void {
    if (!this.#isOn) return;
    const waitMs = this.#guard.waitMs(nameKey, addressGroup(address), this.#clock.monotonicMs());
    if (waitMs === 0) return;
    const seconds = Math.ceil(waitMs / 1_000);
    throw new RequestError(ErrorCode.RATE_LIMITED, `Too many failed logins, try again in ${seconds} s`);
  }

  /** Takes note of a wrong name or password. */
  failed(nameKey: string, address: string): void {
    this.#guard.failed(nameKey, addressGroup(address), this.#clock.monotonicMs());
  }

  /** Takes note of a right one. */
  succeeded(nameKey: string): void {
    this.#guard.succeeded(nameKey);
  }

  /**
   * Computes a password hash, unless too many of the same account or address are under way: guesses that are made at
   * once would all be heard before the first has failed.
   *
   * @throws {RequestError} RATE_LIMITED
   */
  async hashing<Result>(nameKey: string, address: string, hash: () => Promise<Result>): Promise<Result> {
    if (!this.#isOn) return await hash();
    const account = `account ${nameKey}`;
    if (!this.#pending.tryAdd(account, LOGINS_PENDING_PER_ACCOUNT)) throw tooMany("for this account");
    try {
      if (this.#trusted.containsText(address)) return await hash();
      const source = `address ${addressGroup(address)}`;
      if (!this.#pending.tryAdd(source, PASSWORDS_PENDING_PER_ADDRESS)) throw tooMany("from this address");
      try {
        return await hash();
      } finally {
        this.#pending.remove(source);
      }
    } finally {
      this.#pending.remove(account);
    }
  }
}

function tooMany(whose: string): RequestError {
  return new RequestError(ErrorCode.RATE_LIMITED, `Too many logins ${whose} at once`);
}
