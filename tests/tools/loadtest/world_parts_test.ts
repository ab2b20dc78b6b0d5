import { create, toBinary } from "@bufbuild/protobuf";
import { Channel, ChatMessageSchema } from "../../../games/parts/chat/chat_pb.ts";
import { CombatResultSchema } from "../../../games/parts/combat/combat_pb.ts";
import { LOADTEST_POSITIONS } from "../../../tools/limits.ts";
import { ChatReader, encodeChatLine } from "../../../tools/loadtest/chat_reader.ts";
import { Fights } from "../../../tools/loadtest/fights.ts";
import { createPositionsBuffer, Positions } from "../../../tools/loadtest/positions.ts";
import { Walker } from "../../../tools/loadtest/walker.ts";
import { assert, assertEquals } from "../../support/assert.ts";

Deno.test("Positions finds the newest number of a place, for as long as it is kept, from any thread's view", () => {
  const buffer = createPositionsBuffer(3);
  const writer = new Positions(buffer, 3), reader = new Positions(buffer, 3);
  writer.enter(0, 77, 2);
  assertEquals([77, 78, 1e9].map((entityId) => reader.playerOf(0, entityId)), [2, -1, -1]);
  for (let number = 0; number < LOADTEST_POSITIONS + 5; number++) writer.push(2, number % 100, 7, 1_000 * number);
  assertEquals(reader.find(2, 4, 7), -1);
  assertEquals(reader.find(2, 5, 7), 5);
  assertEquals(reader.sentUsOf(2, 5), 5_000);
  assertEquals(reader.find(1, 5, 7), -1);
  const newest = LOADTEST_POSITIONS + 4;
  assertEquals([reader.isNewest(2, newest, 1e9), reader.isNewest(2, newest - 1, 1e9)], [true, false]);
  assertEquals(reader.isNewest(2, newest - 1, 1_000 * newest), true);
  writer.push(2, newest % 100, 7, 1e6);
  assertEquals(reader.isNewest(2, newest, 1e9), true);
  assertEquals(reader.distanceTo(2, newest % 100 + 3, 11), 5);
});

Deno.test("Positions tells entities of the same id on several servers apart, and takes no more servers than there is room for", () => {
  const buffer = createPositionsBuffer(3, 2);
  const positions = new Positions(buffer, 3, 2), other = new Positions(buffer, 3, 2);
  assertEquals([positions.worldOf(7), other.worldOf(9), positions.worldOf(9), other.worldOf(7)], [0, 1, 1, 0]);
  positions.enter(0, 5, 1);
  positions.enter(1, 5, 2);
  assertEquals([other.playerOf(0, 5), other.playerOf(1, 5), other.playerOf(1, 6)], [1, 2, -1]);
  const tooMany = positions.worldOf(8);
  positions.enter(tooMany, 5, 0);
  assertEquals([tooMany, positions.playerOf(tooMany, 5), positions.playerOf(0, 5)], [-1, -1, 1]);
});

Deno.test("Walker.step() stays near home, on the map, below the speed, and never on a taken place", () => {
  const walker = new Walker(7), home = { x: 20, z: 99_990 };
  walker.place({ width: 100_000, height: 100_000, maxSpeed: 1_000 }, home.x, home.z, 10);
  const taken = new Set<string>();
  for (let step = 0; step < 2_000; step++) {
    const { x, z } = walker;
    walker.step((x, z) => taken.has(`${x},${z}`));
    assert(Math.hypot(walker.x - x, walker.z - z) < 80, "too fast");
    assert(Math.hypot(walker.x - home.x, walker.z - home.z) < 600, "too far");
    assert(walker.x >= 0 && walker.z <= 100_000 && Number.isInteger(walker.x) && Number.isInteger(walker.z));
    assert(!taken.has(`${walker.x},${walker.z}`), "taken");
    if (step % 64 === 0) taken.clear();
    taken.add(`${walker.x},${walker.z}`);
  }
});

Deno.test("ChatReader.read() reads the lines of the load test back from what the server sends, and no others", () => {
  const reader = new ChatReader();
  const line = { channel: Channel.AREA, audience: 12, sequence: 3_456, dueUs: 9_876_543_210 };
  const request = encodeChatLine(line);
  assert(reader.read(request, 0, request.length));
  assertEquals([reader.audience, reader.sequence, reader.dueUs, reader.messageId], [12, 3_456, 9_876_543_210, 0]);
  const message = (text: string) =>
    toBinary(ChatMessageSchema, create(ChatMessageSchema, { senderName: "bot1", message: text, messageId: 300n }));
  const padded = Uint8Array.of(1, 2, ...message("lt 1 2 3"), 9);
  assert(reader.read(padded, 2, padded.length - 1));
  assertEquals(reader.messageId, 300);
  for (const text of ["hello", "lt 1 2", "lt 1 2 3 4", "lt 1 2 x", "lt  1 2 3", "lt 1 2 "]) {
    assertEquals(reader.read(message(text), 0, message(text).length), false, text);
  }
});

Deno.test("Fights matches results and refusals with blows, oldest first, and notices what is left and what is too much", () => {
  const fights = new Fights(5);
  const result = (attackerId: bigint, skillId = 2) =>
    toBinary(CombatResultSchema, create(CombatResultSchema, { attackerId, skillId, targetId: 9n }));
  for (const sequence of [1, 2, 3, 4]) fights.deal(sequence, 100 * sequence);
  assertEquals(fights.receive(result(6n)), -1);
  assertEquals(fights.receive(result(5n, 0)), -1);
  assertEquals(fights.refuse(1), true);
  assertEquals(fights.refuse(1), false);
  assertEquals(fights.receive(result(5n)), 200);
  assertEquals(fights.receive(result(5n)), 300);
  const { sent, received, lost } = fights.totals();
  assertEquals([sent, received, lost, fights.openCount], [4, 3, 1, 1]);
  fights.receive(result(5n));
  fights.receive(result(5n));
  assertEquals([fights.totals().lost, fights.totals().duplicated], [0, 1]);
});
