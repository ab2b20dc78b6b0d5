/** What all of guilds look up in a database, and how members come and go. @module */

import { assert } from "../../../shared/errors.ts";
import { checkId, type Count, countOf, type Sql, statement } from "../../../server/game/store.ts";
import type { GuildRefusal, GuildTie, OwnTie, Rank, Refused } from "./guild_store.ts";

/** A player's place in its guild. */
export interface MemberRow {
  readonly playerId: number;
  readonly guildId: number;
  readonly rank: Rank;
}

const SELECT_TIE = statement<GuildTie>("SELECT id AS guildId, name, tag FROM guilds WHERE id = ?");
const SELECT_ACCOUNT = statement<{ readonly id: number }>("SELECT id FROM accounts WHERE name_key = ?");
const INSERT_MEMBER = statement("INSERT INTO guild_members (player_id, guild_id, rank) VALUES (?, ?, ?)");
const DELETE_MEMBER = statement("DELETE FROM guild_members WHERE player_id = ?");
const COUNT_MEMBERS: Count = statement("SELECT count(*) AS count FROM guild_members WHERE guild_id = ?");
const SELECT_MEMBER = statement<MemberRow>(
  "SELECT player_id AS playerId, guild_id AS guildId, rank FROM guild_members WHERE player_id = ?",
);
const SELECT_WARS = statement<OwnTie["wars"][number]>(
  `SELECT CASE WHEN low_guild_id = ?1 THEN high_guild_id ELSE low_guild_id END AS enemyGuildId, ends_at_ms AS endsAtMs
    FROM guild_wars WHERE low_guild_id = ?1 OR high_guild_id = ?1 ORDER BY id`,
);
const NEXT_VERSION = statement<{ readonly version: number }>(
  "UPDATE guild_version SET version = version + 1 RETURNING version",
);
const SELECT_VERSION = statement<{ readonly version: number }>("SELECT version FROM guild_version");
const DELETE_INVITES_OF = statement("DELETE FROM guild_invites WHERE player_id = ?");
const DELETE_INVITES_BY = statement("DELETE FROM guild_invites WHERE inviter_id = ?");

/** Where a player is a member; undefined: nowhere. */
export function* memberOf(playerId: number): Sql<MemberRow | undefined> {
  checkId(playerId, "playerId");
  return yield* SELECT_MEMBER.get(playerId);
}

/** Numbers a change: one after the other, in the order in which they are made, whichever server makes them. */
export function* nextVersion(): Sql<number> {
  return (yield* NEXT_VERSION.get())!.version;
}

/** The number of the last change. */
export function* lastVersion(): Sql<number> {
  return (yield* SELECT_VERSION.get())!.version;
}

/** A guild's name and tag; undefined: there is none. */
export function* findTie(guildId: number): Sql<GuildTie | undefined> {
  return yield* SELECT_TIE.get(guildId);
}

/** Name and tag of a guild that has members. */
export function* tieOf(guildId: number): Sql<GuildTie> {
  const tie = yield* findTie(guildId);
  assert(tie, "A member's guild is there");
  return tie;
}

/** Against whom a guild is at war. */
export function* enemiesOf(guildId: number): Sql<OwnTie["wars"]> {
  return yield* SELECT_WARS.all(guildId);
}

/** The account of a name. */
export function* accountIdOf(nameKey: string): Sql<number | undefined> {
  return (yield* SELECT_ACCOUNT.get(nameKey))?.id;
}

/** Takes a player into a guild; it needs no invitation any more. */
export function* addMember(playerId: number, guildId: number, rank: Rank): Sql<void> {
  yield* INSERT_MEMBER.run(playerId, guildId, rank);
  yield* DELETE_INVITES_OF.run(playerId);
}

/** Takes a member out of its guild, and with it what it had the right to grant. */
export function* removeMember(playerId: number): Sql<void> {
  yield* DELETE_MEMBER.run(playerId);
  yield* dropInvitesBy(playerId);
}

/** Withdraws all invitations that a player has made. */
export function* dropInvitesBy(playerId: number): Sql<void> {
  yield* DELETE_INVITES_BY.run(playerId);
}

/** How many members a guild has. */
export function* memberCount(guildId: number): Sql<number> {
  return yield* countOf(COUNT_MEMBERS, guildId);
}

/** A request that the rules forbid. */
export function refused(reason: GuildRefusal): Refused {
  return { kind: "refused", reason };
}
