/**
 * UTF-8 checked as it arrives, cut anywhere.
 *
 * @module
 */

/** The state between two characters: where a text begins, and where alone it may end. */
export const UTF8_COMPLETE = 0;
/** The state after a byte that no valid text has in its place; it is never left again. */
export const UTF8_INVALID = 8;

const ONE_MORE = 1;
const TWO_MORE = 2;
const THREE_MORE = 3;
const AFTER_E0 = 4;
const AFTER_ED = 5;
const AFTER_F0 = 6;
const AFTER_F4 = 7;

/**
 * Follows a UTF-8 text through `bytes[start, end)`.
 *
 * Overlong forms, surrogates and values above U+10FFFF are refused at the first byte that makes them so.
 *
 * @param state {@linkcode UTF8_COMPLETE} at a text's beginning, later what the call before gave.
 * @returns The state after the last byte; {@linkcode UTF8_INVALID} as soon as the text cannot become valid any more.
 * @see RFC 3629, section 4
 */
export function advanceUtf8(state: number, bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && state !== UTF8_INVALID) {
    if (state === UTF8_COMPLETE) {
      while (at < end && bytes[at] < 0x80) at++;
      if (at === end) return UTF8_COMPLETE;
      state = stateAfterLead(bytes[at++]);
    } else {
      state = stateAfterContinuation(state, bytes[at++]);
    }
  }
  return state;
}

function stateAfterLead(byte: number): number {
  if (byte < 0xc2) return UTF8_INVALID;
  if (byte < 0xe0) return ONE_MORE;
  if (byte < 0xf0) return byte === 0xe0 ? AFTER_E0 : byte === 0xed ? AFTER_ED : TWO_MORE;
  if (byte > 0xf4) return UTF8_INVALID;
  return byte === 0xf0 ? AFTER_F0 : byte === 0xf4 ? AFTER_F4 : THREE_MORE;
}

function stateAfterContinuation(state: number, byte: number): number {
  if ((byte & 0xc0) !== 0x80) return UTF8_INVALID;
  switch (state) {
    case ONE_MORE:
      return UTF8_COMPLETE;
    case TWO_MORE:
      return ONE_MORE;
    case THREE_MORE:
      return TWO_MORE;
    case AFTER_E0:
      return byte >= 0xa0 ? ONE_MORE : UTF8_INVALID;
    case AFTER_ED:
      return byte < 0xa0 ? ONE_MORE : UTF8_INVALID;
    case AFTER_F0:
      return byte >= 0x90 ? TWO_MORE : UTF8_INVALID;
    default:
      return byte < 0x90 ? TWO_MORE : UTF8_INVALID;
  }
}
