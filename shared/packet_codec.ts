/**
 * The envelope: reads and writes a `Packet` and its `PacketHeader` without intermediate objects. Equal to the generated
 * codec, byte for byte; the tests prove it.
 *
 * 64-bit fields are plain numbers here: exact below 2^53, rounded above, as `Number(bigint)` rounds.
 *
 * @module
 */

import { ProtocolError } from "./errors.ts";
import { DisconnectReason } from "./gen/enums.ts";
import { ENVELOPE_FIELDS_MAX, FRAME_HEADER_BYTES } from "./limits.ts";

/** Depth of unknown groups a packet may carry; the generated codec has the same bound. */
const GROUP_DEPTH_MAX = 100;
const TWO_32 = 4_294_967_296;

function malformed(what: string): never {
  throw new ProtocolError(DisconnectReason.MALFORMED_PACKET, `Cannot decode packet: ${what}`);
}

/**
 * One decoded envelope; made once and filled again for every packet.
 *
 * The payload is `bytes[payloadStart, payloadEnd)` of the bytes given to {@linkcode PacketView.decode}.
 */
export class PacketView {
  /** `PacketType` as a number; 0 when the header is missing. */
  type = 0;
  /** Announced length of the payload, in bytes; 0: not announced. */
  size = 0;
  /** Number of a reliable packet; 0: not reliable. */
  sequence = 0;
  /** The sender's clock, Unix milliseconds. */
  timestamp = 0;
  /** Whether the payload is raw DEFLATE. */
  isCompressed = false;
  /** Highest sequence the sender has received in order; 0: says nothing. */
  ack = 0;
  /** Names a request that must be done once; 0: it has no name. */
  requestKey = 0;
  /** Where the payload begins. */
  payloadStart = 0;
  /** Where the payload ends. */
  payloadEnd = 0;

  /** Where the next byte is read. */
  #at = 0;
  /** Fields read of this packet. */
  #fieldCount = 0;
  /** Low and high half of the varint read last, as signed integers: others are no small integers to V8. */
  #low = 0;
  #high = 0;

  /**
   * Decodes the frame body `bytes[start, end)`.
   *
   * Unknown fields are skipped; of a field that comes twice the last counts, as protobuf has it.
   *
   * @throws {ProtocolError} `MALFORMED_PACKET` when it is not a protobuf message, or has more than
   * {@linkcode ENVELOPE_FIELDS_MAX} fields.
   */
  decode(bytes: Uint8Array, start: number, end: number): void {
    this.type = 0;
    this.size = 0;
    this.sequence = 0;
    this.timestamp = 0;
    this.isCompressed = false;
    this.ack = 0;
    this.requestKey = 0;
    this.payloadStart = start;
    this.payloadEnd = start;
    this.#at = start;
    this.#fieldCount = 0;
    while (this.#at < end) {
      const tag = this.#tag(bytes, end);
      if (tag === 0x0a) {
        const length = this.#length(bytes, end);
        this.#header(bytes, this.#at + length);
      } else if (tag === 0x12) {
        const length = this.#length(bytes, end);
        this.payloadStart = this.#at;
        this.payloadEnd = this.#at += length;
      } else {
        this.#skip(bytes, end, tag, 0);
      }
    }
  }

  #header(bytes: Uint8Array, end: number): void {
    while (this.#at < end) {
      const tag = this.#tag(bytes, end);
      switch (tag) {
        case 0x08:
          this.#varint(bytes, end);
          this.type = this.#low;
          break;
        case 0x10:
          this.#varint(bytes, end);
          this.size = this.#low >>> 0;
          break;
        case 0x18:
          this.#varint(bytes, end);
          this.sequence = this.#value();
          break;
        case 0x20:
          this.#varint(bytes, end);
          this.timestamp = this.#value();
          break;
        case 0x28:
          this.#varint(bytes, end);
          this.isCompressed = this.#low !== 0 || this.#high !== 0;
          break;
        case 0x30:
          this.#varint(bytes, end);
          this.ack = this.#value();
          break;
        case 0x38:
          this.#varint(bytes, end);
          this.requestKey = this.#value();
          break;
        default:
          this.#skip(bytes, end, tag, 0);
      }
    }
  }

  #tag(bytes: Uint8Array, end: number): number {
    if (++this.#fieldCount > ENVELOPE_FIELDS_MAX) malformed(`it has more than ${ENVELOPE_FIELDS_MAX} fields`);
    this.#varint(bytes, end);
    if (this.#high !== 0 || this.#low >>> 3 === 0) malformed("a field has an invalid number");
    return this.#low;
  }

  #length(bytes: Uint8Array, end: number): number {
    this.#varint(bytes, end);
    if (this.#high !== 0 || this.#low < 0 || this.#low > end - this.#at) malformed("a field is longer than its packet");
    return this.#low;
  }

  /** Reads a varint of up to 10 bytes into `#low` and `#high`. Most have one byte. */
  #varint(bytes: Uint8Array, end: number): void {
    const at = this.#at;
    if (at < end && bytes[at] < 0x80) {
      this.#at = at + 1;
      this.#low = bytes[at];
      this.#high = 0;
    } else {
      this.#longVarint(bytes, end);
    }
  }

  #longVarint(bytes: Uint8Array, end: number): void {
    let at = this.#at;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= end) malformed("it ends within a number");
      const byte = bytes[at++];
      if (shift < 28) low |= (byte & 0x7f) << shift;
      else if (shift === 28) {
        low |= (byte & 0x0f) << 28;
        high = (byte & 0x7f) >> 4;
      } else if (shift < 63) high |= (byte & 0x7f) << (shift - 32);
      else high |= (byte & 0x01) << 31;
      if (byte < 0x80) {
        this.#at = at;
        this.#low = low;
        this.#high = high;
        return;
      }
    }
    malformed("a number is longer than 10 bytes");
  }

  /** The varint read last; of one of 2^53 or more the nearest number. */
  #value(): number {
    return (this.#high >>> 0) * TWO_32 + (this.#low >>> 0);
  }

  #skip(bytes: Uint8Array, end: number, tag: number, depth: number): void {
    switch (tag & 7) {
      case 0:
        return this.#varint(bytes, end);
      case 1:
        return this.#skipBytes(8, end);
      case 2:
        return this.#skipBytes(this.#length(bytes, end), end);
      case 5:
        return this.#skipBytes(4, end);
      case 3:
        if (depth >= GROUP_DEPTH_MAX) malformed(`groups are nested deeper than ${GROUP_DEPTH_MAX}`);
        for (;;) {
          const inner = this.#tag(bytes, end);
          if ((inner & 7) === 4) {
            if (inner >>> 3 !== tag >>> 3) malformed("a group ends that did not begin");
            return;
          }
          this.#skip(bytes, end, inner, depth + 1);
        }
      default:
        malformed(`wire type ${tag & 7} is not valid here`);
    }
  }

  #skipBytes(count: number, end: number): void {
    if (count > end - this.#at) malformed("a field is longer than its packet");
    this.#at += count;
  }
}

