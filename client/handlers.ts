/**
 * The application's handlers, called so that one that fails disturbs nobody else.
 *
 * @module
 */

/** A handler of up to two arguments, whatever their types; the client's `on` knows them. */
// deno-lint-ignore no-explicit-any -- one list holds handlers of every message type
export type AnyHandler = (first: any, second: any) => unknown;

/** Takes a handler away again. */
export type Unsubscribe = () => void;

/** Handlers by packet type or event name. */
export class Handlers {
  readonly #byKey: Map<number | string, readonly AnyHandler[]> = new Map();
  readonly #onError: (error: unknown, source: string) => void;

  /** @param onError Takes what a handler throws or rejects with, and which one it was. */
  constructor(onError: (error: unknown, source: string) => void) {
    this.#onError = onError;
  }

  /** Adds a handler; the same function may be added twice. */
  add(key: number | string, handler: AnyHandler): Unsubscribe {
    // Each entry is a function of its own, so that removing one leaves its twin.
    const entry: AnyHandler = (first, second) => handler(first, second);
    this.#byKey.set(key, [...(this.#byKey.get(key) ?? []), entry]);
    return () => {
      const rest = (this.#byKey.get(key) ?? []).filter((other) => other !== entry);
      if (rest.length === 0) this.#byKey.delete(key);
      else this.#byKey.set(key, rest);
    };
  }

  /** Whether anybody listens to `key`. */
  has(key: number | string): boolean {
    return this.#byKey.has(key);
  }

  /** Calls the handlers of `key` that were there when the call began, in the order they were added. */
  call(key: number | string, first?: unknown, second?: unknown): void {
    const handlers = this.#byKey.get(key);
    if (handlers === undefined) return;
    for (const handler of handlers) {
      try {
        const result = handler(first, second);
        if (result instanceof Promise) result.catch((error) => this.report(error, `handler of ${key}`));
      } catch (error) {
        this.report(error, `handler of ${key}`);
      }
    }
  }

  /** Hands an error to the application; one thrown meanwhile goes nowhere, as nobody is left to take it. */
  report(error: unknown, source: string): void {
    try {
      this.#onError(error, source);
    } catch {
      // The reporter itself failed.
    }
  }
}
