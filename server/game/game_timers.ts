/** What a game wants to do later, on the engine's clock. @module */

import type { Faults } from "../ops/faults.ts";
import type { TickShare } from "../session/tick_shares.ts";

/** Something that a game does later; over once its owner is. */
export interface GameTimer {
  /** It is not called any more. */
  cancel(): void;
}

/** Whose end is the end of its timers. */
export interface TimerOwner {
  /** Whether nothing of it is to happen any more. */
  readonly isOver: boolean;
}

interface Entry extends GameTimer {
  dueMs: number;
  /** Of two that are due at once, the one set first goes first. */
  readonly order: number;
  /** Milliseconds from one call to the next; 0: it is called once. */
  readonly intervalMs: number;
  readonly owner: TimerOwner | null;
  readonly share: TickShare | null;
  readonly act: () => void;
  isCancelled: boolean;
}

/** Timers in the order in which they are due: a binary heap. */
export class GameTimers {
  readonly #heap: Entry[] = [];
  readonly #faults: Faults;
  #count = 0;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  /** Timers that are set. */
  get size(): number {
    return this.#heap.length;
  }

  /**
   * Sets a timer.
   *
   * @param dueMs Monotonic milliseconds.
   * @param intervalMs From one call to the next; 0: once.
   * @param share Whose time it takes: it waits while that is spent.
   */
  set(
    act: () => void,
    { dueMs, intervalMs = 0, owner = null, share = null }: {
      dueMs: number;
      intervalMs?: number;
      owner?: TimerOwner | null;
      share?: TickShare | null;
    },
  ): GameTimer {
    const entry: Entry = {
      dueMs,
      order: this.#count++,
      intervalMs,
      owner,
      share,
      act,
      isCancelled: false,
      cancel: () => void (entry.isCancelled = true),
    };
    this.#push(entry);
    return entry;
  }

  /** Calls what is due. What is set meanwhile waits for the next run, and what throws costs nobody else anything. */
  run(nowMs: number): void {
    const before = this.#count;
    const later: Entry[] = [];
    for (let entry = this.#heap[0]; entry !== undefined && entry.dueMs <= nowMs; entry = this.#heap[0]) {
      this.#pop();
      if (entry.isCancelled || entry.owner?.isOver) continue;
      if (entry.order >= before || entry.share?.isSpent) {
        later.push(entry);
        continue;
      }
      if (entry.share === null) this.#faults.run("timer", entry.act);
      else entry.share.run("timer", entry.act);
      if (entry.intervalMs === 0) continue;
      // After a stall it goes on from now instead of making up for what it missed.
      entry.dueMs = Math.max(entry.dueMs + entry.intervalMs, nowMs + 1);
      later.push(entry);
    }
    for (const entry of later) this.#push(entry);
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(first: Entry, second: Entry): boolean {
  return first.dueMs < second.dueMs || (first.dueMs === second.dueMs && first.order < second.order);
}
