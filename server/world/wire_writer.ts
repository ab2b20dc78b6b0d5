/**
 * The few protobuf primitives the world's encoder needs, writing into a buffer at an offset.
 *
 * All return the offset after what they wrote. None checks for room: the caller's buffer is laid out for the largest
 * value.
 *
 * @module
 */

import { varintBytes, writeVarint } from "../../shared/packet_codec.ts";

export { varintBytes, writeVarint };

const float = new DataView(new ArrayBuffer(4));

/** Writes a varint field, unless it is 0: what proto3 leaves out. `tag` is the whole tag byte. */
export function writeVarintField(bytes: Uint8Array, offset: number, tag: number, value: number): number {
  if (value === 0) return offset;
  bytes[offset++] = tag;
  return writeVarint(bytes, offset, value);
}

/** Writes a sint32 field (zigzag), unless it is 0. Whole numbers from -2^30 to 2^30 - 1. */
export function writeSignedField(bytes: Uint8Array, offset: number, tag: number, value: number): number {
  if (value === 0) return offset;
  bytes[offset++] = tag;
  return writeVarint(bytes, offset, (value << 1) ^ (value >> 31));
}

/** Writes a float field, unless it is 0. */
export function writeFloatField(bytes: Uint8Array, offset: number, tag: number, value: number): number {
  if (value === 0) return offset;
  float.setFloat32(0, value, true);
  bytes[offset++] = tag;
  for (let index = 0; index < 4; index++) bytes[offset++] = float.getUint8(index);
  return offset;
}
