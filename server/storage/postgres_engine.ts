/** PostgreSQL behind a storage worker. @module */

import { PostgresDatabase } from "./postgres_database.ts";
import { sessionKeyOf } from "./postgres_key.ts";
import { PostgresLanes } from "./postgres_lanes.ts";
import type { PostgresTarget } from "./postgres_target.ts";
import type { GameRecords } from "./sql_store.ts";
import type { Answers, Asked, StorageEngine } from "./storage_engine.ts";

/** Answers requests as soon as they are done, those of one moment in one message. */
export class PostgresEngine implements StorageEngine {
  readonly isNew: boolean;
  readonly sessionKey: Uint8Array<ArrayBuffer>;
  readonly clockAheadMs: number;
  readonly #database: PostgresDatabase;
  readonly #lanes: PostgresLanes;
  readonly #answers: Answers;
  #isFlushing = false;

  private constructor(
    database: PostgresDatabase,
    { sessionKey, clockAheadMs }: Pick<PostgresEngine, "sessionKey" | "clockAheadMs">,
    answers: Answers,
  ) {
    this.#database = database;
    this.#lanes = new PostgresLanes(database);
    this.#answers = answers;
    this.isNew = database.isNew;
    this.sessionKey = sessionKey;
    this.clockAheadMs = clockAheadMs;
  }

  /** @throws as {@linkcode PostgresDatabase.open} does. */
  static async open(target: PostgresTarget, records: GameRecords, answers: Answers): Promise<PostgresEngine> {
    const database = await PostgresDatabase.open(target, records);
    const [sessionKey, clockAheadMs] = await Promise.all([sessionKeyOf(database), database.clockAheadMs()]);
    return new PostgresEngine(database, { sessionKey, clockAheadMs }, answers);
  }

  add(asked: readonly Asked[]): void {
    for (const each of asked) {
      const { request, from: { claims } } = each;
      this.#lanes.add({
        request,
        tryBegin: () => claims.tryBegin(request.id),
        answer: (outcome) => {
          if (outcome === undefined) this.#answers.skip(each);
          else this.#answers.give(each, outcome, this.#database.isRead(request));
          this.#scheduleFlush();
        },
      });
    }
  }

  async whenIdle(): Promise<void> {
    await this.#lanes.whenIdle();
    this.#answers.flush();
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  #scheduleFlush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#answers.flush();
    });
  }
}
