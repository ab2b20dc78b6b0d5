/** Throws planted into running code. @module */

import type { FaultReport } from "../../shared/errors.ts";
import { assert } from "./assert.ts";

/** What a planted throw is. */
export function planted(): never {
  throw new Error("planted");
}

/** Puts a throw in the place of a method until disposed of, for the calls that `when` picks. */
export function plant(target: object, name: string, when: (...args: never[]) => boolean = () => true): Disposable {
  const methods = target as Record<string, (...args: never[]) => unknown>;
  const original = methods[name];
  assert(typeof original === "function", name);
  methods[name] = function (this: unknown, ...args: never[]) {
    return when(...args) ? planted() : original.apply(this, args);
  };
  return { [Symbol.dispose]: () => void (methods[name] = original) };
}

/** Keeps where something was thrown, and by what. */
export class FaultList implements FaultReport {
  readonly faults: unknown[][] = [];

  report(place: string, error: unknown, properties: Readonly<Record<string, unknown>> = {}): void {
    assert(error instanceof Error && error.message === "planted", String(error));
    this.faults.push([place, ...Object.values(properties)]);
  }
}
