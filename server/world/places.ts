/**
 * Places on the ground, chosen by chance.
 *
 * @module
 */

import type { Prng } from "./prng.ts";

/** A point on the ground plane, in units. */
export interface Point {
  /** Along the width of the map. */
  readonly x: number;
  /** Along its height. */
  readonly z: number;
}

/** A place within a radius, each as likely as any other. */
export function placeAround(centre: Point, radius: number, prng: Prng): Point {
  const distance = radius * Math.sqrt(prng.nextFloat()), angle = prng.nextFloat() * 2 * Math.PI;
  return { x: centre.x + distance * Math.cos(angle), z: centre.z + distance * Math.sin(angle) };
}

/** Brings a coordinate onto a side of the map. */
export function clamp(value: number, max: number): number {
  return value < 0 ? 0 : value > max ? max : value;
}
