/** The key that signs session tokens, as a file in the data folder. @module */

import { loadSecret } from "./secret_file.ts";

const KEY_BYTES = 32;

/** Whether a server has run on `dataDir` before: its key is there. */
export async function hasSessionKey(dataDir: string): Promise<boolean> {
  try {
    await Deno.lstat(pathOf(dataDir));
    return true;
  } catch {
    // Reading it will say what is wrong.
    return false;
  }
}

/**
 * Reads the key from `session.key` in `dataDir`, after making one where there is none. All processes that start at once
 * on the same folder get the same key.
 *
 * @param newKey The one that is made; default: by chance.
 * @returns 32 bytes.
 * @throws {ConfigError} when the file cannot be read or made, is malformed, or can be read by others than its owner.
 */
export async function loadSessionKey(
  dataDir: string,
  newKey: Uint8Array<ArrayBuffer> = crypto.getRandomValues(new Uint8Array(KEY_BYTES)),
): Promise<Uint8Array<ArrayBuffer>> {
  const text = await loadSecret({
    path: pathOf(dataDir),
    what: "session key",
    pattern: /^[A-Za-z0-9+/]{43}=$/,
    bytesMax: 44,
    expected: `${KEY_BYTES} bytes in base64; delete it to have a new one made, which ends all sessions`,
    make: () => newKey.toBase64(),
  });
  return Uint8Array.fromBase64(text);
}

function pathOf(dataDir: string): string {
  return `${dataDir}/session.key`;
}
