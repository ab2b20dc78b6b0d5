/**
 * Stores: what can be asked of the storage, by subject. A store is defined once, by an object that names its operations,
 * says of each whether it changes data, and has its types. What an adapter must do and what a caller may ask both follow
 * from it.
 *
 * @module
 */

import { DependencyError } from "../../shared/errors.ts";
import type { OnceRequest } from "./receipt_store.ts";
import type { Sql } from "./sql.ts";

/** One thing that can be asked. Reads need no transaction of their own. Its types are there for the compiler only. */
export interface Operation<Argument, Result> {
  readonly kind: "read" | "write";
  /** See {@linkcode WriteOperation.keep}. */
  keep?(result: Result): unknown;
  readonly types?: (argument: Argument) => Result;
}

/** An operation that changes nothing. */
export function read<Argument, Result>(): Operation<Argument, Result> {
  return { kind: "read" };
}

/** An operation that may change data. */
export interface WriteOperation<Argument, Result, Kept> extends Operation<Argument, Result> {
  readonly kind: "write";
  /**
   * What a receipt keeps of the result, as plain JSON of at most `RECEIPT_BYTES_MAX`, where the request is done once;
   * undefined: nothing was changed, and the same request is decided anew.
   */
  keep(result: Result): Kept | undefined;
}

/** Defines one. @param keep See {@linkcode WriteOperation.keep}; default: the result is kept, whatever it says. */
export function write<Argument, Result, Kept = Result>(
  keep: (result: Result) => Kept | undefined = (result) => (result ?? null) as Kept,
): WriteOperation<Argument, Result, Kept> {
  return { kind: "write", keep };
}

/** What came of a write that is done once: its result, or what was kept of that when it was done before. */
export type Once<Result, Kept> =
  | { readonly isRepeated: false; readonly result: Result }
  | { readonly isRepeated: true; readonly result: Kept };

/** The operations of a store, by their names. */
// deno-lint-ignore no-explicit-any -- one list holds operations of every argument and result
export type Operations = Readonly<Record<string, Operation<any, any>>>;

/** One subject with its operations. */
export interface StoreDefinition<Ops extends Operations = Operations> {
  /** One among all stores of a game. */
  readonly name: string;
  readonly operations: Ops;
}

type ArgumentOf<Op> = Op extends Operation<infer Argument, unknown> ? Argument : never;
type KeptOf<Op> = Op extends { keep(result: never): infer Kept } ? Exclude<Kept, undefined> : never;
type ResultOf<Op> = Op extends Operation<never, infer Result> ? Result : never;

/** What callers have of a store: every operation as a method, whose answer comes later. */
export type StoreOf<Definition> = Definition extends StoreDefinition<infer Ops>
  ? { readonly [Method in keyof Ops]: (argument: ArgumentOf<Ops[Method]>) => Promise<ResultOf<Ops[Method]>> }
  : never;

/** What callers have of a store whose writes are done once. */
export type OnceStoreOf<Definition> = Definition extends StoreDefinition<infer Ops> ? {
    readonly [
      Method in keyof Ops as Ops[Method] extends { readonly kind: "write" } ? Method : never
    ]: (argument: ArgumentOf<Ops[Method]>) => Promise<Once<ResultOf<Ops[Method]>, KeptOf<Ops[Method]>>>;
  }
  : never;

/** What an adapter has of a store: every operation as a generator of the statements that do its work. */
export type HandlersOf<Definition> = Definition extends StoreDefinition<infer Ops>
  ? { readonly [Method in keyof Ops]: (argument: ArgumentOf<Ops[Method]>) => Sql<ResultOf<Ops[Method]>> }
  : never;

/**
 * Defines a store. Arguments and results are plain data, so that a call can cross a thread as it is.
 *
 * ```ts
 * export const SCORES = defineStore("scores", {
 *   add: write<readonly PlayerKill[], void>(),
 *   top: read<BoardQuery, Score[]>(),
 * });
 * ```
 */
export function defineStore<Ops extends Operations>(name: string, operations: Ops): StoreDefinition<Ops> {
  return { name, operations };
}

/**
 * Asks for an operation, named by store and method: `scores.add`.
 *
 * @param once The request that a write is done for once; it gives a {@linkcode Once} then.
 */
export type Call = (operation: string, isWrite: boolean, argument: unknown, once?: OnceRequest) => Promise<unknown>;

/** What the methods of a store ask for. */
type Asked = readonly { readonly method: string; readonly operation: string; readonly isWrite: boolean }[];

/** By definition: everyone who asks has a port of his own, made for a request or two. */
const askedOf = new WeakMap<StoreDefinition, Asked>();

function askedIn(definition: StoreDefinition): Asked {
  let asked = askedOf.get(definition);
  if (asked === undefined) {
    asked = Object.entries(definition.operations).map(([method, { kind }]) => ({
      method,
      operation: `${definition.name}.${method}`,
      isWrite: kind === "write",
    }));
    askedOf.set(definition, asked);
  }
  return asked;
}

/** Makes the object whose every method asks through `call`. */
export function storePort<Definition extends StoreDefinition>(definition: Definition, call: Call): StoreOf<Definition> {
  const port: Record<string, (argument: unknown) => Promise<unknown>> = {};
  for (const { method, operation, isWrite } of askedIn(definition)) {
    port[method] = (argument) => call(operation, isWrite, argument);
  }
  return port as StoreOf<Definition>;
}

/** The same of its writes, each done once for a request. */
export function onceStorePort<Definition extends StoreDefinition>(
  { name, operations }: Definition,
  call: Call,
  request: OnceRequest,
): OnceStoreOf<Definition> {
  const port: Record<string, (argument: unknown) => Promise<unknown>> = {};
  for (const [method, { kind }] of Object.entries(operations)) {
    if (kind === "write") port[method] = (argument) => call(`${name}.${method}`, true, argument, request);
  }
  return port as OnceStoreOf<Definition>;
}

/** What is told of a write that another process kept from being done. */
export function lockedError(operation: string): DependencyError {
  return new DependencyError("unavailable", `Cannot run ${operation}: another process keeps the database locked`);
}
