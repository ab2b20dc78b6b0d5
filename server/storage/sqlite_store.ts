/** What a store in SQLite consists of. @module */

import type { DatabaseSync } from "node:sqlite";
import type { DatabaseOwner, SchemaStep } from "./schema.ts";
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
  /** What leads to its tables, which may refer to those of the engine and of stores before it. */
  readonly schema: readonly SchemaStep[];
  /** Prepares the statements. */
  readonly open: (database: DatabaseSync) => OpenedStore<Definition>;
}

/** Says how a store is kept in SQLite. */
export function sqliteStore<Definition extends StoreDefinition>(
  definition: Definition,
  { schema, open }: Pick<SqliteStore<Definition>, "schema" | "open">,
): SqliteStore<Definition> {
  return { definition, schema, open };
}

/** What a game keeps in the database beside what the engine does. */
export interface GameRecords extends DatabaseOwner {
  readonly stores: readonly SqliteStore[];
}
