/**
 * Guilds and their wars, as players see them.
 *
 * @module
 */

import { packetTypeOf } from "../../../shared/contract.ts";
import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { DependencyError } from "../../../shared/errors.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import {
  GuildActionResponseSchema,
  type GuildCreateRequest,
  GuildCreateRequestSchema,
  GuildCreateResponseSchema,
  GuildInfoRequestSchema,
  GuildInfoResponseSchema,
  GuildInviteListRequestSchema,
  GuildInviteListResponseSchema,
  GuildInviteNoticeSchema,
  GuildInviteRequestSchema,
  GuildInviteResponseSchema,
  GuildInviteWithdrawSchema,
  GuildJoinRequestSchema,
  GuildKickRequestSchema,
  GuildLeaveRequestSchema,
  type GuildRank,
  GuildSetRankRequestSchema,
  GuildWarEndSchema,
  GuildWarStartSchema,
} from "./guilds_pb.ts";
import { STORAGE_ROWS_MAX } from "../../../shared/limits.ts";
import { GUILD_FORGET_INTERVAL_MS, GUILD_INVITE_LIFETIME_MS, GUILD_KILLS_PENDING_MAX, GUILDS_KEPT } from "./limits.ts";
import { OrderedCalls } from "../common/ordered_calls.ts";
import { RecentCache } from "../common/recent_cache.ts";
import { Roster } from "../common/roster.ts";
import {
  definePart,
  type Game,
  type GameOption,
  integer,
  type OptionValues,
  type Partings,
  type Player,
  type PlayerName,
  Refused,
  type Stores,
  SYSTEM,
} from "../../../server/game/game.ts";
import { nameKey } from "../../../server/game/kit.ts";
import { showGuild } from "./guild_component.ts";
import { checkGuildName, checkGuildTag, guildKey } from "./guild_names.ts";
import { GuildTies } from "./guild_ties.ts";
import {
  type DeclaredWar,
  type EndedWar,
  type Guild,
  type GuildMember,
  type GuildRefusal,
  GUILDS,
  type GuildTie,
  type Invite,
  type Kill,
  leftGuildOf,
  type OwnTie,
  type Rank,
  RANK_LEADER,
  RANK_MEMBER,
  RANK_OFFICER,
  type Refused as RefusedByStore,
} from "./guild_store.ts";
import { playerTarget } from "../chat/contact_gate.ts";
import { KillLedger } from "../leaderboards/kill_ledger.ts";
import type { SocialService } from "../friends/social_handlers.ts";

const GUILD_INFO_RESPONSE = packetTypeOf(GuildInfoResponseSchema);
const GUILD_INVITE_NOTICE = packetTypeOf(GuildInviteNoticeSchema);
const GUILD_INVITE_WITHDRAW = packetTypeOf(GuildInviteWithdrawSchema);
const GUILD_JOIN_REQUEST = packetTypeOf(GuildJoinRequestSchema);
const GUILD_KICK_REQUEST = packetTypeOf(GuildKickRequestSchema);
const GUILD_LEAVE_REQUEST = packetTypeOf(GuildLeaveRequestSchema);
const GUILD_WAR_END = packetTypeOf(GuildWarEndSchema);
const GUILD_WAR_START = packetTypeOf(GuildWarStartSchema);

