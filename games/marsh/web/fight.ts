/**
 * The player's target, and what to do about it next: walk up, strike, wait.
 *
 * @module
 */

import type { Cooldowns } from "./cooldowns.ts";
import { findSkill, SKILL_MELEE, SKILL_RANGED } from "./skills.ts";

/** A point of the ground, in units. */
export interface GroundPoint {
  readonly x: number;
  readonly z: number;
}

/** What is known of the target at this moment. */
export interface FightTarget extends GroundPoint {
  readonly isAlive: boolean;
}

/** What to do in a frame. */
export interface FightStep {
  /** Where to walk; `null`: nowhere. */
  readonly approach: GroundPoint | null;
  /** The skill to use on the target; 0: none. */
  readonly strikeSkillId: number;
}

/** What the player asked for: a skill, or whichever reaches the target. */
interface Order {
  readonly skillId: number;
  /** Whether it goes on until the target is down. */
  readonly isLasting: boolean;
}

/** Any skill that reaches the target. */
const ANY_SKILL = 0;
/**
 * Both sides move on while a blow is on its way, so it is dealt this far inside its range, in units; and the player walks
 * up a little nearer still.
 */
const RANGE_MARGIN = 0.4;
const STAND_UNITS = 2;
/** After its cooldown a skill waits this long before it is used again unasked, in milliseconds: the server has its own clock. */
const AUTO_WAIT_MS = 80;
/** After a refusal nothing is tried again for this long, in milliseconds. */
const REFUSED_WAIT_MS = 400;

const IDLE: FightStep = { approach: null, strikeSkillId: 0 };

/** One player's fight. Times are milliseconds of any monotonic clock. */
export class Fight {
  readonly #cooldowns: Cooldowns;
  #targetId: number | null = null;
  #order: Order | null = null;
  #waitUntilMs = -Infinity;

  /** @param cooldowns The player's. */
  constructor(cooldowns: Cooldowns) {
    this.#cooldowns = cooldowns;
  }

  /** The player's target; `null`: nobody. */
  get targetId(): number | null {
    return this.#targetId;
  }

  /** Whether something is to be done to the target. */
  get hasOrder(): boolean {
    return this.#order !== null;
  }

  /** Chooses a target and leaves it alone; `null` chooses nobody. */
  select(targetId: number | null): void {
    this.#targetId = targetId;
    this.#order = null;
  }

  /**
   * Attacks with whatever reaches: near by hand, else from afar while walking up.
   *
   * @param isLasting Whether to go on until the target is down; else one blow is enough.
   */
  attack(targetId: number, isLasting: boolean): void {
    this.#targetId = targetId;
    this.#order = { skillId: ANY_SKILL, isLasting };
  }

  /** Walks up to the target and strikes once by hand. */
  strike(): void {
    if (this.#targetId !== null) this.#order = { skillId: SKILL_MELEE, isLasting: false };
  }

  /** Leaves the target alone, but keeps it chosen. */
  halt(): void {
    this.#order = null;
  }

  /** The server refused a blow. */
  refused(nowMs: number): void {
    this.#waitUntilMs = nowMs + REFUSED_WAIT_MS;
  }

  /**
   * What to do now. A strike is the caller's to send.
   *
   * @param own Where the player is.
   * @param target What is known of the target; `null` when it is out of sight.
   */
  step(own: GroundPoint, target: FightTarget | null, nowMs: number): FightStep {
    if (this.#targetId === null) return IDLE;
    if (target === null || !target.isAlive) {
      this.select(null);
      return IDLE;
    }
    if (this.#order === null) return IDLE;
    const distance = Math.hypot(target.x - own.x, target.z - own.z);
    const isNear = reaches(SKILL_MELEE, distance);
    const strikeSkillId = this.#skillFor(distance, nowMs);
    const approach = isNear ? null : {
      x: target.x + (own.x - target.x) / distance * STAND_UNITS,
      z: target.z + (own.z - target.z) / distance * STAND_UNITS,
    };
    if (strikeSkillId !== 0 && !this.#order.isLasting) this.#order = null;
    return { approach: this.#order === null ? null : approach, strikeSkillId };
  }

  /** The skill to use at a distance now; 0: none. */
  #skillFor(distance: number, nowMs: number): number {
    if (this.#order === null || nowMs < this.#waitUntilMs) return 0;
    const isReady = (skillId: number) =>
      reaches(skillId, distance) && this.#cooldowns.remainingMs(skillId, nowMs - AUTO_WAIT_MS) === 0;
    if (isReady(SKILL_MELEE)) return SKILL_MELEE;
    // Next to the target only strikes are used: they are faster than shots.
    const isFar = !reaches(SKILL_MELEE, distance);
    return isFar && this.#order.skillId === ANY_SKILL && isReady(SKILL_RANGED) ? SKILL_RANGED : 0;
  }
}

function reaches(skillId: number, distance: number): boolean {
  return distance <= (findSkill(skillId)?.range ?? 0) - RANGE_MARGIN;
}
