/** Wars of guilds in SQLite. @module */

import type { DatabaseSync } from "node:sqlite";
import {
  GUILD_PEACE_MS_MAX,
  GUILD_WARS_AGAINST_MAX,
  GUILD_WARS_DAY_MS,
  GUILD_WARS_ENDED_MAX,
  GUILD_WARS_MAX,
  GUILD_WARS_PER_DAY_MAX,
} from "./limits.ts";
import { checkId, checkRows } from "../../../server/storage/storage_checks.ts";
import type { HandlersOf } from "../../../server/storage/store.ts";
import {
  type EndedWar,
  type GuildRefusal,
  type GUILDS,
  type GuildTie,
  type GuildWar,
  type NewWar,
  RANK_OFFICER,
} from "./guild_store.ts";
import { countOf, type GuildRows, refused } from "./sqlite_guild_rows.ts";

/** Of a war: `has_low` and `has_high` tell which of its guilds are still there. */
const WAR_COLUMNS = "id, low_guild_id, high_guild_id, low_name, high_name, low_kills, high_kills, ends_at_ms, " +
  "declarer_id, low_guild_id IN (SELECT id FROM guilds) AS has_low, " +
  "high_guild_id IN (SELECT id FROM guilds) AS has_high";

type Handlers = HandlersOf<typeof GUILDS>;

/** The wars a guild is in. */
export function warsOfGuild(database: DatabaseSync): (guildId: number) => GuildWar[] {
  const selectWars = database.prepare(
    `SELECT ${WAR_COLUMNS} FROM guild_wars WHERE low_guild_id = ?1 OR high_guild_id = ?1 ORDER BY id`,
  );
  return (guildId) => selectWars.all(guildId).map((row) => warOfRow(row, guildId));
}

/** Who may declare war, by what was declared before. */
function declarations(database: DatabaseSync) {
  const insertDeclaration = database.prepare(
    `INSERT INTO guild_declarations (declarer_id, guild_id, enemy_guild_id, declared_at_ms, peace_until_ms)
      VALUES (?, ?, ?, ?, ?)`,
  );
  const deleteDeclarations = database.prepare(
    `DELETE FROM guild_declarations WHERE peace_until_ms <= ?1 AND declared_at_ms <= ?1 - ${GUILD_WARS_DAY_MS}`,
  );
  // A player may found guild after guild: what it has declared for one counts for the next.
  const hasPeace = database.prepare(
    `SELECT 1 FROM guild_declarations WHERE guild_id = ?1 AND enemy_guild_id = ?2 AND peace_until_ms > ?4
      UNION ALL SELECT 1 FROM guild_declarations WHERE guild_id = ?2 AND enemy_guild_id = ?1 AND peace_until_ms > ?4
      UNION ALL SELECT 1 FROM guild_declarations WHERE declarer_id = ?3 AND enemy_guild_id = ?2 AND peace_until_ms > ?4
      LIMIT 1`,
  );
  const [countDeclaredFor, countDeclaredBy] = ["guild_id", "declarer_id"].map((column) =>
    database.prepare(
      `SELECT count(*) AS count FROM guild_declarations
        WHERE ${column} = ?1 AND declared_at_ms > ?2 - ${GUILD_WARS_DAY_MS}`,
    )
  );
  const hasWar = database.prepare("SELECT 1 FROM guild_wars WHERE low_guild_id = ? AND high_guild_id = ?");
  const [countDeclared, countAgainst] = ["=", "<>"].map((operator) =>
    database.prepare(
      `SELECT count(*) AS count FROM guild_wars
        WHERE (low_guild_id = ?1 OR high_guild_id = ?1) AND declaring_guild_id ${operator} ?1`,
    )
  );

  /** Why a member may not declare this war now; undefined: it may. */
  function reasonAgainst(actorId: number, ownId: number, enemyId: number, nowMs: number): GuildRefusal | undefined {
    if (hasWar.get(...inOrder(ownId, enemyId)) !== undefined) return "at_war";
    deleteDeclarations.run(nowMs);
    if (hasPeace.get(ownId, enemyId, actorId, nowMs) !== undefined) return "at_peace";
    const isSpent = countOf(countDeclaredFor.get(ownId, nowMs)) >= GUILD_WARS_PER_DAY_MAX ||
      countOf(countDeclaredBy.get(actorId, nowMs)) >= GUILD_WARS_PER_DAY_MAX;
    if (isSpent) return "wars_spent";
    // What others declare is no part of what a guild may declare itself.
    const isFull = countOf(countDeclared.get(ownId)) >= GUILD_WARS_MAX ||
      countOf(countAgainst.get(enemyId)) >= GUILD_WARS_AGAINST_MAX;
    return isFull ? "wars_full" : undefined;
  }

  function note({ actorId, nowMs, endsAtMs }: NewWar, ownId: number, enemyId: number): void {
    const peaceUntilMs = endsAtMs + Math.min(endsAtMs - nowMs, GUILD_PEACE_MS_MAX);
    insertDeclaration.run(actorId, ownId, enemyId, nowMs, peaceUntilMs);
  }

  return { reasonAgainst, note };
}

