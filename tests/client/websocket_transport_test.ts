import { connectWebSocket } from "../../client/websocket_transport.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { Collector, type FarEnd, type FarServer, transportContract } from "./support/transport_contract.ts";

class WebSocketFarEnd implements FarEnd {
  readonly opened: Promise<void>;
  readonly ended: Promise<void>;
  readonly socket: WebSocket;
  readonly #parts: Uint8Array[] = [];
  #byteCount = 0;
  #isEnded = false;
  #onChange: () => void = () => {};

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    this.opened = new Promise((resolve) => socket.onopen = () => resolve());
    this.ended = new Promise((resolve) =>
      socket.onclose = () => {
        this.#isEnded = true;
        this.#onChange();
        resolve();
      }
    );
    socket.onmessage = ({ data }) => {
      this.#parts.push(new Uint8Array(data));
      this.#byteCount += data.byteLength;
      this.#onChange();
    };
  }

  send(bytes: Uint8Array): Promise<void> {
    this.socket.send(bytes as Uint8Array<ArrayBuffer>);
    return Promise.resolve();
  }

  async read(byteCount: number): Promise<Uint8Array> {
    while (this.#byteCount < byteCount && !this.#isEnded) {
      await new Promise<void>((resolve) => this.#onChange = resolve);
    }
    const joined = new Uint8Array(this.#byteCount);
    let offset = 0;
    for (const part of this.#parts) {
      joined.set(part, offset);
      offset += part.length;
    }
    return joined;
  }

  close(): void {
    this.socket.close();
  }
}

interface WebSocketServer extends FarServer {
  accept(): Promise<WebSocketFarEnd>;
  url: string;
}

function listenWebSocket(): WebSocketServer {
  const ends: WebSocketFarEnd[] = [];
  let accepted = Promise.withResolvers<WebSocketFarEnd>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    if (request.headers.get("upgrade") === null) return new Response("no", { status: 404 });
    const { socket, response } = Deno.upgradeWebSocket(request);
    const end = new WebSocketFarEnd(socket);
    ends.push(end);
    end.opened.then(() => accepted.resolve(end));
    return response;
  });
  const url = `ws://127.0.0.1:${server.addr.port}/ws`;
  return {
    url,
    connect: (signal) => connectWebSocket(url, { signal }),
    async accept() {
      const end = await accepted.promise;
      accepted = Promise.withResolvers();
      return end;
    },
    async stop() {
      for (const end of ends) end.close();
      await Promise.all(ends.map(({ ended }) => ended));
      await server.shutdown();
    },
  };
}

transportContract("WebSocketTransport", listenWebSocket);

Deno.test("WebSocketTransport keeps what arrives before it is started", async () => {
  const server = listenWebSocket();
  const transport = await connectWebSocket(server.url);
  const far = await server.accept();
  await far.send(Uint8Array.of(1));
  await far.send(Uint8Array.of(2));
  far.close();
  await far.ended;
  const seen = new Collector();
  transport.start(seen);
  assertEquals(await seen.read(2), Uint8Array.of(1, 2));
  await seen.closed;
  assertEquals(seen.closeCount, 1);
  await server.stop();
});

Deno.test("WebSocketTransport closes when the server sends text", async () => {
  const server = listenWebSocket();
  const transport = await connectWebSocket(server.url);
  const far = await server.accept();
  const seen = new Collector();
  transport.start(seen);
  far.socket.send("hello");
  await far.send(Uint8Array.of(1));
  assertEquals(await seen.closed, "Server sent a text message");
  assertEquals(seen.byteCount, 0);
  await server.stop();
});

Deno.test("connectWebSocket() rejects when the server does not upgrade", async () => {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("no", { status: 403 }),
  );
  const url = `ws://127.0.0.1:${server.addr.port}/ws`;
  await assertRejects(() => connectWebSocket(url), Error, `Cannot connect to ${url}`);
  await server.shutdown();
});

Deno.test("connectWebSocket() aborts an attempt under way", async () => {
  // A server that accepts and says nothing.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const abort = new AbortController();
  const url = `ws://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/ws`;
  const connecting = assertRejects(() => connectWebSocket(url, { signal: abort.signal }), Error, "given up");
  const conn = await accepted;
  abort.abort();
  await connecting;
  conn.close();
  listener.close();
});

Deno.test("client.ts and websocket_transport.ts need nothing of Deno", async () => {
  const pending = ["client.ts", "websocket_transport.ts"].map((name) =>
    new URL(`../../client/${name}`, import.meta.url)
  );
  const seen = new Set<string>();
  for (let url = pending.pop(); url !== undefined; url = pending.pop()) {
    if (seen.has(url.href)) continue;
    seen.add(url.href);
    const source = (await Deno.readTextFile(url)).replaceAll(/\/\*.*?\*\/|\/\/.*/gs, "");
    assert(!/\bDeno\b|\bprocess\.|"node:|"jsr:/.test(source), `${url.pathname} uses the platform`);
    for (const [, specifier] of source.matchAll(/from "(\.[^"]+)"/g)) pending.push(new URL(specifier, url));
  }
  assert(seen.size > 20, `${seen.size} modules were read`);
});
