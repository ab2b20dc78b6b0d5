/**
 * Who is in whose interest, and who was told so.
 *
 * @module
 */

import { assert } from "../../shared/errors.ts";
import { INTEREST_HYSTERESIS } from "../../shared/limits.ts";
import type { ChangeLog } from "./change_log.ts";
import { CM_PER_UNIT, type EntityStore } from "./entity_store.ts";
import { CHUNK_IDS, IdLists, LIST_ID_MAX } from "./id_lists.ts";
import type { InterestGrid } from "./interest_grid.ts";

/**
 * Marks an id: in a despawn list as that of an entity that is gone while its id is in use again, in a late list as that
 * of an entity to be spawned.
 */
const MARK = LIST_ID_MAX + 1;

/** Rings around a viewer by which the late list is ordered. */
const RINGS = 64;

/**
 * The pairs of entities of one map that see each other. A pair begins at the interest radius and ends beyond the radius times
 * {@linkcode INTEREST_HYSTERESIS}, both on the ground plane, so it depends only on distances at steps and is the same
 * from both sides. Pairs without a viewer are not kept: nobody would be told.
 *
 * Each entity has four lists, so that a snapshot finds what is due without comparing:
 * - shown: seen, and the viewer was told. For an entity that is no viewer: who sees it;
 * - spawn: seen, and the viewer is still to be told;
 * - despawn: no longer seen, and the viewer is still to be told;
 * - late: what did not fit a snapshot, also in one of the first two, nearest last.
 */
export class Visibility {
  readonly lists: IdLists;
  readonly #store: EntityStore;
  readonly #grid: InterestGrid;
  readonly #slotCount: number;
  /** Where pairs begin and end on each map, in centimetres. */
  readonly #enterCm: number[] = [];
  readonly #leaveCm: number[] = [];
  /** Entities looked at so far, to find whom another is near or what a viewer is to be told late. */
  lookedAtCount = 0;
  /** Entities that are no viewers and came into sight of one since they were asked for, each once. */
  readonly #watchedIds: Int32Array;
  readonly #isNoted: Uint8Array;
  #watchedCount = 0;
  /** In how many despawn lists each id is, unmarked. */
  readonly #despawnsDue: Int32Array;
  /** An entity is marked when its entry is the current round: all marks are taken off by counting the round up. */
  readonly #markRounds: Int32Array;
  #round = 0;
  readonly #found: Int32Array;
  readonly #sorted: Int32Array;
  readonly #rings: Uint8Array;
  readonly #ringPlaces = new Int32Array(RINGS + 1);

  /** @param radii Interest radius of each map, in units. */
  constructor(store: EntityStore, grid: InterestGrid, radii: readonly number[]) {
    assert(store.slotCount <= LIST_ID_MAX, "Entity ids must leave a bit to mark them with");
    this.#store = store;
    this.#grid = grid;
    this.#slotCount = store.slotCount;
    this.lists = new IdLists(4 * store.slotCount, 4 * store.slotCount);
    this.#watchedIds = new Int32Array(store.slotCount);
    this.#isNoted = new Uint8Array(store.slotCount);
    this.#despawnsDue = new Int32Array(store.slotCount);
    this.#markRounds = new Int32Array(store.slotCount);
    this.#found = new Int32Array(store.slotCount);
    this.#sorted = new Int32Array(store.slotCount);
    this.#rings = new Uint8Array(store.slotCount);
    for (const [index, radius] of radii.entries()) this.setRadius(index, radius);
  }

  /** Says how far entities of a map see, in units. */
  setRadius(mapIndex: number, radius: number): void {
    this.#enterCm[mapIndex] = Math.round(radius * CM_PER_UNIT);
    this.#leaveCm[mapIndex] = Math.round(radius * CM_PER_UNIT * INTEREST_HYSTERESIS);
  }

  /** Number, in {@linkcode Visibility.lists}, of the list of what the entity is shown. */
  shownList(id: number): number {
    return id;
  }

  /** Number of the list of what the viewer is to be told the spawn of. */
  spawnList(id: number): number {
    return this.#slotCount + id;
  }

