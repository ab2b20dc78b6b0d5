/** Tables that may have only so many rows. @module */

import type { Sql } from "./sql.ts";

/** What part of the room that was counted is given without counting again: so many nodes may do that at once. */
const ROOM_SHARE = 16;

/**
 * Whether there is room for one more. Counting takes time, so what was counted is good for a sixteenth of the room that
 * was left then, and the last rows are all counted. Beside others that write at the same time there may be a few rows
 * more in the end; alone there never are.
 */
export class Room {
  /** By what is counted: at least as many as there are of this node, and how many more before they are counted again. */
  readonly #counted = new Map<string, { rows: number; left: number }>();

  /**
   * Takes room for a row.
   *
   * @param what `pending`: rows that were given room, and are not written yet.
   */
  *tryTake({ key, max, pending }: RoomQuery, count: () => Sql<number>): Sql<boolean> {
    let known = this.#counted.get(key);
    if (known === undefined || known.left < 1 || known.rows >= max) {
      const rows = (yield* count()) + pending;
      if (rows >= max) return false;
      known = { rows, left: Math.max(1, Math.floor((max - rows) / ROOM_SHARE)) };
      this.#counted.set(key, known);
    }
    known.rows++;
    known.left--;
    return true;
  }
}

/** Which room. */
export interface RoomQuery {
  /** What is counted. */
  readonly key: string;
  /** Rows at most. */
  readonly max: number;
  /** Rows that were given room and are not written yet. */
  readonly pending: number;
}
