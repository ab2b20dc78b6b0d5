/** All operations of a server's stores, by name, on one database. @module */

import { DIRECTORY, NODES, type Ownership } from "../cluster/directory_store.ts";
import { OWNS, STORED_DIRECTORY, STORED_NODES } from "../cluster/stored_directory.ts";
import { SANCTIONS } from "../moderation/sanction_store.ts";
import { STORED_SANCTIONS } from "../moderation/stored_sanctions.ts";
import { assert, DependencyError } from "../../shared/errors.ts";
import { DOCUMENTS } from "./document_store.ts";
import { type OnceRequest, RECEIPTS } from "./receipt_store.ts";
import type { Sql } from "./sql.ts";
import type { GameRecords, OpenedStore } from "./sql_store.ts";
import { ACCOUNTS, CHARACTERS, type Partings } from "./storage.ts";
import type { StoreDefinition } from "./store.ts";
import { storedAccounts } from "./stored_accounts.ts";
import { STORED_CHARACTERS } from "./stored_characters.ts";
import { storedDocuments } from "./stored_documents.ts";
import { doneOnce, STORED_RECEIPTS } from "./stored_receipts.ts";

/** One operation to run. */
export interface StorageRequest {
  /** Named by store and method: `accounts.find`. */
  readonly operation: string;
  readonly argument: unknown;
  /** A write is done only while this still holds: else it fails as `fenced`. */
  readonly fence?: Ownership;
  /** A write is done once for this request, and gives a `Once`. */
  readonly once?: OnceRequest;
}

/** What became of a request: exactly one of these. `isLocked`: nothing, as another process writes. */
export type StorageOutcome =
  & ({ readonly value: unknown } | { readonly error: Error } | { readonly isLocked: true })
  & { readonly isSlow?: boolean };

/** An operation with what does it. */
export interface RunnableOperation {
  readonly kind: "read" | "write";
  readonly run: (argument: unknown) => Sql<unknown>;
  /** What is kept of a write's result that is done once. */
  readonly keep?: (result: unknown) => unknown;
}

/** The operations of the engine and of a game. */
export function operationsOf({ stores }: GameRecords): Map<string, RunnableOperation> {
  const all = new Map<string, RunnableOperation>();
  const add = ({ name, operations }: StoreDefinition, handlers: OpenedStore<StoreDefinition>["handlers"]) => {
    for (const [method, { kind, keep }] of Object.entries(operations)) {
      const operation = `${name}.${method}`;
      assert(!all.has(operation), `No two stores have the name ${name}`);
      all.set(operation, { kind, run: handlers[method], keep });
    }
  };
  const opened = stores.map(({ definition, open }) => ({ definition, ...open() }));
  function* part(accountId: number): Sql<Partings> {
    const partings: [string, unknown][] = [];
    for (const { definition, beforeRemoval } of opened) {
      partings.push([definition.name, beforeRemoval && (yield* beforeRemoval(accountId))]);
    }
    return Object.fromEntries(partings);
  }
  const ties = { loadCharacter: STORED_CHARACTERS.load, standingOf: STORED_SANCTIONS.ofPlayer, part };
  add(ACCOUNTS, storedAccounts(ties));
  add(CHARACTERS, STORED_CHARACTERS);
  add(SANCTIONS, STORED_SANCTIONS);
  add(DOCUMENTS, storedDocuments());
  add(RECEIPTS, STORED_RECEIPTS);
  add(NODES, STORED_NODES);
  add(DIRECTORY, STORED_DIRECTORY);
  for (const { definition, handlers } of opened) add(definition, handlers);
  return all;
}

/** What a request asks to be done. @throws {TypeError} when there is no such operation. */
export function workOf(operations: ReadonlyMap<string, RunnableOperation>, request: StorageRequest): Sql<unknown> {
  const { kind, run, keep } = operationOf(operations, request);
  const { argument, fence, once, operation } = request;
  const work = once === undefined || keep === undefined ? run(argument) : doneOnce(once, run(argument), keep);
  return fence === undefined || kind === "read" ? work : fenced(operation, fence, work);
}

function* fenced(operation: string, { playerId, epoch }: Ownership, work: Sql<unknown>): Sql<unknown> {
  if ((yield* OWNS.get(playerId, epoch)) !== undefined) return yield* work;
  throw new DependencyError("fenced", `Cannot run ${operation}: player ${playerId} is another node's by now`);
}

/** The operation a request names. @throws {TypeError} when there is none. */
function operationOf(
  operations: ReadonlyMap<string, RunnableOperation>,
  { operation }: StorageRequest,
): RunnableOperation {
  const found = operations.get(operation);
  if (found === undefined) throw new TypeError(`Cannot run ${operation}: the game has no such store`);
  return found;
}
