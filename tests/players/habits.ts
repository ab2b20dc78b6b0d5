/** What scripted players do, mostly what is allowed, and now and then what is not. @module */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import * as chat from "../../games/marsh/contract.ts";
import type { ErrorCode } from "../../shared/gen/common_pb.ts";
import { CombatActionSchema, RespawnRequestSchema } from "../../games/parts/combat/combat_pb.ts";
import { MapInfoRequestSchema, PortalRequestSchema } from "../../games/marsh/marsh_pb.ts";
import { MovementUpdateSchema } from "../../shared/gen/world_pb.ts";
import * as guild from "../../games/marsh/contract.ts";
import { LeaderboardRequestSchema } from "../../games/parts/leaderboards/leaderboards_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import * as social from "../../games/marsh/contract.ts";
import type { Actor } from "./board.ts";
import type { Chance } from "./chance.ts";
import type { Checker } from "./checker.ts";
import type { PortalRule } from "./map_rules.ts";
import type { ScriptedPlayer } from "./scripted_player.ts";
import { type Body, isPlaced } from "./body.ts";

/** How far a player walks between two movements of its own, 200 ms apart, in centimetres: the speed limit. */
const STEP_CM = 200;
/** How far away somebody is to fight with, at most, in centimetres. */
const NEAR_CM = 2_400;
/** Of a hundred steps in a war, how many begin with a look for an enemy. */
const SEEK_PERCENT = 20;
/** There are names for one guild in this many players: few enough that wars meet. */
const PLAYERS_PER_GUILD = 40;
/** Leaderboards that there are not. */
const NO_LEADERBOARDS = [
  { board: 3, period: 0, limit: 1 },
  { board: 0, period: 2, limit: 1 },
  { board: 0, period: 0, limit: 101 },
];
const NOBODY = "Nobody-at-all";
const HUGE_ID = 2n ** 63n + 1n;

/** What players do. */
export class Habits {
  readonly #chance: Chance;
  readonly #checker: Checker;
  #textCount = 0;

  constructor(chance: Chance, checker: Checker) {
    this.#chance = chance;
    this.#checker = checker;
  }

  // Walking and fighting

  /** Walks a step towards its goal, or tries what a cheat would. */
  walk(player: ScriptedPlayer): void {
    const { fights } = this.#checker;
    const body = this.#bodyOf(player);
    this.#seekEnemy(player, body);
    const sequenceNumber = ++player.movementSequence;
    const init = this.#chance.percent(2) ? this.#cheat(body) : this.#step(player, body);
    const message = { ...init, sequenceNumber };
    player.send(
      PacketType.MOVEMENT_UPDATE,
      MovementUpdateSchema,
      message,
      (movement) => fights.onMove(player.actor, movement),
    );
  }

  /** Whoever is in a war goes for the nearest enemy: by chance too few would meet. */
  #seekEnemy(player: ScriptedPlayer, body: Body): void {
    if (player.isTravelling || !this.#chance.percent(SEEK_PERCENT)) return;
    const enemy = this.#nearestEnemy(body);
    if (enemy !== undefined) player.goal = { x: enemy.x, z: enemy.z };
  }

