/** A client whose server is hostile: whatever it is told has an end, says why, and ends nothing but a connection. @module */

import { create, toBinary } from "@bufbuild/protobuf";
import { PacketType } from "../../games/marsh/contract.ts";
import { DisconnectReason, EchoRequestSchema, type ServerInfo, ServerInfoSchema } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { PacketSchema } from "../../shared/gen/packet_pb.ts";
import { EnterWorldResponseSchema } from "../../shared/gen/world_pb.ts";
import { CLIENT_FOLLOWED_MAX, GAME_SERVERS_LISTED_MAX, SESSION_TOKEN_CHARS_MAX } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { Fixture } from "./support/fixture.ts";

const ADMISSION = { success: true, resumeToken: "token-1", entityId: 5n } as const;

function info(serverId: number): ServerInfo {
  return create(ServerInfoSchema, { serverId, ipAddress: "192.0.2.1", port: serverId, maxPlayers: 100 });
}

/** A frame by the generated codec, which takes every number that the wire does. */
function admissionNumbered(sequence: bigint): Uint8Array {
  const payload = toBinary(EnterWorldResponseSchema, create(EnterWorldResponseSchema, ADMISSION));
  const header = { type: PacketType.ENTER_WORLD_RESPONSE, size: payload.length, sequence };
  const packet = toBinary(PacketSchema, create(PacketSchema, { header, payload }));
  return new Uint8Array([packet.length, packet.length >>> 8, 0, 0, ...packet]);
}

Deno.test("DrawbridgeClient refuses an admission whose number it could not send back", async () => {
  const fixture = await Fixture.open();
  const { client, server } = fixture;
  const entered = client.enterWorld({ token: "jwt" }).catch((error) => error.reason);
  await fixture.settle();
  server.peer.sendBytes(admissionNumbered(2n ** 64n - 1n));
  await fixture.settle();
  assertEquals(await entered, "lost");
  const what = "connection: Cannot accept packet: its number is 18446744073709552000, not below 2^53";
  assertEquals([client.state, fixture.errors], ["reconnecting", [what]]);
  await fixture.advance(1_000);
  assertEquals(client.state, "connected");
  await fixture.close();
});

Deno.test("DrawbridgeClient refuses a number that skips to where none can follow, after a gap too", async () => {
  const fixture = await Fixture.enter();
  const { client, server } = fixture;
  await fixture.reconnect();
  server.peer.reply(PacketType.RESUME_RESPONSE, { success: true, resumeToken: "token-2", entityId: 5n, gap: true });
  server.peer.sendBytes(admissionNumbered(2n ** 53n));
  await fixture.settle();
  assertEquals(client.state, "reconnecting");
  await fixture.advance(1_000);
  assertEquals(server.peer.last(PacketType.RESUME_REQUEST).lastSequence, 1n);
  await fixture.close();
});

Deno.test("DrawbridgeClient reports what it throws at a new connection, and makes another", async () => {
  const fixture = await Fixture.enter();
  const { client, server } = fixture;
  server.prepare = (peer) => {
    server.prepare = () => {};
    peer.start = () => {
      throw new Error("a transport that does not start");
    };
  };
  server.peer.hangUp();
  await fixture.advance(1_000);
  assertEquals(fixture.errors, ["connection: a transport that does not start"]);
  server.peer.reply(PacketType.RESUME_RESPONSE, { ...ADMISSION, resumeToken: "token-2" });
  await fixture.settle();
  assertEquals([server.peers.length, client.state], [3, "connected"]);
  await fixture.close();
});

Deno.test("DrawbridgeClient pauses when servers admit it and send it on at once", async () => {
  const fixture = await Fixture.enter();
  const { server } = fixture;
  const { attemptCount } = server;
  for (let times = 0; times < 10; times++) {
    const notice = { reason: DisconnectReason.SHUTDOWN, resumeAt: info(times % 2 + 1) };
    server.peer.reply(PacketType.DISCONNECT_NOTICE, notice);
    await fixture.advance(0);
    server.peer.reply(PacketType.RESUME_RESPONSE, { ...ADMISSION, resumeToken: `token-${times}` });
    await fixture.settle();
  }
  assertEquals(server.attemptCount - attemptCount, CLIENT_FOLLOWED_MAX);
  await fixture.close();
});

