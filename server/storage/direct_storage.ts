/** The storage in the caller's own thread. @module */

import { DependencyError } from "../../shared/errors.ts";
import type { Ownership } from "../cluster/directory_store.ts";
import type { SanctionStore } from "../moderation/sanction_store.ts";
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
import { lockedError, type StoreDefinition, type StoreOf } from "./store.ts";

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
    this.#stores = storesOn((operation, _isWrite, argument) => this.#call(operation, argument));
    ({ accounts: this.accounts, characters: this.characters, sanctions: this.sanctions } = this.#stores);
  }

  of<Definition extends StoreDefinition>(definition: Definition): StoreOf<Definition> {
    return this.#stores.of(definition);
  }

  /** Nobody waits here, so all are served alike. */
  for({ owner }: Pick<Asker, "owner">): Stores {
    return owner === undefined
      ? this
      : storesOn((operation, _isWrite, argument) => this.#call(operation, argument, owner));
  }

  isHealthy(): Promise<boolean> {
    return this.#call(HEALTH_PROBE, undefined).then(() => true, () => false);
  }

  close(): Promise<void> {
    this.#database?.close();
    this.#database = undefined;
    return Promise.resolve();
  }

  async #call(operation: string, argument: unknown, fence?: Ownership): Promise<unknown> {
    await null;
    if (!this.#database) throw new DependencyError("unavailable", `Cannot run ${operation}: storage is closed`);
    const [outcome] = this.#database.execute([{ operation, argument, fence }]);
    if ("error" in outcome) throw outcome.error;
    if ("isLocked" in outcome) throw lockedError(operation);
    return outcome.value;
  }
}
