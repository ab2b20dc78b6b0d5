/**
 * Versions of clients: numbers between dots.
 *
 * @module
 */

/**
 * Whether `version` is older than `least`. Missing numbers count as 0; anything that is no number is older.
 *
 * @param least Empty: nothing is older.
 */
export function isOlderVersion(version: string, least: string): boolean {
  if (least === "") return false;
  if (!/^\d{1,9}(\.\d{1,9}){0,3}$/.test(version)) return true;
  const have = version.split(".").map(Number);
  const need = least.split(".").map(Number);
  for (let index = 0; index < Math.max(have.length, need.length); index++) {
    const difference = (have[index] ?? 0) - (need[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
