import { inflateRawSync } from "node:zlib";
import type { Session } from "../../server/session/session.ts";
import type { SessionManager } from "../../server/session/session_manager.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { COMPRESSION_THRESHOLD_BYTES } from "../../shared/limits.ts";
import { pattern } from "../shared/frames.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { OPEN_INFO, openSessions } from "./fake_output.ts";

/** A session of a player, in the world unless told. */
function play(
  sessions: SessionManager,
  playerId: number,
  options: { worker?: number; slot?: number; port?: "login" | "game" | "gateway"; inWorld?: boolean } = {},
): Session {
  const { worker = 0, slot = playerId, port = "game", inWorld = true } = options;
  const { session } = sessions.register(worker, slot, 1, { ...OPEN_INFO, port });
  sessions.bindPlayer(session, { playerId, name: `Player${playerId}` });
  if (inWorld) {
    session.begin();
    sessions.enterWorld(session);
    sessions.setResumeToken(session, `token${playerId}`);
  }
  return session;
}

Deno.test("SessionManager.find() knows a connection by worker, slot and generation", () => {
  const { sessions } = openSessions(2);
  const link = sessions.register(1, 7, 3, OPEN_INFO);
  assert(sessions.find(1, 7, 3) === link);
  for (const [worker, slot, generation] of [[0, 7, 3], [1, 6, 3], [1, 7, 2], [1, 7, 4], [5, 7, 3]]) {
    assertEquals(sessions.find(worker, slot, generation), undefined);
  }
  assert(link.session.link === link);
  assertEquals(sessions.sessionCount, 1);
});

Deno.test("SessionManager.unregister() leaves a slot's next connection alone", () => {
  const { sessions } = openSessions();
  const old = sessions.register(0, 1, 1, OPEN_INFO);
  const next = sessions.register(0, 1, 2, OPEN_INFO);
  sessions.unregister(old);
  assert(old.closed && !next.closed);
  assert(sessions.find(0, 1, 2) === next);
  sessions.unregister(next);
  assertEquals(sessions.find(0, 1, 2), undefined);
});

Deno.test("SessionManager.bindPlayer() makes a player found by id and by name, those of the login port by id alone", () => {
  const { sessions } = openSessions();
  const playing = play(sessions, 5);
  assert(sessions.findPlayer(5) === playing && sessions.findPlayerByName("player5") === playing);
  assertEquals([sessions.isPlayerOnline(5), sessions.findLoginSession(5)], [true, undefined]);
  const login = play(sessions, 6, { port: "login", inWorld: false });
  assert(sessions.findLoginSession(6) === login);
  assertEquals([sessions.isPlayerOnline(6), sessions.findPlayerByName("player6")], [false, undefined]);
});

Deno.test("SessionManager.unbindPlayer() leaves the session alone that took the player over", () => {
  const { sessions } = openSessions();
  const old = play(sessions, 5, { slot: 1 });
  const next = play(sessions, 5, { slot: 2 });
  sessions.unbindPlayer(old);
  assertEquals(old.player, null);
  assert(sessions.findPlayer(5) === next && sessions.findPlayerByName("player5") === next);
  sessions.unbindPlayer(next);
  assertEquals([sessions.findPlayer(5), sessions.findPlayerByName("player5")], [undefined, undefined]);
  sessions.unbindPlayer(next);
});

Deno.test("SessionManager.setResumeToken() keeps the token before good until the new one is confirmed", () => {
  const { sessions } = openSessions();
  const session = play(sessions, 1);
  assert(sessions.findByResumeToken("token1") === session);
  sessions.setResumeToken(session, "second");
  assert(sessions.findByResumeToken("token1") === session && sessions.findByResumeToken("second") === session);
  sessions.confirmResumeToken(session);
  assertEquals(sessions.findByResumeToken("token1"), undefined);
  sessions.setResumeToken(session, "third");
  sessions.setResumeToken(session, "fourth");
  assertEquals(sessions.findByResumeToken("second"), undefined);
  assert(sessions.findByResumeToken("third") === session && sessions.findByResumeToken("fourth") === session);
  sessions.leaveWorld(session);
  for (const token of ["third", "fourth", ""]) assertEquals(sessions.findByResumeToken(token), undefined);
});

