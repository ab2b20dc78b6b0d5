/**
 * Many unordered lists of small numbers in one block of memory.
 *
 * @module
 */

import { assert } from "../../shared/errors.ts";

/** Ids in a chunk: one cache line. */
export const CHUNK_IDS = 32;
/** Ids are below this; the bit above is free for the owner of a list to mark an id with. */
export const LIST_ID_MAX = 0x7fff;

/**
 * Lists of ids, made of chunks from one pool. All chunks of a list but the first are full, so reading a list is reading
 * memory in order:
 *
 * ```ts ignore
 * for (let chunk = lists.heads[list], fill = lists.headFill(list); chunk !== 0; chunk = lists.nexts[chunk], fill = CHUNK_IDS) {
 *   for (let at = chunk * CHUNK_IDS; at < chunk * CHUNK_IDS + fill; at++) use(lists.ids[at]);
 * }
 * ```
 *
 * The pool doubles when it is used up and never shrinks, so memory follows the largest use so far; released chunks are
 * used again first. `ids` and `nexts` are replaced when that happens: read them anew after adding. So are `heads` and
 * `counts` when lists are added.
 */
export class IdLists {
  /** First chunk of each list, 0: the list is empty. */
  heads: Int32Array;
  /** Ids in each list. */
  counts: Int32Array;
  /** All chunks, one after the other; chunk 0 is not used. */
  ids: Uint16Array;
  /** The chunk after each chunk of the same list, or of the list of free ones. */
  nexts: Int32Array;
  #freeChunk = 0;
  #usedChunks = 1;

  /** @param chunkCount Chunks to begin with. */
  constructor(listCount: number, chunkCount: number) {
    this.heads = new Int32Array(listCount);
    this.counts = new Int32Array(listCount);
    this.ids = new Uint16Array((chunkCount + 1) * CHUNK_IDS);
    this.nexts = new Int32Array(chunkCount + 1);
  }

  /** Makes room for as many lists, if there is less; those there are keep their numbers. */
  ensureLists(listCount: number): void {
    if (listCount <= this.heads.length) return;
    const heads = new Int32Array(Math.max(listCount, 2 * this.heads.length)), counts = new Int32Array(heads.length);
    heads.set(this.heads);
    counts.set(this.counts);
    this.heads = heads;
    this.counts = counts;
  }

  /** Bytes of all lists and chunks. */
  get memoryBytes(): number {
    return this.heads.byteLength + this.counts.byteLength + this.ids.byteLength + this.nexts.byteLength;
  }

  /** Chunks the pool has memory for. */
  get chunkCount(): number {
    return this.nexts.length - 1;
  }

  /** Ids in the first chunk of a list that is not empty. */
  headFill(list: number): number {
    return ((this.counts[list] - 1) & (CHUNK_IDS - 1)) + 1;
  }

  /**
   * Adds an id, which must not be in the list.
   *
   * @returns Where it is in `ids`, until something is removed from the list.
   */
  add(list: number, id: number): number {
    const fill = this.counts[list] & (CHUNK_IDS - 1);
    if (fill === 0) {
      const chunk = this.#takeChunk();
      this.nexts[chunk] = this.heads[list];
      this.heads[list] = chunk;
    }
    this.counts[list]++;
    const at = this.heads[list] * CHUNK_IDS + fill;
    this.ids[at] = id;
    return at;
  }

  /** Where the id is in `ids`; -1 when it is not in the list. Cost: the length of the list. */
  find(list: number, id: number): number {
    const { ids, nexts } = this;
    let fill = this.headFill(list);
    for (let chunk = this.heads[list]; chunk !== 0; chunk = nexts[chunk]) {
      const start = chunk * CHUNK_IDS;
      for (let at = start; at < start + fill; at++) if (ids[at] === id) return at;
      fill = CHUNK_IDS;
    }
    return -1;
  }

  /** Whether the id is in the list. Cost: the length of the list. */
  has(list: number, id: number): boolean {
    return this.find(list, id) >= 0;
  }

  /** Removes the id. Cost: the length of the list. @returns Whether it was there. */
  tryRemove(list: number, id: number): boolean {
    const at = this.find(list, id);
    if (at >= 0) this.removeAt(list, at);
    return at >= 0;
  }

  /** Removes the id at a place of the list, where its newest takes over. @returns The id that moved there. */
  removeAt(list: number, at: number): number {
    const newest = this.newestOf(list);
    this.ids[at] = newest;
    this.removeNewest(list);
    return newest;
  }

  /** The id added last, or one that took over a removed one's place, of a list that is not empty. */
  newestOf(list: number): number {
    return this.ids[this.heads[list] * CHUNK_IDS + this.headFill(list) - 1];
  }

  /** Removes what {@linkcode IdLists.newestOf} gives. */
  removeNewest(list: number): void {
    assert(this.counts[list] > 0, "Only a list with ids has a newest one");
    this.counts[list]--;
    if ((this.counts[list] & (CHUNK_IDS - 1)) !== 0) return;
    const chunk = this.heads[list];
    this.heads[list] = this.nexts[chunk];
    this.nexts[chunk] = this.#freeChunk;
    this.#freeChunk = chunk;
  }

  /** Removes everything from the list. */
  clear(list: number): void {
    this.counts[list] = 0;
    while (this.heads[list] !== 0) {
      const chunk = this.heads[list];
      this.heads[list] = this.nexts[chunk];
      this.nexts[chunk] = this.#freeChunk;
      this.#freeChunk = chunk;
    }
  }

  #takeChunk(): number {
    const chunk = this.#freeChunk;
    if (chunk !== 0) {
      this.#freeChunk = this.nexts[chunk];
      return chunk;
    }
    if (this.#usedChunks === this.nexts.length) this.#grow();
    return this.#usedChunks++;
  }

  #grow(): void {
    const ids = new Uint16Array(this.ids.length * 2), nexts = new Int32Array(this.nexts.length * 2);
    ids.set(this.ids);
    nexts.set(this.nexts);
    this.ids = ids;
    this.nexts = nexts;
  }
}
