/** A bounded queue in which those who ask take turns, however much each of them asks. @module */

/** A queue of items by asker. */
export class TurnQueue<Item> {
  readonly #itemsMax: number;
  /** Items of each asker that has any; whose turn is next stands first. */
  readonly #byAsker = new Map<string, Item[]>();
  #length = 0;

  /** @param itemsMax Items that may wait, of all together. */
  constructor(itemsMax: number) {
    this.#itemsMax = itemsMax;
  }

  /** Items that wait. */
  get length(): number {
    return this.#length;
  }

  /**
   * Adds an item. Where the queue is full, the newest item of the asker that has the most makes way.
   *
   * @returns What has no place: an item of another asker, `item` itself, or nothing.
   */
  push(asker: string, item: Item): Item | undefined {
    let ousted: Item | undefined;
    if (this.#length >= this.#itemsMax) {
      const longest = this.#longest();
      if (longest.length <= (this.#byAsker.get(asker)?.length ?? 0) + 1) return item;
      ousted = longest.pop();
      this.#length--;
    }
    const items = this.#byAsker.get(asker);
    if (items !== undefined) items.push(item);
    else this.#byAsker.set(asker, [item]);
    this.#length++;
    return ousted;
  }

  /** Takes the oldest item of the asker whose turn it is; `undefined` where none waits. */
  shift(): Item | undefined {
    for (const [asker, items] of this.#byAsker) {
      this.#byAsker.delete(asker);
      const item = items.shift();
      if (items.length > 0) this.#byAsker.set(asker, items);
      this.#length--;
      return item;
    }
    return undefined;
  }

  #longest(): Item[] {
    let longest: Item[] = [];
    for (const items of this.#byAsker.values()) if (items.length > longest.length) longest = items;
    return longest;
  }
}
