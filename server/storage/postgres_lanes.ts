/**
 * PostgreSQL at work. Every store's writes go one group after the other, in the order they came, each group in one
 * transaction, of no more than is done in a moment: that store is locked for others meanwhile, so that several groups at
 * once would only wait for each other.
 * Groups of different stores, and reads, go side by side, as far as there are connections; but a read sees every write
 * that was asked for before it.
 *
 * @module
 */

import { POSTGRES_GROUP_MAX } from "../../shared/limits.ts";
import type { StorageOutcome, StorageRequest } from "./operations.ts";
import { type PostgresDatabase, storeOf } from "./postgres_database.ts";

/** A request that waits for its turn. */
export interface LaneRequest {
  readonly request: StorageRequest;
  /** Nobody has given it up; from now on nobody may. */
  tryBegin(): boolean;
  /** Hears what became of it; undefined: it was given up, or the database closed, and was not begun. */
  answer(outcome: StorageOutcome | undefined): void;
}

/** The order in which a database is asked. */
export class PostgresLanes {
  readonly #database: PostgresDatabase;
  /** Reads, each with the last write before it. */
  readonly #waitingReads: { readonly asked: LaneRequest; readonly after: number }[] = [];
  /** Reads that may be begun. */
  readonly #reads: LaneRequest[] = [];
  /** Writes that are not done, by their numbers, the first first. */
  readonly #unfinished = new Set<number>();
  #lastNumber = 0;
  /** Writes that wait, by store; a store that has none and is at rest is not there. */
  readonly #writes = new Map<string, LaneRequest[]>();
  #underWay = 0;
  #onIdle: (() => void)[] = [];

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  /** Takes a request. It is begun when there is a connection for it. */
  add(asked: LaneRequest): void {
    if (this.#database.isRead(asked.request)) {
      this.#waitingReads.push({ asked, after: this.#lastNumber });
      return this.#releaseReads();
    }
    const number = ++this.#lastNumber;
    this.#unfinished.add(number);
    this.#addWrite({
      request: asked.request,
      tryBegin: () => asked.tryBegin(),
      answer: (outcome) => {
        asked.answer(outcome);
        this.#unfinished.delete(number);
        this.#releaseReads();
      },
    });
  }

  #addWrite(asked: LaneRequest): void {
    const store = storeOf(asked.request.operation);
    const waiting = this.#writes.get(store);
    if (waiting !== undefined) return void waiting.push(asked);
    const lane = [asked];
    this.#writes.set(store, lane);
    void this.#work(() => this.#write(store, lane));
  }

  /** Resolves when all that was taken is answered. */
  whenIdle(): Promise<void> {
    if (this.#underWay === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #releaseReads(): void {
    const { value: first = Infinity } = this.#unfinished.values().next();
    while (this.#waitingReads.length > 0 && this.#waitingReads[0].after < first) {
      this.#reads.push(this.#waitingReads.shift()!.asked);
      void this.#work(() => this.#read());
    }
  }

  async #work(work: () => Promise<void>): Promise<void> {
    this.#underWay++;
    await work();
    if (--this.#underWay > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  async #read(): Promise<void> {
    const connection = await this.#database.take();
    if (connection === undefined) return this.#reads.shift()?.answer(undefined);
    const asked = firstBegun(this.#reads);
    if (asked === undefined) this.#database.give(connection);
    else asked.answer(await this.#database.read(connection, asked.request));
  }

  async #write(store: string, lane: LaneRequest[]): Promise<void> {
    while (lane.length > 0) {
      const connection = await this.#database.take();
      if (connection === undefined) {
        for (const asked of lane.splice(0)) asked.answer(undefined);
        break;
      }
      const group: LaneRequest[] = [];
      while (group.length < POSTGRES_GROUP_MAX) {
        const asked = firstBegun(lane);
        if (asked === undefined) break;
        group.push(asked);
      }
      if (group.length === 0) this.#database.give(connection);
      else {
        const outcomes = await this.#database.write(connection, group.map(({ request }) => request));
        outcomes.forEach((outcome, index) => group[index].answer(outcome));
        // Nobody may give those up any more.
        lane.unshift(...group.slice(outcomes.length).map((asked) => ({ ...asked, tryBegin: () => true })));
      }
    }
    this.#writes.delete(store);
  }
}

/** Takes the first that nobody has given up. */
function firstBegun(waiting: LaneRequest[]): LaneRequest | undefined {
  for (let asked = waiting.shift(); asked !== undefined; asked = waiting.shift()) {
    if (asked.tryBegin()) return asked;
    asked.answer(undefined);
  }
}
