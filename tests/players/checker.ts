/**
 * Follows every packet to and from every player, beside a model of its own, and throws at the first contradiction. It
 * shares nothing with the server but the generated messages.
 *
 * @module
 */

import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { ErrorResponseSchema, LogoutResponseSchema, ResumeResponseSchema } from "../../shared/gen/auth_pb.ts";
import { type ChatMessage, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { RoomEventSchema, RoomListResponseSchema, RoomResponseSchema } from "../../games/parts/rooms/rooms_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { type CombatAction, CombatResultSchema } from "../../games/parts/combat/combat_pb.ts";
import {
  DespawnReason,
  type EnterWorldResponse,
  EnterWorldResponseSchema,
  EntityUpdateSchema,
  MapEnteredSchema,
  MovementCorrectionSchema,
} from "../../shared/gen/world_pb.ts";
import { MapInfoResponseSchema } from "../../games/marsh/marsh_pb.ts";
import {
  GuildActionResponseSchema,
  GuildCreateResponseSchema,
  GuildInfoResponseSchema,
  GuildInviteNoticeSchema,
  GuildInviteResponseSchema,
  GuildWarEndSchema,
  GuildWarStartSchema,
} from "../../games/parts/guilds/guilds_pb.ts";
import { LeaderboardResponseSchema } from "../../games/parts/leaderboards/leaderboards_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import {
  FriendListResponseSchema,
  FriendNoticeSchema,
  FriendResponseSchema,
  IgnoreListResponseSchema,
  IgnoreResponseSchema,
} from "../../games/parts/friends/friends_pb.ts";
import { Actor, Board, Contradiction } from "./board.ts";
import { ChatCheck } from "./chat_check.ts";
import { DeliveryCheck } from "./delivery_check.ts";
import { DueLedger } from "./due_ledger.ts";
import { FightCheck, type WarCheck } from "./fight_check.ts";
import { FriendCheck } from "./friend_check.ts";
import { GuildCheck } from "./guild_check.ts";
import type { MapRule } from "./map_rules.ts";
import { PortalCheck } from "./portal_check.ts";
import { RoomCheck } from "./room_check.ts";
import { ScoreCheck } from "./score_check.ts";
import { type Body, toCm } from "./body.ts";
import { SightCheck } from "./sight_check.ts";

/** What the run was set up with. */
export interface CheckerOptions {
  /** The first is where players begin. */
  readonly maps: readonly MapRule[];
  readonly idBound: number;
  readonly warMinutes: number;
  readonly linkDeadMs: number;
  readonly snapshotBytes: number;
  readonly tickMs: number;
}

/** What a character was when it left. */
interface Saved {
  readonly map: MapRule;
  /** What follows is known. */
  readonly isExact: boolean;
  readonly x: number;
  readonly z: number;
  readonly hp: number;
  readonly stunnedUntilMs: number;
}

/** Packets that are not numbered. */
const UNNUMBERED: ReadonlySet<PacketType> = new Set([
  PacketType.WORLD_SNAPSHOT,
  PacketType.ENTITY_UPDATE,
  PacketType.RESUME_RESPONSE,
]);
/** Sessions without a connection are looked at once a second. */
const SWEEP_MS = 1_000;

const KILLS_OF_ONE_VICTIM = 5;

/** The judge. */
export class Checker {
  readonly board = new Board();
  readonly dues = new DueLedger();
  readonly sight: SightCheck;
  readonly fights: FightCheck;
  readonly portals: PortalCheck;
  readonly scores: ScoreCheck;
  readonly friends: FriendCheck;
  readonly rooms: RoomCheck;
  readonly guilds: GuildCheck;
  readonly chat: ChatCheck;
  readonly delivery = new DeliveryCheck();
  packetCount = 0;
  /** Bodies that were left behind in a fight, and played again. */
  takeOverCount = 0;
  readonly #options: CheckerOptions;
  readonly #saved = new Map<Actor, Saved>();
  /** The bodies that players left behind, as nobody: by player. */
  readonly #ghosts = new Map<Actor, Actor>();
  /** Who is leaving the world for good in this tick. */
  #expiring: Actor[] = [];
  #decoded: { readonly payload: Uint8Array; readonly message: unknown } | null = null;
  /** Code of the refusal that the action under way was answered with. */
  #actionCode: ErrorCode = ErrorCode.NONE;
  #tick = 0;
  readonly #killCounts = new Map<Actor, Map<Actor, number>>();

