/**
 * Requests that wait for the storage: who is served next, and who has to be refused.
 *
 * @module
 */

import { STORAGE_ENTRIES_IN_A_ROW_MAX } from "../../shared/limits.ts";
import { ENTRY, ORDINARY, SYSTEM_SOURCE, type Urgency, URGENT } from "./storage.ts";

/** What a {@linkcode RequestQueue} has to know of a request. */
export interface Waiting {
  readonly source: string;
  readonly urgency: Urgency;
  readonly isWrite: boolean;
  /** Monotonic, in milliseconds; of no use afterwards. */
  readonly deadlineMs: number;
  /** Given by the queue: requests made earlier have a lower one. */
  order: number;
}

/** Bounds of a {@linkcode RequestQueue}, in requests. */
export interface RequestQueueOptions {
  readonly waitingMax: number;
  /** The system itself has no bound of its own. */
  readonly perSourceMax: number;
}

/** The requests of one source, of one urgency, each kind in the order they were made. */
interface Turns<T> {
  readonly reads: T[];
  readonly writes: T[];
}

/** The urgencies, in the order they are served. */
const URGENCIES: readonly Urgency[] = [URGENT, ENTRY, ORDINARY];
/** The same when many entries have been served in a row: one of those who are in the game already has its turn. */
const ORDINARY_BEFORE_ENTRY: readonly Urgency[] = [URGENT, ORDINARY, ENTRY];

/**
 * The more urgent go first; among equals every source has its turn, one request at a time. Requests of one source and
 * urgency keep their order, but reads overtake writes that cannot be done now. After `STORAGE_ENTRIES_IN_A_ROW_MAX` entries
 * one ordinary request goes before the next: a storm of logins does not keep those who play from being answered.
 */
export class RequestQueue<T extends Waiting> {
  readonly #options: RequestQueueOptions;
  /** By urgency, then by source: a source that was served goes to the end. */
  readonly #turns = URGENCIES.map(() => new Map<string, Turns<T>>());
  readonly #readCounts = URGENCIES.map(() => 0);
  readonly #countBySource = new Map<string, number>();
  #count = 0;
  #nextOrder = 0;
  /** Since an ordinary request was served. */
  #entryCount = 0;

  constructor(options: RequestQueueOptions) {
    this.#options = options;
  }

  /** Requests that wait. */
  get count(): number {
    return this.#count;
  }

  /** Sources that have requests waiting. */
  get sourceCount(): number {
    return this.#countBySource.size;
  }

  /**
   * Takes a request, or tells whose bound it would break. No source has more waiting than there is room left: however
   * many ask for all they can, there is room for a source that asks for little.
   */
  tryPush(request: T): "taken" | "full" | "source_full" {
    const room = this.#options.waitingMax - this.#count;
    if (room <= 0) return "full";
    const ofSource = this.#countBySource.get(request.source) ?? 0;
    if (request.source !== SYSTEM_SOURCE && ofSource >= Math.min(this.#options.perSourceMax, room)) {
      return "source_full";
    }
    request.order = this.#nextOrder++;
    this.#add(request);
    return "taken";
  }

  /** Takes back a request that could not be done: it is where it was before. */
  putBack(request: T): void {
    this.#add(request);
  }

  /**
   * Takes the next request out; `undefined` where none waits that may be done.
   *
   * @param least How urgent it must be.
   */
  shift(which: "all" | "reads", least: Urgency = ORDINARY): T | undefined {
    const isTurnOfEntries = least !== ORDINARY || this.#entryCount < STORAGE_ENTRIES_IN_A_ROW_MAX;
    for (const urgency of isTurnOfEntries ? URGENCIES : ORDINARY_BEFORE_ENTRY) {
      if (urgency > least) continue;
      if (which === "reads" && this.#readCounts[urgency] === 0) continue;
      const turns = this.#turns[urgency];
      for (const [source, own] of turns) {
        const request = nextOf(own, which);
        // Its turn is over, whether or not there was something to do.
        turns.delete(source);
        if (own.reads.length + own.writes.length > 0) turns.set(source, own);
        if (request === undefined) continue;
        this.#forget(request);
        if (urgency === ORDINARY) this.#entryCount = 0;
        else if (urgency === ENTRY) this.#entryCount++;
        return request;
      }
    }
    return undefined;
  }

  /** Takes out what waits for longer than its deadline. */
  removeExpired(nowMs: number): T[] {
    const expired: T[] = [];
    const isLate = (request: T) => request.deadlineMs <= nowMs;
    const isInTime = (request: T) => {
      if (!isLate(request)) return true;
      expired.push(request);
      return false;
    };
    for (const turns of this.#turns) {
      for (const [source, { reads, writes }] of turns) {
        if (!reads.some(isLate) && !writes.some(isLate)) continue;
        const left = { reads: reads.filter(isInTime), writes: writes.filter(isInTime) };
        if (left.reads.length + left.writes.length === 0) turns.delete(source);
        else turns.set(source, left);
      }
    }
    for (const request of expired) this.#forget(request);
    return expired;
  }

  #add(request: T): void {
    const { source, urgency, isWrite } = request;
    let own = this.#turns[urgency].get(source);
    if (own === undefined) this.#turns[urgency].set(source, own = { reads: [], writes: [] });
    const waiting = isWrite ? own.writes : own.reads;
    // At the end, unless it was put back.
    let at = waiting.push(request) - 1;
    for (; at > 0 && waiting[at - 1].order > request.order; at--) waiting[at] = waiting[at - 1];
    waiting[at] = request;
    if (!isWrite) this.#readCounts[urgency]++;
    this.#count++;
    this.#countBySource.set(source, (this.#countBySource.get(source) ?? 0) + 1);
  }

  #forget({ source, urgency, isWrite }: T): void {
    if (!isWrite) this.#readCounts[urgency]--;
    this.#count--;
    const left = this.#countBySource.get(source)! - 1;
    if (left === 0) this.#countBySource.delete(source);
    else this.#countBySource.set(source, left);
  }
}

function nextOf<T extends Waiting>({ reads, writes }: Turns<T>, which: "all" | "reads"): T | undefined {
  const [read] = reads;
  const [write] = writes;
  const isWriteNext = which === "all" && write !== undefined && (read === undefined || write.order < read.order);
  return isWriteNext ? writes.shift() : reads.shift();
}
