/**
 * What becomes of a blow.
 *
 * @module
 */

import type { Prng } from "../../../server/game/game.ts";
import type { Damage } from "./skills.ts";

/** What decides. */
export type Dice = Pick<Prng, "nextInt">;

/** Of a hundred blows, how many are dodged, blocked and critical; the others just hit. */
export const DODGE_PERCENT = 5;
export const BLOCK_PERCENT = 5;
export const CRITICAL_PERCENT = 10;
/** What a critical blow's damage is multiplied by. */
export const CRITICAL_FACTOR = 1.5;
/** What a blocked blow's damage is multiplied by. */
export const BLOCK_FACTOR = 0.5;

/** One blow; at most one of the three is true. */
export interface Blow {
  /** Whole points; 0 only when dodged. */
  readonly damage: number;
  readonly isCritical: boolean;
  readonly isDodged: boolean;
  readonly isBlocked: boolean;
}

/**
 * Rolls one blow. One die decides which of the four it is, so that each comes as often as its percentage says; a dodged
 * blow does nothing, a blocked one half, a critical one half as much again, rounded to whole points, halves up.
 */
export function rollBlow({ damageMin, damageMax }: Damage, dice: Dice): Blow {
  const die = dice.nextInt(100);
  const rolled = damageMin + dice.nextInt(damageMax - damageMin + 1);
  const isDodged = die < DODGE_PERCENT;
  const isBlocked = !isDodged && die < DODGE_PERCENT + BLOCK_PERCENT;
  const isCritical = !isDodged && !isBlocked && die < DODGE_PERCENT + BLOCK_PERCENT + CRITICAL_PERCENT;
  const factor = isDodged ? 0 : isBlocked ? BLOCK_FACTOR : isCritical ? CRITICAL_FACTOR : 1;
  return { damage: Math.round(rolled * factor), isCritical, isDodged, isBlocked };
}
