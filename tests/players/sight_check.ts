/**
 * Who is where, who sees whom, and whether everybody is told so: a model that looks at every pair at every tick.
 *
 * @module
 */

import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import {
  DespawnReason,
  EntityKind,
  type EntitySpawn,
  type EntityUpdate,
  EntityUpdateSchema,
} from "../../shared/gen/world_pb.ts";
import type { Vector3 } from "../../shared/gen/common_pb.ts";
import type { Actor, Board } from "./board.ts";
import { Contradiction } from "./board.ts";
import { type Body, isMapKnown, isPlaced, nameOf, toCm } from "./body.ts";
import { type MapRule, safetyOf } from "./map_rules.ts";

/** It cannot have gone without the model knowing: a player's, but for one left behind whose fight nobody watches. */
function isCertain({ actor, isExact }: Body): boolean {
  return actor !== null && (isExact || !actor.isLeftBehind);
}

/** What the server said of a viewer's world. */
export interface SightOptions {
  readonly maps: readonly MapRule[];
  /** Entity ids are below this. */
  readonly idBound: number;
  /** A snapshot has so many bytes at most. */
  readonly snapshotBytes: number;
}

/** Whether two see each other; unknown where nobody can be asked. */
const APART = 0, PAIR = 1, UNKNOWN = 2;
/** A snapshot that has no more room than this may have left something out. */
const ROOM_BYTES = 400;
/** Ticks in a row after which whoever is told only a part must have been told all. */
const BEHIND_TICKS_MAX = 100;

/** Follows every snapshot of every player. */
export class SightCheck {
  readonly bodies = new Map<number, Body>();
  readonly #board: Board;
  readonly #size: number;
  readonly #maps: readonly MapRule[];
  readonly #snapshotBytes: number;
  /** By viewer and entity: whether the two are a pair, each in the other's interest, as of the last tick. */
  readonly #pairs: Uint8Array;
  /** By viewer and entity: the viewer was told a spawn and no despawn. */
  readonly #shown: Uint8Array;
  readonly #toldVersion: Uint32Array;
  readonly #toldHp: Float32Array;
  readonly #toldStun: Uint8Array;
  /** By viewer: ticks for which its snapshots were full. */
  readonly #behindTicks: Int32Array;
  /** By viewer: it has a connection and was told all there is. */
  readonly #isCurrent: Uint8Array;
  readonly #toldOwn: Uint8Array;
  readonly #movementSequence: Uint32Array;
  #tick = 0;
  /** Entities that left since the last tick. */
  #gone: { readonly entityId: number; readonly reason: DespawnReason }[] = [];
  readonly #goneReason = new Map<number, DespawnReason>();
  snapshotCount = 0;
  /** Snapshots that had no room for everything. */
  lateCount = 0;
  pairCount = 0;

  constructor(board: Board, { maps, idBound, snapshotBytes }: SightOptions) {
    this.#board = board;
    this.#size = idBound;
    this.#maps = maps;
    this.#snapshotBytes = snapshotBytes;
    this.#pairs = new Uint8Array(idBound * idBound);
    this.#shown = new Uint8Array(idBound * idBound);
    this.#toldVersion = new Uint32Array(idBound * idBound);
    this.#toldHp = new Float32Array(idBound * idBound);
    this.#toldStun = new Uint8Array(idBound * idBound);
    this.#behindTicks = new Int32Array(idBound);
    this.#isCurrent = new Uint8Array(idBound);
    this.#toldOwn = new Uint8Array(idBound);
    this.#movementSequence = new Uint32Array(idBound);
  }

  /** The map with an id. */
  mapOf(mapId: number): MapRule {
    const map = this.#maps.find((map) => map.mapId === mapId);
    if (map === undefined) throw new Contradiction(`There is no map ${mapId}`);
    return map;
  }

  // What happens

