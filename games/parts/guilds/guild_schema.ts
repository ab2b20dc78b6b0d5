/** What guilds keep in SQLite, as the steps that lead there. @module */

import type { SchemaStep } from "../../../server/game/store.ts";

/** Tables of guilds, invitations and wars. A step that has been released is never changed; a change is a new step at the end. */
export const GUILD_SCHEMA: readonly SchemaStep[] = [
  {
    was: 3,
    sql: `
  CREATE TABLE guilds (
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 9007199254740991),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    tag TEXT NOT NULL,
    tag_key TEXT NOT NULL UNIQUE,
    created_at_ms INTEGER NOT NULL
  ) STRICT;

  -- The id tells who joined first.
  CREATE TABLE guild_members (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    player_id INTEGER NOT NULL UNIQUE REFERENCES accounts (id),
    guild_id INTEGER NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    rank INTEGER NOT NULL CHECK (rank BETWEEN 0 AND 2)
  ) STRICT;

  CREATE INDEX guild_members_by_guild ON guild_members (guild_id, id);
  CREATE UNIQUE INDEX guild_leaders ON guild_members (guild_id) WHERE rank = 2;

  CREATE TABLE guild_invites (
    player_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    guild_id INTEGER NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    inviter_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    expires_at_ms INTEGER NOT NULL,
    PRIMARY KEY (player_id, guild_id)
  ) STRICT, WITHOUT ROWID;

  CREATE INDEX guild_invites_by_guild ON guild_invites (guild_id);
  CREATE INDEX guild_invites_by_end ON guild_invites (expires_at_ms);

  CREATE TABLE guild_wars (
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 9007199254740991),
    low_guild_id INTEGER NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    high_guild_id INTEGER NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    low_kills INTEGER NOT NULL DEFAULT 0,
    high_kills INTEGER NOT NULL DEFAULT 0,
    started_at_ms INTEGER NOT NULL,
    ends_at_ms INTEGER NOT NULL,
    CHECK (low_guild_id < high_guild_id),
    UNIQUE (low_guild_id, high_guild_id)
  ) STRICT;

  CREATE INDEX guild_wars_by_high ON guild_wars (high_guild_id);
  CREATE INDEX guild_wars_by_end ON guild_wars (ends_at_ms);
  `,
  },
  // An invitation ends with the right of who made it.
  {
    was: 6,
    sql: `
  CREATE INDEX guild_invites_by_inviter ON guild_invites (inviter_id);
  DELETE FROM guild_invites WHERE NOT EXISTS
    (SELECT 1 FROM guild_members WHERE player_id = inviter_id AND guild_members.guild_id = guild_invites.guild_id
      AND rank >= 1);
  `,
  },
  // What names look like, as no two new ones may be taken for each other. Names of before may.
  {
    was: 8,
    sql: `
  CREATE TABLE guild_looks (
    kind TEXT NOT NULL CHECK (kind IN ('name', 'tag')),
    look TEXT NOT NULL,
    guild_id INTEGER NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    PRIMARY KEY (kind, look, guild_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX guild_looks_by_guild ON guild_looks (guild_id);
  INSERT INTO guild_looks (kind, look, guild_id) SELECT 'name', look.value, guilds.id FROM guilds, json_each(looks_of(name)) AS look;
  INSERT INTO guild_looks (kind, look, guild_id) SELECT 'tag', look.value, guilds.id FROM guilds, json_each(looks_of(tag)) AS look;
  `,
  },
  // Who declared a war, and for which guild; 0: before it was noted.
  {
    was: 9,
    sql: `
  ALTER TABLE guild_wars ADD COLUMN declaring_guild_id INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE guild_wars ADD COLUMN declarer_id INTEGER NOT NULL DEFAULT 0;
  `,
  },
  // A war is its members' of when it began, and outlives its guilds. What was declared is remembered beyond the war.
  {
    was: 11,
    sql: `
  CREATE TABLE lasting_wars (
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 9007199254740991),
    low_guild_id INTEGER NOT NULL,
    high_guild_id INTEGER NOT NULL,
    low_name TEXT NOT NULL,
    high_name TEXT NOT NULL,
    low_kills INTEGER NOT NULL DEFAULT 0,
    high_kills INTEGER NOT NULL DEFAULT 0,
    started_at_ms INTEGER NOT NULL,
    ends_at_ms INTEGER NOT NULL,
    declaring_guild_id INTEGER NOT NULL,
    declarer_id INTEGER NOT NULL,
    CHECK (low_guild_id < high_guild_id),
    UNIQUE (low_guild_id, high_guild_id)
  ) STRICT;
  INSERT INTO lasting_wars
    SELECT guild_wars.id, low_guild_id, high_guild_id, low.name, high.name, low_kills, high_kills, started_at_ms,
      ends_at_ms, declaring_guild_id, declarer_id
    FROM guild_wars JOIN guilds AS low ON low.id = low_guild_id JOIN guilds AS high ON high.id = high_guild_id;
  DELETE FROM sqlite_sequence WHERE name = 'lasting_wars';
  INSERT INTO sqlite_sequence (name, seq) SELECT 'lasting_wars', seq FROM sqlite_sequence WHERE name = 'guild_wars';
  DROP TABLE guild_wars;
  ALTER TABLE lasting_wars RENAME TO guild_wars;
  CREATE INDEX guild_wars_by_high ON guild_wars (high_guild_id);
  CREATE INDEX guild_wars_by_end ON guild_wars (ends_at_ms);

  CREATE TABLE guild_war_members (
    player_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    war_id INTEGER NOT NULL REFERENCES guild_wars (id) ON DELETE CASCADE,
    is_low INTEGER NOT NULL CHECK (is_low IN (0, 1)),
    PRIMARY KEY (player_id, war_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX guild_war_members_by_war ON guild_war_members (war_id);
  INSERT INTO guild_war_members
    SELECT player_id, guild_wars.id, guild_id = low_guild_id
    FROM guild_wars JOIN guild_members ON guild_id IN (low_guild_id, high_guild_id);

  CREATE TABLE guild_declarations (
    id INTEGER PRIMARY KEY,
    declarer_id INTEGER NOT NULL,
    guild_id INTEGER NOT NULL,
    enemy_guild_id INTEGER NOT NULL,
    declared_at_ms INTEGER NOT NULL,
    peace_until_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX guild_declarations_by_declarer ON guild_declarations (declarer_id, declared_at_ms);
  CREATE INDEX guild_declarations_by_guild ON guild_declarations (guild_id, enemy_guild_id);
  CREATE INDEX guild_declarations_by_end ON guild_declarations (peace_until_ms);
  `,
  },
  // A game that leaves guilds out deletes accounts all the same: their guilds then do here what they do when members leave.
  {
    sql: `
  CREATE TABLE leaving_members (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    player_id INTEGER NOT NULL UNIQUE REFERENCES accounts (id) ON DELETE CASCADE,
    guild_id INTEGER NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    rank INTEGER NOT NULL CHECK (rank BETWEEN 0 AND 2)
  ) STRICT;
  INSERT INTO leaving_members SELECT id, player_id, guild_id, rank FROM guild_members;
  DELETE FROM sqlite_sequence WHERE name = 'leaving_members';
  INSERT INTO sqlite_sequence (name, seq) SELECT 'leaving_members', seq FROM sqlite_sequence WHERE name = 'guild_members';
  DROP TABLE guild_members;
  ALTER TABLE leaving_members RENAME TO guild_members;
  CREATE INDEX guild_members_by_guild ON guild_members (guild_id, id);
  CREATE UNIQUE INDEX guild_leaders ON guild_members (guild_id) WHERE rank = 2;

  CREATE TRIGGER guild_member_left AFTER DELETE ON guild_members
  BEGIN
    DELETE FROM guilds WHERE id = OLD.guild_id
      AND NOT EXISTS (SELECT 1 FROM guild_members WHERE guild_id = OLD.guild_id);
    UPDATE guild_members SET rank = 2 WHERE OLD.rank = 2
      AND id = (SELECT id FROM guild_members WHERE guild_id = OLD.guild_id ORDER BY rank DESC, id LIMIT 1);
  END;
  `,
  },
  // Changes are numbered, so that servers can tell whether they have heard of all.
  {
    sql: `
  CREATE TABLE guild_version (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL) STRICT;
  INSERT INTO guild_version (id, version) VALUES (1, 0);
  `,
  },
];

