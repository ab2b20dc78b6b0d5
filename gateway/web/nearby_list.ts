/**
 * Everyone in view as a list: what a screen reader reads of the world.
 *
 * @module
 */

import { byId, make } from "./dom.ts";

/** One who is in view; positions in units. */
export interface Neighbour {
  readonly id: number;
  readonly name: string;
  readonly x: number;
  readonly z: number;
}

/** Entries shown: a list beyond this is read by nobody. */
export const NEIGHBOURS_MAX = 500;

/** The hidden list of those in view. */
export class NearbyList {
  readonly #section = byId("nearby-section", HTMLElement);
  readonly #summary = byId("nearby-summary", HTMLElement);
  readonly #list = byId("nearby", HTMLUListElement);
  readonly #items: Map<number, HTMLLIElement> = new Map();

  /** Shows the list, or takes it away and empties it. */
  setShown(isShown: boolean): void {
    this.#section.hidden = !isShown;
    if (!isShown) this.update([]);
  }

  /** Shows these and nobody else. */
  update(neighbours: readonly Neighbour[]): void {
    const shown = neighbours.slice(0, NEIGHBOURS_MAX);
    const ids = new Set(shown.map(({ id }) => id));
    for (const [id, item] of this.#items) {
      if (ids.has(id)) continue;
      item.remove();
      this.#items.delete(id);
    }
    for (const { id, name, x, z } of shown) {
      let item = this.#items.get(id);
      if (item === undefined) {
        item = make("li", "");
        item.dataset.entityId = String(id);
        this.#items.set(id, item);
        this.#list.append(item);
      }
      const text = `${name} at ${Math.round(x)}, ${Math.round(z)}`;
      if (item.textContent === text) continue;
      item.textContent = text;
      item.dataset.name = name;
      item.dataset.x = x.toFixed(1);
      item.dataset.z = z.toFixed(1);
    }
    const summary = neighbours.length === 0
      ? "Nobody else is in view"
      : neighbours.length === 1
      ? "One other is in view"
      : `${neighbours.length} others are in view`;
    if (this.#summary.textContent !== summary) this.#summary.textContent = summary;
  }
}
