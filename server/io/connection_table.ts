/** The connections of one io worker, by slot. @module */

import { SLOTS_MAX } from "../../shared/limits.ts";
import type { Connection } from "./connection.ts";

/** Connections by slot. A slot that is used again has another generation, so that nobody takes its connection for the last. */
export class ConnectionTable {
  readonly #connections: (Connection | null)[] = [];
  readonly #generations: number[] = [];
  readonly #freeSlots: number[] = [];

  /** Connections there are, those that close among them. */
  get count(): number {
    return this.#connections.length - this.#freeSlots.length;
  }

  /** Slots there are, used or not: {@linkcode at} takes those below. */
  get slotCount(): number {
    return this.#connections.length;
  }

  /** Whether there is a slot for one more. */
  get hasRoom(): boolean {
    return this.#freeSlots.length > 0 || this.#connections.length < SLOTS_MAX;
  }

  /** Makes a connection in a slot that is free; there must be room. */
  add(make: (slot: number, generation: number) => Connection): Connection {
    const slot = this.#freeSlots.pop() ?? this.#connections.length;
    const generation = this.#generations[slot] = ((this.#generations[slot] ?? 0) + 1) >>> 0;
    return this.#connections[slot] = make(slot, generation);
  }

  /** A connection that is gone leaves its slot. */
  remove({ slot }: Connection): void {
    this.#connections[slot] = null;
    this.#freeSlots.push(slot);
  }

  /** The connection in a slot. */
  at(slot: number): Connection | null {
    return this.#connections[slot];
  }

  /** The connection that logic means; `null`: it is gone. */
  find(slot: number, generation: number): Connection | null {
    const connection = this.#connections[slot];
    return connection !== undefined && connection !== null && connection.generation === generation ? connection : null;
  }

  /** All connections of now. */
  all(): Connection[] {
    return this.#connections.filter((connection) => connection !== null);
  }
}
