/**
 * The client of a request that reverse proxies pass on: the field that they add, X-Forwarded-For or Forwarded.
 *
 * Each proxy appends its own client, so a list is read from its right end: what a trusted proxy wrote is true, and
 * so is what the hop before it wrote if that is a trusted one as well. Everything left of the first other address is
 * that peer's own words.
 *
 * @see RFC 7239
 *
 * @module
 */

import { HttpError } from "../../gateway/http.ts";
import { FORWARDED_HOPS_MAX } from "../../shared/limits.ts";
import { type AddressRanges, formatIpAddress, parseIpAddress, parseIpv4 } from "../base/ip_address.ts";

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
/** One parameter of Forwarded with the blanks around it, which many proxies write. */
const PAIR = new RegExp(`[ \\t]*(${TOKEN})=(?:(${TOKEN})|"((?:[^"\\\\]|\\\\.)*)")[ \\t]*`, "y");
const BLANKS = /[ \t]*/y;
/** What proxies write that do not say who it was. */
const HIDDEN = /^(?:unknown|_[0-9A-Za-z._-]+)(?::(?:\d{1,5}|_[0-9A-Za-z._-]+))?$/i;
const WITH_PORT = /^(?:\[([\dA-Fa-f:.]+)\]|([\d.]+))(?::(?:\d{1,5}|_[0-9A-Za-z._-]+))?$/;

/**
 * Reads whom a request of a trusted proxy comes from.
 *
 * Where both fields are there they must agree: a proxy that writes one passes the other on as its client wrote it.
 *
 * @param headers Values by lower-case name.
 * @param proxies Those that are trusted.
 * @returns The right-most address that is not one of them, else the left-most; `null` where none is named.
 * @throws {HttpError} 400 when a field is malformed as far as it counts, or the two disagree.
 */
export function readForwarded(headers: ReadonlyMap<string, string>, proxies: AddressRanges): string | null {
  const list = headers.get("x-forwarded-for");
  const standard = headers.get("forwarded");
  const byList = list === undefined ? null : lastUntrusted(hopsOfList(list), proxies);
  if (standard === undefined) return byList;
  const byStandard = lastUntrusted(hopsOfStandard(standard), proxies);
  if (list !== undefined && byList !== byStandard) {
    throw new HttpError(400, "Cannot accept request: X-Forwarded-For and Forwarded name different clients");
  }
  return byStandard;
}

/** @param hops From the right end on; `null` for one that is hidden. */
function lastUntrusted(hops: Iterable<Uint8Array | null>, proxies: AddressRanges): string | null {
  let last: Uint8Array | null = null;
  for (const hop of hops) {
    if (hop === null) break;
    last = hop;
    if (!proxies.contains(hop)) break;
  }
  return last === null ? null : formatIpAddress(last);
}

function* hopsOfList(value: string): Generator<Uint8Array | null> {
  if (value === "") return;
  let end = value.length;
  for (let count = 1; end >= 0; count++) {
    checkCount(count, "X-Forwarded-For");
    const comma = end === 0 ? -1 : value.lastIndexOf(",", end - 1);
    const text = value.slice(comma + 1, end).replace(/^[ \t]+|[ \t]+$/g, "");
    const address = HIDDEN.test(text) ? null : parseIpAddress(text) ?? parseNode(text);
    if (address === undefined) throw new HttpError(400, "Cannot accept request: X-Forwarded-For holds no address");
    yield address;
    end = comma;
  }
}

/** Read from the left and as a whole: only so it is known what a quoted string holds. */
function hopsOfStandard(value: string): (Uint8Array | null)[] {
  const hops: (Uint8Array | null)[] = [];
  if (value === "") return hops;
  let at = 0;
  while (true) {
    checkCount(hops.length + 1, "Forwarded");
    let node: string | undefined;
    let separator: string;
    do {
      PAIR.lastIndex = BLANKS.lastIndex = at;
      const pair = PAIR.exec(value);
      if (pair !== null) {
        at = PAIR.lastIndex;
        if (pair[1].toLowerCase() === "for") {
          if (node !== undefined) throw malformed();
          node = pair[2] ?? pair[3].replace(/\\(.)/g, "$1");
        }
      } else {
        // Parameters may be left out, between semicolons.
        BLANKS.exec(value);
        at = BLANKS.lastIndex;
      }
      separator = value.charAt(at++);
    } while (separator === ";");
    if (separator !== "," && separator !== "") throw malformed();
    const address = node === undefined || HIDDEN.test(node) ? null : parseNode(node);
    if (address === undefined) throw malformed();
    hops.push(address);
    if (separator === "") return hops.reverse();
  }
}

/** An IPv4 address or an IPv6 address in brackets, and perhaps a port; `undefined` when it is neither. */
function parseNode(text: string): Uint8Array | undefined {
  const node = WITH_PORT.exec(text);
  if (node === null) return undefined;
  const [, v6, v4] = node;
  if (v6 === undefined && parseIpv4(v4) === null) return undefined;
  if (v6 !== undefined && !v6.includes(":")) return undefined;
  return parseIpAddress(v6 ?? v4) ?? undefined;
}

function checkCount(count: number, field: string): void {
  if (count <= FORWARDED_HOPS_MAX) return;
  throw new HttpError(400, `Cannot accept request: ${field} has over ${FORWARDED_HOPS_MAX} hops`);
}

function malformed(): HttpError {
  return new HttpError(400, "Cannot accept request: Forwarded is malformed");
}
