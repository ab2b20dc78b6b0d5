/** How much may wait for another thread. @module */

import { BUS_WAITING_BYTES_MAX, BUS_WAITING_MAX } from "../../shared/limits.ts";

/** Counts what was sent to a thread and not taken there. */
export class WaitingRoom {
  #count = 0;
  #bytes = 0;

  /** Takes a place. @returns False: there is none. */
  tryEnter(bytes: number): boolean {
    if (this.#count >= BUS_WAITING_MAX || this.#bytes + bytes > BUS_WAITING_BYTES_MAX) return false;
    this.#count++;
    this.#bytes += bytes;
    return true;
  }

  /** Gives places back. */
  leave(count: number, bytes: number): void {
    this.#count -= count;
    this.#bytes -= bytes;
  }
}
