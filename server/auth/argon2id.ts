/** Argon2id (RFC 9106) through WebCrypto, which computes it on a thread of its own. @module */

import type { Argon2idCost } from "./password_verifier.ts";

/** Input of one hash. */
export interface Argon2idInput {
  readonly secret: Uint8Array<ArrayBuffer>;
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly cost: Argon2idCost;
  /** Length of the result, in bytes. */
  readonly hashBytes: number;
}

/** Computes one hash. */
export type Argon2id = (input: Argon2idInput) => Promise<Uint8Array<ArrayBuffer>>;

/**
 * Computes one hash with the platform's WebCrypto.
 *
 * Cost: some 50 ms of one core and 19 MiB with the least parameters OWASP advises.
 *
 * @see https://wicg.github.io/webcrypto-modern-algos/#argon2
 */
export const argon2idWebCrypto: Argon2id = async ({ secret, salt, cost, hashBytes }) => {
  // The type library does not know the algorithm yet: its key format and its parameters pass as what it knows.
  const key = await crypto.subtle.importKey("raw-secret" as "raw", secret, "Argon2id", false, ["deriveBits"]);
  const parameters = {
    name: "Argon2id",
    version: 0x13,
    nonce: salt,
    memory: cost.memoryKib,
    passes: cost.passes,
    parallelism: cost.parallelism,
  };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, hashBytes * 8));
};
