/**
 * What the player knows of the world: everyone in sight, as the server told it.
 *
 * @module
 */

import {
  type EntitySpawn,
  type EntityUpdate,
  type HealthUpdate,
  type MovementUpdate,
} from "../../../shared/gen/game_pb.ts";
import { DespawnReason, EntityKind, type WorldSnapshot } from "../../../shared/gen/game_pb.ts";
import { MONSTER_CORPSE_MS } from "../../../shared/limits.ts";
import { EntityTrack } from "./entity_track.ts";
import { PlaybackClock } from "./playback_clock.ts";

/** Health in points. */
export interface Health {
  readonly current: number;
  readonly max: number;
  readonly shield: number;
}

/** One entity in sight. */
export interface Entity {
  readonly id: number;
  name: string;
  guildTag: string;
  kind: EntityKind;
  /** `null` while unknown. */
  health: Health | null;
  isStunned: boolean;
  /** Since when it has been seen dead, in local milliseconds; `null`: it lives. */
  deadSinceMs: number | null;
  readonly track: EntityTrack;
  /** When it came into sight, in local milliseconds; it fades in. */
  readonly seenSinceMs: number;
}

/** An entity that is out of sight and fades out. */
export interface GoneEntity {
  readonly entity: Entity;
  /** In local milliseconds. */
  readonly goneAtMs: number;
  readonly reason: DespawnReason;
}

/** What the server told of the player itself. */
export interface OwnNews {
  /** `last_movement_sequence` of a snapshot. */
  onAcknowledged(sequence: number): void;
  /** The server says where the player is, unasked: a respawn, or a resumed session. */
  onPlaced(position: { readonly x: number; readonly y: number; readonly z: number }): void;
  onNamed(name: string, guildTag: string): void;
  onHealth(health: Health): void;
  onStatus(isStunned: boolean): void;
}

/** Entities known at once: more than an interest radius holds in any crowd that can still be drawn. */
export const ENTITIES_MAX = 5_000;
/** How long who left is still drawn, in milliseconds. */
export const FADE_MS = 300;
/** When a dead monster begins to fade and when it is gone, in milliseconds after its death. */
export const CORPSE_FADE_FROM_MS = 800;
export const CORPSE_FADE_TO_MS: number = MONSTER_CORPSE_MS - 200;

/** A large snapshot comes in parts; whoever is in none of them within this time is gone, in milliseconds. */
const FULL_SNAPSHOT_MS = 500;
const CM_PER_UNIT = 100;
const YAW_STEPS = 256;

/**
 * How much of an entity in sight is seen, 0 to 1: it fades in when it comes, and a dead monster fades out.
 *
 * @param localMs Now, by the model's local clock.
 */
export function opacityOf(entity: Entity, localMs: number): number {
  const shown = clampPart((localMs - entity.seenSinceMs) / FADE_MS);
  if (entity.kind !== EntityKind.MONSTER || entity.deadSinceMs === null) return shown;
  const deadMs = localMs - entity.deadSinceMs;
  return shown * (1 - clampPart((deadMs - CORPSE_FADE_FROM_MS) / (CORPSE_FADE_TO_MS - CORPSE_FADE_FROM_MS)));
}

function clampPart(part: number): number {
  return Math.max(0, Math.min(1, part));
}

/** Everyone in sight. Local times are milliseconds of one monotonic clock. */
export class WorldModel {
  /** Everyone in sight but the player, by entity id. */
  readonly entities: Map<number, Entity> = new Map();
  /** Who left a moment ago. */
  readonly gone: GoneEntity[] = [];
  /** The server's time, some 100 ms behind. */
  readonly clock: PlaybackClock = new PlaybackClock();
  readonly #ownId: number;
  readonly #own: OwnNews;
  #isNextFull = false;
  /** Who has not been shown since the session was resumed, and since when. */
  #unshown: Set<number> = new Set();
  #unshownSinceMs = 0;

  /**
   * @param ownId The player's own entity id; it is not in {@linkcode WorldModel.entities}.
   * @param own Is told what concerns the player itself.
   */
  constructor(ownId: number, own: OwnNews) {
    this.#ownId = ownId;
    this.#own = own;
  }

  /** The session was resumed: a full snapshot comes next, and whoever it does not show has left meanwhile. */
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
    while (this.gone.length > 0 && localMs - this.gone[0].goneAtMs > FADE_MS) this.gone.shift();
  }

  #apply({ entityId, update }: EntityUpdate, serverMs: number, localMs: number): void {
    const id = Number(entityId);
    if (id === this.#ownId) return this.#applyOwn(update);
    const entity = this.entities.get(id);
    switch (update.case) {
      case "spawn":
        return this.#spawn(id, update.value, serverMs, localMs);
      case "despawn":
        return this.#despawn(id, update.value.reason, localMs);
      case "movement":
        if (entity !== undefined) addMovement(entity.track, update.value, serverMs);
        return;
      case "health":
        if (entity !== undefined) setHealth(entity, update.value, localMs);
        return;
      case "status":
        if (entity !== undefined) entity.isStunned = update.value.isStunned;
    }
  }

  #applyOwn(update: EntityUpdate["update"]): void {
    switch (update.case) {
      case "spawn":
        this.#own.onNamed(update.value.name, update.value.guildTag);
        if (update.value.health !== undefined) this.#own.onHealth(healthOf(update.value.health));
        if (update.value.movement?.position !== undefined) this.#own.onPlaced(update.value.movement.position);
        return;
      case "movement":
        if (update.value.position !== undefined) this.#own.onPlaced(update.value.position);
        return;
      case "health":
        return this.#own.onHealth(healthOf(update.value));
      case "status":
        return this.#own.onStatus(update.value.isStunned);
    }
  }

  #spawn(id: number, spawn: EntitySpawn, serverMs: number, localMs: number): void {
    let entity = this.entities.get(id);
    this.#unshown.delete(id);
    if (entity === undefined) {
      if (this.entities.size >= ENTITIES_MAX) return;
      entity = {
        id,
        name: spawn.name,
        guildTag: spawn.guildTag,
        kind: spawn.kind,
        health: null,
        isStunned: false,
        deadSinceMs: null,
        track: new EntityTrack(),
        seenSinceMs: localMs,
      };
      this.entities.set(id, entity);
    }
    entity.name = spawn.name;
    entity.guildTag = spawn.guildTag;
    entity.kind = spawn.kind;
    if (spawn.health !== undefined) setHealth(entity, spawn.health, localMs);
    if (spawn.movement !== undefined) addMovement(entity.track, spawn.movement, serverMs);
  }

  #despawn(id: number, reason: DespawnReason, localMs: number): void {
    const entity = this.entities.get(id);
    if (entity === undefined) return;
    this.entities.delete(id);
    this.gone.push({ entity, goneAtMs: localMs, reason });
  }
}

/** Whether somebody has no hit points left. */
export function isDead(health: Health | null): boolean {
  return health !== null && health.max > 0 && health.current <= 0;
}

function setHealth(entity: Entity, update: HealthUpdate, localMs: number): void {
  entity.health = healthOf(update);
  entity.deadSinceMs = isDead(entity.health) ? entity.deadSinceMs ?? localMs : null;
}

function healthOf(update: HealthUpdate): Health {
  return { current: update.currentHp, max: update.maxHp, shield: update.shield };
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
