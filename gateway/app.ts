/**
 * What the gateway answers to ordinary HTTP requests: the page, its assets, health. The only file of the gateway that names Hono.
 *
 * @module
 */

import { createHash } from "node:crypto";

import { type Context, Hono } from "hono";
import { isOriginAllowed } from "./http.ts";

/** A file that the gateway serves. */
export interface Asset {
  /** Its media type, with the charset of a text. */
  readonly type: string;
  /** Its content. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What {@linkcode createApp} needs. */
export interface AppOptions {
  /** Files by absolute path; `/index.html` is the page at `/`. */
  readonly assets: ReadonlyMap<string, Asset>;
  /** As in `upgradeDecision`. Default: none but the page's own. */
  readonly allowedOrigins?: readonly string[];
  /** Whether it is reached by TLS. */
  readonly isSecure?: boolean;
  /** Whether the server takes players. */
  readonly ready: () => boolean;
  /** Told of every error behind a 500; the peer is told nothing. */
  readonly onError?: (error: Error) => void;
}

/** An answer that was made beforehand. */
export interface PreparedAnswer {
  /** Of HTTP. */
  readonly status: 200 | 304;
  /** Its fields, but for those that tell of the connection and the time. */
  readonly fields: readonly (readonly [string, string])[];
  /** The content; empty with 304. */
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Answers requests. */
export interface App {
  /**
   * The answer to a request for an asset, which {@linkcode fetch} would give as well, at the cost of a look-up.
   *
   * @param path Of the request, without its query, as it came.
   * @param ifNoneMatch That field of the request.
   * @param host That field of the request.
   * @returns `undefined` when there is no such asset: others are to be fetched.
   */
  asset(path: string, ifNoneMatch: string | undefined, host: string | undefined): PreparedAnswer | undefined;
  /** Never throws: an error becomes a 500. */
  fetch(request: Request): Promise<Response> | Response;
}

/**
 * What the page may do: talk to its own host, by WebSocket too, which not every browser takes 'self' for, and to the
 * gateways of those whose pages may open this one.
 */
function contentSecurityPolicy(host: string | undefined, allowedOrigins: readonly string[]): string {
  const own = host === undefined ? "'self'" : `'self' ws://${host} wss://${host}`;
  const others = allowedOrigins.filter((origin) => /^(?:\*$|https?:)/.test(origin))
    .map((origin) => origin === "*" ? " ws: wss:" : ` ${origin.replace("http", "ws")}`);
  return `default-src 'self'; connect-src ${own}${
    others.join("")
  }; style-src 'self'; img-src 'self' data:; object-src 'none'; ` +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}

/** Half a year in which browsers come back by TLS only. */
const HSTS = "max-age=15552000";

const SECURITY_HEADERS: readonly (readonly [string, string])[] = [
  ["x-content-type-options", "nosniff"],
  ["referrer-policy", "no-referrer"],
  ["cross-origin-opener-policy", "same-origin"],
  ["cross-origin-resource-policy", "same-origin"],
];

/** Names of assets don't change with their content, so browsers ask each time; the ETag keeps that cheap. */
const ASSET_CACHE_CONTROL = "no-cache";
const UNCACHED = { "cache-control": "no-store" };

/**
 * Builds the gateway's router.
 *
 * @example
 * ```ts ignore
 * const app = createApp({ assets, ready: () => isListening });
 * const response = await app.fetch(new Request("http://localhost:8082/healthz"));
 * ```
 */
export function createApp(options: AppOptions): App {
  const app = new Hono();
  const securityHeaders = (host: string | undefined): readonly (readonly [string, string])[] => [
    ...SECURITY_HEADERS,
    ["content-security-policy", contentSecurityPolicy(host, options.allowedOrigins ?? [])],
    ...(options.isSecure ? [["strict-transport-security", HSTS] as const] : []),
  ];
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of securityHeaders(context.req.header("host"))) context.header(name, value);
  });
  app.get("/healthz", (context) => {
    const isReady = options.ready();
    return context.text(isReady ? "ok" : "not ready", isReady ? 200 : 503, UNCACHED);
  });
  app.get("/ws", (context) => answerNoUpgrade(context, "the game: binary messages, see docs/protocol.md"));
  // Browsers do not tell a page why a WebSocket failed; this does. Whether an origin is allowed anybody can find out.
  app.get("/ws/check", (context) => {
    const origin = context.req.query("origin");
    const isAllowed = isOriginAllowed(origin, context.req.header("host"), options.allowedOrigins ?? []);
    return context.text(isAllowed ? "allowed\n" : "origin not allowed\n", isAllowed ? 200 : 403, UNCACHED);
  });
  app.get("/echo", (context) => answerNoUpgrade(context, "an echo: what is sent comes back"));
  // A look-up, not a route for each: a file's name may hold what a route takes for a pattern.
  const files = new Map([...options.assets].map(([path, asset]) => [path, prepareAsset(asset)]));
  const findAsset = (path: string, ifNoneMatch: string | undefined): PreparedAnswer | undefined => {
    const file = files.get(path === "/" ? "/index.html" : path);
    return file !== undefined && matchesEntityTag(ifNoneMatch, file.etag) ? file.unchanged : file?.whole;
  };
  app.get("*", (context) => {
    const answer = findAsset(context.req.path, context.req.header("if-none-match"));
    if (answer === undefined) return context.notFound();
    const { status, fields, body } = answer;
    return new Response(status === 304 ? null : body, {
      status,
      headers: fields.map(([name, value]): [string, string] => [name, value]),
    });
  });
  app.notFound((context) => context.text("Not found\n", 404, UNCACHED));
  app.onError((error, context) => {
    options.onError?.(error);
    return context.text("Internal server error\n", 500, UNCACHED);
  });
  return {
    asset(path, ifNoneMatch, host) {
      const answer = findAsset(path, ifNoneMatch);
      return answer && { ...answer, fields: [...answer.fields, ...securityHeaders(host)] };
    },
    fetch: (request) => app.fetch(request),
  };
}

/** Both answers that there are to a request for an asset. */
function prepareAsset({ bytes, type }: Asset): { etag: string; whole: PreparedAnswer; unchanged: PreparedAnswer } {
  const etag = entityTag(bytes);
  const fields = [["etag", etag], ["cache-control", ASSET_CACHE_CONTROL]] as const;
  return {
    etag,
    whole: { status: 200, fields: [["content-type", type], ...fields], body: bytes },
    unchanged: { status: 304, fields, body: new Uint8Array(0) },
  };
}

function answerNoUpgrade(context: Context, what: string): Response {
  const { pathname } = new URL(context.req.url);
  return context.text(`This is ${what}.\nConnect to ${pathname} with a WebSocket (RFC 6455, version 13).\n`, 426, {
    ...UNCACHED,
    "upgrade": "websocket",
    "sec-websocket-version": "13",
  });
}

function entityTag(bytes: Uint8Array): string {
  return `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
}

/**
 * Compares weakly, as If-None-Match does (RFC 9110, section 13.1.2). Thousands of tags are not read one by one: no tag has
 * quotation marks in it, so that ours with its own is nothing else.
 */
function matchesEntityTag(ifNoneMatch: string | undefined, etag: string): boolean {
  return ifNoneMatch !== undefined && (ifNoneMatch.trim() === "*" || ifNoneMatch.includes(etag));
}
