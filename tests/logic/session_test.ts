import { Link } from "../../server/session/link.ts";
import { Session } from "../../server/session/session.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { OUTBOX_PACKETS_MAX, RESUME_SEQUENCE_MAX } from "../../shared/limits.ts";
import { STATE_AUTHENTICATED, STATE_CONNECTED, STATE_IN_WORLD } from "../../shared/packet_table.ts";
import { pattern } from "../shared/frames.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";
import { FakeOutput, OPEN_INFO, openSessions } from "./fake_output.ts";

/** What is received here. */
const TYPE = PacketType.CHAT_MESSAGE;

/** A session with a connection; in the world unless told. */
function openSession(begun = true): { session: Session; output: FakeOutput; link: Link } {
  const session = new Session();
  const output = new FakeOutput();
  const link = new Link(output, 0, 1, 1, OPEN_INFO, session);
  session.link = link;
  if (begun) session.begin();
  return { session, output, link };
}

Deno.test("Session.state follows from player and presence", () => {
  const session = new Session();
  assertEquals(session.state, STATE_CONNECTED);
  openSessions().sessions.bindPlayer(session, { playerId: 1, name: "a" });
  assertEquals(session.state, STATE_AUTHENTICATED);
  session.presence = { characterId: 1, entityId: 1, saveAtMs: 0, home: null };
  assertEquals(session.state, STATE_IN_WORLD);
});

Deno.test("Session.receive() applies each number once and in order, and knows a missing one", () => {
  const { session } = openSession();
  assertEquals([1, 2, 2, 1, 3].map((sequence) => session.receive(TYPE, sequence)), [
    "apply",
    "apply",
    "repeat",
    "repeat",
    "apply",
  ]);
  assertEquals(session.receivedSequence, 3);
  assertEquals([session.receive(TYPE, 5), session.receive(TYPE, 2 ** 53)], ["skip", "skip"]);
  assertEquals(session.receivedSequence, 3);
  assertEquals(session.receive(TYPE, 4), "apply");
});

Deno.test("Session.receive() begins with whatever comes first where a node before has died, if that is in bounds", () => {
  const { session } = openSession();
  session.adoptsSequence = true;
  for (const sequence of [RESUME_SEQUENCE_MAX + 1, 2 ** 64]) assertEquals(session.receive(TYPE, sequence), "skip");
  assertEquals(session.receive(TYPE, RESUME_SEQUENCE_MAX), "apply");
  assertEquals([session.receivedSequence, session.receive(TYPE, 7)], [RESUME_SEQUENCE_MAX, "repeat"]);
});

Deno.test("Session.receive() applies what is not reliable, and everything before the world", () => {
  const { session } = openSession();
  assertEquals([session.receive(TYPE, 0), session.receive(TYPE, 0)], ["apply", "apply"]);
  assertEquals([session.receivedSequence, session.ackDue], [0, false]);
  const { session: outside } = openSession(false);
  assertEquals([outside.receive(TYPE, 9), outside.receive(TYPE, 9), outside.receivedSequence], ["apply", "apply", 0]);
});

Deno.test("Session.receive() makes an acknowledgement due, also for a repeated number", () => {
  const { session } = openSession();
  session.receive(TYPE, 1);
  assert(session.ackDue);
  session.ackDue = false;
  assertEquals(session.repeatedType, 0);
  session.receive(TYPE, 1);
  assert(session.ackDue);
  assertEquals(session.repeatedType, TYPE);
  assert(session.sendLatest(PacketType.WORLD_SNAPSHOT, pattern(3), 0, 3));
  assertEquals([session.ackDue, session.repeatedType], [false, TYPE]);
});

/** Knows the delivery class of each packet. */
const { sessions } = openSessions();

Deno.test("SessionManager.send() numbers and keeps RELIABLE packets, and neither the others", () => {
  const { session, output } = openSession();
  session.receive(TYPE, 1);
  sessions.send(session, PacketType.CHAT_MESSAGE, pattern(3));
  sessions.send(session, PacketType.WORLD_SNAPSHOT, pattern(4));
  sessions.send(session, PacketType.HEARTBEAT_RESPONSE, pattern(5));
  session.sendReliable(PacketType.COMBAT_RESULT, pattern(6), true);
  assertEquals(output.sent.map(({ type, sequence, ack, isCompressed }) => [type, sequence, ack, isCompressed]), [
    [PacketType.CHAT_MESSAGE, 1, 1, false],
    [PacketType.WORLD_SNAPSHOT, 0, 1, false],
    [PacketType.HEARTBEAT_RESPONSE, 0, 1, false],
    [PacketType.COMBAT_RESULT, 2, 1, true],
  ]);
  assertEquals([session.outbox!.count, session.ackDue], [2, false]);
});

