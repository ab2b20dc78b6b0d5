/**
 * What a server says, in the words of the client: it may be printed on a terminal, which obeys some of it.
 *
 * @module
 */

/** Longer texts are cut, in UTF-16 code units: a line still shows what it is about. */
const TEXT_LENGTH_MAX = 500;

/** A text as part of a line: without line ends, control characters and those that turn what follows, and not endless. */
export function plainText(text: string): string {
  const cut = text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}…` : text;
  return cut.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu, " ");
}
