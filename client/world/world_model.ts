/**
 * What a player knows of the world: everyone in sight, as the server told it. Knows nothing of any game: what a spawn or
 * an update carries beside a pose is read by the game's {@linkcode EntityReader}.
 *
 * @module
 */

import type {
  ComponentUpdate,
  EntitySpawn,
  EntityUpdate,
  MovementUpdate,
  WorldSnapshot,
} from "../../shared/gen/world_pb.ts";
import { DespawnReason } from "../../shared/gen/world_pb.ts";
import { ENTITY_NAME_BYTES_MAX } from "../../shared/limits.ts";
import { ComponentSet } from "./component_set.ts";
import { EntityTrack } from "./entity_track.ts";
import { PlaybackClock } from "./playback_clock.ts";

/** One entity in sight. A game's own has more fields. */
export interface Entity {
  /** Its entity id. */
  readonly id: number;
  /** What it is called. */
  name: string;
  /** What it is, in the game's numbers. */
  kind: number;
  /** Where it is. */
  readonly track: EntityTrack;
  /** What the game tells of it in messages of its own. */
  readonly components: ComponentSet;
  /** When it came into sight, in local milliseconds. */
  readonly seenSinceMs: number;
}

/** An entity that is out of sight and fades out. */
export interface GoneEntity<E extends Entity = Entity> {
  /** As it was last seen. */
  readonly entity: E;
  /** In local milliseconds. */
  readonly goneAtMs: number;
  /** Why it is out of sight. */
  readonly reason: DespawnReason;
}

/** What the server told of the player itself. */
export interface OwnNews {
  /** `last_movement_sequence` of a snapshot. */
  onAcknowledged(sequence: number): void;
  /** The server says where the player is, unasked: a respawn, or a resumed session. */
  onPlaced(position: { readonly x: number; readonly y: number; readonly z: number }): void;
  /** Everything else: its own spawn, and what the wire has fields for; components are kept already. */
  onUpdate(update: EntityUpdate["update"]): void;
}

/** What a game makes of its entities. */
export interface EntityReader<E extends Entity> {
  /** Adds the game's own fields to a new entity. */
  create(entity: Entity): E;
  /** Takes what a spawn says beside name, kind and movement. It may come again for an entity that is known. */
  spawned(entity: E, spawn: EntitySpawn, localMs: number): void;
  /** Takes an update that is neither spawn, movement nor despawn; its components are kept already. */
  updated(entity: E, update: EntityUpdate["update"], localMs: number): void;
}

/** For games whose entities are a name, a kind and a pose. */
export const PLAIN_ENTITIES: EntityReader<Entity> = {
  create: (entity) => entity,
  spawned: () => {},
  updated: () => {},
};

/** Entities known at once: more than an interest radius holds in any crowd that can still be drawn. */
export const ENTITIES_MAX = 5_000;
/** How long who left is still drawn, in milliseconds. */
export const FADE_MS = 300;

/** A large snapshot comes in parts; an entity that is in none of them within this time is gone, in milliseconds. */
const FULL_SNAPSHOT_MS = 500;
const CM_PER_UNIT = 100;
const YAW_STEPS = 256;

/** When something was told: sent, by the server's clock, and taken, by the model's. */
interface Moment {
  readonly serverMs: number;
  readonly localMs: number;
}

/** Everyone in sight. Local times are milliseconds of one monotonic clock. */
export class WorldModel<E extends Entity = Entity> {
  /** Everyone in sight but the player, by entity id. */
  readonly entities: Map<number, E> = new Map();
  /** Who left a moment ago. */
  readonly gone: GoneEntity<E>[] = [];
  /** The player's own components. */
  readonly ownComponents: ComponentSet = new ComponentSet();
  /** The server's time, some 100 ms behind. */
  readonly clock: PlaybackClock = new PlaybackClock();
  readonly #ownId: number;
  readonly #own: OwnNews;
  readonly #reader: EntityReader<E>;
  #isNextFull = false;
  /** Who has not been shown since the session was resumed, and since when. */
  #unshown: Set<number> = new Set();
  #unshownSinceMs = 0;

  /**
   * Nobody is in sight yet.
   *
   * @param ownId The player's own entity id; it is not in {@linkcode WorldModel.entities}.
   * @param own Is told what concerns the player itself.
   * @param reader What the game makes of its entities; {@linkcode PLAIN_ENTITIES} where it adds nothing.
   */
  constructor(ownId: number, own: OwnNews, reader: EntityReader<E>) {
    this.#ownId = ownId;
    this.#own = own;
    this.#reader = reader;
  }

  /** The session was resumed: a full snapshot comes next, and anyone it does not show has left in the meantime. */
  expectFullSnapshot(): void {
    this.#isNextFull = true;
  }

