import {
  DisconnectNoticeSchema,
  DisconnectReason,
  ErrorResponseSchema,
  HeartbeatRequestSchema,
  HeartbeatResponseSchema,
  LoginRequestSchema,
  LoginResponseSchema,
  LogoutRequestSchema,
  LogoutResponseSchema,
  RegisterRequestSchema,
  RegisterResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { EnterWorldRequestSchema, EnterWorldResponseSchema, MovementUpdateSchema } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { onEachBackend, ServerProcess } from "../support/server_process.ts";
import { frame, packet, packetBody, passwordHash, WireClient } from "../support/wire.ts";
import { join } from "../support/wire_websocket.ts";
import {
  connect,
  connectToLogin,
  enterWorld,
  login,
  register,
  TRANSPORTS,
  WirePlayer,
} from "../support/wire_session.ts";

onEachBackend({ players: 20 }, (backend, server) => {
  for (const transport of TRANSPORTS) {
    const name = `${transport === "tcp" ? "Native" : "Browser"}-${backend}`;

    Deno.test(`serve (${backend}) registers and logs in over ${transport}, and lists the game server`, async () => {
      await using client = await connectToLogin(server(), transport);
      const registered = await register(client, name, "correct horse");
      assertEquals([registered.success, registered.errorCode], [true, ErrorCode.NONE]);
      assert(registered.playerId > 0n);
      const loggedIn = await login(client, name, "correct horse");
      assertEquals([loggedIn.success, loggedIn.errorCode], [true, ErrorCode.NONE]);
      assertEquals(loggedIn.playerId, registered.playerId);
      assertEquals(loggedIn.sessionToken.split(".").length, 3);
      const [listed, ...others] = loggedIn.gameServers;
      assertEquals(others, []);
      assertEquals([listed.serverId, listed.serverName, listed.ipAddress], [1, "Dragon Server", "127.0.0.1"]);
      assertEquals([listed.port, listed.maxPlayers], [server().ports.game, 5_000]);
      assertEquals(listed.gatewayUrl, `ws://127.0.0.1:${server().ports.gateway}/ws`);
      assert(listed.loadFactor >= 0 && listed.loadFactor <= 1);
      assertEquals(client.reliable, [], "Packets before the world carry no sequence");
    });

    Deno.test(`serve (${backend}) answers a wrong password over ${transport} as it answers an unknown name`, async () => {
      await using client = await connectToLogin(server(), transport);
      assert((await register(client, `${name}-2`, "correct horse")).success);
      const wrong = await login(client, `${name}-2`, "battery staple");
      const unknown = await login(client, `${name}-3`, "battery staple");
      assertEquals([wrong.success, wrong.errorCode], [false, ErrorCode.INVALID_CREDENTIALS]);
      assertEquals(unknown, wrong);
      const empty = await login(client, "", "");
      assertEquals(empty.errorCode, ErrorCode.INVALID_CREDENTIALS);
      const noHash = await client.ask(
        LoginRequestSchema,
        { username: `${name}-2`, passwordHash: "secret" },
        LoginResponseSchema,
      );
      assertEquals(noHash.errorCode, ErrorCode.INVALID_CREDENTIALS);
    });

    Deno.test(`serve (${backend}) answers over ${transport} the same whether packets come in one piece or in many`, async () => {
      const player = `${name}-4`;
      const requests = [
        packet(HeartbeatRequestSchema, { timestamp: 7n }),
        packet(RegisterRequestSchema, { username: player, passwordHash: passwordHash("pw") }),
        frame(packetBody(7_777, new Uint8Array(3))),
        packet(MovementUpdateSchema, {}),
        packet(HeartbeatRequestSchema, { timestamp: 8n }),
      ];
      await using whole = await connectToLogin(server(), transport);
      whole.sendBytes(join(requests));
      await using bitwise = await connectToLogin(server(), transport);
      const answers = async (client: WireClient) => ({
        first: (await client.expect(HeartbeatResponseSchema)).clientTimestamp,
        unknown: await client.expect(ErrorResponseSchema),
        movement: await client.expect(ErrorResponseSchema),
        second: (await client.expect(HeartbeatResponseSchema)).clientTimestamp,
        success: (await client.expect(RegisterResponseSchema)).success,
      });
      const expected = await answers(whole);
      assertEquals([expected.first, expected.second, expected.success], [7n, 8n, true]);
      assertEquals([expected.unknown.errorCode, expected.unknown.requestType], [ErrorCode.UNSUPPORTED, 7_777]);
      assertEquals(expected.movement.requestType, PacketType.MOVEMENT_UPDATE);
      // Under another name, of as many bytes, so that it can be registered again.
      requests[1] = packet(RegisterRequestSchema, { username: `${name}-5`, passwordHash: passwordHash("pw") });
      for (const byte of join(requests)) bitwise.sendBytes(new Uint8Array([byte]));
      assertEquals(await answers(bitwise), expected);
    });

    Deno.test(`serve (${backend}) lets a session token into the world over ${transport}, and no other token`, async () => {
      const { token } = server().takePlayer();
      const [head, body, signature] = token.split(".");
      const swapped = `${head}.${body}.${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`;
      const unsigned = `${btoa('{"alg":"none","typ":"JWT"}').replaceAll("=", "")}.${body}.`;
      await using client = await connect(server(), transport);
      for (const bad of [swapped, unsigned, "no token", `${token}x`, "x".repeat(3_000)]) {
        const answer = await client.ask(EnterWorldRequestSchema, { sessionToken: bad }, EnterWorldResponseSchema);
        assertEquals([answer.success, answer.errorCode], [false, ErrorCode.INVALID_TOKEN], bad.slice(0, 50));
      }
      const none = await client.ask(EnterWorldRequestSchema, {}, EnterWorldResponseSchema);
      assertEquals([none.success, none.errorCode], [false, ErrorCode.NOT_AUTHENTICATED]);
      const answer = await enterWorld(client, token);
      assert(answer.entityId > 0n && answer.resumeToken !== "");
      assertEquals([answer.tickIntervalMs, answer.interestRadius, answer.maxSpeed], [50, 50, 10]);
      assertEquals([answer.mapWidth, answer.mapHeight, answer.mapId], [1_000, 1_000, 0]);
      assertEquals(client.reliable.map(({ type, sequence }) => [type, sequence]), [[
        PacketType.ENTER_WORLD_RESPONSE,
        1,
      ]]);
    });

    Deno.test(`serve (${backend}) logs out over ${transport} and lets the same connection log in again`, async () => {
      await using client = await connectToLogin(server(), transport);
      await register(client, `${name}-6`, "pw");
      assert((await login(client, `${name}-6`, "pw")).success);
      if (transport === "websocket") {
        await enterWorld(client, "");
        assertEquals((await client.ask(LogoutRequestSchema, {}, LogoutResponseSchema)).success, true);
      } else {
        assertEquals((await client.ask(LogoutRequestSchema, {}, LogoutResponseSchema)).success, true);
      }
      const refused = await client.ask(LogoutRequestSchema, {}, ErrorResponseSchema);
      assertEquals(refused.errorCode, ErrorCode.NOT_AUTHENTICATED);
      assert((await login(client, `${name}-6`, "pw")).success);
    });

    Deno.test(`serve (${backend}) replaces the first connection at a second entry over ${transport}, and says so`, async () => {
      const player = server().takePlayer();
      await using first = await WirePlayer.enter(server(), transport, player);
      await using second = await WirePlayer.enter(server(), transport, player);
      const notice = await first.client.expect(DisconnectNoticeSchema);
      assertEquals(notice.reason, DisconnectReason.LOGGED_IN_ELSEWHERE);
      const { kind, closeCode } = await first.client.ended();
      assertEquals([kind, closeCode], ["fin", transport === "tcp" ? null : 1000]);
      second.say(0, "still here");
      assertEquals((await second.hears(player.name)).message, "still here");
    });
  }

  Deno.test(`serve (${backend}) refuses bad names, and names in use whatever their letters' case`, async () => {
    await using client = await connectToLogin(server(), "tcp");
    for (const bad of ["", "a", "a".repeat(21), "two words", "tab\tname", "emoji🐉", "semi;colon"]) {
      const answer = await register(client, bad, "pw");
      assertEquals([answer.success, answer.errorCode], [false, ErrorCode.NAME_INVALID], JSON.stringify(bad));
    }
    assert((await register(client, `Case-${backend}`, "pw")).success);
    const taken = await register(client, `CASE-${backend}`, "other");
    assertEquals([taken.success, taken.errorCode], [false, ErrorCode.NAME_TAKEN]);
    const loggedIn = await login(client, `cASE-${backend}`, "pw");
    assert(loggedIn.success, "Who logs in need not spell the name as it was registered");
  });

  Deno.test(`serve (${backend}) lets a player enter the gateway's world after a login without a token`, async () => {
    await using client = await connectToLogin(server(), "websocket");
    await register(client, `Gate-${backend}`, "pw");
    assert((await login(client, `Gate-${backend}`, "pw")).success);
    assert((await enterWorld(client, "")).entityId > 0n);
    const again = await client.ask(LoginRequestSchema, {}, ErrorResponseSchema);
    assertEquals([again.errorCode, again.requestType], [ErrorCode.INVALID_STATE, PacketType.LOGIN_REQUEST]);
  });

  Deno.test(`serve (${backend}) answers UNSUPPORTED on the wrong port`, async () => {
    await using onLogin = await connectToLogin(server(), "tcp");
    const entry = await onLogin.ask(EnterWorldRequestSchema, {}, ErrorResponseSchema);
    assertEquals([entry.errorCode, entry.requestType], [ErrorCode.UNSUPPORTED, PacketType.ENTER_WORLD_REQUEST]);
    await using onGame = await connect(server(), "tcp");
    for (const schema of [LoginRequestSchema, RegisterRequestSchema]) {
      const answer = await onGame.ask(schema, {}, ErrorResponseSchema);
      assertEquals(answer.errorCode, ErrorCode.UNSUPPORTED);
    }
  });

  Deno.test(`serve (${backend}) refuses packets that the state does not allow, and closes who goes on`, async () => {
    await using client = await connect(server(), "tcp");
    const refused = await client.ask(ChatMessageSchema, { message: "hi" }, ErrorResponseSchema);
    assertEquals([refused.errorCode, refused.requestType], [ErrorCode.NOT_AUTHENTICATED, PacketType.CHAT_MESSAGE]);
    for (let count = 0; count < 20; count++) client.send(ChatMessageSchema, { message: "hi" });
    const notice = await client.expect(DisconnectNoticeSchema);
    assertEquals(notice.reason, DisconnectReason.PROTOCOL_VIOLATION);
    assertEquals((await client.ended()).kind, "fin");
  });

  Deno.test(`serve (${backend}) measures the round trip by the client's echo of its time`, async () => {
    await using client = await connectToLogin(server(), "tcp");
    const startMs = performance.now();
    const first = await client.ask(HeartbeatRequestSchema, { timestamp: 1n }, HeartbeatResponseSchema);
    assertEquals([first.clientTimestamp, first.latencyMs], [1n, 0]);
    const answeredMs = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const sentMs = performance.now();
    const echo = { timestamp: 2n, serverTimestampEcho: first.serverTimestamp };
    const second = await client.ask(HeartbeatRequestSchema, echo, HeartbeatResponseSchema);
    const endMs = performance.now();
    assertEquals(second.clientTimestamp, 2n);
    // What the server took for the round trip lies within what the client saw of it, but for what the clocks are apart.
    assert(second.latencyMs >= sentMs - answeredMs - 5, `Measured ${second.latencyMs}, ${sentMs - answeredMs} passed`);
    assert(second.latencyMs <= endMs - startMs + 5, `Measured ${second.latencyMs}, ${endMs - startMs} passed`);
  });

  Deno.test(`serve (${backend}) replaces a login on the login port by a second one`, async () => {
    await using first = await connectToLogin(server(), "tcp");
    await register(first, `Twice-${backend}`, "pw");
    assert((await login(first, `Twice-${backend}`, "pw")).success);
    await using second = await connectToLogin(server(), "tcp");
    assert((await login(second, `Twice-${backend}`, "pw")).success);
    assertEquals((await first.expect(DisconnectNoticeSchema)).reason, DisconnectReason.LOGGED_IN_ELSEWHERE);
    await first.ended();
  });
});

Deno.test("serve --duplicate-login reject keeps the first connection and refuses the second", async () => {
  const flags = ["--duplicate-login", "reject", "--client-version-min", "1.4"];
  await using server = await ServerProcess.start({ flags, players: 1 });
  const player = server.takePlayer();
  await using first = await WirePlayer.enter(server, "tcp", player);
  await using second = await connect(server, "websocket");
  const entry = await second.ask(EnterWorldRequestSchema, { sessionToken: player.token }, EnterWorldResponseSchema);
  assertEquals([entry.success, entry.errorCode], [false, ErrorCode.ALREADY_LOGGED_IN]);
  first.say(0, "mine");
  assertEquals((await first.hears(player.name)).message, "mine");

  await using gate = await connectToLogin(server, "tcp");
  await register(gate, "Versioned", "pw");
  assertEquals((await login(gate, "Versioned", "pw", "1.3.9")).errorCode, ErrorCode.VERSION_MISMATCH);
  assertEquals((await login(gate, "Versioned", "pw", "")).errorCode, ErrorCode.VERSION_MISMATCH);
  assert((await login(gate, "Versioned", "pw", "1.4.0")).success);
  await using again = await connectToLogin(server, "tcp");
  assertEquals((await login(again, "Versioned", "pw", "1.10")).errorCode, ErrorCode.ALREADY_LOGGED_IN);
  await server.stop();
});

Deno.test("serve refuses the session tokens of another server", async () => {
  await using other = await ServerProcess.start({ players: 1 });
  const { token } = other.takePlayer();
  await using server = await ServerProcess.start();
  await using client = await connect(server, "tcp");
  const answer = await client.ask(EnterWorldRequestSchema, { sessionToken: token }, EnterWorldResponseSchema);
  assertEquals([answer.success, answer.errorCode], [false, ErrorCode.INVALID_TOKEN]);
});
