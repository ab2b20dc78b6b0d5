/**
 * The admin site: a status page, metrics and health for the operator and his tools. It runs on the main thread and
 * never on a public address without a token.
 *
 * @module
 */

import { type Context, Hono, type Next } from "hono";
import { hostPort } from "../base/host.ts";
import { listenError } from "../process/listen_error.ts";
import { bearerToken, cookieValue, isHostAllowed, isSameSecret } from "./admin_access.ts";
import { AdminListener } from "./admin_listener.ts";
import type { Logger } from "./logging.ts";
import { METRICS_CONTENT_TYPE, renderMetrics } from "./metrics.ts";
import { listForModerators, moderate, type ModerationOptions } from "../moderation/moderation_site.ts";
import type { Monitor } from "./monitor.ts";
import { type ServerFacts, statusReport } from "./status.ts";

/** What the admin site needs. */
export interface AdminSiteOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Asked for by every path but `/healthz`; empty: nobody is asked. */
  readonly token: string;
  readonly monitor: Monitor;
  readonly facts: () => ServerFacts;
  /** Why the server is not ready; none: it is. */
  readonly reasons: () => readonly string[];
  /** What does not work although the node is ready; nothing unless told. */
  readonly notices?: () => readonly string[];
  readonly logger: Logger;
  /**
   * Faults that an operator can cause on purpose, to see the server recover: `POST /drill/NAME?…` with the header
   * `X-Drawbridge-Drill: yes`, which no page of another site can send. Each gives whether it could be caused.
   */
  readonly drills: ReadonlyMap<string, (parameters: URLSearchParams) => boolean>;
  /** What moderators can do, who always have to give its token. */
  readonly moderation: ModerationOptions & { readonly token: string };
}

/** A running admin site. */
export interface AdminSite {
  /** Where it listens: `http://127.0.0.1:9090`. */
  readonly address: string;
  /** Stops; requests that take too long are cut off. */
  stop(): Promise<void>;
}

/**
 * Starts the admin site.
 *
 * @throws {ConfigError} or {DependencyError} as {@linkcode listenError} has them, when it cannot listen.
 */
export async function startAdminSite(options: AdminSiteOptions): Promise<AdminSite> {
  const app = createAdminApp(options, await loadPages());
  const { host, port, logger } = options;
  const listener = listen(host, port, () =>
    new AdminListener({
      host,
      port,
      handle: (request) => app.fetch(request),
      onAcceptError: (error) => logger.warn("The admin site cannot accept a connection", { error: String(error) }),
    }));
  return {
    address: `http://${hostPort(options.host, listener.port)}`,
    stop: () => listener.stop(),
  };
}

function listen<T>(host: string, port: number, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw listenError({ key: "adminPort", host, port }, error);
  }
}

/** A file of the site. */
interface Page {
  readonly body: string;
  readonly contentType: string;
}

type Pages = ReadonlyMap<string, Page>;

async function loadPages(): Promise<Pages> {
  const read = async (name: string, contentType: string): Promise<Page> => ({
    body: await Deno.readTextFile(new URL(`./web/${name}`, import.meta.url)),
    contentType: `${contentType}; charset=utf-8`,
  });
  return new Map([
    ["/", await read("status.html", "text/html")],
    ["/status.css", await read("status.css", "text/css")],
    ["/status.js", await read("status.js", "text/javascript")],
    ["/moderation.js", await read("moderation.js", "text/javascript")],
  ]);
}

