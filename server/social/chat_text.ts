/** Which characters may be in what people write to each other. @module */

/** Control characters, and what reorders or hides text around it. */
const FORBIDDEN = /[\p{Cc}\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** Tells whether a text has characters that could forge a line of a log, or of a chat. */
export function hasForbiddenCharacters(text: string): boolean {
  return FORBIDDEN.test(text);
}
