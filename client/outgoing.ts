/**
 * What a client holds back while it cannot send: bounded, by delivery class.
 *
 * @module
 */

import type { PacketRow } from "../shared/packet_table.ts";

/** One packet on its way out, encoded once. */
export interface OutgoingPacket {
  readonly row: PacketRow;
  readonly payload: Uint8Array;
  readonly isCompressed: boolean;
  /** Names a request that must be done once, however often it is sent; 0: it has no name. */
  readonly requestKey: number;
  /** Its number in the session; 0 while unsent, or when it is not numbered. */
  sequence: number;
  /** Whether it has been written to a connection; not so of one that is to be sent again. */
  isSent: boolean;
  /** Whether a server may have got it, before it was sent again, or is to be. */
  isRepeated?: true;
}

/** Bounds of the reliable packets that wait. */
export interface OutgoingQueueMax {
  /** How many. */
  packets: number;
  /** Bytes of their payloads. */
  bytes: number;
}

/** Unsent packets: RELIABLE ones in order, up to a bound; of LATEST ones the newest of each type. */
export class OutgoingQueue {
  readonly #max: OutgoingQueueMax;
  #reliable: OutgoingPacket[] = [];
  #reliableBytes = 0;
  readonly #latest: Map<number, OutgoingPacket> = new Map();

  /** @param max Bounds of the RELIABLE packets. */
  constructor(max: OutgoingQueueMax) {
    this.#max = max;
  }

  /** RELIABLE packets waiting. */
  get reliableCount(): number {
    return this.#reliable.length;
  }

  /** The RELIABLE packet that waits longest. */
  get first(): OutgoingPacket | undefined {
    return this.#reliable[0];
  }

  /** LATEST packets waiting. */
  get latestCount(): number {
    return this.#latest.size;
  }

  /**
   * Adds a RELIABLE packet behind the others.
   *
   * @returns `false` when the queue is full; the packet was not taken.
   */
  tryPush(packet: OutgoingPacket): boolean {
    const bytes = this.#reliableBytes + packet.payload.length;
    if (this.#reliable.length >= this.#max.packets || bytes > this.#max.bytes) return false;
    this.#reliable.push(packet);
    this.#reliableBytes = bytes;
    return true;
  }

  /** Puts RELIABLE packets that were sent before ahead of those that wait, whatever the bound: they had been taken. */
  putBack(packets: readonly OutgoingPacket[]): void {
    this.#reliable = [...packets, ...this.#reliable];
    for (const { payload } of packets) this.#reliableBytes += payload.length;
  }

  /** Takes the first RELIABLE packet out. */
  shift(): OutgoingPacket | undefined {
    const packet = this.#reliable.shift();
    if (packet !== undefined) this.#reliableBytes -= packet.payload.length;
    return packet;
  }

  /** Keeps a LATEST packet in place of an older one of its type. */
  replace(packet: OutgoingPacket): void {
    this.#latest.set(packet.row.type, packet);
  }

  /** Takes the LATEST packets out. */
  takeLatest(): OutgoingPacket[] {
    const packets = [...this.#latest.values()];
    this.#latest.clear();
    return packets;
  }

  /** Takes one RELIABLE packet out, wherever it stands. */
  remove(packet: OutgoingPacket): void {
    const index = this.#reliable.indexOf(packet);
    if (index < 0) return;
    this.#reliable.splice(index, 1);
    this.#reliableBytes -= packet.payload.length;
  }

  /** Drops the LATEST packets and those RELIABLE ones that `keeps` refuses. */
  drop(keeps: (packet: OutgoingPacket) => boolean): void {
    this.#latest.clear();
    this.#reliable = this.#reliable.filter(keeps);
    this.#reliableBytes = this.#reliable.reduce((sum, packet) => sum + packet.payload.length, 0);
  }
}
