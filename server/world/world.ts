/**
 * Maps and everything on them.
 *
 * @module
 */

import { DespawnReason } from "../../shared/gen/enums.ts";
import {
  ENTITY_ID_QUARANTINE,
  GRID_CELLS_MAX,
  INSTANCES_MAX,
  MAP_ID_MAX,
  SNAPSHOT_BYTES_MAX,
  SPEED_MAX,
  WORLD_ENTITIES_MAX,
} from "../../shared/limits.ts";
import { type FaultReport, NO_FAULTS } from "../../shared/errors.ts";
import { ChangeLog, SPAWN_BIT } from "./change_log.ts";
import { type ComponentRow, Components } from "./components.ts";
import { CM_PER_UNIT, EntityStore, toCentimetres, toYawSteps } from "./entity_store.ts";
import { CHUNK_IDS } from "./id_lists.ts";
import { InterestGrid } from "./interest_grid.ts";
import { type Movement, type MovementRefusal, MovementRules } from "./movement.ts";
import type { Prng } from "./prng.ts";
import { SnapshotBuilder } from "./snapshot_builder.ts";
import { type EntityProfile, SnapshotEncoder } from "./snapshot_encoder.ts";
import { Visibility } from "./visibility.ts";
import type { EntityImage, WorldImage } from "./world_image.ts";
import { checkMapId, type MapOptions, type MapTemplate, WorldMap } from "./world_map.ts";

/** Random places looked at before an entity without a position is put at the emptiest of them. */
const SPAWN_CANDIDATES = 4;

/** What of an entity changed since the last step. */
const CHANGED = { MOVE: 1, POSITION: 2, COMPONENT: 4, PROFILE: 8, LISTED: 16 } as const;

/** What a {@linkcode World} is made with. */
export interface WorldOptions {
  /** At least one; the first is where entities come that are for no map in particular. */
  maps: readonly MapOptions[];
  /** What instances are made from; none unless told. */
  templates?: readonly MapTemplate[];
  /** What the game keeps about entities beside where they are; nothing unless told. */
  components?: readonly ComponentRow[];
  /** Why the game may hold entities: see {@linkcode World.hold}. Of several that apply, the first is told. */
  holdReasons?: readonly string[];
  /** Units/s, up to {@linkcode SPEED_MAX}: how fast players who join may be. */
  maxSpeed: number;
  tickIntervalMs: number;
  /** Steps of a tick, each the turn of as many viewers as the others; 1 unless told. */
  stepsPerTick?: number;
  /** Entities at most, up to {@linkcode WORLD_ENTITIES_MAX}. */
  capacity: number;
  /** Viewers at most: then the other places are for entities that are none. Unless told, all share the capacity. */
  playersMax?: number;
  /** Chooses spawn points. */
  prng: Prng;
  /** Bytes of one snapshot at most; {@linkcode SNAPSHOT_BYTES_MAX} unless told. */
  snapshotBytesMax?: number;
  /** Ids handed out between two uses of the same id, at least; {@linkcode ENTITY_ID_QUARANTINE} unless told. */
  idQuarantine?: number;
  /** Takes what an entity throws in a step, which then shows no news of this step; if left out, it is thrown. */
  faults?: FaultReport;
}

/** A place: units; `yaw` in radians. */
export interface Place {
  /** Along the width of the map. */
  x: number;
  /** Above the ground. */
  y: number;
  /** Along its height. */
  z: number;
  /** Where it looks to. */
  yaw: number;
}

/** A circle on the ground of a map: units. */
export interface Area {
  map: WorldMap;
  x: number;
  z: number;
  radius: number;
}

/** Where something is and how it moves: units, units/s; `yaw` in radians. */
export interface Pose {
  x: number;
  z: number;
  vx: number;
  vz: number;
  yaw: number;
}

/** Who joins a {@linkcode World}. */
export interface EntityOptions extends EntityProfile {
  /** The world's first map unless told. */
  mapId?: number;
  /** Where; without `x` or `z` the world chooses a place. */
  x?: number;
  y?: number;
  z?: number;
  yaw?: number;
  /** Whether it receives snapshots. */
  viewer: boolean;
  /** Travel time it has to spend, in milliseconds; the tolerance unless told, and at most that. */
  travelCreditMs?: number;
}

/**
 * The authoritative state of several maps, in fixed ticks. Pure: time comes as an argument, chance as a {@linkcode Prng}.
 *
 * A tick is made in one step or more. In each it is the turn of other viewers ({@linkcode World.isTurnOf}), so that
 * what is sent is spread over the tick and nobody waits behind everybody else; each viewer is told once a tick.
 *
 * Between steps the caller applies what players do ({@linkcode World.move}, {@linkcode World.set} …). Then it calls
 * {@linkcode World.step} once and {@linkcode World.buildSnapshot} for each viewer that can take one. A viewer not asked
 * at some of its turns (its connection is congested) gets all it missed, newest state only, when it is asked again.
 *
 * What a viewer is told:
 * - first its own `spawn`, from which it learns its name and components; afterwards changes of those, never its own
 *   moves: it predicts those, `last_movement_sequence` confirms them, and MOVEMENT_CORRECTION puts them right;
 * - others within the interest radius: `spawn` (followed by the components that it does not hold), then moves and
 *   components, and `despawn` when they leave. A `spawn` of an entity already shown replaces it.
 *
 * Positions are whole centimetres here as on the wire, so what a client is shown is what the server reckons with. `yaw`
 * is the angle about the vertical axis, `rotation.y` on the wire, in radians, kept in 1/256 turns.
 *
 * Maps are there from the start, or are made from a template while the world runs and end again: instances. What one had
 * is used by the next, so that memory follows the most there were at once.
 *
 * Entities of different maps neither see nor reach each other. Ids and the memory for entities are common to all maps:
 * an entity keeps its id when it goes to another map, and an empty map costs only its grid.
 *
 * Cost of a step: entities that changed are encoded once, and what they look like to each viewer is a copy of some 20
 * bytes. Memory is allocated when the world is made and never again.
 *
 * @see docs/protocol.md, "World"
 */
