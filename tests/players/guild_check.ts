/** Guilds and their wars, as the contract has them. @module */

import { ErrorCode } from "../../shared/gen/common_pb.ts";
import {
  type GuildCreateRequest,
  type GuildCreateResponse,
  type GuildInfoResponse,
  type GuildInviteNotice,
  GuildRank,
  type GuildWar,
  type GuildWarEnd,
  type GuildWarStart,
} from "../../games/parts/guilds/guilds_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { type Actor, type Board, Contradiction } from "./board.ts";
import type { DueLedger } from "./due_ledger.ts";
import type { FriendCheck } from "./friend_check.ts";

/** A guild of the model. */
export interface ModelGuild {
  /** 0 until the server has said. */
  guildId: number;
  readonly name: string;
  readonly tag: string;
  /** By when they joined. */
  readonly members: Map<Actor, GuildRank>;
}

interface ModelWar {
  readonly declarer: Actor;
  /** 0 until the server has said. */
  warId: number;
  /** The one that declared it, then its enemy. */
  readonly sides: readonly [ModelGuild, ModelGuild];
  /** Who was a member of each when it began. */
  readonly fighters: readonly [ReadonlySet<Actor>, ReadonlySet<Actor>];
  readonly kills: [number, number];
  /** Kills that are written down for certain: one that has just happened may be on its way. */
  writtenKills: readonly [number, number];
  /** Kills of the same instant as its beginning or end, which may count. */
  doubtfulKills: number;
  readonly startedAtMs: number;
  readonly endsAtMs: number;
}

const MEMBERS_MAX = 100;
const INVITES_OF_PLAYER = 16;
const WARS_AGAINST_MAX = 256;
const WARS_MAX = 32;
const WARS_PER_DAY_MAX = 48;
const DAY_MS = 24 * 3_600_000;
const PEACE_MS_MAX = 3_600_000;
/** Ends of wars are looked at once a second, and told a moment later. */
const END_PATIENCE_MS = 1_100;

/** Follows guilds, invitations, wars, and the kills that count. */
export class GuildCheck {
  readonly #board: Board;
  readonly #dues: DueLedger;
  readonly #friends: FriendCheck;
  readonly #warMs: number;
  readonly #guilds = new Set<ModelGuild>();
  /** Guilds that invite a player, and who did it. */
  readonly #invites = new Map<Actor, Map<ModelGuild, Actor>>();
  readonly #founded = new Map<Actor, ModelGuild>();
  #wars: ModelWar[] = [];
  /** Wars of the last day, and of as long as there is to be peace after them. */
  #declared: ModelWar[] = [];
  /** Who became a member of what, or of nothing, and is not yet shown so. */
  #newTies = new Map<Actor, ModelGuild | null>();
  readonly #ties = new Map<Actor, ModelGuild>();
  /** Who was in a guild before each change that is not yet shown: a roster may be of any of these moments. */
  #before = new Map<ModelGuild, ReadonlyMap<Actor, GuildRank>[]>();
  killCount = 0;
  endedWarCount = 0;

  readonly #isMuted: (actor: Actor) => boolean;

  constructor(
    options: {
      board: Board;
      dues: DueLedger;
      friends: FriendCheck;
      isMuted: (actor: Actor) => boolean;
      warMinutes: number;
    },
  ) {
    this.#isMuted = options.isMuted;
    this.#board = options.board;
    this.#dues = options.dues;
    this.#friends = options.friends;
    this.#warMs = options.warMinutes * 60_000;
  }

