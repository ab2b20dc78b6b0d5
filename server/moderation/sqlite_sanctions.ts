/** Mutes and bans in SQLite. @module */

import type { DatabaseSync } from "node:sqlite";
import { ADDRESS_BANS_MAX, EXPIRED_DELETED_MAX } from "../../shared/limits.ts";
import { type Sanction, SANCTIONS, type SanctionTarget } from "./sanction_store.ts";
import { checkId, checkRows } from "../storage/storage_checks.ts";
import type { HandlersOf } from "../storage/store.ts";

const SELECT = `SELECT kind, player_id AS playerId, name AS playerName, address, reason, moderator,
  sanctions.created_at_ms AS createdAtMs, ends_at_ms AS endsAtMs
  FROM sanctions LEFT JOIN accounts ON accounts.id = player_id`;
const STANDS = "(ends_at_ms IS NULL OR ends_at_ms > ?1)";

/** Prepares the statements for mutes and bans. */
export function sqliteSanctions(database: DatabaseSync): HandlersOf<typeof SANCTIONS> {
  const deleteEnded = database.prepare(
    `DELETE FROM sanctions WHERE id IN (SELECT id FROM sanctions WHERE ends_at_ms <= ? LIMIT ${EXPIRED_DELETED_MAX})`,
  );
  const deleteOne = database.prepare("DELETE FROM sanctions WHERE kind = ?1 AND (player_id = ?2 OR address = ?3)");
  const deleteStanding = database.prepare(
    `DELETE FROM sanctions WHERE ${STANDS} AND kind = ?2 AND (player_id = ?3 OR address = ?4)`,
  );
  const countAddresses = database.prepare(
    `SELECT count(*) AS count FROM sanctions WHERE ${STANDS} AND address IS NOT NULL`,
  );
  const countAddress = database.prepare(`SELECT count(*) AS count FROM sanctions WHERE ${STANDS} AND address = ?2`);
  const insert = database.prepare(
    `INSERT INTO sanctions (kind, player_id, address, reason, moderator, created_at_ms, ends_at_ms)
      VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const selectOfPlayer = database.prepare(`${SELECT} WHERE ${STANDS} AND player_id = ?2`);
  const selectOfAddresses = database.prepare(
    `${SELECT} WHERE ${STANDS} AND address IS NOT NULL ORDER BY sanctions.id LIMIT ${ADDRESS_BANS_MAX}`,
  );
  const selectAll = database.prepare(`${SELECT} WHERE ${STANDS} ORDER BY sanctions.id DESC LIMIT ?2`);
  const countOf = (statement: { get(...values: (number | string)[]): unknown }, ...values: (number | string)[]) =>
    Number((statement.get(...values) as { count: number }).count);

  return {
    set: ({ kind, playerId, address, reason, moderator, createdAtMs, endsAtMs }) => {
      checkTarget({ playerId, address });
      checkId(createdAtMs, "createdAtMs");
      if (endsAtMs !== null) checkId(endsAtMs, "endsAtMs");
      if (
        address !== null && countOf(countAddress, createdAtMs, address) === 0 &&
        countOf(countAddresses, createdAtMs) >= ADDRESS_BANS_MAX
      ) {
        return "full";
      }
      deleteOne.run(kind, playerId, address);
      insert.run(kind, playerId, address, reason, moderator, createdAtMs, endsAtMs);
      return "set";
    },
    lift: ({ kind, playerId, address, nowMs }) => {
      checkTarget({ playerId, address });
      checkId(nowMs, "nowMs");
      return Number(deleteStanding.run(nowMs, kind, playerId, address).changes) > 0;
    },
    ofPlayer: ({ playerId, nowMs }) => {
      checkId(playerId, "playerId");
      checkId(nowMs, "nowMs");
      const sanctions = sanctionsOf(selectOfPlayer.all(nowMs, playerId));
      const find = (wanted: string) => sanctions.find(({ kind }) => kind === wanted) ?? null;
      return { ban: find("ban"), mute: find("mute") };
    },
    ofAddresses: ({ nowMs }) => {
      checkId(nowMs, "nowMs");
      return sanctionsOf(selectOfAddresses.all(nowMs));
    },
    list: ({ nowMs, limit }) => {
      checkId(nowMs, "nowMs");
      checkRows(limit);
      return sanctionsOf(selectAll.all(nowMs, limit));
    },
    deleteEnded: ({ nowMs }) => {
      checkId(nowMs, "nowMs");
      return Number(deleteEnded.run(nowMs).changes);
    },
  };
}

/** Rows come without a prototype; callers and other threads get ordinary objects. */
function sanctionsOf(rows: readonly unknown[]): Sanction[] {
  return rows.map((row) => ({ ...row as Sanction }));
}

function checkTarget({ playerId, address }: SanctionTarget): void {
  if ((playerId === null) === (address === null)) {
    throw new RangeError("Cannot sanction both or neither of two targets");
  }
  if (playerId !== null) checkId(playerId, "playerId");
}
