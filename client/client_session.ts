/**
 * The client's side of reliable delivery: numbers, acknowledgements, what to send again. No clock, no socket.
 *
 * @see docs/protocol.md, "Packet" and "Session flow"
 * @module
 */

import { ProtocolError } from "../shared/errors.ts";
import { DisconnectReason } from "../shared/gen/auth_pb.ts";
import { OUTBOX_BYTES_MAX, OUTBOX_PACKETS_MAX } from "../shared/limits.ts";
import type { OutgoingPacket } from "./outgoing.ts";

/** What a server admitted: from ENTER_WORLD_RESPONSE on, over every connection that resumes it. */
export class ClientSession {
  /** What the next RESUME_REQUEST takes. */
  resumeToken: string;
  /** A RESUME_REQUEST with this token was sent; it has not been answered with the next. */
  isTokenSent = false;
  /** LEAVE_WORLD_REQUEST or LOGOUT_REQUEST was sent: the session is over once it is answered, and not before. */
  isLeaving = false;
  /** The player's own entity. */
  entityId: bigint;

  /** Highest number received in order. */
  #received: number;
  /** Whether the next number may skip some, which are gone. */
  #maySkip = false;
  /** Highest number given to a packet of ours. */
  #sent = 0;
  /** Highest number of ours that the server has. */
  #acknowledged = 0;
  /** The packets in between, in order. */
  #outbox: OutgoingPacket[] = [];
  #outboxBytes = 0;

  /**
   * @param resumeToken From ENTER_WORLD_RESPONSE.
   * @param entityId From ENTER_WORLD_RESPONSE.
   * @param sequence Number of the ENTER_WORLD_RESPONSE; 0 from a server that does not number.
   * @throws {ProtocolError} `PROTOCOL_VIOLATION` when it is 2^53 or more.
   */
  constructor(resumeToken: string, entityId: bigint, sequence: number) {
    this.resumeToken = resumeToken;
    this.entityId = entityId;
    this.#received = countable(sequence);
  }

  /** Highest number such that it and all before it have been received: what `header.ack` carries. */
  get received(): number {
    return this.#received;
  }

  /** Highest number of ours that the server has, as far as it has said. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Packets sent and not acknowledged, oldest first. */
  get outbox(): readonly OutgoingPacket[] {
    return this.#outbox;
  }

  /** Whether one more packet of `payloadBytes` may be sent before an acknowledgement. */
  hasRoom(payloadBytes: number): boolean {
    return this.#outbox.length < OUTBOX_PACKETS_MAX &&
      (this.#outbox.length === 0 || this.#outboxBytes + payloadBytes <= OUTBOX_BYTES_MAX);
  }

  /** Gives a packet its number and keeps it until it is acknowledged. */
  number(packet: OutgoingPacket): void {
    packet.sequence = ++this.#sent;
    this.#outbox.push(packet);
    this.#outboxBytes += packet.payload.length;
  }

  /**
   * Takes the number of a received reliable packet.
   *
   * @returns `false` when the packet has been received before and must not be applied again.
   * @throws {ProtocolError} `PROTOCOL_VIOLATION` when the number skips one, or is 2^53 or more.
   */
  accept(sequence: number): boolean {
    if (sequence <= this.#received) return false;
    if (sequence !== this.#received + 1 && !this.#maySkip) {
      throw violation(`Cannot accept packet: its number is ${sequence}, expected ${this.#received + 1}`);
    }
    this.#received = countable(sequence);
    this.#maySkip = false;
    return true;
  }

  /**
   * Takes the server's acknowledgement.
   *
   * @returns Whether it freed room.
   * @throws {ProtocolError} `PROTOCOL_VIOLATION` when it names a number that was not sent.
   */
  acknowledge(ack: number): boolean {
    if (ack <= this.#acknowledged) return false;
    if (ack > this.#sent) {
      throw violation(`Cannot accept acknowledgement: it is ${ack}, the last number sent is ${this.#sent}`);
    }
    for (const packet of this.#outbox.splice(0, ack - this.#acknowledged)) this.#outboxBytes -= packet.payload.length;
    this.#acknowledged = ack;
    return true;
  }

  /**
   * Takes a successful RESUME_RESPONSE; afterwards the outbox holds what to send again.
   *
   * @param lastSequence Highest number the server has received; 0 with a gap: it does not know.
   * @param gap Whether some of the server's packets are gone.
   * @throws {ProtocolError} `PROTOCOL_VIOLATION` when the server lacks what it had acknowledged, or has what was never
   * sent.
   */
  resume(lastSequence: number, gap: boolean): void {
    if (lastSequence < this.#acknowledged && !(gap && lastSequence === 0)) {
      throw violation(`Cannot resume: the server has ${lastSequence}, it had acknowledged ${this.#acknowledged}`);
    }
    this.acknowledge(lastSequence);
    this.#maySkip = gap;
  }
}

/** Larger numbers cannot be told from the next, nor sent back. */
function countable(sequence: number): number {
  if (!Number.isSafeInteger(sequence)) {
    throw violation(`Cannot accept packet: its number is ${sequence}, not below 2^53`);
  }
  return sequence;
}

function violation(message: string): ProtocolError {
  return new ProtocolError(DisconnectReason.PROTOCOL_VIOLATION, message);
}