Deno.test("DrawbridgeClient gives up a server that asks it again and again to wait, where it may try so often only", async () => {
  const fixture = await Fixture.enter({ reconnect: { attemptsMax: 5 } });
  const { client, server } = fixture;
  const { attemptCount } = server;
  server.peer.hangUp();
  server.script = (peer, { type }) => {
    if (type !== PacketType.RESUME_REQUEST) return;
    const busy = { success: false, errorCode: ErrorCode.UNAVAILABLE, retryAfterMs: 1 };
    peer.reply(PacketType.RESUME_RESPONSE, busy);
  };
  await fixture.advance(60_000);
  assertEquals([client.state, server.attemptCount - attemptCount], ["closed", 5]);
  await fixture.close();
});

for (
  const [what, gameServers, attempts] of [
    ["more servers than there can be", Array.from({ length: 10_000 }, (_, index) => info(index + 2)), 50],
    ["one server again and again", [...Array.from({ length: 100 }, () => info(2)), info(3)], 2],
  ] as const
) {
  Deno.test(`DrawbridgeClient tries a bounded number after a login that lists ${what}`, async () => {
    const fixture = await Fixture.open();
    const { client, server } = fixture;
    // In parts: a frame holds some 2,000 of them, and a compressed one far more.
    const listed = gameServers.slice(0, 2_000);
    const response = { success: true, sessionToken: "jwt", gameServers: listed, serverId: 1 };
    server.peer.reply(PacketType.LOGIN_RESPONSE, response);
    await fixture.settle();
    server.mode = "refuse";
    server.attempts.length = 0;
    const entered = client.enterWorld().catch((error) => error.reason);
    await fixture.advance(0);
    assertEquals(await entered, "not_sent");
    assertEquals([server.attempts.length, new Set(server.attempts).size], [attempts, attempts]);
    assert(attempts <= GAME_SERVERS_LISTED_MAX);
    assertEquals(client.state, "closed");
    await fixture.close();
  });
}

for (
  const [what, token, why] of [
    ["lines of another protocol", "\r\nFLUSHALL\r\n", "it is not visible ASCII"],
    ["letters beyond ASCII", "tokén", "it is not visible ASCII"],
    ["more than a token has", "t".repeat(SESSION_TOKEN_CHARS_MAX + 1), "it has 2049 characters, limit is 2048"],
  ]
) {
  Deno.test(`DrawbridgeClient takes no token with ${what} to any server`, async () => {
    const fixture = await Fixture.enter();
    const { client, server } = fixture;
    server.peer.reply(PacketType.LOGIN_RESPONSE, { success: true, sessionToken: token });
    await fixture.settle();
    assertEquals([client.state, client.sessionToken], ["reconnecting", "jwt"]);
    await fixture.advance(1_000);
    server.peer.reply(PacketType.RESUME_RESPONSE, { ...ADMISSION, resumeToken: token });
    await fixture.advance(1_000);
    assertEquals(server.peer.last(PacketType.RESUME_REQUEST).resumeToken, "token-1");
    assertEquals(fixture.errors, [1, 2].map(() => `connection: Cannot accept token: ${why}`));
    await fixture.close();
  });
}

Deno.test("DrawbridgeClient says why in one line, whatever the server's words are", async () => {
  const fixture = await Fixture.enter();
  const { client, server } = fixture;
  const reasons: string[] = [];
  client.onState((_, { reason }) => reasons.push(reason));
  const message = `\u001b[2J\r\n\u0007\u202e\u2028now${"!".repeat(60_000)}`;
  const refused = client.request(EchoRequestSchema, { data: new Uint8Array(1) }).catch((error) => error.message);
  await fixture.settle();
  const refusal = { requestType: PacketType.ECHO_REQUEST, errorCode: ErrorCode.RATE_LIMITED, message };
  server.peer.reply(PacketType.ERROR_RESPONSE, refusal);
  server.peer.reply(PacketType.DISCONNECT_NOTICE, { reason: DisconnectReason.KICKED, message });
  await fixture.settle();
  for (const said of [await refused, ...reasons]) {
    assert(/^[\x20-\x7e]+…$/.test(said) && said.includes("[2J now!"), said);
    assert(said.length <= 501, `${said.length} characters`);
  }
  assertEquals(reasons.length, 1);
  await fixture.close();
});