  get guilds(): readonly ModelGuild[] {
    return [...this.#guilds];
  }

  guildOf(actor: Actor): ModelGuild | undefined {
    for (const guild of this.#guilds) if (guild.members.has(actor)) return guild;
  }

  rankOf(actor: Actor): GuildRank | undefined {
    return this.guildOf(actor)?.members.get(actor);
  }

  invitesOf(actor: Actor): ModelGuild[] {
    return [...this.#invites.get(actor)?.keys() ?? []];
  }

  /** The guild that a player is shown to be of: known to all once the request is answered. */
  tieOf(actor: Actor): ModelGuild | undefined {
    return this.#ties.get(actor);
  }

  /** What was asked for is done, and shown; gives who is of another guild now. */
  settle(): ReadonlyMap<Actor, ModelGuild | null> {
    const changed = this.#newTies;
    this.#newTies = new Map();
    this.#before = new Map();
    for (const war of this.#wars) war.writtenKills = [...war.kills];
    for (const [actor, guild] of changed) {
      if (guild === null) this.#ties.delete(actor);
      else this.#ties.set(actor, guild);
    }
    return changed;
  }

  /** A player came online: invitations that stand are told again. */
  onOnline(actor: Actor): void {
    const invites = [...this.#invites.get(actor) ?? []].sort(([a], [b]) => a.guildId - b.guildId);
    for (const [guild, inviter] of invites) this.#tellInvite(actor, guild, inviter);
  }

  // Requests

  create(actor: Actor, { name, tag }: GuildCreateRequest): void {
    const isBad = !/^(?=.{3,24}$)[\w-]+( [\w-]+)*$/.test(name) || !/^[A-Za-z0-9]{2,5}$/.test(tag);
    const isTaken = () => this.guilds.some((guild) => isSame(guild.name, name) || isSame(guild.tag, tag));
    const code = this.#isMuted(actor)
      ? ErrorCode.MUTED
      : isBad
      ? ErrorCode.NAME_INVALID
      : this.guildOf(actor) !== undefined
      ? ErrorCode.ALREADY_EXISTS
      : isTaken()
      ? ErrorCode.NAME_TAKEN
      : ErrorCode.NONE;
    this.#dues.expect(actor, "guild create", ErrorCode[code]);
    if (code !== ErrorCode.NONE) return;
    const guild: ModelGuild = { guildId: 0, name, tag, members: new Map([[actor, GuildRank.LEADER]]) };
    this.#guilds.add(guild);
    this.#founded.set(actor, guild);
    this.#invites.delete(actor);
    this.#newTies.set(actor, guild);
  }

  invite(actor: Actor, other: Actor | undefined): void {
    const code = this.#judgeInvite(actor, other);
    this.#dues.expect(actor, "guild invite", ErrorCode[code]);
    if (code !== ErrorCode.NONE) return;
    const guild = this.guildOf(actor)!, invited = other!;
    const invites = this.#invites.get(invited) ?? new Map<ModelGuild, Actor>();
    this.#invites.set(invited, invites.set(guild, actor));
    if (invited.isOnline) this.#tellInvite(invited, guild, actor);
  }

  #judgeInvite(actor: Actor, other: Actor | undefined): ErrorCode {
    if (this.#isMuted(actor)) return ErrorCode.MUTED;
    const guild = this.guildOf(actor);
    if (guild === undefined) return ErrorCode.NOT_FOUND;
    if (guild.members.get(actor)! < GuildRank.OFFICER) return ErrorCode.PERMISSION_DENIED;
    if (other === undefined) return ErrorCode.NOT_FOUND;
    if (this.guildOf(other) !== undefined) return ErrorCode.ALREADY_EXISTS;
    const isHidden = this.#friends.ignores(other, actor);
    const before = this.#invites.get(other)?.get(guild);
    const isHiddenBefore = before !== undefined && this.#friends.ignores(other, before);
    if (before !== undefined && (isHidden || !isHiddenBefore)) return ErrorCode.ALREADY_EXISTS;
    if (guild.members.size >= MEMBERS_MAX) return ErrorCode.SERVER_FULL;
    const toGuild = [...this.#invites.values()].filter((invites) => invites.has(guild)).length;
    const seen = [...this.#invites.get(other)?.values() ?? []].filter((by) => !this.#friends.ignores(other, by));
    const isFull = (!isHiddenBefore && toGuild >= MEMBERS_MAX) || (!isHidden && seen.length >= INVITES_OF_PLAYER);
    return isFull ? ErrorCode.OUT_OF_RANGE : ErrorCode.NONE;
  }

  join(actor: Actor, guildId: bigint, isAccepted: boolean): void {
    const guild = this.#find(guildId);
    const invites = this.#invites.get(actor);
    const isInvited = guild !== undefined && invites?.has(guild) === true;
    let code = isInvited ? ErrorCode.NONE : ErrorCode.NOT_FOUND;
    if (isAccepted && this.guildOf(actor) !== undefined) code = ErrorCode.ALREADY_EXISTS;
    else if (isAccepted && isInvited && guild.members.size >= MEMBERS_MAX) code = ErrorCode.SERVER_FULL;
    this.#answer(actor, PacketType.GUILD_JOIN_REQUEST, code);
    if (code !== ErrorCode.NONE) return;
    if (!isAccepted) {
      invites!.delete(guild!);
      return;
    }
    this.#onChange(guild!);
    guild!.members.set(actor, GuildRank.MEMBER);
    this.#invites.delete(actor);
    this.#newTies.set(actor, guild!);
  }

  leave(actor: Actor): void {
    const guild = this.guildOf(actor);
    this.#answer(actor, PacketType.GUILD_LEAVE_REQUEST, guild === undefined ? ErrorCode.NOT_FOUND : ErrorCode.NONE);
    if (guild === undefined) return;
    this.#onChange(guild);
    const wasLeader = guild.members.get(actor) === GuildRank.LEADER;
    this.#endGrants(actor);
    this.#newTies.set(actor, null);
    guild.members.delete(actor);
    if (guild.members.size === 0) return this.#disband(guild);
    if (!wasLeader) return;
    const members = [...guild.members];
    const [heir] = members.find(([, rank]) => rank === GuildRank.OFFICER) ?? members[0];
    guild.members.set(heir, GuildRank.LEADER);
  }

  /** Invitations end with the right of who made them. */
  #endGrants(inviter: Actor): void {
    for (const invites of this.#invites.values()) {
      for (const [guild, by] of invites) if (by === inviter) invites.delete(guild);
    }
  }

  /** Its wars go on. */
  #disband(guild: ModelGuild): void {
    this.#guilds.delete(guild);
    for (const invites of this.#invites.values()) invites.delete(guild);
  }

  kick(actor: Actor, other: Actor | undefined): void {
    const guild = this.guildOf(actor), rank = guild?.members.get(actor);
    const target = other === undefined ? undefined : guild?.members.get(other);
    const code = rank === undefined
      ? ErrorCode.NOT_FOUND
      : rank < GuildRank.OFFICER
      ? ErrorCode.PERMISSION_DENIED
      : target === undefined
      ? ErrorCode.NOT_FOUND
      : target >= rank
      ? ErrorCode.PERMISSION_DENIED
      : ErrorCode.NONE;
    this.#answer(actor, PacketType.GUILD_KICK_REQUEST, code);
    if (code !== ErrorCode.NONE) return;
    this.#onChange(guild!);
    guild!.members.delete(other!);
    this.#endGrants(other!);
    this.#newTies.set(other!, null);
  }

  /** Success is answered with the guild as it is then; gives the code of a refusal. */
  setRank(actor: Actor, other: Actor | undefined, rank: GuildRank): ErrorCode {
    const guild = this.guildOf(actor);
    if (GuildRank[rank] === undefined) return ErrorCode.INVALID_PACKET;
    if (guild === undefined) return ErrorCode.NOT_FOUND;
    if (guild.members.get(actor) !== GuildRank.LEADER) return ErrorCode.PERMISSION_DENIED;
    if (other === undefined || !guild.members.has(other)) return ErrorCode.NOT_FOUND;
    if (other === actor && rank !== GuildRank.LEADER) return ErrorCode.TARGET_INVALID;
    this.#onChange(guild);
    if (rank === GuildRank.LEADER) guild.members.set(actor, GuildRank.OFFICER);
    guild.members.set(other, rank);
    if (rank < GuildRank.OFFICER) this.#endGrants(other);
    this.#expectInfo(actor, guild, [guild.members]);
    return ErrorCode.NONE;
  }

  inform(actor: Actor, guildId: bigint): void {
    const guild = guildId === 0n ? this.guildOf(actor) : this.#find(guildId);
    if (guild === undefined) this.#dues.expect(actor, "guild info", ErrorCode[ErrorCode.NOT_FOUND]);
    else this.#expectInfo(actor, guild, [guild.members, ...this.#before.get(guild) ?? []]);
  }

  declareWar(actor: Actor, enemyId: bigint, enemyName: string): void {
    const guild = this.guildOf(actor);
    const enemy = enemyId !== 0n ? this.#find(enemyId) : this.guilds.find(({ name }) => isSame(name, enemyName));
    const code = this.#isMuted(actor)
      ? ErrorCode.MUTED
      : guild === undefined
      ? ErrorCode.NOT_FOUND
      : this.#judgeWar(actor, guild, enemy);
    const before = this.#wars.find(({ sides }) => sides.includes(guild!) && sides.includes(enemy!));
    if (before !== undefined && code === ErrorCode.ALREADY_EXISTS && this.#board.unixMs >= before.endsAtMs) {
      throw new Contradiction(`${actor.name} declares war while one ends: the script should not`);
    }
    this.#answer(actor, PacketType.GUILD_WAR_START, code);
    if (code !== ErrorCode.NONE) return;
    const startedAtMs = this.#board.unixMs;
    const war: ModelWar = {
      declarer: actor,
      ...{ warId: 0, sides: [guild!, enemy!], kills: [0, 0], writtenKills: [0, 0], doubtfulKills: 0 },
      fighters: [new Set(guild!.members.keys()), new Set(enemy!.members.keys())],
      startedAtMs,
      endsAtMs: startedAtMs + this.#warMs,
    };
    this.#wars.push(war);
    this.#declared.push(war);
    for (const [own, other] of [[guild!, enemy!], [enemy!, guild!]]) {
      this.#tellGuild(own, "war", `starts ${other.name} ${war.endsAtMs}`, actor);
    }
  }

  #judgeWar(actor: Actor, guild: ModelGuild, enemy: ModelGuild | undefined): ErrorCode {
    if (guild.members.get(actor)! < GuildRank.OFFICER) return ErrorCode.PERMISSION_DENIED;
    if (enemy === undefined) return ErrorCode.NOT_FOUND;
    if (enemy === guild) return ErrorCode.TARGET_INVALID;
    if (this.#isAtWar(guild, enemy)) return ErrorCode.ALREADY_EXISTS;
    const nowMs = this.#board.unixMs;
    this.#declared = this.#declared.filter((war) =>
      nowMs < Math.max(this.#peaceUntilMs(war), war.startedAtMs + DAY_MS)
    );
    const isPeace = this.#declared.some((war) => {
      const [first, second] = war.sides;
      const isSame = (first === guild && second === enemy) || (first === enemy && second === guild);
      return (isSame || (war.declarer === actor && second === enemy)) && nowMs < this.#peaceUntilMs(war);
    });
    const today = this.#declared.filter(({ startedAtMs }) => nowMs < startedAtMs + DAY_MS);
    const isSpent = today.filter(({ sides }) => sides[0] === guild).length >= WARS_PER_DAY_MAX ||
      today.filter(({ declarer }) => declarer === actor).length >= WARS_PER_DAY_MAX;
    if (isPeace || isSpent) return ErrorCode.RATE_LIMITED;
    const isFull = this.#wars.filter(({ sides }) => sides[0] === guild).length >= WARS_MAX ||
      this.#wars.filter(({ sides }) => sides[1] === enemy).length >= WARS_AGAINST_MAX;
    return isFull ? ErrorCode.OUT_OF_RANGE : ErrorCode.NONE;
  }

  #peaceUntilMs({ endsAtMs }: ModelWar): number {
    return endsAtMs + Math.min(this.#warMs, PEACE_MS_MAX);
  }

  /** Those on the other side of the wars that a player is in. */
  *enemiesOf(actor: Actor): Generator<Actor> {
    for (const { fighters: [first, second] } of this.#wars) {
      if (first.has(actor)) yield* second;
      else if (second.has(actor)) yield* first;
    }
  }

  /** Whether the two were on different sides when a war began that goes on. */
  areEnemies(one: Actor, other: Actor): boolean {
    return this.#wars.some(({ fighters: [first, second] }) =>
      (first.has(one) && second.has(other)) || (second.has(one) && first.has(other))
    );
  }

  /** Whether the guilds of two players are at war, as far as it can be told while requests are under way. */
  atWar(one: Actor, other: Actor): "no" | "perhaps" | "yes" {
    const isChanging = [one, other].some((actor) => this.#newTies.has(actor));
    const ties = [one, other].map((actor) => this.#ties.get(actor) ?? null);
    const sides = [one, other].map((actor) => this.#newTies.get(actor) ?? this.#ties.get(actor) ?? null);
    const { unixMs } = this.#board;
    const wars = this.#wars.filter((war) =>
      [ties, sides].some(([own, enemy]) =>
        own !== null && enemy !== null && own !== enemy && war.sides.includes(own) && war.sides.includes(enemy)
      ) && unixMs <= war.endsAtMs
    );
    if (wars.length === 0) return "no";
    const isCertain = wars.some(({ startedAtMs, endsAtMs }) => startedAtMs < unixMs && unixMs < endsAtMs);
    return isCertain && !isChanging ? "yes" : "perhaps";
  }

  #isAtWar(guild: ModelGuild, enemy: ModelGuild): boolean {
    return this.#wars.some(({ sides }) => sides.includes(guild) && sides.includes(enemy));
  }

  /** Whether a war of the guild is over and not yet ended: whether it is still there depends on the moment. */
  isWarEnding(guild: ModelGuild): boolean {
    return this.#wars.some(({ sides, endsAtMs }) => sides.includes(guild) && this.#board.unixMs >= endsAtMs);
  }

  /** A player killed another. */
  onKill(killer: Actor, victim: Actor): void {
    const { unixMs } = this.#board;
    for (const war of this.#wars) {
      const side = war.fighters.findIndex((fighters) => fighters.has(killer));
      if (side < 0 || !war.fighters[1 - side].has(victim) || unixMs >= war.endsAtMs) continue;
      this.killCount++;
      if (unixMs === war.startedAtMs) war.doubtfulKills++;
      war.kills[side]++;
    }
  }

  // Answers

  onCreate(actor: Actor, { errorCode, guildId }: GuildCreateResponse): void {
    this.#dues.take(actor, "guild create", ErrorCode[errorCode]);
    if (errorCode !== ErrorCode.NONE) return;
    const guild = this.#founded.get(actor);
    this.#founded.delete(actor);
    if (guild === undefined || this.#find(guildId) !== undefined || guildId === 0n) {
      throw new Contradiction(`${actor.name} was sent the number ${guildId} of a guild, which is in use`);
    }
    guild.guildId = Number(guildId);
  }

  onInfo(actor: Actor, response: GuildInfoResponse): void {
    const { success, errorCode, guildId, name, tag, members, wars } = response;
    if (!success) return this.#dues.take(actor, "guild info", ErrorCode[errorCode]);
    const roster = members.map(({ name, rank, online }) => memberKey(name, rank, online));
    const own = this.#find(guildId);
    const fights = own === undefined || this.isWarEnding(own) ? [] : wars.map(({ enemyName }) => enemyName);
    if (own !== undefined && !actor.isReplaying) {
      for (const war of wars) this.#checkScore(own, war);
    }
    this.#dues.take(actor, "guild info", `${name} ${tag}: ${roster.join(" ")}; ${fights.join(", ")}`);
  }

  /** Every kill counts once it is written down, but for those of a war's first instant, which may. */
  #checkScore(own: ModelGuild, { enemyGuildId, enemyName, ownKills, enemyKills }: GuildWar): void {
    // Another guild may have the name of one that is gone.
    const war = this.#wars.find(({ sides }) =>
      sides.includes(own) && sides.some((side) => side !== own && BigInt(side.guildId) === enemyGuildId)
    );
    if (war === undefined) return;
    const mine = war.sides.indexOf(own);
    [ownKills, enemyKills].forEach((count, index) => {
      const side = index === 0 ? mine : 1 - mine;
      if (count <= war.kills[side] && count >= war.writtenKills[side] - war.doubtfulKills) return;
      throw new Contradiction(
        `The guild info says that ${war.sides[side].name} has ${count} kills in the war of ${own.name} and ` +
          `${enemyName}, it has ${war.writtenKills[side]} to ${war.kills[side]}`,
      );
    });
  }

  onInviteNotice(actor: Actor, { guildName, inviterName }: GuildInviteNotice): void {
    this.#dues.take(actor, "invited", `${guildName} ${inviterName}`);
  }

  onWarStart(actor: Actor, { enemyName, warId, endsAt }: GuildWarStart): void {
    this.#dues.take(actor, "war", `starts ${enemyName} ${endsAt}`);
    const own = this.guildOf(actor);
    const war = this.#wars.find(({ sides, endsAtMs }) =>
      sides.includes(own!) && sides.some(({ name }) => name === enemyName) && endsAtMs === Number(endsAt)
    );
    if (war !== undefined) war.warId = Number(warId);
  }

  onWarEnd(actor: Actor, { warId, winnerGuildId, ownKills, enemyKills }: GuildWarEnd): void {
    const war = this.#wars.find((war) => war.warId === Number(warId));
    const { unixMs } = this.#board;
    if (war !== undefined) {
      if (unixMs < war.endsAtMs) {
        throw new Contradiction(`The war ${warId} ended ${war.endsAtMs - unixMs} ms too early`);
      }
      this.#expectEnd(war);
    }
    this.#dues.take(actor, "war", `ends ${warId} ${winnerGuildId} ${ownKills}:${enemyKills}`);
  }

  /** The guild with more kills has won, unless it is gone. */
  #expectEnd(war: ModelWar): void {
    const [first, second] = war.kills;
    const leader = war.sides[first > second ? 0 : 1];
    const winner = first === second || !this.#guilds.has(leader) ? null : leader;
    this.endedWarCount++;
    this.#wars = this.#wars.filter((other) => other !== war);
    war.sides.forEach((side, index) => {
      const score = `${war.kills[index]}:${war.kills[1 - index]}`;
      this.#tellGuild(side, "war", `ends ${war.warId} ${winner?.guildId ?? 0} ${score}`, war.declarer);
    });
  }

