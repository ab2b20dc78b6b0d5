/** Who gives way where places are lacking: connections that are nobody's yet, by address. @module */

import type { Connection } from "./connection.ts";

/** How many of an address are looked at for one that is not being answered. */
const LOOKED_AT_MAX = 8;

/**
 * The connections of one kind of place that have not logged in. A few addresses, with as many connections as each may
 * have, would fill every place there is; so the address with the most makes room for those with few. Whose address has no
 * limits is not among them.
 */
export class Newcomers {
  readonly #entries = new Map<Connection, number>();
  /** By the address's entry; the oldest first. */
  readonly #byAddress = new Map<number, Set<Connection>>();

  /** Adds a connection by the address that it counts for. */
  add(connection: Connection): void {
    const { addressEntry: entry } = connection;
    if (entry < 0 || this.#entries.has(connection)) return;
    this.#entries.set(connection, entry);
    const ofAddress = this.#byAddress.get(entry);
    if (ofAddress === undefined) this.#byAddress.set(entry, new Set([connection]));
    else ofAddress.add(connection);
  }

  /** Takes one out that is somebody's now, or gone. */
  remove(connection: Connection): void {
    const entry = this.#entries.get(connection);
    if (entry === undefined) return;
    this.#entries.delete(connection);
    const ofAddress = this.#byAddress.get(entry)!;
    ofAddress.delete(connection);
    if (ofAddress.size === 0) this.#byAddress.delete(entry);
  }

  /**
   * The one that gives way to one more of an address: of the address that has the most, and at least twice as many as the
   * other will have, so that none takes a place that is taken back in turn.
   *
   * @param entry The other's address; -1: it has no limits.
   * @returns `undefined` when nobody has so many.
   */
  findFor(entry: number): Connection | undefined {
    // Each has one.
    if (this.#entries.size === this.#byAddress.size) return undefined;
    let most: Set<Connection> | undefined;
    let mostCount = 2 * (this.#byAddress.get(entry)?.size ?? 0) + 1;
    for (const ofAddress of this.#byAddress.values()) {
      if (ofAddress.size <= mostCount) continue;
      most = ofAddress;
      mostCount = ofAddress.size;
    }
    return most && oldestIdle(most);
  }
}

/** Some may be honest, and wait for the answer to their login. */
function oldestIdle(connections: ReadonlySet<Connection>): Connection | undefined {
  let oldest: Connection | undefined;
  let looked = 0;
  for (const connection of connections) {
    oldest ??= connection;
    if (!connection.awaitsAnswer) return connection;
    if (++looked === LOOKED_AT_MAX) break;
  }
  return oldest;
}