/** Bytes of `value` as a varint; `value` is a non-negative integer below 2^53. */
export function varintBytes(value: number): number {
  let count = 1;
  while (value >= 128) {
    value = Math.floor(value / 128);
    count++;
  }
  return count;
}

/**
 * Writes `value` as a varint at `offset`; `value` is a non-negative integer below 2^53.
 *
 * @returns The offset behind it.
 */
export function writeVarint(target: Uint8Array, offset: number, value: number): number {
  if (value > 0x7f) return writeLongVarint(target, offset, value);
  target[offset] = value;
  return offset + 1;
}

function writeLongVarint(target: Uint8Array, offset: number, value: number): number {
  if (value > 0x7fffffff) {
    // Four bytes at once, so that all but one step is in integers.
    const high = Math.floor(value / 0x1000_0000);
    const low = (value - high * 0x1000_0000) | 0;
    target[offset] = (low & 0x7f) | 0x80;
    target[offset + 1] = ((low >>> 7) & 0x7f) | 0x80;
    target[offset + 2] = ((low >>> 14) & 0x7f) | 0x80;
    target[offset + 3] = (low >>> 21) | 0x80;
    offset += 4;
    value = high;
  }
  while (value > 0x7f) {
    target[offset++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  target[offset++] = value;
  return offset;
}

/** Payloads below this are copied byte by byte, which is faster than a call for so few. */
const BYTE_LOOP_MAX = 48;

/**
 * Writes one frame with its envelope: length, header, payload. Fields that are 0 are left out, as proto3 has it.
 *
 * @param target With room for the payload and `ENVELOPE_BYTES_MAX` bytes from `offset` on.
 * @param payload Holds the payload in `[payloadStart, payloadEnd)`.
 * @returns The offset behind the frame.
 */
export function writeFrame(
  target: Uint8Array,
  offset: number,
  type: number,
  sequence: number,
  timestamp: number,
  isCompressed: boolean,
  ack: number,
  payload: Uint8Array,
  payloadStart: number,
  payloadEnd: number,
  requestKey = 0,
): number {
  const payloadBytes = payloadEnd - payloadStart;
  const bodyStart = offset + FRAME_HEADER_BYTES;
  let at = bodyStart + 2;
  target[at++] = 0x08;
  at = writeVarint(target, at, type);
  if (payloadBytes > 0) {
    target[at++] = 0x10;
    at = writeVarint(target, at, payloadBytes);
  }
  if (sequence > 0) {
    target[at++] = 0x18;
    at = writeVarint(target, at, sequence);
  }
  if (timestamp > 0) {
    target[at++] = 0x20;
    at = writeVarint(target, at, timestamp);
  }
  if (isCompressed) {
    target[at++] = 0x28;
    target[at++] = 1;
  }
  if (ack > 0) {
    target[at++] = 0x30;
    at = writeVarint(target, at, ack);
  }
  if (requestKey > 0) {
    target[at++] = 0x38;
    at = writeVarint(target, at, requestKey);
  }
  target[bodyStart] = 0x0a;
  target[bodyStart + 1] = at - bodyStart - 2;
  if (payloadBytes > 0) {
    target[at++] = 0x12;
    at = writeVarint(target, at, payloadBytes);
    if (payloadBytes < BYTE_LOOP_MAX) {
      for (let from = payloadStart; from < payloadEnd; from++) target[at++] = payload[from];
    } else {
      target.set(payload.subarray(payloadStart, payloadEnd), at);
      at += payloadBytes;
    }
  }
  const bodyBytes = at - bodyStart;
  target[offset] = bodyBytes;
  target[offset + 1] = bodyBytes >>> 8;
  target[offset + 2] = bodyBytes >>> 16;
  target[offset + 3] = bodyBytes >>> 24;
  return at;
}
