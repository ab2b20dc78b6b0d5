/** How much may wait for another thread. @module */

import {
  BUS_WAITING_BYTES_MAX,
  BUS_WAITING_BYTES_PER_NODE_MAX,
  BUS_WAITING_MAX,
  BUS_WAITING_PER_NODE_MAX,
} from "../../shared/limits.ts";

/** Places that are taken. */
class Places {
  count = 0;
  bytes = 0;

  hasRoom(bytes: number, countMax: number, bytesMax: number): boolean {
    return this.count < countMax && this.bytes + bytes <= bytesMax;
  }

  add(count: number, bytes: number): void {
    this.count += count;
    this.bytes += bytes;
  }
}

/** Counts what was sent to a thread and not taken there. */
export class WaitingRoom {
  readonly #places = new Places();

  /** Takes a place. @returns False: there is none. */
  tryEnter(bytes: number): boolean {
    if (!this.#places.hasRoom(bytes, BUS_WAITING_MAX, BUS_WAITING_BYTES_MAX)) return false;
    this.#places.add(1, bytes);
    return true;
  }

  /** Gives places back. */
  leave(count: number, bytes: number): void {
    this.#places.add(-count, -bytes);
  }
}

/** The same for what other nodes say, of whom none may take more than its share. What came first is taken first. */
export class SharedWaitingRoom {
  readonly #room = new WaitingRoom();
  /** By the node that said it; those of whom nothing waits are not in it. */
  readonly #places = new Map<string, Places>();
  /** Who has said what waits, and its bytes, in the order in which it came. */
  #senders: string[] = [];
  #bytes: number[] = [];
  #leftCount = 0;

  /** Takes a place for something that a node has said. @returns False: there is none. */
  tryEnter(sender: string, bytes: number): boolean {
    const places = this.#places.get(sender) ?? new Places();
    if (!places.hasRoom(bytes, BUS_WAITING_PER_NODE_MAX, BUS_WAITING_BYTES_PER_NODE_MAX)) return false;
    if (!this.#room.tryEnter(bytes)) return false;
    places.add(1, bytes);
    this.#places.set(sender, places);
    this.#senders.push(sender);
    this.#bytes.push(bytes);
    return true;
  }

  /** Gives back the places of what came first. */
  leave(count: number): void {
    for (let index = 0; index < count; index++) this.#leave();
    // Half of it may be behind us, so that it is seldom moved.
    if (this.#leftCount * 2 < this.#senders.length) return;
    this.#senders = this.#senders.slice(this.#leftCount);
    this.#bytes = this.#bytes.slice(this.#leftCount);
    this.#leftCount = 0;
  }

  #leave(): void {
    const sender = this.#senders[this.#leftCount], bytes = this.#bytes[this.#leftCount++];
    const places = this.#places.get(sender)!;
    places.add(-1, -bytes);
    if (places.count === 0) this.#places.delete(sender);
    this.#room.leave(1, bytes);
  }
}
