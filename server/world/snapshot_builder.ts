/**
 * What each viewer has been told, and the snapshot of what it has not.
 *
 * @module
 */

import { DespawnReason } from "../../shared/gen/enums.ts";
import { SNAPSHOT_BYTES_CONFIG_MIN } from "../../shared/limits.ts";
import type { ChangeLog } from "./change_log.ts";
import type { ComponentColumn, Components } from "./components.ts";
import type { EntityStore } from "./entity_store.ts";
import { CHUNK_IDS } from "./id_lists.ts";
import { DESPAWN_BYTES_MAX, MOVE_SLOT_BYTES, type SnapshotEncoder, writeDespawn } from "./snapshot_encoder.ts";
import { isMarked, plainId, type Visibility } from "./visibility.ts";
import { writeVarintField } from "./wire_writer.ts";

/** What a writer returns instead of an offset; then nothing it wrote counts. */
const NO_ROOM = -1;

/** Bytes of `tick`, `server_timestamp` and `last_movement_sequence` at most. */
const HEAD_BYTES_MAX = 30;

/** What a {@linkcode SnapshotBuilder} reads. */
export interface SnapshotSources {
  store: EntityStore;
  visibility: Visibility;
  encoder: SnapshotEncoder;
  components: Components;
  changes: ChangeLog;
}

/**
 * Builds snapshots and remembers up to which step each viewer is informed.
 *
 * Three ways lead to a snapshot, all to the same result at the viewer:
 * - the usual: despawns and spawns that are due, and a copy of what changed within the window among what is shown;
 * - a viewer that was not told at its last turn: the same, but each shown entity is asked when it changed;
 * - more than fits the byte bound: despawns, then the late list, nearest first. It takes in nothing new until all of it
 *   was told, so what waited longest goes first and nobody waits longer than it takes to tell all that is seen, twice.
 */
export class SnapshotBuilder {
  readonly #store: EntityStore;
  readonly #visibility: Visibility;
  readonly #encoder: SnapshotEncoder;
  readonly #changes: ChangeLog;
  /** By the number of their bits. */
  readonly #columns: readonly ComponentColumn[];
  /** What is told of others, and of the viewer itself. */
  readonly #shown: readonly ComponentColumn[];
  readonly #owned: readonly ComponentColumn[];
  readonly #bytesMax: number;
  /** Bytes that the head, the viewer's own news and one spawn take at most: less than this is no room. */
  readonly #bytesMin: number;

  /** Step up to which each viewer was told everything that is not in its late list. */
  readonly #informedSteps: Int32Array;
  /** Step of each viewer's last snapshot, empty ones included. */
  readonly #builtSteps: Int32Array;
  /** 1: the viewer's own spawn is due. */
  readonly #ownDue: Uint8Array;
  /** 1: a movement of the viewer was accepted and not yet acknowledged. */
  readonly #acknowledgementDue: Uint8Array;

  /** Step up to which the viewer was told everything when its late list was filled. */
  readonly #lateSteps: Int32Array;

  /** Entities looked at so far, for what a viewer is to be told of them. */
  lookedAtCount = 0;
  #target: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#target.buffer);
  #end = 0;