Deno.test("SessionManager.findByResumeToken() finds nobody by an empty token", () => {
  const { sessions } = openSessions();
  play(sessions, 1, { inWorld: false });
  assertEquals(sessions.findByResumeToken(""), undefined);
});

Deno.test("SessionManager.end() forgets a session everywhere", () => {
  const { sessions } = openSessions();
  const session = play(sessions, 1);
  assert(sessions.inWorld.has(session));
  sessions.end(session);
  assert(session.ended);
  assertEquals([session.player, session.outbox, session.resumeToken], [null, null, ""]);
  assertEquals([sessions.sessionCount, sessions.inWorld.size], [0, 0]);
  assertEquals([sessions.findPlayer(1), sessions.findByResumeToken("token1")], [undefined, undefined]);
});

Deno.test("SessionManager.adopt() gives a link-dead session a new connection", () => {
  const { sessions } = openSessions(2);
  const session = play(sessions, 1);
  sessions.unregister(session.link!);
  session.link = null;
  const link = sessions.register(1, 9, 1, OPEN_INFO);
  const fresh = link.session;
  sessions.adopt(session, link);
  assertEquals(session.link, link);
  assert(link.session === session && sessions.find(1, 9, 1) === link);
  assertEquals([fresh.ended, fresh.link, sessions.sessionCount], [true, null, 1]);
});

Deno.test("SessionManager.setOutput() gives the connections that a crashed io worker held", () => {
  const { sessions, outputs } = openSessions(2);
  const lost = [play(sessions, 1), play(sessions, 2)].map(({ link }) => link!);
  const other = play(sessions, 3, { worker: 1 });
  assertEquals(sessions.setOutput(0, outputs[0]), lost);
  assert(lost.every(({ closed }) => closed) && !other.link!.closed);
  assertEquals([sessions.find(0, 1, 1), sessions.find(1, 3, 1)], [undefined, other.link!]);
  assertEquals(sessions.setOutput(0, outputs[0]), []);
});

Deno.test("SessionManager.sendToPlayer() is false where the player is offline", () => {
  const { sessions, outputs } = openSessions();
  play(sessions, 1);
  assertEquals(sessions.sendToPlayer(1, PacketType.CHAT_MESSAGE, pattern(3)), true);
  assertEquals(sessions.sendToPlayer(2, PacketType.CHAT_MESSAGE, pattern(3)), false);
  assertEquals(outputs[0].sent.map(({ sequence }) => sequence), [1]);
});

Deno.test("SessionManager.send() compresses what is RELIABLE and long, where that makes it smaller", () => {
  const { sessions, outputs } = openSessions();
  const session = play(sessions, 1);
  const long = new Uint8Array(COMPRESSION_THRESHOLD_BYTES + 1);
  sessions.send(session, PacketType.ROOM_RESPONSE, long);
  sessions.send(session, PacketType.WORLD_SNAPSHOT, long);
  sessions.send(session, PacketType.ROOM_RESPONSE, long.subarray(1));
  const [compressed, snapshot, short] = outputs[0].takeSent();
  assert(compressed.isCompressed && compressed.payload.length < 100);
  assertEquals(new Uint8Array(inflateRawSync(compressed.payload)), long);
  assertEquals([snapshot.isCompressed, short.isCompressed], [false, false]);
});

Deno.test("SessionManager.send() sends later what there is no room for, in order", () => {
  const { sessions, outputs: [output] } = openSessions();
  const session = play(sessions, 1);
  output.room = 2;
  for (let count = 1; count <= 5; count++) sessions.send(session, PacketType.CHAT_MESSAGE, pattern(count));
  assertEquals(output.takeSent().map(({ sequence }) => sequence), [1, 2]);
  output.room = 1;
  sessions.flushBehind();
  output.room = Infinity;
  sessions.flushBehind();
  sessions.flushBehind();
  assertEquals(output.takeSent().map(({ sequence, payload }) => [sequence, payload.length]), [[3, 3], [4, 4], [5, 5]]);
});