export class World {
  /** Those that are there from the start. */
  readonly maps: readonly WorldMap[];
  /** Highest speed of a player, in units/s. */
  readonly maxSpeed: number;
  /** Length of a tick. */
  readonly tickIntervalMs: number;
  /** Steps that make a tick; in each, as many viewers have their turn. */
  readonly stepsPerTick: number;

  readonly #prng: Prng;
  readonly #faults: FaultReport;
  /** All maps there are, by their index; where an instance has ended, the last one stands until its index is used again. */
  readonly #mapsByIndex: WorldMap[];
  readonly #mapsById = new Map<number, WorldMap>();
  readonly #freeIndexes: number[] = [];
  readonly #templates = new Map<string, { readonly template: MapTemplate; openCount: number }>();
  #nextInstanceId = MAP_ID_MAX + 1;
  readonly #othersMax: number;
  readonly #playersMax: number;
  readonly #store: EntityStore;
  readonly #grid: InterestGrid;
  readonly #visibility: Visibility;
  readonly #rules: MovementRules;
  readonly #components: Components;
  readonly #encoder: SnapshotEncoder;
  readonly #changes: ChangeLog;
  readonly #builder: SnapshotBuilder;

  readonly #changed: Uint8Array;
  /** Components of each entity that changed: their bits. */
  readonly #changedComponents: Int32Array;
  readonly #changedIds: Int32Array;
  #changedCount = 0;
  #refusedCount = 0;
  readonly #viewerIds: Int32Array;
  readonly #viewerIndexes: Int32Array;
  #viewerCount = 0;
  readonly #candidates: Int32Array;

  /**
   * Takes all the memory it will have.
   *
   * @throws {RangeError} when an option is out of its range.
   */
  constructor(options: WorldOptions) {
    checkRange("max speed", options.maxSpeed, SPEED_MAX);
    checkRange("capacity", options.capacity, WORLD_ENTITIES_MAX);
    if (!Number.isInteger(options.capacity)) {
      throw new RangeError(`Cannot make world: capacity is ${options.capacity}, must be a whole number`);
    }
    this.maps = makeMaps(options.maps);
    this.#mapsByIndex = [...this.maps];
    for (const map of this.maps) this.#mapsById.set(map.mapId, map);
    for (const template of options.templates ?? []) {
      if (this.#templates.has(template.name)) {
        throw new RangeError(`Cannot make world: two templates are called ${template.name}`);
      }
      this.#templates.set(template.name, { template, openCount: 0 });
    }
    checkTemplates(this.maps, options.templates ?? []);
    this.#playersMax = options.playersMax ?? options.capacity;
    this.#othersMax = options.playersMax === undefined ? options.capacity : options.capacity - options.playersMax;
    if (this.#othersMax < 0) {
      throw new RangeError(`Cannot make world: ${options.playersMax} players do not fit ${options.capacity} entities`);
    }
    this.maxSpeed = options.maxSpeed;
    this.tickIntervalMs = options.tickIntervalMs;
    this.stepsPerTick = options.stepsPerTick ?? 1;
    this.#prng = options.prng;
    this.#faults = options.faults ?? NO_FAULTS;

    const store = new EntityStore(options.capacity, options.idQuarantine ?? ENTITY_ID_QUARANTINE);
    this.#store = store;
    this.#grid = new InterestGrid(store, this.maps);
    this.#visibility = new Visibility(store, this.#grid, this.maps.map((map) => map.interestRadius));
    this.#rules = new MovementRules(store, { maps: this.#mapsByIndex, holdReasons: options.holdReasons ?? [] });
    const components = new Components(options.components ?? [], store.slotCount);
    this.#components = components;
    this.#encoder = new SnapshotEncoder(store, components);
    this.#changes = new ChangeLog(store.slotCount, this.stepsPerTick);
    this.#builder = new SnapshotBuilder(
      { store, visibility: this.#visibility, encoder: this.#encoder, components, changes: this.#changes },
      { bytesMax: options.snapshotBytesMax ?? SNAPSHOT_BYTES_MAX },
    );
    this.#changed = new Uint8Array(store.slotCount);
    this.#changedComponents = new Int32Array(store.slotCount);
    this.#changedIds = new Int32Array(store.slotCount);
    this.#viewerIds = new Int32Array(options.capacity);
    this.#viewerIndexes = new Int32Array(store.slotCount);
    this.#candidates = new Int32Array(store.slotCount);
  }

  /** Ticks so far, the current one included. */
  get tick(): number {
    return this.#changes.tick;
  }

  /** Entities on all maps. */
  get entityCount(): number {
    return this.#store.count;
  }

  /** Those of them that are players. */
  get viewerCount(): number {
    return this.#viewerCount;
  }

  /** Encodings made so far; grows by the number of changes a tick, not by who sees them. */
  get encodedCount(): number {
    return this.#encoder.encodedCount;
  }

  /**
   * Entities looked at so far, to find whom another is near and what a viewer is to be told: the work of a tick, as a
   * number that does not depend on the machine.
   */
  get lookedAtCount(): number {
    return this.#visibility.lookedAtCount + this.#builder.lookedAtCount;
  }