  constructor(options: CheckerOptions) {
    const { board, dues } = this;
    this.#options = options;
    this.sight = new SightCheck(board, options);
    const isMuted = (actor: Actor) => this.chat.isMuted(actor);
    this.friends = new FriendCheck(dues, isMuted);
    this.rooms = new RoomCheck({ dues, friends: this.friends, isMuted });
    this.guilds = new GuildCheck({ board, dues, friends: this.friends, isMuted, warMinutes: options.warMinutes });
    this.scores = new ScoreCheck(board, dues);
    const onKill = (killer: Actor, victim: Actor | null) => {
      if (victim !== null && !this.#counts(killer, victim)) return;
      this.scores.onKill(killer, victim);
      if (victim !== null) this.guilds.onKill(killer, victim);
    };
    const atWar: WarCheck = (one, other) => this.guilds.atWar(one, other);
    this.fights = new FightCheck({ board, dues, sight: this.sight, onKill, atWar });
    const { fights, friends, guilds, rooms, sight } = this;
    this.portals = new PortalCheck({ board, dues, sight, fights });
    this.chat = new ChatCheck({ board, dues, delivery: this.delivery, sight, friends, rooms, guilds });
  }

  /** Whether a kill counts: one victim does so often for one killer within an hour, and no run is longer. */
  #counts(killer: Actor, victim: Actor): boolean {
    const counts = this.#killCounts.get(killer) ?? new Map<Actor, number>();
    this.#killCounts.set(killer, counts);
    const count = (counts.get(victim) ?? 0) + 1;
    counts.set(victim, count);
    return count <= KILLS_OF_ONE_VICTIM;
  }

  // Coming and going

  /** A player is about to enter the world. */
  expectEntry(actor: Actor): void {
    if (actor.standing === "world") {
      this.#leaveWorld(actor);
      this.#goOffline(actor);
    }
    if (actor.standing === "offline") this.#comeOnline(actor);
    actor.isConnected = true;
    this.chat.forgetHeard(actor);
    this.delivery.begin(actor);
    this.dues.expect(actor, "entry", "ok");
  }

  /** A player asks to leave the world, and stays logged in. */
  expectLeaving(actor: Actor): void {
    this.dues.expect(actor, "left", String(actor.entityId));
    this.#leaveWorld(actor);
    this.chat.onLeave(actor);
    actor.standing = "authenticated";
  }

  /** A player logs out; its connection stays. */
  expectLogout(actor: Actor): void {
    this.dues.expect(actor, "logout", "ok");
    if (actor.standing === "world") this.#leaveWorld(actor);
    this.#goOffline(actor);
  }

  /** A player was thrown out: its session is over, and its connection. */
  expectKick(actor: Actor): void {
    actor.isConnected = false;
    if (actor.standing === "world") this.#leaveWorld(actor, { atOnce: true });
    this.#goOffline(actor);
  }

  /** A player's connection is lost. */
  onDisconnect(actor: Actor): void {
    actor.isConnected = false;
    actor.lostAtMs = this.board.nowMs;
    if (actor.standing === "world") {
      this.sight.beginAnew(actor.entityId);
      this.#halt(actor.entityId);
    } else this.#goOffline(actor);
  }

  /** A player takes its session up again on a new connection. */
  beginResume(actor: Actor, lastSequence: number): void {
    actor.isConnected = true;
    actor.isReplaying = true;
    this.delivery.resume(actor, lastSequence);
    this.sight.beginAnew(actor.entityId);
    if (this.sight.bodies.get(actor.entityId)?.isExact === false) this.fights.find(actor);
  }

