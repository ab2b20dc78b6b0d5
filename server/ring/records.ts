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
 * All that reads or writes these offsets is here, as functions that cost what the access itself costs.
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
/**
 * logic -> io: one packet for many; `slot`: their count; after the payload, aligned to 8, 16 bytes for each:
 * `slot u32 · generation u32 · sequence f64`.
 */
export const RECORD_BROADCAST = 17;
/** logic -> io: nothing to send but a new `ack`; `type`: a packet that came again and gets no other answer, or 0. */
export const RECORD_ACK = 18;
/**
 * logic -> io: close with the `DisconnectReason` in `type`; sequence: retry_after_ms; payload: the
 * message, and in its last `ack` bytes an `Explanation`.
 */
export const RECORD_CLOSE = 19;
/** logic -> io: announce every connection that logic has not heard of: an address was banned. */
export const RECORD_ROLL_CALL = 20;

/** The kind is in the low byte of its word; a new connection state in the next, 0 for none; flags above. */
const KIND_MASK = 0xff;
const STATE_SHIFT = 8;
const FLAG_COMPRESSED = 0x1_0000;
/** Bytes of one recipient of a broadcast. */
const RECIPIENT_BYTES = 16;

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

/**
 * A kind with what else its word says.
 *
 * @param state The connection's new state, as the packet table has it; 0: as it is.
 */
export function kindWordOf(kind: number, state: number, isCompressed: boolean): number {
  return kind | (state << STATE_SHIFT) | (isCompressed ? FLAG_COMPRESSED : 0);
}

/** One of the `RECORD_…`. */
export function kindOf(ring: RingConsumer, at: number): number {
  return ring.words[(at >>> 2) + 1] & KIND_MASK;
}

/** The state that the connection has from now on; 0: as it is. */
export function stateOf(ring: RingConsumer, at: number): number {
  return (ring.words[(at >>> 2) + 1] >>> STATE_SHIFT) & 0xff;
}

/** Whether the payload of a SEND or BROADCAST is compressed. */
export function isCompressedAt(ring: RingConsumer, at: number): boolean {
  return (ring.words[(at >>> 2) + 1] & FLAG_COMPRESSED) !== 0;
}

/** The connection's slot. */
export function slotOf(ring: RingConsumer, at: number): number {
  return ring.words[(at >>> 2) + 2];
}

/** The generation of its slot. */
export function generationOf(ring: RingConsumer, at: number): number {
  return ring.words[(at >>> 2) + 3];
}

/** The packet type, or what the kind says it is. */
export function typeOf(ring: RingConsumer, at: number): number {
  return ring.words[(at >>> 2) + 4];
}

/** Where the payload begins, in the ring's bytes. */
export function payloadStartOf(at: number): number {
  return at + RECORD_HEADER_BYTES;
}

/** Where the payload ends, in the ring's bytes. */
export function payloadEndOf(ring: RingConsumer, at: number): number {
  return at + RECORD_HEADER_BYTES + ring.words[(at >>> 2) + 5];
}

/** The packet's number; 0: none. */
export function sequenceOf(ring: RingConsumer, at: number): number {
  return ring.doubles[(at >>> 3) + 3];
}

/** When the peer of a CLOSE may come back, in milliseconds. */
export function retryAfterMsOf(ring: RingConsumer, at: number): number {
  return ring.doubles[(at >>> 3) + 3];
}

/** How many bytes at the end of a CLOSE's payload, behind the text, are an `Explanation`. */
export function explanationBytesOf(ring: RingConsumer, at: number): number {
  return ackOf(ring, at);
}

/** What the packet after a REQUEST_KEY is named by. */
export function requestKeyOf(ring: RingConsumer, at: number): number {
  return ring.doubles[(at >>> 3) + 3];
}

/** The highest number that has arrived from the other side; 0: none. */
export function ackOf(ring: RingConsumer, at: number): number {
  return ring.doubles[(at >>> 3) + 4];
}

/** Recipients of a BROADCAST. */
export function recipientCountOf(ring: RingConsumer, at: number): number {
  return ring.words[(at >>> 2) + 2];
}

/** Bytes that so many recipients take behind the payload, however they lie. */
export function recipientsBytes(count: number): number {
  return 8 + count * RECIPIENT_BYTES;
}

/** Where one of the recipients stands behind a payload that ends at `payloadEnd`. */
export function recipientAt(payloadEnd: number, index: number): number {
  return ((payloadEnd + 7) & ~7) + index * RECIPIENT_BYTES;
}

/** Writes one recipient at {@linkcode recipientAt}. */
export function writeRecipient(
  ring: RingProducer,
  entry: number,
  slot: number,
  generation: number,
  sequence: number,
): void {
  ring.words[entry >>> 2] = slot;
  ring.words[(entry >>> 2) + 1] = generation;
  ring.doubles[(entry >>> 3) + 1] = sequence;
}

/** The slot of one recipient. */
export function recipientSlot(ring: RingConsumer, entry: number): number {
  return ring.words[entry >>> 2];
}

/** The generation of its slot. */
export function recipientGeneration(ring: RingConsumer, entry: number): number {
  return ring.words[(entry >>> 2) + 1];
}

/** The number that its packet has for it; 0: none. */
export function recipientSequence(ring: RingConsumer, entry: number): number {
  return ring.doubles[(entry >>> 3) + 1];
}
