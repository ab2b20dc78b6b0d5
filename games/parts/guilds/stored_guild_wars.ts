/** Wars of guilds in a database. @module */

import {
  GUILD_PEACE_MS_MAX,
  GUILD_WARS_AGAINST_MAX,
  GUILD_WARS_DAY_MS,
  GUILD_WARS_ENDED_MAX,
  GUILD_WARS_MAX,
  GUILD_WARS_PER_DAY_MAX,
} from "./limits.ts";
import {
  checkId,
  checkRows,
  type Count,
  countOf,
  type HandlersOf,
  type Sql,
  statement,
} from "../../../server/game/store.ts";
import {
  type EndedWar,
  type GuildRefusal,
  type GUILDS,
  type GuildTie,
  type GuildWar,
  type NewWar,
  RANK_OFFICER,
} from "./guild_store.ts";
import { findTie, memberOf, nextVersion, refused, tieOf } from "./stored_guild_rows.ts";

type Handlers = HandlersOf<typeof GUILDS>;

interface WarRow {
  readonly id: number;
  readonly low_guild_id: number;
  readonly high_guild_id: number;
  readonly low_name: string;
  readonly high_name: string;
  readonly low_kills: number;
  readonly high_kills: number;
  readonly ends_at_ms: number;
  readonly declarer_id: number;
  /** Whether the guild is still there. */
  readonly has_low: 0 | 1;
  readonly has_high: 0 | 1;
}

const WAR_COLUMNS = `id, low_guild_id, high_guild_id, low_name, high_name, low_kills, high_kills, ends_at_ms,
  declarer_id, CASE WHEN low_guild_id IN (SELECT id FROM guilds) THEN 1 ELSE 0 END AS has_low,
  CASE WHEN high_guild_id IN (SELECT id FROM guilds) THEN 1 ELSE 0 END AS has_high`;