Deno.test("SessionManager.send() before the world has no numbers and keeps nothing", () => {
  const { session, output } = openSession(false);
  sessions.send(session, PacketType.LOGIN_RESPONSE, pattern(3));
  assertEquals(output.sent.map(({ type, sequence }) => [type, sequence]), [[PacketType.LOGIN_RESPONSE, 0]]);
  session.link!.closed = true;
  sessions.send(session, PacketType.LOGIN_RESPONSE, pattern(3));
  session.link = null;
  sessions.send(session, PacketType.LOGIN_RESPONSE, pattern(3));
  assertEquals(output.sent.length, 1);
});

Deno.test("SessionManager.send() keeps RELIABLE packets for a client that is gone and drops the others", () => {
  const { session, output, link } = openSession();
  session.link = null;
  sessions.send(session, PacketType.CHAT_MESSAGE, pattern(1));
  sessions.send(session, PacketType.WORLD_SNAPSHOT, pattern(2));
  sessions.send(session, PacketType.CHAT_MESSAGE, pattern(3));
  assertEquals([output.sent.length, session.outbox!.count], [0, 2]);
  session.link = link;
  assert(session.flushOutbox());
  assertEquals(output.sent.map(({ sequence, payload }) => [sequence, payload.length]), [[1, 1], [2, 3]]);
});

Deno.test("Session.sendLatest() tells whether there was room", () => {
  const { session, output } = openSession();
  session.receive(TYPE, 1);
  output.room = 1;
  assertEquals(session.sendLatest(PacketType.WORLD_SNAPSHOT, pattern(9), 2, 5), true);
  assertEquals(output.sent[0].payload, pattern(9).slice(2, 5));
  assertEquals(session.ackDue, false);
  session.receive(TYPE, 2);
  assertEquals(session.sendLatest(PacketType.WORLD_SNAPSHOT, pattern(9), 0, 9), false);
  assert(session.ackDue, "It was not acknowledged");
});

Deno.test("Session sends every RELIABLE packet once and in order, however little room there is", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("send" as const), count: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ kind: fc.constant("room" as const), count: fc.nat(5) }),
    fc.record({ kind: fc.constant("flush" as const), count: fc.constant(0) }),
    fc.record({ kind: fc.constant("lose" as const), count: fc.nat(3) }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const { session, output, link } = openSession();
    output.room = 0;
    let last = 0;
    /** What a client has of it, over all its connections. */
    let received = 0;
    const receive = () => {
      for (const { sequence, payload } of output.takeSent()) {
        assertEquals([sequence, payload.length], [received + 1, sequence % 50]);
        received++;
      }
    };
    for (const { kind, count } of steps) {
      if (kind === "send") {
        for (let turn = 0; turn < count; turn++) session.sendReliable(PacketType.CHAT_MESSAGE, pattern(++last % 50));
      } else if (kind === "room") output.room = count;
      else if (kind === "flush") session.flushOutbox();
      else {
        // The connection breaks: what was under way is lost but for `count` packets, and all is sent again.
        const arrived = Math.min(output.sent.length, count);
        output.sent.length = arrived;
        receive();
        session.outbox!.acknowledge(received);
        session.outbox!.markSent(Math.max(received, session.outbox!.firstSequence - 1));
      }
    }
    output.room = Infinity;
    assert(session.flushOutbox());
    receive();
    assertEquals([received, session.outbox!.sentSequence, link.closed], [last, last, false]);
  }));
});

Deno.test("Session.keep() closes who cannot keep up as SLOW_READER, and keeps the packet for the resume", () => {
  const { session, output } = openSession();
  output.room = 0;
  session.link!.congested = true;
  for (let count = 0; count < OUTBOX_PACKETS_MAX; count++) session.sendReliable(PacketType.CHAT_MESSAGE, pattern(1));
  assertEquals(output.closed, []);
  session.sendReliable(PacketType.CHAT_MESSAGE, pattern(2));
  assertEquals(output.closed.map(({ reason }) => reason), [DisconnectReason.SLOW_READER]);
  assertEquals(session.outbox!.get(OUTBOX_PACKETS_MAX + 1)?.payload.length, 2);
  assertEquals(output.sent, []);
});

Deno.test("Session.begin() and finish() start and end the numbering", () => {
  const { session, output } = openSession();
  session.receive(TYPE, 1);
  session.sendReliable(PacketType.CHAT_MESSAGE, pattern(1));
  session.finish();
  assertEquals([session.outbox, session.presence, session.resumeToken], [null, null, ""]);
  session.begin();
  assertEquals([session.receivedSequence, session.ackDue], [0, false]);
  session.sendReliable(PacketType.CHAT_MESSAGE, pattern(1));
  assertEquals(output.sent.map(({ sequence }) => sequence), [1, 1]);
});
