/**
 * Guilds as the storage keeps them. Every change is one request, decided and done in one transaction, so that the rules
 * hold however many ask at once.
 *
 * @module
 */

import { defineStore, type Partings, read, type StoreOf, write } from "../../../server/game/store.ts";

/** The rank of a new member; ranks are numbered as on the wire. */
export const RANK_MEMBER = 0;
/** The rank that invites, kicks members and declares wars. */
export const RANK_OFFICER = 1;
/** The rank that exactly one member of every guild has. */
export const RANK_LEADER = 2;
/** What a member may do; the higher, the more. */
export type Rank = typeof RANK_MEMBER | typeof RANK_OFFICER | typeof RANK_LEADER;

/** A request that is answered with what was done or why not; a receipt keeps that it was done. */
function change<Argument, Done extends { readonly kind: string }>() {
  return write<Argument, Done | Refused, { readonly kind: string }>(({ kind }) =>
    kind === "refused" ? undefined : { kind }
  );
}

/** A change that servers tell each other of. */
export interface Versioned {
  /** Its number: changes of guilds are numbered one after the other, whichever server makes them. */
  readonly version: number;
}

/**
 * Guilds, their members, invitations and wars. Requests are done in the order they are made. An invitation ends with the
 * right of who made it: it leaves, is put out, or loses its rank.
 */
export const GUILDS = defineStore("guilds", {
  /** Founds a guild, whose leader drops all invitations; refused with `in_guild`, `name_taken`. */
  create: write<NewGuild, Versioned & Founded | Refused, Founded>((answer) =>
    answer.kind === "refused" ? undefined : { kind: answer.kind, guildId: answer.guildId }
  ),

  /**
   * Invites a player; refused with `not_in_guild`, `no_right`, `unknown_player`, `target_in_guild`, `invited_already`,
   * `guild_full`, `invites_full`. Invitations by those whom the player ignores fill nobody's list but the guild's, and
   * give way to one by somebody else.
   */
  invite: change<NewInvite, { readonly kind: "invited"; readonly playerId: number; readonly tie: GuildTie }>(),

  /** Joins a guild that has invited the player; refused with `in_guild`, `not_invited`, `guild_full`. */
  join: change<InviteAnswer, Versioned & { readonly kind: "joined"; readonly tie: OwnTie }>(),

  /**
   * The invitations of a member's guild that still stand, in the order of names; refused with `not_in_guild`,
   * `no_right`.
   */
  invites: read<
    { readonly actorId: number; readonly nowMs: number },
    { readonly kind: "found"; readonly invites: readonly OpenInvite[] } | Refused
  >(),

  /** Takes an invitation of a member's guild back; refused with `not_in_guild`, `no_right`, `none_to_withdraw`. */
  withdraw: change<MemberTarget & { readonly nowMs: number }, { readonly kind: "withdrawn" }>(),

  /** Drops an invitation; refused with `not_invited`. */
  decline: change<InviteAnswer, { readonly kind: "declined" }>(),

  /**
   * Leaves a guild. After its leader, the officer who joined first leads, or else the member who did; a guild without
   * members is gone. Wars go on with those who were members when they began. Refused with `not_in_guild`.
   */
  leave: change<{ readonly playerId: number }, Versioned & { readonly kind: "left"; readonly guildId: number }>(),

  /** Puts a member of lower rank out; refused with `not_in_guild`, `no_right`, `unknown_member`. */
  kick: change<
    MemberTarget,
    Versioned & { readonly kind: "kicked"; readonly playerId: number; readonly guildId: number }
  >(),

  /**
   * Sets a member's rank; a new leader's predecessor becomes an officer. Refused with `not_in_guild`, `no_right`,
   * `unknown_member`, `own_rank` where the leader would be none.
   */
  setRank: write<
    MemberTarget & { readonly rank: Rank },
    Versioned & { readonly kind: "set"; readonly guild: Guild } | Refused
  >(),

  /** The number of the last change. */
  version: read<null, number>(),

  /** A guild with its members, in the order they joined, and its wars. */
  load: read<{ readonly guildId: number }, Guild | undefined>(),

  /** The same of the guild a player is in. */
  loadOf: read<{ readonly playerId: number }, Guild | undefined>(),

  /**
   * The guilds players are in, as they are after the change of this number; those in none are left out.
   *
   * @param playerIds At most `STORAGE_ROWS_MAX`.
   */
  findTies: read<readonly number[], Versioned & { readonly ties: readonly PlayerTie[] }>(),

  /** The invitations of a player that still stand, oldest guild first, but for those by players it ignores. */
  findInvites: read<{ readonly playerId: number; readonly nowMs: number }, readonly Invite[]>(),

  /** Deletes invitations, at most `EXPIRED_DELETED_MAX`, that have expired at `nowMs`. @returns How many. */
  deleteExpiredInvites: write<{ readonly nowMs: number }, number>(),

  /**
   * Declares a war; refused with `not_in_guild`, `no_right`, `unknown_guild`, `own_guild`, `at_war`; `at_peace` while
   * the last war of the two guilds, or of the declarer against this enemy, is not over for as long as it lasted, an hour
   * at most; `wars_spent` where the guild or the declarer has declared too many within a day; `wars_full`.
   */
  declareWar: change<NewWar, Versioned & { readonly kind: "declared"; readonly war: DeclaredWar }>(),

  /**
   * Counts kills in the wars that were going on at their time and had the two on different sides when they began,
   * wherever they are now; others are skipped.
   *
   * @param kills At most `STORAGE_ROWS_MAX`.
   * @returns The guilds of the wars they counted in, one after the other; the change's number, null where none counted.
   */
  addKills: write<readonly Kill[], { readonly guildIds: readonly number[]; readonly version: number | null }>(),

  /**
   * Ends wars that are due, at most `GUILD_WARS_ENDED_MAX`, and tells when the next one is; null: there is none. The
   * guild with more kills has won, unless it is gone. `version` is the change's number, null where none ended.
   */
  endDueWars: write<
    { readonly nowMs: number },
    {
      readonly endedWars: readonly EndedWar[];
      readonly nextEndsAtMs: number | null;
      readonly version: number | null;
    }
  >(),
});

