/**
 * Friends and ignore lists of those who are online. The storage has the truth; this is what chat and presence look up
 * for every message.
 *
 * @module
 */

interface Lists {
  readonly friends: Set<number>;
  readonly ignored: Set<number>;
}

const NOBODY: ReadonlySet<number> = new Set();

/** Who is whose friend, and who ignores whom, by ids of players. */
export class OnlineLists {
  readonly #lists = new Map<number, Lists>();
  /** Who of those online ignores a player; a player nobody ignores has no entry, which is nearly everybody. */
  readonly #ignoredBy = new Map<number, Set<number>>();

  /** Takes the lists of a player who came online. */
  add(playerId: number, friends: Iterable<number>, ignored: Iterable<number>): void {
    this.remove(playerId);
    this.#lists.set(playerId, { friends: new Set(friends), ignored: new Set() });
    for (const ignoredId of ignored) this.addIgnored(playerId, ignoredId);
  }

  /** Forgets a player who went offline. */
  remove(playerId: number): void {
    for (const ignoredId of this.#lists.get(playerId)?.ignored ?? NOBODY) this.#forgetIgnorer(playerId, ignoredId);
    this.#lists.delete(playerId);
  }

  /** Whether a player's lists are here. */
  has(playerId: number): boolean {
    return this.#lists.has(playerId);
  }

  /** The friends of a player; nobody where its lists are not here. */
  friendsOf(playerId: number): ReadonlySet<number> {
    return this.#lists.get(playerId)?.friends ?? NOBODY;
  }

  /** The players whom a player ignores; nobody where its lists are not here. */
  ignoredBy(playerId: number): ReadonlySet<number> {
    return this.#lists.get(playerId)?.ignored ?? NOBODY;
  }

  /** Two players are friends from now on. */
  addFriends(playerId: number, otherId: number): void {
    this.#lists.get(playerId)?.friends.add(otherId);
    this.#lists.get(otherId)?.friends.add(playerId);
  }

  /** Two players are no friends any more. */
  removeFriends(playerId: number, otherId: number): void {
    this.#lists.get(playerId)?.friends.delete(otherId);
    this.#lists.get(otherId)?.friends.delete(playerId);
  }

  /** Whether anybody online ignores a player. */
  isIgnoredByAny(playerId: number): boolean {
    return this.#ignoredBy.has(playerId);
  }

  /** Whether a player, who is online, ignores another. */
  ignores(playerId: number, otherId: number): boolean {
    return this.#ignoredBy.get(otherId)?.has(playerId) ?? false;
  }

  /** A player ignores another from now on. */
  addIgnored(playerId: number, ignoredId: number): void {
    const lists = this.#lists.get(playerId);
    if (lists === undefined) return;
    lists.ignored.add(ignoredId);
    const ignorers = this.#ignoredBy.get(ignoredId);
    if (ignorers !== undefined) ignorers.add(playerId);
    else this.#ignoredBy.set(ignoredId, new Set([playerId]));
  }

  /** A player no longer ignores another. */
  removeIgnored(playerId: number, ignoredId: number): void {
    if (this.#lists.get(playerId)?.ignored.delete(ignoredId)) this.#forgetIgnorer(playerId, ignoredId);
  }

  #forgetIgnorer(playerId: number, ignoredId: number): void {
    const ignorers = this.#ignoredBy.get(ignoredId);
    ignorers?.delete(playerId);
    if (ignorers?.size === 0) this.#ignoredBy.delete(ignoredId);
  }
}