/** What the one who asked is told. */
const REFUSALS: Readonly<Record<GuildRefusal, { readonly code: ErrorCode; readonly message: string }>> = {
  in_guild: { code: ErrorCode.ALREADY_EXISTS, message: "You are in a guild already" },
  name_taken: { code: ErrorCode.NAME_TAKEN, message: "The name or the tag is in use" },
  not_in_guild: { code: ErrorCode.NOT_FOUND, message: "You are not in a guild" },
  no_right: { code: ErrorCode.PERMISSION_DENIED, message: "Your rank does not allow this" },
  unknown_player: { code: ErrorCode.NOT_FOUND, message: "No such player" },
  unknown_member: { code: ErrorCode.NOT_FOUND, message: "Your guild has no such member" },
  target_in_guild: { code: ErrorCode.ALREADY_EXISTS, message: "The player is in a guild already" },
  invited_already: { code: ErrorCode.ALREADY_EXISTS, message: "The player is invited already" },
  none_to_withdraw: { code: ErrorCode.NOT_FOUND, message: "Your guild has not invited this player" },
  not_invited: { code: ErrorCode.NOT_FOUND, message: "This guild has not invited you" },
  guild_full: { code: ErrorCode.SERVER_FULL, message: "The guild is full" },
  invites_full: { code: ErrorCode.OUT_OF_RANGE, message: "Too many invitations are still open" },
  own_rank: { code: ErrorCode.TARGET_INVALID, message: "A leader gives the leadership to another first" },
  unknown_guild: { code: ErrorCode.NOT_FOUND, message: "No such guild" },
  own_guild: { code: ErrorCode.TARGET_INVALID, message: "A guild cannot be at war with itself" },
  at_war: { code: ErrorCode.ALREADY_EXISTS, message: "The guilds are at war already" },
  at_peace: { code: ErrorCode.RATE_LIMITED, message: "After a war, peace lasts as long as the war did" },
  wars_spent: { code: ErrorCode.RATE_LIMITED, message: "Too many wars are declared within a day" },
  wars_full: { code: ErrorCode.OUT_OF_RANGE, message: "One of the guilds has too many wars" },
};

/** How often wars and what waits are looked at, in milliseconds. */
const SWEEP_INTERVAL_MS = 1_000;
/** An id that nothing has. */
const NO_ID = Number.MAX_SAFE_INTEGER;
const RANKS: readonly Rank[] = [RANK_MEMBER, RANK_OFFICER, RANK_LEADER];

/**
 * The guilds of one node. Every change is decided and done by the storage in one transaction; kept here is only who of
 * those online is in which guild, and that is taken from the storage's answers, in their order.
 */
export class GuildService {
  readonly #game: Game;
  readonly #social: Pick<SocialService, "delivery" | "gate" | "isOnlineFor">;
  readonly #warMs: number;
  readonly #ties = new GuildTies();
  readonly #calls = new OrderedCalls();
  /** Guilds as they were shown, by id. */
  readonly #shown = new RecentCache<Roster>(GUILDS_KEPT);
  readonly #kills: KillLedger<Kill>;
  /** Players whose guild must be asked for again: it could not be learned, or may have changed without our knowing. */
  readonly #doubtful = new Set<number>();
  /** Players who are known and were away when this was last looked at. */
  #absent = new Set<number>();
  /** When a war is due next, Unix milliseconds: at once, so that those that ended while the server was down end now. */
  #nextWarEndMs = 0;
  #nextForgetMs: number;
  #sweeping: Promise<void> | null = null;

