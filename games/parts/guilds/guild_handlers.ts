/**
 * Guilds and their wars, as players see them.
 *
 * @module
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { type GuildsChanged, GuildsChangedSchema } from "./guild_bus_pb.ts";
import { DependencyError } from "../../../shared/errors.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import {
  type GuildCreateRequest,
  GuildCreateRequestSchema,
  type GuildCreateResponseSchema,
  GuildInfoRequestSchema,
  GuildJoinRequestSchema,
  GuildKickRequestSchema,
  GuildLeaveRequestSchema,
  type GuildRank,
  GuildSetRankRequestSchema,
} from "./guilds_pb.ts";
import { GUILD_FORGET_INTERVAL_MS, GUILD_LOOK_INTERVAL_MS } from "./limits.ts";
import {
  definePart,
  type Game,
  type GameOption,
  integer,
  type OnceStores,
  type OptionValues,
  type Partings,
  type Player,
  type PlayerName,
  Refused,
  type Stores,
  SYSTEM,
} from "../../../server/game/game.ts";
import { nameKey } from "../../../server/game/kit.ts";
import { checkGuildName, checkGuildTag, guildKey } from "./guild_names.ts";
import { type GuildActionReply, GuildCalls } from "./guild_calls.ts";
import { GuildInvites } from "./guild_invites.ts";
import { GuildMembers } from "./guild_members.ts";
import { GuildRosters } from "./guild_rosters.ts";
import { GuildWars } from "./guild_wars.ts";
import { GuildVersions } from "./guild_versions.ts";
import { idOf } from "./wire_id.ts";
import {
  GUILDS,
  type GuildTie,
  leftGuildOf,
  type Rank,
  RANK_LEADER,
  RANK_MEMBER,
  RANK_OFFICER,
} from "./guild_store.ts";
import type { SocialService } from "../friends/social_handlers.ts";

/** How often wars and what waits are looked at, in milliseconds. */
const SWEEP_INTERVAL_MS = 1_000;
const RANKS: readonly Rank[] = [RANK_MEMBER, RANK_OFFICER, RANK_LEADER];

/**
 * The guilds of one node. Every change is decided and done by the storage in one transaction; kept here is only who of
 * those online is in which guild, and that is taken from the storage's answers, in their order.
 */
export class GuildService {
  readonly #game: Game;
  readonly #social: Pick<SocialService, "delivery" | "gate" | "isOnlineFor">;
  readonly #calls: GuildCalls;
  readonly #members: GuildMembers;
  readonly #rosters: GuildRosters;
  readonly #invites: GuildInvites;
  readonly #wars: GuildWars;
  readonly #versions = new GuildVersions();
  #nextLookMs = 0;
  #nextForgetMs: number;
  #sweeping: Promise<void> | null = null;

