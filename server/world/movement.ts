/**
 * What a player may do with its own position.
 *
 * @module
 */

import {
  ALTITUDE_MAX,
  HOLD_REASONS_MAX,
  MOVEMENT_CREDIT_MS_MAX,
  MOVEMENT_SPEED_TOLERANCE,
  MOVEMENT_TOLERANCE_MS,
} from "../../shared/limits.ts";
import { CM_PER_UNIT, type EntityStore, toCentimetres } from "./entity_store.ts";

/** Where a player says it is: units, units/s; `yaw` in radians about the vertical axis (`rotation.y` on the wire). */
export interface Movement {
  x: number;
  y: number;
  z: number;
  vx: number;
  vy: number;
  vz: number;
  yaw: number;
  sequenceNumber: number;
}

/** Sides of a map, in centimetres. */
export interface MapSides {
  readonly widthCm: number;
  readonly heightCm: number;
}

/**
 * Why a movement was refused; MOVEMENT_CORRECTION carries it as is: "non_finite", "outside_map", "too_fast", or what the
 * game holds the entity for.
 */
export type MovementRefusal = string;

/**
 * Judges movements. Nothing the peer says about time is believed: distance is paid for with travel time, and travel
 * time comes from the server's clock only.
 *
 * Each entity has a credit of travel time. It grows with the clock, up to {@linkcode MOVEMENT_CREDIT_MS_MAX}, and every
 * accepted movement takes what its distance costs at the highest speed and 15 %. The credit begins at 250 ms, once:
 * leaving, entering, portals and respawns give none of it anew. Thus
 * - in the long run nobody is faster than the speed limit and 15 %, however many packets it sends: a tolerance granted
 *   anew to each packet would allow 350 % at 10 packets/s;
 * - a network that stalls for up to a second and then delivers everything at once is not punished;
 * - a player who stood still, or returns after a minute without a connection, can be at most the full credit away
 *   (14.375 units at 10 units/s), whether it says so in one movement or replays a hundred.
 *
 * A refused movement costs nothing, so the next honest one, from where the correction put the player, is accepted.
 */
export class MovementRules {
  readonly #store: EntityStore;
  readonly #maps: readonly MapSides[];
  readonly #holdReasons: readonly string[];

  /**
   * @param options The maps, in the order that entities name them by, and why a game holds entities: of several that apply,
   * the first is told.
   */
  constructor(store: EntityStore, options: { maps: readonly MapSides[]; holdReasons: readonly string[] }) {
    if (options.holdReasons.length > HOLD_REASONS_MAX) {
      throw new RangeError(`Cannot hold for ${options.holdReasons.length} reasons, limit is ${HOLD_REASONS_MAX}`);
    }
    this.#store = store;
    this.#maps = options.maps;
    this.#holdReasons = options.holdReasons;
  }

  /** Says how fast an entity may be, in units/s; the tolerance comes on top. */
  setSpeed(id: number, speed: number): void {
    this.#store.speedCmPerMs[id] = speed * MOVEMENT_SPEED_TOLERANCE * CM_PER_UNIT / 1_000;
  }

  /** How fast an entity may be, in units/s. */
  speedOf(id: number): number {
    return this.#store.speedCmPerMs[id] * 1_000 / CM_PER_UNIT / MOVEMENT_SPEED_TOLERANCE;
  }

  /** Holds an entity for a reason, or releases it; it may move while there is none. */
  setHold(id: number, reason: string, isHeld: boolean): void {
    const index = this.#holdReasons.indexOf(reason);
    if (index < 0) throw new RangeError(`Cannot hold entity ${id}: "${reason}" is none of the game's reasons`);
    if (isHeld) this.#store.held[id] |= 1 << index;
    else this.#store.held[id] &= ~(1 << index);
  }

  /** Whether the game may hold entities for this. */
  knows(reason: string): boolean {
    return this.#holdReasons.includes(reason);
  }

  /** The reasons that an entity is held for. */
  heldFor(id: number): string[] {
    return this.#holdReasons.filter((_, index) => (this.#store.held[id] & (1 << index)) !== 0);
  }

  /** Gives an entity that joins the credit to begin with: the tolerance, or what its player had left of it. */
  begin(id: number, nowMs: number, creditMs: number = MOVEMENT_TOLERANCE_MS): void {
    this.#store.creditMs[id] = Math.min(MOVEMENT_TOLERANCE_MS, creditMs);
    this.#store.creditAtMs[id] = nowMs;
  }

  /**
   * Takes away what the entity has saved up beyond the tolerance: the server put it somewhere, or held it back. Gives
   * nothing: otherwise each portal and each respawn would be worth a leap.
   */
  cap(id: number, nowMs: number): void {
    this.begin(id, nowMs, this.creditMs(id, nowMs));
  }

  /** Travel time that the entity has to spend, in milliseconds. */
  creditMs(id: number, nowMs: number): number {
    const store = this.#store;
    const earnedMs = Math.max(0, nowMs - store.creditAtMs[id]);
    return Math.min(MOVEMENT_CREDIT_MS_MAX, store.creditMs[id] + earnedMs);
  }

  /** Whether a point, in centimetres, is on a map. */
  contains(mapIndex: number, xCm: number, yCm: number, zCm: number): boolean {
    const { widthCm, heightCm } = this.#maps[mapIndex];
    return xCm >= 0 && xCm <= widthCm && zCm >= 0 && zCm <= heightCm &&
      Math.abs(yCm) <= ALTITUDE_MAX * CM_PER_UNIT;
  }

  /**
   * Judges a movement and, when it is accepted, takes its cost from the entity's credit. Moves nothing.
   *
   * Distance is measured in space, height included, between whole centimetres.
   *
   * @param nowMs The server's clock; a clock that goes back earns nothing.
   */
  spend(id: number, movement: Readonly<Movement>, nowMs: number): "ok" | MovementRefusal {
    const { x, y, z, vx, vy, vz, yaw } = movement;
    // One check for all: a sum with a part that is not finite is not finite.
    if (!Number.isFinite(x + y + z + vx + vy + vz + yaw)) return "non_finite";
    const store = this.#store;
    const held = store.held[id];
    if (held !== 0) return this.#holdReasons[31 - Math.clz32(held & -held)];
    const xCm = toCentimetres(x), yCm = toCentimetres(y), zCm = toCentimetres(z);
    if (!this.contains(store.mapIndex[id], xCm, yCm, zCm)) return "outside_map";
    const dx = xCm - store.x[id], dy = yCm - store.y[id], dz = zCm - store.z[id];
    const costMs = Math.sqrt(dx * dx + dy * dy + dz * dz) / store.speedCmPerMs[id];
    const creditMs = this.creditMs(id, nowMs);
    // Kept even when refused: after the clock was set back, the next movement earns again.
    store.creditAtMs[id] = nowMs;
    if (costMs > creditMs) {
      store.creditMs[id] = creditMs;
      return "too_fast";
    }
    store.creditMs[id] = creditMs - costMs;
    return "ok";
  }

  /** Factor, at most 1, that brings the velocity down to the tolerated speed. */
  velocityScale(id: number, movement: Readonly<Movement>): number {
    const { vx, vz } = movement, maxCmPerMs = this.#store.speedCmPerMs[id];
    const speedCmPerMs = Math.sqrt(vx * vx + vz * vz) * CM_PER_UNIT / 1_000;
    return speedCmPerMs > maxCmPerMs ? maxCmPerMs / speedCmPerMs : 1;
  }
}
