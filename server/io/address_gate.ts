/**
 * What an io worker asks about a peer's address: whether it is a proxy, whether it is limited, and how much it may do.
 *
 * @module
 */

import { ADDRESS_BURST_SECONDS, ADDRESS_WORK_BURST_SECONDS, WORK_US_PER_ADDRESS_TOKEN } from "../../shared/limits.ts";
import type { Clock } from "../base/clock.ts";
import type { ServerConfig } from "../config/config.ts";
import { AddressRanges, parseIpAddress } from "../base/ip_address.ts";
import { type AddressLimits, AddressTable, type AddressVerdict } from "./address_table.ts";
import type { BucketRate } from "../base/token_bucket.ts";

const UNLIMITED: AddressVerdict = { kind: "admitted", entry: -1, waitMs: 0 };

/** The addresses of one io worker's peers. */
export class AddressGate {
  readonly #proxies: AddressRanges;
  /** Proxies whose requests say whom they come from. */
  readonly forwarders: AddressRanges;
  readonly #trusted: AddressRanges;
  /** `null`: flood control is off. */
  readonly #table: AddressTable | null;

  /**
   * @param shared See `createAddressTableBuffer`.
   * @param worker The io worker's index.
   */
  constructor(config: ServerConfig, shared: SharedArrayBuffer, worker: number, clock: Clock) {
    this.#proxies = new AddressRanges(config.proxyProtocolFrom);
    this.forwarders = new AddressRanges(config.trustedProxies);
    this.#trusted = new AddressRanges(config.trustedAddresses);
    this.#table = config.floodControl ? new AddressTable(shared, worker, limitsOf(config), clock) : null;
  }

  /** Whether it needs to know any address. */
  get active(): boolean {
    return this.#table !== null || !this.#proxies.empty || !this.forwarders.empty;
  }

  /** Whether a connection from here begins with a PROXY header. */
  isProxy(address: string): boolean {
    return this.#proxies.containsText(address);
  }

  /** Counts one more connection of an address, where that is to be limited; see `AddressTable.tryAdmit`. */
  tryAdmit(address: string, nowMs: number): AddressVerdict {
    const bytes = parseIpAddress(address);
    if (bytes !== null && this.#trusted.contains(bytes)) return UNLIMITED;
    return this.#tryAdmit(bytes, nowMs);
  }

  /** The same for clients a proxy does not name: together they are as limited as one address, even if the proxy is trusted. */
  tryAdmitUnnamed(proxy: string, nowMs: number): AddressVerdict {
    return this.#tryAdmit(parseIpAddress(proxy), nowMs);
  }

  #tryAdmit(bytes: Uint8Array | null, nowMs: number): AddressVerdict {
    return bytes === null || this.#table === null ? UNLIMITED : this.#table.tryAdmit(bytes, nowMs);
  }

  /** Counts one connection less. */
  release(entry: number): void {
    this.#table!.release(entry);
  }

  /** Takes tokens for packets; `false` when there are too few. */
  tryTakeTokens(entry: number, count: number, nowMs: number): boolean {
    return this.#table!.tryTakeTokens(entry, count, nowMs);
  }

  /** Charges work; see `AddressTable.chargeWork`. */
  chargeWork(entry: number, us: number, nowMs: number): number {
    return this.#table!.chargeWork(entry, us, nowMs);
  }

  /** For how long the address of a connection is banned; see `AddressTable.bannedMs`. */
  bannedMs(entry: number, nowMs: number): number {
    return this.#table!.bannedMs(entry, nowMs);
  }

  /** See `AddressTable.ban`. */
  ban(entry: number, nowMs: number): { readonly banMs: number; readonly isNew: boolean } {
    return this.#table!.ban(entry, nowMs);
  }
}

function limitsOf(config: ServerConfig): AddressLimits {
  return {
    connectionsMax: config.addressMaxConnections,
    connects: rateOf(config.addressConnectsPerSecond, ADDRESS_BURST_SECONDS),
    packets: rateOf(config.addressTokensPerSecond, ADDRESS_BURST_SECONDS),
    work: rateOf(config.addressTokensPerSecond * WORK_US_PER_ADDRESS_TOKEN, ADDRESS_WORK_BURST_SECONDS),
  };
}

function rateOf(perSecond: number, burstSeconds: number): BucketRate {
  return { perSecond, burst: perSecond * burstSeconds };
}
