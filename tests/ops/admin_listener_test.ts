import { AdminListener } from "../../server/ops/admin_listener.ts";
import { ADMIN_BODY_BYTES_MAX, ADMIN_CONNECTIONS_MAX, HTTP_REQUESTS_PER_CONNECTION_MAX } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { RawHttp } from "../support/raw_http.ts";
import { until } from "../support/wait.ts";

/** A listener that gives back what it was sent; `/slow` waits for the test. */
function openListener() {
  const slow = Promise.withResolvers<void>();
  const listener = new AdminListener({
    host: "127.0.0.1",
    port: 0,
    handle: async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/slow") await slow.promise;
      return new Response(`${request.method} ${pathname} ${await request.text()}`);
    },
    onAcceptError: (error) => {
      throw error;
    },
  });
  return { port: listener.port, finishSlow: () => slow.resolve(), [Symbol.asyncDispose]: () => listener.stop() };
}

function descriptorCount(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

async function statusesOf(port: number, text: string): Promise<number[]> {
  await using http = await RawHttp.connect(port);
  http.send(text);
  http.socket.end();
  return (await http.readToEnd()).responses.map(({ status }) => status);
}

const HEALTH = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
const POST = "POST /a HTTP/1.1\r\nHost: localhost\r\n";

Deno.test("AdminListener closes 300 half heads, answers others meanwhile and gives every descriptor back", async () => {
  await using listener = openListener();
  const before = descriptorCount();
  const halves = await Promise.all(Array.from({ length: 300 }, () => RawHttp.connect(listener.port)));
  for (const half of halves) half.send("GET / HTTP/1.1\r\nHost: loc");
  let endedCount = 0;
  for (const half of halves) void half.socket.ended.then(() => endedCount++);
  assertEquals(await statusesOf(listener.port, `${HEALTH}\r\n`), [200]);
  // Most give way to those that come behind them; for the last ones their time is over.
  await until("room", () => endedCount >= 300 - ADMIN_CONNECTIONS_MAX);
  assertEquals(await statusesOf(listener.port, `${HEALTH}\r\n`), [200]);
  await until("the end of all", () => endedCount === 300, 30_000);
  for (const half of halves) await half.socket.close();
  await until("descriptors as before", () => descriptorCount() <= before);
});

Deno.test("AdminListener closes no connection that is being answered to make room for another", async () => {
  await using listener = openListener();
  const slow = await RawHttp.connect(listener.port);
  slow.send("GET /slow HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  const idle = await Promise.all(
    Array.from({ length: 2 * ADMIN_CONNECTIONS_MAX }, () => RawHttp.connect(listener.port)),
  );
  await Promise.all(idle.slice(0, ADMIN_CONNECTIONS_MAX).map(({ socket }) => socket.ended));
  listener.finishSlow();
  assertEquals((await slow.readToEnd()).responses.map(({ body }) => body), ["GET /slow "]);
  for (const http of [slow, ...idle]) await http.socket.close();
});

Deno.test("AdminListener lets the address give way that holds the most, whoever has waited longest", async () => {
  await using listener = openListener();
  const honest = await RawHttp.connect(listener.port, "127.0.0.2");
  honest.send(`${HEALTH}\r\n`);
  await until("its first answer", () => honest.receivedBytes > 0);
  const others: RawHttp[] = [];
  let endedCount = 0;
  for (let count = 0; count < 3 * ADMIN_CONNECTIONS_MAX; count++) {
    const other = await RawHttp.connect(listener.port, "127.0.0.3");
    void other.socket.ended.then(() => endedCount++);
    others.push(other);
  }
  await until("their first to give way", () => endedCount > 2 * ADMIN_CONNECTIONS_MAX);
  honest.send(`${HEALTH}Connection: close\r\n\r\n`);
  assertEquals((await honest.readToEnd()).responses.map(({ body }) => body), ["GET /healthz ", "GET /healthz "]);
  for (const http of [honest, ...others]) await http.socket.close();
});

for (
  const [what, text] of [
    ["do not send their bodies", `${POST}Content-Length: 9\r\n\r\n`],
    ["do not close after the last answer", `${HEALTH}Connection: close\r\n\r\n`],
  ]
) {
  Deno.test(`AdminListener lets connections give way to newcomers that ${what}`, async () => {
    await using listener = openListener();
    const held = await Promise.all(
      Array.from({ length: ADMIN_CONNECTIONS_MAX }, () => Deno.connect({ port: listener.port })),
    );
    for (const conn of held) {
      // Once the first answer is there, the rest is looked at.
      await conn.write(new TextEncoder().encode(`${HEALTH}\r\n${text}`));
      await conn.read(new Uint8Array(16));
    }
    for (let times = 0; times < 10; times++) assertEquals(await statusesOf(listener.port, `${HEALTH}\r\n`), [200]);
    for (const conn of held) conn.close();
  });
}

Deno.test("AdminListener reads requests one after the other, bodies of a told length among them", async () => {
  await using listener = openListener();
  await using http = await RawHttp.connect(listener.port);
  http.send(`${POST}Content-Length: 5\r\n\r\nhello${HEALTH}\r\nHEAD /b HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  http.socket.end();
  const { responses } = await http.readToEnd().catch(() => ({ responses: [] }));
  assertEquals(responses.slice(0, 2).map(({ body }) => body), ["POST /a hello", "GET /healthz "]);
  const longest = "x".repeat(ADMIN_BODY_BYTES_MAX);
  assertEquals(await statusesOf(listener.port, `${POST}Content-Length: ${longest.length}\r\n\r\n${longest}`), [200]);
  assertEquals(
    (await statusesOf(listener.port, `${HEALTH}\r\n`.repeat(HTTP_REQUESTS_PER_CONNECTION_MAX + 5))).length,
    HTTP_REQUESTS_PER_CONNECTION_MAX,
  );
});

Deno.test("AdminListener refuses bodies too long or of unknown length, and requests that none can be", async () => {
  await using listener = openListener();
  const cases: readonly (readonly [string, number])[] = [
    [`${POST}Content-Length: ${ADMIN_BODY_BYTES_MAX + 1}\r\n\r\n`, 413],
    [`${POST}Content-Length: 99999999999999999999\r\n\r\n`, 400],
    [`${POST}Content-Length: -1\r\n\r\n`, 400],
    [`${POST}Content-Length: 05\r\n\r\nhello`, 400],
    [`${POST}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`, 400],
    [`${POST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ["TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405],
    ["GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\n\r\n", 400],
    ["nonsense\r\n\r\n", 400],
  ];
  for (const [text, status] of cases) assertEquals(await statusesOf(listener.port, text), [status], text);
  // A body that is cut off is no request.
  assertEquals(await statusesOf(listener.port, `${POST}Content-Length: 5\r\n\r\nhel`), []);
  assert(listener.port > 0);
});
