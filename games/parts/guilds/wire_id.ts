/** Ids of guilds as the wire has them. @module */

/** An id that nothing has. */
const NO_ID = Number.MAX_SAFE_INTEGER;

/** An id from the wire; one that no number can hold belongs to nothing. */
export function idOf(id: bigint): number {
  return id < BigInt(NO_ID) ? Number(id) : NO_ID;
}
