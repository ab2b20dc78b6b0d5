import { DependencyError } from "../../shared/errors.ts";
import { type AdminSiteOptions, startAdminSite } from "../../server/ops/admin_site.ts";
import { Counter, CounterBlock, createCounterBlock } from "../../server/ops/counters.ts";
import { Monitor } from "../../server/ops/monitor.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { parsePrometheusText } from "../support/prometheus_text.ts";
import { RecordingLogger } from "../support/recording_logger.ts";

const TOKEN = "0123456789abcdef";
const PATHS = ["/", "/status.css", "/status.js", "/moderation.js", "/status.json", "/metrics", "/readyz"];

/** Runs `test` against a site on a free port, then stops the site. */
async function withSite(
  options: Partial<AdminSiteOptions>,
  test: (address: string, logger: RecordingLogger) => Promise<void>,
): Promise<void> {
  const logger = new RecordingLogger();
  const memory = createCounterBlock();
  new CounterBlock(memory).add(Counter.PACKETS_IN, 42);
  const monitor = new Monitor({ nowMs: () => 0 });
  monitor.attach("io-1", memory);
  const site = await startAdminSite({
    host: "127.0.0.1",
    port: 0,
    token: "",
    monitor,
    facts: () => ({
      serverId: 7,
      serverName: "Test <b>",
      role: "all",
      addresses: { login: "x:1" },
      config: { role: "all" },
      maintenance: null,
    }),
    reasons: () => [],
    logger,
    drills: new Map(),
    moderation: {
      token: TOKEN,
      run: () => Promise.resolve({ kind: "done", text: "done" }),
      audit: new RecordingLogger(),
    },
    ...options,
  });
  try {
    await test(site.address, logger);
  } finally {
    await site.stop();
  }
}

/** Sends one request with exactly this head; gives the status and the whole answer. */
async function requestRaw(address: string, head: readonly string[]): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(address);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode(`${[...head, "Connection: close"].join("\r\n")}\r\n\r\n`));
  const chunks: number[] = [];
  const buffer = new Uint8Array(4_096);
  for (let read = await connection.read(buffer); read !== null; read = await connection.read(buffer)) {
    chunks.push(...buffer.subarray(0, read));
  }
  const text = new TextDecoder().decode(new Uint8Array(chunks));
  return { status: Number(text.split(" ")[1]), text };
}

async function get(url: string, init?: RequestInit): Promise<{ status: number; body: string; headers: Headers }> {
  const response = await fetch(url, { redirect: "manual", ...init });
  return { status: response.status, body: await response.text(), headers: response.headers };
}

Deno.test("startAdminSite() says where it listens and serves the page, its files, health and metrics", async () => {
  await withSite({}, async (address) => {
    assert(/^http:\/\/127\.0\.0\.1:\d+$/.test(address), address);
    const types = [];
    for (const path of PATHS) {
      const { status, headers } = await get(address + path);
      assertEquals(status, 200, path);
      types.push(headers.get("content-type")?.split(";")[0]);
    }
    const expected = [
      "text/html",
      "text/css",
      "text/javascript",
      "text/javascript",
      "application/json",
      "text/plain",
      "text/plain",
    ];
    assertEquals(types, expected);
    assertEquals((await get(`${address}/healthz`)).body, "ok\n");
    const samples = parsePrometheusText((await get(`${address}/metrics`)).body);
    assertEquals(samples.find(({ labels }) => labels.direction === "in")?.value, 42);
  });
});

/** Asks for one path on so many connections, whose requests are all there when the site reads the first. */
async function getAtOnce(address: string, path: string, count: number): Promise<string[]> {
  const { hostname, port } = new URL(address);
  const open = () => Deno.connect({ hostname, port: Number(port) });
  const connections = await Promise.all(Array.from({ length: count }, open));
  try {
    // The site accepts them all, and waits for what they say.
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
    const head = new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    const writing = connections.map((connection) => connection.write(head));
    // Nothing is read in this thread while it does this.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    await Promise.all(writing);
    return await Promise.all(connections.map((connection) => new Response(connection.readable).text()));
  } finally {
    for (const connection of connections) {
      try {
        connection.close();
      } catch {
        // Its stream has closed it.
      }
    }
  }
}

