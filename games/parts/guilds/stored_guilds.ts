/** Guilds in a database. @module */

import {
  checkId,
  checkRows,
  type HandlersOf,
  listOf,
  looksOf,
  type Sql,
  sqlStore,
  statement,
} from "../../../server/game/store.ts";
import {
  type Guild,
  type GuildMember,
  GUILDS,
  type GuildTie,
  type OwnTie,
  type Rank,
  RANK_LEADER,
  RANK_OFFICER,
  type Refused,
} from "./guild_store.ts";
import { GUILD_INVITES } from "./stored_guild_invites.ts";
import {
  accountIdOf,
  addMember,
  dropInvitesBy,
  enemiesOf,
  findTie,
  lastVersion,
  memberOf,
  type MemberRow,
  nextVersion,
  refused,
  removeMember,
  tieOf,
} from "./stored_guild_rows.ts";
import { GUILD_SCHEMA, GUILD_SCHEMA_POSTGRES } from "./guild_schema.ts";
import { GUILD_WARS, warsOf } from "./stored_guild_wars.ts";

type Handlers = HandlersOf<typeof GUILDS>;

interface PlayerTieRow extends GuildTie {
  readonly playerId: number;
}

const HAS_LOOK = statement(
  `SELECT 1 FROM guild_looks WHERE (kind = 'name' AND look IN (SELECT value FROM texts(?1)))
    OR (kind = 'tag' AND look IN (SELECT value FROM texts(?2))) LIMIT 1`,
);
const INSERT_LOOKS = statement(
  `INSERT INTO guild_looks (kind, look, guild_id) SELECT 'name', value, CAST(?1 AS BIGINT) FROM texts(?2)
    UNION ALL SELECT 'tag', value, CAST(?1 AS BIGINT) FROM texts(?3)`,
);
const INSERT_GUILD = statement<{ readonly id: number }>(
  `INSERT INTO guilds (name, name_key, tag, tag_key, created_at_ms) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING RETURNING id`,
);
const SELECT_MEMBERS = statement<GuildMember>(
  `SELECT player_id AS playerId, name, rank FROM guild_members JOIN accounts ON accounts.id = player_id
    WHERE guild_id = ? ORDER BY guild_members.id`,
);
const SELECT_TIES = statement<PlayerTieRow>(
  `SELECT player_id AS playerId, guild_id AS guildId, name, tag
    FROM guild_members JOIN guilds ON guilds.id = guild_id
    WHERE player_id IN (SELECT value FROM ids(?)) ORDER BY player_id`,
);
const DELETE_GUILD = statement("DELETE FROM guilds WHERE id = ?");
const UPDATE_RANK = statement("UPDATE guild_members SET rank = ? WHERE player_id = ?");
const SELECT_SUCCESSOR = statement<{ readonly playerId: number }>(
  "SELECT player_id AS playerId FROM guild_members WHERE guild_id = ? ORDER BY rank DESC, id LIMIT 1",
);

function* guildOf(tie: GuildTie): Sql<Guild> {
  return { ...tie, members: yield* SELECT_MEMBERS.all(tie.guildId), wars: yield* warsOf(tie.guildId) };
}

const FOUNDING: Pick<Handlers, "create"> = {
  *create(guild) {
    checkId(guild.createdAtMs, "createdAtMs");
    if ((yield* memberOf(guild.leaderId)) !== undefined) return refused("in_guild");
    const looks = [guild.name, guild.tag].map((name) => listOf(looksOf(name)));
    if (guild.isLookUnique && (yield* HAS_LOOK.get(...looks)) !== undefined) return refused("name_taken");
    const row = yield* INSERT_GUILD.get(guild.name, guild.nameKey, guild.tag, guild.tagKey, guild.createdAtMs);
    if (row === undefined) return refused("name_taken");
    yield* INSERT_LOOKS.run(row.id, ...looks);
    yield* addMember(guild.leaderId, row.id, RANK_LEADER);
    return { kind: "created", guildId: row.id, version: yield* nextVersion() };
  },
};

