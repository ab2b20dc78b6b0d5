/** Sequence numbers and what they promise: no hole, nothing twice, nothing changed when it is sent again. @module */

import { type Actor, Contradiction } from "./board.ts";

/** Packets of a session that a client may say it has not received. */
export const REMEMBERED_PACKETS = 64;

interface Track {
  /** Number of the last packet that was sent for the first time. */
  last: number;
  /** Number of the last packet on this connection. */
  lastHere: number;
  /** Up to where the client has said to have received. */
  acknowledged: number;
  /** Types and payloads of the newest, by number modulo their count. */
  readonly newest: { readonly type: number; readonly payload: Uint8Array }[];
}

/** Follows the numbers of reliable packets to each player. */
export class DeliveryCheck {
  readonly #tracks = new Map<Actor, Track>();
  replayedCount = 0;

  /** A session begins. */
  begin(actor: Actor): void {
    this.#tracks.set(actor, { last: 0, lastHere: 0, acknowledged: 0, newest: [] });
  }

  /** The number a client would say it has received last, with `lost` packets lost on the way. */
  lastSequence(actor: Actor, lost = 0): number {
    const { last } = this.#tracks.get(actor)!;
    return Math.max(last - Math.min(lost, REMEMBERED_PACKETS - 1), 0);
  }

  /** A session is resumed by a client that has received up to `lastSequence`; after a gap anything may follow. */
  resume(actor: Actor, lastSequence: number): void {
    this.#tracks.get(actor)!.lastHere = lastSequence;
    this.acknowledge(actor, lastSequence);
  }

  /** The client says that it has received everything up to `sequence`. */
  acknowledge(actor: Actor, sequence: number): void {
    const track = this.#tracks.get(actor)!;
    track.acknowledged = Math.max(track.acknowledged, sequence);
  }

  /** Up to where the client has said to have received; 0 without a session. */
  acknowledgedBy(actor: Actor): number {
    return this.#tracks.get(actor)?.acknowledged ?? 0;
  }

  /** The server says that it has forgotten some. */
  acceptGap(actor: Actor): void {
    this.#tracks.get(actor)!.lastHere = -1;
  }

  /** A packet came; gives whether it is new: one that is sent again must be the same as before. */
  receive(actor: Actor, type: number, sequence: number, payload: Uint8Array): boolean {
    const track = this.#tracks.get(actor);
    if (track === undefined) throw new Contradiction(`${actor.name} has no session, and was sent number ${sequence}`);
    if (track.lastHere === -1) track.lastHere = sequence - 1;
    if (sequence !== track.lastHere + 1) {
      throw new Contradiction(`${actor.name} was sent number ${sequence} after ${track.lastHere}`);
    }
    track.lastHere = sequence;
    const place = sequence % REMEMBERED_PACKETS;
    if (sequence > track.last) {
      track.last = sequence;
      track.newest[place] = { type, payload };
      return true;
    }
    this.replayedCount++;
    const before = track.newest[place];
    if (before.type !== type || !isSame(before.payload, payload)) {
      throw new Contradiction(`${actor.name} was sent number ${sequence} again, and it is another packet`);
    }
    return false;
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