  /** A player enters; gives its body. */
  enter(
    actor: Actor,
    entityId: number,
    { position, map, hp, guildTag }: { position: Vector3; map: MapRule; hp: number; guildTag: string },
  ): Body {
    if (!(entityId > 0 && entityId < this.#size)) throw new Contradiction(`${actor.name} entered as ${entityId}`);
    const before = this.bodies.get(entityId);
    // A monster, or one left behind, may have gone where nobody saw it.
    if (before !== undefined && (isCertain(before) || before.isShown)) {
      throw new Contradiction(`${actor.name} entered as ${entityId}, who is there`);
    }
    const body: Body = {
      entityId,
      actor,
      map,
      x: toCm(position.x),
      y: toCm(position.y),
      z: toCm(position.z),
      vx: 0,
      vz: 0,
      hp,
      hpMax: 100,
      healsAtMs: NaN,
      stunnedUntilMs: 0,
      guildTag,
      version: 1,
      isExact: true,
      exactSinceTick: 0,
      toldAtTick: 0,
      isShown: true,
      shownSinceTick: 0,
      isHealthDoubtful: false,
    };
    this.bodies.set(entityId, body);
    this.#goneReason.delete(entityId);
    this.#clear(entityId);
    return body;
  }

  /** An entity leaves. */
  leave(entityId: number, reason: DespawnReason): void {
    this.bodies.delete(entityId);
    this.#gone.push({ entityId, reason });
    this.#goneReason.set(entityId, reason);
    this.#part(entityId);
    const size = this.#size;
    this.#shown.fill(0, entityId * size, (entityId + 1) * size);
  }

  /** A player goes to another map: it is told everything anew, and nobody on either map sees it until the next tick. */
  transfer(body: Body, map: MapRule, { x, y, z }: { x: number; y: number; z: number }): void {
    body.map = map;
    this.place(body, { x, y, z, vx: 0, vz: 0 });
    this.#part(body.entityId);
    this.beginAnew(body.entityId);
  }

  /** Nobody sees an entity, nor it anybody. */
  #part(entityId: number): void {
    const size = this.#size;
    for (let other = 0; other < size; other++) this.#pairs[other * size + entityId] = APART;
    this.#pairs.fill(APART, entityId * size, (entityId + 1) * size);
  }

  /** Something moved. */
  place(body: Body, place: { x: number; y: number; z: number; vx: number; vz: number }): void {
    const { x, y, z, vx, vz } = place;
    if (body.x === x && body.y === y && body.z === z && body.vx === vx && body.vz === vz) return;
    body.x = x;
    body.y = y;
    body.z = z;
    body.vx = vx;
    body.vz = vz;
    body.version++;
  }

  /** It cannot go on. */
  stop(body: Body): void {
    this.place(body, { x: body.x, y: body.y, z: body.z, vx: 0, vz: 0 });
  }

  /** The viewer's next snapshot shows everything anew: it has just come back. */
  beginAnew(entityId: number): void {
    this.#shown.fill(0, entityId * this.#size, (entityId + 1) * this.#size);
    this.#toldOwn[entityId] = 0;
    this.#behindTicks[entityId] = 0;
  }

  /** A movement was accepted: the next snapshot acknowledges it. */
  acceptMovement(entityId: number, sequenceNumber: number): void {
    this.#movementSequence[entityId] = sequenceNumber;
  }

  // What is asked

  /** Whether two certainly see each other, as of the last tick. */
  sees(viewerId: number, entityId: number): boolean {
    return this.#pairs[viewerId * this.#size + entityId] === PAIR;
  }

  /** Whether two perhaps see each other, as of the last tick. */
  maySee(viewerId: number, entityId: number): boolean {
    return this.#pairs[viewerId * this.#size + entityId] !== APART;
  }

  /** Whether a viewer was told of an entity. */
  isShown(viewerId: number, entityId: number): boolean {
    return this.#shown[viewerId * this.#size + entityId] === 1;
  }

  /** The players who certainly see an entity, as of the last tick. */
  *watchersOf(entityId: number): Generator<Actor> {
    for (const body of this.bodies.values()) {
      if (body.actor !== null && body.entityId !== entityId && this.sees(body.entityId, entityId)) yield body.actor;
    }
  }

  /** Centimetres on the ground. */
  distanceCm(a: Body, b: { readonly x: number; readonly z: number }): number {
    return Math.hypot(a.x - b.x, a.z - b.z);
  }

  // What is told

  /** A WORLD_SNAPSHOT came. */
  onSnapshot(actor: Actor, payload: Uint8Array): void {
    this.snapshotCount++;
    const viewerId = actor.entityId;
    const reader = new BinaryReader(payload);
    const end = payload.length;
    let lastMovementSequence = 0;
    while (reader.pos < end) {
      const [field, wireType] = reader.tag();
      if (field === 3) this.#onUpdate(actor, fromBinary(EntityUpdateSchema, reader.bytes()));
      else if (field === 4) lastMovementSequence = reader.uint32();
      else if (field === 5) this.#onMove(actor, reader);
      else reader.skip(wireType);
    }
    if (lastMovementSequence !== this.#movementSequence[viewerId]) {
      throw new Contradiction(
        `${actor.name} moved up to ${this.#movementSequence[viewerId]}, the snapshot says ${lastMovementSequence}`,
      );
    }
    if (end > this.#snapshotBytes) throw new Contradiction(`${actor.name} was sent a snapshot of ${end} bytes`);
    const behindTicks = end > this.#snapshotBytes - ROOM_BYTES ? this.#behindTicks[viewerId] + 1 : 0;
    if (behindTicks > 0) this.lateCount++;
    if (behindTicks > BEHIND_TICKS_MAX) {
      throw new Contradiction(`${actor.name} was not told all for ${behindTicks} ticks`);
    }
    this.#behindTicks[viewerId] = behindTicks;
  }

  #onUpdate(viewer: Actor, { entityId: id, update }: EntityUpdate): void {
    const entityId = Number(id), at = viewer.entityId * this.#size + entityId;
    switch (update.case) {
      case "spawn":
        return this.#onSpawn(viewer, entityId, update.value);
      case "despawn":
        return this.#onDespawn(viewer, entityId, update.value.reason);
      case "health": {
        this.#checkShown(viewer, entityId, "health");
        const { currentHp, maxHp } = update.value;
        const body = this.#bodyOf(viewer, entityId, "health");
        this.#toldHp[at] = currentHp;
        this.#tellHealth(viewer, body, currentHp, maxHp);
        return;
      }
      case "status":
        this.#checkShown(viewer, entityId, "status");
        this.#toldStun[at] = update.value.isStunned ? 1 : 0;
        return;
      default:
        throw new Contradiction(`${viewer.name} was told ${update.case} of ${entityId}`);
    }
  }

  #onSpawn(viewer: Actor, entityId: number, spawn: EntitySpawn): void {
    const { name, kind, movement, health, guildTag } = spawn;
    const at = viewer.entityId * this.#size + entityId;
    let body = this.bodies.get(entityId);
    const isMonster = kind === EntityKind.MONSTER && body?.actor === null;
    if (body !== undefined && !isMonster && body.actor?.name !== name && !isCertain(body) && !body.isShown) {
      body = undefined;
    }
    const { map } = this.bodies.get(viewer.entityId)!;
    if (body === undefined && kind === EntityKind.MONSTER) body = this.#appear(entityId, map);
    if (body === undefined) {
      throw new Contradiction(`${viewer.name} was shown ${entityId}, "${name}", who is not there`);
    }
    if ((body.actor?.name ?? name) !== name || (body.actor === null) !== (kind === EntityKind.MONSTER)) {
      throw new Contradiction(`${viewer.name} was shown ${entityId} as "${name}", it is ${body.actor?.name}`);
    }
    if (body.map !== map) {
      if (isMapKnown(body)) throw new Contradiction(`${viewer.name} was shown ${nameOf(body)}, on another map`);
      // Where nobody sees it one monster may have taken the place of another.
      body.map = map;
    }
    if (body.actor !== null && guildTag !== body.guildTag) {
      throw new Contradiction(`${viewer.name} was shown ${name} of "${guildTag}", who is of "${body.guildTag}"`);
    }
    const [x, y, z] = [movement?.position?.x, movement?.position?.y, movement?.position?.z].map(toCm);
    const [vx, vz] = [movement?.velocity?.x, movement?.velocity?.z].map(toCm);
    this.#tellPlace(viewer, body, { x, y, z, vx, vz });
    this.#tellHealth(viewer, body, health?.currentHp ?? 0, health?.maxHp ?? 0);
    this.#toldVersion[at] = body.version;
    this.#toldHp[at] = health?.currentHp ?? 0;
    // A status follows where there is one.
    this.#toldStun[at] = 0;
    if (viewer.entityId === entityId) this.#onOwnSpawn(body);
    else this.#shown[at] = 1;
  }

