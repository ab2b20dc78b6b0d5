/** What logic sends to the connections of one io worker. @module */

import type { RingConsumer } from "../ring/byte_ring.ts";
import {
  ackOf,
  explanationBytesOf,
  generationOf,
  isCompressedAt,
  kindOf,
  payloadEndOf,
  payloadStartOf,
  recipientAt,
  recipientCountOf,
  recipientGeneration,
  recipientSequence,
  recipientSlot,
  RECORD_ACK,
  RECORD_BROADCAST,
  RECORD_CLOSE,
  RECORD_ROLL_CALL,
  RECORD_SEND,
  retryAfterMsOf,
  sequenceOf,
  slotOf,
  stateOf,
  typeOf,
} from "../ring/records.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionTable } from "./connection_table.ts";

const EMPTY = new Uint8Array(0);
const UTF8 = new TextDecoder();

/** Takes records from logic to their connections. */
export class LogicInbox {
  readonly #ring: RingConsumer;
  readonly #connections: ConnectionTable;
  #isRollCalled = false;

  constructor(ring: RingConsumer, connections: ConnectionTable) {
    this.#ring = ring;
    this.#connections = connections;
  }

  /** Whether nothing waits to be taken. */
  get empty(): boolean {
    return this.#ring.empty;
  }

  /** Whether logic asks for the connections that it has not heard of; asking once is enough. */
  takeRollCall(): boolean {
    const isRollCalled = this.#isRollCalled;
    this.#isRollCalled = false;
    return isRollCalled;
  }

  /** Takes what logic has sent until the time is up; gives how many records that were. */
  drain(host: { isTimeUp(): boolean }): number {
    const ring = this.#ring;
    let count = 0;
    for (let at = ring.next(); at >= 0; at = host.isTimeUp() ? -1 : ring.next()) {
      count++;
      const kind = kindOf(ring, at);
      if (kind === RECORD_BROADCAST) this.#broadcast(ring, at);
      else if (kind === RECORD_ROLL_CALL) this.#isRollCalled = true;
      else {
        const connection = this.#connections.find(slotOf(ring, at), generationOf(ring, at));
        if (connection !== null) this.#deliver(connection, kind, ring, at);
      }
    }
    ring.release();
    return count;
  }

  #deliver(connection: Connection, kind: number, ring: RingConsumer, at: number): void {
    const type = typeOf(ring, at), state = stateOf(ring, at);
    const start = payloadStartOf(at), end = payloadEndOf(ring, at);
    switch (kind) {
      case RECORD_SEND:
        if (state !== 0) connection.setState(state);
        connection.reader.onAnswer(type, state !== 0, ring.bytes, start, end);
        connection.ack = ackOf(ring, at);
        connection.sendFromLogic(type, sequenceOf(ring, at), isCompressedAt(ring, at), ring.bytes, start, end);
        break;
      case RECORD_ACK:
        if (state !== 0) connection.setState(state);
        if (state !== 0) connection.reader.onAnswer(type, true, EMPTY, 0, 0);
        else if (type !== 0) connection.reader.onRepeated(type);
        connection.ack = ackOf(ring, at);
        break;
      case RECORD_CLOSE:
        if (type === 0) connection.closeQuietly();
        else {
          const textEnd = end - explanationBytesOf(ring, at);
          connection.close(
            type,
            UTF8.decode(ring.bytes.slice(start, textEnd)),
            retryAfterMsOf(ring, at),
            ring.bytes.slice(textEnd, end),
          );
        }
        break;
    }
  }

  #broadcast(ring: RingConsumer, at: number): void {
    const type = typeOf(ring, at), isCompressed = isCompressedAt(ring, at), count = recipientCountOf(ring, at);
    const start = payloadStartOf(at), end = payloadEndOf(ring, at);
    for (let index = 0; index < count; index++) {
      const entry = recipientAt(end, index);
      const connection = this.#connections.find(recipientSlot(ring, entry), recipientGeneration(ring, entry));
      if (connection === null) continue;
      connection.sendFromLogic(type, recipientSequence(ring, entry), isCompressed, ring.bytes, start, end);
    }
  }
}