Deno.test("SessionManager.broadcast() crosses each ring once, with each recipient's own number", () => {
  const { sessions, outputs } = openSessions(3);
  const recipients = [1, 2, 3, 4].map((playerId) => play(sessions, playerId, { worker: playerId % 2 }));
  sessions.send(recipients[2], PacketType.CHAT_MESSAGE, pattern(1));
  for (const output of outputs) output.takeSent();
  assertEquals(sessions.broadcast(recipients, PacketType.CHAT_MESSAGE, pattern(9)), 4);
  assertEquals(outputs.map(({ broadcastCount }) => broadcastCount), [1, 1, 0]);
  assertEquals(outputs[0].sent.map(({ link, sequence }) => [link.slot, sequence]), [[2, 1], [4, 1]]);
  assertEquals(outputs[1].sent.map(({ link, sequence }) => [link.slot, sequence]), [[1, 1], [3, 2]]);
});

Deno.test("SessionManager.broadcast() keeps the packet for who is link-dead or behind, and sends it in its turn", () => {
  const { sessions, outputs: [output] } = openSessions();
  const [well, behind, dead] = [1, 2, 3].map((playerId) => play(sessions, playerId));
  output.room = 0;
  sessions.send(behind, PacketType.CHAT_MESSAGE, pattern(1));
  output.room = Infinity;
  dead.link = null;
  sessions.broadcast([well, behind, dead], PacketType.CHAT_MESSAGE, pattern(2));
  assertEquals(output.takeSent().map(({ link, sequence }) => [link.slot, sequence]), [[1, 1]]);
  sessions.flushBehind();
  assertEquals(output.takeSent().map(({ link, sequence }) => [link.slot, sequence]), [[2, 1], [2, 2]]);
  assertEquals(dead.outbox!.count, 1);
});

Deno.test("SessionManager.broadcast() that finds no room is sent from the outboxes, before what comes after it", () => {
  const { sessions, outputs: [output] } = openSessions();
  const recipients = [1, 2].map((playerId) => play(sessions, playerId));
  output.room = 0;
  sessions.broadcast(recipients, PacketType.CHAT_MESSAGE, pattern(1));
  output.room = Infinity;
  sessions.broadcast(recipients, PacketType.CHAT_MESSAGE, pattern(2));
  sessions.send(recipients[0], PacketType.CHAT_MESSAGE, pattern(3));
  assertEquals(output.takeSent(), []);
  sessions.flushBehind();
  assertEquals(output.takeSent().map(({ link, sequence, payload }) => [link.slot, sequence, payload.length]), [
    [1, 1, 1],
    [1, 2, 2],
    [1, 3, 3],
    [2, 1, 1],
    [2, 2, 2],
  ]);
});

Deno.test("SessionManager.broadcastToAll() reaches everyone who can play, those of the login port not among them", () => {
  const { sessions, outputs: [output] } = openSessions();
  play(sessions, 1);
  play(sessions, 2, { inWorld: false, port: "gateway" });
  play(sessions, 3, { inWorld: false, port: "login" });
  sessions.register(0, 4, 1, OPEN_INFO);
  assertEquals(sessions.broadcastToAll(PacketType.CHAT_MESSAGE, pattern(1)), 2);
  assertEquals(output.sent.map(({ link, sequence }) => [link.slot, sequence]), [[1, 1], [2, 0]]);
});

Deno.test("SessionManager.disconnect() closes a session's connection, if it has one", () => {
  const { sessions, outputs: [output] } = openSessions();
  const session = play(sessions, 1);
  sessions.disconnect(session, DisconnectReason.KICKED, "Go");
  assertEquals(output.closed.map(({ reason, message }) => [reason, message]), [[DisconnectReason.KICKED, "Go"]]);
  session.link = null;
  sessions.disconnect(session, DisconnectReason.KICKED, "Go");
  assertEquals(output.closed.length, 1);
});

Deno.test("SessionManager.publish() publishes to all io workers", () => {
  const { sessions, outputs } = openSessions(2);
  sessions.publish();
  assertEquals(outputs.map(({ publishCount }) => publishCount), [1, 1]);
});
