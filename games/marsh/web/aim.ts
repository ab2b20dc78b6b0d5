/**
 * Where an area skill goes.
 *
 * @module
 */

import type { GroundPoint } from "./fight.ts";

/** Without anybody to aim at it goes this far ahead, in units. */
const AHEAD_UNITS = 6;

/** What there is to aim at; `null` for what there is not. */
export interface AimChoice {
  readonly own: GroundPoint & { readonly yaw: number };
  readonly target: GroundPoint | null;
  /** Where the mouse points. */
  readonly pointer: GroundPoint | null;
  readonly nearest: GroundPoint | null;
  /** Units. */
  readonly range: number;
}

/**
 * Chooses the middle of an area: the target, else where the mouse points, else the nearest enemy, else straight ahead.
 *
 * A target out of range is aimed at all the same, so that the player is told; the rest is brought into range.
 */
export function aimArea({ own, target, pointer, nearest, range }: AimChoice): GroundPoint {
  if (target !== null) return { x: target.x, z: target.z };
  const at = pointer ?? nearest ?? {
    x: own.x + Math.sin(own.yaw) * AHEAD_UNITS,
    z: own.z + Math.cos(own.yaw) * AHEAD_UNITS,
  };
  const distance = Math.hypot(at.x - own.x, at.z - own.z);
  // A little inside, as the server knows the player somewhat behind.
  const part = Math.min(1, range * 0.95 / Math.max(distance, 1e-9));
  return { x: own.x + (at.x - own.x) * part, z: own.z + (at.z - own.z) * part };
}
