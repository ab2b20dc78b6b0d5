/**
 * The assertions of the tests, in one place: `@std/assert` by name, on `node:assert/strict`, so that the library can
 * replace them in one line where it can be had.
 *
 * @module
 */

import nodeAssert from "node:assert/strict";

/** Fails unless `condition` is truthy. */
export function assert(condition: unknown, message?: string): asserts condition {
  nodeAssert.ok(condition, message);
}

/** Fails unless both are deeply and strictly equal. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.deepStrictEqual(actual, expected, message);
}

/** Fails when both are deeply and strictly equal. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.notDeepStrictEqual(actual, expected, message);
}

// deno-lint-ignore no-explicit-any -- constructors of any arguments are what `instanceof` takes
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

/** Fails unless `run` throws an `errorClass` whose message contains `part`; gives the error. */
export function assertThrows<E extends Error>(run: () => unknown, errorClass: ErrorClass<E>, part = ""): E {
  let caught: unknown;
  try {
    run();
  } catch (error) {
    caught = error;
  }
  return checkError(caught, errorClass, part);
}

/** Fails unless the promise of `run` rejects with an `errorClass` whose message contains `part`; gives the error. */
export async function assertRejects<E extends Error>(
  run: () => Promise<unknown>,
  errorClass: ErrorClass<E>,
  part = "",
): Promise<E> {
  let caught: unknown;
  try {
    await run();
  } catch (error) {
    caught = error;
  }
  return checkError(caught, errorClass, part);
}

function checkError<E extends Error>(caught: unknown, errorClass: ErrorClass<E>, part: string): E {
  nodeAssert.ok(caught instanceof errorClass, `Expected ${errorClass.name}, got ${caught}`);
  nodeAssert.ok(caught.message.includes(part), `Expected "${part}" in "${caught.message}"`);
  return caught;
}
