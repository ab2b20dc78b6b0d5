/**
 * What is the matter with whom, and until when.
 *
 * @module
 */

import type { FaultReport } from "../../../shared/errors.ts";
import type { World } from "../../../server/game/game.ts";
import { setStatus } from "./components.ts";

/** `effect_id` of a stun: its victim can neither move nor act. Shown as a debuff. */
export const EFFECT_STUN = 1;

/** The status effects of one world, by the clock. */
export class StatusEffects {
  readonly #world: World;
  readonly #faults: FaultReport;
  /** When each stunned entity comes to, in milliseconds. */
  readonly #stunnedUntilMs = new Map<number, number>();

  constructor(world: World, faults: FaultReport) {
    this.#world = world;
    this.#faults = faults;
  }

  /** Entities with a status effect. */
  get entityCount(): number {
    return this.#stunnedUntilMs.size;
  }

  isStunned(entityId: number): boolean {
    return this.#stunnedUntilMs.has(entityId);
  }

  /** When a stunned entity comes to, in milliseconds; 0: it is not stunned. */
  stunnedUntilMs(entityId: number): number {
    return this.#stunnedUntilMs.get(entityId) ?? 0;
  }

  /** Stuns an entity; one that is stunned already comes to at the later of both times. */
  stun(entityId: number, untilMs: number): void {
    const beforeMs = this.#stunnedUntilMs.get(entityId);
    this.#stunnedUntilMs.set(entityId, Math.max(beforeMs ?? untilMs, untilMs));
    if (beforeMs !== undefined) return;
    setStatus(this.#world, entityId, { buffIds: [], debuffIds: [EFFECT_STUN], isStunned: true, isSilenced: false });
  }

  /**
   * Ends all effects whose time is over. Cost: the entities that have any.
   *
   * A stun lets no travel time be saved up: otherwise its end would put the player where it had gone without it.
   */
  step(nowMs: number): void {
    for (const [entityId, untilMs] of this.#stunnedUntilMs) {
      if (nowMs < untilMs) continue;
      try {
        this.clear(entityId);
        this.#world.resetTravelTime(entityId, nowMs);
      } catch (error) {
        this.#faults.report("effect", error, { entityId });
      }
    }
  }

  /** Ends all effects of an entity: it died. */
  clear(entityId: number): void {
    if (!this.#stunnedUntilMs.delete(entityId)) return;
    setStatus(this.#world, entityId, { buffIds: [], debuffIds: [], isStunned: false, isSilenced: false });
  }

  /** Forgets an entity that leaves the world. */
  remove(entityId: number): void {
    this.#stunnedUntilMs.delete(entityId);
  }
}
