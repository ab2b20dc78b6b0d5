/** What players are still to receive, and in which order. @module */

import type { Actor } from "./board.ts";
import { Contradiction } from "./board.ts";

interface Due {
  /** What may come: one of these. */
  readonly keys: readonly string[];
  /** It may also stay away. */
  readonly isOptional: boolean;
}

/** Packets a session may be behind by before the server may forget some, of contract and documentation. */
const OUTBOX_PACKETS = 1_024;
/** The same in bytes; a packet counts with 64 bytes beside its payload. */
const OUTBOX_BYTES = 262_144;
const SMALLEST_PACKET_BYTES = 64;

/**
 * Everything that is due, in streams: what is due in one comes in order, each once, and nothing else comes.
 *
 * A stream is what must keep its order for one player, such as chat on one channel.
 */
export class DueLedger {
  readonly #dues = new Map<Actor, Map<string, Due[]>>();
  /** Packets that were due and came. */
  arrivedCount = 0;

  /** @param keys What is due, or the one or other of several. */
  expect(actor: Actor, stream: string, keys: string | readonly string[], { isOptional = false } = {}): void {
    let streams = this.#dues.get(actor);
    if (streams === undefined) this.#dues.set(actor, streams = new Map());
    let dues = streams.get(stream);
    if (dues === undefined) streams.set(stream, dues = []);
    dues.push({ keys: typeof keys === "string" ? [keys] : keys, isOptional });
  }

  /** Something came; gives false where it was not due. */
  tryTake(actor: Actor, stream: string, key: string): boolean {
    const dues = this.#dues.get(actor)?.get(stream);
    if (dues === undefined) return false;
    for (let index = 0; index < dues.length; index++) {
      if (dues[index].keys.includes(key)) {
        dues.splice(0, index + 1);
        this.arrivedCount++;
        return true;
      }
      if (!dues[index].isOptional) return false;
    }
    return false;
  }

  /** Something came that must have been due. */
  take(actor: Actor, stream: string, key: string): void {
    if (this.tryTake(actor, stream, key)) return;
    const next = this.#dues.get(actor)?.get(stream)?.slice(0, 3).map(({ keys }) => keys.join(" or ")) ?? [];
    throw new Contradiction(`${actor.name} was sent in "${stream}": ${key}; due was: ${next.join(", ") || "nothing"}`);
  }

  /** Everybody who has a connection has received everything. */
  checkNothingLeft(): void {
    for (const [actor, streams] of this.#dues) {
      if (!actor.isConnected) continue;
      for (const [stream, dues] of streams) {
        const missing = dues.find(({ isOptional }) => !isOptional);
        if (missing !== undefined) {
          throw new Contradiction(`${actor.name} was not sent in "${stream}": ${missing.keys.join(" or ")}`);
        }
      }
      this.#dues.delete(actor);
    }
  }

  /** How much is due to a player. */
  countOf(actor: Actor): number {
    let count = 0;
    for (const dues of this.#dues.get(actor)?.values() ?? []) count += dues.length;
    return count;
  }

  /** The server says that it has forgotten some of what is due: allowed only to one who is far behind. */
  acceptGap(actor: Actor): void {
    const count = this.countOf(actor);
    if (count < Math.min(OUTBOX_PACKETS, OUTBOX_BYTES / SMALLEST_PACKET_BYTES) / 2) {
      throw new Contradiction(`${actor.name} has a gap, with only ${count} packets due`);
    }
    const streams = this.#dues.get(actor)!;
    for (const [stream, dues] of streams) {
      streams.set(stream, dues.map(({ keys }) => ({ keys, isOptional: true })));
    }
  }

  /** The player's session is over. */
  forget(actor: Actor): void {
    this.#dues.delete(actor);
  }
}
