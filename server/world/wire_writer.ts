/**
 * The few protobuf primitives the world's encoder needs, writing into a buffer at an offset.
 *
 * All return the offset after what they wrote. None checks for room: the caller's buffer is laid out for the largest
 * value.
 *
 * @module
 */

const float = new DataView(new ArrayBuffer(4));

/** Writes an unsigned integer, 0 to 2^53 - 1. */
export function writeVarint(bytes: Uint8Array, offset: number, value: number): number {
  while (value > 0x7fff_ffff) {
    bytes[offset++] = (value % 128) | 0x80;
    value = Math.floor(value / 128);
  }
  while (value > 127) {
    bytes[offset++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  bytes[offset++] = value;
  return offset;
}

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

/** Bytes {@linkcode writeVarint} takes for the value. */
export function varintBytes(value: number): number {
  let count = 1;
  for (; value > 127; value = Math.floor(value / 128)) count++;
  return count;
}
