/** What a store in SQLite consists of. @module */

import type { DatabaseSync } from "node:sqlite";
import type { HandlersOf, StoreDefinition } from "./store.ts";

/** A store whose statements are prepared. */
export interface OpenedStore<Definition> {
  readonly handlers: HandlersOf<Definition>;
  /**
   * Called within the transaction that deletes an account, before the account is gone. What it gives reaches whoever
   * asked for the deletion, as plain data under the store's name.
   */
  readonly beforeRemoval?: (accountId: number) => unknown;
}

/** A store in SQLite. */
export interface SqliteStore<Definition extends StoreDefinition = StoreDefinition> {
  readonly definition: Definition;
  /** Prepares the statements. */
  readonly open: (database: DatabaseSync) => OpenedStore<Definition>;
}

/** Says how a store is kept in SQLite. */
export function sqliteStore<Definition extends StoreDefinition>(
  definition: Definition,
  { open }: Pick<SqliteStore<Definition>, "open">,
): SqliteStore<Definition> {
  return { definition, open };
}

/** What a game keeps in the database beside what the engine does. */
export interface GameRecords {
  readonly stores: readonly SqliteStore[];
}