  /** Entity ids are below this: the length for arrays indexed by them. */
  get slotCount(): number {
    return this.#store.slotCount;
  }

  /** Instances open now. */
  get instanceCount(): number {
    return this.#mapsById.size - this.maps.length;
  }

  /** Cells that the grids of all maps have memory for; grows with the most maps open at once. */
  get cellCount(): number {
    return this.#grid.cellCount;
  }

  /** Bytes of what grows while the world runs: lists of who is where and who sees whom. They follow the most there were. */
  get memoryBytes(): number {
    return this.#grid.cells.memoryBytes + this.#visibility.lists.memoryBytes;
  }

  /** All that goes on in another world: viewers, what they were told, instances and the count of steps. */
  image(): WorldImage {
    const store = this.#store;
    const others: number[] = [];
    for (let id = 1; id < store.slotCount; id++) if (store.alive[id] === 1 && store.viewer[id] === 0) others.push(id);
    const instances = [...this.#mapsById.values()].flatMap(({ mapId, template }) =>
      template === null ? [] : [{ mapId, template: template.name }]
    );
    return {
      step: this.#changes.step,
      nextInstanceId: this.#nextInstanceId,
      instances,
      entities: Array.from(this.#viewerIds.slice(0, this.#viewerCount), (id) => this.#imageOf(id)),
      freeIds: Int32Array.from([...store.freeIds, ...others]),
    };
  }

  #imageOf(id: number): EntityImage {
    const store = this.#store;
    const components = this.#components.columns.filter(({ present }) => present[id] === 1);
    return {
      id,
      profile: this.#encoder.profileOf(id),
      mapId: this.mapOf(id).mapId,
      x: store.x[id],
      y: store.y[id],
      z: store.z[id],
      vx: store.vx[id],
      vz: store.vz[id],
      yaw: store.yaw[id],
      heldFor: this.#rules.heldFor(id),
      speedCmPerMs: store.speedCmPerMs[id],
      movementSequence: store.movementSequence[id],
      creditMs: store.creditMs[id],
      creditAtMs: store.creditAtMs[id],
      components: components.map(({ row }) => ({
        componentId: row.id,
        content: this.contentOf(id, row.id),
        isSaved: row.saved,
      })),
      known: this.#visibility.knownTo(id),
    };
  }

