/**
 * Leaderboards, as the page shows them.
 *
 * @module
 */

import {
  LeaderboardBoard,
  type LeaderboardEntry,
  LeaderboardPeriod,
} from "../../parts/leaderboards/leaderboards_pb.ts";
import { TEXTS } from "./language.ts";

type Counts = Pick<LeaderboardEntry, "rank" | "kills" | "deaths" | "monsterKills">;

/** What a board counts of a player. */
export function countOf(board: LeaderboardBoard, { kills, deaths, monsterKills }: Counts): number {
  if (board === LeaderboardBoard.KILLS) return kills;
  return board === LeaderboardBoard.DEATHS ? deaths : monsterKills;
}

/** Where the player stands, in words. */
export function ownRankText(board: LeaderboardBoard, period: LeaderboardPeriod, own: Counts | undefined): string {
  const count = own === undefined ? 0 : countOf(board, own);
  const isToday = period === LeaderboardPeriod.DAY;
  if (own === undefined || count === 0) return TEXTS.ranks.none(board, isToday);
  return TEXTS.ranks.own({ board, rank: own.rank, count, isToday });
}

/** When the day of a board ends; empty where it has none. */
export function dayEndText(endsAtMs: number, nowMs: number): string {
  if (endsAtMs === 0) return "";
  const minutes = Math.max(1, Math.ceil((endsAtMs - nowMs) / 60_000));
  return TEXTS.ranks.dayEnds(Math.floor(minutes / 60), minutes % 60);
}
