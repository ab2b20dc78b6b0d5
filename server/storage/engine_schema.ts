/** What the engine keeps in SQLite, as the steps that lead there. @module */

import type { SchemaStep } from "./schema.ts";

/** Tables of the engine. A step that has been released is never changed; a change is a new step at the end. */
export const ENGINE_SCHEMA: readonly SchemaStep[] = [
  // AUTOINCREMENT: the id of a deleted account is in tokens and must never name another player.
  // The check keeps ids exact as JavaScript numbers.
  {
    was: 1,
    sql: `
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
  },
  // A sanction is for a player or for addresses.
  {
    was: 4,
    sql: `
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
  },
  // What session tokens of the account must name to be good: raised, it makes those of before void.
  {
    was: 5,
    sql: `
  ALTER TABLE accounts ADD COLUMN token_epoch INTEGER NOT NULL DEFAULT 0;
  `,
  },
  // Where an account has logged in from, as limits count addresses.
  {
    was: 7,
    sql: `
  CREATE TABLE login_addresses (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    seen_at_ms INTEGER NOT NULL,
    PRIMARY KEY (account_id, address)
  ) STRICT, WITHOUT ROWID;
  `,
  },
  // What names look like, as no two new ones may be taken for each other. Names of before may.
  {
    was: 8,
    sql: `
  CREATE TABLE account_looks (
    look TEXT NOT NULL,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    PRIMARY KEY (look, account_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX account_looks_by_account ON account_looks (account_id);
  INSERT INTO account_looks (look, account_id) SELECT look.value, accounts.id FROM accounts, json_each(looks_of(name)) AS look;
  `,
  },
  // When an account is deleted, unless its player logs in before.
  {
    was: 10,
    sql: `
  ALTER TABLE accounts ADD COLUMN delete_at_ms INTEGER;
  CREATE INDEX accounts_by_deletion ON accounts (delete_at_ms) WHERE delete_at_ms IS NOT NULL;
  `,
  },
  // What games keep as bytes. Revisions are never given twice, so that none stands for two states of a document.
  {
    sql: `
  CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    collection TEXT NOT NULL,
    key TEXT NOT NULL,
    player_id INTEGER REFERENCES accounts (id) ON DELETE CASCADE,
    revision INTEGER NOT NULL CHECK (revision > 0),
    version INTEGER NOT NULL CHECK (version > 0),
    bytes BLOB NOT NULL,
    UNIQUE (collection, key)
  ) STRICT;
  CREATE INDEX documents_by_player ON documents (player_id) WHERE player_id IS NOT NULL;
  CREATE INDEX documents_by_version ON documents (collection, version);

  CREATE TABLE document_indexes (
    document_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    collection TEXT NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (document_id, name)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX document_indexes_by_value ON document_indexes (collection, name, value);

  CREATE TABLE document_revisions (id INTEGER PRIMARY KEY CHECK (id = 1), last INTEGER NOT NULL) STRICT;
  INSERT INTO document_revisions (id, last) VALUES (1, 0);

  CREATE TABLE receipts (
    id INTEGER PRIMARY KEY,
    player_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    request_key INTEGER NOT NULL,
    reply BLOB NOT NULL,
    at_ms INTEGER NOT NULL,
    UNIQUE (player_id, request_key)
  ) STRICT;
  CREATE INDEX receipts_by_time ON receipts (at_ms);
  `,
  },
  // Components that a game keeps with the character, as an EntityUpdate that has nothing else; NULL: none.
  { sql: "ALTER TABLE characters ADD COLUMN components BLOB;" },
  // Which nodes there are, and whose each player is; see `server/cluster/`. No incarnation: nobody's.
  {
    sql: `
  CREATE TABLE nodes (
    server_id INTEGER PRIMARY KEY,
    incarnation TEXT NOT NULL,
    server_name TEXT NOT NULL,
    host TEXT NOT NULL,
    game_port INTEGER NOT NULL,
    gateway_url TEXT NOT NULL,
    current_players INTEGER NOT NULL,
    max_players INTEGER NOT NULL,
    is_draining INTEGER NOT NULL,
    lease_until_ms INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE player_owners (
    player_id INTEGER PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    epoch INTEGER NOT NULL CHECK (epoch > 0),
    server_id INTEGER,
    incarnation TEXT,
    is_wanted INTEGER NOT NULL DEFAULT 0,
    CHECK ((server_id IS NULL) = (incarnation IS NULL))
  ) STRICT;
  CREATE INDEX player_owners_by_want ON player_owners (server_id) WHERE is_wanted = 1;
  `,
  },
  // By which tokens each player's session is resumed, and sessions that wait for their clients on no node.
  {
    sql: `
  ALTER TABLE nodes ADD COLUMN joined_at_ms INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE player_owners ADD COLUMN character_id INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE player_owners ADD COLUMN token_epoch INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE player_owners ADD COLUMN token_hash TEXT;
  ALTER TABLE player_owners ADD COLUMN previous_token_hash TEXT;
  CREATE INDEX player_owners_by_token ON player_owners (token_hash) WHERE token_hash IS NOT NULL;
  CREATE INDEX player_owners_by_previous_token ON player_owners (previous_token_hash)
    WHERE previous_token_hash IS NOT NULL;

  CREATE TABLE handed_over_sessions (
    player_id INTEGER PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    epoch INTEGER NOT NULL CHECK (epoch > 0),
    until_ms INTEGER NOT NULL,
    session BLOB NOT NULL
  ) STRICT;
  CREATE INDEX handed_over_sessions_by_time ON handed_over_sessions (until_ms);
  `,
  },
  // A receipt is of a request of one type; those of before, which last a day, are of all.
  {
    sql: `
  CREATE TABLE typed_receipts (
    id INTEGER PRIMARY KEY,
    player_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    request_type INTEGER NOT NULL,
    request_key INTEGER NOT NULL,
    reply BLOB NOT NULL,
    at_ms INTEGER NOT NULL,
    UNIQUE (player_id, request_type, request_key)
  ) STRICT;
  INSERT INTO typed_receipts SELECT id, player_id, 0, request_key, reply, at_ms FROM receipts;
  DROP TABLE receipts;
  ALTER TABLE typed_receipts RENAME TO receipts;
  CREATE INDEX receipts_by_time ON receipts (at_ms);
  `,
  },
];

