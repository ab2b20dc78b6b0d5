/** The storage on PostgreSQL in the caller's own thread. @module */

import { DependencyError } from "../../shared/errors.ts";
import { STORAGE_TIMEOUT_MS } from "../../shared/limits.ts";
import type { SanctionStore } from "../moderation/sanction_store.ts";
import type { StorageOutcome, StorageRequest } from "./operations.ts";
import { PostgresDatabase } from "./postgres_database.ts";
import { PostgresLanes } from "./postgres_lanes.ts";
import type { PostgresTarget } from "./postgres_target.ts";
import type { OnceRequest } from "./receipt_store.ts";
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

/** For command line tools and tests: a request waits for a connection as long as it takes. */
export class PostgresStorage implements Storage {
  readonly accounts: AccountStore;
  readonly characters: CharacterStore;
  readonly sanctions: SanctionStore;
  readonly #stores: Stores;
  readonly #lanes: PostgresLanes;
  #database: PostgresDatabase | undefined;

  private constructor(database: PostgresDatabase) {
    this.#database = database;
    this.#lanes = new PostgresLanes(database);
    this.#stores = storesOn((operation, _isWrite, argument, once) => this.#call({ operation, argument, once }));
    ({ accounts: this.accounts, characters: this.characters, sanctions: this.sanctions } = this.#stores);
  }

  /** @throws as {@linkcode PostgresDatabase.open} does. */
  static async open(target: PostgresTarget, records: GameRecords): Promise<PostgresStorage> {
    return new PostgresStorage(await PostgresDatabase.open(target, records));
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
      : storesOn((operation, isWrite, argument, once) =>
        this.#call({ operation, argument, once, fence: isWrite ? owner : undefined })
      );
  }

  isHealthy(): Promise<boolean> {
    return this.#call({ operation: HEALTH_PROBE, argument: undefined }).then(() => true, () => false);
  }

  /** As {@linkcode PostgresDatabase.secret}. */
  secret(name: string, made: Uint8Array): Promise<Uint8Array> {
    return this.#database!.secret(name, made);
  }

  async close(): Promise<void> {
    const database = this.#database;
    this.#database = undefined;
    await database?.close();
  }

  async #call(request: StorageRequest): Promise<unknown> {
    const { operation } = request;
    const untilMs = performance.now() + STORAGE_TIMEOUT_MS;
    while (true) {
      const outcome = await this.#ask(request);
      if (outcome === undefined) throw new DependencyError("unavailable", `Cannot run ${operation}: storage is closed`);
      if ("error" in outcome) throw outcome.error;
      if ("value" in outcome) return outcome.value;
      if (performance.now() >= untilMs) throw lockedError(operation);
    }
  }

  #ask(request: StorageRequest): Promise<StorageOutcome | undefined> {
    if (this.#database === undefined) return Promise.resolve(undefined);
    return new Promise((answer) => this.#lanes.add({ request, tryBegin: () => this.#database !== undefined, answer }));
  }
}