  #nearestEnemy(body: Body): Body | undefined {
    const { guilds, sight } = this.#checker;
    let nearest: Body | undefined;
    for (const { entityId } of body.actor === null ? [] : guilds.enemiesOf(body.actor)) {
      const enemy = sight.bodies.get(entityId);
      if (enemy === undefined || enemy.map !== body.map || !isPlaced(enemy) || enemy.hp === 0) continue;
      if (nearest === undefined || sight.distanceCm(body, enemy) < sight.distanceCm(body, nearest)) nearest = enemy;
    }
    return nearest;
  }

  /** Whether somebody is near with whose guild the player's own is at war. */
  hasEnemyNear(player: ScriptedPlayer): boolean {
    const body = this.#bodyOf(player);
    const enemy = this.#nearestEnemy(body);
    return enemy !== undefined && this.#checker.sight.distanceCm(body, enemy) < NEAR_CM;
  }

  #step(player: ScriptedPlayer, body: Body) {
    const { goal } = player;
    const distance = Math.hypot(goal.x - body.x, goal.z - body.z);
    // Travellers stay at their portal for a second or so, and try it.
    if (distance < STEP_CM && !(player.isTravelling && this.#chance.percent(80))) this.#chooseGoal(player, body);
    const share = distance === 0 ? 0 : Math.min(1, STEP_CM / distance);
    const x = Math.trunc(body.x + (goal.x - body.x) * share), z = Math.trunc(body.z + (goal.z - body.z) * share);
    const [vx, vz] = [(x - body.x) * 5, (z - body.z) * 5];
    return { position: units(x, body.y, z), velocity: units(vx, 0, vz), rotation: { x: 0, y: 0.5, z: 0 } };
  }

  #chooseGoal(player: ScriptedPlayer, { map }: Body): void {
    // The market draws a crowd; whoever is elsewhere is mostly alone. On other maps most look for the way on.
    const isFirst = map.mapId === 0;
    if (this.#chance.percent(isFirst ? 5 : 40)) {
      const { x, z } = this.#chance.pick(map.portals);
      player.goal = { x: Math.trunc(x), z: Math.trunc(z) };
      player.isTravelling = true;
      return;
    }
    player.isTravelling = false;
    if (map.safeAreas.length > 0 && this.#chance.percent(6)) {
      // Some of them right at its border.
      const { radius, ...area } = this.#chance.pick(map.safeAreas);
      const angle = this.#chance.between(0, 2 * Math.PI), out = radius * this.#chance.between(0, 1.2);
      const at = [area.x + out * Math.cos(angle), area.z + out * Math.sin(angle)];
      const [x, z] = at.map((side, index) =>
        Math.trunc(Math.max(0, Math.min(index === 0 ? map.width : map.height, side)))
      );
      player.goal = { x, z };
      return;
    }
    const [from, to] = this.#chance.percent(isFirst ? 42 : 20) ? [0.45, 0.55] : [0, 1];
    const x = this.#chance.between(from, to) * map.width, z = this.#chance.between(from, to) * map.height;
    player.goal = { x: Math.trunc(x), z: Math.trunc(z) };
  }

  #cheat({ entityId, map, x, y, z }: Body) {
    const away = x > map.width / 2 ? x - 5_000 : x + 5_000;
    return this.#chance.pick([
      { position: units(away, y, z) },
      { position: { x: NaN, y: 0, z: 0 } },
      { position: { x: 0, y: 0, z: Infinity } },
      { position: units(x, y, -100) },
      { position: units(map.width + 100, y, z) },
      { entityId: BigInt(entityId + 1), position: units(x, y, z) },
      { entityId: HUGE_ID, position: units(x, y, z) },
    ]);
  }

  /** Passes the portal it stands at, or tries to pass one that it cannot; now and then asks where it is. */
  travel(player: ScriptedPlayer): void {
    const { actor } = player, { portals } = this.#checker;
    if (this.#chance.percent(10)) {
      return player.send(PacketType.MAP_INFO_REQUEST, MapInfoRequestSchema, {}, () => portals.askInfo(actor));
    }
    const { map } = this.#bodyOf(player);
    const near = map.portals.find((portal) => this.#isAt(player, portal));
    if (near === undefined && !this.#chance.percent(10)) return;
    const portalId = near !== undefined && !this.#chance.percent(5)
      ? near.portalId
      : this.#chance.pick([0, 4_000_000_000, map.portals[0].portalId, 101, 201]);
    player.send(PacketType.PORTAL_REQUEST, PortalRequestSchema, { portalId }, () => portals.use(actor, portalId));
  }

  /** Whether a player stands where it can pass the portal that it was on its way to. */
  isAtPortal(player: ScriptedPlayer): boolean {
    return player.isTravelling && this.#bodyOf(player).map.portals.some((portal) => this.#isAt(player, portal));
  }

  #isAt(player: ScriptedPlayer, portal: PortalRule): boolean {
    return this.#checker.sight.distanceCm(this.#bodyOf(player), portal) < portal.radius;
  }

  /** Asks for a leaderboard. */
  askLeaderboard(player: ScriptedPlayer): void {
    const request = this.#chance.percent(5) ? this.#chance.pick(NO_LEADERBOARDS) : {
      board: this.#chance.below(3),
      period: this.#chance.below(2),
      limit: this.#chance.pick([0, 1, 10, 100]),
    };
    player.send(
      PacketType.LEADERBOARD_REQUEST,
      LeaderboardRequestSchema,
      request,
      () => this.#checker.scores.ask(player.actor, request),
    );
  }

  /** Uses a skill on somebody who is near, or on what cannot be hit. */
  fight(player: ScriptedPlayer): void {
    // No portal takes who fights.
    if (player.isTravelling) return;
    const body = this.#bodyOf(player);
    const target = this.#findTarget(body);
    if (target === undefined && !this.#chance.percent(5)) return;
    const action = this.#chance.percent(8) || target === undefined ? this.#badAction(body) : this.#action(body, target);
    this.#act(player, action);
  }

  #act(player: ScriptedPlayer, action: MessageInitShape<typeof CombatActionSchema>): void {
    const message = create(CombatActionSchema, action);
    const send = () => player.send(PacketType.COMBAT_ACTION, CombatActionSchema, message);
    this.#checker.act(player.actor, message, send);
  }

  #findTarget(body: Body): Body | undefined {
    const { sight } = this.#checker;
    const near = [...sight.bodies.values()].filter((other) =>
      other !== body && sight.isShown(body.entityId, other.entityId) && sight.distanceCm(body, other) < NEAR_CM
    );
    if (near.length === 0) return undefined;
    const enemies = near.filter((other) => other.hp > 0 && this.#isEnemy(body.actor, other.actor));
    if (enemies.length > 0) return this.#chance.pick(enemies);
    // The nearest of a few: most will do to fight with.
    const some = [1, 2, 3].map(() => this.#chance.pick(near));
    return some.sort((a, b) => sight.distanceCm(body, a) - sight.distanceCm(body, b))[0];
  }

  #isEnemy(one: Actor | null, other: Actor | null): boolean {
    return one !== null && other !== null && this.#checker.guilds.areEnemies(one, other);
  }

  #action(body: Body, target: Body) {
    const isNear = this.#checker.sight.distanceCm(body, target) < 290;
    const skillId = isNear ? this.#chance.pick([1, 1, 2, 3]) : this.#chance.pick([2, 2, 3]);
    return skillId === 3
      ? { skillId, targetPosition: units(target.x + 50, 0, target.z - 50) }
      : { skillId, targetId: BigInt(target.entityId) };
  }

  #badAction({ entityId, x, z }: Body) {
    return this.#chance.pick([
      { skillId: 0, targetId: 1n },
      { skillId: 99, targetId: 1n },
      { skillId: 1, targetId: BigInt(entityId) },
      { skillId: 2, targetId: HUGE_ID },
      { skillId: 2, targetId: 0n },
      { skillId: 1, targetId: 1n, attackerId: BigInt(entityId + 1) },
      { skillId: 3 },
      { skillId: 3, targetPosition: { x: NaN, y: 0, z: 0 } },
      { skillId: 3, targetPosition: units(x > 10_000 ? x - 6_000 : x + 6_000, 0, z) },
      { skillId: 3, targetPosition: units(x + 100, 0, z + 100) },
    ]);
  }

  /** The dead ask to come back, at times too early; at times the living ask. */
  askRespawn(player: ScriptedPlayer): void {
    const { fights } = this.#checker;
    if (!fights.isDeathKnown(player.actor)) return;
    player.send(PacketType.RESPAWN_REQUEST, RespawnRequestSchema, {}, () => {
      this.#checker.expectError(player.actor, PacketType.RESPAWN_REQUEST, fights.onRespawnRequest(player.actor));
    });
  }

  // Talking

  /** Says something somewhere. */
  talk(player: ScriptedPlayer): void {
    const { actor } = player;
    const message = this.#chance.percent(6)
      ? this.#badText()
      : `text-${++this.#textCount}-${"x".repeat(this.#chance.below(60))}`;
    const channel = this.#chance.pick([
      ...[Channel.GLOBAL, Channel.AREA, Channel.AREA, Channel.GUILD, Channel.GUILD, Channel.ROOM, Channel.ROOM],
      ...[Channel.WHISPER, Channel.WHISPER, this.#chance.percent(10) ? Channel.TRADE : Channel.WHISPER],
    ]);
    const to = channel === Channel.WHISPER ? this.#whisperTo() : {};
    const rooms = this.#checker.rooms.roomsOf(actor);
    const roomId = channel !== Channel.ROOM
      ? 0n
      : rooms.length > 0 && !this.#chance.percent(10)
      ? BigInt(this.#chance.pick(rooms))
      : this.#chance.pick([0n, HUGE_ID, 1n]);
    player.send(
      PacketType.CHAT_MESSAGE,
      ChatMessageSchema,
      { channel, message, roomId, ...to },
      (message) => this.#checker.say(actor, message),
    );
  }

  #whisperTo() {
    const { name, playerId } = this.#anybody();
    return this.#chance.pick([
      ...[{ recipientName: name }, { recipientName: name.toUpperCase() }, { recipientId: BigInt(playerId) }],
      ...(this.#chance.percent(10) ? [{ recipientName: NOBODY }, { recipientId: HUGE_ID }, { recipientName: "" }] : []),
    ]);
  }

  #badText(): string {
    return this.#chance.pick(["", "   ", "x".repeat(256), "ä".repeat(128), "bell \u0007"]);
  }

  // Guilds

  /** Does something about guilds. */
  guild(player: ScriptedPlayer): void {
    const { actor } = player, { guilds } = this.#checker;
    const rank = guilds.rankOf(actor);
    const own = guilds.guildOf(actor);
    if (own !== undefined && guilds.isWarEnding(own)) return;
    const roll = this.#chance.below(100);
    if (rank === undefined) {
      const invites = guilds.invitesOf(actor);
      if (invites.length > 0 && roll < 70) this.#answerInvite(player, this.#chance.pick(invites).guildId);
      else if (roll < 85) this.#found(player);
      else if (roll < 90) this.#answerInvite(player, this.#chance.pick([0, 1, 2]));
      else this.#guildMatter(player, roll);
    } else this.#guildMatter(player, roll);
  }

  #answerInvite(player: ScriptedPlayer, guildId: number): void {
    const accept = this.#chance.percent(80);
    player.send(
      PacketType.GUILD_JOIN_REQUEST,
      guild.GuildJoinRequestSchema,
      { guildId: BigInt(guildId), accept },
      () => this.#checker.guilds.join(player.actor, BigInt(guildId), accept),
    );
  }

  #found(player: ScriptedPlayer): void {
    const number = this.#chance.below(Math.max(3, this.#checker.board.actors.length / PLAYERS_PER_GUILD));
    const init = this.#chance.percent(10)
      ? this.#chance.pick([{ name: "x", tag: "TAG" }, { name: "Good Name", tag: "?" }, { name: "", tag: "" }])
      : { name: `Guild ${number}`, tag: `G${number}` };
    player.send(
      PacketType.GUILD_CREATE_REQUEST,
      guild.GuildCreateRequestSchema,
      init,
      (request) => this.#checker.guilds.create(player.actor, request),
    );
  }

  #guildMatter(player: ScriptedPlayer, roll: number): void {
    const { actor } = player, { guilds } = this.#checker;
    const other = this.#chance.percent(5) ? undefined : this.#anybody();
    const playerName = other?.name ?? NOBODY;
    // Whoever joins later has no part in a war: few begin one alone.
    const isAlone = (guilds.guildOf(actor)?.members.size ?? 0) < 4 && this.#chance.percent(80);
    if (roll < 45 || (roll < 65 && isAlone)) {
      player.send(
        PacketType.GUILD_INVITE_REQUEST,
        guild.GuildInviteRequestSchema,
        { playerName },
        () => guilds.invite(actor, other),
      );
    } else if (roll < 65) this.#declareWar(player);
    else if (roll < 70) this.#kick(player);
    else if (roll < 80) this.#setRank(player);
    else if (roll < 83) {
      player.send(PacketType.GUILD_LEAVE_REQUEST, guild.GuildLeaveRequestSchema, {}, () => guilds.leave(actor));
    } else {
      const guildId = this.#chance.percent(70) ? 0n : BigInt(this.#chance.pick(guilds.guilds)?.guildId ?? 77);
      player.send(
        PacketType.GUILD_INFO_REQUEST,
        guild.GuildInfoRequestSchema,
        { guildId },
        () => guilds.inform(actor, guildId),
      );
    }
  }

  #declareWar(player: ScriptedPlayer): void {
    const { guilds } = this.#checker;
    const some = guilds.guilds.length === 0 ? [] : [1, 2].map(() => this.#chance.pick(guilds.guilds));
    const enemy = some.sort((a, b) => b.members.size - a.members.size)[0];
    if (enemy !== undefined && guilds.isWarEnding(enemy)) return;
    const enemyName = this.#chance.percent(5) ? "No such guild" : enemy?.name ?? "";
    player.send(
      PacketType.GUILD_WAR_START,
      guild.GuildWarStartSchema,
      { enemyName },
      () => guilds.declareWar(player.actor, 0n, enemyName),
    );
  }

  #kick(player: ScriptedPlayer): void {
    const other = this.#member(player);
    player.send(
      PacketType.GUILD_KICK_REQUEST,
      guild.GuildKickRequestSchema,
      { playerName: other.name },
      () => this.#checker.guilds.kick(player.actor, other),
    );
  }

  #setRank(player: ScriptedPlayer): void {
    const other = this.#member(player), { actor } = player;
    const rank = this.#chance.percent(5) ? 7 as guild.GuildRank : this.#chance.pick([0, 1, 1, 2]) as guild.GuildRank;
    const code = this.#checker.guilds.setRank(actor, other, rank);
    this.#checker.expectError(actor, PacketType.GUILD_SET_RANK_REQUEST, code);
    const init = { playerName: other.name, rank };
    player.send(PacketType.GUILD_SET_RANK_REQUEST, guild.GuildSetRankRequestSchema, init);
  }

  #member({ actor }: ScriptedPlayer): Actor {
    const members = [...this.#checker.guilds.guildOf(actor)?.members.keys() ?? []];
    return members.length > 0 && !this.#chance.percent(15) ? this.#chance.pick(members) : this.#anybody();
  }

  // Rooms

  /** Does something about rooms. */
  room(player: ScriptedPlayer): void {
    const { actor } = player, { rooms } = this.#checker;
    const roll = this.#chance.below(100);
    if (roll < 25) {
      const name = this.#chance.percent(8)
        ? this.#chance.pick(["", "ab", " padded "])
        : `Room ${this.#chance.below(120)}`;
      const password = this.#chance.percent(25) ? "open sesame" : "";
      const init = { name, password, maxMembers: this.#chance.pick([0, 2, 3, 10, 5_000]) };
      player.send(
        PacketType.ROOM_CREATE_REQUEST,
        chat.RoomCreateRequestSchema,
        init,
        (request) => rooms.create(actor, request),
      );
    } else if (roll < 70) this.#joinRoom(player);
    else if (roll < 85) {
      const own = rooms.roomsOf(actor);
      const roomId = own.length > 0 && roll < 82
        ? BigInt(this.#chance.pick(own))
        : this.#chance.pick([0n, 1n, HUGE_ID]);
      player.send(
        PacketType.ROOM_LEAVE_REQUEST,
        chat.RoomLeaveRequestSchema,
        { roomId },
        () => rooms.leave(actor, roomId),
      );
    } else player.send(PacketType.ROOM_LIST_REQUEST, chat.RoomListRequestSchema, {}, () => rooms.list(actor));
  }

  #joinRoom(player: ScriptedPlayer): void {
    const { actor } = player, { rooms } = this.#checker;
    if (rooms.rooms.length === 0) return;
    const room = this.#chance.pick(rooms.rooms);
    const which = this.#chance.pick([
      ...[{ roomId: BigInt(room.roomId) }, { name: room.name.toUpperCase() }],
      ...(this.#chance.percent(10) ? [{ roomId: HUGE_ID }, { name: "No such room" }, {}] : []),
    ]);
    const password = this.#chance.percent(15) ? "wrong" : room.password;
    const init = { ...which, password };
    player.send(
      PacketType.ROOM_JOIN_REQUEST,
      chat.RoomJoinRequestSchema,
      init,
      (request) => rooms.join(actor, request),
    );
  }

  // Friends

  /** Does something about friends or ignored players. */
  befriend(player: ScriptedPlayer): void {
    const { actor } = player, { friends } = this.#checker;
    const roll = this.#chance.below(100);
    const other = this.#chance.percent(5) ? undefined : this.#anybody();
    const playerName = other?.name ?? NOBODY;
    const incoming = friends.incomingOf(actor);
    const expect = (type: PacketType, code: ErrorCode) => this.#checker.expectSocial(actor, type, code);
    if (incoming.length > 0 && roll < 50) {
      const asking = this.#chance.pick(incoming), accept = this.#chance.percent(80);
      player.send(
        PacketType.FRIEND_ANSWER,
        social.FriendAnswerSchema,
        { playerName: asking.name, accept },
        () => expect(PacketType.FRIEND_ANSWER, friends.answer(actor, asking, accept)),
      );
    } else if (roll < 60) {
      player.send(
        PacketType.FRIEND_REQUEST,
        social.FriendRequestSchema,
        { playerName },
        () => expect(PacketType.FRIEND_REQUEST, friends.ask(actor, other)),
      );
    } else if (roll < 68) {
      const own = friends.friendsOf(actor);
      const former = own.length > 0 ? this.#chance.pick(own) : other;
      player.send(
        PacketType.FRIEND_REMOVE,
        social.FriendRemoveSchema,
        { playerName: former?.name ?? NOBODY },
        () => expect(PacketType.FRIEND_REMOVE, friends.remove(actor, former)),
      );
    } else if (roll < 76) {
      player.send(
        PacketType.IGNORE_ADD,
        social.IgnoreAddSchema,
        { playerName },
        () => expect(PacketType.IGNORE_ADD, friends.ignore(actor, other)),
      );
    } else if (roll < 84) {
      player.send(
        PacketType.IGNORE_REMOVE,
        social.IgnoreRemoveSchema,
        { playerName },
        () => expect(PacketType.IGNORE_REMOVE, friends.stopIgnoring(actor, other)),
      );
    } else if (roll < 92) {
      player.send(
        PacketType.FRIEND_LIST_REQUEST,
        social.FriendListRequestSchema,
        {},
        () => friends.expectFriendList(actor, "friend list"),
      );
    } else {
      player.send(
        PacketType.IGNORE_LIST_REQUEST,
        social.IgnoreListRequestSchema,
        {},
        () => friends.expectIgnoreList(actor, "ignore list"),
      );
    }
  }

  #anybody(): Actor {
    return this.#chance.pick(this.#checker.board.actors);
  }

  #bodyOf({ actor }: ScriptedPlayer): Body {
    return this.#checker.sight.bodies.get(actor.entityId)!;
  }
}

/** Centimetres as the wire has them. */
function units(x: number, y: number, z: number): { x: number; y: number; z: number } {
  return { x: Math.fround(x / 100), y: Math.fround(y / 100), z: Math.fround(z / 100) };
}
