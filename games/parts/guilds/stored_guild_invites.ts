/** Invitations to guilds in a database. @module */

import { EXPIRED_DELETED_MAX } from "../../../shared/limits.ts";
import { GUILD_INVITES_PER_GUILD_MAX, GUILD_INVITES_PER_PLAYER_MAX, GUILD_MEMBERS_MAX } from "./limits.ts";
import { checkId, type Count, countOf, type HandlersOf, type Sql, statement } from "../../../server/game/store.ts";
import { type GUILDS, type Invite, type OpenInvite, RANK_MEMBER, RANK_OFFICER } from "./guild_store.ts";
import {
  accountIdOf,
  addMember,
  enemiesOf,
  memberCount,
  memberOf,
  nextVersion,
  refused,
  tieOf,
} from "./stored_guild_rows.ts";

/** Of invitations to player 1: those that it is to hear of. */
const NOT_IGNORED = "inviter_id NOT IN (SELECT ignored_id FROM ignored_players WHERE player_id = ?1)";

const INSERT_INVITE = statement(
  `INSERT INTO guild_invites (player_id, guild_id, inviter_id, expires_at_ms) VALUES (?, ?, ?, ?)
    ON CONFLICT (player_id, guild_id) DO UPDATE
      SET inviter_id = excluded.inviter_id, expires_at_ms = excluded.expires_at_ms`,
);
const DELETE_INVITE = statement(
  "DELETE FROM guild_invites WHERE player_id = ? AND guild_id = ? AND expires_at_ms > ?",
);
const DELETE_EXPIRED_INVITES = statement(
  `DELETE FROM guild_invites WHERE (player_id, guild_id) IN
    (SELECT player_id, guild_id FROM guild_invites WHERE expires_at_ms <= ? LIMIT ${EXPIRED_DELETED_MAX})`,
);
const COUNT_INVITES_TO: Count = statement(
  "SELECT count(*) AS count FROM guild_invites WHERE guild_id = ? AND expires_at_ms > ?",
);
const COUNT_INVITES_OF: Count = statement(
  `SELECT count(*) AS count FROM guild_invites WHERE player_id = ?1 AND expires_at_ms > ?2 AND ${NOT_IGNORED}`,
);
const SELECT_INVITER = statement<{ readonly id: number }>(
  "SELECT inviter_id AS id FROM guild_invites WHERE player_id = ? AND guild_id = ? AND expires_at_ms > ?",
);
const SELECT_IGNORED = statement("SELECT 1 FROM ignored_players WHERE player_id = ? AND ignored_id = ?");
const SELECT_INVITES = statement<Invite>(
  `SELECT guild_id AS guildId, guilds.name AS guildName, inviter_id AS inviterId, accounts.name AS inviterName
    FROM guild_invites JOIN guilds ON guilds.id = guild_id JOIN accounts ON accounts.id = inviter_id
    WHERE player_id = ?1 AND expires_at_ms > ?2 AND ${NOT_IGNORED}
    ORDER BY guild_id LIMIT ${GUILD_INVITES_PER_PLAYER_MAX}`,
);
const SELECT_INVITES_OF_GUILD = statement<OpenInvite>(
  `SELECT player_id AS playerId, invited.name AS playerName, inviter.name AS inviterName,
      expires_at_ms AS expiresAtMs
    FROM guild_invites JOIN accounts AS invited ON invited.id = player_id
    JOIN accounts AS inviter ON inviter.id = inviter_id
    WHERE guild_id = ? AND expires_at_ms > ? ORDER BY invited.name_key`,
);

type Handlers = HandlersOf<typeof GUILDS>;

function* ignores(playerId: number, otherId: number): Sql<boolean> {
  return (yield* SELECT_IGNORED.get(playerId, otherId)) !== undefined;
}

/** Invitations of a guild, and who accepts them. */
export const GUILD_INVITES: Pick<
  Handlers,
  "invite" | "join" | "withdraw" | "decline" | "invites" | "findInvites" | "deleteExpiredInvites"