function createAdminApp(options: AdminSiteOptions, pages: Pages): Hono {
  const { monitor, facts, reasons, notices = () => [], logger } = options;
  const app = new Hono();
  app.use(addSecurityHeaders);
  // Where every page asks for the token, another site's page has nothing to show; a proxy's name may be any.
  if (options.token === "") app.use(checkHost(options.host));
  app.on(["GET", "HEAD"], "/healthz", (context) => context.text("ok\n"));
  const gate = new TokenGate(options.token !== "" ? options.token : options.moderation.token);
  app.use(gate.exchange);
  if (options.token !== "") app.use(gate.check);
  app.use("/moderation/*", gate.check);
  app.post("/moderation/:act", (context) => moderate(context.req.param("act"), context.req.raw, options.moderation));
  app.post("/drill/:name", (context) => {
    const drill = options.drills.get(context.req.param("name"));
    if (drill === undefined || context.req.header("x-drawbridge-drill") !== "yes") return context.notFound();
    const done = drill(new URL(context.req.url).searchParams);
    return done ? context.text("started\n", 202) : context.text("Cannot do that\n", 400);
  });
  app.use(refuseOtherMethods);
  app.get("/readyz", (context) => {
    const found = reasons();
    if (found.length > 0) return context.text(`not ready\n${found.join("\n")}\n`, 503);
    return context.text(["ready", ...notices(), ""].join("\n"));
  });
  app.get(
    "/metrics",
    async (context) => context.body(await renderMetrics(monitor), 200, contentType(METRICS_CONTENT_TYPE)),
  );
  app.get("/moderation/list", () => listForModerators(options.moderation));
  app.get(
    "/status.json",
    (context) => context.json(statusReport(monitor, facts(), { reasons: reasons(), notices: notices() })),
  );
  for (const [path, page] of pages) {
    app.get(path, (context) => context.body(page.body, 200, contentType(page.contentType)));
  }
  app.notFound((context) => context.text("Not found\n", 404));
  app.onError((error) => answerError(error, logger));
  return app;
}

function contentType(value: string): Record<string, string> {
  return { "content-type": value };
}

const SECURITY_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

async function addSecurityHeaders(context: Context, next: Next): Promise<void> {
  await next();
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) context.res.headers.set(name, value);
}

function checkHost(listenHost: string) {
  return async (context: Context, next: Next): Promise<Response | void> => {
    if (isHostAllowed(context.req.header("host"), listenHost)) return await next();
    return context.text("This name does not lead to the admin site; use localhost\n", 421);
  };
}

async function refuseOtherMethods(context: Context, next: Next): Promise<Response | void> {
  if (context.req.method === "GET" || context.req.method === "HEAD") return await next();
  return context.text("Method not allowed\n", 405, { allow: "GET, HEAD" });
}

/**
 * Asks for the token: as a bearer, or once as `?token=` in the address, which is exchanged for a cookie so that the
 * token does not stay in the browser's history. The cookie is not the token and dies with the process.
 */
class TokenGate {
  readonly #token: string;
  readonly #cookieSecret = crypto.randomUUID() + crypto.randomUUID();

  constructor(token: string) {
    this.#token = token;
  }

  /** Lets pass who has shown the token. */
  readonly check = async (context: Context, next: Next): Promise<Response | void> => {
    const cookie = cookieValue(context.req.header("cookie"), this.#cookieName(context));
    if (cookie !== undefined && isSameSecret(cookie, this.#cookieSecret)) return await next();
    const bearer = bearerToken(context.req.header("authorization"));
    if (bearer !== undefined && isSameSecret(bearer, this.#token)) return await next();
    return refuseToken(context);
  };

  /** Exchanges `?token=` for the cookie. */
  readonly exchange = async (context: Context, next: Next): Promise<Response | void> => {
    const url = new URL(context.req.url);
    const given = url.searchParams.get("token");
    if (given === null) return await next();
    if (!isSameSecret(given, this.#token)) return refuseToken(context);
    url.searchParams.delete("token");
    // Two slashes at the start would name another host.
    const path = url.pathname.replace(/^\/+/, "/");
    return context.body(null, 303, {
      "location": `${path}${url.search}`,
      "set-cookie": `${this.#cookieName(context)}=${this.#cookieSecret}; HttpOnly; SameSite=Strict; Path=/`,
    });
  };

  /** Cookies do not keep the ports of one host apart. */
  #cookieName(context: Context): string {
    return `drawbridge_admin_${new URL(context.req.url).port || "80"}`;
  }
}

function refuseToken(context: Context): Response {
  return context.text(
    "The admin token is missing or wrong. Send Authorization: Bearer TOKEN, or open /?token=TOKEN once\n",
    401,
    { "www-authenticate": 'Bearer realm="drawbridge admin"' },
  );
}

function answerError(error: unknown, logger: Logger): Response {
  logger.error("Cannot answer request to the admin site", { error });
  return new Response("Internal error\n", { status: 500 });
}
