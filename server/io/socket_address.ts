/**
 * Socket addresses in the form that Linux's calls take them: `struct sockaddr_in` and `struct sockaddr_in6`.
 *
 * @module
 */

import { formatIpAddress, parseIpv4, parseIpv6 } from "../base/ip_address.ts";

/** Address families. */
export const AF_INET = 2;
export const AF_INET6 = 10;
/** Bytes of the larger of the two. */
export const SOCKET_ADDRESS_BYTES = 28;

/**
 * Encodes an address.
 *
 * @param hostname An IPv4 or IPv6 address, or `localhost`.
 * @throws {RangeError} for any other name: nothing is looked up here.
 */
export function encodeSocketAddress(hostname: string, port: number): Uint8Array<ArrayBuffer> {
  const v4 = parseIpv4(hostname === "localhost" ? "127.0.0.1" : hostname);
  if (v4 !== null) {
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, AF_INET, true);
    view.setUint16(2, port);
    bytes.set(v4, 4);
    return bytes;
  }
  const v6 = parseIpv6(hostname);
  if (v6 === null) throw new RangeError(`Cannot listen on ${hostname}: the epoll backend needs an IP address`);
  const bytes = new Uint8Array(SOCKET_ADDRESS_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET6, true);
  view.setUint16(2, port);
  bytes.set(v6, 8);
  return bytes;
}

/** The address of a `struct sockaddr`, without its port. */
export function hostnameOf(address: Uint8Array): string {
  const family = address[0] | (address[1] << 8);
  return family === AF_INET ? address.subarray(4, 8).join(".") : formatIpAddress(address.subarray(8, 24));
}

/** The port of a `struct sockaddr`. */
export function portOf(address: Uint8Array): number {
  return (address[2] << 8) | address[3];
}
