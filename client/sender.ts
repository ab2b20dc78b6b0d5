/**
 * The client's way out: encodes and numbers packets, and holds back what cannot be sent now.
 *
 * @module
 */

import { DeliveryClass } from "../shared/gen/options_pb.ts";
import {
  CLIENT_ACK_BYTES,
  CLIENT_ACK_PACKETS,
  CLIENT_BUFFERED_BYTES_MAX,
  CLIENT_DRAIN_POLL_MS,
} from "../shared/limits.ts";
import { type PacketRow, STATE_IN_WORLD } from "../shared/packet_table.ts";
import type { ResolvedClientOptions } from "./client_options.ts";
import type { ClientSession } from "./client_session.ts";
import { type Connection, PAYLOAD_BYTES_MAX } from "./connection.ts";
import { deflatePayload } from "./inflate.ts";
import { type OutgoingPacket, OutgoingQueue } from "./outgoing.ts";

/**
 * What became of a message. `sent`: handed to the connection · `queued`: kept until it can be sent · `dropped`: of a class
 * that is not kept, or the client is closed · `full`: the queue is at its bound, nothing was kept.
 */
export type SendResult = "sent" | "queued" | "dropped" | "full";

/** What is written of a packet. */
type WrittenPacket =
  & Pick<OutgoingPacket, "sequence" | "isCompressed" | "payload" | "requestKey">
  & { readonly row: Pick<PacketRow, "type"> };

/** The highest name of a request: any number that is exact. */
const REQUEST_KEY_MAX = Number.MAX_SAFE_INTEGER;

/** Sends the packets of one client, over whichever connection there is. */
export class Sender {
  /** Packets held back. */
  readonly queue: OutgoingQueue;
  /** The session whose numbers packets carry; `null`: they carry none. */
  session: ClientSession | null = null;

  readonly #options: ResolvedClientOptions;
  readonly #onSent: (packet: OutgoingPacket) => void;
  #connection: Connection | null = null;
  /** Whether the server knows that this connection carries the session. */
  #isBound = false;
  /** Whether packets of the application may be sent. */
  #isReady = false;
  /** Reliable packets and their bytes received since something was sent that acknowledged them. */
  #unacknowledgedCount = 0;
  #unacknowledgedBytes = 0;
  #drainTimer: unknown = null;

  /**
   * @param options Bounds, clock, compression.
   * @param onSent Told of each packet of the application once it is written.
   */
  constructor(options: ResolvedClientOptions, onSent: (packet: OutgoingPacket) => void) {
    this.#options = options;
    this.#onSent = onSent;
    this.queue = new OutgoingQueue(options.queueMax);
  }

  /** The session, if this connection carries it. */
  get boundSession(): ClientSession | null {
    return this.#isBound ? this.session : null;
  }

  /** A connection was made: it carries no session yet, and packets of the application wait. */
  attach(connection: Connection): void {
    this.#connection = connection;
  }

  /** The connection is gone. */
  detach(): void {
    this.#connection = null;
    this.#isBound = false;
    this.#isReady = false;
    this.#options.timers.clear(this.#drainTimer);
    this.#drainTimer = null;
  }

  /** The connection carries `session` from here on. */
  bind(session: ClientSession): void {
    this.session = session;
    this.#isBound = true;
  }

  /** Holds packets of the application back. */
  pause(): void {
    this.#isReady = false;
  }

  /** Lets packets of the application through, those that waited first. */
  resume(): void {
    this.#isReady = true;
    this.flush();
  }

