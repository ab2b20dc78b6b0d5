import { SCORES, type ScoreStore } from "../../games/parts/leaderboards/score_store.ts";
import { DependencyError } from "../../shared/errors.ts";
import { CombatActionSchema } from "../../games/parts/combat/combat_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import {
  LeaderboardBoard,
  LeaderboardPeriod,
  type LeaderboardRequest,
  LeaderboardRequestSchema,
} from "../../games/parts/leaderboards/leaderboards_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { LEADERBOARD_CACHE_MS, LEADERBOARD_ENTRIES_MAX } from "../../games/parts/leaderboards/limits.ts";
import { breakableStorage, settle } from "../guild/guild_scene.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { storageWith } from "../support/storage_with.ts";

const DAY_MS = 24 * 3_600_000;
type Wanted = Partial<Pick<LeaderboardRequest, "board" | "period" | "limit">>;

async function ask(harness: LogicHarness, client: HarnessClient, wanted: Wanted = {}) {
  harness.take(client, PacketType.LEADERBOARD_RESPONSE);
  harness.send(client, LeaderboardRequestSchema, wanted);
  await harness.until(() => harness.received(client, PacketType.LEADERBOARD_RESPONSE).length > 0);
  return harness.take(client, PacketType.LEADERBOARD_RESPONSE)[0];
}

/** The same when all kills are written, and what is served from memory is too old. */
async function askAnew(harness: LogicHarness, client: HarnessClient, wanted: Wanted = {}) {
  await settle(harness);
  harness.advance(LEADERBOARD_CACHE_MS);
  return ask(harness, client, wanted);
}

async function lines(harness: LogicHarness, client: HarnessClient, wanted: Wanted = {}): Promise<string[]> {
  const { entries } = await askAnew(harness, client, wanted);
  return entries.map((entry) => `${entry.rank} ${entry.name} ${entry.kills}/${entry.deaths}/${entry.monsterKills}`);
}

/** A kill, or the kill of a monster, as combat tells of it. */
function kill(harness: LogicHarness, killer: HarnessClient, victim: HarnessClient | null): void {
  harness.marsh.leaderboards.onKill(harness.playerOf(killer), victim === null ? null : harness.playerOf(victim));
}

async function company(options: Parameters<typeof LogicHarness.create>[0] = {}) {
  const harness = await LogicHarness.create(options);
  const connect = (name: string, index: number) => harness.connect({ name, at: { x: 500 + index / 2, z: 500 } });
  const [ann, bob, cid] = [await connect("ann", 0), await connect("bob", 1), await connect("cid", 2)];
  harness.tick();
  return { harness, ann, bob, cid, [Symbol.asyncDispose]: () => harness.close() };
}

Deno.test("LeaderboardService counts a kill in combat for the killer and the victim", async () => {
  await using scene = await company();
  const { harness, ann, bob } = scene;
  harness.health.set(bob.entityId, { hp: 1, hpMax: 100 });
  const results = () => harness.received(ann, PacketType.COMBAT_RESULT);
  for (let round = 0; !results().some(({ targetDied }) => targetDied); round++) {
    assert(round < 20, "A blow must land");
    harness.send(ann, CombatActionSchema, { skillId: 1, targetId: BigInt(bob.entityId) });
    harness.advance(1_000);
  }
  for (const period of [LeaderboardPeriod.ALL_TIME, LeaderboardPeriod.DAY]) {
    assertEquals(await lines(harness, bob, { board: LeaderboardBoard.KILLS, period }), ["1 ann 1/0/0"]);
    assertEquals(await lines(harness, bob, { board: LeaderboardBoard.DEATHS, period }), ["1 bob 0/1/0"]);
  }
});

Deno.test("LeaderboardService ranks players, equal ones alike, and shows the own place", async () => {
  await using scene = await company();
  const { harness, ann, bob, cid } = scene;
  for (const killer of [ann, bob, ann, bob]) kill(harness, killer, cid);
  kill(harness, cid, ann);
  kill(harness, cid, null);
  const board = await askAnew(harness, cid);
  assertEquals(board.entries.map(({ rank, name, kills }) => [rank, name, kills]), [
    [1, "ann", 2],
    [1, "bob", 2],
    [3, "cid", 1],
  ]);
  const { own } = board;
  assertEquals([own?.rank, Number(own?.playerId), own?.kills, own?.deaths, own?.monsterKills], [
    3,
    cid.playerId,
    1,
    4,
    1,
  ]);
  assertEquals((await askAnew(harness, cid, { limit: 1 })).entries.map(({ name }) => name), ["ann"]);
  assertEquals((await ask(harness, bob, { board: LeaderboardBoard.MONSTER_KILLS })).own?.rank, 0);
  assertEquals(await lines(harness, cid, { board: LeaderboardBoard.MONSTER_KILLS }), ["1 cid 1/4/1"]);
});

