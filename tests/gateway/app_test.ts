import { type App, type AppOptions, createApp } from "../../gateway/app.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { utf8 } from "./frames.ts";

const PAGE = { type: "text/html; charset=utf-8", bytes: utf8("<!doctype html>") };
const SCRIPT = { type: "text/javascript", bytes: utf8("1") };

function newApp(options: Partial<AppOptions> = {}): App {
  const assets = new Map([["/index.html", PAGE], ["/game.js", SCRIPT], ["/a:b*.js", SCRIPT]]);
  return createApp({ assets, ready: () => true, ...options });
}

async function get(app: App, path: string, headers: HeadersInit = {}): Promise<Response> {
  return await app.fetch(new Request(`http://localhost:8082${path}`, { headers }));
}

Deno.test("App.fetch() serves the page at / and every asset at its path", async () => {
  const app = newApp();
  const table: [string, typeof PAGE][] = [
    ["/", PAGE],
    ["/?a=b", PAGE],
    ["/index.html", PAGE],
    ["/game.js", SCRIPT],
    ["/a:b*.js", SCRIPT],
  ];
  for (const [path, asset] of table) {
    const response = await get(app, path);
    assertEquals([response.status, response.headers.get("content-type")], [200, asset.type], path);
    assertEquals(await response.bytes(), asset.bytes);
  }
});

Deno.test("App.fetch() answers 304 to a browser that has the asset, and 200 to one that has another", async () => {
  const app = newApp();
  const { headers } = await get(app, "/game.js");
  const etag = headers.get("etag") ?? "";
  assert(/^"[\w-]{22}"$/.test(etag), etag);
  assertEquals(headers.get("cache-control"), "no-cache");
  const others = '"other", '.repeat(700);
  for (const tags of [etag, `W/${etag}`, `"other", ${etag}`, `${others}${etag}`, "*"]) {
    const response = await get(app, "/game.js", { "if-none-match": tags });
    assertEquals([response.status, response.headers.get("etag"), await response.text()], [304, etag, ""], tags);
  }
  for (const tags of ['"other"', others, etag.slice(1, -1), etag.slice(0, -1), ""]) {
    const response = await get(app, "/game.js", { "if-none-match": tags });
    assertEquals([response.status, await response.text()], [200, "1"], tags);
  }
});

Deno.test("App.fetch() sends security headers with every answer", async () => {
  const app = newApp({
    ready() {
      throw new Error("Secret");
    },
  });
  for (const path of ["/", "/game.js", "/ws", "/nowhere", "/healthz"]) {
    const { headers } = await get(app, path);
    assert(headers.get("content-security-policy")?.startsWith("default-src 'self'; connect-src 'self'; "), path);
    assertEquals(headers.get("strict-transport-security"), null, path);
    assertEquals(headers.get("x-content-type-options"), "nosniff", path);
    assertEquals(headers.get("referrer-policy"), "no-referrer", path);
  }
});

Deno.test("App.asset() answers with the same fields as App.fetch(), over TLS too", async () => {
  for (const isSecure of [false, true]) {
    const app = newApp({ isSecure });
    for (const path of ["/", "/game.js"]) {
      for (const tag of [undefined, "*"]) {
        const { headers } = await get(app, path, { host: "a.example", ...(tag && { "if-none-match": tag }) });
        const answer = app.asset(path, tag, "a.example");
        assertEquals(new Map(answer!.fields.toSorted()), new Map([...headers].toSorted()));
      }
    }
  }
});

Deno.test("App.fetch() tells at /healthz whether the server is ready, never from a cache", async () => {
  let isReady = false;
  const app = newApp({ ready: () => isReady });
  const before = await get(app, "/healthz");
  assertEquals([before.status, await before.text()], [503, "not ready"]);
  isReady = true;
  const after = await get(app, "/healthz");
  assertEquals([after.status, await after.text(), after.headers.get("cache-control")], [200, "ok", "no-store"]);
});

Deno.test("App.fetch() explains /ws and /echo to who comes without an upgrade", async () => {
  for (const path of ["/ws", "/echo"]) {
    const { status, headers, body } = await get(newApp(), path);
    assertEquals([status, headers.get("upgrade"), headers.get("sec-websocket-version")], [426, "websocket", "13"]);
    const text = await new Response(body).text();
    assert(text.includes(`Connect to ${path} with a WebSocket`), text);
  }
});

Deno.test("App.fetch() answers 404 to what is not there, whatever its shape", async () => {
  const app = newApp();
  for (const path of ["/nowhere", "/game.js/", "//game.js", "/%", "/%2e%2e/game.js%00", "/__proto__", "/constructor"]) {
    const response = await get(app, path);
    assertEquals([response.status, await response.text()], [404, "Not found\n"], path);
  }
  const missingPage = await get(newApp({ assets: new Map() }), "/");
  assertEquals([missingPage.status, await missingPage.text()], [404, "Not found\n"]);
});

Deno.test("App.fetch() answers 500 without a word of the error, and tells the operator", async () => {
  const errors: Error[] = [];
  const app = newApp({
    ready() {
      throw new Error("Secret");
    },
    onError: (error) => errors.push(error),
  });
  const response = await get(app, "/healthz");
  assertEquals([response.status, await response.text()], [500, "Internal server error\n"]);
  assertEquals(errors.map((error) => error.message), ["Secret"]);
});

Deno.test("App.fetch() lets the page connect to the host it came from and no other, and TLS have browsers come back by TLS", async () => {
  const app = newApp({ isSecure: true });
  const { headers } = await app.fetch(new Request("http://gateway/", { headers: { host: "play.example.org:8443" } }));
  assert(
    headers.get("content-security-policy")!.includes(
      "connect-src 'self' ws://play.example.org:8443 wss://play.example.org:8443;",
    ),
  );
  assertEquals(headers.get("strict-transport-security"), "max-age=15552000");
});

Deno.test("App.fetch() lets the page connect to the gateways of the origins that may open this one", async () => {
  const policyOf = async (allowedOrigins: readonly string[]) => {
    const app = newApp({ allowedOrigins });
    const { headers } = await app.fetch(new Request("http://gateway/", { headers: { host: "one.example.org" } }));
    return headers.get("content-security-policy")!.split("; ").find((part) => part.startsWith("connect-src"));
  };
  const own = "connect-src 'self' ws://one.example.org wss://one.example.org";
  assertEquals(
    await policyOf(["https://two.example.org", "http://127.0.0.1:8182", "app://x"]),
    `${own} wss://two.example.org ws://127.0.0.1:8182`,
  );
  assertEquals(await policyOf(["*"]), `${own} ws: wss:`);
});

Deno.test("App.fetch() tells a page at /ws/check whether its origin may open the WebSocket", async () => {
  const app = newApp({ allowedOrigins: ["https://www.example.org"] });
  const statusOf = async (query: string) => (await get(app, `/ws/check${query}`, { host: "play.example.org" })).status;
  const statuses = [];
  for (const origin of ["https://play.example.org", "https://www.example.org", "https://evil.example", "null", ""]) {
    statuses.push(await statusOf(`?origin=${encodeURIComponent(origin)}`));
  }
  assertEquals(statuses, [200, 200, 403, 403, 403]);
  assertEquals(await statusOf(""), 200);
});
