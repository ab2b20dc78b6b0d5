/** The directory of nodes and players in a database. @module */

import { STORAGE_ROWS_MAX } from "../../shared/limits.ts";
import { type Sql, type SqlValue, statement } from "../storage/sql.ts";
import { checkId, checkRows } from "../storage/storage_checks.ts";
import type { HandlersOf } from "../storage/store.ts";
import { STORED_CHARACTERS } from "../storage/stored_characters.ts";
import type {
  DIRECTORY,
  NodeEntry,
  NodeId,
  NODES,
  Ownership,
  SessionMark,
  SessionPlace,
  SessionQuery,
} from "./directory_store.ts";

/** A lease that is held: `now_ms()` is the database's clock, in Unix milliseconds. */
const IS_HELD = "lease_until_ms > now_ms()";

interface NodeRow extends Omit<NodeEntry, "isDraining"> {
  readonly isDraining: number;
}

const INSERT_NODE = statement(
  `INSERT INTO nodes (server_id, incarnation, server_name, host, game_port, gateway_url, current_players, max_players,
      is_draining, lease_until_ms, joined_at_ms)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, now_ms() + ?10, now_ms())
    ON CONFLICT (server_id) DO UPDATE SET incarnation = excluded.incarnation, server_name = excluded.server_name,
      host = excluded.host, game_port = excluded.game_port, gateway_url = excluded.gateway_url,
      current_players = excluded.current_players, max_players = excluded.max_players,
      is_draining = excluded.is_draining, lease_until_ms = excluded.lease_until_ms,
      joined_at_ms = excluded.joined_at_ms
    WHERE nodes.incarnation = excluded.incarnation OR nodes.lease_until_ms <= now_ms()`,
);
const RENEW = statement(
  `UPDATE nodes SET current_players = ?3, max_players = ?4, is_draining = ?5, lease_until_ms = now_ms() + ?6
    WHERE server_id = ?1 AND incarnation = ?2`,
);
const DELETE_NODE = statement("DELETE FROM nodes WHERE server_id = ? AND incarnation = ?");
const NODE_COLUMNS =
  `server_id AS serverId, incarnation, server_name AS serverName, host, game_port AS gamePort, gateway_url AS gatewayUrl,
      current_players AS currentPlayers, max_players AS maxPlayers, is_draining AS isDraining`;
