/**
 * Which figure a click or a tap means.
 *
 * @module
 */

import { FIGURE_HEIGHT } from "./figure.ts";

/** Where a figure is on the screen, in pixels. */
export interface PickTarget {
  readonly id: number;
  /** Where its feet are. */
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

/**
 * The figure at a point of the screen: of several the one whose middle is nearest.
 *
 * @param reach How far beside a figure still counts, in pixels: more for a finger than for a mouse.
 * @returns Its id; `null` when there is none.
 */
export function pickFigure(targets: Iterable<PickTarget>, x: number, y: number, reach: number): number | null {
  let picked: number | null = null;
  let pickedDistance = Infinity;
  for (const target of targets) {
    const top = target.y - target.radius * FIGURE_HEIGHT;
    const bottom = target.y + target.radius * 0.5;
    if (Math.abs(x - target.x) > target.radius + reach || y < top - reach || y > bottom + reach) continue;
    const distance = Math.hypot(x - target.x, y - (top + bottom) / 2);
    if (distance >= pickedDistance) continue;
    picked = target.id;
    pickedDistance = distance;
  }
  return picked;
}

/** One who can be chosen by a key: position in units. */
export interface Candidate {
  readonly id: number;
  readonly x: number;
  readonly z: number;
  readonly isMonster: boolean;
}

/**
 * The target that a key chooses next: monsters before players, the nearest first.
 *
 * @param currentId Who is chosen already; `null`: nobody, and the first one is taken.
 * @returns `null` when there is nobody to choose.
 */
export function nextTarget(
  candidates: readonly Candidate[],
  own: { readonly x: number; readonly z: number },
  currentId: number | null,
): number | null {
  const distance = ({ x, z }: Candidate) => Math.hypot(x - own.x, z - own.z);
  const order = [...candidates].sort((a, b) =>
    Number(b.isMonster) - Number(a.isMonster) || distance(a) - distance(b) || a.id - b.id
  );
  if (order.length === 0) return null;
  return order[(order.findIndex(({ id }) => id === currentId) + 1) % order.length].id;
}
