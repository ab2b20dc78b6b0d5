/**
 * The form in which a password travels.
 *
 * @module
 */

import { sha256 } from "./sha256.ts";

/**
 * Hashes a password for LOGIN_REQUEST and REGISTER_REQUEST.
 *
 * A page served over plain HTTP has no `crypto.subtle`; there the hash is computed here.
 *
 * @returns 64 hex digits: SHA-256 of the UTF-8 password.
 */
export async function hashPassword(password: string): Promise<string> {
  const bytes = new TextEncoder().encode(password);
  const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle;
  const digest = subtle === undefined ? sha256(bytes) : new Uint8Array(await subtle.digest("SHA-256", bytes));
  let hex = "";
  for (const byte of digest) hex += byte.toString(16).padStart(2, "0");
  return hex;
}