  constructor(game: Game, { friends, guildWarMinutes }: GuildsOptions) {
    const social = friends, warMs = guildWarMinutes * 60_000;
    const calls = new GuildCalls((error) => this.#onFailure(error));
    const versions = this.#versions;
    const members = new GuildMembers(game, { calls, social, versions });
    const changed = game.bus.topic(GuildsChangedSchema);
    const rosters = new GuildRosters(game, { members, social, changed, versions });
    this.#game = game;
    this.#social = social;
    this.#calls = calls;
    this.#members = members;
    this.#rosters = rosters;
    this.#invites = new GuildInvites(game, calls, social);
    this.#wars = new GuildWars(game, { calls, members, rosters, social, warMs });
    this.#nextForgetMs = game.clock.monotonicMs() + GUILD_FORGET_INTERVAL_MS;
    game.hooks.online((player, afterReload) => {
      // Whoever is in the world has been told its invitations, and its guild is loaded.
      if (!afterReload || !player.isInWorld) this.#welcome(player);
    });
    game.hooks.load((playerId, stores) => this.load(playerId, stores));
    game.hooks.appear((entityId, player) => members.show(entityId, player));
    game.hooks.deleted(({ playerId }, { partings }) => this.#accountRemoved(playerId, partings));
    game.hooks.stop(() => this.stop());
    game.every(SWEEP_INTERVAL_MS, () => this.sweep(game.dateMs));
    social.delivery.elsewhere.onGuild((guildId) => members.online(guildId));
    changed.on((change) => this.#onChange(change));
    game.bus.onMissed(() => this.#onMissed());
    game.on(GuildCreateRequestSchema, (player, request, once) => this.#create(player, request, once));
    game.on(
      GuildJoinRequestSchema,
      (player, { guildId, accept }, once) =>
        accept ? this.#join(player, idOf(guildId), once) : this.#invites.decline(player, idOf(guildId), once),
    );
    game.on(GuildLeaveRequestSchema, (player, _, once) => this.#leave(player, once));
    game.on(GuildKickRequestSchema, (player, { playerName }, once) => this.#kick(player, playerName, once));
    game.on(GuildInfoRequestSchema, (player, { guildId }) => rosters.inform(player, idOf(guildId)));
    game.on(
      GuildSetRankRequestSchema,
      (player, { playerName, rank }) => this.#setRank(player, playerName, rank),
    );
  }

  /** The guild of a player; `null` for one in none, `undefined` for one who is not {@linkcode load}ed. */
  find(playerId: number): GuildTie | null | undefined {
    return this.#members.ties.find(playerId);
  }

  /**
   * Learns the guild of a player, unless it is known.
   *
   * @throws {DependencyError} when the storage cannot tell.
   */
  load(playerId: number, stores: Stores): Promise<void> {
    return this.#members.load(playerId, stores);
  }

  /** The members of a guild who are online. */
  membersOnline(guildId: number): Player[] {
    return this.#members.online(guildId);
  }

  /** Whether the guilds of two players are at war; any numbers may be asked. */
  areAtWar(playerId: number, otherId: number): boolean {
    return this.#members.ties.areAtWar(playerId, otherId, this.#game.clock.unixMs());
  }

  /** Takes note of a death: it counts where the two were on different sides when a war began. */
  onKill(killer: PlayerName | null, victim: PlayerName | null): void {
    this.#wars.onKill(killer, victim);
  }

  /** The account of a player is gone, and the storage has taken it out of its guild. */
  #accountRemoved(playerId: number, partings: Partings): void {
    const left = leftGuildOf(partings);
    if (left !== null) this.#rosters.onChange(left.version, [left.guildId], { playerIds: [playerId] });
    this.#members.forget(playerId);
  }

  /**
   * Ends the wars that are due and makes up for what the storage refused; to be called every second or so.
   *
   * @param dateMs The date by which wars are due, as Unix milliseconds: one that can be believed.
   */
  sweep(dateMs: number): void {
    const { clock } = this.#game;
    if (clock.monotonicMs() >= this.#nextForgetMs) {
      this.#nextForgetMs = clock.monotonicMs() + GUILD_FORGET_INTERVAL_MS;
      this.#members.forgetAbsent();
    }
    this.#sweeping ??= this.#catchUp(dateMs).finally(() => this.#sweeping = null);
  }

  /** Resolves when everything is written; to be called once, when nobody is in the world any more. */
  async stop(): Promise<void> {
    await this.#sweeping;
    await this.#wars.flush();
    await this.#calls.idle();
  }

  async #catchUp(dateMs: number): Promise<void> {
    try {
      await this.#wars.catchUp(dateMs);
      await this.#look();
      await this.#members.clearDoubts();
    } catch (error) {
      this.#game.log.warn("Cannot bring guilds up to date, will try again", { error: String(error) });
    }
  }

  /** Whether there are changes in the database that no server could tell of. */
  async #look(): Promise<void> {
    const { clock, config, storage } = this.#game;
    // Whoever has the database for itself knows of all.
    if (config.databaseUrl === "" || clock.monotonicMs() < this.#nextLookMs) return;
    this.#nextLookMs = clock.monotonicMs() + GUILD_LOOK_INTERVAL_MS;
    if (this.#versions.look(await storage.for(SYSTEM).of(GUILDS).version(null))) this.#onMissed();
  }

  /** Any may have changed. */
  #onMissed(): void {
    this.#rosters.clear();
    this.#members.doubtAll();
    this.#wars.onBegun(0);
  }

  /** Another server has changed guilds. What they are now is in the database: the news is only that it is to be read. */
  #onChange({ guildIds, playerIds, warEndsAt, version }: GuildsChanged): void {
    this.#versions.note(Number(version));
    for (const guildId of guildIds.map(Number)) {
      this.#rosters.drop(guildId);
      // They may be at war, or at peace.
      for (const playerId of this.#members.ties.membersOf(guildId)) this.#members.doubt(playerId);
    }
    for (const playerId of playerIds.map(Number)) {
      if (this.#members.ties.find(playerId) !== undefined) this.#members.doubt(playerId);
    }
    if (warEndsAt > 0n) this.#wars.onBegun(Number(warEndsAt));
    this.#game.background("guilds", () => this.#members.clearDoubts());
  }

  /** What failed may have been done: what is known here may not be so any more. */
  #onFailure(error: unknown): void {
    this.#rosters.onFailure(error);
    if (error instanceof DependencyError && error.code === "timeout") this.#members.doubtAll();
  }

  /** Learns the guild of a player who came online, and tells the invitations that still stand. */
  #welcome(player: Player): void {
    const { log, storage } = this.#game;
    const { playerId } = player;
    this.load(playerId, storage.for(player.entrant)).catch((error) => {
      log.warn("Cannot look up the guild of a player, will try again", { error: String(error) });
      this.#members.doubt(playerId);
    });
    this.#invites.remind(player);
  }

  // Requests

  #create(
    player: Player,
    request: GuildCreateRequest,
    once: OnceStores,
  ): Promise<MessageInitShape<typeof GuildCreateResponseSchema>> {
    const { playerId } = player;
    const { clock, config } = this.#game;
    const name = request.name.normalize("NFC"), tag = request.tag.normalize("NFC");
    const isLookUnique = config.names === "unicode";
    const founding = { leaderId: playerId, name, nameKey: guildKey(name), tag, tagKey: guildKey(tag), isLookUnique };
    return this.#calls.durably(once, {
      ask: () => {
        this.#checkFounding(player, name, tag);
        return once.of(GUILDS).create({ ...founding, createdAtMs: clock.unixMs() });
      },
      reply: ({ guildId }) => ({ guildId: BigInt(guildId) }),
      apply: ({ guildId, version }) => {
        this.#rosters.onChange(version, []);
        this.#members.set(playerId, { guildId, name, tag, wars: [] });
      },
    });
  }

  #checkFounding(player: Player, name: string, tag: string): void {
    const { gate } = this.#social;
    const { config, reservedNames } = this.#game;
    gate.checkMayWrite(player);
    if (checkGuildName(name, config.names) !== "ok") {
      throw new Refused(ErrorCode.NAME_INVALID, "Names have 3 to 24 letters, digits, _, - or single spaces");
    }
    if (checkGuildTag(tag, config.names) !== "ok") {
      throw new Refused(ErrorCode.NAME_INVALID, "Tags have 2 to 5 letters or digits");
    }
    if (reservedNames.has(name) || reservedNames.has(tag)) {
      throw new Refused(ErrorCode.NAME_TAKEN, "The name or the tag is reserved");
    }
    gate.takeNotice(player.playerId, "");
  }

