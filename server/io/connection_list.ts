/** Connections that wait for something in a round, each once. @module */

import type { Connection } from "./connection.ts";

/** Bits of the lists of an io worker: something to send or to say, no room in the ring to logic, more to go on with. */
export const LIST_TOUCHED = 1;
export const LIST_WAITING = 2;
export const LIST_TURNS = 4;
/** Entries before the first that are kept until the list is made anew. */
const TAKEN_KEPT_MAX = 1_024;

/**
 * A list of connections in the order in which they came. Each is in it once, which a bit of {@linkcode Connection.lists}
 * says: nothing is searched.
 */
export class ConnectionList {
  readonly #bit: number;
  #connections: Connection[] = [];
  /** The other of two arrays that take turns. */
  #spare: Connection[] = [];
  /** Where those begin that {@linkcode take} has not taken. */
  #at = 0;

  /** @param bit One of the `LIST_…`, which no other list of the io worker has. */
  constructor(bit: number) {
    this.#bit = bit;
  }

  /** Connections that are in the list. */
  get length(): number {
    return this.#connections.length - this.#at;
  }

  /** Adds a connection at the end; gives whether it was not there yet. */
  add(connection: Connection): boolean {
    if ((connection.lists & this.#bit) !== 0) return false;
    connection.lists |= this.#bit;
    this.#connections.push(connection);
    return true;
  }

  /** Takes the first one out; there must be one. Whoever comes meanwhile has its turn behind the others. */
  take(): Connection {
    const connection = this.#connections[this.#at++];
    connection.lists &= ~this.#bit;
    if (this.#at === this.#connections.length) this.#connections.length = this.#at = 0;
    else if (this.#at >= TAKEN_KEPT_MAX) {
      this.#connections = this.#connections.slice(this.#at);
      this.#at = 0;
    }
    return connection;
  }

  /**
   * Takes all out that are there now, so that who comes meanwhile has its turn another time: `release` each of them, and
   * `putBack` where that has ended.
   */
  takeAll(): Connection[] {
    const all = this.#connections;
    this.#connections = this.#spare;
    this.#spare = all;
    return all;
  }

  /** One of {@linkcode takeAll} has its turn, and may be added again. */
  release(connection: Connection): void {
    connection.lists &= ~this.#bit;
  }

  /**
   * Ends {@linkcode takeAll}: those from `index` on had no turn, and are first in the next.
   *
   * @returns Whether there are any.
   */
  putBack(all: Connection[], index: number): boolean {
    const isLeft = index < all.length;
    if (isLeft) this.#connections = all.slice(index).concat(this.#connections);
    all.length = 0;
    return isLeft;
  }
}
