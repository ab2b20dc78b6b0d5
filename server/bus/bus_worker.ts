/// <reference lib="deno.worker" />
/**
 * The bus thread: seals and sends what logic says, and gives it what other nodes say, so that neither the network nor
 * checking who has written what takes of logic's time.
 *
 * @module
 */

import { BUS_PULSE_MS } from "../../shared/limits.ts";
import { Counter, CounterBlock } from "../ops/counters.ts";
import { hang } from "../ops/hang.ts";
import { encodeError } from "../storage/storage_messages.ts";
import type { BusMessage } from "./bus.ts";
import type { BusCommand, BusOptions, BusReport, FromBus, ToBus } from "./bus_messages.ts";
import { Envelopes } from "./envelope.ts";
import { NatsConnection } from "./nats_connection.ts";
import { SharedWaitingRoom } from "./waiting_room.ts";

const report = (message: BusReport) => self.postMessage(message);

/** Somebody who speaks through the bus. */
interface User {
  readonly port: MessagePort;
  readonly room: SharedWaitingRoom;
  incoming: BusMessage[];
  sent: number;
  sentBytes: number;
}

/** A connection with its users. */
class BusThread {
  readonly #envelopes: Envelopes;
  readonly #counters: CounterBlock;
  readonly #users = new Map<number, User>();
  readonly #pulse: ReturnType<typeof setInterval>;
  #connection!: NatsConnection;
  #isUp = true;
  #isFlushing = false;

  private constructor(key: Uint8Array<ArrayBuffer>, counters: CounterBlock) {
    this.#envelopes = new Envelopes(key);
    this.#counters = counters;
    this.#pulse = setInterval(() => counters.add(Counter.ITEMS, 1), BUS_PULSE_MS);
  }

  static async open({ target, ca, clusterKey, node }: BusOptions, counters: CounterBlock): Promise<BusThread> {
    const thread = new BusThread(clusterKey, counters);
    try {
      thread.#connection = await NatsConnection.open({
        target,
        ca,
        subjects: thread.#envelopes.subjectsFor(node),
        onMessage: (bytes) => thread.#hear(bytes),
        onState: (isUp, reason) => thread.#setState(isUp, reason),
        random: Math.random,
      });
    } catch (error) {
      clearInterval(thread.#pulse);
      throw error;
    }
    return thread;
  }

  connect(id: number, port: MessagePort): void {
    const user: User = { port, room: new SharedWaitingRoom(), incoming: [], sent: 0, sentBytes: 0 };
    this.#users.set(id, user);
    port.onmessage = ({ data: { messages, taken } }: MessageEvent<ToBus>) => {
      user.room.leave(taken);
      for (const message of messages) this.#say(user, message);
      if (messages.length > 0) this.#flushSoon();
    };
    this.#flushSoon();
  }

  disconnect(id: number): void {
    this.#users.get(id)?.port.close();
    this.#users.delete(id);
  }

  async close(): Promise<void> {
    await this.#connection.flush();
    clearInterval(this.#pulse);
    for (const id of [...this.#users.keys()]) this.disconnect(id);
    await this.#connection.close();
  }

  #say(user: User, message: BusMessage): void {
    this.#counters.add(Counter.ITEMS, 1);
    this.#connection.publish(this.#envelopes.subjectOf(message), this.#envelopes.seal(message));
    user.sent++;
    user.sentBytes += message.payload.length;
  }

  #hear(bytes: Uint8Array): void {
    this.#counters.add(Counter.ITEMS, 1);
    const message = this.#envelopes.open(bytes);
    if (typeof message === "string") return this.#counters.add(Counter.BUS_REFUSED, 1);
    for (const { room, incoming } of this.#users.values()) {
      if (room.tryEnter(message.sender, message.payload.length)) incoming.push(message);
      // The receiver will see that a number is missing.
      else this.#counters.add(Counter.BUS_DROPPED, 1);
    }
    this.#flushSoon();
  }

  #setState(isUp: boolean, reason: string): void {
    this.#isUp = isUp;
    report({ kind: "state", isUp, reason });
    this.#flushSoon();
  }

  /** What comes in one read of the socket goes to logic in one message. */
  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setTimeout(() => {
      this.#isFlushing = false;
      for (const user of this.#users.values()) {
        const { port, incoming, sent, sentBytes } = user;
        port.postMessage({ messages: incoming, isUp: this.#isUp, sent, sentBytes } satisfies FromBus);
        Object.assign(user, { incoming: [], sent: 0, sentBytes: 0 });
      }
    }, 0);
  }
}

let thread: BusThread | undefined;

self.onmessage = async ({ data: command }: MessageEvent<BusCommand>) => {
  switch (command.kind) {
    case "open":
      try {
        thread = await BusThread.open(command.options, new CounterBlock(command.counters));
        report({ kind: "opened" });
      } catch (error) {
        report({ kind: "open_failed", error: encodeError(error as Error) });
      }
      break;
    case "connect":
      thread?.connect(command.id, command.port);
      break;
    case "disconnect":
      thread?.disconnect(command.id);
      break;
    case "stop":
      await thread?.close();
      report({ kind: "stopped" });
      break;
    case "crash":
      throw new Error("Crashed by a drill");
    case "hang":
      hang(command.ms);
  }
};
