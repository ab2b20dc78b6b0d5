/** The directory of nodes and players in a database. @module */

import { STORAGE_ROWS_MAX } from "../../shared/limits.ts";
import { type SqlValue, statement } from "../storage/sql.ts";
import { checkId, checkRows } from "../storage/storage_checks.ts";
import type { HandlersOf } from "../storage/store.ts";
import type { DIRECTORY, NodeEntry, NodeId, Ownership } from "./directory_store.ts";

/** A lease that is held: `now_ms()` is the database's clock, in Unix milliseconds. */
const IS_HELD = "lease_until_ms > now_ms()";

interface NodeRow extends Omit<NodeEntry, "isDraining"> {
  readonly isDraining: number;
}

const INSERT_NODE = statement(
  `INSERT INTO nodes (server_id, incarnation, server_name, host, game_port, gateway_url, current_players, max_players,
      is_draining, lease_until_ms)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, now_ms() + ?10)
    ON CONFLICT (server_id) DO UPDATE SET incarnation = excluded.incarnation, server_name = excluded.server_name,
      host = excluded.host, game_port = excluded.game_port, gateway_url = excluded.gateway_url,
      current_players = excluded.current_players, max_players = excluded.max_players,
      is_draining = excluded.is_draining, lease_until_ms = excluded.lease_until_ms
    WHERE nodes.incarnation = excluded.incarnation OR nodes.lease_until_ms <= now_ms()`,
);
const RENEW = statement(
  `UPDATE nodes SET current_players = ?3, max_players = ?4, is_draining = ?5, lease_until_ms = now_ms() + ?6
    WHERE server_id = ?1 AND incarnation = ?2`,
);
const DELETE_NODE = statement("DELETE FROM nodes WHERE server_id = ? AND incarnation = ?");
const SELECT_NODES = statement<NodeRow>(
  `SELECT server_id AS serverId, incarnation, server_name AS serverName, host, game_port AS gamePort,
      gateway_url AS gatewayUrl, current_players AS currentPlayers, max_players AS maxPlayers,
      is_draining AS isDraining
    FROM nodes WHERE ${IS_HELD} ORDER BY server_id`,
);
const HOLDS_LEASE = statement(`SELECT 1 AS found FROM nodes WHERE server_id = ? AND incarnation = ? AND ${IS_HELD}`);
/** Nothing is changed while another node that holds its lease owns the player. */
const CLAIM = statement<{ readonly epoch: number }>(
  `INSERT INTO player_owners (player_id, epoch, server_id, incarnation) VALUES (?1, 1, ?2, ?3)
    ON CONFLICT (player_id) DO UPDATE SET epoch = player_owners.epoch + 1, server_id = excluded.server_id,
      incarnation = excluded.incarnation, is_wanted = 0
    WHERE player_owners.incarnation IS NULL OR player_owners.incarnation = excluded.incarnation OR NOT EXISTS
      (SELECT 1 FROM nodes WHERE nodes.server_id = player_owners.server_id
        AND nodes.incarnation = player_owners.incarnation AND ${IS_HELD})
    RETURNING epoch`,
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
  "UPDATE player_owners SET server_id = NULL, incarnation = NULL, is_wanted = 0 WHERE player_id = ? AND epoch = ?",
);
const HAND_OVER = statement<{ readonly epoch: number }>(
  `UPDATE player_owners SET epoch = epoch + 1, server_id = ?3, incarnation = ?4, is_wanted = 0
    WHERE player_id = ?1 AND epoch = ?2 AND incarnation IS NOT NULL RETURNING epoch`,
);

/** Nodes and the players they own. */
export const STORED_DIRECTORY: HandlersOf<typeof DIRECTORY> = {
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
    return { isHeld, hadLapsed, wanted: yield* SELECT_WANTED.all(serverId, incarnation) };
  },
  *leave({ serverId, incarnation }) {
    yield* DELETE_NODE.run(serverId, incarnation);
  },
  *nodes() {
    return (yield* SELECT_NODES.all()).map((row) => ({ ...row, isDraining: row.isDraining === 1 }));
  },
  *claim({ playerId, node: { serverId, incarnation } }) {
    checkId(playerId, "playerId");
    if ((yield* HOLDS_LEASE.get(serverId, incarnation)) === undefined) return { kind: "lapsed" };
    const claimed = yield* CLAIM.get(playerId, serverId, incarnation);
    if (claimed !== undefined) return { kind: "claimed", epoch: claimed.epoch };
    const owner = yield* SELECT_OWNER.get(playerId);
    if (owner !== undefined) yield* WANT.run(playerId);
    // Only a lease that lapsed between the two statements leaves nobody; the next attempt finds the way free.
    return owner === undefined ? { kind: "lapsed" } : { kind: "owned", owner };
  },
  *release({ playerId, epoch }) {
    yield* RELEASE.run(playerId, epoch);
  },
  *handOver({ playerId, epoch, to: { serverId, incarnation } }) {
    if ((yield* HOLDS_LEASE.get(serverId, incarnation)) === undefined) return 0;
    return (yield* HAND_OVER.get(playerId, epoch, serverId, incarnation))?.epoch ?? 0;
  },
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
