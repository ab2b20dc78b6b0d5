/**
 * What changed when: the part of a tick that is the same for every viewer.
 *
 * @module
 */

import { writeVarint, writeVarintField } from "./wire_writer.ts";

/**
 * Which entities changed in the current tick, and in which tick each changed last, for viewers that missed some.
 */
export class ChangeLog {
  /** The current tick, 0: none yet. */
  tick = 0;
  /** Bytes of the EntityMove of each entity that moved in the current tick, 0 for those that did not. */
  readonly movedLengths: Uint8Array;
  /** 1 for each entity with any other change in the current tick. */
  readonly otherChanges: Uint8Array;
  /** Moves, and other changes, in the current tick. */
  moveCount = 0;
  otherCount = 0;
  /** Tick of the last move of each entity, and of its last change of any other kind. */
  readonly moveTicks: Int32Array;
  readonly otherTicks: Int32Array;
  /** Tick of the last change of each of the other kinds. */
  readonly healthTicks: Int32Array;
  readonly statusTicks: Int32Array;
  readonly profileTicks: Int32Array;
  /** `tick` and `server_timestamp` of WORLD_SNAPSHOT. */
  readonly head: Uint8Array = new Uint8Array(24);
  headLength = 0;

  constructor(slotCount: number) {
    this.movedLengths = new Uint8Array(slotCount);
    this.otherChanges = new Uint8Array(slotCount);
    this.moveTicks = new Int32Array(slotCount);
    this.otherTicks = new Int32Array(slotCount);
    this.healthTicks = new Int32Array(slotCount);
    this.statusTicks = new Int32Array(slotCount);
    this.profileTicks = new Int32Array(slotCount);
  }

  /** Begins the next tick, in which nothing has changed yet. */
  beginTick(nowMs: number): void {
    this.tick++;
    if (this.moveCount > 0) this.movedLengths.fill(0);
    this.moveCount = 0;
    if (this.otherCount > 0) this.otherChanges.fill(0);
    this.otherCount = 0;
    this.head[0] = 0x08;
    this.headLength = writeVarintField(this.head, writeVarint(this.head, 1, this.tick), 0x10, Math.floor(nowMs));
  }

  /**
   * Notes that the entity moved in this tick.
   *
   * @param length Bytes of its EntityMove.
   */
  noteMove(id: number, length: number): void {
    this.movedLengths[id] = length;
    this.moveCount++;
    this.moveTicks[id] = this.tick;
  }

  /**
   * Notes another change in this tick.
   *
   * @param ticks The array of that kind of change.
   */
  noteOther(id: number, ticks: Int32Array): void {
    this.otherChanges[id] = 1;
    this.otherCount++;
    this.otherTicks[id] = ticks[id] = this.tick;
  }

  /** Whether nothing at all changed in the current tick. */
  get isQuiet(): boolean {
    return this.moveCount === 0 && this.otherCount === 0;
  }

  /** Whether anything about the entity changed after the tick. */
  changedSince(id: number, tick: number): boolean {
    return this.moveTicks[id] > tick || this.otherTicks[id] > tick;
  }

  /** Forgets the changes of an earlier entity with this id. */
  clear(id: number): void {
    this.movedLengths[id] = this.otherChanges[id] = 0;
    this.moveTicks[id] =
      this.healthTicks[id] =
      this.statusTicks[id] =
      this.profileTicks[id] =
        0;
  }
}