  /** Number of the list of what the viewer is to be told the despawn of; read it by `plainId` and `isMarked`. */
  despawnList(id: number): number {
    return 2 * this.#slotCount + id;
  }

  /** Number of the list of what the viewer is told late; read it by `plainId` and `isMarked`. */
  lateList(id: number): number {
    return 3 * this.#slotCount + id;
  }

  /** Takes an entity, no viewer, that came into sight of its first one; 0: none. It may be out of it again, or gone. */
  takeWatched(): number {
    if (this.#watchedCount === 0) return 0;
    const id = this.#watchedIds[--this.#watchedCount];
    this.#isNoted[id] = 0;
    return id;
  }

  /** Whether two entities see each other. */
  sees(a: number, b: number): boolean {
    return this.lists.has(this.shownList(a), b) || this.lists.has(this.spawnList(a), b);
  }

  /** Brings the pairs of one entity up to its position, after every position of the step is in the grid. */
  update(id: number): void {
    this.#clearMarks();
    this.#losePairs(id, this.shownList(id));
    this.#losePairs(id, this.spawnList(id));
    this.#findPairs(id);
  }

  /** Ends all pairs of an entity that leaves the world or its map, and forgets what it was told. */
  remove(id: number): void {
    const { lists } = this;
    this.#removePairs(id, this.shownList(id));
    this.#removePairs(id, this.spawnList(id));
    while (lists.counts[this.despawnList(id)] > 0) this.takeDespawn(id);
    lists.clear(this.lateList(id));
  }

  /** Ids of what a viewer was told the spawn of, and not the despawn. */
  knownTo(viewerId: number): number[] {
    const { lists } = this;
    const known = new Set<number>();
    for (const list of [this.shownList(viewerId), this.despawnList(viewerId)]) {
      let fill = lists.headFill(list);
      for (let chunk = lists.heads[list]; chunk !== 0; chunk = lists.nexts[chunk]) {
        for (let at = chunk * CHUNK_IDS; at < chunk * CHUNK_IDS + fill; at++) known.add(plainId(lists.ids[at]));
        fill = CHUNK_IDS;
      }
    }
    return [...known];
  }

  /**
   * Takes over what a viewer was told before it came into this world: all of it is to be despawned but what it sees when
   * its pairs are made.
   */
  expect(viewerId: number, known: readonly number[]): void {
    for (const id of known) {
      if (id >= this.#slotCount) continue;
      this.lists.add(this.despawnList(viewerId), id);
      this.#despawnsDue[id]++;
    }
  }

  /** Forgets what the viewer was told: everything it sees is to be spawned, nothing to be despawned. */
  forget(viewerId: number): void {
    const { lists } = this, shown = this.shownList(viewerId);
    while (lists.counts[shown] > 0) {
      lists.add(this.spawnList(viewerId), lists.newestOf(shown));
      lists.removeNewest(shown);
    }
    while (lists.counts[this.despawnList(viewerId)] > 0) this.takeDespawn(viewerId);
    lists.clear(this.lateList(viewerId));
  }

  /** Notes that the viewer was told the spawn of everything in its spawn list. */
  showAll(viewerId: number): void {
    const { lists } = this, spawn = this.spawnList(viewerId);
    while (lists.counts[spawn] > 0) {
      lists.add(this.shownList(viewerId), lists.newestOf(spawn));
      lists.removeNewest(spawn);
    }
  }

  /** Begins a snapshot that tells late: what it tells is not collected again for it. */
  beginLate(): void {
    this.#clearMarks();
  }

  /** Notes that the viewer was told of the newest entry of its late list, which must not be empty. */
  takeLate(viewerId: number): void {
    const { lists } = this, late = this.lateList(viewerId);
    const entry = lists.newestOf(late);
    lists.removeNewest(late);
    this.#markRounds[plainId(entry)] = this.#round;
    if (!isMarked(entry)) return;
    // Found at once: the spawn list is in the order of the late list.
    lists.tryRemove(this.spawnList(viewerId), plainId(entry));
    lists.add(this.shownList(viewerId), plainId(entry));
  }

  /**
   * Fills the viewer's empty late list with all it is to be told the spawn of, and what it is shown that changed.
   *
   * @param since Step after which a change counts.
   * @returns Length of the late list.
   */
  collectLate(viewerId: number, changes: ChangeLog, since: number): number {
    const { lists } = this, spawn = this.spawnList(viewerId), late = this.lateList(viewerId);
    const count = this.#copyDue(viewerId, changes, since);
    const spawnCount = lists.counts[spawn];
    this.#sortFarFirst(viewerId, count, changes, since);
    lists.clear(spawn);
    for (let index = 0; index < count; index++) {
      const entry = this.#sorted[index];
      lists.add(late, entry);
      if (isMarked(entry)) lists.add(spawn, plainId(entry));
    }
    assert(lists.counts[spawn] === spawnCount, "Sorting must keep what is to be spawned");
    return count;
  }

  /** Notes that the viewer was told of the newest despawn in its list, which must not be empty. */
  takeDespawn(viewerId: number): void {
    const { lists } = this, despawn = this.despawnList(viewerId);
    const entry = lists.newestOf(despawn);
    if (!isMarked(entry)) this.#despawnsDue[entry]--;
    lists.removeNewest(despawn);
  }

  /** Before an id is used again: keeps apart the despawns of its last entity that viewers still have to be told. */
  reuseId(id: number): void {
    const { lists } = this;
    for (let viewerId = 1; this.#despawnsDue[id] > 0; viewerId++) {
      assert(viewerId < this.#slotCount, "Every despawn that is due must be in a list");
      const at = lists.find(this.despawnList(viewerId), id);
      if (at < 0) continue;
      lists.ids[at] = id | MARK;
      this.#despawnsDue[id]--;
    }
  }

  /** Ends the pairs of a list that are too far apart, and remembers the others for this round. */
  #losePairs(id: number, list: number): void {
    const { lists } = this, { mapIndex, x, z } = this.#store;
    const leaveSquared = this.#leaveCm[mapIndex[id]] ** 2, ownX = x[id], ownZ = z[id];
    const markRounds = this.#markRounds, round = this.#round, lost = this.#found;
    const { ids, nexts } = lists;
    this.lookedAtCount += lists.counts[list];
    let lostCount = 0, fill = lists.headFill(list);
    for (let chunk = lists.heads[list]; chunk !== 0; chunk = nexts[chunk]) {
      const start = chunk * CHUNK_IDS;
      for (let at = start; at < start + fill; at++) {
        const other = ids[at], dx = x[other] - ownX, dz = z[other] - ownZ;
        markRounds[other] = round;
        if (dx * dx + dz * dz > leaveSquared) lost[lostCount++] = other;
      }
      fill = CHUNK_IDS;
    }
    for (let index = 0; index < lostCount; index++) this.#unlink(id, lost[index]);
  }

  #clearMarks(): void {
    if (this.#round === 0x7fff_ffff) {
      this.#markRounds.fill(0);
      this.#round = 0;
    }
    this.#round++;
  }

  #findPairs(id: number): void {
    const { mapIndex, viewer, x, z } = this.#store, markRounds = this.#markRounds, round = this.#round;
    const map = mapIndex[id];
    const count = this.#grid.within(map, x[id], z[id], this.#enterCm[map], this.#found);
    this.lookedAtCount += count;
    markRounds[id] = round;
    for (let index = 0; index < count; index++) {
      const other = this.#found[index];
      if (markRounds[other] !== round && (viewer[id] | viewer[other]) !== 0) this.#link(id, other);
    }
  }

