/**
 * The gateway's codecs against clients that are not ours: Deno's `WebSocket` and `fetch`.
 *
 * @module
 */

import { createApp } from "../../gateway/app.ts";
import { EchoSession } from "../../gateway/echo.ts";
import {
  encodeHttpError,
  encodeResponse,
  encodeUpgrade,
  HttpError,
  HttpHeadParser,
  toRequest,
  upgradeDecision,
} from "../../gateway/http.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { Prng, utf8 } from "./frames.ts";

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

const app = createApp({
  assets: new Map([["/index.html", { type: "text/html; charset=utf-8", bytes: utf8("<h1>page</h1>") }]]),
  ready: () => true,
});

/** The least that an io worker does: requests until one upgrades, then an echo. */
async function serve(connection: Deno.Conn): Promise<void> {
  const parser = new HttpHeadParser();
  const chunk = new Uint8Array(4_096);
  let echo: EchoSession | undefined;
  let pending: Uint8Array[] = [];
  let isClosing = false;
  while (!isClosing) {
    const byteCount = await connection.read(chunk);
    if (byteCount === null) break;
    for (let at = 0; at < byteCount && !isClosing;) {
      if (echo !== undefined) {
        echo.push(chunk, at, byteCount);
        break;
      }
      try {
        at += parser.push(chunk, at, byteCount);
        const { head } = parser;
        if (head === undefined) continue;
        const decision = upgradeDecision(head, { allowedOrigins: [] });
        if (decision.kind === "refuse") throw new HttpError(decision.status, decision.message);
        if (decision.kind === "upgrade") {
          pending.push(encodeUpgrade(decision.accept));
          echo = new EchoSession({ send: (bytes) => void pending.push(bytes), close: () => void (isClosing = true) });
          continue;
        }
        const response = await app.fetch(toRequest(head, "http://localhost"));
        const options = { head: head.method === "HEAD", keepAlive: head.keepAlive, nowMs: Date.now() };
        pending.push(await encodeResponse(response, options));
        if (head.keepAlive) parser.next();
        else isClosing = true;
      } catch (error) {
        if (!(error instanceof HttpError)) throw error;
        pending.push(encodeHttpError(error, Date.now()));
        isClosing = true;
      }
    }
    const bytes = pending;
    pending = [];
    for (const part of bytes) await writeAll(connection, part);
  }
}

/** Listens while `run` does, and waits until every connection is over. */
async function withServer(run: (port: number) => Promise<void>): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const connection of listener) {
      connections.push(serve(connection).finally(() => connection.close()));
    }
  })();
  try {
    await run(listener.addr.port);
    await Promise.all(connections);
  } finally {
    listener.close();
    await accepting;
  }
}

/** Waits for one event; an error of the socket fails the test. */
function once<T extends Event>(socket: WebSocket, type: string): Promise<T> {
  return new Promise((resolve, reject) => {
    socket.addEventListener(type, (event) => resolve(event as T), { once: true });
    socket.addEventListener("error", (event) => reject(new Error((event as ErrorEvent).message)), { once: true });
  });
}

async function echoOf(socket: WebSocket, data: string | Uint8Array<ArrayBuffer>): Promise<string | Uint8Array> {
  const answer = once<MessageEvent>(socket, "message");
  socket.send(data);
  const { data: echoed } = await answer;
  return typeof echoed === "string" ? echoed : new Uint8Array(echoed as ArrayBuffer);
}

Deno.test("EchoSession.push() serves Deno's WebSocket client: text, binary, large, and a close with its code", async () => {
  await withServer(async (port) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/echo`);
    socket.binaryType = "arraybuffer";
    await once(socket, "open");
    assertEquals([socket.protocol, socket.extensions], ["", ""]);
    for (const text of ["", "κόσμε", "x".repeat(70_000)]) assertEquals(await echoOf(socket, text), text);
    const prng = new Prng(1);
    for (const byteCount of [0, 1, 125, 126, 65_536, 1_048_576]) {
      const bytes = prng.bytes(byteCount);
      const echoed = await echoOf(socket, bytes);
      assert(echoed instanceof Uint8Array && echoed.toHex() === bytes.toHex(), `${byteCount} bytes`);
    }
    const closed = once<CloseEvent>(socket, "close");
    socket.close(3_001, "done");
    const { code, wasClean } = await closed;
    assertEquals([code, wasClean], [3_001, true]);
  });
});

Deno.test("encodeResponse() serves Deno's fetch, also HEAD and not modified", async () => {
  await withServer(async (port) => {
    using client = Deno.createHttpClient({ http2: false });
    const page = await fetch(`http://127.0.0.1:${port}/`, { client });
    assertEquals([page.status, await page.text()], [200, "<h1>page</h1>"]);
    const head = await fetch(`http://127.0.0.1:${port}/`, { client, method: "HEAD" });
    assertEquals([head.status, head.headers.get("content-length"), await head.text()], [200, "13", ""]);
    const headers = { "if-none-match": page.headers.get("etag") ?? "" };
    const cached = await fetch(`http://127.0.0.1:${port}/`, { client, headers });
    assertEquals([cached.status, await cached.text()], [304, ""]);
    const missing = await fetch(`http://127.0.0.1:${port}/nowhere`, { client, headers: { connection: "close" } });
    assertEquals([missing.status, await missing.text()], [404, "Not found\n"]);
  });
});

Deno.test("encodeHttpError() is understood by Deno's fetch", async () => {
  await withServer(async (port) => {
    using client = Deno.createHttpClient({ http2: false });
    const response = await fetch(`http://127.0.0.1:${port}/`, { client, method: "DELETE" });
    assertEquals([response.status, response.headers.get("allow")], [405, "GET, HEAD"]);
    assertEquals(await response.text(), "Cannot accept request: its method is not GET or HEAD\n");
  });
});
