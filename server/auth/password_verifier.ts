/**
 * What is stored of a password: a PHC string, `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`, salt and hash in base64 without
 * padding.
 *
 * @see https://github.com/P-H-C/phc-string-format
 *
 * @module
 */

import {
  PASSWORD_MEMORY_KIB_MAX,
  PASSWORD_PARALLELISM_MAX,
  PASSWORD_PASSES_MAX,
  PASSWORD_VERIFIER_CHARS_MAX,
} from "../../shared/limits.ts";

/** How much work one hash is. */
export interface Argon2idCost {
  readonly memoryKib: number;
  readonly passes: number;
  readonly parallelism: number;
}

/** A verifier, taken apart. */
export interface PasswordVerifier {
  readonly cost: Argon2idCost;
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly hash: Uint8Array<ArrayBuffer>;
}

const SALT_BYTES_MIN = 8;
const HASH_BYTES_MIN = 16;
const VALUE_BYTES_MAX = 64;
const VERIFIER_PATTERN =
  /^\$argon2id\$v=19\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** Writes a verifier as a PHC string. */
export function encodePasswordVerifier({ cost, salt, hash }: PasswordVerifier): string {
  return `$argon2id$v=19$m=${cost.memoryKib},t=${cost.passes},p=${cost.parallelism}$${encodeValue(salt)}$${
    encodeValue(hash)
  }`;
}

/**
 * Reads a PHC string, and only in the form {@linkcode encodePasswordVerifier} writes it.
 *
 * @returns Undefined where it is malformed, of another kind, or asks for more work than the bounds in `limits.ts`.
 */
export function parsePasswordVerifier(text: string): PasswordVerifier | undefined {
  if (text.length > PASSWORD_VERIFIER_CHARS_MAX) return undefined;
  const match = VERIFIER_PATTERN.exec(text);
  if (!match) return undefined;
  const cost = { memoryKib: Number(match[1]), passes: Number(match[2]), parallelism: Number(match[3]) };
  const salt = decodeValue(match[4], SALT_BYTES_MIN);
  const hash = decodeValue(match[5], HASH_BYTES_MIN);
  return isCostWithinBounds(cost) && salt && hash ? { cost, salt, hash } : undefined;
}

function isCostWithinBounds({ memoryKib, passes, parallelism }: Argon2idCost): boolean {
  return memoryKib <= PASSWORD_MEMORY_KIB_MAX && passes <= PASSWORD_PASSES_MAX &&
    parallelism <= PASSWORD_PARALLELISM_MAX && memoryKib >= 8 * parallelism;
}

function encodeValue(bytes: Uint8Array): string {
  return bytes.toBase64({ omitPadding: true });
}

/** Base64 has spare bits at its end: only the spelling with zeros there is taken, so that one value has one spelling. */
function decodeValue(text: string, bytesMin: number): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 4 === 1) return undefined;
  const bytes = Uint8Array.fromBase64(text);
  const isCanonical = encodeValue(bytes) === text;
  return isCanonical && bytes.length >= bytesMin && bytes.length <= VALUE_BYTES_MAX ? bytes : undefined;
}
