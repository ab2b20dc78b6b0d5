/** Guilds in SQLite. @module */

import type { DatabaseSync } from "node:sqlite";
import { assert } from "../../../shared/errors.ts";
import {
  EXPIRED_DELETED_MAX,
  GUILD_INVITES_PER_GUILD_MAX,
  GUILD_INVITES_PER_PLAYER_MAX,
  GUILD_MEMBERS_MAX,
  GUILD_PEACE_MS_MAX,
  GUILD_WARS_AGAINST_MAX,
  GUILD_WARS_DAY_MS,
  GUILD_WARS_ENDED_MAX,
  GUILD_WARS_MAX,
  GUILD_WARS_PER_DAY_MAX,
} from "../../../shared/limits.ts";
import { looksOf } from "../../../server/names/public_name.ts";
import {
  type EndedWar,
  type Guild,
  type GuildMember,
  type GuildRefusal,
  type GuildTie,
  type GuildWar,
  type Invite,
  type OpenInvite,
  type PlayerTie,
  type Rank,
  RANK_LEADER,
  RANK_MEMBER,
  RANK_OFFICER,
  type Refused,
} from "./guild_store.ts";
import { checkId, checkRows } from "../../../server/storage/storage_checks.ts";
import type { Handlers } from "../../../server/storage/storage_operations.ts";

/** Of a war: `has_low` and `has_high` tell which of its guilds are still there. */
const WAR_COLUMNS = "id, low_guild_id, high_guild_id, low_name, high_name, low_kills, high_kills, ends_at_ms, " +
  "declarer_id, low_guild_id IN (SELECT id FROM guilds) AS has_low, " +
  "high_guild_id IN (SELECT id FROM guilds) AS has_high";

/** Of invitations to player 1: those that it is to hear of. */
const NOT_IGNORED = "inviter_id NOT IN (SELECT ignored_id FROM ignored_players WHERE player_id = ?1)";

interface MemberRow {
  readonly playerId: number;
  readonly guildId: number;
  readonly rank: Rank;
}

