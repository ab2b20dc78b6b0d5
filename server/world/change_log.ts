/**
 * What changed when: the part of a snapshot that is the same for every viewer.
 *
 * @module
 */

import { writeVarint, writeVarintField } from "./wire_writer.ts";

/** In {@linkcode ChangeLog.otherChanges}: the entity is to be spawned again. */
export const SPAWN_BIT = 1 << 31;

/**
 * Which entities changed in the latest steps, and in which step each changed last, for viewers that missed some.
 *
 * A tick has one step or more, in each of which some of the viewers are told; so what a viewer missed since the last
 * time is what changed in the latest steps, as many as a tick has: the window.
 */
export class ChangeLog {
  /** The current step, 0: none yet. */
  step = 0;
  /** Bytes of the EntityMove of each entity that moved within the window, 0 for those that did not. */
  readonly movedLengths: Uint8Array;
  /**
   * Bits of what else changed of each entity, if anything did within the window: of components, the sign for what is told
   * by spawning it again.
   */
  readonly otherChanges: Int32Array;
  /** Moves, and other changes, within the window. */
  moveCount = 0;
  otherCount = 0;
  /** Step of the last move of each entity, and of its last change of any other kind. */
  readonly moveSteps: Int32Array;
  readonly otherSteps: Int32Array;
  /** Step of the last change of each entity that is told by spawning it again. */
  readonly spawnSteps: Int32Array;
  /** Step of the last change of each entity, moves aside, that its own player is told. */
  readonly ownSteps: Int32Array;
  /** `tick` and `server_timestamp` of WORLD_SNAPSHOT. */
  readonly head: Uint8Array = new Uint8Array(24);
  headLength = 0;

  readonly #stepsPerTick: number;
  readonly #slotCount: number;
  /** Who moved, and who changed otherwise, in each step of the window: `slotCount` ids each, and their number. */
  readonly #movedIds: Int32Array;
  readonly #movedCounts: Int32Array;
  readonly #otherIds: Int32Array;
  readonly #otherCounts: Int32Array;

  constructor(slotCount: number, stepsPerTick: number) {
    this.#slotCount = slotCount;
    this.#stepsPerTick = stepsPerTick;
    this.movedLengths = new Uint8Array(slotCount);
    this.otherChanges = new Int32Array(slotCount);
    this.moveSteps = new Int32Array(slotCount);
    this.otherSteps = new Int32Array(slotCount);
    this.spawnSteps = new Int32Array(slotCount);
    this.ownSteps = new Int32Array(slotCount);
    this.#movedIds = new Int32Array(stepsPerTick * slotCount);
    this.#movedCounts = new Int32Array(stepsPerTick);
    this.#otherIds = new Int32Array(stepsPerTick * slotCount);
    this.#otherCounts = new Int32Array(stepsPerTick);
  }

  /** The tick that the current step is of. */
  get tick(): number {
    return Math.ceil(this.step / this.#stepsPerTick);
  }

  /** The newest step before the window: who was told everything up to it misses what changed within the window. */
  get windowStart(): number {
    return this.step - this.#stepsPerTick;
  }

  /** Begins the next step, in which nothing has changed yet. */
  beginStep(nowMs: number): void {
    this.step++;
    this.#forgetOldest();
    this.head[0] = 0x08;
    this.headLength = writeVarintField(this.head, writeVarint(this.head, 1, this.tick), 0x10, Math.floor(nowMs));
  }

  /** Takes the step out of the window whose place the current one takes. */
  #forgetOldest(): void {
    const place = this.step % this.#stepsPerTick, start = place * this.#slotCount, oldest = this.windowStart;
    const movedEnd = start + this.#movedCounts[place], otherEnd = start + this.#otherCounts[place];
    for (let at = start; at < movedEnd; at++) {
      const id = this.#movedIds[at];
      if (this.moveSteps[id] <= oldest) this.movedLengths[id] = 0;
    }
    for (let at = start; at < otherEnd; at++) {
      const id = this.#otherIds[at];
      if (this.otherSteps[id] <= oldest) this.otherChanges[id] = 0;
    }
    this.moveCount -= this.#movedCounts[place];
    this.otherCount -= this.#otherCounts[place];
    this.#movedCounts[place] = this.#otherCounts[place] = 0;
  }

  /**
   * Notes that the entity moved in this step; once an entity and step.
   *
   * @param length Bytes of its EntityMove.
   */
  noteMove(id: number, length: number): void {
    const place = this.step % this.#stepsPerTick;
    this.movedLengths[id] = length;
    this.moveSteps[id] = this.step;
    this.#movedIds[place * this.#slotCount + this.#movedCounts[place]++] = id;
    this.moveCount++;
  }

  /**
   * Notes another change in this step, told to all who see the entity.
   *
   * @param steps The array of that kind of change.
   * @param bit In {@linkcode ChangeLog.otherChanges}.
   */
  noteOther(id: number, steps: Int32Array, bit: number): void {
    steps[id] = this.ownSteps[id] = this.step;
    this.otherChanges[id] |= bit;
    // One change of several kinds: it is noted already.
    if (this.otherSteps[id] === this.step) return;
    const place = this.step % this.#stepsPerTick;
    this.otherSteps[id] = this.step;
    this.#otherIds[place * this.#slotCount + this.#otherCounts[place]++] = id;
    this.otherCount++;
  }

  /** Notes a change in this step that is told to the entity's own player only. */
  noteOwn(id: number, steps: Int32Array): void {
    steps[id] = this.ownSteps[id] = this.step;
  }

  /** Whether nothing at all changed within the window. */
  get isQuiet(): boolean {
    return this.moveCount === 0 && this.otherCount === 0;
  }

  /** Whether anything about the entity changed after the step. */
  changedSince(id: number, step: number): boolean {
    return this.moveSteps[id] > step || this.otherSteps[id] > step;
  }

  /** Forgets the changes of an earlier entity with this id. */
  clear(id: number): void {
    this.movedLengths[id] = this.otherChanges[id] = 0;
    this.moveSteps[id] =
      this.otherSteps[id] =
      this.spawnSteps[id] =
      this.ownSteps[id] =
        0;
  }
}
