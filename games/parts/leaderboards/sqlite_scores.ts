/** Kills and deaths in SQLite. @module */

import type { DatabaseSync } from "node:sqlite";
import { EXPIRED_DELETED_MAX } from "../../../shared/limits.ts";
import { LEADERBOARD_ENTRIES_MAX, LEADERBOARD_RANK_MAX } from "./limits.ts";
import { ALL_TIME, type Board, type Score, SCORES } from "./score_store.ts";
import { checkId, checkRows } from "../../../server/storage/storage_checks.ts";
import { sqliteStore } from "../../../server/storage/sqlite_store.ts";
import { SCORE_SCHEMA } from "./score_schema.ts";
import type { HandlersOf } from "../../../server/storage/store.ts";

/** A score as it is stored. */
type StoredScore = Omit<Score, "rank">;

const COLUMNS: Readonly<Record<Board, string>> = { kills: "kills", deaths: "deaths", monsterKills: "monster_kills" };

/** Kills and deaths. */
export const SQLITE_SCORES = sqliteStore(SCORES, {
  schema: SCORE_SCHEMA,
  open: (database) => ({ handlers: handlersOn(database) }),
});

function handlersOn(database: DatabaseSync): HandlersOf<typeof SCORES> {
  const upsert = database.prepare(
    `INSERT INTO scores (day, player_id, kills, deaths, monster_kills) SELECT ?1, id, ?3, ?4, ?5
      FROM accounts WHERE id = ?2
      ON CONFLICT (day, player_id) DO UPDATE SET kills = kills + excluded.kills, deaths = deaths + excluded.deaths,
        monster_kills = monster_kills + excluded.monster_kills`,
  );
  const deleteOld = database.prepare(
    `DELETE FROM scores WHERE (day, player_id) IN
      (SELECT day, player_id FROM scores WHERE day > ${ALL_TIME} AND day < ? LIMIT ${EXPIRED_DELETED_MAX})`,
  );
  const selectOne = database.prepare(
    `SELECT id AS playerId, name, coalesce(kills, 0) AS kills, coalesce(deaths, 0) AS deaths,
        coalesce(monster_kills, 0) AS monsterKills
      FROM accounts LEFT JOIN scores ON player_id = id AND day = ?2 WHERE id = ?1`,
  );
  const boards = {
    kills: boardStatements(database, COLUMNS.kills),
    deaths: boardStatements(database, COLUMNS.deaths),
    monsterKills: boardStatements(database, COLUMNS.monsterKills),
  };

  /** Of a player, for its day and for all time. */
  function count(playerId: number, day: number, [kills, deaths, monsterKills]: readonly number[]): void {
    for (const each of [ALL_TIME, day]) upsert.run(each, playerId, kills, deaths, monsterKills);
  }

  return {
    add: (kills) => {
      checkRows(kills.length);
      for (const { killerId, victimId, day } of kills) {
        checkId(killerId, "killerId");
        checkDay(day, 1);
        count(killerId, day, victimId === null ? [0, 0, 1] : [1, 0, 0]);
        if (victimId === null) continue;
        checkId(victimId, "victimId");
        count(victimId, day, [0, 1, 0]);
      }
    },
    deleteOld: ({ beforeDay }) => {
      checkDay(beforeDay, ALL_TIME);
      return Number(deleteOld.run(beforeDay).changes);
    },
    top: ({ board, day, limit }) => {
      checkDay(day, ALL_TIME);
      if (!Number.isInteger(limit) || limit < 0 || limit > LEADERBOARD_ENTRIES_MAX) {
        throw new RangeError(`Cannot give ${limit} scores: limit is ${LEADERBOARD_ENTRIES_MAX} scores`);
      }
      const scores = boards[board].selectTop.all(day, limit) as unknown as StoredScore[];
      let rank = 0;
      return scores.map((score, index) => {
        if (index === 0 || score[board] < scores[index - 1][board]) rank = index + 1;
        return { rank, ...score };
      });
    },
    of: ({ board, day, playerId }) => {
      checkDay(day, ALL_TIME);
      checkId(playerId, "playerId");
      const score = selectOne.get(playerId, day) as unknown as StoredScore | undefined;
      if (score === undefined) return undefined;
      const ahead = score[board] === 0 ? 0 : Number(boards[board].countAhead.get(day, score[board])!.count);
      return { rank: score[board] === 0 || ahead >= LEADERBOARD_RANK_MAX ? 0 : ahead + 1, ...score };
    },
  };
}

/** Both read along the board's index: as many rows as there are in the answer, or as many as count at most. */
function boardStatements(database: DatabaseSync, column: string) {
  return {
    selectTop: database.prepare(
      `SELECT player_id AS playerId, name, kills, deaths, monster_kills AS monsterKills
        FROM scores JOIN accounts ON id = player_id
        WHERE day = ? AND ${column} > 0 ORDER BY ${column} DESC, player_id LIMIT ?`,
    ),
    countAhead: database.prepare(
      `SELECT count(*) AS count FROM
        (SELECT 1 FROM scores WHERE day = ? AND ${column} > 0 AND ${column} > ? LIMIT ${LEADERBOARD_RANK_MAX})`,
    ),
  };
}

function checkDay(day: number, min: number): void {
  if (Number.isSafeInteger(day) && day >= min) return;
  throw new RangeError(`Cannot use day: ${day} is not an integer from ${min}`);
}
