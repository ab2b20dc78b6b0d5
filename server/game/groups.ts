/** Players that a game tells things together, by name. @module */

import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import type { Player } from "../session/player.ts";
import type { Players } from "../session/players.ts";

/** Players that are told things together. Whoever is not online any more is in none. */
export class Group implements Iterable<Player> {
  /** Two groups of one name are the same. */
  readonly name: string;
  readonly #groups: Groups;

  /** Made by `Game.group`. */
  constructor(name: string, groups: Groups) {
    this.name = name;
    this.#groups = groups;
  }

  /** How many are in it. */
  get size(): number {
    return this.#groups.membersOf(this.name).size;
  }

  /** Adds a player; one that is not online any more is not added. */
  add(player: Player): void {
    if (!player.isOver) this.#groups.add(this.name, player);
  }

  /** Takes a player out of it. @returns `false` when it was not in it. */
  remove(player: Player): boolean {
    return this.#groups.remove(this.name, player);
  }

  /** Whether a player is in it. */
  has(player: Player): boolean {
    return this.#groups.membersOf(this.name).has(player);
  }

  /** Takes everybody out of it. */
  clear(): void {
    for (const player of [...this]) this.remove(player);
  }

  /** Sends one message to everybody in it: it is encoded once. @returns How many it was sent to, or kept for. */
  tell<Desc extends DescMessage>(schema: Desc, message: MessageInitShape<Desc>): number {
    return this.#groups.players.tell(this, schema, message);
  }

  /** Everybody in it, in the order in which they came. */
  [Symbol.iterator](): Iterator<Player> {
    return this.#groups.membersOf(this.name).values();
  }
}

const NOBODY: ReadonlySet<Player> = new Set();

/** Who is in which group. What is empty takes no memory. */
export class Groups {
  /** Sends what groups are told. */
  readonly players: Players;
  readonly #members = new Map<string, Set<Player>>();
  /** Names of the groups that a player is in. */
  readonly #names = new Map<Player, Set<string>>();

  /** The engine makes it. */
  constructor(players: Players) {
    this.players = players;
  }

  /** Groups in which somebody is. */
  get count(): number {
    return this.#members.size;
  }

  /** Who is in a group. */
  membersOf(name: string): ReadonlySet<Player> {
    return this.#members.get(name) ?? NOBODY;
  }

  /** Adds a player to a group. */
  add(name: string, player: Player): void {
    const members = this.#members.get(name) ?? new Set();
    this.#members.set(name, members.add(player));
    const names = this.#names.get(player) ?? new Set();
    this.#names.set(player, names.add(name));
  }

  /** Takes a player out of a group. @returns `false` when it was not in it. */
  remove(name: string, player: Player): boolean {
    const members = this.#members.get(name);
    if (members?.delete(player) !== true) return false;
    if (members.size === 0) this.#members.delete(name);
    const names = this.#names.get(player)!;
    names.delete(name);
    if (names.size === 0) this.#names.delete(player);
    return true;
  }

  /** Takes a player out of all groups. */
  leave(player: Player): void {
    for (const name of [...this.#names.get(player) ?? []]) this.remove(name, player);
  }
}
