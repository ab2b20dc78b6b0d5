/**
 * The state of every entity, as one array for each property, indexed by entity id.
 *
 * @module
 */

import { assert } from "../../shared/errors.ts";
import { ALTITUDE_MAX, MAP_SIZE_MAX, SPEED_MAX } from "../../shared/limits.ts";

/** Centimetres in a unit: positions and velocities are kept as the wire carries them, so both ends mean the same. */
export const CM_PER_UNIT = 100;

/**
 * Entities by id. Ids are small numbers from 1 on and are at the same time the index into every array. A freed id goes
 * to the end of a queue that is never shorter than the quarantine, so a packet on its way that names
 * the old entity does not hit the new one.
 */
export class EntityStore {
  /** Entities alive at most. */
  readonly capacity: number;
  /** Length of every array: ids in use or in quarantine, and 0, which is no entity. */
  readonly slotCount: number;

  /** 1 while the entity is in the world. */
  readonly alive: Uint8Array;
  /** How many entities had this id so far. */
  readonly generation: Uint32Array;
  /** 1 when the entity receives snapshots. */
  readonly viewer: Uint8Array;
  /** On which map it is: the map's place among those of the world. */
  readonly mapIndex: Uint16Array;
  /** Position in centimetres, whole numbers, which 32-bit floats hold exactly up to 2^24. */
  readonly x: Int32Array;
  readonly y: Int32Array;
  readonly z: Int32Array;
  /** Velocity in cm/s, whole numbers. */
  readonly vx: Int32Array;
  readonly vz: Int32Array;
  /** 1/256 turns. */
  readonly yaw: Uint8Array;
  /** Why it may not move: a bit for each of the game's reasons, 0: it may. */
  readonly held: Uint8Array;
  /** Highest speed tolerated, in cm/ms. */
  readonly speedCmPerMs: Float64Array;
  /** Sequence number of the last accepted movement, 0: none. */
  readonly movementSequence: Uint32Array;
  /** Travel time saved up at {@linkcode EntityStore.creditAtMs}, in milliseconds. */
  readonly creditMs: Float64Array;
  readonly creditAtMs: Float64Array;
  /** Why the last entity with this id left; a `DespawnReason`. */
  readonly leaveReason: Uint8Array;

  readonly #freeIds: Int32Array;
  #freeHead = 0;
  #freeCount: number;

  /**
   * @param capacity Entities alive at most.
   * @param quarantine Ids handed out between two uses of the same id, at least.
   */
  constructor(capacity: number, quarantine: number) {
    const slotCount = capacity + quarantine + 1;
    this.capacity = capacity;
    this.slotCount = slotCount;
    this.alive = new Uint8Array(slotCount);
    this.generation = new Uint32Array(slotCount);
    this.viewer = new Uint8Array(slotCount);
    this.mapIndex = new Uint16Array(slotCount);
    this.x = new Int32Array(slotCount);
    this.y = new Int32Array(slotCount);
    this.z = new Int32Array(slotCount);
    this.vx = new Int32Array(slotCount);
    this.vz = new Int32Array(slotCount);
    this.yaw = new Uint8Array(slotCount);
    this.held = new Uint8Array(slotCount);
    this.speedCmPerMs = new Float64Array(slotCount);
    this.movementSequence = new Uint32Array(slotCount);
    this.creditMs = new Float64Array(slotCount);
    this.creditAtMs = new Float64Array(slotCount);
    this.leaveReason = new Uint8Array(slotCount);
    this.#freeIds = new Int32Array(slotCount - 1);
    for (let id = 1; id < slotCount; id++) this.#freeIds[id - 1] = id;
    this.#freeCount = slotCount - 1;
  }

  /** Entities alive. */
  get count(): number {
    return this.slotCount - 1 - this.#freeCount;
  }

  /** Ids that are free, in the order in which they are given. */
  get freeIds(): Int32Array {
    const { length } = this.#freeIds;
    return Int32Array.from({ length: this.#freeCount }, (_, index) => this.#freeIds[(this.#freeHead + index) % length]);
  }

  /**
   * Goes on where another store was left; to be called while nothing is in the world.
   *
   * @param ids Those in use.
   * @param freeIds The others, in the order in which they are to be given; what it does not have comes last.
   * @throws {RangeError} when an id is none of this store.
   */
  restore(ids: readonly number[], freeIds: Iterable<number>): void {
    const missing = ids.find((id) => id >= this.slotCount);
    if (missing !== undefined || ids.length > this.capacity) {
      throw new RangeError(
        `Cannot go on with ${ids.length} entities, one of them ${missing}: there is room for ${this.capacity}`,
      );
    }
    const taken = new Set(ids);
    const free = new Set<number>();
    for (const id of freeIds) if (id < this.slotCount && !taken.has(id)) free.add(id);
    for (let id = 1; id < this.slotCount; id++) if (!taken.has(id)) free.add(id);
    this.#freeIds.set([...free]);
    this.#freeHead = 0;
    this.#freeCount = free.size;
    for (const id of ids) {
      this.alive[id] = 1;
      this.generation[id]++;
    }
  }

  /** Takes the id that has been free longest; 0 when the store is full. Every property is 0 but the leave reason and the generation. */
  tryAllocate(): number {
    if (this.count >= this.capacity) return 0;
    const id = this.#freeIds[this.#freeHead];
    this.#freeHead = (this.#freeHead + 1) % this.#freeIds.length;
    this.#freeCount--;
    this.alive[id] = 1;
    this.generation[id]++;
    this.viewer[id] =
      this.mapIndex[id] =
      this.yaw[id] =
      this.held[id] =
        0;
    this.x[id] =
      this.y[id] =
      this.z[id] =
      this.vx[id] =
      this.vz[id] =
        0;
    this.movementSequence[id] =
      this.creditMs[id] =
      this.creditAtMs[id] =
      this.speedCmPerMs[id] =
        0;
    return id;
  }

  /** Gives the id back, into quarantine. */
  release(id: number): void {
    assert(this.isAlive(id), "Only an entity in the world can be released");
    this.alive[id] = 0;
    this.#freeIds[(this.#freeHead + this.#freeCount) % this.#freeIds.length] = id;
    this.#freeCount++;
  }

  /** Whether the id names an entity in the world; any number may be asked, as peers do. */
  isAlive(id: number): boolean {
    return id > 0 && id < this.slotCount && this.alive[id] === 1;
  }
}

assert(Math.max(MAP_SIZE_MAX, ALTITUDE_MAX, 2 * SPEED_MAX) * CM_PER_UNIT < 2 ** 24, "Centimetres must be exact");

/** Whole centimetres of a coordinate or speed in units. */
export function toCentimetres(units: number): number {
  return Math.round(units * CM_PER_UNIT) + 0; // "+ 0" turns -0 into 0
}

/** 1/256 turns, 0 to 255, of an angle in radians. */
export function toYawSteps(radians: number): number {
  return Math.round(((radians / (2 * Math.PI)) % 1) * 256) & 255;
}
