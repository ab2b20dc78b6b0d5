/** Resume as logic sees it: which token counts when, and what is told. @module */

import { DisconnectReason, HeartbeatRequestSchema, ResumeRequestSchema } from "../../shared/gen/auth_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { MovementUpdateSchema } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { LINK_DEAD_MS, OUTBOX_PACKETS_MAX, RESUME_REPEAT_MS } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";

/** Asks for a session on a fresh connection. */
function ask(harness: LogicHarness, resumeToken: string, lastSequence = 1) {
  const client = harness.open();
  harness.send(client, ResumeRequestSchema, { resumeToken, lastSequence: BigInt(lastSequence) });
  const [answer] = harness.received(client, PacketType.RESUME_RESPONSE);
  assert(answer !== undefined, "Every resume is answered");
  return { client, ...answer };
}

/** Shows that the answer to the resume was heard. */
function prove(harness: LogicHarness, client: HarnessClient): void {
  harness.send(client, ChatMessageSchema, { channel: Channel.AREA, message: "heard" });
}

Deno.test("WorldService resumes by the same token as often as its answer is lost, and gives the same new one", async () => {
  await using harness = await LogicHarness.create();
  const player = await harness.connect();
  harness.disconnect(player);
  const tokens = new Set<string>();
  for (let attempt = 0; attempt < 5; attempt++) {
    const { client, success, resumeToken } = ask(harness, player.resumeToken);
    assert(success, `Attempt ${attempt} is refused`);
    tokens.add(resumeToken);
    harness.disconnect(client);
  }
  assertEquals([tokens.size, tokens.has(player.resumeToken)], [1, false]);
  // The new token counts although the answer that is heard was the first of five.
  const [token] = tokens;
  const { client, success, resumeToken } = ask(harness, token);
  assert(success && resumeToken !== token);
  prove(harness, client);
  harness.disconnect(client);
  for (const spent of [player.resumeToken, token]) {
    assertEquals(ask(harness, spent).errorCode, ErrorCode.RESUME_EXPIRED);
  }
  assert(ask(harness, resumeToken).success);
});

/** What a session is asked for with a token that another connection used a moment ago. */
async function secondResume({ isRepeat }: { isRepeat: boolean }) {
  const harness = await LogicHarness.create();
  const player = await harness.connect();
  harness.disconnect(player);
  const first = ask(harness, player.resumeToken);
  assert(first.success);
  const second = harness.open();
  harness.send(second, ResumeRequestSchema, { resumeToken: player.resumeToken, lastSequence: 1n, isRepeat });
  const answers = () => harness.received(second, PacketType.RESUME_RESPONSE);
  assertEquals(answers(), [], "It may be that the first one never heard the answer");
  return { harness, player, first, second, answers };
}

for (const isRepeat of [false, true]) {
  const second = isRepeat ? "a repeated resume" : "a second resume";

  Deno.test(`WorldService refuses ${second} once the first shows that it heard the answer`, async () => {
    const { harness, first, answers } = await secondResume({ isRepeat });
    await using _harness = harness;
    prove(harness, first.client);
    harness.tick();
    await harness.until(() => answers().length > 0);
    assertEquals([answers()[0].success, answers()[0].errorCode], [false, ErrorCode.RESUME_EXPIRED]);
    assertEquals(first.client.closedBy, null);
  });

  Deno.test(`WorldService grants ${second} once the connection of the first is gone`, async () => {
    const { harness, first, answers } = await secondResume({ isRepeat });
    await using _harness = harness;
    harness.disconnect(first.client);
    harness.tick();
    await harness.until(() => answers().length > 0);
    assertEquals([answers()[0].success, answers()[0].resumeToken], [true, first.resumeToken]);
  });

  Deno.test(`WorldService forgets ${second} whose connection is gone before it is answered`, async () => {
    const { harness, first, second, answers } = await secondResume({ isRepeat });
    await using _harness = harness;
    harness.disconnect(second);
    harness.advance(2 * RESUME_REPEAT_MS);
    await harness.until(() => harness.sessions.sessionCount === 1);
    assertEquals([answers(), first.client.closedBy], [[], null]);
  });
}

