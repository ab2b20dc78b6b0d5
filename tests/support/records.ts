/** The layout of records once more, so that a slip in the functions of records.ts is seen. @module */

import type { RingConsumer } from "../../server/ring/byte_ring.ts";

export const KIND_MASK = 0xff;
export const STATE_SHIFT = 8;
export const FLAG_COMPRESSED = 0x1_0000;

/** The fields of a record. */
export interface RecordFields {
  /** With state and flags. */
  readonly kind: number;
  readonly slot: number;
  readonly generation: number;
  readonly type: number;
  readonly payloadBytes: number;
  readonly sequence: number;
  readonly ack: number;
}

/** The fields of the record at `at`. */
export function readRecord(ring: RingConsumer, at: number): RecordFields {
  const word = at >>> 2;
  return {
    kind: ring.words[word + 1],
    slot: ring.words[word + 2],
    generation: ring.words[word + 3],
    type: ring.words[word + 4],
    payloadBytes: ring.words[word + 5],
    sequence: ring.doubles[(at >>> 3) + 3],
    ack: ring.doubles[(at >>> 3) + 4],
  };
}