Deno.test("startAdminSite() builds the metrics once for all who ask at once, and anew for who asks later or after a failure", async () => {
  let buildCount = 0, isFailing = false;
  class CountingMonitor extends Monitor {
    override totals() {
      buildCount++;
      if (isFailing) throw new Error("planted");
      return super.totals();
    }
  }
  await withSite({ monitor: new CountingMonitor({ nowMs: () => 0 }) }, async (address, logger) => {
    const statuses = async () => (await getAtOnce(address, "/metrics", 20)).map((text) => text.split(" ")[1]);
    assertEquals(await statuses(), new Array(20).fill("200"));
    assert(buildCount >= 1 && buildCount <= 10, `${buildCount} for 20`);
    isFailing = true;
    assertEquals(await statuses(), new Array(20).fill("500"));
    isFailing = false;
    const before = buildCount;
    for (let count = 1; count <= 2; count++) {
      assertEquals((await get(`${address}/metrics`)).status, 200);
      assertEquals(buildCount, before + count);
    }
    assert(logger.records.every(({ message }) => message === "Cannot answer request to the admin site"));
  });
});

Deno.test("startAdminSite() gives the numbers as JSON", async () => {
  await withSite({}, async (address) => {
    const report = JSON.parse((await get(`${address}/status.json`)).body);
    assertEquals([report.serverId, report.serverName, report.ready], [7, "Test <b>", true]);
    assertEquals([report.totals.packetsIn, report.totals.closed.idle, report.history], [42, 0, []]);
    assert(report.memoryBytes > 0 && report.cpuMs > 0);
  });
});

Deno.test("startAdminSite() answers /readyz with 503 and the reasons while it is not ready", async () => {
  const reasons: string[] = ["io-2 is starting", "storage does not answer"];
  await withSite({ reasons: () => reasons }, async (address) => {
    const { status, body } = await get(`${address}/readyz`);
    assertEquals([status, body], [503, "not ready\nio-2 is starting\nstorage does not answer\n"]);
    assertEquals(JSON.parse((await get(`${address}/status.json`)).body).reasons, reasons);
    assertEquals((await get(`${address}/healthz`)).status, 200);
    reasons.length = 0;
    assertEquals((await get(`${address}/readyz`)).status, 200);
  });
});

Deno.test("startAdminSite() answers other paths with 404 and other methods with 405", async () => {
  await withSite({}, async (address) => {
    for (const path of ["/nope", "/status.html", "/../deno.json", "/%2e%2e/deno.json", "/healthz/x"]) {
      assertEquals((await get(address + path)).status, 404, path);
    }
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      const { status, headers } = await get(`${address}/metrics`, { method });
      assertEquals([status, headers.get("allow")], [405, "GET, HEAD"], method);
    }
    const head = await get(`${address}/metrics`, { method: "HEAD" });
    assertEquals([head.status, head.body], [200, ""]);
  });
});

Deno.test("startAdminSite() forbids framing, foreign scripts and caching on every answer", async () => {
  await withSite({ token: TOKEN }, async (address) => {
    for (const path of ["/healthz", "/", "/nope"]) {
      const { headers } = await get(address + path);
      assert(headers.get("content-security-policy")?.startsWith("default-src 'none'; script-src 'self';"));
      assertEquals(headers.get("cache-control"), "no-store");
      assertEquals(headers.get("x-content-type-options"), "nosniff");
      assertEquals(headers.get("access-control-allow-origin"), null);
    }
  });
});

Deno.test("startAdminSite() refuses a foreign Host header on loopback, against DNS rebinding", async () => {
  await withSite({}, async (address) => {
    const { port } = new URL(address);
    for (const host of [`127.0.0.1:${port}`, "localhost", `localhost:${port}`, `[::1]:${port}`]) {
      assertEquals((await requestRaw(address, ["GET /metrics HTTP/1.1", `Host: ${host}`])).status, 200, host);
    }
    for (const host of ["evil.example", `evil.example:${port}`, `127.0.0.1.evil.example:${port}`, ""]) {
      for (const path of ["/", "/metrics", "/healthz", "/status.json"]) {
        const { status, text } = await requestRaw(address, [`GET ${path} HTTP/1.1`, `Host: ${host}`]);
        assert(status === 421 || status === 400, `${status} for ${host}`);
        assert(!text.includes("drawbridge_"));
      }
    }
    // A whole URL counts in place of Host.
    const absolute = await requestRaw(address, ["GET http://evil.example/metrics HTTP/1.1", "Host: localhost"]);
    assertEquals(absolute.status, 421);
  });
});

Deno.test("startAdminSite() asks for its token on every path but /healthz and the form for it", async () => {
  await withSite({ token: TOKEN }, async (address) => {
    // How the form looks is no secret.
    for (const path of [...PATHS.filter((path) => path !== "/status.css"), "/nope"]) {
      for (const authorization of [undefined, "", "Bearer", "Bearer wrong", `Basic ${TOKEN}`, `Bearer ${TOKEN}x`]) {
        const { status, headers, body } = await get(
          address + path,
          authorization === undefined ? {} : { headers: { authorization } },
        );
        assertEquals([status, headers.get("www-authenticate")], [401, 'Bearer realm="drawbridge admin"']);
        assert(!body.includes(TOKEN));
      }
    }
    const authorized = { headers: { authorization: `Bearer ${TOKEN}` } };
    for (const path of PATHS) assertEquals((await get(address + path, authorized)).status, 200, path);
    assertEquals((await get(`${address}/healthz`)).status, 200);
    assertEquals((await get(`${address}/nope`, authorized)).status, 404);
  });
});

