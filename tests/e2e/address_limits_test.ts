/** Limits and bans of addresses, and proxies that tell them, on the real server. @module */

import {
  DisconnectNoticeSchema,
  DisconnectReason,
  HeartbeatRequestSchema,
  HeartbeatResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { LOGIN_FAILURES_PER_ACCOUNT_AND_ADDRESS } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { proxyHeaderV4 } from "../support/proxy_header.ts";
import { RawHttp } from "../support/raw_http.ts";
import { RawSocket } from "../support/raw_socket.ts";
import { onEachBackend, type ServerProcess } from "../support/server_process.ts";
import { until } from "../support/wait.ts";
import { packet, WireClient } from "../support/wire.ts";
import { enterWorld, login, register, WirePlayer } from "../support/wire_session.ts";
import { join } from "../support/wire_websocket.ts";

const PROXY = "127.0.0.100";
const CONNECTIONS_MAX = 20;
const FLAGS = [
  ...["--trusted-addresses", "127.0.0.1", "--proxy-protocol-from", `${PROXY}, 127.0.0.101`],
  ...["--address-max-connections", String(CONNECTIONS_MAX), "--login-max-connections", String(2 * CONNECTIONS_MAX)],
];
const HEARTBEATS = join(new Array(2_000).fill(packet(HeartbeatRequestSchema, {})));

/** Sends far more than is allowed; gives what the server says to it. */
async function flood(client: WireClient) {
  client.sendBytes(HEARTBEATS);
  return await client.expect(DisconnectNoticeSchema);
}

/** How a fresh connection from an address ends that sends nothing: nothing must come. */
async function isClosedWithoutWord(port: number, localAddress: string): Promise<boolean> {
  await using socket = await RawSocket.connect(port, localAddress);
  let byteCount = 0;
  socket.onBytes((bytes) => byteCount += bytes.length);
  await socket.ended;
  return byteCount === 0;
}

function viaProxy(server: ServerProcess, address: string, port = server.ports.game): Promise<WireClient> {
  return WireClient.tcp(port, { localAddress: PROXY, head: proxyHeaderV4(address) });
}

onEachBackend({ players: 8, flags: FLAGS }, (backend, server) => {
  Deno.test(`${backend}: serve bans an address that floods, on every port, and nobody else`, async () => {
    const { ports } = server();
    await using player = await WirePlayer.enter(server(), "tcp");
    await using flooding = await WireClient.tcp(ports.game, { localAddress: "127.0.0.2" });
    const { reason, retryAfterMs } = await flood(flooding);
    assertEquals([reason, retryAfterMs], [DisconnectReason.FLOOD, 10_000]);
    await flooding.ended();
    // Whichever io worker takes them.
    for (const port of [ports.login, ports.game, ports.gateway, ports.login, ports.game, ports.gateway]) {
      assert(await isClosedWithoutWord(port, "127.0.0.2"));
    }
    await using neighbour = await WireClient.tcp(ports.game, { localAddress: "127.0.0.3" });
    await enterWorld(neighbour, server().takePlayer().token);
    await player.settle();
    assertEquals(await server().metric("drawbridge_address_bans_total"), 1);
    assert(await server().metric("drawbridge_packets_dropped_total") >= 500);
    assert(await server().metric("drawbridge_connections_refused_total", { reason: "address" }) >= 6);
    assert((await server().log()).includes("Address is banned for flooding"));
  });

  Deno.test(`${backend}: serve never bans a trusted address`, async () => {
    for (let round = 0; round < 3; round++) {
      await using client = await WireClient.tcp(server().ports.game);
      const { reason, retryAfterMs } = await flood(client);
      assertEquals([reason, retryAfterMs], [DisconnectReason.FLOOD, 0]);
    }
    await using player = await WirePlayer.enter(server(), "websocket");
    await player.settle();
  });

  Deno.test(`${backend}: serve tells a connection too many from an address FLOOD, and frees its place when one goes`, async () => {
    const from = { localAddress: "127.0.0.4" };
    const clients = await Promise.all(
      Array.from({ length: CONNECTIONS_MAX }, () => WireClient.tcp(server().ports.game, from)),
    );
    try {
      for (const client of clients) client.send(HeartbeatRequestSchema, {});
      await Promise.all(clients.map((client) => client.until("a heartbeat's answer", () => client.packets.length > 0)));
      await using refused = await WireClient.tcp(server().ports.login, from);
      assertEquals((await refused.expect(DisconnectNoticeSchema)).reason, DisconnectReason.FLOOD);
      await clients[0].close();
      await until("a place", async () => {
        await using client = await WireClient.tcp(server().ports.game, from);
        client.send(HeartbeatRequestSchema, {});
        await client.until("any answer", () => client.packets.length > 0);
        return client.all(DisconnectNoticeSchema).length === 0;
      });
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  });

  Deno.test(`${backend}: serve answers logins of others while two addresses hold every place of the login port`, async () => {
    const port = server().ports.login;
    const holders: WireClient[] = [];
    try {
      for (let index = 0; index < 2 * CONNECTIONS_MAX; index++) {
        const client = await WireClient.tcp(port, { localAddress: `127.0.0.${40 + index % 2}` });
        holders.push(client);
        await client.ask(HeartbeatRequestSchema, {}, HeartbeatResponseSchema);
      }
      const codes: string[] = [];
      for (let index = 0; index < 4; index++) {
        await using client = await WireClient.tcp(port, { localAddress: `127.0.0.${50 + index}` });
        codes.push(ErrorCode[(await login(client, "nobody", "password")).errorCode]);
      }
      assertEquals(codes, new Array(4).fill("INVALID_CREDENTIALS"));
      const told = holders.flatMap((client) => client.all(DisconnectNoticeSchema).map(({ reason }) => reason));
      assertEquals(told, new Array(told.length).fill(DisconnectReason.SERVER_FULL));
    } finally {
      await Promise.all(holders.map((client) => client.close()));
    }
  });

  Deno.test(`${backend}: serve takes a player's address from a listed proxy, over TCP and WebSocket`, async () => {
    const { login: loginPort, gateway } = server().ports;
    await using first = await viaProxy(server(), "198.51.100.1", loginPort);
    assert((await register(first, `Behind_${backend}`, "secret")).success);
    const { success, gameServers } = await login(first, `Behind_${backend}`, "secret");
    assertEquals([success, gameServers[0].ipAddress], [true, "203.0.113.80"]);
    await using webSocket = await WireClient.webSocket(gateway, {
      localAddress: PROXY,
      head: proxyHeaderV4("198.51.100.1"),
    });
    await enterWorld(webSocket, server().takePlayer().token);
    // Wrong passwords count against the address behind the proxy.
    let failures = 0;
    // The first waits are short, for a machine that is busy: such a one may be over before the right password comes.
    await until("the right password to wait, too", async () => {
      await using guessing = await viaProxy(server(), "198.51.100.2", loginPort);
      while ((await login(guessing, `Behind_${backend}`, "x")).errorCode === ErrorCode.INVALID_CREDENTIALS) failures++;
      return (await login(guessing, `Behind_${backend}`, "secret")).errorCode === ErrorCode.RATE_LIMITED;
    });
    assert(failures >= LOGIN_FAILURES_PER_ACCOUNT_AND_ADDRESS);
    await using other = await viaProxy(server(), "198.51.100.3", loginPort);
    assert((await login(other, `Behind_${backend}`, "secret")).success);
  });

  Deno.test(`${backend}: serve bans the address behind a proxy and serves others through it`, async () => {
    await using flooding = await viaProxy(server(), "198.51.100.66");
    assertEquals((await flood(flooding)).retryAfterMs, 10_000);
    await using again = await viaProxy(server(), "198.51.100.66");
    assertEquals((await again.expect(DisconnectNoticeSchema)).reason, DisconnectReason.FLOOD);
    await using other = await viaProxy(server(), "198.51.100.67");
    await enterWorld(other, server().takePlayer().token);
    assert((await server().log()).includes('"address":"198.51.100.66"'));
  });

  Deno.test(`${backend}: serve takes a player's address from a PROXY header of version 1 too`, async () => {
    const head = (address: string) => new TextEncoder().encode(`PROXY TCP4 ${address} 203.0.113.80 4000 8081\r\n`);
    const via = (address: string) => ({ localAddress: PROXY, head: head(address) });
    await using flooding = await WireClient.tcp(server().ports.game, via("198.51.100.76"));
    assertEquals((await flood(flooding)).retryAfterMs, 10_000);
    await using again = await WireClient.tcp(server().ports.game, via("198.51.100.76"));
    assertEquals((await again.expect(DisconnectNoticeSchema)).reason, DisconnectReason.FLOOD);
    await using other = await WireClient.webSocket(server().ports.gateway, via("198.51.100.77"));
    await enterWorld(other, server().takePlayer().token);
  });

  Deno.test(`${backend}: serve closes who sends a PROXY header without being listed, and a listed proxy without one`, async () => {
    const { game, gateway } = server().ports;
    await using unlisted = await WireClient.tcp(game, { head: proxyHeaderV4("198.51.100.9") });
    assertEquals((await unlisted.expect(DisconnectNoticeSchema)).reason, DisconnectReason.MALFORMED_FRAME);
    await using bare = await WireClient.tcp(game, { localAddress: PROXY, head: packet(HeartbeatRequestSchema, {}) });
    const { reason, message } = await bare.expect(DisconnectNoticeSchema);
    assertEquals([reason, message.includes("PROXY header")], [DisconnectReason.MALFORMED_FRAME, true]);
    await using http = await RawHttp.connect(gateway);
    http.socket.write(proxyHeaderV4("198.51.100.9"));
    http.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    assertEquals((await http.readToEnd()).responses.map(({ status }) => status), [400]);
    assert(await isClosedWithoutWord(gateway, PROXY), "A silent proxy is closed in time");
  });
});
