/** The storage's part of what a packet costs. @module */

import type { SanctionStore } from "../server/moderation/sanction_store.ts";
import type { StorageRequest } from "../server/storage/operations.ts";
import type { OnceRequest } from "../server/storage/receipt_store.ts";
import type { GameRecords } from "../server/storage/sql_store.ts";
import { MEMORY_PATH, SqliteDatabase } from "../server/storage/sqlite_database.ts";
import {
  type AccountStore,
  type CharacterStore,
  type Storage,
  type Stores,
  storesOn,
} from "../server/storage/storage.ts";
import type { OnceStoreOf, StoreDefinition, StoreOf } from "../server/storage/store.ts";
import { processorMs } from "./processor_time.ts";

/** A storage in memory that tells how long it works. */
export class TimedStorage implements Storage {
  readonly accounts: AccountStore;
  readonly characters: CharacterStore;
  readonly sanctions: SanctionStore;
  /** Processor time, in milliseconds. */
  workMs = 0;
  readonly #database: SqliteDatabase;
  readonly #stores = storesOn((operation, _isWrite, argument, once) => this.#call({ operation, argument, once }));

  /** @param records What the game keeps. */
  constructor(records: GameRecords) {
    this.#database = new SqliteDatabase({ path: MEMORY_PATH }, records);
    ({ accounts: this.accounts, characters: this.characters, sanctions: this.sanctions } = this.#stores);
  }

  of<Definition extends StoreDefinition>(definition: Definition): StoreOf<Definition> {
    return this.#stores.of(definition);
  }

  once<Definition extends StoreDefinition>(definition: Definition, request: OnceRequest): OnceStoreOf<Definition> {
    return this.#stores.once(definition, request);
  }

  for(): Stores {
    return this;
  }

  isHealthy(): Promise<boolean> {
    return Promise.resolve(true);
  }

  close(): Promise<void> {
    this.#database.close();
    return Promise.resolve();
  }

  async #call(request: StorageRequest): Promise<unknown> {
    await null;
    const startMs = processorMs();
    const [outcome] = this.#database.execute([request]);
    this.workMs += processorMs() - startMs;
    if ("error" in outcome) throw outcome.error;
    return "value" in outcome ? outcome.value : undefined;
  }
}