const SELECT_NODES = statement<NodeRow>(`SELECT ${NODE_COLUMNS} FROM nodes WHERE ${IS_HELD} ORDER BY server_id`);
const SELECT_NODE = statement<NodeRow>(
  `SELECT ${NODE_COLUMNS} FROM nodes WHERE server_id = ? AND incarnation = ? AND ${IS_HELD}`,
);
const HOLDS_LEASE = statement(`SELECT 1 AS found FROM nodes WHERE server_id = ? AND incarnation = ? AND ${IS_HELD}`);
/** Nothing is changed while another node that holds its lease owns the player. */
const CLAIM = statement<{ readonly epoch: number }>(
  `INSERT INTO player_owners (player_id, epoch, server_id, incarnation, character_id, token_hash, previous_token_hash,
      token_epoch)
    VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6, (SELECT accounts.token_epoch FROM accounts WHERE accounts.id = ?1))
    ON CONFLICT (player_id) DO UPDATE SET epoch = player_owners.epoch + 1, server_id = excluded.server_id,
      incarnation = excluded.incarnation, is_wanted = 0, character_id = excluded.character_id,
      token_hash = excluded.token_hash, previous_token_hash = excluded.previous_token_hash,
      token_epoch = excluded.token_epoch
    WHERE player_owners.incarnation IS NULL OR player_owners.incarnation = excluded.incarnation OR NOT EXISTS
      (SELECT 1 FROM nodes WHERE nodes.server_id = player_owners.server_id
        AND nodes.incarnation = player_owners.incarnation AND ${IS_HELD})
    RETURNING epoch`,
);
/** Who comes to the node it is on is wanted there: another that still waits for it says so again. */
const MARK = statement(
  `UPDATE player_owners SET character_id = ?3, token_hash = ?4, previous_token_hash = ?5, token_epoch = ?6, is_wanted = 0
    WHERE player_id = ?1 AND epoch = ?2 AND incarnation IS NOT NULL AND EXISTS
      (SELECT 1 FROM accounts WHERE accounts.id = player_owners.player_id AND accounts.token_epoch = ?6)`,
);
interface SessionRow {
  readonly playerId: number;
  readonly characterId: number;
  readonly serverId: number | null;
  readonly incarnation: string | null;
  /** When its node is gone, or was last known to be there; null: it left in order. */
  readonly leaseUntilMs: number | null;
  readonly nowMs: number;
  /** Until when it is kept where its node handed it over. */
  readonly untilMs: number | null;
}
/** A token is void once those of its account are, whoever has revoked them. A node that came back has let go of all. */
const SELECT_SESSION = statement<SessionRow>(
  `SELECT player_owners.player_id AS playerId, character_id AS characterId, player_owners.server_id AS serverId,
      player_owners.incarnation, handed_over_sessions.until_ms AS untilMs, now_ms() AS nowMs,
      CASE WHEN nodes.incarnation = player_owners.incarnation THEN nodes.lease_until_ms ELSE nodes.joined_at_ms END
        AS leaseUntilMs
    FROM player_owners
    JOIN accounts ON accounts.id = player_owners.player_id AND accounts.token_epoch = player_owners.token_epoch
    LEFT JOIN nodes ON nodes.server_id = player_owners.server_id
    LEFT JOIN handed_over_sessions ON handed_over_sessions.player_id = player_owners.player_id
      AND handed_over_sessions.epoch = player_owners.epoch
    WHERE token_hash = ?1 OR previous_token_hash = ?1`,
);
const SELECT_HANDED_OVER = statement<{ readonly session: Uint8Array }>(
  "SELECT session FROM handed_over_sessions WHERE player_id = ? AND until_ms = ?",
);
const INSERT_HANDED_OVER = statement(
  `INSERT INTO handed_over_sessions (player_id, epoch, until_ms, session) VALUES (?1, ?2, now_ms() + ?3, ?4)
    ON CONFLICT (player_id) DO UPDATE SET epoch = excluded.epoch, until_ms = excluded.until_ms,
      session = excluded.session`,
);
/** One that is taken stays without what was in it, until its time is over: nobody else can bring it to an end. */
const EMPTY_HANDED_OVER = statement("UPDATE handed_over_sessions SET session = ?2 WHERE player_id = ?1");
const LOCK_TEXT = "SELECT 1 AS found FROM player_owners WHERE player_id = ?";
const LOCK = statement(LOCK_TEXT, `${LOCK_TEXT} FOR SHARE`);
const IS_TAKEN = statement(
  "SELECT 1 AS found FROM handed_over_sessions WHERE player_id = ? AND epoch = ? AND length(session) = 0",
);
const EXPIRED_TEXT = "SELECT player_id FROM handed_over_sessions WHERE until_ms <= now_ms()";
const DELETE_TEXT = "DELETE FROM handed_over_sessions WHERE player_id IN";
/** No renewal waits for somebody who takes or hands over a session: those are deleted by the next. */
const DELETE_HANDED_OVER = statement(
  `${DELETE_TEXT} (${EXPIRED_TEXT})`,
  `${DELETE_TEXT} (${EXPIRED_TEXT} FOR UPDATE SKIP LOCKED)`,
);
const WANT = statement("UPDATE player_owners SET is_wanted = 1 WHERE player_id = ? AND is_wanted = 0");
const SELECT_WANTED = statement<Ownership>(
  `SELECT player_id AS playerId, epoch FROM player_owners WHERE is_wanted = 1 AND server_id = ? AND incarnation = ?
    ORDER BY player_id LIMIT ${STORAGE_ROWS_MAX}`,
);
const SELECT_OWNER = statement<NodeId>(
  `SELECT player_owners.server_id AS serverId, player_owners.incarnation FROM player_owners JOIN nodes
      ON nodes.server_id = player_owners.server_id AND nodes.incarnation = player_owners.incarnation
    WHERE player_id = ? AND ${IS_HELD}`,
);
const OWNS_TEXT = "SELECT 1 AS found FROM player_owners WHERE player_id = ? AND epoch = ? AND incarnation IS NOT NULL";
/** Finds a row while an ownership holds, and keeps it so until the transaction, which writes, ends. */
export const OWNS = statement(OWNS_TEXT, `${OWNS_TEXT} FOR SHARE`);
const IS_OWNED = statement(OWNS_TEXT);
const RELEASE = statement(
  `UPDATE player_owners SET server_id = NULL, incarnation = NULL, is_wanted = 0, token_hash = NULL,
      previous_token_hash = NULL
    WHERE player_id = ? AND epoch = ?`,
);
const HAND_OVER = statement<{ readonly epoch: number }>(
  `UPDATE player_owners SET epoch = epoch + 1, server_id = NULL, incarnation = NULL, is_wanted = 0, character_id = ?3,
      token_hash = ?4, previous_token_hash = ?5
    WHERE player_id = ?1 AND epoch = ?2 AND incarnation IS NOT NULL RETURNING epoch`,
);

