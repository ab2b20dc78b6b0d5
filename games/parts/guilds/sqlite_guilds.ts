/** Guilds in SQLite. @module */

import type { DatabaseSync } from "node:sqlite";
import { checkId, checkRows } from "../../../server/storage/storage_checks.ts";
import { looksOf } from "../../../server/names/public_name.ts";
import { sqliteStore } from "../../../server/storage/sqlite_store.ts";
import type { HandlersOf } from "../../../server/storage/store.ts";
import {
  type Guild,
  type GuildMember,
  GUILDS,
  type GuildTie,
  type PlayerTie,
  type Rank,
  RANK_LEADER,
  RANK_OFFICER,
  type Refused,
} from "./guild_store.ts";
import { guildInvites } from "./sqlite_guild_invites.ts";
import { type GuildRows, guildRows, type MemberRow, refused } from "./sqlite_guild_rows.ts";
import { GUILD_SCHEMA } from "./guild_schema.ts";
import { guildWars, warsOfGuild } from "./sqlite_guild_wars.ts";

type Handlers = HandlersOf<typeof GUILDS>;

/** Guilds, their members, invitations and wars. */
export const SQLITE_GUILDS = sqliteStore(GUILDS, {
  schema: GUILD_SCHEMA,
  open: (database) => {
    const rows = guildRows(database);
    const members = guildMembers(database, rows);
    return {
      handlers: {
        ...guildFounding(database, rows),
        ...members,
        ...guildReading(database, rows),
        ...guildInvites(database, rows),
        ...guildWars(database, rows),
      },
      beforeRemoval: (playerId) => {
        const left = members.leave({ playerId });
        return left.kind === "left" ? left.guildId : null;
      },
    };
  },
});

function guildFounding(database: DatabaseSync, rows: GuildRows): Pick<Handlers, "create"> {
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

  return {
    create: (guild) => {
      checkId(guild.createdAtMs, "createdAtMs");
      if (rows.memberOf(guild.leaderId) !== undefined) return refused("in_guild");
      const looks = JSON.stringify({ name: looksOf(guild.name), tag: looksOf(guild.tag) });
      if (guild.isLookUnique && hasLook.get(looks) !== undefined) return refused("name_taken");
      const row = insertGuild.get(guild.name, guild.nameKey, guild.tag, guild.tagKey, guild.createdAtMs);
      if (row === undefined) return refused("name_taken");
      const guildId = Number(row.id);
      insertLooks.run(guildId, looks);
      rows.addMember(guild.leaderId, guildId, RANK_LEADER);
      return { kind: "created", guildId };
    },
  };
}

function guildReader(database: DatabaseSync): (tie: GuildTie) => Guild {
  const selectMembers = database.prepare(
    `SELECT player_id AS playerId, name, rank FROM guild_members JOIN accounts ON accounts.id = player_id
      WHERE guild_id = ? ORDER BY guild_members.id`,
  );
  const warsOf = warsOfGuild(database);
  return (tie) => {
    const members = selectMembers.all(tie.guildId).map((row) => ({ ...row }) as unknown as GuildMember);
    return { ...tie, members, wars: warsOf(tie.guildId) };
  };
}

function guildReading(database: DatabaseSync, rows: GuildRows): Pick<Handlers, "load" | "loadOf" | "findTies"> {
  const guildOf = guildReader(database);
  const selectTies = database.prepare(
    `SELECT player_id AS playerId, guild_id AS guildId, name, tag
      FROM guild_members JOIN guilds ON guilds.id = guild_id
      WHERE player_id IN (SELECT value FROM json_each(?)) ORDER BY player_id`,
  );

  return {
    load: ({ guildId }) => {
      checkId(guildId, "guildId");
      const tie = rows.findTie(guildId);
      return tie && guildOf(tie);
    },
    loadOf: ({ playerId }) => {
      const member = rows.memberOf(playerId);
      return member && guildOf(rows.tieOf(member.guildId));
    },
    findTies: (playerIds) => {
      checkRows(playerIds.length);
      for (const playerId of playerIds) checkId(playerId, "playerId");
      // Members of one guild share the list.
      const wars = new Map<number, PlayerTie["wars"]>();
      return selectTies.all(JSON.stringify(playerIds)).map((row) => {
        const guildId = Number(row.guildId);
        if (!wars.has(guildId)) wars.set(guildId, rows.warsOf(guildId));
        return { ...row, wars: wars.get(guildId) } as unknown as PlayerTie;
      });
    },
  };
}

function guildMembers(database: DatabaseSync, rows: GuildRows): Pick<Handlers, "leave" | "kick" | "setRank"> {
  const guildOf = guildReader(database);
  const deleteGuild = database.prepare("DELETE FROM guilds WHERE id = ?");
  const updateRank = database.prepare("UPDATE guild_members SET rank = ? WHERE player_id = ?");
  const selectSuccessor = database.prepare(
    "SELECT player_id AS playerId FROM guild_members WHERE guild_id = ? ORDER BY rank DESC, id LIMIT 1",
  );

  /** A member of the actor's guild, or why the actor cannot do anything to them. */
  function findTarget(
    { actorId, nameKey }: { actorId: number; nameKey: string },
    rankMin: Rank,
  ): { kind: "found"; actor: MemberRow; target: MemberRow } | Refused {
    const actor = rows.memberOf(actorId);
    if (actor === undefined) return refused("not_in_guild");
    if (actor.rank < rankMin) return refused("no_right");
    const targetId = rows.accountIdOf(nameKey);
    const target = targetId === undefined ? undefined : rows.memberOf(targetId);
    if (target?.guildId !== actor.guildId) return refused("unknown_member");
    return { kind: "found", actor, target };
  }

  return {
    leave: ({ playerId }) => {
      const member = rows.memberOf(playerId);
      if (member === undefined) return refused("not_in_guild");
      const { guildId, rank } = member;
      rows.removeMember(playerId);
      const successor = selectSuccessor.get(guildId);
      if (successor === undefined) deleteGuild.run(guildId);
      else if (rank === RANK_LEADER) updateRank.run(RANK_LEADER, successor.playerId);
      return { kind: "left", guildId };
    },

    kick: (request) => {
      const found = findTarget(request, RANK_OFFICER);
      if (found.kind === "refused") return found;
      const { actor, target } = found;
      if (target.rank >= actor.rank) return refused("no_right");
      rows.removeMember(target.playerId);
      return { kind: "kicked", playerId: target.playerId, guildId: actor.guildId };
    },

    setRank: ({ rank, ...request }) => {
      const found = findTarget(request, RANK_LEADER);
      if (found.kind === "refused") return found;
      const { actor, target } = found;
      if (target.playerId === actor.playerId && rank !== RANK_LEADER) return refused("own_rank");
      // In this order: a guild never has two leaders, not even in between.
      if (rank === RANK_LEADER) updateRank.run(RANK_OFFICER, actor.playerId);
      updateRank.run(rank, target.playerId);
      if (rank < RANK_OFFICER) rows.dropInvitesBy(target.playerId);
      return { kind: "set", guild: guildOf(rows.tieOf(actor.guildId)) };
    },
  };
}
