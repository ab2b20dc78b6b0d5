/**
 * Versions of clients: numbers between dots.
 *
 * @module
 */

import { ErrorCode } from "../../shared/gen/enums.ts";
import { RequestError } from "./dispatcher.ts";

const VERSION_PATTERN = /^\d{1,9}(\.\d{1,9}){0,3}$/;

/** A version if it is one, else nothing. */
export function versionOf(text: string): string {
  return VERSION_PATTERN.test(text) ? text : "";
}

/**
 * Whether `version` is older than `least`. Missing numbers count as 0; anything that is no number is older.
 *
 * @param least Empty: nothing is older.
 */
export function isOlderVersion(version: string, least: string): boolean {
  if (least === "") return false;
  if (!VERSION_PATTERN.test(version)) return true;
  const have = version.split(".").map(Number);
  const need = least.split(".").map(Number);
  for (let index = 0; index < Math.max(have.length, need.length); index++) {
    const difference = (have[index] ?? 0) - (need[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/**
 * Holds that a client is not older than it may be.
 *
 * @throws {RequestError} VERSION_MISMATCH
 */
export function checkVersion(version: string, least: string): void {
  if (isOlderVersion(version, least)) {
    throw new RequestError(ErrorCode.VERSION_MISMATCH, `The client must be ${least} or newer`);
  }
}