  constructor(game: Game, { friends, guildWarMinutes }: GuildsOptions) {
    this.#game = game;
    this.#social = friends;
    this.#warMs = guildWarMinutes * 60_000;
    this.#kills = new KillLedger({
      write: (kills) => this.#addKills(kills),
      begin: (write) => game.background("kills of wars", write),
      pendingMax: GUILD_KILLS_PENDING_MAX,
      log: game.log,
    });
    this.#nextForgetMs = game.clock.monotonicMs() + GUILD_FORGET_INTERVAL_MS;
    game.hooks.online((player, afterReload) => {
      // Whoever is in the world has been told its invitations, and its guild is loaded.
      if (!afterReload || !player.isInWorld) this.#welcome(player);
    });
    game.hooks.load((playerId, stores) => this.load(playerId, stores));
    game.hooks.appear((entityId, player) => this.#show(entityId, player));
    game.hooks.deleted(({ playerId }, { partings }) => this.#accountRemoved(playerId, partings));
    game.hooks.expire((dateMs) => game.storage.for(SYSTEM).of(GUILDS).deleteExpiredInvites({ nowMs: dateMs }));
    game.hooks.stop(() => this.stop());
    game.every(SWEEP_INTERVAL_MS, () => this.sweep(game.dateMs));
    game.on(GuildCreateRequestSchema, (player, request) => this.#create(player, request));
    game.on(GuildInviteRequestSchema, (player, { playerName }) => this.#invite(player, playerName));
    game.on(
      GuildJoinRequestSchema,
      (player, { guildId, accept }) =>
        accept ? this.#join(player, idOf(guildId)) : this.#decline(player, idOf(guildId)),
    );
    game.on(GuildInviteListRequestSchema, (player) => this.#listInvites(player));
    game.on(GuildInviteWithdrawSchema, (player, { playerName }) => this.#withdraw(player, playerName));
    game.on(GuildLeaveRequestSchema, (player) => this.#leave(player));
    game.on(GuildKickRequestSchema, (player, { playerName }) => this.#kick(player, playerName));
    game.on(GuildInfoRequestSchema, (player, { guildId }) => this.#inform(player, idOf(guildId)));
    game.on(
      GuildWarStartSchema,
      (player, { enemyGuildId, enemyName }) => this.#declareWar(player, idOf(enemyGuildId), enemyName),
    );
    game.on(
      GuildSetRankRequestSchema,
      (player, { playerName, rank }) => this.#setRank(player, playerName, rank),
    );
  }

  /** The guild of a player; `null` for one in none, `undefined` for one who is not {@linkcode load}ed. */
  find(playerId: number): GuildTie | null | undefined {
    return this.#ties.find(playerId);
  }

  /**
   * Learns the guild of a player, unless it is known.
   *
   * @throws {DependencyError} when the storage cannot tell.
   */
  async load(playerId: number, stores: Stores): Promise<void> {
    this.#absent.delete(playerId);
    if (this.#ties.find(playerId) !== undefined && !this.#doubtful.has(playerId)) return;
    await this.#loadAll([playerId], stores);
  }

  /** The members of a guild who are online. */
  membersOnline(guildId: number): Player[] {
    const members: Player[] = [];
    for (const playerId of this.#ties.membersOf(guildId)) {
      const player = this.#game.players.find(playerId);
      if (player !== undefined) members.push(player);
    }
    return members;
  }

  /** Whether the guilds of two players are at war; any numbers may be asked. */
  areAtWar(playerId: number, otherId: number): boolean {
    return this.#ties.areAtWar(playerId, otherId, this.#game.clock.unixMs());
  }

  /** Takes note of a death: it counts where the two were on different sides when a war began. */
  onKill(killer: PlayerName | null, victim: PlayerName | null): void {
    const killerId = killer?.playerId, victimId = victim?.playerId;
    if (killerId === undefined || victimId === undefined || killerId === victimId) return;
    this.#kills.add({ killerId, victimId, atMs: this.#game.clock.unixMs() });
  }

  /** The account of a player is gone, and the storage has taken it out of its guild. */
  #accountRemoved(playerId: number, partings: Partings): void {
    const leftGuildId = leftGuildOf(partings);
    if (leftGuildId !== null) this.#shown.drop(leftGuildId);
    this.#retract(playerId, null);
    this.#ties.forget(playerId);
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
      this.#forgetAbsent();
    }
    this.#sweeping ??= this.#catchUp(dateMs).finally(() => this.#sweeping = null);
  }

  /** Resolves when everything is written; to be called once, when nobody is in the world any more. */
  async stop(): Promise<void> {
    await this.#sweeping;
    await this.#kills.flush();
    await this.#calls.idle();
  }

  // Requests

  #create(player: Player, request: GuildCreateRequest): Promise<void> {
    const { playerId } = player;
    const { gate } = this.#social;
    gate.checkMayWrite(player);
    const { clock, config, reservedNames, storage } = this.#game;
    const name = request.name.normalize("NFC"), tag = request.tag.normalize("NFC");
    if (checkGuildName(name, config.names) !== "ok") {
      throw new Refused(ErrorCode.NAME_INVALID, "Names have 3 to 24 letters, digits, _, - or single spaces");
    }
    if (checkGuildTag(tag, config.names) !== "ok") {
      throw new Refused(ErrorCode.NAME_INVALID, "Tags have 2 to 5 letters or digits");
    }
    if (reservedNames.has(name) || reservedNames.has(tag)) {
      throw new Refused(ErrorCode.NAME_TAKEN, "The name or the tag is reserved");
    }
    gate.takeNotice(playerId, "");
    const isLookUnique = config.names === "unicode";
    const founding = { leaderId: playerId, name, nameKey: guildKey(name), tag, tagKey: guildKey(tag), isLookUnique };
    return this.#request(
      () => storage.for(player.asker).of(GUILDS).create({ ...founding, createdAtMs: clock.unixMs() }),
      ({ guildId }) => {
        this.#setTie(playerId, { guildId, name, tag, wars: [] });
        const response = { success: true, guildId: BigInt(guildId) };
        player.tell(GuildCreateResponseSchema, response);
      },
    );
  }

  #invite(player: Player, playerName: string): Promise<void> {
    const inviter = player;
    const { gate } = this.#social;
    gate.checkMayWrite(player);
    const key = nameKey(playerName);
    gate.takeNotice(inviter.playerId, playerTarget(key));
    const { clock, players, storage } = this.#game;
    const nowMs = clock.unixMs();
    const expiresAtMs = nowMs + GUILD_INVITE_LIFETIME_MS;
    return this.#request(
      () =>
        storage.for(player.asker).of(GUILDS).invite({ inviterId: inviter.playerId, nameKey: key, nowMs, expiresAtMs }),
      ({ playerId, tie }) => {
        player.tell(GuildInviteResponseSchema, { success: true });
        const invited = players.find(playerId);
        const invite = {
          guildId: tie.guildId,
          guildName: tie.name,
          inviterId: inviter.playerId,
          inviterName: inviter.name,
        };
        if (invited !== undefined) this.#sendInvite(invited, invite);
      },
    );
  }

  #listInvites(player: Player): Promise<void> {
    const { playerId: actorId } = player;
    const { clock, storage } = this.#game;
    return this.#request(
      () => storage.for(player.asker).of(GUILDS).invites({ actorId, nowMs: clock.unixMs() }),
      ({ invites }) =>
        player.tell(GuildInviteListResponseSchema, {
          success: true,
          invites: invites.map(({ playerId, playerName, inviterName, expiresAtMs }) => ({
            playerId: BigInt(playerId),
            playerName,
            inviterName,
            expiresAt: BigInt(expiresAtMs),
          })),
        }),
    );
  }

  #withdraw(player: Player, playerName: string): Promise<void> {
    const { playerId: actorId } = player;
    const { clock, storage } = this.#game;
    return this.#request(
      () =>
        storage.for(player.asker).of(GUILDS).withdraw({
          actorId,
          nameKey: nameKey(playerName),
          nowMs: clock.unixMs(),
        }),
      () => this.#confirm(player, GUILD_INVITE_WITHDRAW),
    );
  }

  #join(player: Player, guildId: number): Promise<void> {
    const { playerId } = player;
    const { clock, storage } = this.#game;
    return this.#request(
      () => storage.for(player.asker).of(GUILDS).join({ playerId, guildId, nowMs: clock.unixMs() }),
      ({ tie }) => {
        this.#shown.drop(tie.guildId);
        this.#setTie(playerId, tie);
        this.#confirm(player, GUILD_JOIN_REQUEST);
      },
    );
  }

  #decline(player: Player, guildId: number): Promise<void> {
    const { playerId } = player;
    const { clock, storage } = this.#game;
    return this.#request(
      () => storage.for(player.asker).of(GUILDS).decline({ playerId, guildId, nowMs: clock.unixMs() }),
      () => this.#confirm(player, GUILD_JOIN_REQUEST),
    );
  }

  #leave(player: Player): Promise<void> {
    const { playerId } = player;
    return this.#request(
      () => this.#game.storage.for(player.asker).of(GUILDS).leave({ playerId }),
      ({ guildId }) => {
        this.#shown.drop(guildId);
        this.#confirm(player, GUILD_LEAVE_REQUEST);
        this.#setTie(playerId, null);
      },
    );
  }

  #kick(player: Player, playerName: string): Promise<void> {
    const { playerId: actorId } = player;
    return this.#request(
      () => this.#game.storage.for(player.asker).of(GUILDS).kick({ actorId, nameKey: nameKey(playerName) }),
      ({ playerId, guildId }) => {
        this.#shown.drop(guildId);
        this.#setTie(playerId, null);
        this.#confirm(player, GUILD_KICK_REQUEST);
      },
    );
  }

  /** Success is answered with the guild as it is now, as the type has no response of its own. */
  #setRank(player: Player, playerName: string, wanted: GuildRank): Promise<void> {
    const { playerId: actorId } = player;
    const rank = RANKS.find((rank) => rank === wanted as number);
    if (rank === undefined) throw new Refused(ErrorCode.INVALID_PACKET, "No such rank");
    return this.#request(
      () => this.#game.storage.for(player.asker).of(GUILDS).setRank({ actorId, nameKey: nameKey(playerName), rank }),
      ({ guild }) => {
        this.#shown.drop(guild.guildId);
        this.#sendInfo(player, shownOf(guild));
      },
    );
  }

  #inform(player: Player, guildId: number): void | Promise<void> {
    const { playerId } = player;
    const tie = this.#doubtful.has(playerId) ? undefined : this.#ties.find(playerId);
    if (guildId === 0 && tie === null) throw refusalOf("not_in_guild");
    const wanted = guildId === 0 ? tie?.guildId : guildId;
    const guilds = this.#game.storage.for(player.asker).of(GUILDS);
    if (wanted === undefined) return this.#informOfOwn(player, guilds.loadOf({ playerId }));
    const kept = this.#shown.find(wanted);
    if (kept !== undefined) return this.#sendInfo(player, kept);
    const reading = this.#shown.read(wanted, player.source, {
      read: () => guilds.load({ guildId: wanted }),
      make: (guild) => {
        if (guild === undefined) throw refusalOf("unknown_guild");
        return shownOf(guild);
      },
    });
    return reading.then((shown) => this.#sendInfo(player, shown));
  }

  /** Where it is not known here which guild that is. */
  async #informOfOwn(player: Player, loading: Promise<Guild | undefined>): Promise<void> {
    const guild = await loading;
    if (guild === undefined) throw refusalOf("not_in_guild");
    this.#sendInfo(player, shownOf(guild));
  }

  async #addKills(kills: readonly Kill[]): Promise<void> {
    try {
      const guildIds = await this.#game.storage.for(SYSTEM).of(GUILDS).addKills(kills);
      for (const guildId of guildIds) this.#shown.drop(guildId);
    } catch (error) {
      this.#shown.onFailure(error);
      throw error;
    }
  }

  #declareWar(player: Player, enemyGuildId: number, enemyName: string): Promise<void> {
    const { playerId: actorId } = player;
    const { gate } = this.#social;
    gate.checkMayWrite(player);
    gate.takeNotice(actorId, "");
    const { clock, storage } = this.#game;
    const nowMs = clock.unixMs();
    const endsAtMs = nowMs + this.#warMs;
    const enemyNameKey = guildKey(enemyName);
    return this.#request(
      () => storage.for(player.asker).of(GUILDS).declareWar({ actorId, enemyGuildId, enemyNameKey, nowMs, endsAtMs }),
      ({ war }) => {
        this.#nextWarEndMs = Math.min(this.#nextWarEndMs, endsAtMs);
        for (const { guildId } of war.sides) this.#shown.drop(guildId);
        this.#ties.beginWar(war.sides[0].guildId, war.sides[1].guildId, endsAtMs);
        this.#confirm(player, GUILD_WAR_START);
        this.#announceStart(war, actorId, endsAtMs);
      },
    );
  }

  /**
   * Asks the storage to decide and do something, and takes the answer in its turn; rejects with what the client is told.
   *
   * @param apply Called only when it was done.
   */
  #request<T extends { readonly kind: string }>(
    call: () => Promise<T | RefusedByStore>,
    apply: (answer: Exclude<T, RefusedByStore>) => void,
  ): Promise<void> {
    // The promise of the call itself, so that refusals go out in their turn as well.
    return this.#calls.run(() => this.#watched(call), (answer) => {
      if (isRefused(answer)) throw refusalOf(answer.reason);
      apply(answer as Exclude<T, RefusedByStore>);
    });
  }

  #watched<T>(call: () => Promise<T>): Promise<T> {
    const answered = call();
    // Beside the way of the answer, which must not become longer than that of others: they are taken as they come.
    answered.catch((error) => {
      // It may have been done: what is known here may not be so any more.
      this.#shown.onFailure(error);
      if (!(error instanceof DependencyError) || error.code !== "timeout") return;
      for (const playerId of this.#ties.playerIds) this.#doubtful.add(playerId);
    });
    return answered;
  }

  // Who is in which guild

  /** Learns the guild of a player who came online, and tells the invitations that still stand. */
  #welcome(player: Player): void {
    const { clock, log, storage } = this.#game;
    const { playerId } = player;
    this.load(playerId, storage.for(player.entrant)).catch((error) => {
      log.warn("Cannot learn the guild of a player, will try again", { error: String(error) });
      this.#doubtful.add(playerId);
    });
    this.#calls.run(
      () => storage.for(player.entrant).of(GUILDS).findInvites({ playerId, nowMs: clock.unixMs() }),
      (invites) => {
        for (const invite of invites) if (!player.isOver) this.#sendInvite(player, invite);
      },
    ).catch((error) => log.warn("Cannot tell invitations", { error: String(error) }));
  }

  async #loadAll(playerIds: readonly number[], stores: Stores): Promise<void> {
    await this.#calls.run(
      () => stores.of(GUILDS).findTies(playerIds),
      (ties) => {
        const byPlayer = new Map(ties.map(({ playerId, ...tie }) => [playerId, tie]));
        for (const playerId of playerIds) this.#setTie(playerId, byPlayer.get(playerId) ?? null);
      },
    );
  }

  /** Forgets players who have been away since the last call; one who is about to come is not among them. */
  #forgetAbsent(): void {
    const absent = new Set<number>();
    for (const playerId of this.#ties.playerIds) {
      if (this.#game.players.isOnline(playerId)) continue;
      if (this.#absent.has(playerId)) this.#ties.forget(playerId);
      else absent.add(playerId);
    }
    this.#absent = absent;
  }

  /** Shows the guild of a player at its entity. */
  #show(entityId: number, { playerId }: PlayerName): void {
    showGuild(this.#game.world, entityId, this.#ties.find(playerId));
  }

  /** Takes what the storage says of a player, and shows it in the world. */
  #setTie(playerId: number, tie: OwnTie | null): void {
    const { players, world } = this.#game;
    const player = players.find(playerId);
    this.#retract(playerId, tie);
    if (!this.#ties.set(playerId, tie) || player === undefined || !player.isInWorld) return;
    showGuild(world, player.entityId, tie);
  }

  /** A player who changes guilds, or leaves one, is no longer heard in the old one, even if it logs out at once. */
  #retract(playerId: number, tie: OwnTie | null): void {
    const guildId = this.#ties.find(playerId)?.guildId;
    if (guildId === undefined || guildId === tie?.guildId) return;
    this.#social.delivery.fanOut.retract(playerId, guildAudience(guildId));
  }

  async #catchUp(dateMs: number): Promise<void> {
    const { log, storage } = this.#game;
    try {
      await this.#kills.flush();
      const isWarDue = dateMs >= this.#nextWarEndMs;
      // The kills come first: they decide who has won.
      if (isWarDue && this.#kills.pendingCount === 0) {
        await this.#calls.run(() => storage.for(SYSTEM).of(GUILDS).endDueWars({ nowMs: dateMs }), (answer) => {
          this.#nextWarEndMs = answer.nextEndsAtMs ?? Infinity;
          for (const war of answer.endedWars) this.#announceEnd(war);
        });
      }
      await this.#clearDoubts();
    } catch (error) {
      log.warn("Cannot bring guilds up to date, will try again", { error: String(error) });
    }
  }

  /** Asks the storage again for the guilds of players that are not known for certain. */
  async #clearDoubts(): Promise<void> {
    if (this.#doubtful.size === 0) return;
    const playerIds = [...this.#doubtful].slice(0, STORAGE_ROWS_MAX);
    for (const playerId of playerIds) this.#doubtful.delete(playerId);
    try {
      await this.#loadAll(playerIds, this.#game.storage.for(SYSTEM));
    } catch (error) {
      for (const playerId of playerIds) this.#doubtful.add(playerId);
      throw error;
    }
  }

  // Telling

  #confirm(player: Player, requestType: number): void {
    player.tell(GuildActionResponseSchema, { success: true, requestType });
  }

  /** An invitation is treated like chat: a player who ignores the inviter does not hear of it. */
  #sendInvite(player: Player, { guildId, guildName, inviterId, inviterName }: Invite): void {
    const notice = create(GuildInviteNoticeSchema, { guildId: BigInt(guildId), guildName, inviterName });
    const payload = toBinary(GuildInviteNoticeSchema, notice);
    this.#social.delivery.deliver({ senderId: inviterId, type: GUILD_INVITE_NOTICE, payload }, [player]);
  }

  /** Who is online is shown to members, of those who may know it. */
  #sendInfo(player: Player, roster: Roster): void {
    const viewerId = player.playerId;
    const info = roster.has(viewerId)
      ? roster.pack((playerId) => this.#social.isOnlineFor(viewerId, playerId))
      : roster.packOffline();
    player.sendPacked(GUILD_INFO_RESPONSE, info);
  }

  /** Tells the members of a guild of what a player did; members who ignore that player do not hear of it. */
  #tellGuild<Desc extends DescMessage>(
    { guildId, senderId }: { readonly guildId: number; readonly senderId: number },
    type: number,
    schema: Desc,
    message: MessageInitShape<Desc>,
  ): void {
    const payload = toBinary(schema, create(schema, message));
    this.#social.delivery.deliver({ senderId, type, payload }, this.membersOnline(guildId));
  }

  #announceStart({ warId, sides: [first, second] }: DeclaredWar, declarerId: number, endsAtMs: number): void {
    for (const [own, enemy] of [[first, second], [second, first]]) {
      const about = { guildId: own.guildId, senderId: declarerId };
      this.#tellGuild(about, GUILD_WAR_START, GuildWarStartSchema, {
        enemyGuildId: BigInt(enemy.guildId),
        enemyName: enemy.name,
        warId: BigInt(warId),
        endsAt: BigInt(endsAtMs),
      });
    }
  }

  #announceEnd({ warId, declarerId, winnerGuildId, sides: [first, second] }: EndedWar): void {
    this.#ties.endWar(first.guildId, second.guildId);
    for (const { guildId } of [first, second]) this.#shown.drop(guildId);
    for (const [own, enemy] of [[first, second], [second, first]]) {
      const about = { guildId: own.guildId, senderId: declarerId };
      this.#tellGuild(about, GUILD_WAR_END, GuildWarEndSchema, {
        warId: BigInt(warId),
        winnerGuildId: BigInt(winnerGuildId),
        ownKills: own.kills,
        enemyKills: enemy.kills,
      });
    }
  }
}

/** Who hears what is said in a guild. */
export function guildAudience(guildId: number): string {
  return `guild ${guildId}`;
}

/** An id from the wire; one that no number can hold belongs to nothing. */
function idOf(id: bigint): number {
  return id < BigInt(NO_ID) ? Number(id) : NO_ID;
}

function isRefused(answer: { readonly kind: string }): answer is RefusedByStore {
  return answer.kind === "refused";
}

function refusalOf(reason: GuildRefusal): Refused {
  return new Refused(REFUSALS[reason].code, REFUSALS[reason].message);
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
