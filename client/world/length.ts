/**
 * Lengths as a server tells them, which may be anything.
 *
 * @module
 */

import { MAP_SIZE_MAX } from "../../shared/limits.ts";

/**
 * A length or place that whoever steps through it, or measures by it, comes to the end of.
 *
 * @param told Units.
 * @returns 0 for what is negative or no number, the longest side of a map for what is beyond it.
 */
export function lengthOf(told: number): number {
  return told > 0 ? Math.min(told, MAP_SIZE_MAX) : 0;
}