  endResume(actor: Actor): void {
    actor.isReplaying = false;
  }

  /** A request is to be answered by ERROR_RESPONSE; NONE: not at all. */
  expectError(actor: Actor, requestType: PacketType, code: ErrorCode): void {
    if (code !== ErrorCode.NONE) this.dues.expect(actor, "errors", `${requestType} ${ErrorCode[code]}`);
  }

  /** FRIEND_RESPONSE or IGNORE_RESPONSE is to come. */
  expectSocial(actor: Actor, requestType: PacketType, code: ErrorCode): void {
    this.dues.expect(actor, "social", `${requestType} ${ErrorCode[code]}`);
  }

  /** A player says something. */
  say(actor: Actor, message: ChatMessage): void {
    this.expectError(actor, PacketType.CHAT_MESSAGE, this.chat.say(actor, message));
  }

  /** A player acts; `send` sends it. */
  act(actor: Actor, action: CombatAction, send: () => void): void {
    const codes = this.fights.onAction(actor, action);
    this.#actionCode = ErrorCode.NONE;
    if (!codes.includes(ErrorCode.NONE)) {
      const keys = codes.map((code) => `${PacketType.COMBAT_ACTION} ${ErrorCode[code]}`);
      this.dues.expect(actor, "errors", keys);
    } else if (codes.length > 1) {
      const keys = codes.map((code) => `${PacketType.COMBAT_ACTION} ${ErrorCode[code]}`);
      this.dues.expect(actor, "errors", keys, { isOptional: true });
    }
    send();
    this.fights.endAction(actor, action, this.#actionCode);
  }

  #comeOnline(actor: Actor): void {
    actor.standing = "authenticated";
    this.friends.onPresence(actor, true);
    this.guilds.onOnline(actor);
    this.chat.onOnline(actor);
  }

