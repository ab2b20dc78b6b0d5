/** The storage in the caller's own thread. @module */

import { DependencyError } from "../../shared/errors.ts";
import type { SanctionStore } from "../moderation/sanction_store.ts";
import type { StorageRequest } from "./operations.ts";
import type { OnceRequest } from "./receipt_store.ts";
import { SqliteDatabase, type SqliteOptions } from "./sqlite_database.ts";
import type { GameRecords } from "./sql_store.ts";
import {
  type AccountStore,
  type Asker,
  type CharacterStore,
  HEALTH_PROBE,
  type Storage,
  type Stores,
  storesOn,
} from "./storage.ts";
import { lockedError, type OnceStoreOf, type StoreDefinition, type StoreOf } from "./store.ts";

/**
 * Runs every operation in the caller's thread, in the order of the calls, and answers in a later microtask: for command
 * line tools, tests, and simulations that must repeat exactly. A server that must not wait for a disk uses
 * `WorkerStorage`.
 */
export class DirectStorage implements Storage {
  readonly accounts: AccountStore;
  readonly characters: CharacterStore;
  readonly sanctions: SanctionStore;
  readonly #stores: Stores;
  #database: SqliteDatabase | undefined;

  /** @throws as {@linkcode SqliteDatabase}'s constructor does. */
  constructor(options: SqliteOptions, records: GameRecords) {
    this.#database = new SqliteDatabase(options, records);
    this.#stores = storesOn((operation, _isWrite, argument, once) => this.#call({ operation, argument, once }));
    ({ accounts: this.accounts, characters: this.characters, sanctions: this.sanctions } = this.#stores);
  }

  of<Definition extends StoreDefinition>(definition: Definition): StoreOf<Definition> {
    return this.#stores.of(definition);
  }

  once<Definition extends StoreDefinition>(definition: Definition, request: OnceRequest): OnceStoreOf<Definition> {
    return this.#stores.once(definition, request);
  }

  /** Nobody waits here, so all are served alike. */
  for({ owner }: Pick<Asker, "owner">): Stores {
    return owner === undefined
      ? this
      : storesOn((operation, _isWrite, argument, once) => this.#call({ operation, argument, once, fence: owner }));
  }

  isHealthy(): Promise<boolean> {
    return this.#call({ operation: HEALTH_PROBE, argument: undefined }).then(() => true, () => false);
  }

  close(): Promise<void> {
    this.#database?.close();
    this.#database = undefined;
    return Promise.resolve();
  }

  async #call(request: StorageRequest): Promise<unknown> {
    await null;
    const { operation } = request;
    if (!this.#database) throw new DependencyError("unavailable", `Cannot run ${operation}: storage is closed`);
    const [outcome] = this.#database.execute([request]);
    if ("error" in outcome) throw outcome.error;
    if ("isLocked" in outcome) throw lockedError(operation);
    return outcome.value;
  }
}
