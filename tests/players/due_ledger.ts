/** What players are still to receive, and in which order. @module */

import type { Actor } from "./board.ts";
import { Contradiction } from "./board.ts";

/** One thing that is due. */
export interface Due {
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
 * What is due in one order. What came can be read in more than one way where something optional looks like what follows
 * it; every way is kept until it is seen to be wrong.
 */
class Stream {
  #dues: Due[] = [];
  /** How many of the dues may be done with, ascending. */
  #ways: number[] = [0];

  get count(): number {
    return this.#dues.length;
  }

  expect(due: Due): void {
    this.#dues.push(due);
  }

  tryTake(key: string): boolean {
    const after = new Set<number>();
    for (const way of this.#ways) {
      for (let index = way; index < this.#dues.length; index++) {
        if (this.#dues[index].keys.includes(key)) after.add(index + 1);
        if (!this.#dues[index].isOptional) break;
      }
    }
    if (after.size === 0) return false;
    const ways = [...after].sort((a, b) => a - b);
    this.#dues.splice(0, ways[0]);
    this.#ways = ways.map((way) => way - ways[0]);
    return true;
  }

  /** What must still come, if anything, in every way; as the one says that is farthest. */
  get missing(): Due | undefined {
    const missing = this.#ways.map((way) => this.#dues.slice(way).find(({ isOptional }) => !isOptional));
    return missing.includes(undefined) ? undefined : missing.at(-1);
  }

  /** What may still come, and of that what must. */
  get left(): readonly Due[] {
    const farthest = this.#ways[this.#ways.length - 1];
    return this.#dues.map(({ keys, isOptional }, index) => ({ keys, isOptional: isOptional || index < farthest }));
  }

  /** The next few, to be read by people. */
  get next(): string {
    return this.#dues.slice(0, 3).map(({ keys }) => keys.join(" or ")).join(", ") || "nothing";
  }

  /** Nothing of it must come any more. */
  makeOptional(): void {
    this.#dues = this.#dues.map(({ keys }) => ({ keys, isOptional: true }));
  }
}

/**
 * Everything that is due, in streams: what is due in one comes in order, each once, and nothing else comes.
 *
 * A stream is what must keep its order for one player, such as chat on one channel.
 */
export class DueLedger {
  readonly #streams = new Map<Actor, Map<string, Stream>>();
  /** Packets that were due and came. */
  arrivedCount = 0;

  /** @param keys What is due, or the one or other of several. */
  expect(actor: Actor, stream: string, keys: string | readonly string[], { isOptional = false } = {}): void {
    let streams = this.#streams.get(actor);
    if (streams === undefined) this.#streams.set(actor, streams = new Map());
    let dues = streams.get(stream);
    if (dues === undefined) streams.set(stream, dues = new Stream());
    dues.expect({ keys: typeof keys === "string" ? [keys] : keys, isOptional });
  }

  /** Something came; gives false where it was not due. */
  tryTake(actor: Actor, stream: string, key: string): boolean {
    if (this.#streams.get(actor)?.get(stream)?.tryTake(key) !== true) return false;
    this.arrivedCount++;
    return true;
  }

  /** Something came that must have been due. */
  take(actor: Actor, stream: string, key: string): void {
    if (this.tryTake(actor, stream, key)) return;
    const next = this.#streams.get(actor)?.get(stream)?.next ?? "nothing";
    throw new Contradiction(`${actor.name} was sent in "${stream}": ${key}; due was: ${next}`);
  }

  /** Everybody who has a connection has received everything. */
  checkNothingLeft(): void {
    for (const [actor, streams] of this.#streams) {
      if (!actor.isConnected) continue;
      for (const [stream, { missing }] of streams) {
        if (missing === undefined) continue;
        throw new Contradiction(`${actor.name} was not sent in "${stream}": ${missing.keys.join(" or ")}`);
      }
      this.#streams.delete(actor);
    }
  }

  /** What is still due to a player in one stream. */
  leftOf(actor: Actor, stream: string): readonly Due[] {
    return this.#streams.get(actor)?.get(stream)?.left ?? [];
  }

  /** Whether so much is due to a player that the server may forget some of it. */
  mayForget(actor: Actor): boolean {
    return this.countOf(actor) >= Math.min(OUTBOX_PACKETS, OUTBOX_BYTES / SMALLEST_PACKET_BYTES) / 2;
  }

  /** How much is due to a player. */
  countOf(actor: Actor): number {
    let count = 0;
    for (const { count: streamCount } of this.#streams.get(actor)?.values() ?? []) count += streamCount;
    return count;
  }

  /** The server says that it has forgotten some of what is due: allowed only to one who is far behind. */
  acceptGap(actor: Actor): void {
    if (!this.mayForget(actor)) {
      throw new Contradiction(`${actor.name} has a gap, with only ${this.countOf(actor)} packets due`);
    }
    for (const stream of this.#streams.get(actor)!.values()) stream.makeOptional();
  }

  /** The player's session is over. */
  forget(actor: Actor): void {
    this.#streams.delete(actor);
  }
}
