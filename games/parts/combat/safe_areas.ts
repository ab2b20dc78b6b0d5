/**
 * Places where nobody is to be afraid.
 *
 * @module
 */

import type { Point } from "../../../server/game/kit.ts";

/** A circle on the ground, in units; its border belongs to it. */
export interface SafeArea extends Point {
  readonly radius: number;
}

/** The safe areas of a world, by map. */
export class SafeAreas {
  readonly #byMap: ReadonlyMap<number, readonly SafeArea[]>;

  /** @param maps Those that have some; others may be left out. */
  constructor(maps: Iterable<{ readonly mapId: number; readonly safeAreas: readonly SafeArea[] }> = []) {
    this.#byMap = new Map([...maps].map(({ mapId, safeAreas }) => [mapId, safeAreas]));
  }

  /** The safe areas of a map; any number may be asked. */
  of(mapId: number): readonly SafeArea[] {
    return this.#byMap.get(mapId) ?? NONE;
  }

  /** Whether a place is safe. */
  covers(mapId: number, x: number, z: number): boolean {
    for (const area of this.of(mapId)) if (Math.hypot(area.x - x, area.z - z) <= area.radius) return true;
    return false;
  }

  /** Whether the straight way between two places leads through a safe area, or as near to one as `clearance`. */
  lieBetween(mapId: number, from: Point, to: Point, clearance: number): boolean {
    for (const area of this.of(mapId)) if (distanceToWay(area, from, to) <= area.radius + clearance) return true;
    return false;
  }
}

const NONE: readonly SafeArea[] = [];

/** How near the straight way between two places comes to a point, in units. */
function distanceToWay(point: Point, from: Point, to: Point): number {
  const dx = to.x - from.x, dz = to.z - from.z, squared = dx * dx + dz * dz;
  const along = squared === 0 ? 0 : ((point.x - from.x) * dx + (point.z - from.z) * dz) / squared;
  const part = Math.min(1, Math.max(0, along));
  return Math.hypot(from.x + dx * part - point.x, from.z + dz * part - point.z);
}
