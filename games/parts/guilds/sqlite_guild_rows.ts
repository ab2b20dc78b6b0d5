/** What all of guilds in SQLite look up, and how members come and go. @module */

import type { DatabaseSync } from "node:sqlite";
import { assert } from "../../../shared/errors.ts";
import { checkId } from "../../../server/storage/storage_checks.ts";
import type { GuildRefusal, GuildTie, OwnTie, Rank, Refused } from "./guild_store.ts";

/** A player's place in its guild. */
export interface MemberRow {
  readonly playerId: number;
  readonly guildId: number;
  readonly rank: Rank;
}

/** What {@linkcode guildRows} prepares. */
export type GuildRows = ReturnType<typeof guildRows>;

/** Prepares the statements for members and their guilds. */
export function guildRows(database: DatabaseSync) {
  const selectTie = database.prepare("SELECT id AS guildId, name, tag FROM guilds WHERE id = ?");
  const selectAccount = database.prepare("SELECT id FROM accounts WHERE name_key = ?");
  const insertMember = database.prepare("INSERT INTO guild_members (player_id, guild_id, rank) VALUES (?, ?, ?)");
  const deleteMember = database.prepare("DELETE FROM guild_members WHERE player_id = ?");
  const countMembers = database.prepare("SELECT count(*) AS count FROM guild_members WHERE guild_id = ?");
  const selectMember = database.prepare(
    "SELECT player_id AS playerId, guild_id AS guildId, rank FROM guild_members WHERE player_id = ?",
  );
  const selectWars = database.prepare(
    `SELECT iif(low_guild_id = ?1, high_guild_id, low_guild_id) AS enemyGuildId, ends_at_ms AS endsAtMs
      FROM guild_wars WHERE low_guild_id = ?1 OR high_guild_id = ?1 ORDER BY id`,
  );
  const deleteInvitesOf = database.prepare("DELETE FROM guild_invites WHERE player_id = ?");
  const deleteInvitesBy = database.prepare("DELETE FROM guild_invites WHERE inviter_id = ?");

  function memberOf(playerId: number): MemberRow | undefined {
    checkId(playerId, "playerId");
    return selectMember.get(playerId) as MemberRow | undefined;
  }

  function findTie(guildId: number): GuildTie | undefined {
    const row = selectTie.get(guildId);
    return row && { ...row } as unknown as GuildTie;
  }

  function tieOf(guildId: number): GuildTie {
    const tie = findTie(guildId);
    assert(tie, "A member's guild is there");
    return tie;
  }

  function warsOf(guildId: number): OwnTie["wars"] {
    return selectWars.all(guildId).map((row) => ({ ...row }) as unknown as OwnTie["wars"][number]);
  }

  function accountIdOf(nameKey: string): number | undefined {
    return selectAccount.get(nameKey)?.id as number | undefined;
  }

  /** Takes a player into a guild; it needs no invitation any more. */
  function addMember(playerId: number, guildId: number, rank: Rank): void {
    insertMember.run(playerId, guildId, rank);
    deleteInvitesOf.run(playerId);
  }

  /** Takes a member out of its guild, and with it what it had the right to grant. */
  function removeMember(playerId: number): void {
    deleteMember.run(playerId);
    dropInvitesBy(playerId);
  }

  function dropInvitesBy(playerId: number): void {
    deleteInvitesBy.run(playerId);
  }

  function memberCount(guildId: number): number {
    return countOf(countMembers.get(guildId));
  }

  return { memberOf, findTie, tieOf, warsOf, accountIdOf, addMember, removeMember, dropInvitesBy, memberCount };
}

/** A request that the rules forbid. */
export function refused(reason: GuildRefusal): Refused {
  return { kind: "refused", reason };
}

/** What a query of one `count` gives. */
export function countOf(row: Record<string, unknown> | undefined): number {
  return Number(row?.count);
}