> = {
  *invite({ inviterId, nameKey, nowMs, expiresAtMs }) {
    for (const ms of [nowMs, expiresAtMs]) checkId(ms, "nowMs or expiresAtMs");
    const inviter = yield* memberOf(inviterId);
    if (inviter === undefined) return refused("not_in_guild");
    if (inviter.rank < RANK_OFFICER) return refused("no_right");
    const { guildId } = inviter;
    const playerId = yield* accountIdOf(nameKey);
    if (playerId === undefined) return refused("unknown_player");
    if ((yield* memberOf(playerId)) !== undefined) return refused("target_in_guild");
    const isHidden = yield* ignores(playerId, inviterId);
    const inviterBefore = (yield* SELECT_INVITER.get(playerId, guildId, nowMs))?.id;
    const isHiddenBefore = inviterBefore !== undefined && (yield* ignores(playerId, inviterBefore));
    if (inviterBefore !== undefined && (isHidden || !isHiddenBefore)) return refused("invited_already");
    if ((yield* memberCount(guildId)) >= GUILD_MEMBERS_MAX) return refused("guild_full");
    // What the player does not see fills no list of its own: players it ignores could keep others out.
    const isFull =
      (!isHiddenBefore && (yield* countOf(COUNT_INVITES_TO, guildId, nowMs)) >= GUILD_INVITES_PER_GUILD_MAX) ||
      (!isHidden && (yield* countOf(COUNT_INVITES_OF, playerId, nowMs)) >= GUILD_INVITES_PER_PLAYER_MAX);
    if (isFull) return refused("invites_full");
    yield* INSERT_INVITE.run(playerId, guildId, inviterId, expiresAtMs);
    return { kind: "invited", playerId, tie: yield* tieOf(guildId) };
  },

  *join({ playerId, guildId, nowMs }) {
    checkId(guildId, "guildId");
    checkId(nowMs, "nowMs");
    if ((yield* memberOf(playerId)) !== undefined) return refused("in_guild");
    if ((yield* SELECT_INVITER.get(playerId, guildId, nowMs)) === undefined) return refused("not_invited");
    if ((yield* memberCount(guildId)) >= GUILD_MEMBERS_MAX) return refused("guild_full");
    yield* addMember(playerId, guildId, RANK_MEMBER);
    const tie = { ...yield* tieOf(guildId), wars: yield* enemiesOf(guildId) };
    return { kind: "joined", tie, version: yield* nextVersion() };
  },

  *withdraw({ actorId, nameKey, nowMs }) {
    checkId(nowMs, "nowMs");
    const actor = yield* memberOf(actorId);
    if (actor === undefined) return refused("not_in_guild");
    if (actor.rank < RANK_OFFICER) return refused("no_right");
    const playerId = yield* accountIdOf(nameKey);
    if (playerId === undefined) return refused("none_to_withdraw");
    const count = yield* DELETE_INVITE.run(playerId, actor.guildId, nowMs);
    return count === 0 ? refused("none_to_withdraw") : { kind: "withdrawn" };
  },

  *decline({ playerId, guildId, nowMs }) {
    checkId(playerId, "playerId");
    checkId(guildId, "guildId");
    checkId(nowMs, "nowMs");
    const count = yield* DELETE_INVITE.run(playerId, guildId, nowMs);
    return count === 0 ? refused("not_invited") : { kind: "declined" };
  },

  *invites({ actorId, nowMs }) {
    checkId(nowMs, "nowMs");
    const actor = yield* memberOf(actorId);
    if (actor === undefined) return refused("not_in_guild");
    if (actor.rank < RANK_OFFICER) return refused("no_right");
    return { kind: "found", invites: yield* SELECT_INVITES_OF_GUILD.all(actor.guildId, nowMs) };
  },

  *findInvites({ playerId, nowMs }) {
    checkId(playerId, "playerId");
    checkId(nowMs, "nowMs");
    return yield* SELECT_INVITES.all(playerId, nowMs);
  },

  *deleteExpiredInvites({ nowMs }) {
    checkId(nowMs, "nowMs");
    return yield* DELETE_EXPIRED_INVITES.run(nowMs);
  },
};
