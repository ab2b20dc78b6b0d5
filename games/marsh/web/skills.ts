/**
 * What the player can do to others, as the page has to know it to offer it. The server decides.
 *
 * @module
 */

import { TEXTS } from "./language.ts";

/** One skill. */
export interface Skill {
  /** As COMBAT_ACTION names it. */
  readonly id: number;
  readonly name: string;
  /** Units to the target, or to the middle of the area. */
  readonly range: number;
  readonly cooldownMs: number;
  /** Units around a point within which everyone is hit; 0: one target. */
  readonly areaRadius: number;
}

/** Hits a target next to the player. */
export const SKILL_MELEE = 1;
/** Hits one target from afar. */
export const SKILL_RANGED = 2;
/** Hits everyone around a point. */
export const SKILL_AREA = 3;

/** Every skill, by ascending id. */
export const SKILLS: readonly Skill[] = [
  { id: SKILL_MELEE, name: TEXTS.combat.skills.melee, range: 3, cooldownMs: 500, areaRadius: 0 },
  { id: SKILL_RANGED, name: TEXTS.combat.skills.ranged, range: 25, cooldownMs: 1_500, areaRadius: 0 },
  { id: SKILL_AREA, name: TEXTS.combat.skills.area, range: 25, cooldownMs: 4_000, areaRadius: 5 },
];

/** The skill with an id. */
export function findSkill(skillId: number): Skill | undefined {
  return SKILLS.find((skill) => skill.id === skillId);
}
