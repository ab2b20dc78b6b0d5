/**
 * The reliable packets of one session that its client has not acknowledged yet.
 *
 * @module
 */

import { OUTBOX_BYTES_MAX, OUTBOX_PACKETS_MAX, OUTBOX_UNSENT_FACTOR } from "../../shared/limits.ts";

/** What becomes of a packet whose contents are kept elsewhere until it has arrived. */
export interface Receipt {
  /** The client has acknowledged the packet. */
  isHeard: boolean;
  /** The packet is still to be sent, or may be sent again. */
  isKept: boolean;
}

/** A reliable packet; its payload may be shared with other outboxes and is never changed. */
export interface OutboxPacket {
  /** The number of its packet type. */
  readonly type: number;
  /** Whether the payload is a DEFLATE stream. */
  readonly isCompressed: boolean;
  /** As it is sent. */
  readonly payload: Uint8Array;
  /** Told when the client has acknowledged the packet, or the outbox has given it up. */
  receipt?: Receipt;
  /** It went to many: where not all can be kept, it is given up before what was meant for one. */
  readonly isForMany?: boolean;
}

/** An outbox as plain data. */
export interface OutboxImage {
  readonly packets: readonly Omit<OutboxPacket, "receipt">[];
  /** The number of the first of them. */
  readonly firstSequence: number;
  readonly sentSequence: number;
  readonly isAcknowledged: boolean;
  readonly hasGap: boolean;
}

/**
 * Who packets are kept for: nobody is connected; a connection that takes what it is given; one whose io worker says that
 * it is congested.
 */
export type OutboxReader = "gone" | "taking" | "congested";

/** What a packet costs beside its payload, in bytes. */
export const PACKET_OVERHEAD_BYTES = 64;

/**
 * Numbers packets 1, 2, 3 … and keeps them until acknowledged, bounded in count and bytes. Above either bound packets are
 * given up, and a client that comes back is told of the gap. What no connection was given has no number yet that anybody
 * knows, so there the packets for many go first, and the others move up; else the oldest goes. Their order stays.
 */
export class Outbox {
  /** The packets `#first` to `#last`, at `#packets[#offset]` and on; the array is compacted as it is emptied. */
  #packets: (OutboxPacket | undefined)[] = [];
  #offset = 0;
  #first = 1;
  #bytes = 0;
  #sent = 0;
  /** The client acknowledges what it hears; it need not. */
  #isAcknowledged = false;
  /** Packets were given up from between others, so that no number shows it. */
  #hasGap = false;

  /** An outbox as its image has it. */
  static of({ packets, firstSequence, sentSequence, isAcknowledged, hasGap }: OutboxImage): Outbox {
    const outbox = new Outbox();
    outbox.#packets = [...packets];
    outbox.#first = firstSequence;
    outbox.#bytes = packets.reduce((bytes, { payload }) => bytes + payload.length + PACKET_OVERHEAD_BYTES, 0);
    outbox.#sent = sentSequence;
    outbox.#isAcknowledged = isAcknowledged;
    outbox.#hasGap = hasGap;
    return outbox;
  }

  /** All of it but who is told of receipts. */
  image(): OutboxImage {
    return {
      packets: this.#packets.slice(this.#offset).map((packet) => ({ ...packet!, receipt: undefined })),
      firstSequence: this.#first,
      sentSequence: this.#sent,
      isAcknowledged: this.#isAcknowledged,
      hasGap: this.#hasGap,
    };
  }

  /** The number of the packet appended last; 0 when there was none. */
  get lastSequence(): number {
    return this.#first + this.#packets.length - this.#offset - 1;
  }

  /** The number of the oldest packet kept; one above the last when none is. */
  get firstSequence(): number {
    return this.#first;
  }

  /** Packets kept. */
  get count(): number {
    return this.#packets.length - this.#offset;
  }

  /** Bytes kept, with what each packet costs beside its payload. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the client has acknowledged anything: it need not. */
  get isAcknowledged(): boolean {
    return this.#isAcknowledged;
  }

  /** The number of the packet that was handed to the connection last. */
  get sentSequence(): number {
    return this.#sent;
  }

  /** Packets were given up that a client which comes back must be told of, whatever numbers it brings. */
  get hasGap(): boolean {
    return this.#hasGap;
  }