/** The same tables in PostgreSQL, as its own steps. A step that has been released is never changed. */
export const GUILD_SCHEMA_POSTGRES: readonly string[] = [
  `
  CREATE TABLE guilds (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY CHECK (id BETWEEN 1 AND 9007199254740991),
    name TEXT NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL UNIQUE,
    tag TEXT NOT NULL,
    tag_key TEXT COLLATE "C" NOT NULL UNIQUE,
    created_at_ms BIGINT NOT NULL
  );

  CREATE TABLE guild_members (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY CHECK (id BETWEEN 1 AND 9007199254740991),
    player_id BIGINT NOT NULL UNIQUE REFERENCES accounts (id) ON DELETE CASCADE,
    guild_id BIGINT NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    rank BIGINT NOT NULL CHECK (rank BETWEEN 0 AND 2)
  );
  CREATE INDEX guild_members_by_guild ON guild_members (guild_id, id);
  CREATE UNIQUE INDEX guild_leaders ON guild_members (guild_id) WHERE rank = 2;

  CREATE FUNCTION guild_member_left() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    DELETE FROM guilds WHERE id = OLD.guild_id
      AND NOT EXISTS (SELECT 1 FROM guild_members WHERE guild_id = OLD.guild_id);
    UPDATE guild_members SET rank = 2 WHERE OLD.rank = 2
      AND id = (SELECT id FROM guild_members WHERE guild_id = OLD.guild_id ORDER BY rank DESC, id LIMIT 1);
    RETURN NULL;
  END $$;
  CREATE TRIGGER guild_member_left AFTER DELETE ON guild_members
    FOR EACH ROW EXECUTE FUNCTION guild_member_left();

  CREATE TABLE guild_invites (
    player_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    guild_id BIGINT NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    inviter_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    expires_at_ms BIGINT NOT NULL,
    PRIMARY KEY (player_id, guild_id)
  );
  CREATE INDEX guild_invites_by_guild ON guild_invites (guild_id);
  CREATE INDEX guild_invites_by_end ON guild_invites (expires_at_ms);
  CREATE INDEX guild_invites_by_inviter ON guild_invites (inviter_id);

  CREATE TABLE guild_looks (
    kind TEXT NOT NULL CHECK (kind IN ('name', 'tag')),
    look TEXT COLLATE "C" NOT NULL,
    guild_id BIGINT NOT NULL REFERENCES guilds (id) ON DELETE CASCADE,
    PRIMARY KEY (kind, look, guild_id)
  );
  CREATE INDEX guild_looks_by_guild ON guild_looks (guild_id);

  CREATE TABLE guild_wars (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY CHECK (id BETWEEN 1 AND 9007199254740991),
    low_guild_id BIGINT NOT NULL,
    high_guild_id BIGINT NOT NULL,
    low_name TEXT NOT NULL,
    high_name TEXT NOT NULL,
    low_kills BIGINT NOT NULL DEFAULT 0,
    high_kills BIGINT NOT NULL DEFAULT 0,
    started_at_ms BIGINT NOT NULL,
    ends_at_ms BIGINT NOT NULL,
    declaring_guild_id BIGINT NOT NULL,
    declarer_id BIGINT NOT NULL,
    CHECK (low_guild_id < high_guild_id),
    UNIQUE (low_guild_id, high_guild_id)
  );
  CREATE INDEX guild_wars_by_high ON guild_wars (high_guild_id);
  CREATE INDEX guild_wars_by_end ON guild_wars (ends_at_ms);

  CREATE TABLE guild_war_members (
    player_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    war_id BIGINT NOT NULL REFERENCES guild_wars (id) ON DELETE CASCADE,
    is_low BIGINT NOT NULL CHECK (is_low IN (0, 1)),
    PRIMARY KEY (player_id, war_id)
  );
  CREATE INDEX guild_war_members_by_war ON guild_war_members (war_id);

  CREATE TABLE guild_declarations (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY CHECK (id BETWEEN 1 AND 9007199254740991),
    declarer_id BIGINT NOT NULL,
    guild_id BIGINT NOT NULL,
    enemy_guild_id BIGINT NOT NULL,
    declared_at_ms BIGINT NOT NULL,
    peace_until_ms BIGINT NOT NULL
  );
  CREATE INDEX guild_declarations_by_declarer ON guild_declarations (declarer_id, declared_at_ms);
  CREATE INDEX guild_declarations_by_guild ON guild_declarations (guild_id, enemy_guild_id);
  CREATE INDEX guild_declarations_by_end ON guild_declarations (peace_until_ms);
  `,
  `
  CREATE TABLE guild_version (id BIGINT PRIMARY KEY CHECK (id = 1), version BIGINT NOT NULL);
  INSERT INTO guild_version (id, version) VALUES (1, 0);
  `,
];