  #join(player: Player, guildId: number, once: OnceStores): Promise<GuildActionReply> {
    const { playerId } = player;
    return this.#calls.durably(once, {
      ask: () => once.of(GUILDS).join({ playerId, guildId, nowMs: this.#game.clock.unixMs() }),
      reply: () => ({}),
      apply: ({ tie, version }) => {
        this.#rosters.onChange(version, [tie.guildId]);
        this.#members.set(playerId, tie);
      },
    });
  }

  #leave(player: Player, once: OnceStores): Promise<GuildActionReply> {
    const { playerId } = player;
    return this.#calls.durably(once, {
      ask: () => once.of(GUILDS).leave({ playerId }),
      reply: () => ({}),
      apply: ({ guildId, version }) => {
        this.#rosters.onChange(version, [guildId]);
        this.#members.set(playerId, null);
      },
    });
  }

  #kick(player: Player, playerName: string, once: OnceStores): Promise<GuildActionReply> {
    const { playerId: actorId } = player;
    return this.#calls.durably(once, {
      ask: () => once.of(GUILDS).kick({ actorId, nameKey: nameKey(playerName) }),
      reply: () => ({}),
      apply: ({ playerId, guildId, version }) => {
        this.#rosters.onChange(version, [guildId], { playerIds: [playerId] });
        this.#members.set(playerId, null);
      },
    });
  }

  /** Success is answered with the guild as it is now, as the type has no response of its own. */
  #setRank(player: Player, playerName: string, wanted: GuildRank): Promise<void> {
    const { playerId: actorId } = player;
    const rank = RANKS.find((rank) => rank === wanted as number);
    if (rank === undefined) throw new Refused(ErrorCode.INVALID_PACKET, "No such rank");
    return this.#calls.request(
      () => this.#game.storage.for(player.asker).of(GUILDS).setRank({ actorId, nameKey: nameKey(playerName), rank }),
      ({ guild, version }) => {
        this.#rosters.onChange(version, [guild.guildId]);
        this.#rosters.show(player, guild);
      },
    );
  }
}

/** Options that a game offers its operators when it uses the part; the values are for {@linkcode GuildsOptions}. */
export const GUILD_OPTIONS = {
  guildWarMinutes: {
    kind: integer({ min: 1, max: 10_080, placeholder: "MINUTES" }),
    default: 60,
    help: "How long a war between two guilds lasts",
    alsoCalled: ["war-minutes", "guild-war-duration"],
  },
} satisfies Record<string, GameOption>;

/** What the part works with. */
export interface GuildsOptions extends OptionValues<typeof GUILD_OPTIONS> {
  readonly friends: Pick<SocialService, "delivery" | "gate" | "isOnlineFor">;
}

/** Guilds and their wars. */
export const guilds = definePart("guilds", (game, options: GuildsOptions) => new GuildService(game, options));