  /**
   * @param options Bytes of a snapshot at most, {@linkcode SNAPSHOT_BYTES_CONFIG_MIN} at least.
   * @throws {RangeError} when the widest news of a viewer itself and one spawn do not fit: it would be told no end of them.
   */
  constructor(sources: SnapshotSources, options: { bytesMax: number }) {
    this.#store = sources.store;
    this.#visibility = sources.visibility;
    this.#encoder = sources.encoder;
    this.#changes = sources.changes;
    this.#columns = sources.components.columns;
    this.#shown = sources.components.shown;
    this.#owned = sources.components.owned;
    this.#bytesMax = options.bytesMax;
    const spawnBytes = 4 * this.#encoder.spawnSlotWords;
    const bytesMin = HEAD_BYTES_MAX + DESPAWN_BYTES_MAX + 2 * spawnBytes + slotBytes(this.#owned) +
      slotBytes(this.#shown);
    this.#bytesMin = Math.max(SNAPSHOT_BYTES_CONFIG_MIN, bytesMin);
    if (!(options.bytesMax >= this.#bytesMin)) {
      throw new RangeError(
        `Cannot bound snapshots: bound is ${options.bytesMax} bytes, at least ${this.#bytesMin} bytes are needed`,
      );
    }
    const { slotCount } = this.#store;
    this.#informedSteps = new Int32Array(slotCount);
    this.#builtSteps = new Int32Array(slotCount);
    this.#ownDue = new Uint8Array(slotCount);
    this.#acknowledgementDue = new Uint8Array(slotCount);
    this.#lateSteps = new Int32Array(slotCount);
  }

  /** Notes that the viewer's last accepted movement is to be acknowledged. */
  noteMovement(viewerId: number): void {
    this.#acknowledgementDue[viewerId] = 1;
  }

  /**
   * Forgets all the viewer was told: its next snapshot has its own spawn and everything in its interest as spawns, no
   * despawns. Also how a new viewer begins.
   */
  forget(viewerId: number): void {
    this.#visibility.forget(viewerId);
    this.#informedSteps[viewerId] = this.#changes.step;
    this.#ownDue[viewerId] = 1;
    this.#acknowledgementDue[viewerId] = 0;
  }

  /**
   * Writes the WORLD_SNAPSHOT payload of everything the viewer was not told yet, as far as it fits.
   *
   * @param target Has {@linkcode SNAPSHOT_BYTES_CONFIG_MIN} bytes or more after `offset`; what lies behind the result may be
   * overwritten within the byte bound.
   * @returns Bytes written; 0 when there is nothing to tell.
   */
  build(viewerId: number, target: Uint8Array, offset: number): number {
    const { step } = this.#changes;
    if (this.#builtSteps[viewerId] === step && this.#ownDue[viewerId] === 0) return 0;
    this.#aim(target, offset);
    const headEnd = this.#writeHead(viewerId, offset);
    const ownEnd = this.#writeOwn(viewerId, headEnd);
    this.#builtSteps[viewerId] = step;

    let end = NO_ROOM;
    if (this.#visibility.lists.counts[this.#visibility.lateList(viewerId)] === 0) {
      end = this.#writeAll(viewerId, ownEnd);
    }
    if (end === NO_ROOM) end = this.#writeByPriority(viewerId, ownEnd);
    if (end === headEnd && this.#acknowledgementDue[viewerId] === 0) return 0;
    this.#acknowledgementDue[viewerId] = 0;
    return end - offset;
  }

  #aim(target: Uint8Array, offset: number): void {
    if (target !== this.#target) {
      this.#target = target;
      this.#view = new DataView(target.buffer, target.byteOffset, target.byteLength);
    }
    this.#end = Math.min(offset + this.#bytesMax, target.length);
    if (this.#end - offset < this.#bytesMin) {
      throw new RangeError(
        `Cannot build snapshot: room is ${this.#end - offset} bytes, at least ${this.#bytesMin} bytes are needed`,
      );
    }
  }

  #writeHead(viewerId: number, offset: number): number {
    const target = this.#target, { head, headLength } = this.#changes;
    for (let index = 0; index < headLength; index++) target[offset + index] = head[index];
    return writeVarintField(target, offset + headLength, 0x20, this.#store.movementSequence[viewerId]);
  }

  /** The viewer's own news, which always has room: it is its own spawn first, then components, never moves. */
  #writeOwn(viewerId: number, offset: number): number {
    if (this.#ownDue[viewerId] === 0) {
      const since = this.#builtSteps[viewerId];
      if (this.#changes.ownSteps[viewerId] <= since) return offset;
      return this.#writeOther(viewerId, offset, since, this.#owned);
    }
    this.#ownDue[viewerId] = 0;
    return this.#writeSpawn(viewerId, offset, this.#owned);
  }

  /** All that is due. Notes nothing about the viewer unless all of it had room. */
  #writeAll(viewerId: number, offset: number): number {
    const visibility = this.#visibility, { counts } = visibility.lists;
    const spawnCount = counts[visibility.spawnList(viewerId)], despawnCount = counts[visibility.despawnList(viewerId)];
    if (despawnCount > 0) offset = this.#writeDespawns(viewerId, offset);
    if (spawnCount > 0 && offset !== NO_ROOM) offset = this.#writeSpawns(viewerId, offset);
    if (offset !== NO_ROOM) offset = this.#writeShown(viewerId, offset);
    if (offset === NO_ROOM) return NO_ROOM;
    if (spawnCount > 0) visibility.showAll(viewerId);
    for (let count = despawnCount; count > 0; count--) visibility.takeDespawn(viewerId);
    this.#informedSteps[viewerId] = this.#changes.step;
    return offset;
  }

  #writeDespawns(viewerId: number, offset: number): number {
    const { lists } = this.#visibility, list = this.#visibility.despawnList(viewerId);
    let fill = lists.headFill(list);
    for (let chunk = lists.heads[list]; chunk !== 0; chunk = lists.nexts[chunk]) {
      for (let at = chunk * CHUNK_IDS; at < chunk * CHUNK_IDS + fill; at++) {
        offset = this.#writeDespawn(lists.ids[at], offset);
        if (offset === NO_ROOM) return NO_ROOM;
      }
      fill = CHUNK_IDS;
    }
    return offset;
  }

  #writeSpawns(viewerId: number, offset: number): number {
    const { lists } = this.#visibility, list = this.#visibility.spawnList(viewerId);
    let fill = lists.headFill(list);
    for (let chunk = lists.heads[list]; chunk !== 0; chunk = lists.nexts[chunk]) {
      for (let at = chunk * CHUNK_IDS; at < chunk * CHUNK_IDS + fill; at++) {
        offset = this.#writeSpawn(lists.ids[at], offset, this.#shown);
        if (offset === NO_ROOM) return NO_ROOM;
      }
      fill = CHUNK_IDS;
    }
    return offset;
  }

  /** Changes of what the viewer is shown. */
  #writeShown(viewerId: number, offset: number): number {
    const since = this.#informedSteps[viewerId], { lists } = this.#visibility;
    const list = this.#visibility.shownList(viewerId);
    const isCurrent = since === this.#changes.windowStart;
    if (isCurrent && this.#changes.isQuiet) return offset;
    this.lookedAtCount += lists.counts[list];
    let fill = lists.headFill(list);
    for (let chunk = lists.heads[list]; chunk !== 0; chunk = lists.nexts[chunk]) {
      const start = chunk * CHUNK_IDS;
      if (!isCurrent) offset = this.#writeMissed(start, start + fill, offset, since);
      else {
        if (this.#changes.otherCount > 0) offset = this.#writeOthers(start, start + fill, offset);
        if (offset !== NO_ROOM) offset = this.#writeMoves(start, start + fill, offset);
      }
      if (offset === NO_ROOM) return NO_ROOM;
      fill = CHUNK_IDS;
    }
    return offset;
  }

  /**
   * Copies the moves within the window of the entities at places `start` to `end` of the lists. The hottest loop of all: it
   * copies every move but goes on only by the length of those that are within it, which costs less than guessing
   * wrong whether to copy; and it copies whole words, for the next copy overwrites what was too much.
   */
  #writeMoves(start: number, end: number, offset: number): number {
    const { ids } = this.#visibility.lists, { movedLengths } = this.#changes, { moveWords } = this.#encoder;
    const view = this.#view, last = this.#end - MOVE_SLOT_BYTES;
    for (let at = start; at < end; at++) {
      if (offset > last) return NO_ROOM;
      const id = ids[at], from = id * (MOVE_SLOT_BYTES / 4);
      view.setInt32(offset, moveWords[from], true);
      view.setInt32(offset + 4, moveWords[from + 1], true);
      view.setInt32(offset + 8, moveWords[from + 2], true);
      view.setInt32(offset + 12, moveWords[from + 3], true);
      view.setInt32(offset + 16, moveWords[from + 4], true);
      view.setInt32(offset + 20, moveWords[from + 5], true);
      view.setInt32(offset + 24, moveWords[from + 6], true);
      view.setInt32(offset + 28, moveWords[from + 7], true);
      offset += movedLengths[id];
    }
    return offset;
  }

  /** Writes the changes within the window other than moves. */
  #writeOthers(start: number, end: number, offset: number): number {
    const { ids } = this.#visibility.lists, { otherChanges, windowStart } = this.#changes;
    for (let at = start; at < end; at++) {
      const id = ids[at], changes = otherChanges[id];
      if (changes === 0) continue;
      // Mostly one component, which needs no look at the others.
      offset = changes > 0 && (changes & (changes - 1)) === 0
        ? this.#writeComponent(this.#columns[31 - Math.clz32(changes)], id, offset)
        : this.#writeOther(id, offset, windowStart, this.#shown);
      if (offset === NO_ROOM) return NO_ROOM;
    }
    return offset;
  }

