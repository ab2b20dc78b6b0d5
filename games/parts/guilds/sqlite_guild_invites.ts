/** Invitations to guilds in SQLite. @module */

import type { DatabaseSync } from "node:sqlite";
import { EXPIRED_DELETED_MAX } from "../../../shared/limits.ts";
import { GUILD_INVITES_PER_GUILD_MAX, GUILD_INVITES_PER_PLAYER_MAX, GUILD_MEMBERS_MAX } from "./limits.ts";
import { checkId } from "../../../server/storage/storage_checks.ts";
import type { HandlersOf } from "../../../server/storage/store.ts";
import { type GUILDS, type Invite, type OpenInvite, RANK_MEMBER, RANK_OFFICER } from "./guild_store.ts";
import { countOf, type GuildRows, refused } from "./sqlite_guild_rows.ts";

/** Of invitations to player 1: those that it is to hear of. */
const NOT_IGNORED = "inviter_id NOT IN (SELECT ignored_id FROM ignored_players WHERE player_id = ?1)";

type Handlers = HandlersOf<typeof GUILDS>;

/** Whom a guild invites, and who comes. */
export function guildInvites(
  database: DatabaseSync,
  rows: GuildRows,
): Pick<Handlers, "invite" | "join" | "withdraw" | "decline" | "invites" | "findInvites" | "deleteExpiredInvites"> {
  const insertInvite = database.prepare(
    "INSERT OR REPLACE INTO guild_invites (player_id, guild_id, inviter_id, expires_at_ms) VALUES (?, ?, ?, ?)",
  );
  const deleteInvite = database.prepare(
    "DELETE FROM guild_invites WHERE player_id = ? AND guild_id = ? AND expires_at_ms > ?",
  );
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

  return {
    invite: ({ inviterId, nameKey, nowMs, expiresAtMs }) => {
      for (const ms of [nowMs, expiresAtMs]) checkId(ms, "nowMs or expiresAtMs");
      const inviter = rows.memberOf(inviterId);
      if (inviter === undefined) return refused("not_in_guild");
      if (inviter.rank < RANK_OFFICER) return refused("no_right");
      const { guildId } = inviter;
      const playerId = rows.accountIdOf(nameKey);
      if (playerId === undefined) return refused("unknown_player");
      if (rows.memberOf(playerId) !== undefined) return refused("target_in_guild");
      const isHidden = ignores.get(playerId, inviterId) !== undefined;
      const inviterBefore = selectInviter.get(playerId, guildId, nowMs)?.id;
      const isHiddenBefore = inviterBefore !== undefined && ignores.get(playerId, inviterBefore) !== undefined;
      if (inviterBefore !== undefined && (isHidden || !isHiddenBefore)) return refused("invited_already");
      if (rows.memberCount(guildId) >= GUILD_MEMBERS_MAX) return refused("guild_full");
      // What the player does not see fills no list of its own: whoever it ignores could keep others out.
      const isFull = (!isHiddenBefore && countOf(countInvitesTo.get(guildId, nowMs)) >= GUILD_INVITES_PER_GUILD_MAX) ||
        (!isHidden && countOf(countInvitesOf.get(playerId, nowMs)) >= GUILD_INVITES_PER_PLAYER_MAX);
      if (isFull) return refused("invites_full");
      if (isHiddenBefore) deleteInvite.run(playerId, guildId, nowMs);
      insertInvite.run(playerId, guildId, inviterId, expiresAtMs);
      return { kind: "invited", playerId, tie: rows.tieOf(guildId) };
    },

    join: ({ playerId, guildId, nowMs }) => {
      checkId(guildId, "guildId");
      checkId(nowMs, "nowMs");
      if (rows.memberOf(playerId) !== undefined) return refused("in_guild");
      if (selectInviter.get(playerId, guildId, nowMs) === undefined) return refused("not_invited");
      if (rows.memberCount(guildId) >= GUILD_MEMBERS_MAX) return refused("guild_full");
      rows.addMember(playerId, guildId, RANK_MEMBER);
      return { kind: "joined", tie: { ...rows.tieOf(guildId), wars: rows.warsOf(guildId) } };
    },

    withdraw: ({ actorId, nameKey, nowMs }) => {
      checkId(nowMs, "nowMs");
      const actor = rows.memberOf(actorId);
      if (actor === undefined) return refused("not_in_guild");
      if (actor.rank < RANK_OFFICER) return refused("no_right");
      const playerId = rows.accountIdOf(nameKey);
      if (playerId === undefined) return refused("none_to_withdraw");
      const { changes } = deleteInvite.run(playerId, actor.guildId, nowMs);
      return Number(changes) === 0 ? refused("none_to_withdraw") : { kind: "withdrawn" };
    },

    decline: ({ playerId, guildId, nowMs }) => {
      checkId(playerId, "playerId");
      checkId(guildId, "guildId");
      checkId(nowMs, "nowMs");
      const { changes } = deleteInvite.run(playerId, guildId, nowMs);
      return Number(changes) === 0 ? refused("not_invited") : { kind: "declined" };
    },

    invites: ({ actorId, nowMs }) => {
      checkId(nowMs, "nowMs");
      const actor = rows.memberOf(actorId);
      if (actor === undefined) return refused("not_in_guild");
      if (actor.rank < RANK_OFFICER) return refused("no_right");
      const found = selectInvitesOfGuild.all(actor.guildId, nowMs);
      return { kind: "found", invites: found.map((row) => ({ ...row }) as unknown as OpenInvite) };
    },

    findInvites: ({ playerId, nowMs }) => {
      checkId(playerId, "playerId");
      checkId(nowMs, "nowMs");
      return selectInvites.all(playerId, nowMs).map((row) => ({ ...row }) as unknown as Invite);
    },

    deleteExpiredInvites: ({ nowMs }) => {
      checkId(nowMs, "nowMs");
      return Number(deleteExpiredInvites.run(nowMs).changes);
    },
  };
}
