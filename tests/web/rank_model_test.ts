import { countOf, dayEndText, ownRankText } from "../../games/marsh/web/rank_model.ts";
import { LeaderboardBoard, LeaderboardPeriod } from "../../games/parts/leaderboards/leaderboards_pb.ts";
import { assertEquals } from "../support/assert.ts";

const { KILLS, DEATHS, MONSTER_KILLS } = LeaderboardBoard;
const { ALL_TIME, DAY } = LeaderboardPeriod;
const OWN = { rank: 7, kills: 3, deaths: 1, monsterKills: 0 };

Deno.test("ownRankText() tells where the player stands", () => {
  assertEquals([KILLS, DEATHS, MONSTER_KILLS].map((board) => countOf(board, OWN)), [3, 1, 0]);
  assertEquals(ownRankText(KILLS, ALL_TIME, OWN), "You are number 7, with 3 kills.");
  assertEquals(ownRankText(DEATHS, DAY, OWN), "You are number 7, with 1 death today.");
  assertEquals(ownRankText(MONSTER_KILLS, DAY, OWN), "You have no monster kills today yet.");
  assertEquals(ownRankText(KILLS, ALL_TIME, { ...OWN, rank: 0 }), "You are behind 10,000 others, with 3 kills.");
  assertEquals(ownRankText(KILLS, ALL_TIME, undefined), "You have no kills yet.");
});

Deno.test("dayEndText() tells when the day ends", () => {
  assertEquals(dayEndText(0, 5), "");
  assertEquals(dayEndText(7_260_000, 0), "A new day begins in 2 h 1 min.");
  assertEquals(dayEndText(1_000, 0), "A new day begins in 1 min.");
});
