/**
 * What logins and registrations may ask for: failures make the next one wait, and nobody fills the queue of passwords
 * alone.
 *
 * @module
 */

import { ErrorCode } from "../../shared/gen/enums.ts";
import { PASSWORDS_PENDING_PER_ADDRESS } from "../../shared/limits.ts";
import { type Login, LoginGuard } from "../auth/login_guard.ts";
import { PendingCounts } from "../auth/pending_counts.ts";
import { RegistrationLimit } from "../auth/registration_limit.ts";
import type { Clock } from "../base/clock.ts";
import type { ServerConfig } from "../config/config.ts";
import { addressGroup, AddressRanges } from "../base/ip_address.ts";
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

  /** What limits count an address under; null where it is trusted: then many may be behind it. */
  groupOf(address: string): string | null {
    return this.#trusted.containsText(address) ? null : addressGroup(address);
  }

  /**
   * Makes a registration, and counts it unless that throws: who was refused because the server had too much to do may
   * come again.
   *
   * @throws {RequestError} RATE_LIMITED when there were too many from its address.
   */
  async registering<Result>(group: string | null, register: () => Promise<Result>): Promise<Result> {
    if (!this.#isOn || group === null) return await register();
    if (!this.#registrations.tryTake(group, this.#clock.monotonicMs())) {
      throw new RequestError(ErrorCode.RATE_LIMITED, "Too many registrations from this address, try again later");
    }
    try {
      return await register();
    } catch (error) {
      this.#registrations.giveBack(group, this.#clock.monotonicMs());
      throw error;
    }
  }

  /**
   * Holds that a login need not wait.
   *
   * @param isKnown Whether the account has logged in from there before.
   * @throws {RequestError} RATE_LIMITED while it has to.
   */
  checkLogin(login: Login, isKnown: boolean): void {
    if (!this.#isOn) return;
    const waitMs = this.#guard.waitMs(login, isKnown, this.#clock.monotonicMs());
    if (waitMs === 0) return;
    const seconds = Math.ceil(waitMs / 1_000);
    throw new RequestError(ErrorCode.RATE_LIMITED, `Too many failed logins, try again in ${seconds} s`);
  }

  /**
   * Checks a password and remembers the outcome.
   *
   * @throws {RequestError} RATE_LIMITED as {@linkcode AuthLimits.hashing} does.
   */
  async verifying(login: Login, verify: (asker: string) => Promise<boolean>): Promise<boolean> {
    if (!this.#isOn) return await this.hashing(login, verify);
    this.#guard.begin(login, this.#clock.monotonicMs());
    try {
      const isRight = await this.hashing(login, verify);
      if (isRight) this.#guard.succeeded(login, this.#clock.monotonicMs());
      else this.#guard.failed(login, this.#clock.monotonicMs());
      return isRight;
    } catch (error) {
      this.#guard.withdrawn(login, this.#clock.monotonicMs());
      throw error;
    }
  }

  /**
   * Computes a password hash in the turn of its address; behind trusted addresses each account has its own.
   *
   * @throws {RequestError} RATE_LIMITED when too many of the same address are under way.
   */
  async hashing<Result>({ nameKey, address }: Login, hash: (asker: string) => Promise<Result>): Promise<Result> {
    if (address === null) return await hash(`account ${nameKey}`);
    if (!this.#isOn) return await hash(address);
    if (!this.#pending.tryAdd(address, PASSWORDS_PENDING_PER_ADDRESS)) {
      throw new RequestError(ErrorCode.RATE_LIMITED, "Too many logins from this address at once");
    }
    try {
      return await hash(address);
    } finally {
      this.#pending.remove(address);
    }
  }
}