  /**
   * Goes on where another world was left, with maps, templates and components that may be others; to be called while
   * nothing is in it. Components are not set. What its viewers were told they are told anew, and what is not there any
   * more they are told to forget.
   *
   * @returns Entities whose map, or whose place on it, is gone: they stand on the first map.
   * @throws {RangeError} when there is no room for them.
   */
  restore(image: WorldImage): number[] {
    const store = this.#store;
    this.#changes.step = image.step;
    this.#nextInstanceId = image.nextInstanceId;
    for (const { mapId, template } of image.instances) {
      const entry = this.#templates.get(template);
      if (entry !== undefined && entry.openCount < entry.template.instancesMax) this.#openMap(entry, mapId);
    }
    store.restore(image.entities.map(({ id }) => id), image.freeIds);
    return image.entities.filter((entity) => !this.#restoreEntity(entity)).map(({ id }) => id);
  }

  /** @returns Whether it stands where it stood. */
  #restoreEntity({ id, mapId, profile, heldFor, known, ...entity }: EntityImage): boolean {
    const store = this.#store, map = this.findMap(mapId);
    const isThere = map !== undefined && this.#rules.contains(map.index, entity.x, entity.y, entity.z);
    const { x, z } = isThere ? entity : this.#spreadPlace(this.maps[0], 0);
    store.mapIndex[id] = isThere ? map.index : 0;
    store.x[id] = isThere ? x : toCentimetres(x);
    store.y[id] = isThere ? entity.y : 0;
    store.z[id] = isThere ? z : toCentimetres(z);
    store.vx[id] = entity.vx;
    store.vz[id] = entity.vz;
    store.yaw[id] = entity.yaw;
    store.movementSequence[id] = entity.movementSequence;
    store.creditMs[id] = entity.creditMs;
    store.creditAtMs[id] = entity.creditAtMs;
    this.#encoder.restoreProfile(id, profile);
    store.speedCmPerMs[id] = entity.speedCmPerMs;
    for (const reason of heldFor) if (this.#rules.knows(reason)) this.#rules.setHold(id, reason, true);
    this.#grid.place(id);
    this.#mark(id, CHANGED.MOVE | CHANGED.POSITION | CHANGED.PROFILE);
    this.#openViewer(id);
    this.#count(id, 1);
    for (const other of known) store.leaveReason[other] = DespawnReason.LEFT_WORLD;
    this.#visibility.expect(id, known);
    return isThere;
  }

  /**
   * Holds that there is a template of that name.
   *
   * @throws {RangeError} when there is none.
   */
  checkTemplate(name: string): void {
    if (!this.#templates.has(name)) throw new RangeError(`Cannot open map: there is no template ${name}`);
  }

  /**
   * Makes an instance of a template: a map of its own, on which nothing is yet. Its id was no other map's before.
   *
   * @returns `null` when as many are open as the template allows.
   * @throws {RangeError} when there is no such template.
   */
  openMap(templateName: string): WorldMap | null {
    this.checkTemplate(templateName);
    const entry = this.#templates.get(templateName)!;
    if (entry.openCount === entry.template.instancesMax) return null;
    return this.#openMap(entry, this.#takeInstanceId());
  }

  #openMap(entry: { readonly template: MapTemplate; openCount: number }, mapId: number): WorldMap {
    const { template } = entry;
    const index = this.#freeIndexes.pop() ?? this.#mapsByIndex.length;
    const map = new WorldMap(template, mapId, index, template);
    entry.openCount++;
    this.#mapsByIndex[index] = map;
    this.#mapsById.set(map.mapId, map);
    this.#grid.open(index, map);
    this.#visibility.setRadius(index, map.interestRadius);
    return map;
  }

  /**
   * Ends an instance and takes everything on it out of the world.
   *
   * @param onLeave Told of each entity before it is gone.
   * @throws {RangeError} when it is no instance that is open, or players are on it: they go elsewhere first.
   */
  closeMap(mapId: number, onLeave?: (entityId: number) => void): void {
    const map = this.#checkMap(mapId), { template } = map;
    if (template === null) throw new RangeError(`Cannot close map ${mapId}: it is no instance`);
    if (map.playerCount > 0) throw new RangeError(`Cannot close map ${mapId}: ${map.playerCount} players are on it`);
    // A listener may take out others, or let more come.
    while (map.entityCount > 0) {
      for (const id of this.#candidates.slice(0, this.entitiesOn(map, this.#candidates))) {
        const isOn = () => this.has(id) && this.mapOf(id) === map;
        if (isOn()) onLeave?.(id);
        if (isOn()) this.leave(id);
      }
    }
    this.#grid.close(map.index);
    this.#mapsById.delete(mapId);
    this.#freeIndexes.push(map.index);
    this.#templates.get(template.name)!.openCount--;
    map.isOver = true;
  }

  /**
   * Finds all entities on a map, in no order.
   *
   * @param out Takes their entity ids; what does not fit is left out. {@linkcode World.slotCount} always suffices.
   * @returns How many ids were written.
   */
  entitiesOn(map: WorldMap, out: Int32Array): number {
    return map.isOver ? 0 : this.#grid.within(map.index, 0, 0, Infinity, out);
  }

  /** How often the id was given to an entity: tells one from those before it. */
  generationOf(entityId: number): number {
    return this.#store.generation[entityId];
  }

  /**
   * Entity id of a viewer, for loops over all of them.
   *
   * @param index 0 to {@linkcode World.viewerCount} - 1; the order changes when viewers leave.
   */
  viewerAt(index: number): number {
    return this.#viewerIds[index];
  }

  /**
   * Puts an entity into the world; others see it from their next turn on.
   *
   * @returns Its entity id, a small number; 0 when the world or the map is full, of viewers or of others.
   * @throws {RangeError} when there is no such map, the place is not on it or a text is too long.
   */
  join(options: Readonly<EntityOptions>, nowMs: number): number {
    const map = options.mapId === undefined ? this.maps[0] : this.#checkMap(options.mapId);
    const place = options.x === undefined || options.z === undefined
      ? this.#spreadPlace(map, options.yaw ?? 0)
      : { x: options.x, y: options.y ?? 0, z: options.z, yaw: options.yaw ?? 0 };
    this.#checkPlace(map, place);
    if (options.viewer ? map.isFull || this.isFull : map.isFullOfOthers || this.isFullOfOthers) return 0;
    const store = this.#store, id = store.tryAllocate();
    if (id === 0) return 0;
    try {
      this.#encoder.setProfile(id, options);
    } catch (error) {
      store.release(id);
      throw error;
    }
    this.#visibility.reuseId(id);
    this.#changes.clear(id);
    this.#components.clear(id);
    this.#rules.setSpeed(id, this.maxSpeed);
    store.mapIndex[id] = map.index;
    this.#put(id, place, nowMs);
    this.#rules.begin(id, nowMs, options.travelCreditMs);
    this.#mark(id, CHANGED.MOVE | CHANGED.POSITION);
    if (options.viewer) this.#openViewer(id);
    this.#count(id, 1);
    return id;
  }

  /** Takes an entity out of the world; who sees it is told the reason. */
  leave(entityId: number, reason: DespawnReason = DespawnReason.LEFT_WORLD): void {
    this.#checkAlive(entityId);
    this.#count(entityId, -1);
    if (this.#store.viewer[entityId] === 1) this.#closeViewer(entityId);
    this.#visibility.remove(entityId);
    this.#grid.remove(entityId);
    this.#changed[entityId] &= CHANGED.LISTED;
    this.#changedComponents[entityId] = 0;
    this.#store.leaveReason[entityId] = reason;
    this.#store.release(entityId);
  }

  /**
   * Applies a player's movement, if the rules allow it.
   *
   * A velocity above the tolerated speed is shortened to it. A movement that changes nothing a client could see is
   * accepted and told to nobody but, as acknowledgement, its sender.
   *
   * @param nowMs The server's clock.
   * @returns "ok", or why MOVEMENT_CORRECTION is due.
   */
  move(entityId: number, movement: Readonly<Movement>, nowMs: number): "ok" | MovementRefusal {
    this.#checkAlive(entityId);
    const verdict = this.#rules.spend(entityId, movement, nowMs);
    if (verdict !== "ok") return verdict;
    const store = this.#store;
    store.movementSequence[entityId] = movement.sequenceNumber;
    if (store.viewer[entityId] === 1) this.#builder.noteMovement(entityId);

    const x = toCentimetres(movement.x), y = toCentimetres(movement.y), z = toCentimetres(movement.z);
    if (x !== store.x[entityId] || y !== store.y[entityId] || z !== store.z[entityId]) {
      store.x[entityId] = x;
      store.y[entityId] = y;
      store.z[entityId] = z;
      this.#grid.place(entityId);
      this.#mark(entityId, CHANGED.MOVE | CHANGED.POSITION);
    }
    const scale = this.#rules.velocityScale(entityId, movement);
    const vx = toCentimetres(movement.vx * scale), vz = toCentimetres(movement.vz * scale);
    const yaw = toYawSteps(movement.yaw);
    if (vx !== store.vx[entityId] || vz !== store.vz[entityId] || yaw !== store.yaw[entityId]) {
      store.vx[entityId] = vx;
      store.vz[entityId] = vz;
      store.yaw[entityId] = yaw;
      this.#mark(entityId, CHANGED.MOVE);
    }
    return "ok";
  }

  /**
   * Puts an entity somewhere on its map, at rest, without asking the movement rules: respawns. The entity's own client
   * learns it from MOVEMENT_CORRECTION.
   *
   * @param place Without it the world chooses one.
   * @throws {RangeError} when the place is not on the map.
   */
  teleport(entityId: number, nowMs: number, place?: Readonly<Place>): void {
    this.#checkAlive(entityId);
    const map = this.mapOf(entityId), target = place ?? this.#spreadPlace(map, 0);
    this.#checkPlace(map, target);
    this.#put(entityId, target, nowMs);
    this.#mark(entityId, CHANGED.MOVE | CHANGED.POSITION);
  }

  /**
   * Takes an entity to another map, at rest. Those who saw it are told as if it had walked away; what it is told of its
   * old map is forgotten, and its next snapshot is a full one of the new map.
   *
   * @param target Without a place the world chooses one; `evenIfFull` for who must go somewhere.
   * @returns `false` when the map is full of its kind; nothing was done then.
   * @throws {RangeError} when there is no such map or the place is not on it.
   */
  tryTransfer(
    entityId: number,
    target: { readonly mapId: number; readonly place?: Readonly<Place>; readonly evenIfFull?: boolean },
    nowMs: number,
  ): boolean {
    this.#checkAlive(entityId);
    const store = this.#store, map = this.#checkMap(target.mapId);
    const place = target.place ?? this.#spreadPlace(map, 0);
    this.#checkPlace(map, place);
    const isFull = store.viewer[entityId] === 1 ? map.isFull : map.isFullOfOthers;
    if (isFull && target.evenIfFull !== true && map.index !== store.mapIndex[entityId]) return false;
    this.#visibility.remove(entityId);
    this.#count(entityId, -1);
    store.mapIndex[entityId] = map.index;
    this.#count(entityId, 1);
    this.#put(entityId, place, nowMs);
    this.#mark(entityId, CHANGED.MOVE | CHANGED.POSITION);
    if (store.viewer[entityId] === 1) this.#builder.forget(entityId);
    return true;
  }

  /**
   * Sets a component of an entity, to be told from the next step on, newest state only. Content of no bytes is the same
   * as a component that was never set.
   *
   * @param content The message in bytes, of which the first `length`, all unless told, are taken at once.
   * @returns `false` when it is larger than the component's bound: the change is refused and counted.
   * @throws {RangeError} when the game declares no such component.
   */
  set(entityId: number, componentId: number, content: Uint8Array, length: number = content.length): boolean {
    this.#checkAlive(entityId);
    const column = this.#components.get(componentId), { row } = column;
    if (length > row.bytesMax) {
      this.#refusedCount++;
      return false;
    }
    this.#encoder.encodeComponent(column, entityId, content, length);
    if (row.seenBy === "server") return true;
    this.#changedComponents[entityId] |= column.bit;
    this.#mark(entityId, CHANGED.COMPONENT);
    return true;
  }

  /** Whether there is a component with this id. */
  hasComponent(componentId: number): boolean {
    return this.#components.has(componentId);
  }

  /** Whether a component of an entity was set since it joined. */
  isSet(entityId: number, componentId: number): boolean {
    this.#checkAlive(entityId);
    return this.#components.get(componentId).present[entityId] === 1;
  }

  /** The content of an entity's component as it was set last, a copy; empty when it was not set. */
  contentOf(entityId: number, componentId: number): Uint8Array {
    this.#checkAlive(entityId);
    const column = this.#components.get(componentId), at = column.contentAt(entityId);
    return column.bytes.slice(at, at + column.contentLengths[entityId]);
  }

  /** The components of an entity that were set and are to be kept with its character: copies. */
  savedOf(entityId: number): { componentId: number; content: Uint8Array }[] {
    this.#checkAlive(entityId);
    return this.#components.columns
      .filter(({ row, present }) => row.saved && present[entityId] === 1)
      .map(({ row }) => ({ componentId: row.id, content: this.contentOf(entityId, row.id) }));
  }

  /** Changes of components so far that were larger than their bounds. */
  get refusedCount(): number {
    return this.#refusedCount;
  }

  /**
   * Holds an entity for one of the game's reasons: it stops, and its movements are refused with the reason, until it is
   * released from all.
   *
   * @throws {RangeError} when it is none of the reasons that the world was made with.
   */
  hold(entityId: number, reason: string): void {
    this.#checkAlive(entityId);
    this.#rules.setHold(entityId, reason, true);
    this.#stop(entityId);
  }

  /** Ends what {@linkcode World.hold} began; no harm if it did not. */
  release(entityId: number, reason: string): void {
    this.#checkAlive(entityId);
    this.#rules.setHold(entityId, reason, false);
  }

  /**
   * Says how fast an entity may be from now on, in units/s; its client learns it from the game.
   *
   * @throws {RangeError} when it is not above 0, up to {@linkcode SPEED_MAX}.
   */
  setSpeed(entityId: number, speed: number): void {
    this.#checkAlive(entityId);
    if (!(speed > 0 && speed <= SPEED_MAX)) {
      throw new RangeError(`Cannot set speed: it is ${speed}, must be above 0 and at most ${SPEED_MAX}`);
    }
    this.#rules.setSpeed(entityId, speed);
  }

  /** How fast an entity may be, in units/s. */
  speedOf(entityId: number): number {
    this.#checkAlive(entityId);
    return this.#rules.speedOf(entityId);
  }

  /**
   * Sets name and kind; who sees the entity gets its `spawn` again.
   *
   * @throws {RangeError} when the name is too long or there is no such kind.
   */
  setProfile(entityId: number, profile: Readonly<EntityProfile>): void {
    this.#checkAlive(entityId);
    this.#encoder.setProfile(entityId, profile);
    this.#mark(entityId, CHANGED.PROFILE);
  }

  /**
   * Makes the next step of all that was done since the last: brings up to date who sees whom and encodes each change
   * once. Cost grows with the entities that changed.
   *
   * @param nowMs The server's clock, in Unix milliseconds: `server_timestamp` of the snapshots.
   */
  step(nowMs: number): void {
    this.#changes.beginStep(nowMs);
    for (let index = 0; index < this.#changedCount; index++) {
      const id = this.#changedIds[index], changed = this.#changed[id];
      const components = this.#changedComponents[id];
      this.#changed[id] = this.#changedComponents[id] = 0;
      if (this.#store.alive[id] === 0) continue;
      try {
        if ((changed & CHANGED.POSITION) !== 0) this.#visibility.update(id);
        this.#encode(id, changed, components);
      } catch (error) {
        this.#faults.report("entity", error, { entityId: id });
      }
    }
    this.#changedCount = 0;
  }

  /** Whether the current step is the viewer's turn: one in each tick. */
  isTurnOf(viewerEntityId: number): boolean {
    const { stepsPerTick } = this;
    return viewerEntityId % stepsPerTick === this.#changes.step % stepsPerTick;
  }

  /**
   * Writes the viewer's WORLD_SNAPSHOT payload: everything in its interest it was not told yet, up to the byte bound;
   * what does not fit comes in the next ones. Bytes behind the result may be overwritten, within the bound.
   *
   * @param target Has the bound's bytes after `offset`; less room is a lower bound, 1,024 bytes at least.
   * @returns Bytes written; 0 when nothing in its interest changed.
   */
  buildSnapshot(viewerEntityId: number, target: Uint8Array, offset: number): number {
    this.#checkViewer(viewerEntityId);
    return this.#builder.build(viewerEntityId, target, offset);
  }

  /**
   * Makes the viewer's next snapshot a full one, for a client that begins anew with what it is shown: everything in its
   * interest as spawn, no despawns. Called as well for a viewer whose connection is gone, it spares what would be kept
   * for it.
   */
  requestFullSnapshot(viewerEntityId: number): void {
    this.#checkViewer(viewerEntityId);
    this.#builder.forget(viewerEntityId);
  }

  /** The map with an id; any number may be asked. */
  findMap(mapId: number): WorldMap | undefined {
    return this.#mapsById.get(mapId);
  }

  /** The map that an entity of this world is on. */
  mapOf(entityId: number): WorldMap {
    return this.#mapsByIndex[this.#store.mapIndex[entityId]];
  }

  /** Whether the id names an entity in this world; any number may be asked. */
  has(entityId: number): boolean {
    return this.#store.isAlive(entityId);
  }

  /** Whether an entity of this world receives snapshots. */
  isViewer(entityId: number): boolean {
    this.#checkAlive(entityId);
    return this.#store.viewer[entityId] === 1;
  }

  /** Whether two entities of this world are in each other's interest, as of the last step. */
  sees(viewerEntityId: number, entityId: number): boolean {
    return this.has(viewerEntityId) && this.has(entityId) && this.#visibility.sees(viewerEntityId, entityId);
  }

  /**
   * Finds the viewers that see the entity, itself not among them.
   *
   * @param out Takes their entity ids; what does not fit is left out. {@linkcode World.slotCount} always suffices.
   * @returns How many ids were written.
   */
  watchersOf(entityId: number, out: Int32Array): number {
    this.#checkAlive(entityId);
    const count = this.#copyViewers(this.#visibility.shownList(entityId), out, 0);
    return this.#copyViewers(this.#visibility.spawnList(entityId), out, count);
  }

  /**
   * Finds the entities within a radius of a point, as they stand now, in no order.
   *
   * @param area Units, on the ground plane of a map.
   * @param out Takes their entity ids; what does not fit is left out.
   * @returns How many ids were written.
   */
  entitiesInRadius(area: Readonly<Area>, out: Int32Array): number {
    const { map, x, z, radius } = area;
    if (!(radius >= 0) || !Number.isFinite(x + z)) return 0;
    return this.#grid.within(map.index, x * CM_PER_UNIT, z * CM_PER_UNIT, radius * CM_PER_UNIT, out);
  }

  /** Whether it has all the viewers it may have, on all maps together. */
  get isFull(): boolean {
    return this.freePlaces === 0;
  }

  /** How many more viewers may come, to whatever map. */
  get freePlaces(): number {
    return Math.max(0, Math.min(this.#playersMax - this.#viewerCount, this.#store.capacity - this.#store.count));
  }

  /** Whether it has all the entities without a viewer that it may have. */
  get isFullOfOthers(): boolean {
    return this.#store.count - this.#viewerCount >= this.#othersMax;
  }

  /** Place along the width of the map, in units. */
  xOf(entityId: number): number {
    return this.#store.x[entityId] / CM_PER_UNIT;
  }

  /** Height above the ground, in units. */
  yOf(entityId: number): number {
    return this.#store.y[entityId] / CM_PER_UNIT;
  }

  /** Place along its height, in units. */
  zOf(entityId: number): number {
    return this.#store.z[entityId] / CM_PER_UNIT;
  }

  /** Angle about the vertical axis, in radians. */
  yawOf(entityId: number): number {
    return this.#store.yaw[entityId] * 2 * Math.PI / 256;
  }

  /** Distance of two entities of one map in space, height included, in units. */
  distanceBetween(a: number, b: number): number {
    const { x, y, z } = this.#store;
    const dx = x[a] - x[b], dy = y[a] - y[b], dz = z[a] - z[b];
    return Math.sqrt(dx * dx + dy * dy + dz * dz) / CM_PER_UNIT;
  }

  /** Distance of an entity from a point of its map in space, in units; both count as whole centimetres. */
  distanceTo(entityId: number, at: { readonly x: number; readonly y: number; readonly z: number }): number {
    const { x, y, z } = this.#store;
    const dx = x[entityId] - toCentimetres(at.x);
    const dy = y[entityId] - toCentimetres(at.y);
    const dz = z[entityId] - toCentimetres(at.z);
    return Math.sqrt(dx * dx + dy * dy + dz * dz) / CM_PER_UNIT;
  }

  /**
   * Puts an entity somewhere, on its way, without asking the movement rules: what the server itself moves. What did not
   * change is told to nobody.
   *
   * @param pose Units and units/s; its altitude stays.
   * @throws {RangeError} when the place is not on the map.
   */
  place(entityId: number, pose: Readonly<Pose>): void {
    this.#checkAlive(entityId);
    const store = this.#store;
    this.#checkPlace(this.mapOf(entityId), {
      x: pose.x,
      y: store.y[entityId] / CM_PER_UNIT,
      z: pose.z,
      yaw: pose.yaw,
    });
    const x = toCentimetres(pose.x), z = toCentimetres(pose.z);
    if (x !== store.x[entityId] || z !== store.z[entityId]) {
      store.x[entityId] = x;
      store.z[entityId] = z;
      this.#grid.place(entityId);
      this.#mark(entityId, CHANGED.MOVE | CHANGED.POSITION);
    }
    const vx = toCentimetres(pose.vx), vz = toCentimetres(pose.vz), yaw = toYawSteps(pose.yaw);
    if (vx === store.vx[entityId] && vz === store.vz[entityId] && yaw === store.yaw[entityId]) return;
    store.vx[entityId] = vx;
    store.vz[entityId] = vz;
    store.yaw[entityId] = yaw;
    this.#mark(entityId, CHANGED.MOVE);
  }

  /** Takes away the travel time an entity has saved up: it could not move until now. */
  resetTravelTime(entityId: number, nowMs: number): void {
    this.#checkAlive(entityId);
    this.#rules.cap(entityId, nowMs);
  }

  /** Travel time that an entity has to spend, in milliseconds. */
  travelCreditMs(entityId: number, nowMs: number): number {
    this.#checkAlive(entityId);
    return this.#rules.creditMs(entityId, nowMs);
  }

  /** Stops an entity: nobody moves it any more. Who sees it, or comes to see it, is shown it at rest. */
  halt(entityId: number): void {
    this.#checkAlive(entityId);
    this.#stop(entityId);
  }

  /**
   * Takes the id of an entity, no viewer itself, that came into sight of its first viewer since it was asked before; 0:
   * none. It may be out of sight or gone again. O(1).
   */
  takeWatched(): number {
    return this.#visibility.takeWatched();
  }

  /** Whether any viewer sees an entity that is no viewer itself, as of the last step. O(1). */
  isWatched(entityId: number): boolean {
    const { lists } = this.#visibility;
    return this.has(entityId) && lists.counts[this.#visibility.shownList(entityId)] > 0;
  }

  /** @param components Bits of those that changed. */
  #encode(id: number, changed: number, components: number): void {
    const encoder = this.#encoder, changes = this.#changes;
    if ((changed & CHANGED.MOVE) !== 0) {
      encoder.encodeMove(id);
      changes.noteMove(id, encoder.moveLengths[id]);
    }
    for (let due = components; due !== 0; due &= due - 1) {
      const column = this.#components.columns[31 - Math.clz32(due & -due)];
      if (column.row.seenBy === "owner") changes.noteOwn(id, column.steps);
      else if (column.changesSpawn) changes.noteOther(id, changes.spawnSteps, SPAWN_BIT);
      else changes.noteOther(id, column.steps, column.bit);
    }
    if ((changed & CHANGED.PROFILE) !== 0) changes.noteOther(id, changes.spawnSteps, SPAWN_BIT);
  }

  #mark(id: number, changed: number): void {
    if (this.#changed[id] === 0) this.#changedIds[this.#changedCount++] = id;
    this.#changed[id] |= changed | CHANGED.LISTED;
  }

  #put(id: number, place: Readonly<Place>, nowMs: number): void {
    const store = this.#store;
    store.x[id] = toCentimetres(place.x);
    store.y[id] = toCentimetres(place.y);
    store.z[id] = toCentimetres(place.z);
    store.vx[id] = store.vz[id] = 0;
    store.yaw[id] = toYawSteps(place.yaw);
    this.#grid.place(id);
    this.#rules.cap(id, nowMs);
  }

  #stop(id: number): void {
    const store = this.#store;
    if (store.vx[id] === 0 && store.vz[id] === 0) return;
    store.vx[id] = store.vz[id] = 0;
    this.#mark(id, CHANGED.MOVE);
  }

  #copyViewers(list: number, out: Int32Array, count: number): number {
    const { lists } = this.#visibility;
    let fill = lists.headFill(list);
    for (let chunk = lists.heads[list]; chunk !== 0; chunk = lists.nexts[chunk]) {
      for (let at = chunk * CHUNK_IDS; at < chunk * CHUNK_IDS + fill && count < out.length; at++) {
        if (this.#store.viewer[lists.ids[at]] === 1) out[count++] = lists.ids[at];
      }
      fill = CHUNK_IDS;
    }
    return count;
  }

  #openViewer(id: number): void {
    this.#store.viewer[id] = 1;
    this.#viewerIndexes[id] = this.#viewerCount;
    this.#viewerIds[this.#viewerCount++] = id;
    this.#builder.forget(id);
  }

