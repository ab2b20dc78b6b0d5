/**
 * When each skill can be used again, as far as the page knows.
 *
 * @module
 */

import { findSkill } from "./skills.ts";

/** Uses that are not answered yet; beyond that the oldest is forgotten. */
const PENDING_MAX = 32;

/** Cooldowns of one player. Times are milliseconds of any monotonic clock. */
export class Cooldowns {
  readonly #startedMs: Map<number, number> = new Map();
  /** Skills used, oldest first, whose answer has not come. */
  readonly #pending: number[] = [];

  /** A skill was used: it cools down until the server says that it was not. */
  start(skillId: number, nowMs: number): void {
    this.#startedMs.set(skillId, nowMs);
    this.#pending.push(skillId);
    if (this.#pending.length > PENDING_MAX) this.#pending.shift();
  }

  /** A use was seen to happen. */
  confirm(skillId: number): void {
    const index = this.#pending.indexOf(skillId);
    if (index >= 0) this.#pending.splice(index, 1);
  }

  /**
   * The server refused the oldest use that is not answered.
   *
   * @param isCooling Whether the reason is a cooldown: then the skill goes on cooling down.
   * @returns The skill; `undefined` when none is known.
   */
  refuse(isCooling: boolean): number | undefined {
    const skillId = this.#pending.shift();
    if (skillId !== undefined && !isCooling) this.#startedMs.delete(skillId);
    return skillId;
  }

  /** How long a skill still cools down, in milliseconds; 0: it is ready. */
  remainingMs(skillId: number, nowMs: number): number {
    const startedMs = this.#startedMs.get(skillId);
    const cooldownMs = findSkill(skillId)?.cooldownMs ?? 0;
    return startedMs === undefined ? 0 : Math.max(0, startedMs + cooldownMs - nowMs);
  }

  /** Answers that have not come will not come. */
  forgetPending(): void {
    this.#pending.length = 0;
  }
}
