/**
 * Logic's end of a connection, and of the rings to the io workers.
 *
 * @module
 */

import { DisconnectReason } from "../../shared/gen/enums.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import { BROADCAST_RECIPIENTS_MAX, LINK_OVERFLOW_RECORDS_MAX } from "../../shared/limits.ts";
import type { RingProducer } from "../ring/byte_ring.ts";
import type { Waker } from "../ring/doorbell.ts";
import {
  kindWordOf,
  type OpenInfo,
  payloadStartOf,
  recipientAt,
  recipientsBytes,
  RECORD_ACK,
  RECORD_BROADCAST,
  RECORD_CLOSE,
  RECORD_HEADER_BYTES,
  RECORD_ROLL_CALL,
  RECORD_SEND,
  tryPushRecord,
  writeRecipient,
} from "../ring/records.ts";
import type { Session } from "./session.ts";
import { explanationOf, textOf, type Told } from "./told.ts";

const EMPTY = new Uint8Array(0);
const UTF8 = new TextEncoder();

/** The way to the connections of one io worker. */
export interface IoOutput {
  /**
   * Sends one packet.
   *
   * @returns `false` when there is no room now.
   */
  trySend(
    link: Link,
    type: number,
    sequence: number,
    ack: number,
    isCompressed: boolean,
    payload: Uint8Array,
    start: number,
    end: number,
  ): boolean;
  /** Sends one packet that cannot be sent again later: it waits, within a bound, when there is no room. */
  send(link: Link, type: number, payload: Uint8Array): void;
  /**
   * Sends a new acknowledgement, and a new state if one is due, and nothing else.
   *
   * @param repeatedType The type of a packet that came again, to which this is the only answer; 0: none did.
   */
  tryAck(link: Link, ack: number, repeatedType: number): boolean;
  /** Sends one packet to the links gathered by {@linkcode addRecipient}, and forgets them. */
  flushBroadcast(type: number, isCompressed: boolean, payload: Uint8Array): void;
  /** Gathers a link for {@linkcode flushBroadcast}; `sequence` is its packet's number. */
  addRecipient(link: Link, sequence: number): void;
  /** Closes the connection with a reason. */
  close(link: Link, reason: DisconnectReason, told: Told, retryAfterMs: number): void;
  /**
   * Asks the io worker to announce the connections that logic has not heard of.
   *
   * @returns `false` when there is no room now.
   */
  tryCallRoll(): boolean;
  /** Whether a packet with this much payload would be taken now. */
  hasRoomFor(payloadBytes: number): boolean;
  /** Makes everything visible to the io worker, and wakes it. */
  publish(): void;
}

/** A connection of an io worker as plain data. */
export type LinkImage = Pick<
  Link,
  "worker" | "slot" | "generation" | "info" | "congested" | "requestKey" | "stateDue" | "closed"
>;

/** One connection as logic knows it, from its first forwarded packet to its end. */
export class Link {
  /** The session that this connection carries. */
  session: Session;
  /** The io worker sheds: snapshots are not built until it has drained. */
  congested = false;
  /** Names the packet that comes next; 0: it has no name. */
  requestKey = 0;
  /** The state that its next record tells the io worker, as the packet table has it; 0: none. */
  stateDue = 0;
  /** It was closed, by either side. */
  closed = false;

  constructor(
    readonly output: IoOutput,
    readonly worker: number,
    readonly slot: number,
    readonly generation: number,
    readonly info: OpenInfo,
    session: Session,
  ) {
    this.session = session;
  }

  /** A connection as its image has it. */
  static of(image: LinkImage, output: IoOutput, session: Session): Link {
    const { worker, slot, generation, info, congested, requestKey, stateDue, closed } = image;
    const link = new Link(output, worker, slot, generation, info, session);
    return Object.assign(link, { congested, requestKey, stateDue, closed });
  }

  /** All of it but whose it is. */
  image(): LinkImage {
    const { worker, slot, generation, info, congested, requestKey, stateDue, closed } = this;
    return { worker, slot, generation, info, congested, requestKey, stateDue, closed };
  }
}

/** A record that waits for room. */
interface WaitingRecord {
  readonly kind: number;
  readonly link: Link;
  readonly type: number;
  /** Of a CLOSE; 0 else. */
  readonly retryAfterMs: number;
  readonly explanationBytes: number;
  readonly payload: Uint8Array;
}

/** {@linkcode IoOutput} over a ring. */
export class RingOutput implements IoOutput {
  readonly #ring: RingProducer;
  readonly #waker: Waker;
  #waiting: WaitingRecord[] = [];
  readonly #recipients: Link[] = [];
  readonly #sequences: number[] = [];
  /** Called for each recipient of a broadcast that did not fit; its packet is in its outbox. */
  readonly #onBroadcastFull: (link: Link, sequence: number) => void;

  constructor(ring: RingProducer, waker: Waker, onBroadcastFull: (link: Link, sequence: number) => void) {
    this.#ring = ring;
    this.#waker = waker;
    this.#onBroadcastFull = onBroadcastFull;
  }

  /** Whether nothing waits for room. */
  get isFlushed(): boolean {
    return this.#waiting.length === 0;
  }