const SELECT_WARS = statement<WarRow>(
  `SELECT ${WAR_COLUMNS} FROM guild_wars WHERE low_guild_id = ?1 OR high_guild_id = ?1 ORDER BY id`,
);
const INSERT_DECLARATION = statement(
  `INSERT INTO guild_declarations (declarer_id, guild_id, enemy_guild_id, declared_at_ms, peace_until_ms)
    VALUES (?, ?, ?, ?, ?)`,
);
const DELETE_DECLARATIONS = statement(
  "DELETE FROM guild_declarations WHERE peace_until_ms <= ?1 AND declared_at_ms <= ?2",
);
// A player may found guild after guild: what it has declared for one counts for the next.
const HAS_PEACE = statement(
  `SELECT 1 FROM guild_declarations WHERE guild_id = ?1 AND enemy_guild_id = ?2 AND peace_until_ms > ?4
    UNION ALL SELECT 1 FROM guild_declarations WHERE guild_id = ?2 AND enemy_guild_id = ?1 AND peace_until_ms > ?4
    UNION ALL SELECT 1 FROM guild_declarations WHERE declarer_id = ?3 AND enemy_guild_id = ?2 AND peace_until_ms > ?4
    LIMIT 1`,
);
const [COUNT_DECLARED_FOR, COUNT_DECLARED_BY]: Count[] = ["guild_id", "declarer_id"].map((column) =>
  statement(`SELECT count(*) AS count FROM guild_declarations WHERE ${column} = ? AND declared_at_ms > ?`)
);
const HAS_WAR = statement("SELECT 1 FROM guild_wars WHERE low_guild_id = ? AND high_guild_id = ?");
const [COUNT_DECLARED, COUNT_AGAINST]: Count[] = ["=", "<>"].map((operator) =>
  statement(
    `SELECT count(*) AS count FROM guild_wars
      WHERE (low_guild_id = ?1 OR high_guild_id = ?1) AND declaring_guild_id ${operator} ?1`,
  )
);
const SELECT_BY_KEY = statement<GuildTie>("SELECT id AS guildId, name, tag FROM guilds WHERE name_key = ?");
const INSERT_WAR = statement<{ readonly id: number }>(
  `INSERT INTO guild_wars
      (low_guild_id, high_guild_id, low_name, high_name, started_at_ms, ends_at_ms, declaring_guild_id, declarer_id)
    SELECT low.id, high.id, low.name, high.name, CAST(?3 AS BIGINT), CAST(?4 AS BIGINT), CAST(?5 AS BIGINT),
      CAST(?6 AS BIGINT)
    FROM guilds AS low CROSS JOIN guilds AS high WHERE low.id = ?1 AND high.id = ?2 RETURNING id`,
);
const INSERT_WAR_MEMBERS = statement(
  `INSERT INTO guild_war_members (player_id, war_id, is_low)
    SELECT player_id, CAST(?1 AS BIGINT), CASE WHEN guild_id = ?2 THEN 1 ELSE 0 END
    FROM guild_members WHERE guild_id IN (?2, ?3)`,
);
const DELETE_WAR = statement("DELETE FROM guild_wars WHERE id = ?");
const SELECT_DUE_WARS = statement<WarRow>(
  `SELECT ${WAR_COLUMNS} FROM guild_wars WHERE ends_at_ms <= ? ORDER BY ends_at_ms, id LIMIT ${GUILD_WARS_ENDED_MAX}`,
);
const SELECT_NEXT_END = statement<{ readonly next: number | null }>("SELECT min(ends_at_ms) AS next FROM guild_wars");
const ADD_KILL = statement<{ readonly low: number; readonly high: number }>(
  `UPDATE guild_wars SET low_kills = low_kills + killer.is_low, high_kills = high_kills + victim.is_low
    FROM guild_war_members AS killer JOIN guild_war_members AS victim
      ON victim.war_id = killer.war_id AND victim.is_low <> killer.is_low
    WHERE killer.player_id = ?1 AND victim.player_id = ?2 AND guild_wars.id = killer.war_id
      AND started_at_ms <= ?3 AND ends_at_ms > ?3
    RETURNING low_guild_id AS low, high_guild_id AS high`,
);

/** The wars a guild is in. */
export function* warsOf(guildId: number): Sql<GuildWar[]> {
  return (yield* SELECT_WARS.all(guildId)).map((row) => warOfRow(row, guildId));
}

/** Why a member may not declare this war now, by what was declared before; undefined: it may. */
function* reasonAgainst(actorId: number, ownId: number, enemyId: number, nowMs: number): Sql<GuildRefusal | undefined> {
  if ((yield* HAS_WAR.get(...inOrder(ownId, enemyId))) !== undefined) return "at_war";
  const dayAgoMs = nowMs - GUILD_WARS_DAY_MS;
  yield* DELETE_DECLARATIONS.run(nowMs, dayAgoMs);
  if ((yield* HAS_PEACE.get(ownId, enemyId, actorId, nowMs)) !== undefined) return "at_peace";
  const isSpent = (yield* countOf(COUNT_DECLARED_FOR, ownId, dayAgoMs)) >= GUILD_WARS_PER_DAY_MAX ||
    (yield* countOf(COUNT_DECLARED_BY, actorId, dayAgoMs)) >= GUILD_WARS_PER_DAY_MAX;
  if (isSpent) return "wars_spent";
  // What others declare is no part of what a guild may declare itself.
  const isFull = (yield* countOf(COUNT_DECLARED, ownId)) >= GUILD_WARS_MAX ||
    (yield* countOf(COUNT_AGAINST, enemyId)) >= GUILD_WARS_AGAINST_MAX;
  return isFull ? "wars_full" : undefined;
}

function* noteDeclaration({ actorId, nowMs, endsAtMs }: NewWar, ownId: number, enemyId: number): Sql<void> {
  const peaceUntilMs = endsAtMs + Math.min(endsAtMs - nowMs, GUILD_PEACE_MS_MAX);
  yield* INSERT_DECLARATION.run(actorId, ownId, enemyId, nowMs, peaceUntilMs);
}

