/**
 * Looks at a protobuf message before it is parsed, so that what would cost much to parse is refused first.
 *
 * @module
 */

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/**
 * Whether bytes can be a message of proto3 with at most so many fields at its top level, unknown and repeated ones
 * counted each. Costs some nanoseconds a field and allocates nothing.
 *
 * @param bytes The message: `bytes[start, end)`.
 * @param fieldsMax Where scanning stops.
 * @returns `false` for what ends in the middle of a field, has groups or wire types that do not exist, or more fields.
 */
export function isMessageWithin(bytes: Uint8Array, start: number, end: number, fieldsMax: number): boolean {
  let at = start;
  for (let count = 0; at < end; count++) {
    if (count === fieldsMax) return false;
    const wireType = bytes[at] & 7;
    at = skipVarint(bytes, at, end);
    if (at < 0) return false;
    if (wireType === VARINT) {
      at = skipVarint(bytes, at, end);
      if (at < 0) return false;
    } else if (wireType === LENGTH_DELIMITED) {
      let length = 0;
      let shift = 0;
      for (;;) {
        if (at >= end || shift > 63) return false;
        const byte = bytes[at++];
        length += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) break;
        shift += 7;
      }
      if (length > end - at) return false;
      at += length;
    } else if (wireType === FIXED_64 || wireType === FIXED_32) {
      at += wireType === FIXED_64 ? 8 : 4;
      if (at > end) return false;
    } else {
      return false;
    }
  }
  return true;
}

/** Where the bytes behind a varint of at most ten bytes begin; -1 when it does not end. */
function skipVarint(bytes: Uint8Array, at: number, end: number): number {
  for (const last = Math.min(end, at + 10); at < last; at++) {
    if (bytes[at] < 0x80) return at + 1;
  }
  return -1;
}
