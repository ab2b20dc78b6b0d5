/** Mutes and bans in a database. @module */

import { ADDRESS_BANS_MAX, EXPIRED_DELETED_MAX } from "../../shared/limits.ts";
import { type Sanction, type SANCTIONS, type SanctionTarget } from "./sanction_store.ts";
import { type Count, countOf, listOf, statement } from "../storage/sql.ts";
import { checkId, checkRows } from "../storage/storage_checks.ts";
import type { HandlersOf } from "../storage/store.ts";

const SELECT = `SELECT kind, player_id AS playerId, name AS playerName, address, reason, moderator,
  sanctions.created_at_ms AS createdAtMs, ends_at_ms AS endsAtMs
  FROM sanctions LEFT JOIN accounts ON accounts.id = player_id`;
const STANDS = "(ends_at_ms IS NULL OR ends_at_ms > ?1)";

const DELETE_ENDED = statement(
  `DELETE FROM sanctions WHERE id IN (SELECT id FROM sanctions WHERE ends_at_ms <= ? LIMIT ${EXPIRED_DELETED_MAX})`,
);
const DELETE_ONE = statement("DELETE FROM sanctions WHERE kind = ?1 AND (player_id = ?2 OR address = ?3)");
const DELETE_STANDING = statement(
  `DELETE FROM sanctions WHERE ${STANDS} AND kind = ?2 AND (player_id = ?3 OR address = ?4)`,
);
const COUNT_ADDRESSES: Count = statement(
  `SELECT count(*) AS count FROM sanctions WHERE ${STANDS} AND address IS NOT NULL`,
);
const COUNT_ADDRESS: Count = statement(`SELECT count(*) AS count FROM sanctions WHERE ${STANDS} AND address = ?2`);
const INSERT = statement(
  `INSERT INTO sanctions (kind, player_id, address, reason, moderator, created_at_ms, ends_at_ms)
    VALUES (?, ?, ?, ?, ?, ?, ?)`,
);
const SELECT_OF_PLAYER = statement<Sanction>(`${SELECT} WHERE ${STANDS} AND player_id = ?2`);
const SELECT_OF_PLAYERS = statement<Sanction>(
  `${SELECT} WHERE ${STANDS} AND player_id IN (SELECT value FROM ids(?2)) ORDER BY sanctions.id`,
);
const SELECT_OF_ADDRESSES = statement<Sanction>(
  `${SELECT} WHERE ${STANDS} AND address IS NOT NULL ORDER BY sanctions.id LIMIT ${ADDRESS_BANS_MAX}`,
);
const SELECT_ALL = statement<Sanction>(`${SELECT} WHERE ${STANDS} ORDER BY sanctions.id DESC LIMIT ?2`);

/** Mutes and bans. */
export const STORED_SANCTIONS: HandlersOf<typeof SANCTIONS> = {
  *set({ kind, playerId, address, reason, moderator, createdAtMs, endsAtMs }) {
    checkTarget({ playerId, address });
    checkId(createdAtMs, "createdAtMs");
    if (endsAtMs !== null) checkId(endsAtMs, "endsAtMs");
    if (
      address !== null && (yield* countOf(COUNT_ADDRESS, createdAtMs, address)) === 0 &&
      (yield* countOf(COUNT_ADDRESSES, createdAtMs)) >= ADDRESS_BANS_MAX
    ) {
      return "full";
    }
    yield* DELETE_ONE.run(kind, playerId, address);
    yield* INSERT.run(kind, playerId, address, reason, moderator, createdAtMs, endsAtMs);
    return "set";
  },
  *lift({ kind, playerId, address, nowMs }) {
    checkTarget({ playerId, address });
    checkId(nowMs, "nowMs");
    return (yield* DELETE_STANDING.run(nowMs, kind, playerId, address)) > 0;
  },
  *ofPlayer({ playerId, nowMs }) {
    checkId(playerId, "playerId");
    checkId(nowMs, "nowMs");
    const sanctions = yield* SELECT_OF_PLAYER.all(nowMs, playerId);
    const find = (wanted: string) => sanctions.find(({ kind }) => kind === wanted) ?? null;
    return { ban: find("ban"), mute: find("mute") };
  },
  *ofPlayers({ playerIds, nowMs }) {
    checkRows(playerIds.length);
    for (const playerId of playerIds) checkId(playerId, "playerId");
    checkId(nowMs, "nowMs");
    return yield* SELECT_OF_PLAYERS.all(nowMs, listOf(playerIds));
  },
  *ofAddresses({ nowMs }) {
    checkId(nowMs, "nowMs");
    return yield* SELECT_OF_ADDRESSES.all(nowMs);
  },
  *list({ nowMs, limit }) {
    checkId(nowMs, "nowMs");
    checkRows(limit);
    return yield* SELECT_ALL.all(nowMs, limit);
  },
  *deleteEnded({ nowMs }) {
    checkId(nowMs, "nowMs");
    return yield* DELETE_ENDED.run(nowMs);
  },
};

function checkTarget({ playerId, address }: SanctionTarget): void {
  if ((playerId === null) === (address === null)) {
    throw new RangeError("Cannot sanction both or neither of two targets");
  }
  if (playerId !== null) checkId(playerId, "playerId");
}
