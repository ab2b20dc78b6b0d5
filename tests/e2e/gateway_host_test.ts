/** What the gateway makes of names, origins, and of peers that end their side behind a request. @module */

import { LoginRequestSchema, LoginResponseSchema } from "../../shared/gen/auth_pb.ts";
import { LOG_KIND_LINES_MAX } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { RawHttp } from "../support/raw_http.ts";
import { onEachBackend, type ServerProcess } from "../support/server_process.ts";
import { until } from "../support/wait.ts";
import { packet, WireClient } from "../support/wire.ts";

const UPGRADE = [
  ...["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"],
  ...["Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "", ""],
].join("\r\n");

/** More than two io workers log in one interval. */
const ASKED_AT_ONCE = 6 * LOG_KIND_LINES_MAX;

/** The status of an answer to one request, whose sender then ends its side. */
async function statusOf(server: ServerProcess, text: string): Promise<number | undefined> {
  await using http = await RawHttp.connect(server.ports.gateway);
  http.send(text);
  http.socket.end();
  return (await http.readToEnd()).responses[0]?.status;
}

/** An io worker's lines go through the main thread: they may come behind its answers. */
async function untilLogged(server: ServerProcess, text: string): Promise<void> {
  await until(`a line with ${text}`, async () => (await server.log()).includes(text));
}

const FLAGS = [
  ...["--host", "127.0.0.1", "--public-host", "play.example.org", "--gateway-url", "wss://ws.example.org/ws"],
  ...["--allowed-origins", "https://www.example.org,capacitor://localhost"],
];

onEachBackend({ flags: FLAGS }, (backend, server) => {
  Deno.test(`${backend}: serve on loopback answers under its own names and takes no WebSocket under another (DNS rebinding)`, async () => {
    const statuses: (number | undefined)[] = [];
    for (
      const host of ["localhost", "127.0.0.1", "play.example.org", "ws.example.org", "www.example.org", "evil.example"]
    ) {
      statuses.push(await statusOf(server(), `GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
    }
    assertEquals(statuses, [200, 200, 200, 200, 200, 421]);
    const rebound = `GET /ws HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n${UPGRADE}`;
    assertEquals(await statusOf(server(), rebound), 421);
    await untilLogged(server(), '"flag":"--public-host evil.example"');
  });

  Deno.test(`${backend}: serve takes a WebSocket of an app's web view where its origin is listed`, async () => {
    const status = (origin: string) =>
      statusOf(server(), `GET /ws HTTP/1.1\r\nHost: play.example.org\r\nOrigin: ${origin}\r\n${UPGRADE}`);
    assertEquals([await status("capacitor://localhost"), await status("ionic://localhost")], [101, 403]);
    await untilLogged(server(), '"flag":"--allowed-origins ionic://localhost"');
    // However often somebody asks, the log says it now and then. How often one can ask in an interval is the machine's.
    const lines = async () =>
      (await server().log()).split("\n").filter((line) => line.includes("pages of this origin"));
    let asked = 0;
    await until("a line that counts others that were left out", async () => {
      asked += ASKED_AT_ONCE;
      await Promise.all(Array.from({ length: ASKED_AT_ONCE }, () => status("https://evil.example")));
      return (await lines()).some((line) => line.includes('"leftOut":'));
    });
    assert((await lines()).length < asked, `${(await lines()).length} lines of ${asked}`);
  });

  Deno.test(`${backend}: serve answers a peer that ends its side behind a request, on TCP and HTTP`, async () => {
    await using client = await WireClient.tcp(server().ports.login);
    client.sendBytes(packet(LoginRequestSchema, { username: "Nobody", passwordHash: "0".repeat(64) }));
    client.socket.end();
    assertEquals((await client.expect(LoginResponseSchema)).success, false);
    await client.ended();
    await using http = await RawHttp.connect(server().ports.gateway);
    http.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(3));
    http.socket.end();
    assertEquals((await http.readToEnd()).responses.map(({ status }) => status), [200, 200, 200]);
  });
});
