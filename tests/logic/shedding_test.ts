import { fromBinary } from "@bufbuild/protobuf";
import { defineGame } from "../../server/game/game.ts";
import { Counter } from "../../server/ops/counters.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { LOGIC_LATE_MS, LOGIC_TOO_LATE_MS } from "../../shared/limits.ts";
import { contract, CountRequestSchema, CountResponseSchema } from "../game/counter/contract.ts";
import { EnterWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";

const WORK_MS = 50;
const { replyType: COUNTED } = contract.rowOf(CountRequestSchema);

/** A game whose handler takes {@linkcode WORK_MS} to count by 1, and no time for anything else. */
async function start() {
  let harness: LogicHarness | undefined = undefined;
  const game = defineGame(
    contract,
    { maps: () => [{ mapId: 0, width: 100, height: 100, interestRadius: 20 }] },
    (game) => {
      game.on(CountRequestSchema, (_player, { by }) => {
        if (by === 1) harness!.clock.advance(WORK_MS);
        return { count: by };
      });
      return game;
    },
  );
  harness = await LogicHarness.create({ game, config: { floodControl: false } });
  return harness;
}

function post(harness: LogicHarness, client: HarnessClient, count: number): void {
  for (let index = 0; index < count; index++) harness.post(client, CountRequestSchema, { by: 1 });
}

/** What a client was answered: how many requests were done, and how many refused. */
function answersOf({ packets }: HarnessClient): [done: number, refused: number] {
  // The generic schema of the registry says nothing of the message's fields.
  const answers = packets.filter(({ type }) => type === COUNTED).map(({ payload }) =>
    fromBinary(CountResponseSchema, payload) as unknown as { success: boolean; errorCode: ErrorCode }
  );
  assert(answers.every(({ success, errorCode }) => success || errorCode === ErrorCode.UNAVAILABLE));
  const done = answers.filter(({ success }) => success).length;
  return [done, answers.length - done];
}

Deno.test("Logic.turn() refuses what takes its time once packets wait too long, and lets others in meanwhile", async () => {
  await using harness = await start();
  const client = await harness.connect(), newcomer = await harness.connect();
  harness.disconnect(newcomer);
  post(harness, client, 200);
  const startMs = harness.clock.monotonicMs();
  const late = harness.open();
  harness.post(late, EnterWorldRequestSchema, { sessionToken: `plain:${newcomer.playerId}:${newcomer.name}` });
  await harness.until(() => late.packets.some(({ type }) => type === PacketType.ENTER_WORLD_RESPONSE));
  const waitedMs = harness.clock.monotonicMs() - startMs;
  assert(waitedMs <= LOGIC_LATE_MS + 2 * WORK_MS, `${waitedMs} ms`);
  while (harness.turn());
  const [done, refused] = answersOf(client);
  assertEquals(done + refused, 200);
  assert(done >= LOGIC_LATE_MS / WORK_MS && done <= LOGIC_LATE_MS / WORK_MS + 2, `${done} done`);
  assertEquals(harness.counters.get(Counter.REQUESTS_SHED), refused);
  const lines = harness.log.records.filter(({ message }) => message.startsWith("Requests are refused"));
  assert(lines.length > 0 && lines.every(({ properties }) => properties.type === "COUNT_REQUEST"));
  // It has caught up: the next one is done again.
  harness.forget(client);
  post(harness, client, 1);
  while (harness.turn());
  assertEquals(answersOf(client), [1, 0]);
});

Deno.test("Logic.turn() refuses nothing that takes no time, however much of it waits for a while", async () => {
  await using harness = await start();
  const client = await harness.connect();
  harness.clock.perLookMs = 1;
  for (let index = 0; index < 20; index++) harness.post(client, CountRequestSchema, { by: 2 });
  harness.turn();
  harness.clock.perLookMs = 0;
  harness.clock.advance(LOGIC_TOO_LATE_MS - 100);
  while (harness.turn());
  assertEquals(answersOf(client), [20, 0]);
});

Deno.test("Logic.turn() refuses everything but what leads to another state once it is far too late", async () => {
  await using harness = await start();
  const client = await harness.connect(), newcomer = await harness.connect();
  harness.disconnect(newcomer);
  harness.clock.perLookMs = 1;
  for (let index = 0; index < 20; index++) harness.post(client, CountRequestSchema, { by: 2 });
  const late = harness.open();
  harness.post(late, EnterWorldRequestSchema, { sessionToken: `plain:${newcomer.playerId}:${newcomer.name}` });
  harness.forget(client);
  for (let index = 0; index < 20; index++) harness.post(client, CountRequestSchema, { by: 2 });
  harness.turn();
  harness.clock.perLookMs = 0;
  harness.clock.advance(LOGIC_TOO_LATE_MS);
  await harness.until(() => late.packets.some(({ type }) => type === PacketType.ENTER_WORLD_RESPONSE));
  const [done, refused] = answersOf(client);
  assert(done > 0 && refused > 0, `${done} done, ${refused} refused`);
});

Deno.test("Logic.turn() refuses nothing that came after a long time in which nothing did", async () => {
  await using harness = await start();
  const client = await harness.connect();
  post(harness, client, 1);
  harness.turn();
  harness.clock.advance(3_600_000);
  post(harness, client, 1);
  harness.turn();
  assertEquals(answersOf(client), [2, 0]);
});
