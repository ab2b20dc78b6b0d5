/**
 * Socket addresses in the form that Linux's calls take them: `struct sockaddr_in` and `struct sockaddr_in6`.
 *
 * @module
 */

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
  if (family === AF_INET) return address.subarray(4, 8).join(".");
  const groups: string[] = [];
  for (let at = 8; at < 24; at += 2) groups.push(((address[at] << 8) | address[at + 1]).toString(16));
  // The longest run of zero groups is written as "::" (RFC 5952).
  const text = groups.join(":");
  const runs = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].sort((a, b) => groupCount(b[0]) - groupCount(a[0]));
  if (runs.length === 0) return text;
  const { index } = runs[0];
  return `${text.slice(0, index)}::${text.slice(index + runs[0][0].length).replace(/^:/, "")}`;
}

/** Zero groups in a run, whether it begins with a colon or not. */
function groupCount(run: string): number {
  return run.replaceAll(":", "").length;
}

/** The port of a `struct sockaddr`. */
export function portOf(address: Uint8Array): number {
  return (address[2] << 8) | address[3];
}

function parseIpv4(text: string): number[] | null {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return null;
  const parts = text.split(".").map(Number);
  return parts.every((part) => part <= 255) ? parts : null;
}

function parseIpv6(text: string): number[] | null {
  if (!/^[\da-f:]+$/i.test(text) || text.includes(":::")) return null;
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const groupsOf = (half: string) => half === "" ? [] : half.split(":");
  const head = groupsOf(halves[0]);
  const tail = halves.length === 2 ? groupsOf(halves[1]) : [];
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...new Array<string>(missing).fill("0"), ...tail];
  if (!groups.every((group) => /^[\da-f]{1,4}$/i.test(group))) return null;
  return groups.flatMap((group) => {
    const value = parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
