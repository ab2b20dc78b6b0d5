/** What friends keep in SQLite, as the steps that lead there. @module */

import type { SchemaStep } from "../../../server/game/store.ts";

/** Tables of friends, ignore lists and kept whispers. A step that has been released is never changed; a change is a new step at the end. */
export const SOCIAL_SCHEMA: readonly SchemaStep[] = [
  // A friendship is a row for each of the two. What an account has goes with it.
  {
    was: 2,
    sql: `
  CREATE TABLE friends (
    player_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    friend_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    since_ms INTEGER NOT NULL,
    PRIMARY KEY (player_id, friend_id),
    CHECK (player_id <> friend_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX friends_by_friend ON friends (friend_id);

  CREATE TABLE friend_requests (
    from_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    to_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    requested_at_ms INTEGER NOT NULL,
    PRIMARY KEY (from_id, to_id),
    CHECK (from_id <> to_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX friend_requests_by_recipient ON friend_requests (to_id);

  CREATE TABLE ignored_players (
    player_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    ignored_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    PRIMARY KEY (player_id, ignored_id),
    CHECK (player_id <> ignored_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX ignored_players_by_ignored ON ignored_players (ignored_id);

  CREATE TABLE kept_whispers (
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 9007199254740991),
    recipient_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    sender_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    message TEXT NOT NULL,
    sent_at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX kept_whispers_by_recipient ON kept_whispers (recipient_id, id);
  CREATE INDEX kept_whispers_by_sender ON kept_whispers (sender_id);
  CREATE INDEX kept_whispers_by_time ON kept_whispers (sent_at_ms);
  `,
  },
];