  /** Takes a WORLD_SNAPSHOT. */
  applySnapshot(snapshot: WorldSnapshot, localMs: number): void {
    const serverMs = Number(snapshot.serverTimestamp);
    this.clock.observe(serverMs, localMs);
    if (this.#isNextFull) {
      this.#isNextFull = false;
      this.#unshown = new Set(this.entities.keys());
      this.#unshownSinceMs = localMs;
    }
    for (const update of snapshot.updates) this.#apply(update, serverMs, localMs);
    for (const move of snapshot.moves) {
      const id = Number(move.entityId);
      const x = move.x / CM_PER_UNIT;
      const y = move.y / CM_PER_UNIT;
      const z = move.z / CM_PER_UNIT;
      if (id === this.#ownId) this.#own.onPlaced({ x, y, z });
      this.entities.get(id)?.track.add({
        timeMs: serverMs,
        x,
        y,
        z,
        vx: move.vx / CM_PER_UNIT,
        vz: move.vz / CM_PER_UNIT,
        yaw: move.yaw / YAW_STEPS * 2 * Math.PI,
      });
    }
    // A hidden page draws no frames that would do it.
    this.sweep(localMs);
    if (snapshot.lastMovementSequence > 0) this.#own.onAcknowledged(snapshot.lastMovementSequence);
  }

  /**
   * Takes an ENTITY_UPDATE, which comes between snapshots.
   *
   * @param serverMs When it was sent, by the server's clock.
   */
  applyUpdate(update: EntityUpdate, serverMs: number, localMs: number): void {
    this.clock.observe(serverMs, localMs);
    this.#apply(update, serverMs, localMs);
  }

  /** Forgets who has faded out, and who was gone when the session was resumed. */
  sweep(localMs: number): void {
    if (this.#unshown.size > 0 && localMs - this.#unshownSinceMs > FULL_SNAPSHOT_MS) {
      for (const id of this.#unshown) this.#despawn(id, DespawnReason.LEFT_INTEREST, localMs);
      this.#unshown.clear();
    }
    let fadedCount = 0;
    while (fadedCount < this.gone.length && localMs - this.gone[fadedCount].goneAtMs > FADE_MS) fadedCount++;
    if (fadedCount > 0) this.gone.splice(0, fadedCount);
  }

  #apply({ entityId, update, components }: EntityUpdate, serverMs: number, localMs: number): void {
    const id = Number(entityId);
    if (id === this.#ownId) return this.#applyOwn(update, components);
    if (update.case === "despawn") return this.#despawn(id, update.value.reason, localMs);
    const entity = update.case === "spawn"
      ? this.#spawn(id, update.value, { serverMs, localMs })
      : this.entities.get(id);
    if (entity === undefined) return;
    entity.components.apply(components);
    if (update.case === "spawn") this.#reader.spawned(entity, update.value, localMs);
    else if (update.case === "movement") addMovement(entity.track, update.value, serverMs);
    else this.#reader.updated(entity, update, localMs);
  }

  #applyOwn(update: EntityUpdate["update"], components: readonly ComponentUpdate[]): void {
    if (update.case === "spawn") this.ownComponents.clear();
    this.ownComponents.apply(components);
    const movement = update.case === "movement"
      ? update.value
      : update.case === "spawn"
      ? update.value.movement
      : undefined;
    if (update.case !== "movement") this.#own.onUpdate(update);
    if (movement?.position !== undefined) this.#own.onPlaced(movement.position);
  }

  /** Takes the part of a spawn that is not the game's; gives the entity, unless there are too many. */
  #spawn(id: number, spawn: EntitySpawn, { serverMs, localMs }: Moment): E | undefined {
    const { kind } = spawn;
    // Longer than a server gives any.
    const name = spawn.name.length > ENTITY_NAME_BYTES_MAX ? "" : spawn.name;
    let entity = this.entities.get(id);
    this.#unshown.delete(id);
    if (entity === undefined) {
      if (this.entities.size >= ENTITIES_MAX) return undefined;
      const components = new ComponentSet();
      entity = this.#reader.create({ id, name, kind, track: new EntityTrack(), components, seenSinceMs: localMs });
      this.entities.set(id, entity);
    }
    entity.name = name;
    entity.kind = kind;
    entity.components.clear();
    if (spawn.movement !== undefined) addMovement(entity.track, spawn.movement, serverMs);
    return entity;
  }

  #despawn(id: number, reason: DespawnReason, localMs: number): void {
    const entity = this.entities.get(id);
    if (entity === undefined) return;
    this.entities.delete(id);
    // Beyond that nobody sees anybody fade.
    if (this.gone.length < ENTITIES_MAX) this.gone.push({ entity, goneAtMs: localMs, reason });
  }
}

function addMovement(track: EntityTrack, movement: MovementUpdate, timeMs: number): void {
  const { position, velocity, rotation } = movement;
  track.add({
    timeMs,
    x: position?.x ?? 0,
    y: position?.y ?? 0,
    z: position?.z ?? 0,
    vx: velocity?.x ?? 0,
    vz: velocity?.z ?? 0,
    yaw: rotation?.y ?? 0,
  });
}
