/** A bus of some nodes in one thread, which loses and keeps what a test tells it to. @module */

import type { BusCarrier, BusMessage } from "../../server/bus/bus.ts";

/** Nodes that hear each other. */
export class MemoryBus {
  readonly #carriers = new Map<string, MemoryCarrier>();
  #isUp = true;
  /** A node that alone is cut off, and knows it; empty: none. */
  isDownFor = "";
  /** Whether a message reaches a node; all do unless told. */
  reaches: (message: BusMessage, node: string) => boolean = () => true;

  /** Whether it is there. */
  get isUp(): boolean {
    return this.#isUp;
  }

  set isUp(isUp: boolean) {
    this.#isUp = isUp;
    for (const carrier of this.#carriers.values()) carrier.onMessages();
  }

  /** The way of a node to it. */
  carrier(node: string): MemoryCarrier {
    const carrier = new MemoryCarrier(this, node);
    this.#carriers.set(node, carrier);
    return carrier;
  }

  /** Brings messages to whom they are for. */
  carry(messages: readonly BusMessage[]): void {
    if (!this.#isUp) return;
    for (const message of messages) {
      const { receiver, sender } = message;
      for (const [node, carrier] of this.#carriers) {
        const isFor = receiver === "" ? node !== sender : node === receiver;
        if (isFor && this.reaches(message, node)) carrier.add(message);
      }
    }
  }
}

/** A node's way to a {@linkcode MemoryBus}. */
export class MemoryCarrier implements BusCarrier {
  readonly #bus: MemoryBus;
  readonly #node: string;
  #outgoing: BusMessage[] = [];
  #incoming: BusMessage[] = [];
  /** Called when something has come, or the state is another. */
  onMessages: () => void = () => {};

  constructor(bus: MemoryBus, node: string) {
    this.#bus = bus;
    this.#node = node;
  }

  get isUp(): boolean {
    return this.#bus.isUp && this.#bus.isDownFor !== this.#node;
  }

  trySend(message: BusMessage): boolean {
    if (this.isUp) this.#outgoing.push(message);
    return this.isUp;
  }

  take(): BusMessage | undefined {
    return this.#incoming.shift();
  }

  flush(): void {
    const messages = this.#outgoing;
    this.#outgoing = [];
    this.#bus.carry(messages);
  }

  /** Something has come. */
  add(message: BusMessage): void {
    this.#incoming.push({ ...message, payload: message.payload.slice() });
    this.onMessages();
  }
}