  #removePairs(id: number, list: number): void {
    const { lists } = this;
    while (lists.counts[list] > 0) {
      this.#lose(lists.newestOf(list), id);
      lists.removeNewest(list);
    }
  }

  #link(a: number, b: number): void {
    this.#gain(a, b);
    this.#gain(b, a);
  }

  #unlink(a: number, b: number): void {
    this.#lose(a, b);
    this.#lose(b, a);
  }

  #gain(id: number, other: number): void {
    const { lists } = this;
    if (this.#store.viewer[id] === 0) {
      if (lists.counts[this.shownList(id)] === 0) this.#noteWatched(id);
      lists.add(this.shownList(id), other);
    } else if (lists.counts[this.despawnList(id)] > 0 && lists.tryRemove(this.despawnList(id), other)) {
      // It came back before the viewer was told that it had gone.
      this.#despawnsDue[other]--;
      lists.add(this.shownList(id), other);
      // It was late perhaps, when it was lost: told once more is better than not at all.
      if (lists.counts[this.lateList(id)] > 0) lists.add(this.lateList(id), other);
    } else {
      lists.add(this.spawnList(id), other);
    }
  }

  #noteWatched(id: number): void {
    if (this.#isNoted[id] === 1) return;
    this.#isNoted[id] = 1;
    this.#watchedIds[this.#watchedCount++] = id;
  }

  #lose(id: number, other: number): void {
    const { lists } = this, late = this.lateList(id);
    const wasShown = lists.tryRemove(this.shownList(id), other);
    if (!wasShown) lists.tryRemove(this.spawnList(id), other);
    if (this.#store.viewer[id] === 0) return;
    if (lists.counts[late] > 0) lists.tryRemove(late, wasShown ? other : other | MARK);
    if (!wasShown) return;
    lists.add(this.despawnList(id), other);
    this.#despawnsDue[other]++;
  }

  /** Copies what collectLate() collects, unsorted, into `found`. */
  #copyDue(viewerId: number, changes: ChangeLog, since: number): number {
    const { lists } = this, { ids, nexts } = lists, found = this.#found;
    let count = 0;
    const spawn = this.spawnList(viewerId), shown = this.shownList(viewerId);
    this.lookedAtCount += lists.counts[spawn] + lists.counts[shown];
    let fill = lists.headFill(spawn);
    for (let chunk = lists.heads[spawn]; chunk !== 0; chunk = nexts[chunk]) {
      for (let at = chunk * CHUNK_IDS; at < chunk * CHUNK_IDS + fill; at++) found[count++] = ids[at] | MARK;
      fill = CHUNK_IDS;
    }
    fill = lists.headFill(shown);
    for (let chunk = lists.heads[shown]; chunk !== 0; chunk = nexts[chunk]) {
      for (let at = chunk * CHUNK_IDS; at < chunk * CHUNK_IDS + fill; at++) {
        const id = ids[at];
        if (this.#markRounds[id] !== this.#round && changes.changedSince(id, since)) found[count++] = id;
      }
      fill = CHUNK_IDS;
    }
    return count;
  }

  /**
   * Sorts the first `count` entries found by their ring around the viewer, by counting. An entity that is shown and changed in
   * more than its place, such as being hit or stunned, counts as half as far away: an old place misleads less than an old state.
   */
  #sortFarFirst(viewerId: number, count: number, changes: ChangeLog, since: number): void {
    const { mapIndex, x, z } = this.#store, found = this.#found, places = this.#ringPlaces;
    const ownX = x[viewerId], ownZ = z[viewerId], ringsPerCm = RINGS / (this.#leaveCm[mapIndex[viewerId]] + 1);
    places.fill(0);
    for (let index = 0; index < count; index++) {
      const id = plainId(found[index]), dx = x[id] - ownX, dz = z[id] - ownZ;
      // An entity moved since the last step may be farther away than anything seen.
      const place = Math.min(RINGS - 1, Math.floor(Math.sqrt(dx * dx + dz * dz) * ringsPerCm));
      const ring = changes.otherSteps[id] > since && !isMarked(found[index]) ? place >> 1 : place;
      this.#rings[index] = RINGS - 1 - ring;
      places[RINGS - ring]++;
    }
    for (let ring = 1; ring <= RINGS; ring++) places[ring] += places[ring - 1];
    for (let index = 0; index < count; index++) this.#sorted[places[this.#rings[index]]++] = found[index];
  }
}

/** The entity id of an entry of a despawn or late list. */
export function plainId(entry: number): number {
  return entry & LIST_ID_MAX;
}

/** Whether an entry is marked: in a despawn list, that the id is in use again; in a late list, that it is to be spawned. */
export function isMarked(entry: number): boolean {
  return entry >= MARK;
}
