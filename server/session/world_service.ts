/**
 * Sessions in the world: entry, movement, leaving, link-death, snapshots.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { DisconnectReason, ErrorCode } from "../../shared/gen/enums.ts";
import {
  DespawnReason,
  type EnterWorldRequest,
  EnterWorldRequestSchema,
  EnterWorldResponseSchema,
  EntityKind,
  EntityUpdateSchema,
  LeaveWorldRequestSchema,
  MapEnteredSchema,
  MovementCorrectionSchema,
  type MovementUpdate,
  MovementUpdateSchema,
} from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import { CHARACTER_SAVE_INTERVAL_MS, LOGOUT_SAVE_WAIT_MS, MOVEMENT_TOLERANCE_MS } from "../../shared/limits.ts";
import { STATE_AUTHENTICATED, STATE_CONNECTED, STATE_IN_WORLD } from "../../shared/packet_table.ts";
import { Counter } from "../ops/counters.ts";
import { isTokenOf, type TokenPlayer } from "../auth/token.ts";
import type { Sanction } from "../moderation/sanction_store.ts";
import type { Character, Entry, PlayerName, SavedCharacter } from "../storage/storage.ts";
import type { Movement } from "../world/movement.ts";
import type { Place } from "../world/world.ts";
import type { WorldImage } from "../world/world_image.ts";
import type { WorldMap } from "../world/world_map.ts";
import type { LogicContext } from "./context.ts";
import { type Dispatcher, RequestError } from "./dispatcher.ts";
import { EntryQueue, type QueuePlace } from "./entry_queue.ts";
import type { HookLists, LeaveReason } from "../game/hooks.ts";
import type { Link } from "./link.ts";
import type { Maintenance } from "./maintenance.ts";
import { MovementReader } from "./movement_reader.ts";
import type { Sanctions } from "../moderation/sanctions.ts";
import { Penalties } from "./penalties.ts";
import { type HomePlace, type Participant, type Presence, Session } from "./session.ts";
import { componentsToSave, type KeptAside, restoreComponents, savedComponents } from "./saved_components.ts";
import type { TokenEpochs } from "./token_epochs.ts";
import { checkVersion } from "./version.ts";

/** Somebody who may enter the world. */
interface Admission {
  readonly player: PlayerName;
  readonly mute: Sanction | null;
  readonly character: Character;
  /** The player's other session, which makes way. */
  readonly replaced: Session | undefined;
}

/** The travel time that a character had to spend when it left the world, and when that was, in milliseconds. */
interface TravelPenalty {
  readonly leftAtMs: number;
  readonly travelCreditMs: number;
}

/** When it has spent none of its travel time any more, by the server's clock. */
export function travelPenaltyEndMs({ leftAtMs, travelCreditMs }: TravelPenalty): number {
  return leftAtMs + MOVEMENT_TOLERANCE_MS - travelCreditMs;
}

/** What the world asks of the game and tells it. */
type WorldHooks = Pick<
  HookLists,
  "load" | "entryPlace" | "appear" | "savedHp" | "enter" | "leave" | "linkDead" | "spawn" | "despawn" | "stays"
>;

/** Who is in the world, and what was left there, as plain data. */
export interface WorldServiceImage {
  readonly world: WorldImage;
  readonly stays: readonly Stay[];
  /** What was set aside of entities, by their ids. */
  readonly aside: readonly (readonly [entityId: number, aside: KeptAside])[];
}

/** An entity whose player has left it while it fought. */
interface Stay extends Participant {
  readonly player: PlayerName;
  readonly presence: Presence;
}

/** What becomes of sessions in the world. */
export class WorldService {
  readonly #context: LogicContext;
  readonly #movement = new MovementReader();
  readonly #snapshot: Uint8Array;
  readonly #byEntity = new Map<number, Session | Stay>();
  /** Entities that nobody plays and that are still in the world, by character. */
  readonly #stays = new Map<number, Stay>();
  /** What was saved of entities in the world and the game cannot take. */
  readonly #aside = new Map<number, KeptAside>();
  readonly #penalties = new Penalties(travelPenaltyEndMs);
  readonly #queue: EntryQueue;
  /** Requests to enter that are under way, by player. */
  readonly #entering = new Map<number, number>();
  /** Players who are to be given up as soon as they are saved. */
  readonly #wanted = new Set<number>();
  /** Entities that could not be put where they were when the game was reloaded. */
  #moved: number[] = [];
  readonly #hooks: WorldHooks;
  readonly #sanctions: Sanctions;
  readonly #epochs: TokenEpochs;
  readonly #maintenance: Pick<Maintenance, "check">;

