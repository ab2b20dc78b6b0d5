/**
 * Guilds as they are shown: their members and wars.
 *
 * @module
 */

import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Game, PackedReply, type Player, type Topic } from "../../../server/game/game.ts";
import { packetTypeOf } from "../../../shared/contract.ts";
import { RecentCache } from "../common/recent_cache.ts";
import { Roster } from "../common/roster.ts";
import type { SocialService } from "../friends/social_handlers.ts";
import type { GuildsChangedSchema } from "./guild_bus_pb.ts";
import type { GuildMembers } from "./guild_members.ts";
import { refusalOf } from "./guild_refusals.ts";
import { type Guild, type GuildMember, GUILDS } from "./guild_store.ts";
import type { GuildVersions } from "./guild_versions.ts";
import { GuildInfoResponseSchema } from "./guilds_pb.ts";
import { GUILDS_KEPT } from "./limits.ts";

const GUILD_INFO_RESPONSE = packetTypeOf(GuildInfoResponseSchema);

/** Answers with guilds, from memory where they have not changed. */
export class GuildRosters {
  readonly #game: Game;
  readonly #members: GuildMembers;
  readonly #social: Pick<SocialService, "isOnlineFor">;
  readonly #changed: Topic<typeof GuildsChangedSchema>;
  readonly #versions: GuildVersions;
  /** Guilds as they were shown, by id. */
  readonly #shown = new RecentCache<Roster>(GUILDS_KEPT);

  /** @param changed What the other servers are told. */
  constructor(
    game: Game,
    { members, social, changed, versions }: {
      readonly members: GuildMembers;
      readonly social: Pick<SocialService, "isOnlineFor">;
      readonly changed: Topic<typeof GuildsChangedSchema>;
      readonly versions: GuildVersions;
    },
  ) {
    this.#versions = versions;
    this.#changed = changed;
    this.#game = game;
    this.#members = members;
    this.#social = social;
  }

  /**
   * Guilds have changed, by the doing of this server.
   *
   * @param version The change's number.
   * @param told `playerIds`: who may be in another guild now.
   */
  onChange(
    version: number,
    guildIds: readonly number[],
    { playerIds = [], warEndsAtMs = 0 }: { readonly playerIds?: readonly number[]; readonly warEndsAtMs?: number } = {},
  ): void {
    this.#versions.note(version);
    for (const guildId of guildIds) this.#shown.drop(guildId);
    if (!this.#game.bus.isShared) return;
    this.#changed.publish({
      version: BigInt(version),
      guildIds: guildIds.map(BigInt),
      playerIds: playerIds.map(BigInt),
      warEndsAt: BigInt(warEndsAtMs),
    });
  }

  /** A guild has changed, by the doing of another server. */
  drop(guildId: number): void {
    this.#shown.drop(guildId);
  }

  /** Any may have changed. */
  clear(): void {
    this.#shown.clear();
  }

  /** A change failed, and may have been made all the same. */
  onFailure(error: unknown): void {
    this.#shown.onFailure(error);
  }

  /** The reply to GUILD_INFO_REQUEST. @param guildId 0: the player's own. */
  inform(player: Player, guildId: number): PackedReply | Promise<PackedReply> {
    const { playerId } = player;
    const tie = this.#members.isDoubtful(playerId) ? undefined : this.#members.ties.find(playerId);
    if (guildId === 0 && tie === null) throw refusalOf("not_in_guild");
    const wanted = guildId === 0 ? tie?.guildId : guildId;
    const guilds = this.#game.storage.for(player.asker).of(GUILDS);
    if (wanted === undefined) return this.#informOfOwn(player, guilds.loadOf({ playerId }));
    const kept = this.#shown.find(wanted);
    if (kept !== undefined) return this.#reply(player, kept);
    const reading = this.#shown.read(wanted, player.source, {
      read: () => guilds.load({ guildId: wanted }),
      make: (guild) => {
        if (guild === undefined) throw refusalOf("unknown_guild");
        return shownOf(guild);
      },
    });
    return reading.then((shown) => this.#reply(player, shown));
  }

  /** Where it is not known here which guild that is. */
  async #informOfOwn(player: Player, loading: Promise<Guild | undefined>): Promise<PackedReply> {
    const guild = await loading;
    if (guild === undefined) throw refusalOf("not_in_guild");
    return this.#reply(player, shownOf(guild));
  }

  /** Sends a guild as it was just read. */
  show(player: Player, guild: Guild): void {
    player.sendPacked(GUILD_INFO_RESPONSE, this.#reply(player, shownOf(guild)).packed);
  }

  /** Who is online is shown to members, of those who may know it. */
  #reply(player: Player, roster: Roster): PackedReply {
    const viewerId = player.playerId;
    const info = roster.has(viewerId)
      ? roster.pack((playerId) => this.#social.isOnlineFor(viewerId, playerId))
      : roster.packOffline();
    return new PackedReply(info);
  }
}

/** A guild as it is sent. */
function shownOf({ guildId, name, tag, members, wars }: Guild): Roster {
  const part = (message: MessageInitShape<typeof GuildInfoResponseSchema>) =>
    toBinary(GuildInfoResponseSchema, create(GuildInfoResponseSchema, message));
  const memberPart = ({ playerId, ...member }: GuildMember, online: boolean) =>
    part({ members: [{ ...member, playerId: BigInt(playerId), online }] });
  return new Roster({
    head: part({ success: true, guildId: BigInt(guildId), name, tag }),
    players: members.map((member) => ({
      playerId: member.playerId,
      offline: memberPart(member, false),
      online: memberPart(member, true),
    })),
    tail: part({
      wars: wars.map(({ warId, enemyGuildId, enemyName, ownKills, enemyKills, endsAtMs }) => ({
        warId: BigInt(warId),
        enemyGuildId: BigInt(enemyGuildId),
        enemyName,
        ownKills,
        enemyKills,
        endsAt: BigInt(endsAtMs),
      })),
    }),
  });
}
