/**
 * Hit points that come back to players out of a fight.
 *
 * @module
 */

import type { FaultReport } from "../../../shared/errors.ts";
import { RECOVERY_HP, RECOVERY_INTERVAL_MS } from "./limits.ts";
import type { Health } from "./components.ts";

/**
 * Gives wounded players {@linkcode RECOVERY_HP} hit points every {@linkcode RECOVERY_INTERVAL_MS}, once their fight is
 * over. Monsters heal by rules of their own.
 *
 * Cost of a tick: a look at the players that are wounded or fight.
 */
export class Recovery {
  readonly #health: Health;
  readonly #faults: FaultReport;
  /** By entity: when it is given hit points next, in milliseconds; 0: it is none that recovers. */
  readonly #nextMs: Float64Array;
  /** Entities to look at, and the place of each among them plus 1; 0: none. */
  readonly #listed: Int32Array;
  readonly #placeOf: Int32Array;
  #count = 0;

  /** @param slotCount Entity ids are below this. */
  constructor(health: Health, slotCount: number, faults: FaultReport) {
    this.#health = health;
    this.#faults = faults;
    this.#nextMs = new Float64Array(slotCount);
    this.#listed = new Int32Array(slotCount);
    this.#placeOf = new Int32Array(slotCount);
  }

  /** Entities that are looked at every tick. */
  get count(): number {
    return this.#count;
  }

  /** A player has a new entity, which recovers from `nextMs` on. */
  begin(entityId: number, nextMs: number): void {
    this.#nextMs[entityId] = nextMs;
    this.#list(entityId);
  }

  /** An entity gave or took a blow: it recovers from `nextMs` on, if it is one that does. */
  delay(entityId: number, nextMs: number): void {
    if (this.#nextMs[entityId] === 0) return;
    this.#nextMs[entityId] = nextMs;
    this.#list(entityId);
  }

  /** Gives hit points to those whose time has come; to be called every tick. */
  step(nowMs: number): void {
    // From the end: who leaves the list gives its place to the last one, which had its turn.
    for (let index = this.#count - 1; index >= 0; index--) {
      const entityId = this.#listed[index];
      if (nowMs >= this.#nextMs[entityId]) this.#recover(entityId);
    }
  }

  /** Forgets an entity that leaves the world. */
  remove(entityId: number): void {
    this.#nextMs[entityId] = 0;
    this.#unlist(entityId);
  }

  #recover(entityId: number): void {
    try {
      const health = this.#health, hpMax = health.hpMaxOf(entityId), before = health.hpOf(entityId);
      const hp = Math.min(hpMax, before + RECOVERY_HP);
      this.#nextMs[entityId] += RECOVERY_INTERVAL_MS;
      // The dead have to respawn, with all their hit points.
      if (before > 0 && before < hpMax) health.set(entityId, { hp, hpMax });
      if (before <= 0 || hp === hpMax) this.#unlist(entityId);
    } catch (error) {
      this.#unlist(entityId);
      this.#faults.report("recovery", error, { entityId });
    }
  }

  #list(entityId: number): void {
    if (this.#placeOf[entityId] !== 0) return;
    this.#listed[this.#count++] = entityId;
    this.#placeOf[entityId] = this.#count;
  }

  #unlist(entityId: number): void {
    const place = this.#placeOf[entityId];
    if (place === 0) return;
    const last = this.#listed[--this.#count];
    this.#listed[place - 1] = last;
    this.#placeOf[last] = place;
    this.#placeOf[entityId] = 0;
  }
}
