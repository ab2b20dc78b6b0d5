import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { LOGIC_TURN_MS, RECORDS_PER_PORTION_MAX } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";

/** Requests that are refused, which comes back as one reliable packet each. */
function postRequests(harness: LogicHarness, client: HarnessClient, count: number): void {
  for (let index = 0; index < count; index++) {
    harness.post(client, ChatMessageSchema, { channel: Channel.SYSTEM, message: `line ${index}` });
  }
}

function answers(client: HarnessClient): number {
  return client.packets.filter(({ type }) => type === PacketType.ERROR_RESPONSE).length;
}

Deno.test("Logic.turn() ends by time, says that there is more, and goes on where it stopped", async () => {
  await using harness = await LogicHarness.create({ config: { floodControl: false } });
  const client = await harness.connect();
  postRequests(harness, client, 40);
  harness.clock.perLookMs = 1;
  assertEquals(harness.turn(), true);
  const first = answers(client);
  assert(first >= 1 && first <= LOGIC_TURN_MS, `${first} records in a turn of ${LOGIC_TURN_MS} ms, 1 ms each`);
  let turns = 1;
  while (harness.turn()) turns++;
  assertEquals(answers(client), 40);
  assert(turns >= 40 / LOGIC_TURN_MS, `${turns} turns`);
});

Deno.test("Logic.turn() publishes every so many records, within the turn", async () => {
  await using harness = await LogicHarness.create({ config: { floodControl: false } });
  const client = await harness.connect();
  postRequests(harness, client, 4 * RECORDS_PER_PORTION_MAX);
  const before = harness.publishCount;
  assertEquals(harness.turn(), false);
  assertEquals(answers(client), 4 * RECORDS_PER_PORTION_MAX);
  assert(harness.publishCount - before >= 4, `${harness.publishCount - before} times`);
});

Deno.test("Logic.turn() takes nothing from the rings while reliable packets wait for room, and closes nobody", async () => {
  await using harness = await LogicHarness.create({ config: { floodControl: false } });
  const [ann, bob] = [await harness.connect(), await harness.connect()];
  harness.setFull(true);
  postRequests(harness, ann, 3_000);
  for (let count = 0; count < 10; count++) harness.turn();
  const waiting = harness.sessionOf(ann).outbox!;
  assert(waiting.lastSequence - waiting.sentSequence <= RECORDS_PER_PORTION_MAX, "one portion at most");
  harness.setFull(false);
  while (answers(ann) < 3_000) harness.turn();
  assertEquals([answers(ann), ann.closedBy, bob.closedBy], [3_000, null, null]);
  const numbers = ann.packets.filter(({ sequence }) => sequence > 0).map(({ sequence }) => sequence);
  assertEquals(numbers, numbers.map((_, index) => numbers[0] + index));
});
