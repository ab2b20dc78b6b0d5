/** Where a PostgreSQL database is, as its address says. @module */

/** How a connection is encrypted: never, where the server can, always, or only to a server whose certificate is good. */
export type PostgresTls = "disable" | "prefer" | "require" | "verify-full";

/** A database, and who asks it. */
export interface PostgresTarget {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  readonly tls: PostgresTls;
  /** Certificates (PEM) that vouch for its server; undefined: those the system trusts. */
  readonly ca?: string;
}

const PORT = 5432;
const TLS: readonly string[] = ["disable", "prefer", "require", "verify-full"] satisfies PostgresTls[];

/** Whether an address is one of PostgreSQL, right or wrong. */
export function isPostgresUrl(value: string): boolean {
  return /^postgres(?:ql)?:/i.test(value);
}

/**
 * Reads `postgres://user:password@host:port/database?sslmode=require`.
 *
 * @returns Undefined where something is missing, or there is more than that.
 */
export function parsePostgresUrl(value: string): PostgresTarget | undefined {
  if (!isPostgresUrl(value) || !URL.canParse(value)) return undefined;
  const { hostname, port, pathname, username, password, searchParams, hash } = new URL(value);
  const tls = searchParams.get("sslmode") ?? "prefer";
  const isKnown = [...searchParams.keys()].every((key) => key === "sslmode") && TLS.includes(tls) && hash === "";
  const [user, secret, database] = [username, password, pathname.slice(1)].map(decoded);
  if (!isKnown || hostname === "" || !user || secret === undefined || !database) return undefined;
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return { host, port: port === "" ? PORT : Number(port), database, user, password: secret, tls: tls as PostgresTls };
}

/** What can be told of a database: never its password. */
export function describeTarget({ host, port, database, user }: PostgresTarget): string {
  return `postgres://${user}@${host.includes(":") ? `[${host}]` : host}:${port}/${database}`;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