/**
 * Whether a session that was handed over under this ownership goes on at another node. If not, none takes it before the
 * transaction that asks, which writes, ends.
 */
export function* isTaken({ playerId, epoch }: Ownership): Sql<boolean> {
  yield* LOCK.get(playerId);
  // The epoch ended when it was handed over.
  return (yield* IS_TAKEN.get(playerId, epoch + 1)) !== undefined;
}

/** Nodes. */
export const STORED_NODES: HandlersOf<typeof NODES> = {
  *join({ node, leaseMs }) {
    checkId(node.serverId, "serverId");
    checkId(leaseMs, "leaseMs");
    return (yield* INSERT_NODE.run(...valuesOf(node), leaseMs)) > 0 ? "joined" : "taken";
  },
  *renew({ node: { serverId, incarnation }, load: { currentPlayers, maxPlayers, isDraining }, leaseMs }) {
    checkId(leaseMs, "leaseMs");
    const values = [serverId, incarnation, currentPlayers, maxPlayers, Number(isDraining), leaseMs];
    const hadLapsed = (yield* HOLDS_LEASE.get(serverId, incarnation)) === undefined;
    const isHeld = (yield* RENEW.run(...values)) > 0;
    const wanted = yield* SELECT_WANTED.all(serverId, incarnation);
    yield* DELETE_HANDED_OVER.run();
    return { isHeld, hadLapsed, wanted };
  },
  *leave({ serverId, incarnation }) {
    yield* DELETE_NODE.run(serverId, incarnation);
  },
  *list() {
    return (yield* SELECT_NODES.all()).map(nodeOf);
  },
};

