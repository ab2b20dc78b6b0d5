/**
 * The header that a proxy puts before a connection's first byte, to say who connected to it: the PROXY protocol,
 * version 1, which is a line of text, and version 2, which is binary.
 *
 * @see https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt
 *
 * @module
 */

import { ProtocolError } from "../../shared/errors.ts";
import { DisconnectReason } from "../../shared/gen/enums.ts";
import { PROXY_HEADER_BYTES_MAX, PROXY_LINE_BYTES_MAX } from "../../shared/limits.ts";
import { formatIpAddress, IP_ADDRESS_BYTES, parseIpv4, parseIpv6 } from "../base/ip_address.ts";

/** A header that is whole. */
export interface ProxyHeader {
  /** Its length in bytes: the connection's own bytes follow. */
  readonly headerBytes: number;
  /** Who connected to whom; `null` when the proxy speaks for itself (a health check), or does not know. */
  readonly addresses: { readonly remoteAddress: string; readonly localAddress: string } | null;
}

const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
/** `PROXY ` */
const VERSION_1 = [0x50, 0x52, 0x4f, 0x58, 0x59, 0x20];
const CR = 0x0d;
const LF = 0x0a;
const LINE = /^PROXY TCP([46]) ([\da-fA-F.:]+) ([\da-fA-F.:]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/;
/** Signature, version and command, family and protocol, length. */
const FIXED_BYTES = 16;
const COMMAND_LOCAL = 0x20;
const COMMAND_PROXY = 0x21;
const UNSPECIFIED = 0x00;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;
const UNIX_STREAM = 0x31;
/** Bytes of both addresses and both ports by family. */
const ADDRESS_BLOCK_BYTES: ReadonlyMap<number, number> = new Map([
  [UNSPECIFIED, 0],
  [TCP_OVER_IPV4, 12],
  [TCP_OVER_IPV6, 36],
  [UNIX_STREAM, 216],
]);

/**
 * Reads a header from the first bytes of a connection.
 *
 * @returns `null` while it is not whole; nothing of it was wrong so far.
 * @throws {ProtocolError} `MALFORMED_FRAME` at the first byte that no header can have there.
 */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader | null {
  if (bytes.length > 0 && bytes[0] === VERSION_1[0]) return readLine(bytes);
  checkStart(bytes, SIGNATURE);
  if (bytes.length < FIXED_BYTES) return null;
  const command = bytes[12];
  const family = bytes[13];
  const headerBytes = FIXED_BYTES + (bytes[14] << 8 | bytes[15]);
  if (command !== COMMAND_PROXY && command !== COMMAND_LOCAL) {
    throw malformed(`version and command are ${hex(command)}, expected 20 or 21`);
  }
  if (headerBytes > PROXY_HEADER_BYTES_MAX) {
    throw malformed(`it has ${headerBytes} bytes, limit is ${PROXY_HEADER_BYTES_MAX} bytes`);
  }
  const isLocal = command === COMMAND_LOCAL;
  // Of a local connection nothing but the length counts.
  const blockBytes = ADDRESS_BLOCK_BYTES.get(family) ?? (isLocal ? 0 : undefined);
  if (blockBytes === undefined) throw malformed(`family and protocol ${hex(family)} are not TCP over IP`);
  const tlvStart = FIXED_BYTES + blockBytes;
  if (!isLocal && tlvStart > headerBytes) throw malformed("it is too short for its addresses");
  if (bytes.length < headerBytes) return null;
  if (isLocal) return { headerBytes, addresses: null };
  checkExtensions(bytes.subarray(tlvStart, headerBytes));
  return { headerBytes, addresses: addressesOf(bytes, family) };
}

function checkStart(bytes: Uint8Array, expected: readonly number[]): void {
  const count = Math.min(bytes.length, expected.length);
  for (let at = 0; at < count; at++) {
    if (bytes[at] !== expected[at]) throw malformed("the connection does not begin with it");
  }
}

/** Version 1: `PROXY TCP4 192.0.2.1 203.0.113.80 50000 8081` and a line end, or `PROXY UNKNOWN` and anything. */
function readLine(bytes: Uint8Array): ProxyHeader | null {
  checkStart(bytes, VERSION_1);
  const end = bytes.indexOf(CR);
  if (end < 0 ? bytes.length >= PROXY_LINE_BYTES_MAX : end + 2 > PROXY_LINE_BYTES_MAX) {
    throw malformed(`its line is over ${PROXY_LINE_BYTES_MAX} bytes, which is the limit`);
  }
  const text = String.fromCharCode(...bytes.subarray(0, end < 0 ? bytes.length : end));
  if (/[^\x20-\x7e]/.test(text)) throw malformed("its line holds what is no text");
  if (end < 0 || bytes.length === end + 1) return null;
  if (bytes[end + 1] !== LF) throw malformed("a carriage return ends no line");
  const headerBytes = end + 2;
  if (/^PROXY UNKNOWN( |$)/.test(text)) return { headerBytes, addresses: null };
  const line = LINE.exec(text);
  if (line === null) throw malformed("its line is not family, two addresses and two ports");
  const [, family, source, target, ...ports] = line;
  const parse = family === "4" ? parseIpv4 : parseIpv6;
  const [remote, local] = [parse(source), parse(target)];
  if (remote === null || local === null) throw malformed(`an address is not of TCP${family}`);
  if (family === "4" && [source, target].some((text) => /\b0\d/.test(text))) throw malformed("a number begins with 0");
  if (ports.some((port) => Number(port) > 65_535)) throw malformed("a port is over 65535");
  return { headerBytes, addresses: { remoteAddress: textOf(remote), localAddress: textOf(local) } };
}

function textOf(address: readonly number[]): string {
  return address.length === 4 ? address.join(".") : formatIpAddress(new Uint8Array(address));
}

/** Type, two bytes of length, value: one after the other, and nothing behind the last. */
function checkExtensions(bytes: Uint8Array): void {
  let at = 0;
  while (at + 3 <= bytes.length) at += 3 + (bytes[at + 1] << 8 | bytes[at + 2]);
  if (at !== bytes.length) throw malformed("its extensions do not fit its length");
}

function addressesOf(bytes: Uint8Array, family: number): ProxyHeader["addresses"] {
  if (family === TCP_OVER_IPV4) {
    return { remoteAddress: bytes.subarray(16, 20).join("."), localAddress: bytes.subarray(20, 24).join(".") };
  }
  if (family !== TCP_OVER_IPV6) return null;
  const source = FIXED_BYTES + IP_ADDRESS_BYTES;
  return {
    remoteAddress: formatIpAddress(bytes.subarray(FIXED_BYTES, source)),
    localAddress: formatIpAddress(bytes.subarray(source, source + IP_ADDRESS_BYTES)),
  };
}

function malformed(what: string): ProtocolError {
  return new ProtocolError(DisconnectReason.MALFORMED_FRAME, `Cannot accept PROXY header: ${what}`);
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
