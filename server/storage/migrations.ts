/**
 * The database's schema as the list of steps that lead to it. A step that has been released is never changed; a change
 * is a new step at the end.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { ConfigError } from "../../shared/errors.ts";
import { looksOf } from "../names/public_name.ts";

/** Marks a database file as ours ("DBrg"), so that another program's is never written to. */
export const APPLICATION_ID = 0x44427267;

/** Step `i` leads from version `i` to version `i + 1`. */
export const MIGRATIONS: readonly string[] = [
  // AUTOINCREMENT: the id of a deleted account is in tokens and must never name another player.
  // The check keeps ids exact as JavaScript numbers.
  `
  CREATE TABLE accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 9007199254740991),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    password_verifier TEXT,
    created_at_ms INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE characters (
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 9007199254740991),
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    map_id INTEGER,
    x REAL,
    y REAL,
    z REAL,
    yaw REAL,
    hp REAL,
    CHECK ((map_id IS NULL) = (x IS NULL) AND (x IS NULL) = (y IS NULL) AND (y IS NULL) = (z IS NULL)
      AND (z IS NULL) = (yaw IS NULL) AND (yaw IS NULL) = (hp IS NULL))
  ) STRICT;

  CREATE INDEX characters_by_account ON characters (account_id, id);

  CREATE TABLE health (id INTEGER PRIMARY KEY CHECK (id = 1), bytes BLOB NOT NULL) STRICT;
  INSERT INTO health (id, bytes) VALUES (1, x'');
  `,
  // A friendship is a row for each of the two. What an account has goes with it.
  `
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
  `
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
  // Scores of day 0 are those of all time. A sanction is for a player or for addresses.
  `
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

  CREATE TABLE sanctions (
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 9007199254740991),
    kind TEXT NOT NULL CHECK (kind IN ('mute', 'ban')),
    player_id INTEGER REFERENCES accounts (id) ON DELETE CASCADE,
    address TEXT UNIQUE CHECK (address IS NULL OR kind = 'ban'),
    reason TEXT NOT NULL,
    moderator TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    ends_at_ms INTEGER,
    CHECK ((player_id IS NULL) <> (address IS NULL)),
    UNIQUE (player_id, kind)
  ) STRICT;
  CREATE INDEX sanctions_by_end ON sanctions (ends_at_ms) WHERE ends_at_ms IS NOT NULL;
  `,
  // What session tokens of the account must name to be good: raised, it makes those of before void.
  `
  ALTER TABLE accounts ADD COLUMN token_epoch INTEGER NOT NULL DEFAULT 0;
  `,
  // An invitation ends with the right of who made it.
  `
  CREATE INDEX guild_invites_by_inviter ON guild_invites (inviter_id);
  DELETE FROM guild_invites WHERE NOT EXISTS
    (SELECT 1 FROM guild_members WHERE player_id = inviter_id AND guild_members.guild_id = guild_invites.guild_id
      AND rank >= 1);
  `,
  // Where an account has logged in from, as limits count addresses.
  `
  CREATE TABLE login_addresses (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    seen_at_ms INTEGER NOT NULL,
    PRIMARY KEY (account_id, address)
  ) STRICT, WITHOUT ROWID;
  `,
  // What names look like, as no two new ones may be taken for each other. Names of before may.
  `
  CREATE TABLE account_looks (
    look TEXT NOT NULL,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    PRIMARY KEY (look, account_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX account_looks_by_account ON account_looks (account_id);
  INSERT INTO account_looks (look, account_id) SELECT look.value, accounts.id FROM accounts, json_each(looks_of(name)) AS look;

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
  // Who declared a war, and for which guild; 0: before it was noted.
  `
  ALTER TABLE guild_wars ADD COLUMN declaring_guild_id INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE guild_wars ADD COLUMN declarer_id INTEGER NOT NULL DEFAULT 0;
  `,
  // When an account is deleted, unless its player logs in before.
  `
  ALTER TABLE accounts ADD COLUMN delete_at_ms INTEGER;
  CREATE INDEX accounts_by_deletion ON accounts (delete_at_ms) WHERE delete_at_ms IS NOT NULL;
  `,
  // A war is its members' of when it began, and outlives its guilds. What was declared is remembered beyond the war.
  `
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
];

/**
 * Brings a database to the newest version: all missing steps in one transaction, or none. Two processes that start at
 * once wait for each other.
 *
 * @returns The version the database had before.
 * @throws {ConfigError} when the database is newer than `migrations`, or not ours.
 */
export function migrate(database: DatabaseSync, migrations: readonly string[] = MIGRATIONS): number {
  database.function("looks_of", { deterministic: true }, (name) => JSON.stringify(looksOf(String(name))));
  database.exec("BEGIN IMMEDIATE");
  try {
    const version = readNumber(database, "PRAGMA user_version");
    checkOwner(database);
    if (version > migrations.length) {
      throw new ConfigError([
        `Cannot use database: its schema has version ${version}, this program knows versions up to ` +
        `${migrations.length}; start the newer program`,
      ]);
    }
    for (const step of migrations.slice(version)) database.exec(step);
    if (version < migrations.length) {
      database.exec(`PRAGMA user_version = ${migrations.length}; PRAGMA application_id = ${APPLICATION_ID}`);
    }
    database.exec("COMMIT");
    return version;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function checkOwner(database: DatabaseSync): void {
  if (readNumber(database, "PRAGMA application_id") === APPLICATION_ID) return;
  if (readNumber(database, "SELECT count(*) FROM sqlite_schema") === 0) return;
  throw new ConfigError(["Cannot use database: its file belongs to another program"]);
}

function readNumber(database: DatabaseSync, sql: string): number {
  return Number(Object.values(database.prepare(sql).get() ?? {})[0]);
}