  trySend(
    link: Link,
    type: number,
    sequence: number,
    ack: number,
    isCompressed: boolean,
    payload: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    if (this.#waiting.length > 0 && !this.#flushWaiting()) return false;
    const kind = kindWordOf(RECORD_SEND, link.stateDue, isCompressed);
    const { slot, generation } = link;
    if (tryPushRecord(this.#ring, kind, slot, generation, type, sequence, ack, payload, start, end) < 0) return false;
    link.stateDue = 0;
    return true;
  }

  send(link: Link, type: number, payload: Uint8Array): void {
    this.#pushOrWait({ kind: RECORD_SEND, link, type, retryAfterMs: 0, explanationBytes: 0, payload });
  }

  tryAck(link: Link, ack: number, repeatedType: number): boolean {
    if (this.#waiting.length > 0 && !this.#flushWaiting()) return false;
    const kind = kindWordOf(RECORD_ACK, link.stateDue, false);
    if (tryPushRecord(this.#ring, kind, link.slot, link.generation, repeatedType, 0, ack, EMPTY, 0, 0) < 0) {
      return false;
    }
    link.stateDue = 0;
    return true;
  }

  close(link: Link, reason: DisconnectReason, told: Told, retryAfterMs: number): void {
    if (link.closed) return;
    link.closed = true;
    const text = UTF8.encode(textOf(told)), explanation = explanationOf(told);
    const payload = new Uint8Array(text.length + explanation.length);
    payload.set(text);
    payload.set(explanation, text.length);
    const explanationBytes = explanation.length;
    this.#pushOrWait({ kind: RECORD_CLOSE, link, type: reason, retryAfterMs, explanationBytes, payload });
  }

  addRecipient(link: Link, sequence: number): void {
    this.#recipients.push(link);
    this.#sequences.push(sequence);
  }

  flushBroadcast(type: number, isCompressed: boolean, payload: Uint8Array): void {
    const recipients = this.#recipients;
    for (let from = 0; from < recipients.length; from += BROADCAST_RECIPIENTS_MAX) {
      const to = Math.min(from + BROADCAST_RECIPIENTS_MAX, recipients.length);
      if (!this.#tryBroadcast(type, isCompressed, payload, from, to)) {
        for (let index = from; index < to; index++) this.#onBroadcastFull(recipients[index], this.#sequences[index]);
      }
    }
    recipients.length = 0;
    this.#sequences.length = 0;
  }

  #tryBroadcast(type: number, isCompressed: boolean, payload: Uint8Array, from: number, to: number): boolean {
    if (this.#waiting.length > 0 && !this.#flushWaiting()) return false;
    const ring = this.#ring;
    const kind = kindWordOf(RECORD_BROADCAST, 0, isCompressed);
    const count = to - from;
    const at = tryPushRecord(ring, kind, count, 0, type, 0, 0, payload, 0, payload.length, recipientsBytes(count));
    if (at < 0) return false;
    const payloadEnd = payloadStartOf(at) + payload.length;
    for (let index = from; index < to; index++) {
      const { slot, generation } = this.#recipients[index];
      writeRecipient(ring, recipientAt(payloadEnd, index - from), slot, generation, this.#sequences[index]);
    }
    return true;
  }

  tryCallRoll(): boolean {
    return tryPushRecord(this.#ring, RECORD_ROLL_CALL, 0, 0, 0, 0, 0, EMPTY, 0, 0) >= 0;
  }

  hasRoomFor(payloadBytes: number): boolean {
    return this.#ring.hasRoom(RECORD_HEADER_BYTES + payloadBytes);
  }

  publish(): void {
    if (this.#waiting.length > 0) this.#flushWaiting();
    if (this.#ring.publish()) this.#waker.ring();
  }

  #pushOrWait(record: WaitingRecord): void {
    if (this.#waiting.length === 0 && this.#push(record)) return;
    // A close, of which there is one a connection, is kept however much waits, as is the notice that stands for its
    // reason. It stands for an answer that is not: what the client sends behind a request that is never answered would
    // wait for ever.
    const isLast = record.kind === RECORD_CLOSE || record.type === PacketType.DISCONNECT_NOTICE;
    if (this.#waiting.length < LINK_OVERFLOW_RECORDS_MAX || isLast) this.#waiting.push(record);
    else this.close(record.link, DisconnectReason.SERVER_ERROR, "The server is behind with its answers", 0);
  }

  #push({ kind, link, type, retryAfterMs, explanationBytes, payload }: WaitingRecord): boolean {
    const { slot, generation } = link;
    const ack = kind === RECORD_CLOSE ? explanationBytes : link.session.receivedSequence;
    const kindWord = kindWordOf(kind, link.stateDue, false);
    const end = payload.length;
    if (tryPushRecord(this.#ring, kindWord, slot, generation, type, retryAfterMs, ack, payload, 0, end) < 0) {
      return false;
    }
    link.stateDue = 0;
    return true;
  }

  #flushWaiting(): boolean {
    let pushed = 0;
    while (pushed < this.#waiting.length && this.#push(this.#waiting[pushed])) pushed++;
    this.#waiting.splice(0, pushed);
    return this.#waiting.length === 0;
  }
}
