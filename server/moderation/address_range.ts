/**
 * IP addresses and ranges of them, `203.0.113.7`, `203.0.113.0/24` or `2001:db8::/32`, as numbers: an IPv4 address is the
 * IPv6 address it is mapped to, so that both spellings of one are the same.
 *
 * @module
 */

import { formatIpAddress, isIpv4, parseIpAddress, parseIpv4 } from "../base/ip_address.ts";

const BITS = 128;
/** The bits before an IPv4 address. */
const IPV4_OFFSET = 96;
/** Wider ranges are a slip of the pen: they would ban whole continents. */
const IPV4_LENGTH_MIN = 8;
const IPV6_LENGTH_MIN = 16;
/** The network that one customer has. */
const IPV6_NETWORK_LENGTH = 64;
/** What stands before the bits of every IPv4 address. */
const IPV4_PREFIX = 0xffffn;

/** All addresses that begin alike. */
export interface AddressRange {
  /** The one spelling that stands for it; a single address has its length as well. */
  readonly text: string;
  /** How many bits, of 128, its addresses have in common. */
  readonly prefixLength: number;
  /** Those bits, as a number. */
  readonly prefix: bigint;
}

/** The number of an address; `null` where the text is none. A zone (`%eth0`) does not matter. */
export function addressNumber(text: string): bigint | null {
  const bytes = parseIpAddress(text.replace(/%.*$/, ""));
  return bytes === null ? null : BigInt(`0x${bytes.toHex()}`);
}

/**
 * A range from its text, bits beyond its length left out of account; otherwise what is wrong with the text. A single IPv6
 * address stands for its /64 network, as with limits: of that everybody has all addresses.
 */
export function parseAddressRange(text: string): AddressRange | { readonly problem: string } {
  const [address, lengthText, ...more] = text.split("/");
  const bytes = parseIpAddress(address);
  if (bytes === null || more.length > 0 || (lengthText !== undefined && !/^(0|[1-9]\d{0,2})$/.test(lengthText))) {
    return { problem: "expected an address such as 203.0.113.7, or a range such as 203.0.113.0/24 or 2001:db8::/32" };
  }
  const offset = parseIpv4(address) === null ? 0 : IPV4_OFFSET;
  const length = lengthText === undefined ? ownLengthOf(bytes) - offset : Number(lengthText);
  if (offset + length > BITS) {
    return { problem: `a length of ${length} bits is more than an address has, ${BITS - offset} bits` };
  }
  const prefixLength = offset + length;
  const isIpv4Range = isIpv4(bytes) && prefixLength >= IPV4_OFFSET;
  const lengthMin = isIpv4Range ? IPV4_LENGTH_MIN : IPV6_LENGTH_MIN;
  const ownLength = isIpv4Range ? prefixLength - IPV4_OFFSET : prefixLength;
  if (ownLength < lengthMin) return { problem: `a range of /${length} is too wide, widest is /${lengthMin}` };
  const prefix = BigInt(`0x${bytes.toHex()}`) >> BigInt(BITS - prefixLength);
  const first = (prefix << BigInt(BITS - prefixLength)).toString(16).padStart(BITS / 4, "0");
  return { text: `${formatIpAddress(Uint8Array.fromHex(first))}/${ownLength}`, prefixLength, prefix };
}

/** Bits that a single address is known by; those of `::/64`, such as `::1`, are nobody's network. */
function ownLengthOf(bytes: Uint8Array): number {
  const isNetwork = bytes.subarray(0, IPV6_NETWORK_LENGTH / 8).some((byte) => byte !== 0);
  return isNetwork ? IPV6_NETWORK_LENGTH : BITS;
}

/** Finds what is known of an address by the ranges that hold it. Cost: a look-up for each length of range in use. */
export class AddressMap<T> {
  readonly #byLength = new Map<number, Map<bigint, T>>();

  /** Sets what is known of a range, in place of what was. */
  set({ prefixLength, prefix }: AddressRange, value: T): void {
    const values = this.#byLength.get(prefixLength) ?? new Map<bigint, T>();
    this.#byLength.set(prefixLength, values.set(prefix, value));
  }

  /** Whether nothing is known. */
  get isEmpty(): boolean {
    return this.#byLength.size === 0;
  }

  /** Forgets everything. */
  clear(): void {
    this.#byLength.clear();
  }

  /** What is known of an address, by any of its ranges for which `isWanted` holds. */
  find(address: string, isWanted: (value: T) => boolean): T | undefined {
    const number = this.isEmpty ? null : addressNumber(address);
    if (number === null) return undefined;
    const isIpv4Address = number >> BigInt(BITS - IPV4_OFFSET) === IPV4_PREFIX;
    for (const [prefixLength, values] of this.#byLength) {
      // A range of IPv6 holds no IPv4 address, though it may hold the numbers of all.
      if (isIpv4Address && prefixLength < IPV4_OFFSET) continue;
      const value = values.get(number >> BigInt(BITS - prefixLength));
      if (value !== undefined && isWanted(value)) return value;
    }
    return undefined;
  }
}
