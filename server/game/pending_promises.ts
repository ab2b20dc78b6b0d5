/**
 * Finds handlers of game code under test that end while something they asked of the engine is still under way: a
 * handler that forgets to await a promise answers before it is done, and never hears that it failed.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";

/** One call of a handler, under test. */
export class HandlerCall {
  readonly #name: string;
  /** What it has asked for and not heard of: where, by promise. */
  readonly #pending = new Map<Promise<unknown>, string>();
  #isOver = false;

  /** Made by {@linkcode watchHandler}. */
  constructor(name: string) {
    this.#name = name;
  }

  /** Calls the handler. */
  run<Args extends unknown[], T>(handle: (...args: Args) => T, ...args: Args): T {
    return calls!.run(this, handle, ...args);
  }

  /** Takes note of what is asked for. */
  note(what: string, promise: Promise<unknown>): void {
    if (this.#isOver) return;
    const { stackTraceLimit } = Error;
    // Simulations set it to nothing, as they count errors by the thousand.
    Error.stackTraceLimit = 3;
    // The lines of a stack: the message, this function, the proxy, who asked.
    const place = new Error().stack?.split("\n")[3]?.trim() ?? "";
    Error.stackTraceLimit = stackTraceLimit;
    this.#pending.set(promise, `${what} ${place}`);
    const settled = () => void this.#pending.delete(promise);
    promise.then(settled, settled);
  }

  /**
   * The handler is done, and all its promises are settled.
   *
   * @throws {TypeError} when something it asked for is still under way.
   */
  end(): void {
    this.#isOver = true;
    const [first] = this.#pending.values();
    if (first === undefined) return;
    throw new TypeError(
      `Cannot end the handler of ${this.#name}: ${first} is still under way; await it, or begin it by game.background`,
    );
  }
}

/** The call that is under way; undefined: nobody watches. */
let calls: AsyncLocalStorage<HandlerCall | null> | undefined;

/** From now on, for tests and simulations, as long as the process lives: handlers that end too early fail. */
export function refusePendingPromises(): void {
  calls ??= new AsyncLocalStorage();
}

/** Watches a call of a handler of that name; undefined: nobody watches. */
export function watchHandler(name: string): HandlerCall | undefined {
  return calls && new HandlerCall(name);
}

/**
 * Calls a handler whose promise may settle a little later than it would by itself.
 *
 * @throws {TypeError} under test, as {@linkcode HandlerCall.end} does.
 */
export function callHandler<Args extends unknown[], T>(name: string, handle: (...args: Args) => T, ...args: Args): T {
  const call = watchHandler(name);
  if (call === undefined) return handle(...args);
  const result = call.run(handle, ...args);
  if (!(result instanceof Promise)) {
    call.end();
    return result;
  }
  // What it throws itself comes first.
  return result.then((value) => {
    call.end();
    return value;
  }) as T;
}

/** Does something that goes on when the handler that asks for it is done. */
export function callBeside<T>(act: () => T): T {
  return calls === undefined ? act() : calls.run(null, act);
}

/** The same object, whose promises are those of the handler that asked for them; under test only. */
export function watched<T extends object>(name: string, target: T): T {
  if (calls === undefined) return target;
  return new Proxy(target, {
    get(_, key) {
      const value = Reflect.get(target, key, target) as unknown;
      if (typeof value === "object" && value !== null) return watched(`${name}.${String(key)}`, value);
      if (typeof value !== "function" || key === "constructor") return value;
      return (...args: unknown[]) => {
        const what = `${name}.${String(key)}()`;
        const result = Reflect.apply(value, target, args) as unknown;
        if (result instanceof Promise) calls?.getStore()?.note(what, result);
        else if (typeof result === "object" && result !== null) return watched(what, result);
        return result;
      };
    },
  });
}