/** The store {@linkcode GUILDS}, as callers have it. */
export type GuildStore = StoreOf<typeof GUILDS>;

/** The guild that one has left whose account is gone; null: it was in none. */
export function leftGuildOf(partings: Partings): Versioned & { readonly guildId: number } | null {
  return partings[GUILDS.name] as ReturnType<typeof leftGuildOf>;
}

/** Why a request changed nothing. */
export type GuildRefusal =
  | "in_guild"
  | "name_taken"
  | "not_in_guild"
  | "no_right"
  | "unknown_player"
  | "unknown_member"
  | "target_in_guild"
  | "invited_already"
  | "not_invited"
  | "none_to_withdraw"
  | "guild_full"
  | "invites_full"
  | "own_rank"
  | "unknown_guild"
  | "own_guild"
  | "at_war"
  | "at_peace"
  | "wars_spent"
  | "wars_full";

/** A request that the rules forbid; nothing was changed. */
export interface Refused {
  readonly kind: "refused";
  readonly reason: GuildRefusal;
}

/** A guild to found. */
export interface NewGuild {
  readonly leaderId: number;
  readonly name: string;
  /** What must be unique: `guildKey(name)`. */
  readonly nameKey: string;
  readonly tag: string;
  /** What must be unique: `guildKey(tag)`. */
  readonly tagKey: string;
  /** Whether no other name, and no other tag, may look the same, by `looksOf()`. Default: false. */
  readonly isLookUnique?: boolean;
  /** Unix time in milliseconds. */
  readonly createdAtMs: number;
}

/** A guild that was founded. */
export interface Founded {
  readonly kind: "created";
  readonly guildId: number;
}

/** An invitation to make. Times are Unix milliseconds. */
export interface NewInvite {
  readonly inviterId: number;
  /** What `nameKey()` makes of the name of the one who is invited. */
  readonly nameKey: string;
  readonly nowMs: number;
  readonly expiresAtMs: number;
}

/** A player's answer to an invitation. */
export interface InviteAnswer {
  readonly playerId: number;
  readonly guildId: number;
  /** Unix time in milliseconds. */
  readonly nowMs: number;
}

/** What one member does to another. */
export interface MemberTarget {
  readonly actorId: number;
  /** What `nameKey()` makes of the other's name. */
  readonly nameKey: string;
}

/** What is shown of a guild beside its members' names. */
export interface GuildTie {
  readonly guildId: number;
  readonly name: string;
  readonly tag: string;
}

/** A war as seen from one of its guilds. */
export interface TieWar {
  readonly enemyGuildId: number;
  /** Unix time in milliseconds. */
  readonly endsAtMs: number;
}

/** What a player's guild is to others. */
export interface OwnTie extends GuildTie {
  /** In the order they were declared; those that are over are among them until they are ended. */
  readonly wars: readonly TieWar[];
}

/** The guild that a player is in. */
export interface PlayerTie extends OwnTie {
  readonly playerId: number;
}

/** An invitation that is still open. */
export interface Invite {
  readonly guildId: number;
  readonly guildName: string;
  readonly inviterId: number;
  readonly inviterName: string;
}

/** An invitation as the guild sees it. */
export interface OpenInvite {
  readonly playerId: number;
  readonly playerName: string;
  readonly inviterName: string;
  /** Unix time in milliseconds. */
  readonly expiresAtMs: number;
}

/** A guild with all that is known of it. */
export interface Guild extends GuildTie {
  readonly members: readonly GuildMember[];
  readonly wars: readonly GuildWar[];
}

/** One member. */
export interface GuildMember {
  readonly playerId: number;
  readonly name: string;
  readonly rank: Rank;
}

/** A war as one of its two guilds sees it. */
export interface GuildWar {
  readonly warId: number;
  readonly enemyGuildId: number;
  readonly enemyName: string;
  readonly ownKills: number;
  readonly enemyKills: number;
  /** Unix time in milliseconds. */
  readonly endsAtMs: number;
}

/** A war to declare. Times are Unix milliseconds. */
export interface NewWar {
  readonly actorId: number;
  /** 0: the guild of the name. */
  readonly enemyGuildId: number;
  /** What `guildKey()` makes of the name; not looked at where there is an id. */
  readonly enemyNameKey: string;
  readonly nowMs: number;
  readonly endsAtMs: number;
}

/** A war that has begun. */
export interface DeclaredWar {
  readonly warId: number;
  /** The one that declared it, then its enemy. */
  readonly sides: readonly [GuildTie, GuildTie];
}

/** A player's death by another one. */
export interface Kill {
  readonly killerId: number;
  readonly victimId: number;
  /** Unix time in milliseconds. */
  readonly atMs: number;
}

/** One guild's part in a war that is over. */
export interface WarSide {
  readonly guildId: number;
  readonly kills: number;
}

/** A war that is over. */
export interface EndedWar {
  readonly warId: number;
  /** The player who declared it; 0: unknown. */
  readonly declarerId: number;
  /** 0: a draw. */
  readonly winnerGuildId: number;
  readonly sides: readonly [WarSide, WarSide];
}
