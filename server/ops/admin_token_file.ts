/**
 * The token of moderators, as a file in the data folder: who can read the server's files may moderate, where no other
 * token is configured.
 *
 * @module
 */

import { loadSecret, readSecret, type SecretFile } from "../auth/secret_file.ts";

const TOKEN_BYTES = 32;

function tokenFile(dataDir: string): SecretFile {
  return {
    path: `${dataDir}/admin.token`,
    what: "admin token",
    pattern: /^[0-9a-f]{64}$/,
    bytesMax: 2 * TOKEN_BYTES,
    expected: `${TOKEN_BYTES} bytes in hexadecimal; delete it to have a new one made at the next start`,
    make: () => crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)).toHex(),
  };
}

/**
 * Reads the token from `admin.token` in `dataDir`, after making one where there is none.
 *
 * @throws {ConfigError} when the file cannot be read or made, is malformed, or can be read by others than its owner.
 */
export function loadAdminToken(dataDir: string): Promise<string> {
  return loadSecret(tokenFile(dataDir));
}

/**
 * The same without making one; `undefined` where there is none.
 *
 * @throws {ConfigError} as {@linkcode loadAdminToken} does.
 */
export function readAdminToken(dataDir: string): Promise<string | undefined> {
  return readSecret(tokenFile(dataDir));
}