/** The players they own. */
export const STORED_DIRECTORY: HandlersOf<typeof DIRECTORY> = {
  *claim({ playerId, node: { serverId, incarnation }, mark, asks = true }) {
    checkId(playerId, "playerId");
    if ((yield* HOLDS_LEASE.get(serverId, incarnation)) === undefined) return { kind: "lapsed" };
    const claimed = yield* CLAIM.get(playerId, serverId, incarnation, ...marksOf(mark));
    if (claimed !== undefined) return { kind: "claimed", epoch: claimed.epoch };
    const owner = yield* SELECT_OWNER.get(playerId);
    if (owner !== undefined && asks) yield* WANT.run(playerId);
    // Only a lease that lapsed between the two statements leaves nobody; the next attempt finds the way free.
    return owner === undefined ? { kind: "lapsed" } : { kind: "owned", owner };
  },
  *release({ playerId, epoch }) {
    yield* RELEASE.run(playerId, epoch);
  },
  *mark({ playerId, epoch, mark, tokenEpoch }) {
    checkId(playerId, "playerId");
    if ((yield* MARK.run(playerId, epoch, ...marksOf(mark), tokenEpoch)) > 0) return "marked";
    return (yield* IS_OWNED.get(playerId, epoch)) === undefined ? "fenced" : "void";
  },
  *handOver({ playerId, epoch, character, mark, session, graceMs }) {
    checkId(graceMs, "graceMs");
    // Under the epoch that ends with it.
    if (character !== undefined) yield* STORED_CHARACTERS.save({ ...character, owner: { playerId, epoch } });
    const given = yield* HAND_OVER.get(playerId, epoch, ...marksOf(mark));
    if (given !== undefined) yield* INSERT_HANDED_OVER.run(playerId, given.epoch, graceMs, session);
    return given !== undefined;
  },
  *findSession(query) {
    const row = yield* SELECT_SESSION.get(query.tokenHash);
    return row === undefined ? { kind: "over" } : yield* placeOf(row, query);
  },
  *takeSession({ tokenHash, nextTokenHash, graceMs, node: { serverId, incarnation } }) {
    if ((yield* HOLDS_LEASE.get(serverId, incarnation)) === undefined) return { kind: "lapsed" };
    const row = yield* SELECT_SESSION.get(tokenHash);
    if (row === undefined) return { kind: "over" };
    const place = yield* placeOf(row, { tokenHash, graceMs });
    if (place.kind === "over" || place.kind === "owned" && place.owner.incarnation !== incarnation) return place;
    const { characterId, playerId, untilMs } = row;
    const mark = { characterId, tokenHash: nextTokenHash, previousTokenHash: tokenHash };
    const handedOver = untilMs === null ? undefined : yield* SELECT_HANDED_OVER.get(playerId, untilMs);
    const claimed = yield* CLAIM.get(playerId, serverId, incarnation, ...marksOf(mark));
    // Another one's lease that was renewed between the two statements.
    if (claimed === undefined) return { kind: "lapsed" };
    if (handedOver !== undefined) yield* EMPTY_HANDED_OVER.run(playerId, new Uint8Array(0));
    return { kind: "taken", playerId, epoch: claimed.epoch, characterId, session: handedOver?.session ?? null };
  },
  // Who writes to a store waits for those who do already: that is all it is for
  *settle() {},
  *lost(owned) {
    checkRows(owned.length);
    const lost: number[] = [];
    for (const { playerId, epoch } of owned) {
      if ((yield* IS_OWNED.get(playerId, epoch)) === undefined) lost.push(playerId);
    }
    return lost;
  },
  *ownerOf(playerId) {
    checkId(playerId, "playerId");
    return yield* SELECT_OWNER.get(playerId);
  },
};

function valuesOf(node: NodeEntry): SqlValue[] {
  const { serverId, incarnation, serverName, host, gamePort, gatewayUrl } = node;
  const { currentPlayers, maxPlayers, isDraining } = node;
  return [
    ...[serverId, incarnation, serverName, host, gamePort, gatewayUrl],
    ...[currentPlayers, maxPlayers, Number(isDraining)],
  ];
}

/** Where a session that is in the database is. */
function* placeOf(row: SessionRow, { graceMs }: SessionQuery): Sql<SessionPlace> {
  checkId(graceMs, "graceMs");
  const { characterId, incarnation, leaseUntilMs, nowMs, playerId, serverId, untilMs } = row;
  const free = { kind: "free", playerId, characterId } as const, over = { kind: "over" } as const;
  if (incarnation === null) return untilMs !== null && untilMs > nowMs ? free : over;
  const owner = yield* SELECT_NODE.get(serverId, incarnation);
  if (owner !== undefined) {
    const leaseLeftMs = Math.max(0, leaseUntilMs! - nowMs);
    return { kind: "owned", playerId, characterId, owner: nodeOf(owner), leaseLeftMs };
  }
  return leaseUntilMs !== null && leaseUntilMs + graceMs > nowMs ? free : over;
}

function nodeOf(row: NodeRow): NodeEntry {
  return { ...row, isDraining: row.isDraining === 1 };
}

function marksOf({ characterId, tokenHash, previousTokenHash }: SessionMark): SqlValue[] {
  checkId(characterId, "characterId");
  return [characterId, tokenHash, previousTokenHash];
}