/** How wars begin, are fought and end. */
export function guildWars(
  database: DatabaseSync,
  rows: GuildRows,
): Pick<Handlers, "declareWar" | "addKills" | "endDueWars"> {
  const declared = declarations(database);
  const selectByKey = database.prepare("SELECT id AS guildId, name, tag FROM guilds WHERE name_key = ?");
  const insertWar = database.prepare(
    `INSERT INTO guild_wars
        (low_guild_id, high_guild_id, low_name, high_name, started_at_ms, ends_at_ms, declaring_guild_id, declarer_id)
      SELECT low.id, high.id, low.name, high.name, ?3, ?4, ?5, ?6 FROM guilds AS low JOIN guilds AS high
      WHERE low.id = ?1 AND high.id = ?2`,
  );
  const insertWarMembers = database.prepare(
    `INSERT INTO guild_war_members (player_id, war_id, is_low)
      SELECT player_id, ?1, guild_id = ?2 FROM guild_members WHERE guild_id IN (?2, ?3)`,
  );
  const deleteWar = database.prepare("DELETE FROM guild_wars WHERE id = ?");
  const selectDueWars = database.prepare(
    `SELECT ${WAR_COLUMNS} FROM guild_wars WHERE ends_at_ms <= ? ORDER BY ends_at_ms, id LIMIT ${GUILD_WARS_ENDED_MAX}`,
  );
  const selectNextEnd = database.prepare("SELECT min(ends_at_ms) AS next FROM guild_wars");
  const addKill = database.prepare(
    `UPDATE guild_wars SET low_kills = low_kills + killer.is_low, high_kills = high_kills + victim.is_low
      FROM guild_war_members AS killer JOIN guild_war_members AS victim
        ON victim.war_id = killer.war_id AND victim.is_low <> killer.is_low
      WHERE killer.player_id = ?1 AND victim.player_id = ?2 AND guild_wars.id = killer.war_id
        AND started_at_ms <= ?3 AND ends_at_ms > ?3
      RETURNING low_guild_id AS low, high_guild_id AS high`,
  );

  return {
    declareWar: (war) => {
      const { actorId, enemyGuildId, enemyNameKey, nowMs, endsAtMs } = war;
      checkId(enemyGuildId, "enemyGuildId");
      for (const ms of [nowMs, endsAtMs]) checkId(ms, "nowMs or endsAtMs");
      const actor = rows.memberOf(actorId);
      if (actor === undefined) return refused("not_in_guild");
      if (actor.rank < RANK_OFFICER) return refused("no_right");
      const byName = enemyGuildId === 0 ? selectByKey.get(enemyNameKey) : undefined;
      const enemy = byName === undefined ? rows.findTie(enemyGuildId) : { ...byName } as unknown as GuildTie;
      if (enemy === undefined) return refused("unknown_guild");
      const own = rows.tieOf(actor.guildId);
      if (enemy.guildId === own.guildId) return refused("own_guild");
      const reason = declared.reasonAgainst(actorId, own.guildId, enemy.guildId, nowMs);
      if (reason !== undefined) return refused(reason);
      const [low, high] = inOrder(own.guildId, enemy.guildId);
      const warId = Number(insertWar.run(low, high, nowMs, endsAtMs, own.guildId, actorId).lastInsertRowid);
      insertWarMembers.run(warId, low, high);
      declared.note(war, own.guildId, enemy.guildId);
      return { kind: "declared", war: { warId, sides: [own, enemy] } };
    },

    addKills: (kills) => {
      checkRows(kills.length);
      const guildIds: number[] = [];
      for (const { killerId, victimId, atMs } of kills) {
        for (const id of [killerId, victimId]) checkId(id, "playerId");
        checkId(atMs, "atMs");
        for (const { low, high } of addKill.all(killerId, victimId, atMs)) guildIds.push(Number(low), Number(high));
      }
      return guildIds;
    },

    endDueWars: ({ nowMs }) => {
      checkId(nowMs, "nowMs");
      const endedWars = selectDueWars.all(nowMs).map(endedWarOfRow);
      for (const { warId } of endedWars) deleteWar.run(warId);
      return { endedWars, nextEndsAtMs: selectNextEnd.get()?.next as number | null };
    },
  };
}

function inOrder(first: number, second: number): [low: number, high: number] {
  return first < second ? [first, second] : [second, first];
}

function warOfRow(row: Record<string, unknown>, guildId: number): GuildWar {
  const [own, enemy] = Number(row.low_guild_id) === guildId ? ["low", "high"] : ["high", "low"];
  return {
    warId: Number(row.id),
    enemyGuildId: Number(row[`${enemy}_guild_id`]),
    enemyName: String(row[`${enemy}_name`]),
    ownKills: Number(row[`${own}_kills`]),
    enemyKills: Number(row[`${enemy}_kills`]),
    endsAtMs: Number(row.ends_at_ms),
  };
}

/** The one with more kills has won; a guild that is gone wins nothing. */
function endedWarOfRow(row: Record<string, unknown>): EndedWar {
  const low = { guildId: Number(row.low_guild_id), kills: Number(row.low_kills) };
  const high = { guildId: Number(row.high_guild_id), kills: Number(row.high_kills) };
  const [leader, isThere] = low.kills > high.kills ? [low, row.has_low] : [high, row.has_high];
  const winnerGuildId = low.kills === high.kills || isThere === 0 ? 0 : leader.guildId;
  return { warId: Number(row.id), declarerId: Number(row.declarer_id), winnerGuildId, sides: [low, high] };
}