const READING: Pick<Handlers, "version" | "load" | "loadOf" | "findTies"> = {
  *version() {
    return yield* lastVersion();
  },
  *load({ guildId }) {
    checkId(guildId, "guildId");
    const tie = yield* findTie(guildId);
    return tie && (yield* guildOf(tie));
  },
  *loadOf({ playerId }) {
    const member = yield* memberOf(playerId);
    return member && (yield* guildOf(yield* tieOf(member.guildId)));
  },
  *findTies(playerIds) {
    checkRows(playerIds.length);
    for (const playerId of playerIds) checkId(playerId, "playerId");
    const version = yield* lastVersion();
    const rows = yield* SELECT_TIES.all(listOf(playerIds));
    // Members of one guild share the list.
    const wars = new Map<number, OwnTie["wars"]>();
    for (const { guildId } of rows) if (!wars.has(guildId)) wars.set(guildId, yield* enemiesOf(guildId));
    return { version, ties: rows.map((row) => ({ ...row, wars: wars.get(row.guildId)! })) };
  },
};

/** A member of the actor's guild, or why the actor cannot do anything to them. */
function* findTarget(
  { actorId, nameKey }: { actorId: number; nameKey: string },
  rankMin: Rank,
): Sql<{ kind: "found"; actor: MemberRow; target: MemberRow } | Refused> {
  const actor = yield* memberOf(actorId);
  if (actor === undefined) return refused("not_in_guild");
  if (actor.rank < rankMin) return refused("no_right");
  const targetId = yield* accountIdOf(nameKey);
  const target = targetId === undefined ? undefined : yield* memberOf(targetId);
  if (target?.guildId !== actor.guildId) return refused("unknown_member");
  return { kind: "found", actor, target };
}

const MEMBERS: Pick<Handlers, "leave" | "kick" | "setRank"> = {
  *leave({ playerId }) {
    const member = yield* memberOf(playerId);
    if (member === undefined) return refused("not_in_guild");
    const { guildId, rank } = member;
    yield* removeMember(playerId);
    const successor = yield* SELECT_SUCCESSOR.get(guildId);
    if (successor === undefined) yield* DELETE_GUILD.run(guildId);
    else if (rank === RANK_LEADER) yield* UPDATE_RANK.run(RANK_LEADER, successor.playerId);
    return { kind: "left", guildId, version: yield* nextVersion() };
  },

  *kick(request) {
    const found = yield* findTarget(request, RANK_OFFICER);
    if (found.kind === "refused") return found;
    const { actor, target } = found;
    if (target.rank >= actor.rank) return refused("no_right");
    yield* removeMember(target.playerId);
    return { kind: "kicked", playerId: target.playerId, guildId: actor.guildId, version: yield* nextVersion() };
  },

  *setRank({ rank, ...request }) {
    const found = yield* findTarget(request, RANK_LEADER);
    if (found.kind === "refused") return found;
    const { actor, target } = found;
    if (target.playerId === actor.playerId && rank !== RANK_LEADER) return refused("own_rank");
    // In this order: a guild never has two leaders, not even in between.
    if (rank === RANK_LEADER) yield* UPDATE_RANK.run(RANK_OFFICER, actor.playerId);
    yield* UPDATE_RANK.run(rank, target.playerId);
    if (rank < RANK_OFFICER) yield* dropInvitesBy(target.playerId);
    return { kind: "set", guild: yield* guildOf(yield* tieOf(actor.guildId)), version: yield* nextVersion() };
  },
};

const HANDLERS: Handlers = { ...FOUNDING, ...MEMBERS, ...READING, ...GUILD_INVITES, ...GUILD_WARS };

/** Guilds, their members, invitations and wars. */
export const STORED_GUILDS = sqlStore(GUILDS, {
  schema: GUILD_SCHEMA,
  postgresSchema: GUILD_SCHEMA_POSTGRES,
  open: () => ({
    handlers: HANDLERS,
    *beforeRemoval(playerId) {
      const left = yield* MEMBERS.leave({ playerId });
      return left.kind === "left" ? { guildId: left.guildId, version: left.version } : null;
    },
  }),
});
