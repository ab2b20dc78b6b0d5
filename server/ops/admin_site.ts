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

/**
 * Where a browser gives the token, in a form: an address stands in the logs of proxies. The form and how it looks are
 * anybody's.
 */
const TOKEN_PATH = "/token";
const OPEN_PATHS = [TOKEN_PATH, "/status.css"];

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
    [TOKEN_PATH, await read("token.html", "text/html")],
  ]);
}

function createAdminApp(options: AdminSiteOptions, pages: Pages): Hono {
  const { monitor, facts, reasons, notices = () => [], logger } = options;
  const app = new Hono();
  app.use(addSecurityHeaders);
  // Where every page asks for the token, another site's page has nothing to show; a proxy's name may be any.
  if (options.token === "") app.use(checkHost(options.host));
  app.on(["GET", "HEAD"], "/healthz", (context) => context.text("ok\n"));
  const sendPage = (context: Context, path: string, status: 200 | 401 = 200) => {
    const { body, contentType } = pages.get(path)!;
    if (path === TOKEN_PATH) context.header("content-security-policy", TOKEN_PAGE_POLICY);
    return context.body(body, status, { "content-type": contentType });
  };
  const gate = new TokenGate(
    options.token !== "" ? options.token : options.moderation.token,
    (context) => sendPage(context, TOKEN_PATH, 401),
  );
  for (const path of OPEN_PATHS) app.on(["GET", "HEAD"], path, (context) => sendPage(context, path));
  app.post(TOKEN_PATH, gate.takeForm);
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
  let rendering: Promise<string> | null = null;
  app.get("/metrics", async (context) => {
    // Which takes milliseconds: all who ask in one turn of the event loop get the same.
    rendering ??= renderMetrics(monitor).finally(() => rendering = null);
    return context.body(await rendering, 200, contentType(METRICS_CONTENT_TYPE));
  });
  app.get("/moderation/list", () => listForModerators(options.moderation));
  app.get(
    "/status.json",
    (context) => context.json(statusReport(monitor, facts(), { reasons: reasons(), notices: notices() })),
  );
  for (const path of pages.keys()) app.get(path, (context) => sendPage(context, path));
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

const TOKEN_PAGE_POLICY = SECURITY_HEADERS["content-security-policy"].replace(
  "form-action 'none'",
  "form-action 'self'",
);

async function addSecurityHeaders(context: Context, next: Next): Promise<void> {
  await next();
  const { headers } = context.res;
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) if (!headers.has(name)) headers.set(name, value);
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
 * Asks for the token: as a bearer, or once in a form, or as `?token=` in the address, which is exchanged for a cookie so
 * that the token does not stay in the browser. The cookie is not the token and dies with the process.
 */
class TokenGate {
  readonly #token: string;
  readonly #showForm: (context: Context) => Response;
  readonly #cookieSecret = crypto.randomUUID() + crypto.randomUUID();

  /** @param showForm Answers a browser that has not shown the token. */
  constructor(token: string, showForm: (context: Context) => Response) {
    this.#token = token;
    this.#showForm = showForm;
  }

  /** Lets pass who has shown the token. */
  readonly check = async (context: Context, next: Next): Promise<Response | void> => {
    const cookie = cookieValue(context.req.header("cookie"), this.#cookieName(context));
    if (cookie !== undefined && isSameSecret(cookie, this.#cookieSecret)) return await next();
    const bearer = bearerToken(context.req.header("authorization"));
    if (bearer !== undefined && isSameSecret(bearer, this.#token)) return await next();
    return this.#refuse(context);
  };

  /** Exchanges `?token=` for the cookie. */
  readonly exchange = async (context: Context, next: Next): Promise<Response | void> => {
    const url = new URL(context.req.url);
    const given = url.searchParams.get("token");
    if (given === null) return await next();
    if (!isSameSecret(given, this.#token)) return this.#refuse(context);
    url.searchParams.delete("token");
    // Two slashes at the start would name another host.
    const path = url.pathname.replace(/^\/+/, "/");
    return this.#admit(context, `${path}${url.search}`);
  };

  /** Exchanges the token of the form for the cookie. */
  readonly takeForm = async (context: Context): Promise<Response> => {
    const given = new URLSearchParams(await context.req.text()).get("token") ?? "";
    return isSameSecret(given, this.#token) ? this.#admit(context, "/") : this.#refuse(context);
  };

  #admit(context: Context, location: string): Response {
    // As the proxy says; whoever claims it of a connection without TLS gets a cookie that is not sent back.
    const secure = context.req.header("x-forwarded-proto") === "https" ? "; Secure" : "";
    return context.body(null, 303, {
      location,
      "set-cookie": `${this.#cookieName(context)}=${this.#cookieSecret}; HttpOnly; SameSite=Strict; Path=/${secure}`,
    });
  }

  #refuse(context: Context): Response {
    context.header("www-authenticate", 'Bearer realm="drawbridge admin"');
    if (context.req.header("accept")?.includes("text/html")) return this.#showForm(context);
    return context.text("The admin token is missing or wrong. Send Authorization: Bearer TOKEN, or open /token\n", 401);
  }

  /** Cookies do not keep the ports of one host apart. */
  #cookieName(context: Context): string {
    return `drawbridge_admin_${new URL(context.req.url).port || "80"}`;
  }
}

function answerError(error: unknown, logger: Logger): Response {
  logger.error("Cannot answer request to the admin site", { error });
  return new Response("Internal error\n", { status: 500 });
}
