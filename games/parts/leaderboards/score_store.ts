/**
 * Kills and deaths as the storage counts them: for each player of all time, and for each day.
 *
 * @module
 */

import { defineStore, read, type StoreOf, write } from "../../../server/game/store.ts";

/** What players can be ranked by. */
export type Board = "kills" | "deaths" | "monsterKills";

/** The day of {@linkcode ScoreStore} queries that stands for all time. */
export const ALL_TIME = 0;

/** Scores; days are counted from 1970-01-01 UTC. */
export const SCORES = defineStore("scores", {
  /**
   * Counts kills, all or none; players who do not exist are skipped.
   *
   * @param kills At most `STORAGE_ROWS_MAX`.
   */
  add: write<readonly PlayerKill[], void>(),

  /**
   * The players with the highest counts, those with equal ones in the order of their ids. Players with 0 are left out.
   *
   * @param query `limit` is at most `LEADERBOARD_ENTRIES_MAX`.
   */
  top: read<BoardQuery & { readonly limit: number }, Score[]>(),

  /** The score of one player; `undefined` where there is no such player. */
  of: read<BoardQuery & { readonly playerId: number }, Score | undefined>(),

  /** Deletes scores of days before one, at most `EXPIRED_DELETED_MAX`; none of all time. @returns How many. */
  deleteOld: write<{ readonly beforeDay: number }, number>(),
});

/** The store {@linkcode SCORES}, as callers have it. */
export type ScoreStore = StoreOf<typeof SCORES>;

/** One kill by a player; `victimId` is null for a monster. */
export interface PlayerKill {
  readonly killerId: number;
  readonly victimId: number | null;
  /** The day it happened, above 0. */
  readonly day: number;
}

/** Which board, of which day. */
export interface BoardQuery {
  readonly board: Board;
  /** {@linkcode ALL_TIME} or a day. */
  readonly day: number;
}

/** The score of a player. */
export interface Score {
  /**
   * One more than there are players with a higher count; 0 where the count is 0 or more than `LEADERBOARD_RANK_MAX`
   * players are ahead.
   */
  readonly rank: number;
  readonly playerId: number;
  readonly name: string;
  /** Players killed. */
  readonly kills: number;
  /** Times killed by players. */
  readonly deaths: number;
  readonly monsterKills: number;
}