  /** A player is here again, and told of itself: now the model knows for certain. */
  #onOwnSpawn(body: Body): void {
    this.#toldOwn[body.entityId] = 1;
    if (body.isExact) return;
    body.isExact = true;
    body.exactSinceTick = this.#tick;
    body.isShown = true;
  }

  #onDespawn(viewer: Actor, entityId: number, reason: DespawnReason): void {
    this.#checkShown(viewer, entityId, "despawn");
    this.#shown[viewer.entityId * this.#size + entityId] = 0;
    const body = this.bodies.get(entityId);
    if (body === undefined) {
      const wanted = this.#goneReason.get(entityId);
      if (reason === wanted) return;
      throw new Contradiction(`${viewer.name} was told that ${entityId} left: ${reason} instead of ${wanted}`);
    }
    if (reason === DespawnReason.LEFT_INTEREST) return;
    if (isCertain(body)) throw new Contradiction(`${viewer.name} was told that ${nameOf(body)} left: ${reason}`);
    if (body.actor === null && body.hp > 0 && body.isShown) {
      throw new Contradiction(`${viewer.name} was told that ${entityId} died: ${body.hp}`);
    }
    this.leave(entityId, reason);
  }

  #onMove(viewer: Actor, reader: BinaryReader): void {
    const end = reader.uint32() + reader.pos;
    let entityId = 0, x = 0, y = 0, z = 0, vx = 0, vz = 0;
    while (reader.pos < end) {
      const [field, wireType] = reader.tag();
      switch (field) {
        case 1:
          entityId = Number(reader.uint64());
          break;
        case 2:
          x = reader.sint32();
          break;
        case 3:
          y = reader.sint32();
          break;
        case 4:
          z = reader.sint32();
          break;
        case 5:
          vx = reader.sint32();
          break;
        case 6:
          vz = reader.sint32();
          break;
        default:
          reader.skip(wireType);
      }
    }
    this.#checkShown(viewer, entityId, "move");
    const body = this.#bodyOf(viewer, entityId, "move");
    this.#tellPlace(viewer, body, { x, y, z, vx, vz });
    this.#toldVersion[viewer.entityId * this.#size + entityId] = body.version;
  }

  #tellPlace(viewer: Actor, body: Body, told: { x: number; y: number; z: number; vx: number; vz: number }): void {
    if (body.actor === null && safetyOf(body.map, told) === "yes") {
      throw new Contradiction(`${viewer.name} was told ${nameOf(body)} in a safe area`);
    }
    if (!body.isExact && body.toldAtTick !== this.#tick) {
      body.toldAtTick = this.#tick;
      this.place(body, told);
      return;
    }
    const isSame = body.x === told.x && body.y === told.y && body.z === told.z &&
      Math.abs(body.vx - told.vx) <= 1 && Math.abs(body.vz - told.vz) <= 1;
    if (isSame) return;
    const { x, y, z, vx, vz } = body;
    throw new Contradiction(
      `${viewer.name} was told ${nameOf(body)} at ${JSON.stringify(told)}, it is at ${
        JSON.stringify({ x, y, z, vx, vz })
      }`,
    );
  }

  #tellHealth(viewer: Actor, body: Body, hp: number, hpMax: number): void {
    const isUnknown = Number.isNaN(body.hp) || body.isHealthDoubtful || (body.actor === null && hp === hpMax);
    if (isUnknown) {
      body.hp = hp;
      body.hpMax = hpMax;
      body.isHealthDoubtful = false;
    }
    // When it fought last is not known.
    if (body.actor !== null && Number.isNaN(body.healsAtMs) && mayHaveHealed(body.hp, hp)) body.hp = hp;
    if (body.hp !== hp || body.hpMax !== hpMax) {
      throw new Contradiction(
        `${viewer.name} was told ${
          nameOf(body)
        } has ${hp} of ${hpMax} hit points, the blows left ${body.hp} of ${body.hpMax}`,
      );
    }
  }

  /** A monster is told of for the first time. */
  #appear(entityId: number, map: MapRule): Body {
    const body: Body = {
      ...{
        entityId,
        actor: null,
        map,
        x: 0,
        y: 0,
        z: 0,
        vx: 0,
        vz: 0,
        hp: NaN,
        hpMax: NaN,
        healsAtMs: NaN,
        stunnedUntilMs: 0,
      },
      ...{
        guildTag: "",
        version: 1,
        isExact: false,
        exactSinceTick: 0,
        toldAtTick: 0,
        isShown: true,
        shownSinceTick: this.#tick,
        isHealthDoubtful: false,
      },
    };
    this.bodies.set(entityId, body);
    this.#goneReason.delete(entityId);
    this.#clear(entityId);
    return body;
  }

  #clear(entityId: number): void {
    const size = this.#size;
    for (let other = 0; other < size; other++) {
      const at = other * size + entityId;
      this.#pairs[at] =
        this.#toldVersion[at] =
        this.#toldHp[at] =
        this.#toldStun[at] =
          0;
    }
    for (const row of [this.#pairs, this.#shown, this.#toldStun]) row.fill(0, entityId * size, (entityId + 1) * size);
    this.#behindTicks[entityId] = this.#toldOwn[entityId] = this.#movementSequence[entityId] = 0;
  }

  #checkShown(viewer: Actor, entityId: number, what: string): void {
    if (viewer.entityId === entityId) return;
    if (this.#shown[viewer.entityId * this.#size + entityId] === 1) return;
    throw new Contradiction(`${viewer.name} was told ${what} of ${entityId}, whom it was not shown`);
  }

  /** A player has the body back that it had left behind, and is shown everything anew. */
  takeOver(body: Body, actor: Actor, guildTag: string): void {
    body.actor = actor;
    body.guildTag = guildTag;
    this.beginAnew(body.entityId);
  }

  #bodyOf(viewer: Actor, entityId: number, what: string): Body {
    const body = this.bodies.get(entityId);
    if (body === undefined) throw new Contradiction(`${viewer.name} was told ${what} of ${entityId}, who is not there`);
    return body;
  }

  // Ticks

  /** A tick begins. */
  beginTick(tick: number): void {
    this.#tick = tick;
  }

  /** A tick is over: everybody has been told, and exactly what there is. */
  checkTick(): void {
    this.#findCurrent();
    this.#findShown();
    this.#updatePairs();
    for (const viewer of this.bodies.values()) {
      if (viewer.actor === null || !viewer.actor.isConnected) continue;
      if (this.#behindTicks[viewer.entityId] > 0) continue;
      this.#checkViewer(viewer, viewer.actor);
    }
    this.#gone = [];
  }

  #findCurrent(): void {
    for (const { actor, entityId } of this.bodies.values()) {
      const isCurrent = actor?.isConnected === true && this.#toldOwn[entityId] === 1 &&
        this.#behindTicks[entityId] === 0;
      this.#isCurrent[entityId] = isCurrent ? 1 : 0;
    }
  }

  /** The word about an entity is good while somebody who is up to date is shown it. */
  #findShown(): void {
    for (const body of this.bodies.values()) {
      if (body.isExact) continue;
      const isShown = this.#isShownToAny(body.entityId);
      if (isShown && !body.isShown) body.shownSinceTick = this.#tick;
      if (!isShown) body.isHealthDoubtful = true;
      body.isShown = isShown;
    }
  }

  #isShownToAny(entityId: number): boolean {
    for (const viewer of this.bodies.values()) {
      if (this.#isCurrent[viewer.entityId] === 0) continue;
      if (this.#shown[viewer.entityId * this.#size + entityId] === 1) return true;
    }
    return false;
  }

  #updatePairs(): void {
    const bodies = [...this.bodies.values()], size = this.#size, pairs = this.#pairs;
    let pairCount = 0;
    for (let first = 0; first < bodies.length; first++) {
      const a = bodies[first];
      for (let second = first + 1; second < bodies.length; second++) {
        const b = bodies[second];
        if (a.actor === null && b.actor === null) continue;
        const at = a.entityId * size + b.entityId;
        const pair = this.#judgePair(a, b, pairs[at]);
        if (pair === PAIR) pairCount++;
        if (pairs[at] !== pair) pairs[at] = pairs[b.entityId * size + a.entityId] = pair;
      }
    }
    this.pairCount = pairCount;
  }

  /** @param before What they were at the tick before. */
  #judgePair(a: Body, b: Body, before: number): number {
    if (a.map !== b.map && isMapKnown(a) && isMapKnown(b)) return APART;
    if (isPlaced(a) && isPlaced(b)) {
      const dx = a.x - b.x, dz = a.z - b.z, squared = dx * dx + dz * dz;
      if (squared > a.map.leaveSquared) return APART;
      if (squared <= a.map.enterSquared) return PAIR;
      // In between they are what they were, where that is known.
      if (before !== UNKNOWN && this.#isSettled(a) && this.#isSettled(b)) return before;
    }
    // Whoever was told all there is knows.
    if (this.#isCurrent[a.entityId] === 1) return this.#shown[a.entityId * this.#size + b.entityId];
    if (this.#isCurrent[b.entityId] === 1) return this.#shown[b.entityId * this.#size + a.entityId];
    return UNKNOWN;
  }

  /** Where it stood at the tick before was known as well. */
  #isSettled({ exactSinceTick, isExact, shownSinceTick }: Body): boolean {
    return (isExact ? exactSinceTick : shownSinceTick) < this.#tick;
  }

  #checkViewer(viewer: Body, actor: Actor): void {
    const row = viewer.entityId * this.#size;
    if (this.#toldOwn[viewer.entityId] === 0) throw new Contradiction(`${actor.name} was not told of itself`);
    for (const { entityId } of this.#gone) {
      if (this.#shown[row + entityId] === 1) {
        throw new Contradiction(`${actor.name} was not told that ${entityId} left the world`);
      }
    }
    for (const body of this.bodies.values()) {
      const at = row + body.entityId;
      if (body === viewer) {
        this.#checkTold(actor, body, at);
        continue;
      }
      if (!isPlaced(body)) continue;
      const isDue = this.#pairs[at] === PAIR;
      if (this.#shown[at] !== (isDue ? 1 : 0)) {
        const distance = (this.distanceCm(viewer, body) / 100).toFixed(2);
        throw new Contradiction(
          `${actor.name} ${isDue ? "does not see" : "still sees"} ${nameOf(body)}, ${distance} units away`,
        );
      }
      if (isDue) this.#checkTold(actor, body, at);
    }
  }

  #checkTold(actor: Actor, body: Body, at: number): void {
    if (body.actor?.entityId !== actor.entityId && this.#toldVersion[at] !== body.version) {
      throw new Contradiction(`${actor.name} was not told that ${nameOf(body)} moved`);
    }
    if (!body.isHealthDoubtful && this.#toldHp[at] !== body.hp) {
      throw new Contradiction(
        `${actor.name} knows ${this.#toldHp[at]} hit points of ${nameOf(body)}, it has ${body.hp}`,
      );
    }
    if ((this.#toldStun[at] === 1) !== (body.stunnedUntilMs > 0)) {
      throw new Contradiction(`${actor.name} was not told whether ${nameOf(body)} is stunned`);
    }
  }
}

/** Whether hit points that came back, 5 at a time, can have made one number into the other. */
function mayHaveHealed(before: number, after: number): boolean {
  return before > 0 && after > before && after <= 100 && (after === 100 || (after - before) % 5 === 0);
}
