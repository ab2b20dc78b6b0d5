/**
 * A list of players as it is sent, with who of them is online: encoded once, put together anew when somebody came or
 * went.
 *
 * @module
 */

import { pack, type Packed } from "../../../server/game/kit.ts";

/** The parts of a {@linkcode Roster}: encoded messages of its type, which together are one. */
export interface RosterParts {
  readonly head: Uint8Array;
  readonly players: readonly {
    readonly playerId: number;
    readonly offline: Uint8Array;
    readonly online: Uint8Array;
  }[];
  readonly tail: Uint8Array;
}

/** The encoded list. */
export class Roster {
  readonly #head: Uint8Array;
  readonly #tail: Uint8Array;
  readonly #playerIds: readonly number[];
  /** All players one after the other, and where each ends. */
  readonly #offline: Pieces;
  readonly #online: Pieces;
  /** Who was online when it was put together last, one byte each. */
  #flags: Uint8Array;
  #packed: Packed | null = null;
  #allOffline: Packed | null = null;
  #scratch: Uint8Array;

  constructor({ head, players, tail }: RosterParts) {
    this.#head = head;
    this.#tail = tail;
    this.#playerIds = players.map(({ playerId }) => playerId);
    this.#offline = piecesOf(players.map(({ offline }) => offline));
    this.#online = piecesOf(players.map(({ online }) => online));
    this.#flags = new Uint8Array(players.length);
    this.#scratch = new Uint8Array(players.length);
  }

  /** Whether a player is on the list. */
  has(playerId: number): boolean {
    return this.#playerIds.includes(playerId);
  }

  /** The list for who may not know who is online. */
  packOffline(): Packed {
    return this.#allOffline ??= this.#build(new Uint8Array(this.#playerIds.length));
  }

  /** The list as it is now. Cost: one question for each player, more only when somebody came or went. */
  pack(isOnline: (playerId: number) => boolean): Packed {
    const flags = this.#scratch;
    let isSame = this.#packed !== null;
    for (let index = 0; index < flags.length; index++) {
      flags[index] = isOnline(this.#playerIds[index]) ? 1 : 0;
      if (flags[index] !== this.#flags[index]) isSame = false;
    }
    if (isSame) return this.#packed!;
    this.#scratch = this.#flags;
    this.#flags = flags;
    return this.#packed = this.#build(flags);
  }

  #build(flags: Uint8Array): Packed {
    const lengthMax = this.#head.length + this.#online.bytes.length + this.#tail.length;
    const payload = new Uint8Array(lengthMax);
    payload.set(this.#head);
    let at = this.#head.length;
    for (let index = 0; index < flags.length; index++) {
      const { bytes, ends } = flags[index] === 1 ? this.#online : this.#offline;
      const piece = bytes.subarray(index === 0 ? 0 : ends[index - 1], ends[index]);
      payload.set(piece, at);
      at += piece.length;
    }
    payload.set(this.#tail, at);
    return pack(payload.slice(0, at + this.#tail.length));
  }
}

interface Pieces {
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
}

function piecesOf(pieces: readonly Uint8Array[]): Pieces {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  const ends = new Uint32Array(pieces.length);
  let at = 0;
  pieces.forEach((piece, index) => {
    bytes.set(piece, at);
    ends[index] = at += piece.length;
  });
  return { bytes, ends };
}