  #goOffline(actor: Actor): void {
    actor.standing = "offline";
    this.chat.onOffline(actor);
    this.rooms.leaveAll(actor);
    this.friends.onPresence(actor, false);
    if (!actor.isConnected) this.dues.forget(actor);
  }

  /** Nobody moves it any more. */
  #halt(entityId: number): void {
    const body = this.sight.bodies.get(entityId);
    if (body?.isExact) this.sight.stop(body);
  }

  /** A player leaves its body, which goes at once unless it fights. */
  #leaveWorld(actor: Actor, { atOnce = false }: { atOnce?: boolean } = {}): void {
    const body = this.sight.bodies.get(actor.entityId);
    if (body === undefined) throw new Contradiction(`${actor.name} is not in the world`);
    const fighting = this.fights.fighting(actor);
    if (atOnce || fighting === "no") this.#removeBody(body);
    else this.#leaveBehind(body, actor, fighting === "yes");
    this.board.byEntity.delete(actor.entityId);
    actor.entityId = 0;
  }

  #removeBody(body: Body): void {
    const { map, isExact, x, z, hp, stunnedUntilMs } = body;
    this.#saved.set(body.actor!.owner, { map, isExact, x, z, hp, stunnedUntilMs });
    this.sight.leave(body.entityId, DespawnReason.LEFT_WORLD);
  }

  #leaveBehind(body: Body, actor: Actor, isCertain: boolean): void {
    const ghost = new Actor(actor.index, actor.playerId, actor.name, actor);
    ghost.standing = "world";
    ghost.entityId = body.entityId;
    ghost.lostAtMs = this.board.nowMs;
    this.#ghosts.set(actor, ghost);
    // If it goes where nobody sees it, this is all that is known.
    this.#saved.set(actor, { ...body, isExact: false });
    this.fights.leaveBehind(actor, ghost);
    body.actor = ghost;
    this.sight.beginAnew(body.entityId);
    this.#halt(body.entityId);
    if (!isCertain) this.fights.lose(body);
  }

  /** A body that was left behind is gone. */
  #removeGhost(ghost: Actor): void {
    this.#removeBody(this.sight.bodies.get(ghost.entityId)!);
    this.#forgetGhost(ghost);
  }

  #forgetGhost(ghost: Actor): void {
    this.#ghosts.delete(ghost.owner);
    this.fights.forget(ghost);
    this.dues.forget(ghost);
  }

  /** The body that a player left behind, if it is there still for all the model knows. */
  #ghostBody(actor: Actor): Body | undefined {
    const ghost = this.#ghosts.get(actor);
    if (ghost === undefined) return undefined;
    const body = this.sight.bodies.get(ghost.entityId);
    if (body?.actor === ghost) return body;
    this.#forgetGhost(ghost);
    return undefined;
  }

  #onEntry(actor: Actor, response: EnterWorldResponse): void {
    const { success, errorCode, entityId, spawnPosition, mapId } = response;
    this.dues.take(actor, "entry", success ? "ok" : ErrorCode[errorCode]);
    const left = this.#ghostBody(actor);
    if (left?.entityId === Number(entityId)) return this.#onTakeOver(actor, left, response);
    if (left !== undefined) {
      if (left.isExact) throw new Contradiction(`${actor.name} entered as ${entityId}, it had left ${left.entityId}`);
      this.#removeGhost(left.actor!);
    }
    const saved = this.#saved.get(actor);
    const isBack = saved !== undefined && !this.portals.isFull(saved.map);
    const map = isBack ? saved.map : this.#options.maps[0];
    this.#checkMap(actor, response, map);
    if (
      isBack && saved.isExact && saved.hp > 0 &&
      (toCm(spawnPosition?.x) !== saved.x || toCm(spawnPosition?.z) !== saved.z)
    ) {
      throw new Contradiction(`${actor.name} entered at another place than it left`);
    }
    actor.entityId = Number(entityId);
    actor.standing = "world";
    this.board.byEntity.set(actor.entityId, actor);
    const isDead = saved !== undefined && saved.hp <= 0;
    const hp = saved?.isExact === false
      ? NaN
      : isDead && this.fights.mustStayDead(actor)
      ? 0
      : saved === undefined || isDead
      ? 100
      : saved.hp;
    const guildTag = this.guilds.tieOf(actor)?.tag ?? "";
    const body = this.sight.enter(actor, actor.entityId, {
      ...{ position: spawnPosition!, map: this.sight.mapOf(mapId), hp, guildTag },
    });
    if (saved !== undefined && saved.stunnedUntilMs > this.board.nowMs) body.stunnedUntilMs = saved.stunnedUntilMs;
    this.fights.enter(actor, { isBack: false });
  }

  /** A player plays the body again that it had left: where that is, as it is. */
  #onTakeOver(actor: Actor, body: Body, response: EnterWorldResponse): void {
    const { spawnPosition: at } = response;
    this.#checkMap(actor, response, body.map);
    if (body.isExact && (toCm(at?.x) !== body.x || toCm(at?.z) !== body.z)) {
      throw new Contradiction(`${actor.name} entered at another place than its body stood`);
    }
    const ghost = body.actor!;
    actor.entityId = body.entityId;
    actor.standing = "world";
    this.board.byEntity.set(actor.entityId, actor);
    this.sight.takeOver(body, actor, this.guilds.tieOf(actor)?.tag ?? "");
    this.fights.enter(actor, { isBack: true });
    this.#forgetGhost(ghost);
    this.takeOverCount++;
  }

  #checkMap(actor: Actor, { interestRadius, mapHeight, mapId, mapWidth }: EnterWorldResponse, map: MapRule): void {
    const told = [mapId, toCm(mapWidth), toCm(mapHeight), toCm(interestRadius)].join();
    const wanted = [map.mapId, map.width, map.height, map.radius].join();
    if (told !== wanted) throw new Contradiction(`${actor.name} entered map ${told} instead of ${wanted}`);
  }

  // Packets

  /** A packet came to a player. */
  onPacket(
    actor: Actor,
    { type, sequence, payload }: { type: PacketType; sequence: number; payload: Uint8Array },
  ): void {
    this.packetCount++;
    if (type === PacketType.WORLD_SNAPSHOT) return this.sight.onSnapshot(actor, payload);
    if (sequence > 0) {
      if (!this.delivery.receive(actor, type, sequence, payload)) return;
    } else if (actor.standing === "world" && !UNNUMBERED.has(type)) {
      throw new Contradiction(`${actor.name} was sent ${PacketType[type]} without a number`);
    }
    this.#take(actor, type, payload);
  }

  #take(actor: Actor, type: PacketType, payload: Uint8Array): void {
    const { chat, dues, fights, friends, guilds, portals, rooms, scores } = this;
    const read = <Desc extends DescMessage>(schema: Desc) => this.#read(schema, payload);
    switch (type) {
      case PacketType.COMBAT_RESULT:
        return fights.onResult(actor, read(CombatResultSchema));
      case PacketType.CHAT_MESSAGE:
        return chat.onMessage(actor, read(ChatMessageSchema));
      case PacketType.MOVEMENT_CORRECTION:
        return fights.onCorrection(actor, read(MovementCorrectionSchema));
      case PacketType.MAP_ENTERED:
        return portals.onEntered(actor, read(MapEnteredSchema));
      case PacketType.MAP_INFO_RESPONSE:
        return portals.onInfo(actor, read(MapInfoResponseSchema));
      case PacketType.LEADERBOARD_RESPONSE:
        return scores.onResponse(actor, read(LeaderboardResponseSchema));
      case PacketType.ENTER_WORLD_RESPONSE:
        return this.#onEntry(actor, read(EnterWorldResponseSchema));
      case PacketType.ENTITY_UPDATE:
        return dues.take(actor, "left", String(read(EntityUpdateSchema).entityId));
      case PacketType.LOGOUT_RESPONSE:
        return dues.take(actor, "logout", read(LogoutResponseSchema).success ? "ok" : "failed");
      case PacketType.RESUME_RESPONSE:
        return this.#onResume(actor, payload);
      case PacketType.ERROR_RESPONSE: {
        const { requestType, errorCode } = read(ErrorResponseSchema);
        this.#actionCode = errorCode;
        return dues.take(actor, "errors", `${requestType} ${ErrorCode[errorCode]}`);
      }
      case PacketType.FRIEND_RESPONSE:
      case PacketType.IGNORE_RESPONSE: {
        const schema = type === PacketType.FRIEND_RESPONSE ? FriendResponseSchema : IgnoreResponseSchema;
        const { requestType, errorCode } = read<typeof FriendResponseSchema | typeof IgnoreResponseSchema>(schema);
        return dues.take(actor, "social", `${requestType} ${ErrorCode[errorCode]}`);
      }
      case PacketType.FRIEND_LIST_RESPONSE:
        return friends.onFriendList(actor, "friend list", read(FriendListResponseSchema));
      case PacketType.IGNORE_LIST_RESPONSE:
        return friends.onIgnoreList(actor, "ignore list", read(IgnoreListResponseSchema));
      case PacketType.FRIEND_NOTICE:
        return friends.onNotice(actor, read(FriendNoticeSchema));
      case PacketType.ROOM_RESPONSE:
        return rooms.onResponse(actor, read(RoomResponseSchema));
      case PacketType.ROOM_LIST_RESPONSE:
        return rooms.onList(actor, read(RoomListResponseSchema));
      case PacketType.ROOM_EVENT:
        return rooms.onEvent(actor, read(RoomEventSchema));
      case PacketType.GUILD_CREATE_RESPONSE:
        return guilds.onCreate(actor, read(GuildCreateResponseSchema));
      case PacketType.GUILD_INVITE_RESPONSE:
        return dues.take(actor, "guild invite", ErrorCode[read(GuildInviteResponseSchema).errorCode]);
      case PacketType.GUILD_INVITE_NOTICE:
        return guilds.onInviteNotice(actor, read(GuildInviteNoticeSchema));
      case PacketType.GUILD_ACTION_RESPONSE: {
        const { requestType, errorCode } = read(GuildActionResponseSchema);
        return dues.take(actor, "guild action", `${requestType} ${ErrorCode[errorCode]}`);
      }
      case PacketType.GUILD_INFO_RESPONSE:
        return guilds.onInfo(actor, read(GuildInfoResponseSchema));
      case PacketType.GUILD_WAR_START:
        return guilds.onWarStart(actor, read(GuildWarStartSchema));
      case PacketType.GUILD_WAR_END:
        return guilds.onWarEnd(actor, read(GuildWarEndSchema));
      default:
        throw new Contradiction(`${actor.name} was sent ${PacketType[type]}, which nobody asked for`);
    }
  }

  /** What goes to many comes as one object, so that it is read once. */
  #read<Desc extends DescMessage>(schema: Desc, payload: Uint8Array): MessageShape<Desc> {
    if (this.#decoded?.payload !== payload) this.#decoded = { payload, message: fromBinary(schema, payload) };
    return this.#decoded.message as MessageShape<Desc>;
  }

  #onResume(actor: Actor, payload: Uint8Array): void {
    const { success, errorCode, lastSequence, entityId, gap } = fromBinary(ResumeResponseSchema, payload);
    const key = success ? `${lastSequence} ${entityId}` : ErrorCode[errorCode];
    this.dues.take(actor, "resume", key);
    if (!gap) return;
    this.chat.acceptGap(actor);
    this.dues.acceptGap(actor);
    this.delivery.acceptGap(actor);
  }

  // Time

  /** What storage was asked for is answered by now. */
  settle(): void {
    for (const [actor, guild] of this.guilds.settle()) {
      const body = this.sight.bodies.get(actor.entityId);
      if (body === undefined) continue;
      body.guildTag = guild?.tag ?? "";
      body.version++;
    }
    this.dues.checkNothingLeft();
  }

  /** A tick is about to begin; the time is its. */
  beginTick(nowMs: number, unixMs: number): void {
    const { board, fights, guilds, sight } = this;
    board.nowMs = nowMs;
    board.unixMs = unixMs;
    sight.beginTick(++this.#tick);
    this.#loseUnwatched();
    this.scores.beginTick();
    this.chat.checkLate();
    fights.beginTick();
    guilds.checkWars();
    if (nowMs % SWEEP_MS !== 0) return;
    for (const ghost of this.#ghosts.values()) {
      const body = this.#ghostBody(ghost.owner);
      if (body === undefined) continue;
      const fighting = fights.fighting(ghost);
      if (fighting === "no") this.#expiring.push(ghost);
      else if (fighting === "perhaps" && body.isExact) fights.lose(body);
    }
    for (const actor of board.actors) {
      if (actor.standing !== "world" || actor.isConnected) continue;
      if (nowMs - actor.lostAtMs < this.#options.linkDeadMs) continue;
      this.#expiring.push(actor);
      this.rooms.leaveAll(actor);
      this.friends.onPresence(actor, false);
    }
  }

  /** A tick is over. */
  endTick(): void {
    this.fights.endTick();
    this.#loseUnwatched();
    this.sight.checkTick();
    for (const actor of this.#expiring) {
      if (actor.isLeftBehind) {
        this.#removeGhost(actor);
        continue;
      }
      this.#leaveWorld(actor);
      actor.standing = "offline";
      this.chat.onOffline(actor);
      this.dues.forget(actor);
    }
    this.#expiring = [];
    this.dues.checkNothingLeft();
  }

  /** Of players without a connection whom nobody with one sees, it is not known what becomes of them. */
  #loseUnwatched(): void {
    for (const body of this.sight.bodies.values()) {
      const { actor } = body;
      if (actor === null || actor.isConnected || !body.isExact) continue;
      if (!this.#isWatched(body.entityId)) this.fights.lose(body);
    }
  }

  #isWatched(entityId: number): boolean {
    for (const watcher of this.sight.watchersOf(entityId)) if (watcher.isConnected) return true;
    return false;
  }
}