/** Prepares the statements for guilds. */
export function sqliteGuilds(database: DatabaseSync): Handlers<"guilds"> {
  const hasLook = database.prepare(
    `SELECT 1 FROM guild_looks WHERE (kind = 'name' AND look IN (SELECT value FROM json_each(?1, '$.name')))
      OR (kind = 'tag' AND look IN (SELECT value FROM json_each(?1, '$.tag'))) LIMIT 1`,
  );
  const insertLooks = database.prepare(
    `INSERT INTO guild_looks (kind, look, guild_id) SELECT 'name', value, ?1 FROM json_each(?2, '$.name')
      UNION ALL SELECT 'tag', value, ?1 FROM json_each(?2, '$.tag')`,
  );
  const insertGuild = database.prepare(
    `INSERT INTO guilds (name, name_key, tag, tag_key, created_at_ms) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT DO NOTHING RETURNING id`,
  );
  const deleteGuild = database.prepare("DELETE FROM guilds WHERE id = ?");
  const selectTie = database.prepare("SELECT id AS guildId, name, tag FROM guilds WHERE id = ?");
  const selectByKey = database.prepare("SELECT id AS guildId, name, tag FROM guilds WHERE name_key = ?");
  const selectAccount = database.prepare("SELECT id FROM accounts WHERE name_key = ?");

  const insertMember = database.prepare("INSERT INTO guild_members (player_id, guild_id, rank) VALUES (?, ?, ?)");
  const deleteMember = database.prepare("DELETE FROM guild_members WHERE player_id = ?");
  const updateRank = database.prepare("UPDATE guild_members SET rank = ? WHERE player_id = ?");
  const countMembers = database.prepare("SELECT count(*) AS count FROM guild_members WHERE guild_id = ?");
  const selectMember = database.prepare(
    "SELECT player_id AS playerId, guild_id AS guildId, rank FROM guild_members WHERE player_id = ?",
  );
  const selectMembers = database.prepare(
    `SELECT player_id AS playerId, name, rank FROM guild_members JOIN accounts ON accounts.id = player_id
      WHERE guild_id = ? ORDER BY guild_members.id`,
  );
  const selectSuccessor = database.prepare(
    "SELECT player_id AS playerId FROM guild_members WHERE guild_id = ? ORDER BY rank DESC, id LIMIT 1",
  );
  const selectTies = database.prepare(
    `SELECT player_id AS playerId, guild_id AS guildId, name, tag
      FROM guild_members JOIN guilds ON guilds.id = guild_id
      WHERE player_id IN (SELECT value FROM json_each(?)) ORDER BY player_id`,
  );

  const insertInvite = database.prepare(
    "INSERT OR REPLACE INTO guild_invites (player_id, guild_id, inviter_id, expires_at_ms) VALUES (?, ?, ?, ?)",
  );
  const deleteInvite = database.prepare(
    "DELETE FROM guild_invites WHERE player_id = ? AND guild_id = ? AND expires_at_ms > ?",
  );
  const deleteInvitesBy = database.prepare("DELETE FROM guild_invites WHERE inviter_id = ?");
  const deleteInvitesOf = database.prepare("DELETE FROM guild_invites WHERE player_id = ?");
  const deleteExpiredInvites = database.prepare(
    `DELETE FROM guild_invites WHERE (player_id, guild_id) IN
      (SELECT player_id, guild_id FROM guild_invites WHERE expires_at_ms <= ? LIMIT ${EXPIRED_DELETED_MAX})`,
  );
  const countInvitesTo = database.prepare(
    "SELECT count(*) AS count FROM guild_invites WHERE guild_id = ? AND expires_at_ms > ?",
  );
  const countInvitesOf = database.prepare(
    `SELECT count(*) AS count FROM guild_invites WHERE player_id = ?1 AND expires_at_ms > ?2 AND ${NOT_IGNORED}`,
  );
  const selectInviter = database.prepare(
    "SELECT inviter_id AS id FROM guild_invites WHERE player_id = ? AND guild_id = ? AND expires_at_ms > ?",
  );
  const ignores = database.prepare("SELECT 1 FROM ignored_players WHERE player_id = ? AND ignored_id = ?");
  const selectInvites = database.prepare(
    `SELECT guild_id AS guildId, guilds.name AS guildName, inviter_id AS inviterId, accounts.name AS inviterName
      FROM guild_invites JOIN guilds ON guilds.id = guild_id JOIN accounts ON accounts.id = inviter_id
      WHERE player_id = ?1 AND expires_at_ms > ?2 AND ${NOT_IGNORED}
      ORDER BY guild_id LIMIT ${GUILD_INVITES_PER_PLAYER_MAX}`,
  );
  const selectInvitesOfGuild = database.prepare(
    `SELECT player_id AS playerId, invited.name AS playerName, inviter.name AS inviterName,
        expires_at_ms AS expiresAtMs
      FROM guild_invites JOIN accounts AS invited ON invited.id = player_id
      JOIN accounts AS inviter ON inviter.id = inviter_id
      WHERE guild_id = ? AND expires_at_ms > ? ORDER BY invited.name_key`,
  );

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
  const deleteWar = database.prepare("DELETE FROM guild_wars WHERE id = ?");
  const [countDeclared, countAgainst] = ["=", "<>"].map((operator) =>
    database.prepare(
      `SELECT count(*) AS count FROM guild_wars
        WHERE (low_guild_id = ?1 OR high_guild_id = ?1) AND declaring_guild_id ${operator} ?1`,
    )
  );
  const selectWars = database.prepare(
    `SELECT ${WAR_COLUMNS} FROM guild_wars WHERE low_guild_id = ?1 OR high_guild_id = ?1 ORDER BY id`,
  );
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

  function memberOf(playerId: number): MemberRow | undefined {
    checkId(playerId, "playerId");
    return selectMember.get(playerId) as MemberRow | undefined;
  }

  function tieOf(guildId: number): GuildTie {
    const row = selectTie.get(guildId);
    assert(row, "A member's guild is there");
    return { ...row } as unknown as GuildTie;
  }

  function accountIdOf(nameKey: string): number | undefined {
    return selectAccount.get(nameKey)?.id as number | undefined;
  }

  /** Takes a member out of its guild, and with it what it had the right to grant. */
  function removeMember(playerId: number): void {
    deleteMember.run(playerId);
    deleteInvitesBy.run(playerId);
  }

  /** A member of the actor's guild, or why the actor cannot do anything to them. */
  function findTarget(
    { actorId, nameKey }: { actorId: number; nameKey: string },
    rankMin: Rank,
  ): { kind: "found"; actor: MemberRow; target: MemberRow } | Refused {
    const actor = memberOf(actorId);
    if (actor === undefined) return refused("not_in_guild");
    if (actor.rank < rankMin) return refused("no_right");
    const targetId = accountIdOf(nameKey);
    const target = targetId === undefined ? undefined : memberOf(targetId);
    if (target?.guildId !== actor.guildId) return refused("unknown_member");
    return { kind: "found", actor, target };
  }

  function guildOf(tie: GuildTie): Guild {
    const members = selectMembers.all(tie.guildId).map((row) => ({ ...row }) as unknown as GuildMember);
    const wars = selectWars.all(tie.guildId).map((row) => warOfRow(row, tie.guildId));
    return { ...tie, members, wars };
  }

  return {
    "guilds.create": (guild) => {
      checkId(guild.createdAtMs, "createdAtMs");
      if (memberOf(guild.leaderId) !== undefined) return refused("in_guild");
      const looks = JSON.stringify({ name: looksOf(guild.name), tag: looksOf(guild.tag) });
      if (guild.isLookUnique && hasLook.get(looks) !== undefined) return refused("name_taken");
      const row = insertGuild.get(guild.name, guild.nameKey, guild.tag, guild.tagKey, guild.createdAtMs);
      if (row === undefined) return refused("name_taken");
      const guildId = Number(row.id);
      insertLooks.run(guildId, looks);
      insertMember.run(guild.leaderId, guildId, RANK_LEADER);
      deleteInvitesOf.run(guild.leaderId);
      return { kind: "created", guildId };
    },

    "guilds.invite": ({ inviterId, nameKey, nowMs, expiresAtMs }) => {
      for (const ms of [nowMs, expiresAtMs]) checkId(ms, "nowMs or expiresAtMs");
      const inviter = memberOf(inviterId);
      if (inviter === undefined) return refused("not_in_guild");
      if (inviter.rank < RANK_OFFICER) return refused("no_right");
      const { guildId } = inviter;
      const playerId = accountIdOf(nameKey);
      if (playerId === undefined) return refused("unknown_player");
      if (memberOf(playerId) !== undefined) return refused("target_in_guild");
      const isHidden = ignores.get(playerId, inviterId) !== undefined;
      const inviterBefore = selectInviter.get(playerId, guildId, nowMs)?.id;
      const isHiddenBefore = inviterBefore !== undefined && ignores.get(playerId, inviterBefore) !== undefined;
      if (inviterBefore !== undefined && (isHidden || !isHiddenBefore)) return refused("invited_already");
      if (countOf(countMembers.get(guildId)) >= GUILD_MEMBERS_MAX) return refused("guild_full");
      // What the player does not see fills no list of its own: whoever it ignores could keep others out.
      const isFull = (!isHiddenBefore && countOf(countInvitesTo.get(guildId, nowMs)) >= GUILD_INVITES_PER_GUILD_MAX) ||
        (!isHidden && countOf(countInvitesOf.get(playerId, nowMs)) >= GUILD_INVITES_PER_PLAYER_MAX);
      if (isFull) return refused("invites_full");
      if (isHiddenBefore) deleteInvite.run(playerId, guildId, nowMs);
      insertInvite.run(playerId, guildId, inviterId, expiresAtMs);
      return { kind: "invited", playerId, tie: tieOf(guildId) };
    },

    "guilds.join": ({ playerId, guildId, nowMs }) => {
      checkId(guildId, "guildId");
      checkId(nowMs, "nowMs");
      if (memberOf(playerId) !== undefined) return refused("in_guild");
      if (selectInviter.get(playerId, guildId, nowMs) === undefined) return refused("not_invited");
      if (countOf(countMembers.get(guildId)) >= GUILD_MEMBERS_MAX) return refused("guild_full");
      insertMember.run(playerId, guildId, RANK_MEMBER);
      deleteInvitesOf.run(playerId);
      return { kind: "joined", tie: tieOf(guildId) };
    },

    "guilds.invites": ({ actorId, nowMs }) => {
      checkId(nowMs, "nowMs");
      const actor = memberOf(actorId);
      if (actor === undefined) return refused("not_in_guild");
      if (actor.rank < RANK_OFFICER) return refused("no_right");
      const rows = selectInvitesOfGuild.all(actor.guildId, nowMs);
      return { kind: "found", invites: rows.map((row) => ({ ...row }) as unknown as OpenInvite) };
    },

    "guilds.withdraw": ({ actorId, nameKey, nowMs }) => {
      checkId(nowMs, "nowMs");
      const actor = memberOf(actorId);
      if (actor === undefined) return refused("not_in_guild");
      if (actor.rank < RANK_OFFICER) return refused("no_right");
      const playerId = accountIdOf(nameKey);
      if (playerId === undefined) return refused("none_to_withdraw");
      const { changes } = deleteInvite.run(playerId, actor.guildId, nowMs);
      return Number(changes) === 0 ? refused("none_to_withdraw") : { kind: "withdrawn" };
    },

    "guilds.decline": ({ playerId, guildId, nowMs }) => {
      checkId(playerId, "playerId");
      checkId(guildId, "guildId");
      checkId(nowMs, "nowMs");
      const { changes } = deleteInvite.run(playerId, guildId, nowMs);
      return Number(changes) === 0 ? refused("not_invited") : { kind: "declined" };
    },

    "guilds.leave": ({ playerId }) => {
      const member = memberOf(playerId);
      if (member === undefined) return refused("not_in_guild");
      const { guildId, rank } = member;
      removeMember(playerId);
      const successor = selectSuccessor.get(guildId);
      if (successor === undefined) deleteGuild.run(guildId);
      else if (rank === RANK_LEADER) updateRank.run(RANK_LEADER, successor.playerId);
      return { kind: "left", guildId };
    },

    "guilds.kick": (request) => {
      const found = findTarget(request, RANK_OFFICER);
      if (found.kind === "refused") return found;
      const { actor, target } = found;
      if (target.rank >= actor.rank) return refused("no_right");
      removeMember(target.playerId);
      return { kind: "kicked", playerId: target.playerId, guildId: actor.guildId };
    },

    "guilds.setRank": ({ rank, ...request }) => {
      const found = findTarget(request, RANK_LEADER);
      if (found.kind === "refused") return found;
      const { actor, target } = found;
      if (target.playerId === actor.playerId && rank !== RANK_LEADER) return refused("own_rank");
      // In this order: a guild never has two leaders, not even in between.
      if (rank === RANK_LEADER) updateRank.run(RANK_OFFICER, actor.playerId);
      updateRank.run(rank, target.playerId);
      if (rank < RANK_OFFICER) deleteInvitesBy.run(target.playerId);
      return { kind: "set", guild: guildOf(tieOf(actor.guildId)) };
    },

    "guilds.load": ({ guildId }) => {
      checkId(guildId, "guildId");
      const tie = selectTie.get(guildId);
      return tie && guildOf({ ...tie } as unknown as GuildTie);
    },
    "guilds.loadOf": ({ playerId }) => {
      const member = memberOf(playerId);
      return member && guildOf(tieOf(member.guildId));
    },
    "guilds.findTies": (playerIds) => {
      checkRows(playerIds.length);
      for (const playerId of playerIds) checkId(playerId, "playerId");
      return selectTies.all(JSON.stringify(playerIds)).map((row) => ({ ...row }) as unknown as PlayerTie);
    },
    "guilds.findInvites": ({ playerId, nowMs }) => {
      checkId(playerId, "playerId");
      checkId(nowMs, "nowMs");
      return selectInvites.all(playerId, nowMs).map((row) => ({ ...row }) as unknown as Invite);
    },

    "guilds.deleteExpiredInvites": ({ nowMs }) => {
      checkId(nowMs, "nowMs");
      return Number(deleteExpiredInvites.run(nowMs).changes);
    },

    "guilds.declareWar": ({ actorId, enemyGuildId, enemyNameKey, nowMs, endsAtMs }) => {
      checkId(enemyGuildId, "enemyGuildId");
      for (const ms of [nowMs, endsAtMs]) checkId(ms, "nowMs or endsAtMs");
      const actor = memberOf(actorId);
      if (actor === undefined) return refused("not_in_guild");
      if (actor.rank < RANK_OFFICER) return refused("no_right");
      const enemy = enemyGuildId === 0 ? selectByKey.get(enemyNameKey) : selectTie.get(enemyGuildId);
      if (enemy === undefined) return refused("unknown_guild");
      const own = tieOf(actor.guildId);
      const enemyTie = { ...enemy } as unknown as GuildTie;
      if (enemyTie.guildId === own.guildId) return refused("own_guild");
      const [low, high] = inOrder(own.guildId, enemyTie.guildId);
      if (hasWar.get(low, high) !== undefined) return refused("at_war");
      deleteDeclarations.run(nowMs);
      if (hasPeace.get(own.guildId, enemyTie.guildId, actorId, nowMs) !== undefined) return refused("at_peace");
      const isSpent = countOf(countDeclaredFor.get(own.guildId, nowMs)) >= GUILD_WARS_PER_DAY_MAX ||
        countOf(countDeclaredBy.get(actorId, nowMs)) >= GUILD_WARS_PER_DAY_MAX;
      if (isSpent) return refused("wars_spent");
      // What others declare is no part of what a guild may declare itself.
      const isFull = countOf(countDeclared.get(own.guildId)) >= GUILD_WARS_MAX ||
        countOf(countAgainst.get(enemyTie.guildId)) >= GUILD_WARS_AGAINST_MAX;
      if (isFull) return refused("wars_full");
      const warId = Number(insertWar.run(low, high, nowMs, endsAtMs, own.guildId, actorId).lastInsertRowid);
      insertWarMembers.run(warId, low, high);
      const peaceUntilMs = endsAtMs + Math.min(endsAtMs - nowMs, GUILD_PEACE_MS_MAX);
      insertDeclaration.run(actorId, own.guildId, enemyTie.guildId, nowMs, peaceUntilMs);
      return { kind: "declared", war: { warId, sides: [own, enemyTie] } };
    },

    "guilds.addKills": (kills) => {
      checkRows(kills.length);
      const guildIds: number[] = [];
      for (const { killerId, victimId, atMs } of kills) {
        for (const id of [killerId, victimId]) checkId(id, "playerId");
        checkId(atMs, "atMs");
        for (const { low, high } of addKill.all(killerId, victimId, atMs)) guildIds.push(Number(low), Number(high));
      }
      return guildIds;
    },

    "guilds.endDueWars": ({ nowMs }) => {
      checkId(nowMs, "nowMs");
      const endedWars = selectDueWars.all(nowMs).map(endedWarOfRow);
      for (const { warId } of endedWars) deleteWar.run(warId);
      return { endedWars, nextEndsAtMs: selectNextEnd.get()?.next as number | null };
    },
  };
}

function refused(reason: GuildRefusal): Refused {
  return { kind: "refused", reason };
}

function countOf(row: Record<string, unknown> | undefined): number {
  return Number(row?.count);
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
