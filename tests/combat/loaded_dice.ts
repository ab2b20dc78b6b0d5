/** Dice that fall as told. @module */

import type { Blow, Dice } from "../../games/parts/combat/dice.ts";
import { assert } from "../support/assert.ts";

/** What the first die shows for each kind of blow. */
export const DIE = { dodged: 0, blocked: 5, critical: 10, hit: 20 } as const;

/** Falls as told: for each blow once for its kind, once for its damage. */
export class LoadedDice implements Dice {
  #kind: keyof typeof DIE = "hit";
  #damage = 0;
  #isKindNext = true;

  /** @param damage What every blow from now on does beyond the least it can do. */
  load(kind: keyof typeof DIE, damage = 0): void {
    this.#kind = kind;
    this.#damage = damage;
  }

  nextInt(bound: number): number {
    const roll = this.#isKindNext ? DIE[this.#kind] : this.#damage;
    this.#isKindNext = !this.#isKindNext;
    assert(roll >= 0 && roll < bound, `A die with ${bound} sides cannot show ${roll}`);
    return roll;
  }
}

/** What kind of blow it was. */
export function kindOf({ isDodged, isBlocked, isCritical }: Blow): keyof typeof DIE {
  return isDodged ? "dodged" : isBlocked ? "blocked" : isCritical ? "critical" : "hit";
}
