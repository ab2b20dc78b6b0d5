/**
 * Judges what clients see: while they play, that every snapshot fits what they were shown before; once it is quiet, that
 * all of them together see the world as it is.
 *
 * @module
 */

import type { World } from "../../server/world/world.ts";
import { INTEREST_HYSTERESIS } from "../../shared/limits.ts";
import { ClientModel, type ShownEntity } from "../world/client_model.ts";
import { hpIn } from "../support/health.ts";
import type { Verdict } from "./verdict.ts";

/** What an entity is beside where it is: as a client sees it, and as the world has it. */
export type StateOf = (world: World, id: number, shown: ShownEntity, isOwn: boolean) => readonly [string, string];

const hitPointsOf: StateOf = (world, id, shown) => [`${shown.hp} hp`, `${hpIn(world, id)} hp`];

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
  difference(world: World, stateOf: StateOf = hitPointsOf): string | null {
    const { model } = this;
    const { entityId } = model;
    if (model.own === undefined) return "it does not see itself";
    const [believed, own] = stateOf(world, entityId, model.own, true);
    if (believed !== own) return `it believes to have ${believed}, it has ${own}`;
    for (let id = 1; id < world.slotCount; id++) {
      if (id === entityId) continue;
      const shown = model.shown.get(id);
      const problem = world.has(id)
        ? differenceOf(world, entityId, id, shown, stateOf)
        : shown && `it sees ${id}, who left`;
      if (problem) return problem;
    }
    return null;
  }
}

function differenceOf(
  world: World,
  viewerId: number,
  id: number,
  shown: ShownEntity | undefined,
  stateOf: StateOf,
): string | null {
  const map = world.mapOf(viewerId);
  if (world.mapOf(id) !== map) return shown === undefined ? null : `it sees ${id}, who is on another map`;
  const distance = world.distanceBetween(viewerId, id);
  if (shown === undefined) return distance < map.interestRadius ? `it does not see ${id}, ${distance} away` : null;
  if (distance > map.interestRadius * INTEREST_HYSTERESIS + 0.02) return `it sees ${id}, ${distance} away`;
  const x = Math.round(world.xOf(id) * 100), z = Math.round(world.zOf(id) * 100);
  if (shown.x !== x || shown.z !== z) return `it sees ${id} at ${shown.x}, ${shown.z}, it is at ${x}, ${z}`;
  const [seen, real] = stateOf(world, id, shown, false);
  return seen === real ? null : `it sees ${id} with ${seen}, it has ${real}`;
}
