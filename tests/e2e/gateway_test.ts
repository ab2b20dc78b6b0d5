import { DisconnectNoticeSchema, HeartbeatRequestSchema, HeartbeatResponseSchema } from "../../shared/gen/auth_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { RawHttp } from "../support/raw_http.ts";
import { RawSocket } from "../support/raw_socket.ts";
import { onEachBackend, ServerProcess } from "../support/server_process.ts";
import { packet, WireClient } from "../support/wire.ts";
import { type FrameOptions, join, OPCODE, requestUpgrade, WireWebSocket } from "../support/wire_websocket.ts";

/** A message that came back from `/echo`. */
interface EchoedMessage {
  readonly opcode: number;
  readonly text: string;
}

onEachBackend(
  { flags: ["--diagnostics", "on", "--allowed-origins", "https://play.example.org"] },
  (backend, server) => {
    const url = (path: string) => `http://127.0.0.1:${server().ports.gateway}${path}`;
    const raw = () => RawHttp.connect(server().ports.gateway);
    const HOST = "Host: localhost\r\n";

    Deno.test(`gateway (${backend}) serves the page, its script and its style, and what they refer to`, async () => {
      const page = await fetch(url("/"));
      const html = await page.text();
      assertEquals([page.status, page.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
      assert(html.startsWith("<!doctype html>") || html.startsWith("<!DOCTYPE html>"));
      assert(page.headers.get("content-security-policy")?.includes("default-src 'self'"));
      assertEquals(page.headers.get("x-content-type-options"), "nosniff");
      const links = [...html.matchAll(/(?:src|href)="([^"#:]+)"/g)].map(([, link]) => new URL(link, url("/")).href);
      assert(links.length >= 2, `The page refers to ${links.length} files`);
      for (const link of links) {
        const response = await fetch(link);
        assertEquals(response.status, 200, link);
        const etag = response.headers.get("etag");
        await response.body?.cancel();
        const again = await fetch(link, { headers: { "if-none-match": etag ?? "" } });
        assertEquals(again.status, 304, link);
        await again.body?.cancel();
      }
    });

    Deno.test(`gateway (${backend}) answers health and unknown paths`, async () => {
      const health = await fetch(url("/healthz"));
      assertEquals([health.status, await health.text()], [200, "ok"]);
      for (const path of ["/nothing", "/../server/main.ts", "/%2e%2e/deno.json", "/dist/", "//x", "/index.html%00"]) {
        const response = await fetch(url(path));
        assertEquals(response.status, 404, path);
        await response.body?.cancel();
      }
      const plain = await fetch(url("/ws"));
      assertEquals([plain.status, plain.headers.get("upgrade")], [426, "websocket"]);
      await plain.body?.cancel();
    });

    Deno.test(`gateway (${backend}) answers pipelined requests in order, and HEAD without a body`, async () => {
      await using http = await raw();
      http.send(
        `GET /healthz HTTP/1.1\r\n${HOST}\r\nHEAD /healthz HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n` +
          `GET /healthz HTTP/1.1\r\n${HOST}\r\n`,
      );
      const end = await http.socket.ended;
      assertEquals(end, "fin");
      const text = (await http.readToEnd()).responses;
      assertEquals(text.map(({ status }) => status), [200, 200]);
      assertEquals(text[0].body, "ok");
      await using second = await raw();
      second.send(
        `GET /a HTTP/1.1\r\n${HOST}\r\n`.repeat(3) + `GET /healthz HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
      );
      const { responses } = await second.readToEnd();
      assertEquals(responses.map(({ status }) => status), [404, 404, 404, 200]);
    });

    for (
      const [what, status, request] of [
        ["a head over 16 KiB", 431, `GET / HTTP/1.1\r\n${HOST}X: ${"x".repeat(16_384)}\r\n\r\n`],
        ["more than 100 fields", 431, `GET / HTTP/1.1\r\n${HOST}${"X: y\r\n".repeat(101)}\r\n`],
        ["POST", 405, `POST / HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`],
        ["a body", 400, `GET / HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`],
        ["a chunked body", 400, `GET / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
        ["no host", 400, "GET / HTTP/1.1\r\n\r\n"],
        ["HTTP/2", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
        ["a bare line feed", 400, `GET / HTTP/1.1\n${HOST}\r\n`],
        ["no HTTP at all", 400, "\u0016\u0003\u0001\r\n\r\n"],
      ] as const
    ) {
      Deno.test(`gateway (${backend}) refuses ${what} with ${status} and closes`, async () => {
        await using http = await raw();
        http.send(request);
        const { responses, end } = await http.readToEnd();
        assertEquals([responses.map((response) => response.status), end], [[status], "fin"]);
        assertEquals(responses[0].headers.get("connection"), "close");
      });
    }

    Deno.test(`gateway (${backend}) opens WebSockets for its own page and listed origins only`, async () => {
      const { gateway } = server().ports;
      const ask = async (headers: Record<string, string>, path = "/ws") => {
        await using socket = await RawSocket.connect(gateway);
        return (await requestUpgrade(socket, gateway, { path, headers })).status;
      };
      assertEquals(await ask({}), 101, "Whoever names no origin is no browser");
      assertEquals(await ask({ Origin: `http://127.0.0.1:${gateway}` }), 101);
      assertEquals(await ask({ Origin: "https://play.example.org" }), 101);
      for (
        const origin of [
          "https://evil.example",
          "https://play.example.org.evil.example",
          "http://play.example.org",
          "null",
        ]
      ) {
        assertEquals(await ask({ Origin: origin }), 403, origin);
      }
      assertEquals(await ask({ "Sec-WebSocket-Version": "8" }), 426);
      assertEquals(await ask({ "Sec-WebSocket-Key": "short" }), 400);
      assertEquals(await ask({ Connection: "keep-alive" }), 426);
      assertEquals(await ask({ Connection: "keep-alive, upgrade", Upgrade: "WebSocket" }), 101);
      assertEquals(await ask({}, "/nothing"), 404);
    });

    Deno.test(`gateway (${backend}) takes frames of the packet stream however messages cut them`, async () => {
      await using client = await WireClient.webSocket(server().ports.gateway);
      const beats = [1n, 2n, 3n, 4n].map((timestamp) => packet(HeartbeatRequestSchema, { timestamp }));
      // Two packets and a part of the third in one message, the rest byte by byte, then one in fragments around a ping.
      client.sendBytes(join([beats[0], beats[1], beats[2].subarray(0, 5)]));
      for (const byte of beats[2].subarray(5)) client.sendBytes(new Uint8Array([byte]));
      client.sendBytes(new Uint8Array(0));
      const webSocket = client.webSocket!;
      webSocket.send({ opcode: OPCODE.BINARY, payload: beats[3].subarray(0, 3), fin: false });
      webSocket.send({ opcode: OPCODE.PING, payload: "in between" });
      webSocket.send({ opcode: OPCODE.CONTINUATION, payload: beats[3].subarray(3, 9), fin: false });
      webSocket.send({ opcode: OPCODE.CONTINUATION, payload: beats[3].subarray(9) });
      await client.until("four answers", () => client.packets.length === 4);
      const echoed = client.all(HeartbeatResponseSchema).map(({ clientTimestamp }) => clientTimestamp);
      assertEquals(echoed, [1n, 2n, 3n, 4n]);
    });

    for (
      const [what, code, frames] of [
        ["text", 1003, [{ opcode: OPCODE.TEXT, payload: "hello" }]],
        ["an unmasked frame", 1002, [{ opcode: OPCODE.BINARY, payload: "hello", masked: false }]],
        ["a reserved bit", 1002, [{ opcode: OPCODE.BINARY, payload: "hello", rsv: 4 }]],
        ["a reserved opcode", 1002, [{ opcode: 3, payload: "hello" }]],
        ["a continuation of nothing", 1002, [{ opcode: OPCODE.CONTINUATION, payload: "hello" }]],
        ["a message within a message", 1002, [
          { opcode: OPCODE.BINARY, payload: "a", fin: false },
          { opcode: OPCODE.BINARY, payload: "b" },
        ]],
        ["a ping in pieces", 1002, [{ opcode: OPCODE.PING, payload: "a", fin: false }]],
        ["a ping of 126 bytes", 1002, [{ opcode: OPCODE.PING, payload: "a".repeat(126) }]],
        ["a message of 65,541 bytes", 1009, [{ opcode: OPCODE.BINARY, payload: new Uint8Array(65_541) }]],
        ["a message of 65,541 bytes in pieces", 1009, [
          { opcode: OPCODE.BINARY, payload: new Uint8Array([0, 0, 1, 0]), fin: false },
          { opcode: OPCODE.CONTINUATION, payload: new Uint8Array(65_000), fin: false },
          { opcode: OPCODE.CONTINUATION, payload: new Uint8Array(537) },
        ]],
        ["a close", 1000, [{ opcode: OPCODE.CLOSE, payload: new Uint8Array([0x03, 0xe8]) }]],
        ["a close without a code", 1000, [{ opcode: OPCODE.CLOSE }]],
        ["a close with half a code", 1002, [{ opcode: OPCODE.CLOSE, payload: new Uint8Array([3]) }]],
        ["a close with code 1005", 1002, [{ opcode: OPCODE.CLOSE, payload: new Uint8Array([0x03, 0xed]) }]],
        ["a close with code 3000", 3000, [{ opcode: OPCODE.CLOSE, payload: new Uint8Array([0x0b, 0xb8]) }]],
      ] as [string, number, FrameOptions[]][]
    ) {
      Deno.test(`gateway (${backend}) closes /ws with ${code} after ${what}`, async () => {
        await using client = await WireClient.webSocket(server().ports.gateway);
        client.send(HeartbeatRequestSchema, { timestamp: 9n });
        for (const frame of frames) client.webSocket!.send(frame);
        assertEquals((await client.expect(HeartbeatResponseSchema)).clientTimestamp, 9n, "What came before counts");
        assertEquals(await client.ended(), { kind: "fin", closeCode: code });
        assertEquals(client.all(DisconnectNoticeSchema), [], "The WebSocket's own status says it all");
      });
    }

    Deno.test(`gateway (${backend}) echoes text and binary on /echo, whole and in pieces`, async () => {
      const echoed: EchoedMessage[] = [];
      const pongs: string[] = [];
      const arrived = Promise.withResolvers<void>();
      await using webSocket = await WireWebSocket.connect(server().ports.gateway, {
        onMessage: (opcode, payload) => {
          const text = payload.length > 100 ? `${payload.length} bytes` : new TextDecoder().decode(payload);
          echoed.push({ opcode, text });
          if (text === "the end") arrived.resolve();
        },
        onPong: (payload) => pongs.push(new TextDecoder().decode(payload)),
      }, { path: "/echo" });
      webSocket.send({ opcode: OPCODE.TEXT });
      webSocket.send({ opcode: OPCODE.TEXT, payload: "héllo" });
      webSocket.send({ opcode: OPCODE.PING, payload: "first" });
      webSocket.send({ opcode: OPCODE.BINARY, payload: new Uint8Array(65_535).fill(1) });
      webSocket.send({ opcode: OPCODE.BINARY, payload: new Uint8Array(1_000_000).fill(2) });
      webSocket.send({ opcode: OPCODE.TEXT, payload: "in ", fin: false });
      webSocket.send({ opcode: OPCODE.PING, payload: "second" });
      webSocket.send({ opcode: OPCODE.CONTINUATION, payload: "", fin: false });
      webSocket.send({ opcode: OPCODE.CONTINUATION, payload: "pieces" });
      webSocket.send({ opcode: OPCODE.PONG, payload: "unasked" });
      webSocket.send({ opcode: OPCODE.TEXT, payload: "the end" });
      await Promise.race([arrived.promise, webSocket.socket.ended]);
      assertEquals(echoed, [
        { opcode: OPCODE.TEXT, text: "" },
        { opcode: OPCODE.TEXT, text: "héllo" },
        { opcode: OPCODE.BINARY, text: "65535 bytes" },
        { opcode: OPCODE.BINARY, text: "1000000 bytes" },
        { opcode: OPCODE.TEXT, text: "in pieces" },
        { opcode: OPCODE.TEXT, text: "the end" },
      ]);
      assertEquals(pongs, ["first", "second"]);
      // Not UTF-8.
      webSocket.send({ opcode: OPCODE.TEXT, payload: new Uint8Array([0xc3, 0x28]) });
      await webSocket.socket.ended;
      assertEquals(webSocket.closeCode, 1007);
    });
  },
);

Deno.test("gateway serves /echo, ECHO_REQUEST and drills only with diagnostics on", async () => {
  await using server = await ServerProcess.start();
  const { admin, gateway } = server.ports;
  await using socket = await RawSocket.connect(gateway);
  assertEquals((await requestUpgrade(socket, gateway, { path: "/echo" })).status, 426);
  const drill = await fetch(`http://127.0.0.1:${admin}/drill/crash-io-worker`, {
    method: "POST",
    headers: { "x-drawbridge-drill": "yes" },
  });
  assertEquals(drill.status, 404);
  await drill.body?.cancel();
  await server.stop();
});
