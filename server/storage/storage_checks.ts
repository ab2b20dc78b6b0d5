/** The ranges of the storage's arguments, the same for every adapter. @module */

import { STORAGE_ROWS_MAX } from "../../shared/limits.ts";

/**
 * Holds that `value` is exact as a number: an id, or a time in milliseconds.
 *
 * @throws {RangeError} otherwise.
 */
export function checkId(value: number, what: string): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new RangeError(`Cannot use ${what}: ${value} is not an integer from 0 to ${Number.MAX_SAFE_INTEGER}`);
}

/**
 * Holds that `value` can be stored: neither NaN nor infinite.
 *
 * @throws {RangeError} otherwise.
 */
export function checkFinite(value: number): void {
  if (!Number.isFinite(value)) throw new RangeError(`Cannot store number: ${value} is not finite`);
}

/**
 * Checks that one request has at most as many rows as may lock the database.
 *
 * @throws {RangeError} otherwise.
 */
export function checkRows(count: number): void {
  if (count <= STORAGE_ROWS_MAX) return;
  throw new RangeError(`Cannot take request: it has ${count} rows, limit is ${STORAGE_ROWS_MAX} rows`);
}

/** @throws {RangeError} when there are more bytes than may be stored. */
export function checkBytes({ length }: Uint8Array, max: number): void {
  if (length > max) throw new RangeError(`Cannot store ${length} bytes: limit is ${max} bytes`);
}
