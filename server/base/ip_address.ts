/**
 * IP addresses as bytes, and ranges of them. An IPv4 address is kept as the IPv6 address that stands for it
 * (`::ffff:192.0.2.1`), so that one peer is one address however its socket names it.
 *
 * @module
 */

/** Bytes of an address. */
export const IP_ADDRESS_BYTES = 16;

const IPV4_MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/**
 * Reads an IPv4 or IPv6 address, the latter without brackets or zone.
 *
 * @returns Its 16 bytes, or `null` when it is no address.
 */
export function parseIpAddress(text: string): Uint8Array<ArrayBuffer> | null {
  const v4 = parseIpv4(text);
  if (v4 !== null) return new Uint8Array([...IPV4_MAPPED, ...v4]);
  const v6 = parseIpv6(text);
  return v6 === null ? null : new Uint8Array(v6);
}

/** Writes an address: IPv4 with dots, IPv6 as RFC 5952 has it. */
export function formatIpAddress(bytes: Uint8Array): string {
  if (isIpv4(bytes)) return bytes.subarray(12, 16).join(".");
  const groups: string[] = [];
  for (let at = 0; at < IP_ADDRESS_BYTES; at += 2) groups.push(((bytes[at] << 8) | bytes[at + 1]).toString(16));
  // The longest run of zero groups is written as "::".
  const text = groups.join(":");
  const runs = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].sort((a, b) => groupCount(b[0]) - groupCount(a[0]));
  if (runs.length === 0) return text;
  const { index } = runs[0];
  return `${text.slice(0, index)}::${text.slice(index + runs[0][0].length).replace(/^:/, "")}`;
}

/** Whether an address is an IPv4 address. */
export function isIpv4(bytes: Uint8Array): boolean {
  return IPV4_MAPPED.every((byte, at) => bytes[at] === byte);
}

/**
 * The name that limits count an address under: an IPv4 address, or the /64 network of an IPv6 address, of which
 * everybody has all addresses. What is no address stays as it is.
 */
export function addressGroup(text: string): string {
  const bytes = parseIpAddress(text);
  if (bytes === null) return text;
  if (!isIpv4(bytes)) bytes.fill(0, 8);
  return formatIpAddress(bytes);
}

/** Four numbers, 0 to 255 each, or `null`. */
export function parseIpv4(text: string): number[] | null {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return null;
  const parts = text.split(".").map(Number);
  return parts.every((part) => part <= 255) ? parts : null;
}

/** Sixteen numbers, 0 to 255 each, or `null`. The last two groups may be written as an IPv4 address. */
export function parseIpv6(text: string): number[] | null {
  if (text.length > 45) return null;
  const tail = /(?<=:)[\d.]+\.[\d.]+$/.exec(text);
  const v4 = tail === null ? null : parseIpv4(tail[0]);
  if (tail !== null) {
    if (v4 === null) return null;
    const [a, b, c, d] = v4;
    text = `${text.slice(0, tail.index)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  if (!/^[\da-f:]+$/i.test(text) || text.includes(":::")) return null;
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const groupsOf = (half: string) => half === "" ? [] : half.split(":");
  const [head, rest] = [groupsOf(halves[0]), groupsOf(halves[1] ?? "")];
  const missing = 8 - head.length - rest.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...new Array<string>(missing).fill("0"), ...rest];
  if (!groups.every((group) => /^[\da-f]{1,4}$/i.test(group))) return null;
  return groups.flatMap((group) => {
    const value = parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

/** Zero groups in a run, whether it begins with a colon or not. */
function groupCount(run: string): number {
  return run.replaceAll(":", "").length;
}

interface Range {
  readonly bytes: Uint8Array;
  /** Leading bits that count. */
  readonly bitCount: number;
}

/** A set of address ranges such as `10.0.0.0/8` or `::1`. */
export class AddressRanges {
  readonly #ranges: readonly Range[];

  /** @throws {RangeError} when one of them is no range. */
  constructor(ranges: readonly string[]) {
    this.#ranges = ranges.map((text) => {
      const range = parseRange(text);
      if (range === null) throw new RangeError(`Cannot use address range ${text}: expected one such as 10.0.0.0/8`);
      return range;
    });
  }

  /** Whether there is none. */
  get empty(): boolean {
    return this.#ranges.length === 0;
  }

  /** Whether an address, 16 bytes, is in one of them. */
  contains(address: Uint8Array): boolean {
    return this.#ranges.some((range) => isInRange(address, range));
  }

  /** The same for an address as text; what is no address is in none. */
  containsText(address: string): boolean {
    if (this.empty) return false;
    const bytes = parseIpAddress(address);
    return bytes !== null && this.contains(bytes);
  }
}

/**
 * Brings a range into its canonical form: the first address of the range and, unless it is one address, its bits.
 *
 * @returns `undefined` when it is none, or has bits set beyond those that count.
 */
export function canonicalRange(text: string): string | undefined {
  const range = parseRange(text);
  if (range === null) return undefined;
  const isV4 = isIpv4(range.bytes) && range.bitCount >= 96;
  const bitCount = isV4 ? range.bitCount - 96 : range.bitCount;
  const address = formatIpAddress(range.bytes);
  return bitCount === (isV4 ? 32 : 128) ? address : `${address}/${bitCount}`;
}

function parseRange(text: string): Range | null {
  const [address, bits, ...more] = text.split("/");
  const bytes = parseIpAddress(address);
  if (bytes === null || more.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return null;
  const offset = parseIpv4(address) === null ? 0 : 96;
  const bitCount = bits === undefined ? 128 : offset + Number(bits);
  if (bitCount > 128) return null;
  const network = bytes.map((byte, at) => byte & maskOf(bitCount, at));
  return network.every((byte, at) => byte === bytes[at]) ? { bytes, bitCount } : null;
}

function isInRange(address: Uint8Array, { bytes, bitCount }: Range): boolean {
  for (let at = 0; at * 8 < bitCount; at++) {
    if (((address[at] ^ bytes[at]) & maskOf(bitCount, at)) !== 0) return false;
  }
  return true;
}

/** The bits of byte `at` that count. */
function maskOf(bitCount: number, at: number): number {
  const bits = Math.max(0, Math.min(8, bitCount - 8 * at));
  return (0xff << (8 - bits)) & 0xff;
}
