import { create } from "@bufbuild/protobuf";
import { RequestError } from "../../client/client.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { DisconnectReason, LoginRequestSchema, ServerInfoSchema } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { CLIENT_MOVE_TIMEOUT_MS } from "../../shared/limits.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { Fixture } from "./support/fixture.ts";

/**
 * A client that has logged in at a server which is `here` in the list; undefined: the server does not say.
 *
 * @param currentPlayers Of each server, where 10 fit in.
 */
async function loggedIn(
  servers: readonly number[],
  here: number | undefined,
  currentPlayers: readonly number[] = [],
): Promise<Fixture> {
  const fixture = await Fixture.open();
  const login = fixture.client.request(LoginRequestSchema, { username: "alice", passwordHash: "0".repeat(64) });
  await fixture.settle();
  const gameServers = servers.map((serverId, index) =>
    create(ServerInfoSchema, { serverId, maxPlayers: 10, currentPlayers: currentPlayers[index] ?? 0 })
  );
  fixture.server.peer.reply(PacketType.LOGIN_RESPONSE, {
    success: true,
    sessionToken: "jwt",
    gameServers,
    serverId: here,
  });
  await fixture.settle();
  await login;
  return fixture;
}

Deno.test("GameClient.enterWorld() goes to the server that the login lists first, with the token", async () => {
  const fixture = await loggedIn([7, 8], 0);
  const entered = fixture.client.enterWorld();
  assertEquals(fixture.client.send(ChatMessageSchema, { message: "hi" }), "queued");
  await fixture.admit();
  assert((await entered).success);
  assertEquals(fixture.server.attempts, [0, 7]);
  assert(fixture.server.peers[0].isClosedByClient);
  assertEquals(fixture.server.peer.last(PacketType.ENTER_WORLD_REQUEST).sessionToken, "jwt");
  assertEquals(fixture.server.peer.last(PacketType.CHAT_MESSAGE).message, "hi", "What was said meanwhile follows");
  assertEquals(fixture.states, ["connecting", "connected", "connecting", "connected"]);
  await fixture.close();
});

Deno.test("GameClient comes back to the server that it went to", async () => {
  const fixture = await loggedIn([7, 8], 0);
  const entered = fixture.client.enterWorld();
  await fixture.admit();
  await entered;
  await fixture.reconnect();
  assertEquals(fixture.server.attempts, [0, 7, 7]);
  assertEquals(fixture.server.peer.last(PacketType.RESUME_REQUEST).resumeToken, "token-1");
  await fixture.close();
});

Deno.test("GameClient.enterWorld() stays where it is when that server is the first, or is an older one", async () => {
  for (const [servers, here] of [[[7, 8], 7], [[7], undefined]] as const) {
    const fixture = await loggedIn(servers, here);
    const entered = fixture.client.enterWorld();
    await fixture.admit();
    assert((await entered).success);
    assertEquals(fixture.server.attempts, [0]);
    await fixture.close();
  }
});

Deno.test("GameClient.enterWorld() goes on where a server cannot be reached, keeps silent, is full, stops or hangs up", async () => {
  const fixture = await loggedIn([1, 2, 3, 4, 5, 6], 0);
  const { client, server } = fixture;
  const heard: boolean[] = [];
  client.on(PacketType.ENTER_WORLD_RESPONSE, ({ success }) => heard.push(success));
  client.on(PacketType.ERROR_RESPONSE, () => heard.push(false));
  server.modes.set(1, "refuse").set(2, "hang");
  const entered = client.enterWorld();
  await fixture.settle();
  assertEquals(server.attempts, [0, 1, 2]);
  await fixture.advance(CLIENT_MOVE_TIMEOUT_MS);
  assertEquals(server.attempts, [0, 1, 2, 3]);
  await fixture.admit({ success: false, errorCode: ErrorCode.SERVER_FULL });
  assertEquals(server.attempts, [0, 1, 2, 3, 4]);
  const requestType = PacketType.ENTER_WORLD_REQUEST;
  server.peer.reply(PacketType.ERROR_RESPONSE, { errorCode: ErrorCode.UNAVAILABLE, requestType });
  await fixture.settle();
  assertEquals(server.attempts, [0, 1, 2, 3, 4, 5]);
  server.peer.reply(PacketType.DISCONNECT_NOTICE, { reason: DisconnectReason.SERVER_FULL });
  await fixture.settle();
  assertEquals(server.attempts, [0, 1, 2, 3, 4, 5, 6]);
  await fixture.admit();
  assert((await entered).success);
  assertEquals(heard, [true], "Only the last answer is told");
  await fixture.close();
});

Deno.test("GameClient.enterWorld() tells what the last server said, and goes nowhere for what all would say", async () => {
  const full = await loggedIn([1, 2], 0);
  const entered = full.client.enterWorld();
  await full.admit({ success: false, errorCode: ErrorCode.SERVER_FULL });
  await full.admit({ success: false, errorCode: ErrorCode.SERVER_FULL });
  assertEquals((await entered).errorCode, ErrorCode.SERVER_FULL);
  assertEquals(full.client.state, "connected");
  await full.close();
  const banned = await loggedIn([1, 2], 0);
  const refused = banned.client.enterWorld();
  await banned.admit({ success: false, errorCode: ErrorCode.BANNED });
  assertEquals((await refused).errorCode, ErrorCode.BANNED);
  assertEquals(banned.server.attempts, [0, 1]);
  await banned.close();
});

Deno.test("GameClient.enterWorld() waits in the line of a server only while no other has room", async () => {
  const fixture = await loggedIn([1, 2, 3], 0, [9, 9, 10]);
  const { client, server } = fixture;
  const positions: number[] = [];
  client.on(PacketType.LOGIN_QUEUE_STATUS, ({ position }) => positions.push(position));
  const entered = client.enterWorld();
  await fixture.settle();
  server.peer.reply(PacketType.LOGIN_QUEUE_STATUS, { position: 4, etaMs: 1_000 });
  await fixture.settle();
  assertEquals(server.attempts, [0, 1, 2]);
  server.peer.reply(PacketType.LOGIN_QUEUE_STATUS, { position: 2, etaMs: 1_000 });
  await fixture.settle();
  assertEquals([server.attempts, positions], [[0, 1, 2], [2]]);
  await fixture.admit();
  assert((await entered).success);
  await fixture.close();
});

Deno.test("GameClient.enterWorld() fails where the login server knew of no game server", async () => {
  const fixture = await loggedIn([], 0);
  const { reason } = await assertRejects(() => fixture.client.enterWorld(), RequestError, "no game server");
  assertEquals([reason, fixture.server.attempts], ["not_sent", [0]]);
  await fixture.close();
});

Deno.test("GameClient.enterWorld() fails, and the client is closed, when no server can be reached", async () => {
  const fixture = await loggedIn([1, 2], 0);
  fixture.server.mode = "refuse";
  const entered = assertRejects(() => fixture.client.enterWorld(), RequestError, "Connection refused");
  await fixture.settle();
  assertEquals((await entered).reason, "not_sent");
  assertEquals([fixture.client.state, fixture.server.attempts], ["closed", [0, 1, 2]]);
  assertEquals(fixture.clock.timerCount, 0);
});

Deno.test("GameClient.close() ends an entry that is on its way from server to server", async () => {
  const fixture = await loggedIn([1, 2], 0);
  fixture.server.mode = "hang";
  const entered = assertRejects(() => fixture.client.enterWorld(), RequestError);
  await fixture.settle();
  await fixture.close();
  assertEquals((await entered).reason, "closed");
  assertEquals(fixture.server.attempts, [0, 1]);
});
