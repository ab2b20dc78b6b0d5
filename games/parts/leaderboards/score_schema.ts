/** What leaderboards keep in SQLite, as the steps that lead there. @module */

import type { SchemaStep } from "../../../server/game/store.ts";

/** Tables of scores. A step that has been released is never changed; a change is a new step at the end. */
export const SCORE_SCHEMA: readonly SchemaStep[] = [
  // Scores of day 0 are those of all time.
  {
    was: 4,
    sql: `
  CREATE TABLE scores (
    day INTEGER NOT NULL CHECK (day >= 0),
    player_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kills INTEGER NOT NULL,
    deaths INTEGER NOT NULL,
    monster_kills INTEGER NOT NULL,
    PRIMARY KEY (day, player_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX scores_by_kills ON scores (day, kills DESC, player_id) WHERE kills > 0;
  CREATE INDEX scores_by_deaths ON scores (day, deaths DESC, player_id) WHERE deaths > 0;
  CREATE INDEX scores_by_monster_kills ON scores (day, monster_kills DESC, player_id) WHERE monster_kills > 0;
  CREATE INDEX scores_by_player ON scores (player_id);
  `,
  },
];

/** The same tables in PostgreSQL, as its own steps. A step that has been released is never changed. */
export const SCORE_SCHEMA_POSTGRES: readonly string[] = [
  `
  CREATE TABLE scores (
    day BIGINT NOT NULL CHECK (day >= 0),
    player_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kills BIGINT NOT NULL,
    deaths BIGINT NOT NULL,
    monster_kills BIGINT NOT NULL,
    PRIMARY KEY (day, player_id)
  );
  CREATE INDEX scores_by_kills ON scores (day, kills DESC, player_id) WHERE kills > 0;
  CREATE INDEX scores_by_deaths ON scores (day, deaths DESC, player_id) WHERE deaths > 0;
  CREATE INDEX scores_by_monster_kills ON scores (day, monster_kills DESC, player_id) WHERE monster_kills > 0;
  CREATE INDEX scores_by_player ON scores (player_id);
  `,
];
