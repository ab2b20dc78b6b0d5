/**
 * What can be said of a host name or an IP address by looking at it.
 *
 * @module
 */

/** Tells whether `text` is a host name, an IPv4 or an IPv6 address (without brackets, zone or port). */
export function isHost(text: string): boolean {
  if (text.length === 0 || text.length > 253) return false;
  if (text.includes(":")) return isIpv6(text);
  const labels = text.split(".");
  // A last label of digits means an address, never a name: 999.1.1.1 must not pass as one.
  if (/^\d+$/.test(labels[labels.length - 1])) return isIpv4(text);
  return labels.every((label) => /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label));
}

/** Tells whether what listens on `host` can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  if (host.includes(":")) return isIpv6(host) && canonicalIpv6(host) === "::1";
  return isIpv4(host) && host.startsWith("127.");
}

/** Tells whether `host` stands for every address of the machine. */
export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || (host.includes(":") && isIpv6(host) && canonicalIpv6(host) === "::");
}

/** Writes `host` and `port` as the authority of a URL: IPv6 addresses get their brackets. */
export function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

function isIpv6(text: string): boolean {
  return /^[0-9A-Fa-f:.]+$/.test(text) && URL.canParse(`http://[${text}]/`);
}

function canonicalIpv6(text: string): string {
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}
