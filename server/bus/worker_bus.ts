/** The way from logic to the bus thread. @module */

import type { BusCarrier, BusMessage } from "./bus.ts";
import type { FromBus, ToBus } from "./bus_messages.ts";
import { WaitingRoom } from "./waiting_room.ts";

/** What is needed of a port. */
export type BusPort = Pick<MessagePort, "postMessage" | "onmessage" | "close">;

/** Gathers what is said in a turn, and keeps what came until somebody takes it. */
export class WorkerBus implements BusCarrier {
  readonly #onMessages: () => void;
  #port!: BusPort;
  #room = new WaitingRoom();
  #outgoing: BusMessage[] = [];
  #incoming: BusMessage[] = [];
  #takenAt = 0;
  /** Since this was last told. */
  #taken = 0;
  /** Of what waits, those that a bus thread has given that died: nobody need be told that they are taken. */
  #orphanedCount = 0;
  #isUp = false;

  /** @param onMessages Called when something has come, or the state is another. */
  constructor(port: BusPort, onMessages: () => void) {
    this.#onMessages = onMessages;
    this.#listen(port);
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  trySend(message: BusMessage): boolean {
    if (!this.#isUp || !this.#room.tryEnter(message.payload.length)) return false;
    this.#outgoing.push(message);
    return true;
  }

  take(): BusMessage | undefined {
    const message = this.#incoming[this.#takenAt];
    if (message === undefined) return undefined;
    if (++this.#takenAt === this.#incoming.length) {
      this.#incoming = [];
      this.#takenAt = 0;
    }
    if (this.#orphanedCount > 0) this.#orphanedCount--;
    else this.#taken++;
    return message;
  }

  flush(): void {
    if (this.#outgoing.length === 0 && this.#taken === 0) return;
    const said: ToBus = { messages: this.#outgoing, taken: this.#taken };
    this.#port.postMessage(said);
    this.#outgoing = [];
    this.#taken = 0;
  }

  /** Goes on with a new bus thread after the old one has died: what was on its way is lost. */
  replacePort(port: BusPort): void {
    this.#port.close();
    this.#room = new WaitingRoom();
    this.#taken = 0;
    this.#orphanedCount = this.#incoming.length - this.#takenAt;
    this.#outgoing = [];
    this.#listen(port);
  }

  /** It has died: nothing can be said until there is another. */
  onDeath(): void {
    this.#isUp = false;
    this.#onMessages();
  }

  close(): void {
    this.#isUp = false;
    this.#port.close();
  }

  #listen(port: BusPort): void {
    this.#port = port;
    port.onmessage = ({ data: { messages, isUp, sent, sentBytes } }: MessageEvent<FromBus>) => {
      this.#isUp = isUp;
      this.#room.leave(sent, sentBytes);
      for (const message of messages) this.#incoming.push(message);
      this.#onMessages();
    };
  }
}
