/**
 * Leaderboards, as the page shows them.
 *
 * @module
 */

import { LeaderboardBoard, type LeaderboardEntry, LeaderboardPeriod } from "../../../shared/gen/leaderboard_pb.ts";
import { LEADERBOARD_RANK_MAX } from "../../../shared/limits.ts";

type Counts = Pick<LeaderboardEntry, "rank" | "kills" | "deaths" | "monsterKills">;

const WORDS: Readonly<Record<LeaderboardBoard, readonly [one: string, many: string]>> = {
  [LeaderboardBoard.KILLS]: ["kill", "kills"],
  [LeaderboardBoard.DEATHS]: ["death", "deaths"],
  [LeaderboardBoard.MONSTER_KILLS]: ["monster", "monsters"],
};

/** What a board counts of a player. */
export function countOf(board: LeaderboardBoard, { kills, deaths, monsterKills }: Counts): number {
  if (board === LeaderboardBoard.KILLS) return kills;
  return board === LeaderboardBoard.DEATHS ? deaths : monsterKills;
}

/** Where the player stands, in words. */
export function ownRankText(board: LeaderboardBoard, period: LeaderboardPeriod, own: Counts | undefined): string {
  const count = own === undefined ? 0 : countOf(board, own);
  const [one, many] = WORDS[board];
  const when = period === LeaderboardPeriod.DAY ? " today" : "";
  if (own === undefined || count === 0) return `You have no ${many}${when} yet.`;
  const place = own.rank === 0 ? `behind ${LEADERBOARD_RANK_MAX.toLocaleString("en")} others` : `number ${own.rank}`;
  return `You are ${place}, with ${count} ${count === 1 ? one : many}${when}.`;
}

/** When the day of a board ends; empty where it has none. */
export function dayEndText(endsAtMs: number, nowMs: number): string {
  if (endsAtMs === 0) return "";
  const minutes = Math.max(1, Math.ceil((endsAtMs - nowMs) / 60_000));
  const hours = Math.floor(minutes / 60);
  return `A new day begins in ${hours > 0 ? `${hours} h ` : ""}${minutes % 60} min.`;
}