/** How wars begin, are fought and end. */
export const GUILD_WARS: Pick<Handlers, "declareWar" | "addKills" | "endDueWars"> = {
  *declareWar(war) {
    const { actorId, enemyGuildId, enemyNameKey, nowMs, endsAtMs } = war;
    checkId(enemyGuildId, "enemyGuildId");
    for (const ms of [nowMs, endsAtMs]) checkId(ms, "nowMs or endsAtMs");
    const actor = yield* memberOf(actorId);
    if (actor === undefined) return refused("not_in_guild");
    if (actor.rank < RANK_OFFICER) return refused("no_right");
    const byName = enemyGuildId === 0 ? yield* SELECT_BY_KEY.get(enemyNameKey) : undefined;
    const enemy = byName ?? (yield* findTie(enemyGuildId));
    if (enemy === undefined) return refused("unknown_guild");
    const own = yield* tieOf(actor.guildId);
    if (enemy.guildId === own.guildId) return refused("own_guild");
    const reason = yield* reasonAgainst(actorId, own.guildId, enemy.guildId, nowMs);
    if (reason !== undefined) return refused(reason);
    const [low, high] = inOrder(own.guildId, enemy.guildId);
    const { id: warId } = (yield* INSERT_WAR.get(low, high, nowMs, endsAtMs, own.guildId, actorId))!;
    yield* INSERT_WAR_MEMBERS.run(warId, low, high);
    yield* noteDeclaration(war, own.guildId, enemy.guildId);
    return { kind: "declared", war: { warId, sides: [own, enemy] }, version: yield* nextVersion() };
  },

  *addKills(kills) {
    checkRows(kills.length);
    const guildIds: number[] = [];
    for (const { killerId, victimId, atMs } of kills) {
      for (const id of [killerId, victimId]) checkId(id, "playerId");
      checkId(atMs, "atMs");
      for (const { low, high } of yield* ADD_KILL.all(killerId, victimId, atMs)) guildIds.push(low, high);
    }
    return { guildIds, version: guildIds.length === 0 ? null : yield* nextVersion() };
  },

  *endDueWars({ nowMs }) {
    checkId(nowMs, "nowMs");
    const endedWars = (yield* SELECT_DUE_WARS.all(nowMs)).map(endedWarOfRow);
    for (const { warId } of endedWars) yield* DELETE_WAR.run(warId);
    const version = endedWars.length === 0 ? null : yield* nextVersion();
    return { endedWars, nextEndsAtMs: (yield* SELECT_NEXT_END.get())!.next, version };
  },
};

function inOrder(first: number, second: number): [low: number, high: number] {
  return first < second ? [first, second] : [second, first];
}

function warOfRow(row: WarRow, guildId: number): GuildWar {
  const isLow = row.low_guild_id === guildId;
  return {
    warId: row.id,
    enemyGuildId: isLow ? row.high_guild_id : row.low_guild_id,
    enemyName: isLow ? row.high_name : row.low_name,
    ownKills: isLow ? row.low_kills : row.high_kills,
    enemyKills: isLow ? row.high_kills : row.low_kills,
    endsAtMs: row.ends_at_ms,
  };
}

/** The one with more kills has won; a guild that is gone wins nothing. */
function endedWarOfRow(row: WarRow): EndedWar {
  const low = { guildId: row.low_guild_id, kills: row.low_kills };
  const high = { guildId: row.high_guild_id, kills: row.high_kills };
  const [leader, isThere] = low.kills > high.kills ? [low, row.has_low] : [high, row.has_high];
  const winnerGuildId = low.kills === high.kills || isThere === 0 ? 0 : leader.guildId;
  return { warId: row.id, declarerId: row.declarer_id, winnerGuildId, sides: [low, high] };
}