Deno.test("WorldService refuses a second resume when the first is silent for RESUME_REPEAT_MS: one wins", async () => {
  const { harness, first, answers } = await secondResume({ isRepeat: false });
  await using _harness = harness;
  harness.advance(RESUME_REPEAT_MS);
  assertEquals(answers(), []);
  harness.tick();
  await harness.until(() => answers().length > 0);
  assertEquals([answers()[0].success, answers()[0].errorCode], [false, ErrorCode.RESUME_EXPIRED]);
  assertEquals(first.client.closedBy, null);
  prove(harness, first.client);
});

Deno.test("WorldService grants a repeated resume when the first is silent for RESUME_REPEAT_MS", async () => {
  const { harness, first, second, answers } = await secondResume({ isRepeat: true });
  await using _harness = harness;
  harness.advance(RESUME_REPEAT_MS + harness.config.tickMs);
  await harness.until(() => answers().length > 0);
  assert(answers()[0].success);
  // Without a word: should its client live, it must come back with the token it learned, which still counts.
  assertEquals(first.client.closedBy?.reason, DisconnectReason.UNSPECIFIED);
  assert(ask(harness, first.resumeToken).success);
  assertEquals(second.closedBy?.reason, DisconnectReason.LOGGED_IN_ELSEWHERE);
});

Deno.test("WorldService grants the newest of many repeated resumes, whose connections may all be dead", async () => {
  const { harness, player, second, answers } = await secondResume({ isRepeat: true });
  await using _harness = harness;
  const third = harness.open();
  harness.send(third, ResumeRequestSchema, { resumeToken: player.resumeToken, lastSequence: 1n, isRepeat: true });
  harness.advance(RESUME_REPEAT_MS + harness.config.tickMs);
  const granted = () => harness.received(third, PacketType.RESUME_RESPONSE);
  await harness.until(() => granted().length > 0);
  assertEquals([answers()[0].success, granted()[0].success], [true, true]);
  assertEquals(second.closedBy?.reason, DisconnectReason.UNSPECIFIED);
  assertEquals(third.closedBy, null);
});

Deno.test("WorldService resumes nothing on a connection on which somebody plays", async () => {
  await using harness = await LogicHarness.create();
  const ann = await harness.connect({ name: "ann" }), bob = await harness.connect({ name: "bob" });
  harness.disconnect(bob);
  harness.send(ann, ResumeRequestSchema, { resumeToken: bob.resumeToken, lastSequence: 1n });
  assertEquals(harness.received(ann, PacketType.RESUME_RESPONSE).map(({ errorCode }) => errorCode), [
    ErrorCode.INVALID_STATE,
  ]);
  assertEquals([harness.sessionOf(ann).ended, harness.sessions.inWorld.size, harness.sessions.sessionCount], [
    false,
    2,
    2,
  ]);
});

Deno.test("WorldService answers one resume of a connection at a time", async () => {
  const { harness, first, second, answers } = await secondResume({ isRepeat: false });
  await using _harness = harness;
  harness.send(second, ResumeRequestSchema, { resumeToken: first.resumeToken, lastSequence: 1n });
  assertEquals(answers().map(({ errorCode }) => errorCode), [ErrorCode.INVALID_STATE]);
});

Deno.test("WorldService takes a repeated resume at once when it has closed the connection of the first", async () => {
  await using harness = await LogicHarness.create();
  const player = await harness.connect();
  harness.disconnect(player);
  ask(harness, player.resumeToken);
  harness.sessions.disconnect(harness.sessionOf(player), DisconnectReason.SLOW_READER, "Too slow");
  assert(ask(harness, player.resumeToken).success);
});

Deno.test("WorldService takes an acknowledgement alone as a sign that the answer was heard", async () => {
  await using harness = await LogicHarness.create();
  const player = await harness.connect();
  harness.disconnect(player);
  const { client } = ask(harness, player.resumeToken);
  harness.send(client, HeartbeatRequestSchema, {}, { ack: 1 });
  harness.disconnect(client);
  assertEquals(ask(harness, player.resumeToken).errorCode, ErrorCode.RESUME_EXPIRED);
});