  #closeViewer(id: number): void {
    this.#builder.forget(id);
    const index = this.#viewerIndexes[id], lastId = this.#viewerIds[--this.#viewerCount];
    this.#viewerIds[index] = lastId;
    this.#viewerIndexes[lastId] = index;
    this.#store.viewer[id] = 0;
  }

  /** The emptiest of a few random places. */
  #spreadPlace(map: WorldMap, yaw: number): Place {
    const isCrowded = this.#isSpawnAreaCrowded(map);
    let best: Place = { x: 0, y: 0, z: 0, yaw };
    let bestCount = Infinity;
    for (let attempt = 0; attempt < SPAWN_CANDIDATES && bestCount > 0; attempt++) {
      const { x, z } = isCrowded ? map.randomPlace(this.#prng) : map.randomSpawn(this.#prng);
      const count = this.entitiesInRadius({ map, x, z, radius: map.interestRadius }, this.#candidates);
      if (count >= bestCount) continue;
      best = { x, y: 0, z, yaw };
      bestCount = count;
    }
    return best;
  }

  /** Whether so many viewers stand in the spawn area that newcomers are put anywhere. */
  #isSpawnAreaCrowded(map: WorldMap): boolean {
    const { spawnArea } = map;
    if (spawnArea?.playersMax === undefined) return false;
    const { x, z, radius, playersMax } = spawnArea;
    const count = this.entitiesInRadius({ map, x, z, radius }, this.#candidates);
    let playerCount = 0;
    for (let index = 0; index < count; index++) playerCount += this.#store.viewer[this.#candidates[index]];
    return playerCount >= playersMax;
  }

  #count(id: number, change: 1 | -1): void {
    const map = this.mapOf(id);
    map.entityCount += change;
    if (this.#store.viewer[id] === 1) map.playerCount += change;
  }

  #takeInstanceId(): number {
    let id = this.#nextInstanceId;
    while (this.#mapsById.has(id)) id = followingId(id);
    this.#nextInstanceId = followingId(id);
    return id;
  }

  #checkMap(mapId: number): WorldMap {
    const map = this.findMap(mapId);
    if (map === undefined) throw new RangeError(`Cannot place entity: there is no map ${mapId}`);
    return map;
  }

  #checkPlace(map: WorldMap, place: Readonly<Place>): void {
    const { x, y, z, yaw } = place;
    const isOnMap = this.#rules.contains(map.index, toCentimetres(x), toCentimetres(y), toCentimetres(z));
    if (!isOnMap || !Number.isFinite(yaw)) {
      throw new RangeError(
        `Cannot place entity: ${x}, ${y}, ${z} is not on the map of ${map.width} x ${map.height} units`,
      );
    }
  }

  #checkAlive(id: number): void {
    if (!this.#store.isAlive(id)) throw new RangeError(`Cannot use entity ${id}: it is not in this world`);
  }

  #checkViewer(id: number): void {
    this.#checkAlive(id);
    if (this.#store.viewer[id] === 0) throw new RangeError(`Cannot build snapshot: entity ${id} is not a viewer`);
  }
}

