/**
 * When each attacker may use each skill again.
 *
 * @module
 */

import { COOLDOWN_TOLERANCE_MS } from "./limits.ts";
import { type Skill, SKILLS } from "./skills.ts";

const SKILL_SLOTS = 1 + SKILLS.reduce((max, skill) => Math.max(max, skill.id), 0);

/**
 * Cooldowns by the server's clock, in milliseconds. They outlive the attacker's stay in the world, so that leaving and
 * coming back is no way around them: the key is whatever stays the same, the character.
 *
 * A skill may be used {@linkcode COOLDOWN_TOLERANCE_MS} early, as a packet may be slower on its way than the next. What
 * was early is added to the next cooldown: in the long run nobody is faster than the skill.
 */
export class Cooldowns {
  readonly #readyAtMs = new Map<number, Float64Array>();

  /** Attackers that have cooldowns. */
  get attackerCount(): number {
    return this.#readyAtMs.size;
  }

  /** How long the attacker still has to wait, in milliseconds; 0 when the skill can be used. */
  remainingMs(attackerKey: number, skill: Skill, nowMs: number): number {
    const remainingMs = (this.#readyAtMs.get(attackerKey)?.[skill.id] ?? 0) - nowMs;
    return remainingMs > COOLDOWN_TOLERANCE_MS ? remainingMs : 0;
  }

  /** The attacker uses a skill. */
  start(attackerKey: number, skill: Skill, nowMs: number): void {
    let readyAtMs = this.#readyAtMs.get(attackerKey);
    if (readyAtMs === undefined) {
      readyAtMs = new Float64Array(SKILL_SLOTS);
      this.#readyAtMs.set(attackerKey, readyAtMs);
    }
    readyAtMs[skill.id] = Math.max(readyAtMs[skill.id], nowMs) + skill.cooldownMs;
  }

  /** Forgets who can use every skill again; to be called now and then. */
  sweep(nowMs: number): void {
    for (const [attackerKey, readyAtMs] of this.#readyAtMs) {
      if (readyAtMs.every((atMs) => atMs <= nowMs)) this.#readyAtMs.delete(attackerKey);
    }
  }
}