Deno.test("startAdminSite() exchanges ?token= for a cookie that is not the token", async () => {
  await withSite({ token: TOKEN }, async (address) => {
    const { status, headers, body } = await get(`${address}/?token=${TOKEN}&a=1`);
    assertEquals([status, headers.get("location"), body], [303, "/?a=1", ""]);
    const cookie = headers.get("set-cookie") ?? "";
    assert(/; HttpOnly; SameSite=Strict; Path=\/$/.test(cookie), cookie);
    assert(!cookie.includes(TOKEN));
    const pair = cookie.split(";")[0];
    assertEquals((await get(`${address}/status.json`, { headers: { cookie: `x=y; ${pair}` } })).status, 200);
    assertEquals((await get(`${address}/status.json`, { headers: { cookie: `${pair}x` } })).status, 401);
    assertEquals((await get(`${address}/status.json?token=wrong`)).status, 401);
    assertEquals((await get(`${address}/status.json?token=`)).status, 401);
    assertEquals((await get(`${address}//evil.example/?token=${TOKEN}`)).headers.get("location"), "/evil.example/");
  });
});

Deno.test("startAdminSite() asks a browser for the token by a form, so that no address has it, and is told of TLS", async () => {
  await withSite({ token: TOKEN }, async (address) => {
    const html = { accept: "text/html,application/xhtml+xml" };
    for (const [path, status] of [["/", 401], ["/nope", 401], ["/token", 200]] as const) {
      const asked = await get(address + path, { headers: html });
      assertEquals([asked.status, asked.body.includes('<form method="post" action="/token">')], [
        status,
        true,
      ]);
      assert(asked.headers.get("content-security-policy")?.includes("form-action 'self'"), path);
    }
    const give = (token: string, headers: Record<string, string> = {}) => {
      const body = new URLSearchParams({ token });
      return get(`${address}/token`, { method: "POST", body, headers: { ...html, ...headers } });
    };
    assertEquals([(await give("wrong")).status, (await give("")).status], [401, 401]);
    const given = await give(TOKEN);
    assertEquals([given.status, given.headers.get("location"), given.body], [303, "/", ""]);
    const cookie = given.headers.get("set-cookie") ?? "";
    assert(/; HttpOnly; SameSite=Strict; Path=\/$/.test(cookie) && !cookie.includes(TOKEN), cookie);
    assertEquals((await get(`${address}/status.json`, { headers: { cookie: cookie.split(";")[0] } })).status, 200);
    const overTls = await give(TOKEN, { "x-forwarded-proto": "https" });
    assertEquals(overTls.headers.get("set-cookie"), `${cookie}; Secure`);
  });
});

Deno.test("startAdminSite() takes no cookie of another run", async () => {
  let pair = "";
  await withSite({ token: TOKEN }, async (address) => {
    pair = (await get(`${address}/?token=${TOKEN}`)).headers.get("set-cookie")?.split(/[=;]/)[1] ?? "";
  });
  await withSite({ token: TOKEN }, async (address) => {
    const cookie = `drawbridge_admin_${new URL(address).port}=${pair}`;
    assertEquals((await get(`${address}/`, { headers: { cookie } })).status, 401);
  });
});

Deno.test("startAdminSite() answers 500 and logs when something throws, and tells the client nothing", async () => {
  const facts = () => {
    throw new Error("secret detail");
  };
  await withSite({ facts }, async (address, logger) => {
    const { status, body } = await get(`${address}/status.json`);
    assertEquals([status, body], [500, "Internal error\n"]);
    assertEquals(logger.records.map(({ level }) => level), ["error"]);
  });
});

Deno.test("AdminSite.stop() cuts off a client that never ends its request", async () => {
  let silent: Deno.TcpConn | undefined;
  await withSite({}, async (address) => {
    const { hostname, port } = new URL(address);
    silent = await Deno.connect({ hostname, port: Number(port) });
    await silent.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n"));
  });
  const buffer = new Uint8Array(1_024);
  while (await silent!.read(buffer).catch(() => null) !== null);
  silent!.close();
});

Deno.test("startAdminSite() rejects when its port is taken", async () => {
  await withSite({}, async (address) => {
    const port = Number(new URL(address).port);
    await assertRejects(() => withSite({ port }, () => Promise.resolve()), DependencyError);
  });
});