  /**
   * Makes a packet of a payload, compressed where that pays.
   *
   * @throws {RangeError} when it is too large for a frame.
   */
  pack(row: PacketRow, payload: Uint8Array): OutgoingPacket {
    const compressed = this.#options.compress ? deflatePayload(payload) : null;
    const carried = compressed ?? payload;
    if (carried.length > PAYLOAD_BYTES_MAX) {
      throw new RangeError(
        `Cannot send ${row.name}: payload is ${carried.length} bytes, limit is ${PAYLOAD_BYTES_MAX} bytes`,
      );
    }
    const requestKey = row.isDurable ? 1 + Math.floor(this.#options.random() * REQUEST_KEY_MAX) : 0;
    return { row, payload: carried, isCompressed: compressed !== null, requestKey, sequence: 0, isSent: false };
  }

  /** Sends a packet, or does with it what its delivery class says. */
  submit(packet: OutgoingPacket): SendResult {
    const { delivery } = packet.row;
    if (delivery === DeliveryClass.DROPPABLE) {
      if (this.#connection === null || this.#isCongested()) return "dropped";
      this.#transmit(packet);
      return "sent";
    }
    const isNext = delivery === DeliveryClass.LATEST || this.queue.reliableCount === 0;
    if (isNext && this.#canTransmit(packet)) {
      this.#transmit(packet);
      return "sent";
    }
    if (delivery === DeliveryClass.LATEST) this.queue.replace(packet);
    else if (!this.queue.tryPush(packet)) return "full";
    this.#awaitDrain();
    return "queued";
  }

  /** Sends what waits, as far as it may be sent now. */
  flush(): void {
    for (let packet = this.queue.first; packet !== undefined && this.#canTransmit(packet); packet = this.queue.first) {
      this.queue.shift();
      this.#transmit(packet);
    }
    if (this.queue.latestCount > 0 && this.#isReady && !this.#isCongested()) {
      for (const packet of this.queue.takeLatest()) this.#transmit(packet);
    }
    this.#awaitDrain();
  }

  /** Sends requests again, under their names: a server that has carried them out already answers as before. */
  repeat(packets: readonly OutgoingPacket[]): void {
    for (const packet of packets) {
      packet.isSent = false;
      packet.isRepeated = true;
      packet.sequence = 0;
    }
    this.queue.putBack(packets);
  }

  /** Sends again what the session's server has not received. */
  replay(session: ClientSession): void {
    for (const packet of session.outbox) this.#write(packet);
  }

  /** Writes an unnumbered packet of the client's own, past everything that waits. */
  writeOwn(type: number, payload: Uint8Array): void {
    this.#write({ row: { type }, sequence: 0, isCompressed: false, payload, requestKey: 0 });
  }

  /**
   * Counts a received reliable packet.
   *
   * @returns Whether something should be sent now to acknowledge it.
   */
  countReceived(payloadBytes: number): boolean {
    this.#unacknowledgedCount++;
    this.#unacknowledgedBytes += payloadBytes;
    return this.#unacknowledgedCount >= CLIENT_ACK_PACKETS || this.#unacknowledgedBytes >= CLIENT_ACK_BYTES;
  }

  #isCongested(): boolean {
    return this.#connection !== null && this.#connection.bufferedBytes > CLIENT_BUFFERED_BYTES_MAX;
  }

  #canTransmit(packet: OutgoingPacket): boolean {
    if (!this.#isReady || this.#isCongested()) return false;
    return !this.#isNumbered(packet) || this.session!.hasRoom(packet.payload.length);
  }

  /** What follows a request to leave comes when there may be no session any more, and is not counted in it. */
  #isNumbered({ row }: OutgoingPacket): boolean {
    if (this.session === null || this.session.isLeaving) return false;
    return row.delivery === DeliveryClass.RELIABLE && (row.states & STATE_IN_WORLD) !== 0;
  }

  #transmit(packet: OutgoingPacket): void {
    if (this.#isNumbered(packet)) this.session!.number(packet);
    this.#write(packet);
    packet.isSent = true;
    this.#onSent(packet);
  }

  #write({ row, sequence, isCompressed, payload, requestKey }: WrittenPacket): void {
    const ack = this.boundSession?.received ?? 0;
    const nowMs = Math.floor(this.#options.now());
    this.#connection!.write(row.type, sequence, nowMs, isCompressed, ack, payload, requestKey);
    this.#unacknowledgedCount = 0;
    this.#unacknowledgedBytes = 0;
  }

  #awaitDrain(): void {
    if (this.#drainTimer !== null || !this.#isReady || !this.#isCongested()) return;
    this.#drainTimer = this.#options.timers.set(() => {
      this.#drainTimer = null;
      this.flush();
    }, CLIENT_DRAIN_POLL_MS);
  }
}