  /** Writes whatever changed after step `since`. */
  #writeMissed(start: number, end: number, offset: number, since: number): number {
    const { ids } = this.#visibility.lists;
    for (let at = start; at < end; at++) {
      offset = this.#writeNews(ids[at], offset, since);
      if (offset === NO_ROOM) return NO_ROOM;
    }
    return offset;
  }

  /** Writes whatever changed about a known entity after step `since`. */
  #writeNews(id: number, offset: number, since: number): number {
    if (this.#changes.otherSteps[id] > since) offset = this.#writeOther(id, offset, since, this.#shown);
    if (offset === NO_ROOM || this.#changes.moveSteps[id] <= since) return offset;
    return this.#copy(this.#encoder.moveWords, id * (MOVE_SLOT_BYTES / 4), this.#encoder.moveLengths[id], offset);
  }

  /**
   * As {@linkcode SnapshotBuilder.#writeNews}, moves aside. A changed profile is told by spawning the entity again.
   *
   * @param columns What of it is told.
   */
  #writeOther(id: number, offset: number, since: number, columns: readonly ComponentColumn[]): number {
    const isSpawn = this.#changes.spawnSteps[id] > since;
    if (isSpawn) offset = this.#writeSpawn(id, offset, columns);
    for (let index = 0; index < columns.length && offset !== NO_ROOM; index++) {
      const column = columns[index];
      if (column.steps[id] <= since) continue;
      // With a spawn everything was told but that something is empty now, which is news as well.
      if (isSpawn && (column.isInSpawn || column.contentLengths[id] > 0)) continue;
      offset = this.#writeComponent(column, id, offset);
    }
    return offset;
  }

  /** @param entry As in a despawn list. */
  #writeDespawn(entry: number, offset: number): number {
    if (offset + DESPAWN_BYTES_MAX > this.#end) return NO_ROOM;
    const id = plainId(entry);
    let reason = DespawnReason.LEFT_WORLD;
    if (!isMarked(entry)) {
      reason = this.#store.alive[id] === 1 ? DespawnReason.LEFT_INTEREST : this.#store.leaveReason[id];
    }
    return writeDespawn(this.#target, offset, id, reason);
  }

  /** A spawn, and the components that it does not hold, where they are not empty. */
  #writeSpawn(id: number, offset: number, columns: readonly ComponentColumn[]): number {
    const encoder = this.#encoder, length = encoder.ensureSpawn(id);
    offset = this.#copy(encoder.spawnWords, id * encoder.spawnSlotWords, length, offset);
    for (let index = 0; index < columns.length && offset !== NO_ROOM; index++) {
      const column = columns[index];
      if (column.followsSpawn && column.contentLengths[id] > 0) offset = this.#writeComponent(column, id, offset);
    }
    return offset;
  }

  #writeComponent(column: ComponentColumn, id: number, offset: number): number {
    return this.#copy(column.words, id * column.slotWords, column.lengths[id], offset);
  }

  #copy(words: Int32Array, from: number, length: number, offset: number): number {
    const view = this.#view, wordCount = (length + 3) >> 2;
    if (offset + wordCount * 4 > this.#end) return NO_ROOM;
    for (let index = 0; index < wordCount; index++) view.setInt32(offset + index * 4, words[from + index], true);
    return offset + length;
  }

  /** Despawns first, then the late list, which is filled again as long as there is room. */
  #writeByPriority(viewerId: number, offset: number): number {
    const visibility = this.#visibility, { lists } = visibility;
    const despawn = visibility.despawnList(viewerId), late = visibility.lateList(viewerId);
    while (lists.counts[despawn] > 0) {
      const end = this.#writeDespawn(lists.newestOf(despawn), offset);
      if (end === NO_ROOM) return offset;
      offset = end;
      visibility.takeDespawn(viewerId);
    }
    visibility.beginLate();
    while (lists.counts[late] > 0 || this.#collectLate(viewerId) > 0) {
      const entry = lists.newestOf(late);
      const end = isMarked(entry)
        ? this.#writeSpawn(plainId(entry), offset, this.#shown)
        : this.#writeNews(entry, offset, this.#lateSteps[viewerId]);
      if (end === NO_ROOM) return offset;
      offset = end;
      visibility.takeLate(viewerId);
    }
    return offset;
  }

  /** From here on the viewer counts as informed, but for what is in the late list. */
  #collectLate(viewerId: number): number {
    const since = this.#informedSteps[viewerId];
    this.#lateSteps[viewerId] = since;
    this.#informedSteps[viewerId] = this.#changes.step;
    return this.#visibility.collectLate(viewerId, this.#changes, since);
  }
}

function slotBytes(columns: readonly ComponentColumn[]): number {
  return columns.reduce((sum, column) => sum + column.slotBytes, 0);
}
