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

/** What callers hold of a store. Everyone who asks has one of his own, for a request or two: its methods are not its own. */
class Port {
  readonly #call: Call;
  readonly #once: OnceRequest | undefined;

  constructor(call: Call, once: OnceRequest | undefined) {
    this.#call = call;
    this.#once = once;
  }

  /** A method that asks for an operation. */
  static asking(operation: string, isWrite: boolean) {
    return function (this: Port, argument: unknown): Promise<unknown> {
      return this.#call(operation, isWrite, argument, this.#once);
    };
  }
}

/** Ports with the methods of a store, by its definition. */
const ports = new WeakMap<StoreDefinition, typeof Port>();

function portOf(definition: StoreDefinition): typeof Port {
  const known = ports.get(definition);
  if (known !== undefined) return known;
  const made = class extends Port {};
  for (const [method, { kind }] of Object.entries(definition.operations)) {
    Reflect.set(made.prototype, method, Port.asking(`${definition.name}.${method}`, kind === "write"));
  }
  ports.set(definition, made);
  return made;
}

/** Makes the object whose every method asks through `call`. */
export function storePort<Definition extends StoreDefinition>(definition: Definition, call: Call): StoreOf<Definition> {
  return new (portOf(definition))(call, undefined) as unknown as StoreOf<Definition>;
}

/** The same for its writes, each done once for a request. */
export function onceStorePort<Definition extends StoreDefinition>(
  definition: Definition,
  call: Call,
  request: OnceRequest,
): OnceStoreOf<Definition> {
  return new (portOf(definition))(call, request) as unknown as OnceStoreOf<Definition>;
}

/** What is told of a write that another process kept from being done. */
export function lockedError(operation: string): DependencyError {
  return new DependencyError("unavailable", `Cannot run ${operation}: another process keeps the database locked`);
}
