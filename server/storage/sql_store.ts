/** What a store in a database consists of. @module */

import type { DatabaseOwner, SchemaStep } from "./schema.ts";
import type { Sql } from "./sql.ts";
import type { HandlersOf, StoreDefinition } from "./store.ts";

/** A store on one database. */
export interface OpenedStore<Definition> {
  /** What does each operation. */
  readonly handlers: HandlersOf<Definition>;
  /**
   * Called within the transaction that deletes an account, before the account is gone. What it returns reaches the
   * caller who asked for the deletion, as plain data under the store's name.
   */
  readonly beforeRemoval?: (accountId: number) => Sql<unknown>;
}

/** A store in a database. */
export interface SqlStore<Definition extends StoreDefinition = StoreDefinition> {
  readonly definition: Definition;
  /** What leads to its tables, which may refer to those of the engine and of stores before it. */
  readonly schema: readonly SchemaStep[];
  /** The same for PostgreSQL. */
  readonly postgresSchema: readonly string[];
  /** Called once for each database that is opened. */
  readonly open: () => OpenedStore<Definition>;
}

/** Says how a store is kept in a database. */
export function sqlStore<Definition extends StoreDefinition>(
  definition: Definition,
  { schema, postgresSchema, open }: Omit<SqlStore<Definition>, "definition">,
): SqlStore<Definition> {
  return { definition, schema, postgresSchema, open };
}

/** What a game keeps in the database beside what the engine does. */
export interface GameRecords extends DatabaseOwner {
  /** Its stores and those of its parts, in the order in which their tables are made. */
  readonly stores: readonly SqlStore[];
}
