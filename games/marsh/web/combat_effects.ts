/**
 * What is seen of a blow for a moment: its number, a flash, an arrow's way, a burst.
 *
 * @module
 */

import { TEXTS } from "./language.ts";
import { SKILL_AREA, SKILL_RANGED } from "./skills.ts";

/** How a blow ended, which is how its number looks. */
export type BlowKind = "hit" | "critical" | "missed";

/** A COMBAT_RESULT, in the page's terms. */
export interface Blow {
  readonly attackerId: number;
  /** 0: an area in which nobody was. */
  readonly targetId: number;
  readonly skillId: number;
  readonly damage: number;
  readonly isCritical: boolean;
  readonly isDodged: boolean;
  readonly isBlocked: boolean;
}

/** A point of the ground, in units. */
interface Place {
  readonly x: number;
  readonly z: number;
}

/** A text that rises over a place. */
export interface FloatingText extends Place {
  readonly text: string;
  readonly kind: BlowKind;
  /** Whether the player was hit. */
  readonly isOnOwn: boolean;
  /** Several at one place are told apart by it: 0, 1, 2. */
  readonly lane: number;
  readonly bornMs: number;
}

/** The way of an arrow. */
export interface Shot {
  readonly from: Place;
  readonly to: Place;
  readonly bornMs: number;
}

/** A burst around a place; units. */
export interface Burst extends Place {
  readonly radius: number;
  readonly bornMs: number;
}

/** How long each is seen, in milliseconds. */
export const TEXT_MS = 1_000;
export const FLASH_MS = 180;
export const SHOT_MS = 220;
export const BURST_MS = 450;
/** Of each kind at once: what a battle adds beyond that nobody can read. */
export const EFFECTS_MAX = 128;

const LANES = 3;

/** What a blow's number says. */
export function blowText({ damage, isCritical, isDodged, isBlocked }: Blow): { text: string; kind: BlowKind } {
  if (isDodged) return { text: TEXTS.combat.dodged, kind: "missed" };
  if (isBlocked && damage < 0.5) return { text: TEXTS.combat.blocked, kind: "missed" };
  const points = String(Math.round(damage));
  if (isBlocked) return { text: TEXTS.combat.partlyBlocked(points), kind: "missed" };
  return isCritical ? { text: `${points}!`, kind: "critical" } : { text: points, kind: "hit" };
}

/** Everything of blows that is seen now. Times are milliseconds of any monotonic clock. */
export class CombatEffects {
  readonly texts: FloatingText[] = [];
  readonly shots: Shot[] = [];
  readonly bursts: Burst[] = [];
  /** Until when each entity flashes, by id. */
  readonly #flashes: Map<number, number> = new Map();
  #lane = 0;

  /**
   * Shows a blow.
   *
   * @param places Where both are; `null` for one that is out of sight.
   */
  add(
    blow: Blow,
    places: { readonly attacker: Place | null; readonly target: Place | null; readonly isOnOwn: boolean },
    nowMs: number,
  ): void {
    const { attacker, target, isOnOwn } = places;
    if (target === null) return;
    this.#lane = (this.#lane + 1) % LANES;
    push(this.texts, { ...blowText(blow), x: target.x, z: target.z, isOnOwn, lane: this.#lane, bornMs: nowMs });
    if (!blow.isDodged && this.#flashes.size < EFFECTS_MAX) this.#flashes.set(blow.targetId, nowMs + FLASH_MS);
    const { x, z } = target;
    if (blow.skillId === SKILL_RANGED && attacker !== null) {
      push(this.shots, { from: { x: attacker.x, z: attacker.z }, to: { x, z }, bornMs: nowMs });
    }
    if (blow.skillId === SKILL_AREA) this.burst({ x, z }, 1.6, nowMs);
  }

  /** Shows a burst. */
  burst({ x, z }: Place, radius: number, nowMs: number): void {
    push(this.bursts, { x, z, radius, bornMs: nowMs });
  }

  /** Whether an entity was hit just now. */
  isFlashing(entityId: number, nowMs: number): boolean {
    return (this.#flashes.get(entityId) ?? -Infinity) > nowMs;
  }

  /** Forgets what is over. */
  sweep(nowMs: number): void {
    drop(this.texts, nowMs - TEXT_MS);
    drop(this.shots, nowMs - SHOT_MS);
    drop(this.bursts, nowMs - BURST_MS);
    for (const [id, untilMs] of this.#flashes) if (untilMs <= nowMs) this.#flashes.delete(id);
  }
}

function push<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > EFFECTS_MAX) list.shift();
}

/** Takes out what was born before a time; lists are in the order of births. */
function drop(list: { readonly bornMs: number }[], beforeMs: number): void {
  while (list.length > 0 && list[0].bornMs <= beforeMs) list.shift();
}
