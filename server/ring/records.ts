/**
 * What io workers and the logic worker tell each other: the layout of the records in their rings.
 *
 * Every record starts with the same fields, at these byte offsets:
 *
 *     0 record bytes u32 · 4 kind u32 · 8 slot u32 · 12 generation u32 · 16 type u32 · 20 payload bytes u32
 *     24 sequence f64 · 32 ack f64 · 40 payload
 *
 * `slot` and `generation` name a connection on its io worker; a record whose generation is not the slot's is for a
 * connection that is gone, and is dropped.
 *
 * @module
 */

import type { RingConsumer, RingProducer } from "./byte_ring.ts";

/** Bytes before a record's payload. */
export const RECORD_HEADER_BYTES = 40;

/** io -> logic: the connection's first word to logic; payload: JSON of {@linkcode OpenInfo}. */
export const RECORD_OPEN = 1;
/** io -> logic: a packet of a client, payload decompressed and not parsed. */
export const RECORD_PACKET = 2;
/** io -> logic: a packet was answered on the io worker, but carries a `sequence` or an `ack`. */
export const RECORD_SEQUENCE = 3;
/** io -> logic: the connection is gone; `type`: its `DisconnectReason`, or 0 when the peer went. */
export const RECORD_CLOSED = 4;
/** io -> logic: the connection's send queue is above (type 1) or again below (type 0) its soft cap. */
export const RECORD_CONGESTED = 5;
/** io -> logic: a packet was refused; type and payload: the refusal, which logic numbers and sends. */
export const RECORD_REFUSED = 6;

/** io -> logic: the next packet of the connection has a name; sequence: its request key. */
export const RECORD_REQUEST_KEY = 7;

/** logic -> io: one packet for one connection. */
export const RECORD_SEND = 16;
/** logic -> io: one packet for many; `slot`: their count; after the payload, aligned to 8, 16 bytes for each:
 * `slot u32 · generation u32 · sequence f64`. */
export const RECORD_BROADCAST = 17;
/** logic -> io: nothing to send but a new `ack`; `type`: a packet that came again and gets no other answer, or 0. */
export const RECORD_ACK = 18;
/** logic -> io: close with the `DisconnectReason` in `type`; sequence: retry_after_ms; payload: the message. */
export const RECORD_CLOSE = 19;
/** logic -> io: announce every connection that logic has not heard of: an address was banned. */
export const RECORD_ROLL_CALL = 20;

/** The kind is in the low byte of its word; a new connection state in the next, 0 for none; flags above. */
export const KIND_MASK = 0xff;
export const STATE_SHIFT = 8;
/** The payload of a SEND or BROADCAST is compressed. */
export const FLAG_COMPRESSED = 0x1_0000;

/** What logic is told about a connection. */
export interface OpenInfo {
  readonly transport: "tcp" | "tls" | "websocket";
  readonly port: "login" | "game" | "gateway";
  /** The peer's address, without its port. */
  readonly address: string;
  /** The address the peer connected to: what it can reach us by. */
  readonly localAddress: string;
}

/**
 * Writes a record.
 *
 * @param payload Copied from `[payloadStart, payloadEnd)`.
 * @returns The record's offset, or -1 when the ring is full.
 */
export function tryPushRecord(
  ring: RingProducer,
  kind: number,
  slot: number,
  generation: number,
  type: number,
  sequence: number,
  ack: number,
  payload: Uint8Array,
  payloadStart: number,
  payloadEnd: number,
  trailerBytes = 0,
): number {
  const payloadBytes = payloadEnd - payloadStart;
  const at = ring.tryReserve(RECORD_HEADER_BYTES + payloadBytes + trailerBytes);
  if (at < 0) return -1;
  const word = at >>> 2;
  const words = ring.words;
  words[word + 1] = kind;
  words[word + 2] = slot;
  words[word + 3] = generation;
  words[word + 4] = type;
  words[word + 5] = payloadBytes;
  ring.doubles[(at >>> 3) + 3] = sequence;
  ring.doubles[(at >>> 3) + 4] = ack;
  const target = ring.bytes;
  let to = at + RECORD_HEADER_BYTES;
  if (payloadBytes <= 64) {
    for (let from = payloadStart; from < payloadEnd; from++) target[to++] = payload[from];
  } else {
    target.set(payload.subarray(payloadStart, payloadEnd), to);
  }
  return at;
}

/** The fields of a record at `at`, for the places off the hot path. */
export function readRecord(ring: RingConsumer, at: number): {
  kind: number;
  slot: number;
  generation: number;
  type: number;
  payloadBytes: number;
  sequence: number;
  ack: number;
} {
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