  constructor(
    context: LogicContext,
    { epochs, hooks, maintenance, sanctions }: {
      readonly epochs: TokenEpochs;
      readonly maintenance: Pick<Maintenance, "check">;
      readonly hooks: WorldHooks;
      readonly sanctions: Sanctions;
    },
  ) {
    this.#context = context;
    this.#queue = new EntryQueue(context);
    this.#snapshot = new Uint8Array(context.config.snapshotBytes);
    this.#hooks = hooks;
    this.#sanctions = sanctions;
    this.#epochs = epochs;
    this.#maintenance = maintenance;
  }

  /** Lets those in who wait, as far as there is room, and goes on with giving players up. */
  tick(): void {
    this.#queue.tick();
    if (this.#wanted.size > 0) this.#giveUpUnneeded();
  }

  /** Registers the handlers of this module. */
  register(dispatcher: Dispatcher): void {
    dispatcher.on(EnterWorldRequestSchema, (session, request) => this.#enter(session, request));
    dispatcher.on(LeaveWorldRequestSchema, (session) => this.#onLeaveRequest(session));
    dispatcher.onBytes(
      MovementUpdateSchema,
      (session, bytes, start, end) => this.tryMove(session, bytes, start, end),
    );
    dispatcher.on(MovementUpdateSchema, (session, message) => this.#moveMessage(session, message));
  }

  /** All that goes on in another world. */
  image(): WorldServiceImage {
    return { world: this.#context.world.image(), stays: [...this.#stays.values()], aside: [...this.#aside] };
  }

  /** Goes on where another one was left; the sessions are in the world already. The game is not told yet. */
  restore({ world: image, stays, aside }: WorldServiceImage): void {
    const { contract: { components }, faults, sessions, world } = this.#context;
    this.#moved = world.restore(image);
    for (const session of sessions.inWorld) this.#byEntity.set(session.presence!.entityId, session);
    for (const stay of stays) {
      this.#byEntity.set(stay.presence.entityId, stay);
      this.#stays.set(stay.presence.characterId, stay);
    }
    for (const [entityId, kept] of aside) this.#aside.set(entityId, kept);
    for (const { id, components: kept } of image.entities) {
      const unknown = restoreComponents(world, id, { kept, components, faults });
      const saved = unknown.filter(({ componentId }) =>
        kept.some((component) => component.componentId === componentId && component.isSaved)
      );
      if (saved.length > 0) this.#aside.set(id, [...this.#aside.get(id) ?? [], ...saved]);
    }
  }

  /** Tells the game of everybody who was in the world before it was reloaded, and clients where they are if that has changed. */
  takeOver(): void {
    const { faults, sessions, world } = this.#context;
    for (const [entityId, { player, presence }] of this.#byEntity) {
      const { playerId, name } = player!;
      faults.notify("enter", this.#hooks.appear, entityId, { playerId, name }, "stayed");
      faults.notify("enter", this.#hooks.spawn, entityId, presence!.characterId, true);
    }
    for (const session of [...sessions.inWorld]) {
      if (this.#moved.includes(session.presence!.entityId)) {
        session.presence!.home = null;
        this.moveTo(session, { map: world.maps[0], evenIfFull: true });
      }
      faults.notify("enter", this.#hooks.enter, session.player!, true);
    }
    this.#moved = [];
  }

  /** The session that plays an entity. */
  sessionOf(entityId: number): Session | undefined {
    const who = this.#byEntity.get(entityId);
    return who instanceof Session ? who : undefined;
  }

  /** Whose an entity is, whether its player still plays it or not. */
  participantOf(entityId: number): Participant | undefined {
    return this.#byEntity.get(entityId);
  }

  /** Entities in the world that their players have left. */
  get stayCount(): number {
    return this.#stays.size;
  }

  // Entry

  async #enter(session: Session, request: EnterWorldRequest): Promise<void> {
    const { clock, ownerships, storage } = this.#context;
    if (session.busy) throw new RequestError(ErrorCode.INVALID_STATE, "Wait for the answer to your last request");
    if (session.presence !== null) throw new RequestError(ErrorCode.INVALID_STATE, "You are in the world already");
    session.busy = true;
    let place: QueuePlace | undefined, isAdmitted = false, enteringId = 0;
    try {
      const stores = storage.for(session.entrant);
      const token = await this.#tokenOf(session, request);
      const accountId = token?.playerId ?? session.player!.playerId;
      this.#entering.set(accountId, (this.#entering.get(accountId) ?? 0) + 1);
      enteringId = accountId;
      for (const load of this.#hooks.load) await load(accountId, stores);
      const characterId = Number(request.characterId);
      // What no number can hold names no character.
      if (!Number.isSafeInteger(characterId)) throw new RequestError(ErrorCode.NOT_FOUND, "No such character");
      while (true) {
        // Owned before it is read: nobody changes it from then on.
        const known = ownerships.find(accountId);
        const owner = known === undefined ? await ownerships.acquire(accountId) : known;
        // The last thing waited for: a save that is answered after it would be found neither here nor in the saver.
        const entry = await storage.for(session.entrant).accounts.findEntry({
          accountId,
          characterId,
          nowMs: clock.unixMs(),
        });
        const { link } = session;
        if (session.ended || link === null || link.closed) return;
        // All that can refuse comes before all that changes: who is refused is what it was, and so is everybody else.
        const admission = this.#check(session, token, entry);
        if (this.#hasRoomFor(admission, place)) {
          session.owner = owner;
          this.#admit(session, link, admission);
          return void (isAdmitted = true);
        }
        if (place === undefined) place = this.#queue.join(accountId, session);
        else this.#queue.putBack(place);
        const turn = await this.#queue.turnOf(place);
        if (turn === "gone") return;
        if (turn === "replaced") throw new RequestError(ErrorCode.ALREADY_LOGGED_IN, "You wait on another connection");
      }
    } catch (error) {
      // A player who waited counted as logged in.
      if (place !== undefined && session.player === null && session.link !== null) {
        session.link.stateDue = STATE_CONNECTED;
      }
      throw error;
    } finally {
      session.busy = false;
      this.#endEntering(enteringId);
      if (place !== undefined) this.#queue.settle(place, isAdmitted);
    }
  }

  #endEntering(playerId: number): void {
    const count = (this.#entering.get(playerId) ?? 0) - 1;
    if (count > 0) this.#entering.set(playerId, count);
    else this.#entering.delete(playerId);
  }

  /** The player whom the token of a request names; null if the player has logged in on this connection. */
  async #tokenOf(session: Session, request: EnterWorldRequest): Promise<TokenPlayer | null> {
    const { clock, config, tokens } = this.#context;
    const { player } = session;
    const { sessionToken, clientVersion } = request;
    if (sessionToken === "") {
      if (player === null) throw new RequestError(ErrorCode.NOT_AUTHENTICATED, "A session token is needed");
      return null;
    }
    const verdict = await tokens.verify(sessionToken, clock.unixMs());
    if (player !== null) {
      // Not needed here; but nobody enters as somebody else than it asks for.
      if (!verdict.ok || verdict.playerId === player.playerId) return null;
      throw new RequestError(ErrorCode.INVALID_STATE, "Another player has logged in on this connection");
    }
    if (!verdict.ok) {
      const code = verdict.error === "token_expired" ? ErrorCode.TOKEN_EXPIRED : ErrorCode.INVALID_TOKEN;
      throw new RequestError(code, "The session token is not valid");
    }
    const version = clientVersion === "" ? verdict.clientVersion : clientVersion;
    if (version !== null) checkVersion(version, config.clientVersionMin);
    session.clientVersion = version;
    return verdict;
  }

  /** Whether somebody may enter, and as what; changes nothing. */
  #check(session: Session, token: TokenPlayer | null, entry: Entry | undefined): Admission {
    const { config, sessions } = this.#context;
    // What was read may be older than what has become of the account since.
    const isGood = entry !== undefined && this.#epochs.isCurrent(entry.account) &&
      (token === null || isTokenOf(token, entry.account));
    if (!isGood) {
      throw new RequestError(ErrorCode.INVALID_TOKEN, "The session token is no longer valid, log in again");
    }
    const { account: { accountId: playerId, name }, character } = entry;
    this.#maintenance.check(name);
    const { mute } = this.#sanctions.newest(playerId, entry.standing);
    if (character === undefined) throw new RequestError(ErrorCode.NOT_FOUND, "No such character");
    const other = sessions.findPlayer(playerId);
    const replaced = other === session ? undefined : other;
    if (replaced !== undefined && replaced.link !== null && config.duplicateLogin === "reject") {
      throw new RequestError(ErrorCode.ALREADY_LOGGED_IN, "The player is in the world already");
    }
    return { player: { playerId, name }, mute, character, replaced };
  }

  /** Whether there is a place in the world, where whoever is replaced leaves its own, and others wait for none. */
  #hasRoomFor({ player, character, replaced }: Admission, place: QueuePlace | undefined): boolean {
    const { saver, world } = this.#context;
    const { characterId } = character;
    // It takes the place that its character has.
    if (replaced?.presence?.characterId === characterId || this.#stays.has(characterId)) return true;
    if (!this.#queue.isOpen && !this.#queue.isGranted(place)) return false;
    const saved = saver.find(character.characterId) ?? character.state;
    return !world.isFull && !this.#placeOf(player, saved).map.isFull;
  }

  #admit(session: Session, link: Link, { player, mute, character, replaced }: Admission): void {
    const { clock, config, log, randomToken, sessions, world } = this.#context;
    if (replaced !== undefined) {
      this.replace(replaced, DisconnectReason.LOGGED_IN_ELSEWHERE, "The player entered elsewhere");
    }
    const { characterId } = character;
    const nowMs = clock.monotonicMs();
    const stay = this.#stays.get(characterId);
    const penalty = stay === undefined ? this.#penalties.find(characterId, nowMs) : undefined;
    const entityId = stay?.presence.entityId ?? this.#appear(player, character, penalty);
    // Looked at before; still nobody is bound to a session that could not join.
    if (entityId === 0) throw new RequestError(ErrorCode.SERVER_FULL, "The world is full");
    this.#penalties.forget(characterId);
    if (session.player === null) {
      session.mute = mute;
      sessions.bindPlayer(session, player);
    }
    session.begin();
    session.presence = {
      characterId,
      entityId,
      saveAtMs: nowMs + CHARACTER_SAVE_INTERVAL_MS,
      home: stay?.presence.home ?? null,
    };
    this.#byEntity.set(entityId, session);
    if (stay !== undefined) this.#takeOver(stay);
    const { faults } = this.#context;
    faults.notify("spawn", this.#hooks.spawn, entityId, characterId, stay !== undefined);
    const map = world.mapOf(entityId);
    sessions.enterWorld(session);
    log.debug("Player entered", { ...player, mapId: map.mapId });
    sessions.setResumeToken(session, randomToken());
    link.stateDue = STATE_IN_WORLD;
    const response = create(EnterWorldResponseSchema, {
      success: true,
      spawnPosition: { x: world.xOf(entityId), y: world.yOf(entityId), z: world.zOf(entityId) },
      mapId: map.mapId,
      entityId: BigInt(entityId),
      resumeToken: session.resumeToken,
      tickIntervalMs: config.tickMs,
      interestRadius: map.interestRadius,
      maxSpeed: world.speedOf(entityId),
      mapWidth: map.width,
      mapHeight: map.height,
    });
    sessions.send(session, PacketType.ENTER_WORLD_RESPONSE, toBinary(EnterWorldResponseSchema, response));
    faults.notify("enter", this.#hooks.enter, session.player!, false);
  }

  /** Puts the entity of a character into the world that has none there. */
  #appear(
    player: PlayerName,
    { characterId, state }: { readonly characterId: number; readonly state: SavedState | null },
    penalty: TravelPenalty | undefined,
  ): number {
    const { clock, saver, world } = this.#context;
    const nowMs = clock.monotonicMs();
    const saved = saver.find(characterId) ?? state;
    const { map, place } = this.#placeOf(player, saved);
    const entityId = world.join({
      kind: EntityKind.PLAYER,
      name: player.name,
      mapId: map.mapId,
      ...(place === null ? {} : { x: place.x, y: place.y, z: place.z, yaw: place.yaw }),
      viewer: true,
      travelCreditMs: penalty && penalty.travelCreditMs + nowMs - penalty.leftAtMs,
    }, nowMs);
    if (entityId === 0) return 0;
    const { contract: { components }, faults } = this.#context;
    faults.run("enter", () => {
      const aside = restoreComponents(world, entityId, {
        kept: savedComponents(saved?.components),
        components,
        faults,
      });
      if (aside.length > 0) this.#aside.set(entityId, aside);
    });
    faults.notify("enter", this.#hooks.appear, entityId, player, saved);
    return entityId;
  }

  /** Gives a player the entity back that it has left: where it is, as it is. */
  #takeOver({ player, presence: { characterId, entityId } }: Stay): void {
    const { world } = this.#context;
    this.#stays.delete(characterId);
    this.#context.faults.notify("enter", this.#hooks.appear, entityId, player, "stayed");
    world.requestFullSnapshot(entityId);
  }

  /** Where a character enters: where the game says, else where it was saved, if it can. */
  #placeOf(player: PlayerName, saved: SavedState | null): { map: WorldMap; place: Place | null } {
    const { world } = this.#context;
    let wanted: EntryPlace | undefined;
    for (const entryPlace of this.#hooks.entryPlace) wanted ??= entryPlace(player, saved);
    wanted ??= saved === null ? undefined : { mapId: saved.mapId, place: saved };
    const map = wanted && world.findMap(wanted.mapId);
    // A map that is gone or full is no reason to keep anybody out.
    if (wanted === undefined || map === undefined || map.isFull) return { map: world.maps[0], place: null };
    // A place saved on a larger map may be none here.
    return { map, place: wanted.place !== undefined && isOn(map, wanted.place) ? wanted.place : null };
  }

  // Movement

  /**
   * Handles a MOVEMENT_UPDATE straight from the ring.
   *
   * @returns `false` when the payload is unusual: the dispatcher decides then.
   */
  tryMove(session: Session, bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.#movement.tryRead(bytes, start, end)) return false;
    this.#move(session, this.#movement.entityId, this.#movement);
    return true;
  }

  #moveMessage(session: Session, message: MovementUpdate): void {
    this.#move(session, Number(message.entityId), {
      x: message.position?.x ?? 0,
      y: message.position?.y ?? 0,
      z: message.position?.z ?? 0,
      vx: message.velocity?.x ?? 0,
      vy: message.velocity?.y ?? 0,
      vz: message.velocity?.z ?? 0,
      yaw: message.rotation?.y ?? 0,
      sequenceNumber: message.sequenceNumber,
    });
  }

  #move(session: Session, entityId: number, movement: Movement): void {
    const { clock, world } = this.#context;
    const { presence } = session;
    if (presence === null) return;
    const own = presence.entityId;
    const verdict = entityId !== 0 && entityId !== own
      ? "not_own_entity"
      : world.move(own, movement, clock.monotonicMs());
    if (verdict !== "ok") this.correct(session, { sequenceNumber: movement.sequenceNumber, reason: verdict });
  }

  /**
   * Tells a session where it is: MOVEMENT_CORRECTION.
   *
   * @param cause The movement that was refused, 0: none, the server moved it.
   */
  correct(session: Session, cause: { readonly sequenceNumber: number; readonly reason: string }): void {
    const { sessions, world } = this.#context;
    const { presence } = session;
    if (presence === null) return;
    const { entityId } = presence;
    const correction = create(MovementCorrectionSchema, {
      position: { x: world.xOf(entityId), y: world.yOf(entityId), z: world.zOf(entityId) },
      ...cause,
    });
    sessions.send(session, PacketType.MOVEMENT_CORRECTION, toBinary(MovementCorrectionSchema, correction));
  }

  // Leaving

  #onLeaveRequest(session: Session): void {
    const { presence } = session;
    if (presence === null) return;
    session.isLeaving = true;
    this.#leave(session, "left");
    session.isLeaving = false;
    if (session.link !== null) session.link.stateDue = STATE_AUTHENTICATED;
    const update = create(EntityUpdateSchema, {
      entityId: BigInt(presence.entityId),
      update: { case: "despawn", value: { reason: DespawnReason.LEFT_WORLD } },
    });
    const payload = toBinary(EntityUpdateSchema, update);
    // Not as LATEST: the client waits for it.
    session.link?.output.send(session.link, PacketType.ENTITY_UPDATE, payload);
    this.finish(session);
  }

  /**
   * Takes a session out of the world, unless it has left, and resolves when its character is saved as it was then. A
   * storage that takes no writes is not waited for: the save is made when it can be.
   */
  async leaveAndSave(session: Session): Promise<void> {
    this.#leave(session, "left");
    if (session.leftCharacterId !== 0) await this.#context.saver.saved(session.leftCharacterId, LOGOUT_SAVE_WAIT_MS);
  }

  /** Ends a session's reliable numbering, after it left the world. */
  finish(session: Session): void {
    this.#context.sessions.leaveWorld(session);
    session.finish();
  }

  /**
   * Takes a session out of the world. Its entity goes with it, unless it fights: then it stays, as that of a player whose
   * connection is lost does, until the fight is over or the player is back.
   *
   * @param options Whether the entity goes in any case: the player has no say in it.
   */
  #leave(session: Session, why: LeaveReason, { atOnce = false }: { atOnce?: boolean } = {}): void {
    const { clock, faults, log, sessions, world } = this.#context;
    const { player, presence } = session;
    if (player === null || presence === null) return;
    const { playerId, name } = player;
    log.debug("Player left", { playerId, name });
    faults.notify("leave", this.#hooks.leave, player, why);
    if (!atOnce && this.#mustStay(presence.entityId, clock.monotonicMs())) {
      const stay: Stay = { player: { playerId, name }, presence };
      faults.run("leave", () => this.save(stay));
      this.#stays.set(presence.characterId, stay);
      this.#byEntity.set(presence.entityId, stay);
      world.halt(presence.entityId);
      world.requestFullSnapshot(presence.entityId);
    } else {
      this.#remove(session);
    }
    sessions.leaveWorld(session);
    session.leftCharacterId = presence.characterId;
    session.presence = null;
  }

  /** Takes an entity out of the world, saves its character and keeps what holds it back. */
  #remove(who: Participant): void {
    const { clock, faults, world } = this.#context;
    const { characterId, entityId } = who.presence!;
    const nowMs = clock.monotonicMs();
    // Whatever fails, the entity is out of the world afterwards: else it would be there for ever.
    faults.run("leave", () => this.save(who));
    const travelCreditMs = world.travelCreditMs(entityId, nowMs);
    this.#penalties.hold(characterId, { leftAtMs: nowMs, travelCreditMs }, nowMs);
    faults.notify("despawn", this.#hooks.despawn, entityId, characterId);
    faults.run("leave", () => world.leave(entityId, DespawnReason.LEFT_WORLD));
    this.#byEntity.delete(entityId);
    this.#aside.delete(entityId);
    this.#stays.delete(characterId);
  }

  /** Whether an entity stays in the world when its player leaves, and as long as it is so. */
  #mustStay(entityId: number, nowMs: number): boolean {
    return this.#hooks.stays.some((stays) => stays(entityId, nowMs));
  }

  /** Saves a character in the world as it is now, unless it is another node's. */
  save(who: Participant): void {
    const { ownerships, saver, world } = this.#context;
    const { characterId, entityId, home } = who.presence!;
    const owner = ownerships.find(who.player!.playerId);
    if (owner === undefined) return;
    const components = componentsToSave(world, entityId, this.#aside.get(entityId) ?? []);
    // An instance is gone when its player is back.
    const { mapId, x, y, z, yaw } = home ?? this.#whereIs(entityId);
    saver.save({
      characterId,
      mapId,
      x,
      y,
      z,
      yaw,
      hp: Math.round(this.#hooks.savedHp[0]?.(entityId) ?? 0),
      ...components === undefined ? {} : { components },
      ...owner === null ? {} : { owner },
    });
  }

  #whereIs(entityId: number): HomePlace {
    const { world } = this.#context;
    return {
      mapId: world.mapOf(entityId).mapId,
      x: world.xOf(entityId),
      y: world.yOf(entityId),
      z: world.zOf(entityId),
      yaw: world.yawOf(entityId),
    };
  }

  // Between maps

  /**
   * Takes a session in the world to another map, and tells its client.
   *
   * @param target Without a place the world chooses one.
   * @returns `false` when the map is full; nothing was done then.
   */
  moveTo(
    session: Session,
    target: { readonly map: WorldMap; readonly place?: Readonly<Place>; readonly evenIfFull?: boolean },
  ): boolean {
    const { clock, sessions, world } = this.#context;
    const presence = session.presence!, { entityId } = presence, { map, place, evenIfFull } = target;
    const home = map.template === null ? null : presence.home ?? this.#whereIs(entityId);
    if (!world.tryTransfer(entityId, { mapId: map.mapId, place, evenIfFull }, clock.monotonicMs())) return false;
    presence.home = home;
    this.save(session);
    const { mapId, name, width, height, interestRadius, theme } = map;
    const entered = create(MapEnteredSchema, {
      success: true,
      entityId: BigInt(entityId),
      position: { x: world.xOf(entityId), y: world.yOf(entityId), z: world.zOf(entityId) },
      map: { mapId, name, width, height, interestRadius, theme },
    });
    sessions.send(session, PacketType.MAP_ENTERED, toBinary(MapEnteredSchema, entered));
    return true;
  }

  /** Takes a session out of its instance, to where it was before; one that is in none stays where it is. */
  moveHome(session: Session): void {
    const { world } = this.#context;
    const home = session.presence?.home;
    if (home == null) return;
    const map = world.findMap(home.mapId);
    // It must go somewhere, however full it is there.
    if (map === undefined || !isOn(map, home)) this.moveTo(session, { map: world.maps[0], evenIfFull: true });
    else this.moveTo(session, { map, place: home, evenIfFull: true });
  }

  /** Takes the player of an entity out of its instance, which ends: an entity without a player leaves the world. */
  clear(entityId: number): void {
    const who = this.#byEntity.get(entityId);
    if (who instanceof Session) this.moveHome(who);
    else if (who !== undefined) this.#remove(who);
  }

  /** Ends a session because another takes its place, and tells its client why. */
  replace(session: Session, reason: DisconnectReason, message: string): void {
    this.#leave(session, "replaced");
    this.#end(session, reason, message);
  }

  /** Ends a session because its player is thrown out, and its entity at once, and tells its client why. */
  expel(session: Session, reason: DisconnectReason, message: string): void {
    this.#leave(session, "expelled", { atOnce: true });
    this.#end(session, reason, message);
  }

  /** Players are wanted on another node, or there already: their sessions end here. What is still owned is saved. */
  giveUp(playerIds: Iterable<number>): void {
    const { sessions } = this.#context;
    for (const playerId of playerIds) {
      this.#wanted.add(playerId);
      const session = sessions.findPlayer(playerId);
      if (session !== undefined) {
        this.expel(session, DisconnectReason.LOGGED_IN_ELSEWHERE, "The player entered on another server");
      }
      for (const stay of this.#stays.values()) if (stay.player.playerId === playerId) this.#remove(stay);
    }
    this.#giveUpUnneeded();
  }

  /** Gives up the players that nobody plays here, once all of them is saved. */
  #giveUpUnneeded(): void {
    const { ownerships, saver, sessions } = this.#context;
    const unsaved = saver.unsavedPlayers();
    const staying = new Set([...this.#stays.values()].map(({ player }) => player.playerId));
    ownerships.sweep((playerId) =>
      this.#entering.has(playerId) || staying.has(playerId) || unsaved.has(playerId) ||
      (sessions.findPlayer(playerId)?.presence ?? null) !== null
    );
    for (const playerId of this.#wanted) {
      if ((ownerships.find(playerId) ?? null) === null || this.#entering.has(playerId)) this.#wanted.delete(playerId);
    }
  }

  #end(session: Session, reason: DisconnectReason, message: string): void {
    this.#context.sessions.disconnect(session, reason, message);
    this.#context.sessions.end(session);
  }

  // Link-death

  /** A connection is gone: a session in the world waits for its client to come back, any other ends. */
  onLinkClosed(link: Link): void {
    const { clock, sessions, world } = this.#context;
    const { session } = link;
    if (session.ended || session.link !== link) return;
    session.link = null;
    if (session.presence === null) {
      sessions.end(session);
      return;
    }
    session.linkDeadSinceMs = clock.monotonicMs();
    const { faults } = this.#context;
    faults.notify("linkDead", this.#hooks.linkDead, session.player!);
    world.halt(session.presence.entityId);
    world.requestFullSnapshot(session.presence.entityId);
  }

  // Time

  /** One step of the world: sends snapshots to those whose turn it is and who can take one. */
  step(): void {
    const { clock, counters, sessions, world } = this.#context;
    const encodedBefore = world.encodedCount;
    world.step(clock.unixMs());
    const snapshot = this.#snapshot;
    let built = 0;
    let bytes = 0;
    for (const session of sessions.inWorld) {
      const { link, presence } = session;
      if (link === null || link.congested || presence === null || !world.isTurnOf(presence.entityId)) continue;
      // What is shown must not come before what it builds on: the map that was entered, the answer to a resume.
      if (session.isBehind || !link.output.hasRoomFor(snapshot.length)) continue;
      const length = this.#tryBuildSnapshot(session, presence.entityId);
      if (length === 0) continue;
      session.sendLatest(PacketType.WORLD_SNAPSHOT, snapshot, 0, length);
      built++;
      bytes += length;
    }
    counters.add(Counter.ENCODER_CALLS, world.encodedCount - encodedBefore);
    counters.add(Counter.SNAPSHOTS_BUILT, built);
    counters.add(Counter.SNAPSHOT_BYTES, bytes);
  }

  /** Builds a session's snapshot; gives its length. Whose cannot be built is closed, and shown everything anew if it resumes. */
  #tryBuildSnapshot(session: Session, entityId: number): number {
    try {
      return this.#context.world.buildSnapshot(entityId, this.#snapshot, 0);
    } catch (error) {
      this.#context.faults.report("snapshot", error, { entityId });
      this.#context.sessions.disconnect(session, DisconnectReason.SERVER_ERROR, "The server cannot show the world");
      return 0;
    }
  }

  /**
   * Ends link-dead sessions whose time is over, removes players who have left and no longer fight, and saves those who
   * are due; to be called about once a second.
   */
  sweep(): void {
    const { clock, config, faults, sessions } = this.#context;
    const nowMs = clock.monotonicMs();
    for (const session of sessions.inWorld) {
      if (session.linkDeadSinceMs !== 0 && nowMs - session.linkDeadSinceMs >= config.linkDeadMs) {
        this.#leave(session, "lost");
        sessions.end(session);
      } else if (session.presence !== null && nowMs >= session.presence.saveAtMs) {
        session.presence.saveAtMs = nowMs + CHARACTER_SAVE_INTERVAL_MS;
        faults.run("save", () => this.save(session));
      }
    }
    for (const stay of this.#stays.values()) {
      if (!this.#mustStay(stay.presence.entityId, nowMs)) faults.run("leave", () => this.#remove(stay));
    }
    this.#penalties.sweep(nowMs);
    this.#giveUpUnneeded();
  }

  /** Takes everyone out of the world and resolves when all are saved: the server stops. */
  async stop(): Promise<void> {
    for (const session of [...this.#context.sessions.inWorld]) {
      this.#leave(session, "stopped", { atOnce: true });
      this.#context.sessions.end(session);
    }
    for (const stay of this.#stays.values()) this.#remove(stay);
    await this.#context.saver.flush();
  }
}

function isOn(map: WorldMap, { x, z }: Readonly<Place>): boolean {
  return x >= 0 && z >= 0 && x <= map.width && z <= map.height;
}

/** Where a character enters the world: on a map, at a place in units, or where the world chooses. */
export interface EntryPlace {
  readonly mapId: number;
  readonly place?: Readonly<Place>;
}

/** What is saved of a character. */
export type SavedState = Omit<SavedCharacter, "characterId">;
