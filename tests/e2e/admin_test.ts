import {
  DisconnectNoticeSchema,
  HeartbeatRequestSchema,
  HeartbeatResponseSchema,
  LogoutRequestSchema,
  LogoutResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { Channel } from "../../games/parts/chat/chat_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { IO_BACKENDS, ServerProcess } from "../support/server_process.ts";
import { until } from "../support/wait.ts";
import { passwordHash, WireClient } from "../support/wire.ts";
import { connect, login, register, resume, WirePlayer } from "../support/wire_session.ts";

/** Text as the packet logger shows bytes. */
function hexOf(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

for (const backend of IO_BACKENDS) {
  Deno.test(`admin site (${backend}) counts what happened, and nothing is left when everyone is gone`, async () => {
    await using server = await ServerProcess.start({
      backend,
      players: 3,
      flags: ["--debug-packets", "on", "--link-dead-ms", "0"],
    });
    const count = (name: string, labels: Record<string, string> = {}) => server.metric(`drawbridge_${name}`, labels);
    const reaches = (name: string, value: number, labels: Record<string, string> = {}) =>
      until(`${name} to be ${value}`, async () => await count(name, labels) === value);
    const secrets: string[] = [passwordHash("correct horse"), passwordHash("battery staple")];
    {
      await using gate = await WireClient.tcp(server.ports.login);
      assert((await register(gate, "Alice", "correct horse")).success);
      assert(!(await login(gate, "Alice", "battery staple")).success);
      const { sessionToken } = await login(gate, "Alice", "correct horse");
      secrets.push(sessionToken);
      await using native = await WirePlayer.enter(server, "tcp", { name: "Alice", token: sessionToken });
      await using browser = await WirePlayer.enter(server, "websocket");
      secrets.push(native.entry.resumeToken, browser.entry.resumeToken);
      native.say(Channel.GLOBAL, "plain words");
      await browser.hears("Alice");
      await native.client.ask(HeartbeatRequestSchema, {}, HeartbeatResponseSchema);
      await using bad = await connect(server, "tcp");
      bad.sendBytes(new Uint8Array(4));
      await bad.expect(DisconnectNoticeSchema);
      await bad.ended();

      await reaches("players_online", 2);
      await reaches("sessions", 3);
      await reaches("entities", 2);
      assertEquals(await count("connections_accepted_total"), 4);
      assertEquals(await count("connections_closed_total", { reason: "malformed_frame" }), 1);
      assertEquals(await count("connections", { state: "authenticated", transport: "tcp" }), 1);
      assertEquals(await count("connections", { state: "in_world", transport: "tcp" }), 1);
      assertEquals(await count("connections", { state: "in_world", transport: "websocket" }), 1);
      assertEquals(await count("packets_total", { direction: "in" }), 7);
      assertEquals(await count("chat_messages_total"), 1);
      assertEquals(await count("logins_total", { result: "ok" }), 1);
      assertEquals(await count("logins_total", { result: "failed" }), 1);
      assert(await count("bytes_total", { direction: "in" }) > 500);
      const sent = gate.packets.length + native.client.packets.length + browser.client.packets.length;
      assert(await count("packets_total", { direction: "out" }) >= sent);
      assertEquals(await count("handler_errors_total"), 0);

      const site = `http://127.0.0.1:${server.ports.admin}`;
      const health = await fetch(`${site}/healthz`);
      assertEquals([health.status, await health.text()], [200, "ok\n"]);
      await server.untilReady();
      const status = await until("two looks of the monitor", async () => {
        const report = await (await fetch(`${site}/status.json`)).json();
        return report.workers.length > 0 && report.ready && report;
      });
      assertEquals([status.serverName, status.totals.playersOnline], ["Dragon Server", 2]);
      assertEquals(status.workers.map(({ worker }: { worker: string }) => worker), ["io-0", "io-1", "logic"]);
      const page = await fetch(site);
      assert((await page.text()).includes("<html"));

      // One leaves in order, one by a reset, one by a resume that takes its place.
      assert((await browser.client.ask(LogoutRequestSchema, {}, LogoutResponseSchema)).success);
      await using moved = await connect(server, "websocket");
      const resumed = await resume(moved, native.entry.resumeToken, 1);
      secrets.push(resumed.resumeToken);
      await native.client.ended();
      moved.socket.reset();
      gate.socket.reset();
    }
    await reaches("sessions", 0);
    await reaches("players_online", 0);
    await reaches("sessions_link_dead", 0);
    await reaches("entities", 0);
    await reaches("connections", 0);
    const closed = await count("connections_closed_total");
    assertEquals(closed, await count("connections_accepted_total"), "Every connection ended for one reason");
    assertEquals(await count("connections_closed_total", { reason: "logged_in_elsewhere" }), 1);

    const log = await server.log();
    for (const secret of secrets) {
      assert(secret.length > 20);
      assert(!log.includes(secret) && !log.includes(hexOf(secret.slice(0, 16))), "The log has a secret");
    }
    const logged = log.split("\n").filter((line) => line.includes('"Packet"')).map((line) =>
      JSON.parse(line).properties
    );
    const payloadOf = (type: string) => logged.find((line) => line.type === type)?.payload;
    assert(payloadOf("CHAT_MESSAGE").includes(hexOf("plain words")));
    for (
      const type of [
        ...["LOGIN_REQUEST", "LOGIN_RESPONSE", "REGISTER_REQUEST", "ENTER_WORLD_REQUEST", "ENTER_WORLD_RESPONSE"],
        ...["RESUME_REQUEST", "RESUME_RESPONSE"],
      ]
    ) {
      assert(/^<redacted \d+ bytes>$/.test(payloadOf(type)), type);
    }
    await server.stop();
  });
}