Deno.test("WorldService refuses a resume that has heard more than was said, and changes nothing by it", async () => {
  await using harness = await LogicHarness.create();
  const player = await harness.connect();
  const last = harness.sessionOf(player).outbox!.lastSequence;
  const refused = ask(harness, player.resumeToken, last + 1);
  assertEquals([refused.success, refused.errorCode], [false, ErrorCode.INVALID_PACKET]);
  assertEquals(player.closedBy, null);
  assert(ask(harness, player.resumeToken, last).success);
});

Deno.test("WorldService tells of a gap exactly when a packet is gone, and replays the rest in order", async () => {
  for (const missedCount of [OUTBOX_PACKETS_MAX, OUTBOX_PACKETS_MAX + 1]) {
    await using harness = await LogicHarness.create();
    const player = await harness.connect();
    const last = harness.sessionOf(player).outbox!.lastSequence;
    harness.disconnect(player);
    const session = harness.sessionOf(player);
    for (let count = 0; count < missedCount; count++) {
      harness.sessions.send(session, PacketType.ROOM_EVENT, new Uint8Array(0));
    }
    const { client, success, gap } = ask(harness, player.resumeToken, last);
    assertEquals([success, gap], [true, missedCount > OUTBOX_PACKETS_MAX]);
    const numbers = client.packets.map(({ sequence }) => sequence).filter((sequence) => sequence > 0);
    const first = last + missedCount - OUTBOX_PACKETS_MAX + 1;
    assertEquals(numbers, Array.from({ length: OUTBOX_PACKETS_MAX }, (_, index) => first + index));
    harness.tick();
    assert(harness.received(client, PacketType.WORLD_SNAPSHOT).length > 0, "A full snapshot follows");
  }
});

Deno.test("WorldService keeps a link-dead player for LINK_DEAD_MS, then saves it and lets it leave", async () => {
  await using harness = await LogicHarness.create();
  const player = await harness.connect({ at: { x: 100, z: 100 } });
  harness.disconnect(player);
  harness.advance(LINK_DEAD_MS - 1_000);
  assert(harness.world.has(player.entityId));
  harness.health.set(player.entityId, { hp: 42, hpMax: 100 });
  harness.advance(2_000);
  assert(!harness.world.has(player.entityId));
  assertEquals(ask(harness, player.resumeToken).errorCode, ErrorCode.RESUME_EXPIRED);
  const again = await harness.connect({ name: player.name });
  assertEquals([harness.world.xOf(again.entityId), harness.health.hpOf(again.entityId)], [100, 42]);
});

Deno.test("Logic acknowledges a packet that came again by itself, whatever else acknowledges it", async () => {
  await using harness = await LogicHarness.create();
  const ann = await harness.connect({ name: "ann", at: { x: 500, z: 500 } });
  const bob = await harness.connect({ name: "bob", at: { x: 501, z: 500 } });
  harness.tick(5);
  const request = () => harness.sendRaw(ann, PacketType.LOGOUT_REQUEST, new Uint8Array([0x08]), { sequence: 1 });
  request();
  assertEquals(harness.take(ann, PacketType.LOGOUT_RESPONSE).length, 1);
  assertEquals(ann.repeated, []);
  harness.forget();
  harness.send(bob, MovementUpdateSchema, { position: { x: 501.2, y: 0, z: 500 }, sequenceNumber: 1 });
  harness.clock.advance(harness.config.tickMs);
  request();
  const [{ type, ack }] = ann.packets;
  assertEquals([type, ack, ann.repeated], [PacketType.WORLD_SNAPSHOT, 1, [PacketType.LOGOUT_REQUEST]]);
});

Deno.test("Logic takes a connection for lost when its slot is another's, though its end is told later or never", async () => {
  await using harness = await LogicHarness.create();
  const player = await harness.connect();
  harness.disconnect(player, false);
  const next = harness.open();
  assertEquals(next.slot, player.slot);
  const [session] = harness.sessions.inWorld;
  assertEquals([session.link, session.linkDeadSinceMs > 0], [null, true], "Nobody is there any more who could play it");
  // What comes of the one before finds nobody.
  harness.disconnect(player);
  harness.advance(LINK_DEAD_MS);
  assertEquals(harness.sessions.inWorld.size, 0);
});