  /** The client has heard of the gap. */
  confirmGap(): void {
    this.#hasGap = false;
  }

  /**
   * Appends a packet.
   *
   * @returns Its sequence, or -1 when the connection cannot keep up: its io worker says so, or has taken nothing for
   * {@linkcode OUTBOX_UNSENT_FACTOR} times as long as the bounds allow.
   */
  append(packet: OutboxPacket, reader: OutboxReader): number {
    this.#packets.push(packet);
    this.#bytes += packet.payload.length + PACKET_OVERHEAD_BYTES;
    while (this.#exceeds(1)) {
      if (reader === "gone") this.#giveUpOne();
      else if (this.#first <= this.#sent) this.#forgetFirst();
      else if (reader === "congested" || this.#exceeds(OUTBOX_UNSENT_FACTOR)) return -1;
      else break;
    }
    return this.lastSequence;
  }

  #exceeds(factor: number): boolean {
    return this.count > factor * OUTBOX_PACKETS_MAX || this.#bytes > factor * OUTBOX_BYTES_MAX;
  }

  /** Gives up the packet that is missed least. */
  #giveUpOne(): void {
    // Who acknowledges nothing has most likely heard what it was sent.
    const isHeard = !this.#isAcknowledged && this.#first <= this.#sent;
    const from = this.#offset + Math.max(0, this.#sent + 1 - this.#first);
    const index = isHeard ? -1 : this.#packets.findIndex((packet, index) => index >= from && packet!.isForMany);
    // The first one leaves a gap in the numbers, which needs no mark.
    if (index < 0 || index === this.#offset) return this.#forgetFirst();
    this.#bytes -= this.#packets[index]!.payload.length + PACKET_OVERHEAD_BYTES;
    this.#packets.splice(index, 1);
    this.#hasGap = true;
  }

  /** Forgets all packets up to `sequence`; anything beyond the last is ignored. */
  acknowledge(sequence: number): void {
    if (sequence > 0) this.#isAcknowledged = true;
    const upTo = Math.min(sequence, this.lastSequence);
    while (this.#first <= upTo) {
      const { receipt } = this.#packets[this.#offset]!;
      if (receipt !== undefined) receipt.isHeard = true;
      this.#forgetFirst();
    }
  }

  /** The packet that was appended last, if it is kept. */
  newest(): OutboxPacket | undefined {
    return this.get(this.lastSequence);
  }

  /** The packet with this number, if it is kept. */
  get(sequence: number): OutboxPacket | undefined {
    return sequence < this.#first ? undefined : this.#packets[this.#offset + sequence - this.#first];
  }

  /** Says that everything up to `sequence` was handed to the connection. */
  markSent(sequence: number): void {
    this.#sent = sequence;
  }

  /**
   * The packets that the client has not heard, as far as can be told, oldest first. Of a client that acknowledges nothing
   * these are the ones that were handed to no connection.
   */
  unheard(): OutboxPacket[] {
    const from = this.#isAcknowledged ? this.#first : Math.max(this.#first, this.#sent + 1);
    return this.#packets.slice(this.#offset + from - this.#first) as OutboxPacket[];
  }

  /** All packets that are kept, oldest first. */
  kept(): OutboxPacket[] {
    return this.#packets.slice(this.#offset) as OutboxPacket[];
  }

  /** The packets that were handed to no connection, oldest first. */
  unsent(): OutboxPacket[] {
    const from = Math.max(this.#first, this.#sent + 1);
    return this.#packets.slice(this.#offset + from - this.#first) as OutboxPacket[];
  }

  #forgetFirst(): void {
    const { payload, receipt } = this.#packets[this.#offset]!;
    if (receipt !== undefined) receipt.isKept = false;
    this.#bytes -= payload.length + PACKET_OVERHEAD_BYTES;
    this.#packets[this.#offset++] = undefined;
    this.#first++;
    if (this.#offset === this.#packets.length) {
      this.#packets = [];
      this.#offset = 0;
    } else if (this.#offset >= 64 && this.#offset * 2 >= this.#packets.length) {
      this.#packets = this.#packets.slice(this.#offset);
      this.#offset = 0;
    }
  }
}