  /** Wars that are over have been ended. */
  checkWars(): void {
    for (const war of this.#wars) {
      if (this.#board.unixMs < war.endsAtMs + END_PATIENCE_MS) continue;
      const hears = (member: Actor) => member.isConnected && !this.#friends.ignores(member, war.declarer);
      const isHeard = war.sides.some(({ members }) => [...members.keys()].some(hears));
      if (isHeard) throw new Contradiction(`The war ${war.warId} should have ended at ${war.endsAtMs}`);
      this.#expectEnd(war);
    }
  }

  // Telling

  #find(guildId: bigint): ModelGuild | undefined {
    for (const guild of this.#guilds) if (BigInt(guild.guildId) === guildId && guildId !== 0n) return guild;
  }

  /** @param rosters Who may be in it by then. */
  #expectInfo(actor: Actor, guild: ModelGuild, rosters: readonly ReadonlyMap<Actor, GuildRank>[]): void {
    const wars = this.isWarEnding(guild) ? [] : this.#wars.filter(({ sides }) => sides.includes(guild));
    const fights = wars.map(({ sides }) => sides[1 - sides.indexOf(guild)].name);
    const keys = rosters.map((members) => {
      const isOwn = members.has(actor);
      const roster = [...members].map(([member, rank]) =>
        memberKey(member.name, rank, isOwn && this.#friends.seesOnline(actor, member))
      );
      return `${guild.name} ${guild.tag}: ${roster.join(" ")}; ${fights.join(", ")}`;
    });
    this.#dues.expect(actor, "guild info", keys);
  }

  /** A guild is about to change. */
  #onChange(guild: ModelGuild): void {
    const before = this.#before.get(guild) ?? [];
    this.#before.set(guild, before);
    before.push(new Map(guild.members));
  }

  #tellInvite(actor: Actor, guild: ModelGuild, inviter: Actor): void {
    if (!this.#friends.ignores(actor, inviter)) this.#dues.expect(actor, "invited", `${guild.name} ${inviter.name}`);
  }

  #tellGuild(guild: ModelGuild, stream: string, key: string, doer: Actor): void {
    for (const member of guild.members.keys()) {
      if (member.isOnline && !this.#friends.ignores(member, doer)) this.#dues.expect(member, stream, key);
    }
  }

  #answer(actor: Actor, requestType: PacketType, code: ErrorCode): void {
    this.#dues.expect(actor, "guild action", `${requestType} ${ErrorCode[code]}`);
  }
}

function memberKey(name: string, rank: GuildRank, isOnline: boolean): string {
  return `${name}/${GuildRank[rank]}${isOnline ? "+" : ""}`;
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
