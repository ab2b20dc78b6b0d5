/**
 * Judges what clients see: while they play, that every snapshot fits what they were shown before; once it is quiet, that
 * all of them together see the world as it is.
 *
 * @module
 */

import type { World } from "../../server/world/world.ts";
import { INTEREST_HYSTERESIS } from "../../shared/limits.ts";
import { ClientModel } from "../world/client_model.ts";
import { hpIn } from "../support/health.ts";
import type { Verdict } from "./verdict.ts";

/** What one client believes. */
export class Sight {
  readonly model: ClientModel;
  readonly #verdict: Verdict;
  #lastTick = 0n;

  constructor(entityId: number, verdict: Verdict) {
    this.model = new ClientModel(entityId);
    this.#verdict = verdict;
  }

  /** The session was resumed: everything is shown anew. */
  reset(): void {
    this.model.reset();
  }

  /** A WORLD_SNAPSHOT came. */
  onSnapshot(payload: Uint8Array): void {
    try {
      const { tick } = this.model.apply(payload);
      this.#verdict.expect(tick > this.#lastTick, "sight", `The snapshot of tick ${tick} came after ${this.#lastTick}`);
      this.#lastTick = tick;
    } catch (error) {
      this.#verdict.fail("sight", `Entity ${this.model.entityId}: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** Where it differs from the world, which stands still; null: nowhere. Every pair is looked at. */
  difference(world: World): string | null {
    const { model } = this;
    const { entityId } = model;
    if (model.own === undefined) return "it does not see itself";
    const hp = hpIn(world, entityId);
    if (model.own.hp !== hp) return `it believes to have ${model.own.hp} hp, it has ${hp}`;
    for (let id = 1; id < world.slotCount; id++) {
      if (id === entityId) continue;
      const shown = model.shown.get(id);
      const problem = world.has(id) ? differenceOf(world, entityId, id, shown) : shown && `it sees ${id}, who left`;
      if (problem) return problem;
    }
    return null;
  }
}

function differenceOf(world: World, viewerId: number, id: number, shown: ReturnType<ClientModel["shown"]["get"]>) {
  const map = world.mapOf(viewerId);
  if (world.mapOf(id) !== map) return shown === undefined ? null : `it sees ${id}, who is on another map`;
  const distance = world.distanceBetween(viewerId, id);
  if (shown === undefined) return distance < map.interestRadius ? `it does not see ${id}, ${distance} away` : null;
  if (distance > map.interestRadius * INTEREST_HYSTERESIS + 0.02) return `it sees ${id}, ${distance} away`;
  const x = Math.round(world.xOf(id) * 100), z = Math.round(world.zOf(id) * 100);
  if (shown.x !== x || shown.z !== z) return `it sees ${id} at ${shown.x}, ${shown.z}, it is at ${x}, ${z}`;
  const hp = hpIn(world, id);
  return shown.hp !== hp ? `it sees ${id} with ${shown.hp} hp, it has ${hp}` : null;
}
