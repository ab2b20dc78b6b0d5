/**
 * Where every player was when, in memory that all threads of a run share: an observer who is shown a position finds when it was
 * sent, whichever thread sent it.
 *
 * @module
 */

import { GAME_SERVERS_LISTED_MAX } from "../../shared/limits.ts";
import type { LoadPlan } from "./messages.ts";
import { LOADTEST_ENTITY_IDS_MAX, LOADTEST_POSITIONS } from "../limits.ts";

const MASK = LOADTEST_POSITIONS - 1;

/** Servers that the players of a run may come to. */
export function serverCountOf({ entry }: LoadPlan): number {
  return entry === "login" ? GAME_SERVERS_LISTED_MAX : 1;
}

/**
 * Makes the memory for so many players, on so many servers at most. What of it is not used the kernel does not give.
 */
export function createPositionsBuffer(playerCount: number, serverCount = 1): SharedArrayBuffer {
  const entries = playerCount * LOADTEST_POSITIONS;
  return new SharedArrayBuffer(
    8 * entries + 4 * (serverCount * (LOADTEST_ENTITY_IDS_MAX + 1) + playerCount + 2 * entries),
  );
}

/**
 * The last positions of each player, in whole centimetres, as numbers 0, 1, 2 … in the order they were sent.
 *
 * Each player's positions have one writer; a number is published after what it stands for.
 */
export class Positions {
  /** By player and place. */
  readonly #sentUs: Float64Array;
  /** The ids of servers and one, in the order they were met; 0 for none. */
  readonly #servers: Int32Array;
  /** By server and entity id: the player and one, 0 for entities that are not ours. */
  readonly #players: Int32Array;
  /** By player: positions sent so far. */
  readonly #counts: Int32Array;
  readonly #xs: Int32Array;
  readonly #zs: Int32Array;

  constructor(buffer: SharedArrayBuffer, playerCount: number, serverCount = 1) {
    const entries = playerCount * LOADTEST_POSITIONS;
    this.#sentUs = new Float64Array(buffer, 0, entries);
    let at = 8 * entries;
    const take = (length: number) => {
      const array = new Int32Array(buffer, at, length);
      at += 4 * length;
      return array;
    };
    this.#servers = take(serverCount);
    this.#players = take(serverCount * LOADTEST_ENTITY_IDS_MAX);
    this.#counts = take(playerCount);
    this.#xs = take(entries);
    this.#zs = take(entries);
  }

  /**
   * The world of a server: each numbers its entities by itself.
   *
   * @returns A number for {@linkcode Positions.enter} and {@linkcode Positions.playerOf}; -1: there are too many servers.
   */
  worldOf(serverId: number): number {
    for (let world = 0; world < this.#servers.length; world++) {
      const known = Atomics.compareExchange(this.#servers, world, 0, serverId + 1);
      if (known === 0 || known === serverId + 1) return world;
    }
    return -1;
  }

  /** Says which entity of a world a player is. */
  enter(world: number, entityId: number, player: number): void {
    if (world < 0 || entityId >= LOADTEST_ENTITY_IDS_MAX) return;
    Atomics.store(this.#players, world * LOADTEST_ENTITY_IDS_MAX + entityId, player + 1);
  }

  /** The player behind an entity of a world; -1: none of ours. */
  playerOf(world: number, entityId: number): number {
    if (world < 0 || entityId >= LOADTEST_ENTITY_IDS_MAX) return -1;
    return this.#players[world * LOADTEST_ENTITY_IDS_MAX + entityId] - 1;
  }

  /** Notes a position that a player is about to send. */
  push(player: number, x: number, z: number, sentUs: number): void {
    const count = this.#counts[player], at = player * LOADTEST_POSITIONS + (count & MASK);
    this.#xs[at] = x;
    this.#zs[at] = z;
    this.#sentUs[at] = sentUs;
    Atomics.store(this.#counts, player, count + 1);
  }

  /** The number of the newest kept position at a place; -1: the player was not there lately. */
  find(player: number, x: number, z: number): number {
    const count = Atomics.load(this.#counts, player), first = player * LOADTEST_POSITIONS;
    const oldest = Math.max(0, count - LOADTEST_POSITIONS);
    for (let number = count - 1; number >= oldest; number--) {
      const at = first + (number & MASK);
      if (this.#xs[at] === x && this.#zs[at] === z) return number;
    }
    return -1;
  }

  /**
   * Whether a player's newest position is the one of this number, or the same place.
   *
   * @param beforeUs A newer position than this may still be on its way: any number will do.
   */
  isNewest(player: number, number: number, beforeUs: number): boolean {
    const newest = Atomics.load(this.#counts, player) - 1;
    if (number === newest || this.sentUsOf(player, newest) >= beforeUs) return true;
    if (number < 0 || newest - number >= LOADTEST_POSITIONS) return false;
    const at = player * LOADTEST_POSITIONS + (number & MASK), other = player * LOADTEST_POSITIONS + (newest & MASK);
    return this.#xs[at] === this.#xs[other] && this.#zs[at] === this.#zs[other];
  }

  /** How far a player is from a place, in centimetres; infinite before its first position. */
  distanceTo(player: number, x: number, z: number): number {
    const count = Atomics.load(this.#counts, player);
    if (count === 0) return Infinity;
    const at = player * LOADTEST_POSITIONS + ((count - 1) & MASK);
    return Math.hypot(this.#xs[at] - x, this.#zs[at] - z);
  }

  /** When a position was due to be sent. */
  sentUsOf(player: number, number: number): number {
    return this.#sentUs[player * LOADTEST_POSITIONS + (number & MASK)];
  }
}
