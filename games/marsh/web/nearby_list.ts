/**
 * Everyone in view as a list: what a screen reader reads of the world.
 *
 * @module
 */

import { byId, make } from "./dom.ts";
import { shownName, TEXTS } from "./language.ts";
import { type Health, isDead } from "./marsh_model.ts";

/** One who is in view; positions in units. */
export interface Neighbour {
  readonly id: number;
  readonly name: string;
  readonly x: number;
  readonly z: number;
  readonly isMonster: boolean;
  readonly isFriend: boolean;
  /** `null` while unknown. */
  readonly health: Health | null;
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
    for (const neighbour of shown) {
      const { id, name, x, z, isMonster, health } = neighbour;
      let item = this.#items.get(id);
      if (item === undefined) {
        item = make("li", "");
        item.dataset.entityId = String(id);
        this.#items.set(id, item);
        this.#list.append(item);
      }
      const text = neighbourText(neighbour);
      // A screen reader is not to hear of a step that changes no word.
      if (item.textContent !== text) item.textContent = text;
      setData(item, "name", name);
      setData(item, "kind", isMonster ? "monster" : "player");
      setData(item, "x", x.toFixed(1));
      setData(item, "z", z.toFixed(1));
      if (health !== null) setData(item, "hp", String(Math.ceil(health.current)));
    }
    const summary = nearbySummary(neighbours);
    if (this.#summary.textContent !== summary) this.#summary.textContent = summary;
  }
}

/** Changes the page only where it differs. */
function setData(item: HTMLElement, name: string, value: string): void {
  if (item.dataset[name] !== value) item.dataset[name] = value;
}

/** One who is in view, as a screen reader reads it. */
export function neighbourText({ name, x, z, isFriend, isMonster, health }: Neighbour): string {
  const kind = isMonster ? "monster" : isFriend ? "friend" : "player";
  const called = isMonster ? shownName(name) : name;
  const place = TEXTS.world.neighbour({ name: called, kind, x: Math.round(x), z: Math.round(z) });
  if (health === null || health.max <= 0) return place;
  const { dead, health: healthText } = TEXTS.world;
  return `${place}, ${isDead(health) ? dead : healthText(Math.ceil(health.current), Math.ceil(health.max))}`;
}

/** How many are in view. */
export function nearbySummary(neighbours: readonly { readonly isMonster: boolean }[]): string {
  const monsters = neighbours.filter(({ isMonster }) => isMonster).length;
  return TEXTS.world.nearby(neighbours.length - monsters, monsters);
}