function makeMaps(options: readonly MapOptions[]): WorldMap[] {
  if (options.length === 0) throw new RangeError("Cannot make world: it has no map");
  const maps = options.map((map, index) => {
    checkMapId(map.mapId);
    return new WorldMap(map, map.mapId, index);
  });
  if (new Set(maps.map((map) => map.mapId)).size < maps.length) {
    throw new RangeError("Cannot make world: two maps have the same id");
  }
  return maps;
}

/** Ids of instances go round, in 32 bits. */
function followingId(id: number): number {
  return id >= 0xffff_ffff ? MAP_ID_MAX + 1 : id + 1;
}

/** @throws {RangeError} when a template is out of its range, or there may be more instances than there is memory for. */
function checkTemplates(maps: readonly WorldMap[], templates: readonly MapTemplate[]): void {
  let instanceCount = 0;
  let cellCount = maps.reduce((sum, map) => sum + map.cellCount, 0);
  for (const template of templates) {
    const { instancesMax, name } = template;
    if (!Number.isInteger(instancesMax) || instancesMax < 1) {
      throw new RangeError(`Cannot make world: template ${name} has ${instancesMax} instances, must be 1 or more`);
    }
    instanceCount += instancesMax;
    cellCount += instancesMax * new WorldMap(template, 0, 0, template).cellCount;
  }
  checkCount("instances", instanceCount, INSTANCES_MAX);
  checkCount("cells of grids", cellCount, GRID_CELLS_MAX);
}

function checkCount(name: string, count: number, max: number): void {
  if (count > max) throw new RangeError(`Cannot make world: it may have ${count} ${name}, limit is ${max}`);
}

function checkRange(name: string, value: number, max: number): void {
  if (value > 0 && value <= max) return;
  throw new RangeError(`Cannot make world: ${name} is ${value}, must be above 0 and at most ${max}`);
}
