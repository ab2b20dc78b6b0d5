/**
 * What players can do to each other.
 *
 * @module
 */

import { assert } from "../../../shared/errors.ts";
import { COOLDOWN_TOLERANCE_MS } from "./limits.ts";

/** How hard something hits: whole points, each between the two as likely as any other. */
export interface Damage {
  readonly damageMin: number;
  readonly damageMax: number;
}

/** One skill. */
export interface Skill extends Damage {
  readonly id: number;
  /** Units to the target, height included, or to the middle of the area; the border is in range. */
  readonly range: number;
  readonly cooldownMs: number;
  /** Units around the target position within which everyone is hit; 0: the skill has one target. */
  readonly areaRadius: number;
  /** How long a critical blow stuns, in milliseconds; 0: not at all. */
  readonly criticalStunMs: number;
}

/** `skill_id` of COMBAT_RESULT where no skill was used: what a monster does. */
export const SKILL_NONE = 0;
/** Hits a target next to the attacker; a critical blow stuns. */
export const SKILL_MELEE = 1;
/** Hits one target from afar. */
export const SKILL_RANGED = 2;
/** Hits everyone around a point. */
export const SKILL_AREA = 3;

/** Every skill, by ascending id. */
export const SKILLS: readonly Skill[] = [
  {
    id: SKILL_MELEE,
    range: 3,
    cooldownMs: 500,
    damageMin: 8,
    damageMax: 12,
    areaRadius: 0,
    criticalStunMs: 1_000,
  },
  {
    id: SKILL_RANGED,
    range: 25,
    cooldownMs: 1_500,
    damageMin: 15,
    damageMax: 25,
    areaRadius: 0,
    criticalStunMs: 0,
  },
  {
    id: SKILL_AREA,
    range: 25,
    cooldownMs: 4_000,
    damageMin: 10,
    damageMax: 20,
    areaRadius: 5,
    criticalStunMs: 0,
  },
];

for (const skill of SKILLS) {
  assert(skill.id > SKILL_NONE, "A skill's id must differ from none");
  assert(skill.cooldownMs > COOLDOWN_TOLERANCE_MS, "A cooldown must be longer than its tolerance");
}

/** The skill with an id, any number as it came from the wire. */
export function findSkill(skillId: number): Skill | undefined {
  return SKILLS.find((skill) => skill.id === skillId);
}
