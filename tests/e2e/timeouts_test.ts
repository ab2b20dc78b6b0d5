import {
  DisconnectNoticeSchema,
  DisconnectReason,
  HeartbeatRequestSchema,
  HeartbeatResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { assertEquals } from "../support/assert.ts";
import { RawHttp } from "../support/raw_http.ts";
import { onEachBackend, type ServerProcess } from "../support/server_process.ts";
import { packet, WireClient } from "../support/wire.ts";

/** Everything here waits for the same seconds, so all of it waits at once. */
async function checkSilence(server: ServerProcess): Promise<void> {
  const { game, gateway, login } = server.ports;
  const isClosed = async (client: WireClient) => {
    await using silent = client;
    const notice = await silent.expect(DisconnectNoticeSchema);
    const { closeCode } = await silent.ended();
    return [DisconnectReason[notice.reason], closeCode];
  };
  // Half a packet, and one that is not allowed, prove nothing.
  const half = await WireClient.tcp(game);
  half.sendBytes(packet(HeartbeatRequestSchema, { timestamp: 1n }).subarray(0, 9));
  const slowHead = async (text: string) => {
    await using http = await RawHttp.connect(gateway);
    http.send(text);
    return (await http.readToEnd()).responses.map(({ status }) => status);
  };
  await using proven = await WireClient.tcp(game);
  await proven.ask(HeartbeatRequestSchema, {}, HeartbeatResponseSchema);
  const results = await Promise.all([
    isClosed(await WireClient.tcp(login)),
    isClosed(await WireClient.tcp(game)),
    isClosed(half),
    isClosed(await WireClient.webSocket(gateway)),
    slowHead(""),
    slowHead("GET / HTTP/1.1\r\nHost: a"),
    slowHead("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
  ]);
  assertEquals(results, [
    ["HANDSHAKE_TIMEOUT", null],
    ["HANDSHAKE_TIMEOUT", null],
    ["HANDSHAKE_TIMEOUT", null],
    ["HANDSHAKE_TIMEOUT", 1008],
    [],
    [408],
    [200],
  ]);
  // Who has sent something valid is given longer.
  const answer = await proven.ask(HeartbeatRequestSchema, { timestamp: 2n }, HeartbeatResponseSchema);
  assertEquals(answer.clientTimestamp, 2n);
}

const servers: (() => ServerProcess)[] = [];
onEachBackend({}, (_backend, server) => servers.push(server));

Deno.test("serve closes whoever connects and says nothing valid, on every port and backend", async () => {
  await Promise.all(servers.map((server) => checkSilence(server())));
});