Deno.test("LeaderboardService counts no death by a monster, by a stranger or by oneself", async () => {
  await using scene = await company();
  const { harness, ann } = scene;
  harness.marsh.leaderboards.onKill(null, harness.playerOf(ann));
  harness.marsh.leaderboards.onKill(null, null);
  kill(harness, ann, ann);
  for (const board of [LeaderboardBoard.KILLS, LeaderboardBoard.DEATHS, LeaderboardBoard.MONSTER_KILLS]) {
    assertEquals(await lines(harness, ann, { board }), []);
  }
});

Deno.test("LeaderboardService begins a new day at midnight in UTC, and keeps all time", async () => {
  await using scene = await company();
  const { harness, ann, bob } = scene;
  kill(harness, ann, bob);
  const today = { period: LeaderboardPeriod.DAY };
  const before = await askAnew(harness, ann, today);
  assertEquals(before.entries.length, 1);
  const midnightMs = Number(before.endsAt);
  assertEquals(midnightMs % DAY_MS, 0);
  assert(midnightMs > harness.clock.unixMs() && midnightMs - harness.clock.unixMs() <= DAY_MS);
  harness.clock.advance(midnightMs - harness.clock.unixMs());
  assertEquals(await lines(harness, ann, today), []);
  assertEquals(await lines(harness, ann), ["1 ann 1/0/0"]);
  assertEquals((await ask(harness, ann)).endsAt, 0n);
});

Deno.test("LeaderboardService reads a board once for all who ask within a second", async () => {
  const { storage } = breakableStorage();
  let readCount = 0;
  const scores = storage.of(SCORES);
  const counting = storageWith(storage, {}, {
    scores: { top: (query: Parameters<typeof scores.top>[0]) => (readCount++, scores.top(query)) },
  });
  await using scene = await company({ storage: counting });
  const { harness, ann, bob, cid } = scene;
  for (const client of [ann, bob, cid, ann]) await ask(harness, client);
  assertEquals(readCount, 1);
  await askAnew(harness, ann);
  assertEquals(readCount, 2);
});

Deno.test("LeaderboardService writes later what the storage would not take, and answers UNAVAILABLE meanwhile", async () => {
  const { storage } = breakableStorage();
  let isDown = false;
  const scores = new Proxy(storage.of(SCORES), {
    get: (target, method: keyof ScoreStore) => (argument: never) =>
      isDown ? Promise.reject(new DependencyError("unavailable", "down")) : target[method](argument),
  });
  await using scene = await company({ storage: storageWith(storage, {}, { scores }) });
  const { harness, ann, bob } = scene;
  isDown = true;
  kill(harness, ann, bob);
  const { success, errorCode } = await ask(harness, ann);
  assertEquals([success, ErrorCode[errorCode]], [false, "UNAVAILABLE"]);
  isDown = false;
  harness.advance(2_000);
  assertEquals(await lines(harness, ann), ["1 ann 1/0/0"]);
});

Deno.test("LeaderboardService refuses what it cannot show", async () => {
  await using scene = await company();
  const { harness, ann } = scene;
  const cases: readonly (readonly [what: string, wanted: Wanted, code: ErrorCode])[] = [
    ["an unknown board", { board: 3 as LeaderboardBoard }, ErrorCode.INVALID_PACKET],
    ["a negative board", { board: -1 as LeaderboardBoard }, ErrorCode.INVALID_PACKET],
    ["an unknown period", { period: 2 as LeaderboardPeriod }, ErrorCode.INVALID_PACKET],
    ["one entry too many", { limit: LEADERBOARD_ENTRIES_MAX + 1 }, ErrorCode.OUT_OF_RANGE],
    ["far too many entries", { limit: 2 ** 32 - 1 }, ErrorCode.OUT_OF_RANGE],
    ["the most entries", { limit: LEADERBOARD_ENTRIES_MAX }, ErrorCode.NONE],
    ["no limit", { limit: 0 }, ErrorCode.NONE],
  ];
  for (const [what, wanted, code] of cases) {
    const { success, errorCode } = await ask(harness, ann, wanted);
    assertEquals([what, ErrorCode[errorCode], success], [what, ErrorCode[code], code === ErrorCode.NONE]);
  }
  const stranger = harness.open();
  harness.send(stranger, LeaderboardRequestSchema, {});
  await harness.until(() => harness.received(stranger, PacketType.LEADERBOARD_RESPONSE).length > 0);
  assertEquals(harness.take(stranger, PacketType.LEADERBOARD_RESPONSE)[0].errorCode, ErrorCode.NOT_AUTHENTICATED);
});
