/**
 * The reliable packets of one session that its client has not acknowledged yet.
 *
 * @module
 */

import { OUTBOX_BYTES_MAX, OUTBOX_PACKETS_MAX } from "../../shared/limits.ts";

/** What becomes of a packet whose contents are kept elsewhere until it has arrived. */
export interface Receipt {
  /** The client has acknowledged the packet. */
  isHeard: boolean;
  /** The packet is still to be sent, or may be sent again. */
  isKept: boolean;
}

/** A reliable packet; its payload may be shared with other outboxes and is never changed. */
export interface OutboxPacket {
  readonly type: number;
  readonly isCompressed: boolean;
  readonly payload: Uint8Array;
  /** Told when the client has acknowledged the packet, or the outbox has given it up. */
  receipt?: Receipt;
}

/** What a packet costs beside its payload, in bytes. */
const PACKET_OVERHEAD_BYTES = 64;

/**
 * Numbers packets 1, 2, 3 … and keeps them until acknowledged, bounded in count and bytes: above either bound the oldest
 * are forgotten, and a client that asks for them is told of the gap.
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

  /**
   * Appends a packet.
   *
   * @returns Its sequence, or -1 when it would push out packets that were never handed to a live connection, so that
   * the connection cannot keep up.
   */
  append(packet: OutboxPacket, connected: boolean): number {
    this.#packets.push(packet);
    this.#bytes += packet.payload.length + PACKET_OVERHEAD_BYTES;
    const sequence = this.lastSequence;
    while (this.count > OUTBOX_PACKETS_MAX || this.#bytes > OUTBOX_BYTES_MAX) {
      if (connected && this.#first > this.#sent) return -1;
      this.#forgetFirst();
    }
    return sequence;
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
