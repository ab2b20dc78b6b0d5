/**
 * What combat keeps about entities: hit points and status, and how both go over the wire.
 *
 * @module
 */

import { STATUS_EFFECTS_MAX } from "./limits.ts";
import type { ComponentRow, World } from "../../../server/game/game.ts";
import { varintBytes, writeFloatField, writeVarint, writeVarintField } from "../../../server/game/kit.ts";

/** HealthUpdate: a field of EntityUpdate, and of EntitySpawn. */
export const HEALTH: ComponentRow = {
  id: 96,
  name: "health",
  seenBy: "interest",
  bytesMax: 3 * 5,
  // Hit points have a place of their own beside the character's.
  saved: false,
  wire: { update: 3, spawn: 4 },
};

/** StatusUpdate: a field of EntityUpdate; an entity that has any is shown it after its spawn. */
export const STATUS: ComponentRow = {
  id: 97,
  name: "status",
  seenBy: "interest",
  bytesMax: 2 * (2 + 5 * STATUS_EFFECTS_MAX) + 2 + 2,
  saved: false,
  wire: { update: 4 },
};

/** Why combat holds entities; MOVEMENT_CORRECTION carries it as is. Of both, the first is told. */
export const HOLD_DEAD = "dead";
export const HOLD_STUNNED = "stunned";

/** The components of combat, and why it holds entities: what a world with combat is made with. */
export const COMBAT_COMPONENTS: readonly ComponentRow[] = [HEALTH, STATUS];
export const COMBAT_HOLD_REASONS: readonly string[] = [HOLD_DEAD, HOLD_STUNNED];

/** The hit points of all entities. */
export class Health {
  readonly #world: World;
  /** By entity, of those that have the component. */
  readonly #hp: Float32Array;
  readonly #hpMax: Float32Array;
  readonly #content = new Uint8Array(HEALTH.bytesMax);

  /** @param world Made with {@linkcode COMBAT_COMPONENTS} and {@linkcode COMBAT_HOLD_REASONS}. */
  constructor(world: World) {
    this.#world = world;
    this.#hp = new Float32Array(world.slotCount);
    this.#hpMax = new Float32Array(world.slotCount);
  }

  /** Sets hit points; at 0 the entity is dead: it stops and may not move. */
  set(entityId: number, health: { readonly hp: number; readonly hpMax: number; readonly shield?: number }): void {
    const { hp, hpMax, shield = 0 } = health, world = this.#world;
    this.#hp[entityId] = hp;
    this.#hpMax[entityId] = hpMax;
    let end = writeFloatField(this.#content, 0, 0x0d, hp);
    end = writeFloatField(this.#content, end, 0x15, hpMax);
    end = writeFloatField(this.#content, end, 0x1d, shield);
    world.set(entityId, HEALTH.id, this.#content, end);
    if (hp <= 0) world.hold(entityId, HOLD_DEAD);
    else world.release(entityId, HOLD_DEAD);
  }

  /** Hit points of an entity in the world; 0 when it has none. */
  hpOf(entityId: number): number {
    return this.#world.isSet(entityId, HEALTH.id) ? this.#hp[entityId] : 0;
  }

  /** Hit points of an entity in the world when it is sound; 0 when it has none. */
  hpMaxOf(entityId: number): number {
    return this.#world.isSet(entityId, HEALTH.id) ? this.#hpMax[entityId] : 0;
  }
}

/** What ails or helps an entity. */
export interface EntityStatus {
  /** At most {@linkcode STATUS_EFFECTS_MAX} ids, each 0 to 2^32 - 1; likewise debuffs. */
  readonly buffIds: readonly number[];
  readonly debuffIds: readonly number[];
  readonly isStunned: boolean;
  readonly isSilenced: boolean;
}

const STATUS_CONTENT = new Uint8Array(STATUS.bytesMax);

/**
 * Sets buffs and debuffs; stunned, the entity stops and may not move.
 *
 * @throws {RangeError} when there are too many of them.
 */
export function setStatus(world: World, entityId: number, status: EntityStatus): void {
  const { buffIds, debuffIds, isStunned, isSilenced } = status, bytes = STATUS_CONTENT;
  const effectCount = Math.max(buffIds.length, debuffIds.length);
  if (effectCount > STATUS_EFFECTS_MAX) {
    throw new RangeError(`Cannot keep status: it has ${effectCount} effects, limit is ${STATUS_EFFECTS_MAX}`);
  }
  let end = writePackedField(bytes, 0, 0x0a, buffIds);
  end = writePackedField(bytes, end, 0x12, debuffIds);
  end = writeVarintField(bytes, end, 0x18, isStunned ? 1 : 0);
  end = writeVarintField(bytes, end, 0x20, isSilenced ? 1 : 0);
  world.set(entityId, STATUS.id, bytes, end);
  if (isStunned) world.hold(entityId, HOLD_STUNNED);
  else world.release(entityId, HOLD_STUNNED);
}

function writePackedField(bytes: Uint8Array, offset: number, tag: number, values: readonly number[]): number {
  if (values.length === 0) return offset;
  let length = 0;
  for (const value of values) length += varintBytes(value);
  bytes[offset++] = tag;
  bytes[offset++] = length;
  for (const value of values) offset = writeVarint(bytes, offset, value);
  return offset;
}
