/** Kills and deaths in a database. @module */

import { EXPIRED_DELETED_MAX } from "../../../shared/limits.ts";
import { LEADERBOARD_ENTRIES_MAX, LEADERBOARD_RANK_MAX } from "./limits.ts";
import { ALL_TIME, type Board, type Score, SCORES } from "./score_store.ts";
import {
  checkId,
  checkRows,
  type Count,
  countOf,
  type HandlersOf,
  type Sql,
  sqlStore,
  statement,
} from "../../../server/game/store.ts";
import { SCORE_SCHEMA, SCORE_SCHEMA_POSTGRES } from "./score_schema.ts";

/** A score as it is stored. */
type StoredScore = Omit<Score, "rank">;

const UPSERT = statement(
  `INSERT INTO scores (day, player_id, kills, deaths, monster_kills)
    SELECT CAST(?1 AS BIGINT), id, CAST(?3 AS BIGINT), CAST(?4 AS BIGINT), CAST(?5 AS BIGINT)
    FROM accounts WHERE id = ?2
    ON CONFLICT (day, player_id) DO UPDATE SET kills = scores.kills + excluded.kills,
      deaths = scores.deaths + excluded.deaths, monster_kills = scores.monster_kills + excluded.monster_kills`,
);
const DELETE_OLD = statement(
  `DELETE FROM scores WHERE (day, player_id) IN
    (SELECT day, player_id FROM scores WHERE day > ${ALL_TIME} AND day < ? LIMIT ${EXPIRED_DELETED_MAX})`,
);
const SELECT_ONE = statement<StoredScore>(
  `SELECT id AS playerId, name, coalesce(kills, 0) AS kills, coalesce(deaths, 0) AS deaths,
      coalesce(monster_kills, 0) AS monsterKills
    FROM accounts LEFT JOIN scores ON player_id = id AND day = ?2 WHERE id = ?1`,
);
const BOARDS: Readonly<Record<Board, BoardQueries>> = {
  kills: boardQueries("kills"),
  deaths: boardQueries("deaths"),
  monsterKills: boardQueries("monster_kills"),
};

/** Kills and deaths. */
export const STORED_SCORES = sqlStore(SCORES, {
  schema: SCORE_SCHEMA,
  postgresSchema: SCORE_SCHEMA_POSTGRES,
  open: () => ({ handlers: HANDLERS }),
});

const HANDLERS: HandlersOf<typeof SCORES> = {
  *add(kills) {
    checkRows(kills.length);
    for (const { killerId, victimId, day } of kills) {
      checkId(killerId, "killerId");
      checkDay(day, 1);
      if (victimId !== null) checkId(victimId, "victimId");
    }
    yield* UPSERT.each(
      kills.flatMap(({ killerId, victimId, day }) =>
        victimId === null
          ? countsOf(killerId, day, [0, 0, 1])
          : [...countsOf(killerId, day, [1, 0, 0]), ...countsOf(victimId, day, [0, 1, 0])]
      ),
    );
  },
  *deleteOld({ beforeDay }) {
    checkDay(beforeDay, ALL_TIME);
    return yield* DELETE_OLD.run(beforeDay);
  },
  *top({ board, day, limit }) {
    checkDay(day, ALL_TIME);
    if (!Number.isInteger(limit) || limit < 0 || limit > LEADERBOARD_ENTRIES_MAX) {
      throw new RangeError(`Cannot give ${limit} scores: limit is ${LEADERBOARD_ENTRIES_MAX} scores`);
    }
    const scores = yield* BOARDS[board].selectTop.all(day, limit);
    let rank = 0;
    return scores.map((score, index) => {
      if (index === 0 || score[board] < scores[index - 1][board]) rank = index + 1;
      return { rank, ...score };
    });
  },
  *of({ board, day, playerId }) {
    checkDay(day, ALL_TIME);
    checkId(playerId, "playerId");
    const score = yield* SELECT_ONE.get(playerId, day);
    return score && { rank: yield* rankOf(board, day, score[board]), ...score };
  },
};

function* rankOf(board: Board, day: number, value: number): Sql<number> {
  const ahead = value === 0 ? 0 : yield* countOf(BOARDS[board].countAhead, day, value);
  return value === 0 || ahead >= LEADERBOARD_RANK_MAX ? 0 : ahead + 1;
}

/** What counts of a player for its day and for all time. */
function countsOf(playerId: number, day: number, counts: readonly number[]): number[][] {
  return [ALL_TIME, day].map((each) => [each, playerId, ...counts]);
}

/** How one board is read. */
interface BoardQueries {
  readonly selectTop: ReturnType<typeof statement<StoredScore>>;
  readonly countAhead: Count;
}

/** Both read along the board's index: as many rows as there are in the answer, or as many as count at most. */
function boardQueries(column: string): BoardQueries {
  return {
    selectTop: statement(
      `SELECT player_id AS playerId, name, kills, deaths, monster_kills AS monsterKills
        FROM scores JOIN accounts ON id = player_id
        WHERE day = ? AND ${column} > 0 ORDER BY ${column} DESC, player_id LIMIT ?`,
    ),
    countAhead: statement(
      `SELECT count(*) AS count FROM
        (SELECT 1 FROM scores WHERE day = ? AND ${column} > 0 AND ${column} > ? LIMIT ${LEADERBOARD_RANK_MAX}) AS ahead`,
    ),
  };
}

function checkDay(day: number, min: number): void {
  if (Number.isSafeInteger(day) && day >= min) return;
  throw new RangeError(`Cannot use day: ${day} is not an integer from ${min}`);
}
