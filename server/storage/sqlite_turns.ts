/**
 * SQLite at work. What has arrived when a turn begins goes into one transaction, so the busier it is, the fewer waits a
 * request costs; those who ask bound how much that is.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { STORAGE_BATCH_MS, STORAGE_CHECKPOINT_INTERVAL_MS, STORAGE_LOCK_WAIT_MS } from "../../shared/limits.ts";
import { Gauge } from "../ops/counters.ts";
import { SqliteDatabase, type SqliteOptions } from "./sqlite_database.ts";
import type { GameRecords } from "./sql_store.ts";
import type { Answers, Asked, StorageEngine } from "./storage_engine.ts";

/** A database, asked in turns. */
export class SqliteTurns implements StorageEngine {
  readonly isNew: boolean;
  readonly #database: SqliteDatabase;
  readonly #answers: Answers;
  readonly #checkpoints: ReturnType<typeof setInterval>;
  #waiting: Asked[] = [];
  #isTurnScheduled = false;

  /** @throws as {@linkcode SqliteDatabase}'s constructor does. */
  constructor(options: SqliteOptions, records: GameRecords, answers: Answers) {
    // Reads behind a write that cannot be done would wait with it: their callers ask again.
    this.#database = new SqliteDatabase({ lockWaitMs: STORAGE_LOCK_WAIT_MS, ...options }, records);
    this.#answers = answers;
    this.isNew = this.#database.isNew;
    this.#checkpoints = setInterval(() => this.#shortenLog(), STORAGE_CHECKPOINT_INTERVAL_MS);
  }

  add(asked: readonly Asked[]): void {
    for (const each of asked) this.#waiting.push(each);
    this.#scheduleTurn();
  }

  whenIdle(): Promise<void> {
    while (this.#waiting.length > 0) this.#answerBatch();
    return Promise.resolve();
  }

  close(): void {
    clearInterval(this.#checkpoints);
    this.#database.close();
  }

  /** A turn comes after all messages the event loop has ready have been taken in. */
  #scheduleTurn(): void {
    if (this.#isTurnScheduled || this.#waiting.length === 0) return;
    this.#isTurnScheduled = true;
    setImmediate(() => {
      this.#isTurnScheduled = false;
      this.#answerBatch();
      this.#scheduleTurn();
    });
  }

  /** Does what waits, for as long as one turn may take; nothing that was given up is begun. */
  #answerBatch(): void {
    const batch: Asked[] = [];
    for (const each of this.#waiting.splice(0)) {
      if (each.from.claims.tryBegin(each.request.id)) batch.push(each);
      else this.#answers.skip(each);
    }
    const requests = batch.map(({ request }) => request);
    const outcomes = batch.length === 0 ? [] : this.#database.execute(requests, STORAGE_BATCH_MS);
    outcomes.forEach((outcome, index) => {
      this.#answers.give(batch[index], outcome, this.#database.isRead(requests[index]));
    });
    const left = batch.slice(outcomes.length);
    for (const { from, request } of left) from.claims.release(request.id);
    this.#waiting.unshift(...left);
    this.#answers.flush();
  }

  /** While requests wait, SQLite does this itself, after every thousand pages. */
  #shortenLog(): void {
    if (this.#waiting.length > 0) return;
    const bytes = this.#database.shortenLog();
    if (bytes !== undefined) this.#answers.counters?.set(Gauge.STORAGE_LOG_BYTES, bytes);
  }
}
