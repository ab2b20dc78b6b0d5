/** Where a NATS server is, as its address says. @module */

/** A server, and who speaks to it. */
export interface NatsTarget {
  readonly host: string;
  readonly port: number;
  /** Empty: it asks for none. */
  readonly user: string;
  readonly password: string;
  /** Whether nothing is said before the connection is encrypted, to a server whose certificate is good. */
  readonly isTls: boolean;
}

const PORT = 4222;

/**
 * Reads `nats://user:password@host:port`, or `tls://` in place of `nats://`.
 *
 * @returns Undefined where something is missing, or there is more than that.
 */
export function parseNatsUrl(value: string): NatsTarget | undefined {
  if (!/^(?:nats|tls):\/\//i.test(value) || !URL.canParse(value) || /[\s\p{Cc}]/u.test(value)) return undefined;
  const { protocol, hostname, port, pathname, username, password, search, hash } = new URL(value);
  const isMore = search !== "" || hash !== "" || !/^\/?$/.test(pathname);
  const [user, secret] = [username, password].map(decoded);
  const isHalf = user === undefined || secret === undefined || (user === "") !== (secret === "");
  if (isMore || isHalf || hostname === "") return undefined;
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return { host, port: port === "" ? PORT : Number(port), user, password: secret, isTls: /^tls:/i.test(protocol) };
}

/** What can be told of a server: never the password. */
export function describeNats({ host, port, user, isTls }: NatsTarget): string {
  const who = user === "" ? "" : `${user}@`;
  return `${isTls ? "tls" : "nats"}://${who}${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