/**
 * The same tables in PostgreSQL, as its own steps. A step that has been released is never changed. While servers are
 * upgraded one after the other, those of the version before go on: a step adds, and what it makes superfluous goes with
 * a later version.
 */
export const ENGINE_SCHEMA_POSTGRES: readonly string[] = [
  // Identities are never given again. Texts that are compared have the order of their bytes, as in SQLite.
  `
  CREATE TABLE accounts (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY CHECK (id BETWEEN 1 AND 9007199254740991),
    name TEXT NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL UNIQUE,
    password_verifier TEXT,
    created_at_ms BIGINT NOT NULL,
    token_epoch BIGINT NOT NULL DEFAULT 0,
    delete_at_ms BIGINT
  );
  CREATE INDEX accounts_by_deletion ON accounts (delete_at_ms) WHERE delete_at_ms IS NOT NULL;

  CREATE TABLE characters (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY CHECK (id BETWEEN 1 AND 9007199254740991),
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    map_id BIGINT,
    x DOUBLE PRECISION,
    y DOUBLE PRECISION,
    z DOUBLE PRECISION,
    yaw DOUBLE PRECISION,
    hp DOUBLE PRECISION,
    components BYTEA,
    CHECK (num_nulls(map_id, x, y, z, yaw, hp) IN (0, 6))
  );
  CREATE INDEX characters_by_account ON characters (account_id, id);

  CREATE TABLE health (id INTEGER PRIMARY KEY CHECK (id = 1), probes BIGINT NOT NULL);
  INSERT INTO health (id, probes) VALUES (1, 0);

  CREATE TABLE sanctions (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY CHECK (id BETWEEN 1 AND 9007199254740991),
    kind TEXT NOT NULL CHECK (kind IN ('mute', 'ban')),
    player_id BIGINT REFERENCES accounts (id) ON DELETE CASCADE,
    address TEXT COLLATE "C" UNIQUE CHECK (address IS NULL OR kind = 'ban'),
    reason TEXT NOT NULL,
    moderator TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    ends_at_ms BIGINT,
    CHECK ((player_id IS NULL) <> (address IS NULL)),
    UNIQUE (player_id, kind)
  );
  CREATE INDEX sanctions_by_end ON sanctions (ends_at_ms) WHERE ends_at_ms IS NOT NULL;

  CREATE TABLE login_addresses (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    address TEXT COLLATE "C" NOT NULL,
    seen_at_ms BIGINT NOT NULL,
    PRIMARY KEY (account_id, address)
  );

  CREATE TABLE account_looks (
    look TEXT COLLATE "C" NOT NULL,
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    PRIMARY KEY (look, account_id)
  );
  CREATE INDEX account_looks_by_account ON account_looks (account_id);

  -- Which nodes there are, and whose each player is.
  CREATE TABLE nodes (
    server_id BIGINT PRIMARY KEY,
    incarnation TEXT NOT NULL,
    server_name TEXT NOT NULL,
    host TEXT NOT NULL,
    game_port BIGINT NOT NULL,
    gateway_url TEXT NOT NULL,
    current_players BIGINT NOT NULL,
    max_players BIGINT NOT NULL,
    is_draining BIGINT NOT NULL,
    lease_until_ms BIGINT NOT NULL
  );

  CREATE TABLE player_owners (
    player_id BIGINT PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    epoch BIGINT NOT NULL CHECK (epoch > 0),
    server_id BIGINT,
    incarnation TEXT,
    is_wanted BIGINT NOT NULL DEFAULT 0,
    CHECK ((server_id IS NULL) = (incarnation IS NULL))
  );
  CREATE INDEX player_owners_by_want ON player_owners (server_id) WHERE is_wanted = 1;

  CREATE TABLE documents (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY CHECK (id BETWEEN 1 AND 9007199254740991),
    collection TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    player_id BIGINT REFERENCES accounts (id) ON DELETE CASCADE,
    revision BIGINT NOT NULL CHECK (revision > 0),
    version BIGINT NOT NULL CHECK (version > 0),
    bytes BYTEA NOT NULL,
    UNIQUE (collection, key)
  );
  CREATE INDEX documents_by_player ON documents (player_id) WHERE player_id IS NOT NULL;
  CREATE INDEX documents_by_version ON documents (collection, version);

  CREATE TABLE document_indexes (
    document_id BIGINT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    collection TEXT COLLATE "C" NOT NULL,
    value DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (document_id, name)
  );
  CREATE INDEX document_indexes_by_value ON document_indexes (collection, name, value);

  CREATE SEQUENCE document_revisions;

  CREATE TABLE receipts (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY CHECK (id BETWEEN 1 AND 9007199254740991),
    player_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    request_key BIGINT NOT NULL,
    reply BYTEA NOT NULL,
    at_ms BIGINT NOT NULL,
    UNIQUE (player_id, request_key)
  );
  CREATE INDEX receipts_by_time ON receipts (at_ms);

  -- What all nodes must know and nobody else may.
  CREATE TABLE secrets (name TEXT PRIMARY KEY, bytes BYTEA NOT NULL);
  `,
  // By which tokens each player's session is resumed, and sessions that wait for their clients on no node.
  `
  ALTER TABLE nodes ADD COLUMN joined_at_ms BIGINT NOT NULL DEFAULT 0;
  ALTER TABLE player_owners ADD COLUMN character_id BIGINT NOT NULL DEFAULT 0;
  ALTER TABLE player_owners ADD COLUMN token_epoch BIGINT NOT NULL DEFAULT 0;
  ALTER TABLE player_owners ADD COLUMN token_hash TEXT;
  ALTER TABLE player_owners ADD COLUMN previous_token_hash TEXT;
  CREATE INDEX player_owners_by_token ON player_owners (token_hash) WHERE token_hash IS NOT NULL;
  CREATE INDEX player_owners_by_previous_token ON player_owners (previous_token_hash)
    WHERE previous_token_hash IS NOT NULL;

  CREATE TABLE handed_over_sessions (
    player_id BIGINT PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    epoch BIGINT NOT NULL CHECK (epoch > 0),
    until_ms BIGINT NOT NULL,
    session BYTEA NOT NULL
  );
  CREATE INDEX handed_over_sessions_by_time ON handed_over_sessions (until_ms);
  `,
  // A receipt is of a request of one type; those of before, which last a day, are of all.
  `
  ALTER TABLE receipts ADD COLUMN request_type BIGINT NOT NULL DEFAULT 0;
  ALTER TABLE receipts DROP CONSTRAINT receipts_player_id_request_key_key;
  ALTER TABLE receipts ADD UNIQUE (player_id, request_type, request_key);
  `,
  // Documents with equal numbers are found in their order, without all of them being sorted; SQLite's index has it.
  `
  DROP INDEX document_indexes_by_value;
  CREATE INDEX document_indexes_by_value ON document_indexes (collection, name, value, document_id);
  `,
];
