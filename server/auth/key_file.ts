/** The key that signs session tokens, as a file in the data folder. @module */

import { ConfigError } from "../../shared/errors.ts";

const FILE_NAME = "session.key";
const KEY_BYTES = 32;
/** 32 bytes in base64, and the line end an editor may add. */
const FILE_PATTERN = /^[A-Za-z0-9+/]{43}=\r?\n?$/;
const FILE_BYTES_MAX = 46;
const OTHERS_MODE = 0o077;

/**
 * Reads the key from `session.key` in `dataDir`, after making one where there is none. All processes that start at once
 * on the same folder get the same key.
 *
 * @returns 32 random bytes.
 * @throws {ConfigError} when the file cannot be read or made, is malformed, or can be read by others than its owner.
 */
export async function loadSessionKey(dataDir: string): Promise<Uint8Array<ArrayBuffer>> {
  const path = `${dataDir}/${FILE_NAME}`;
  try {
    return await readKey(path) ?? await makeKey(path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError([`Cannot use session key ${path}: ${error instanceof Error ? error.message : error}`]);
  }
}

async function readKey(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  using opened = file;
  const { mode, isFile, size } = await opened.stat();
  // Windows has no mode; there the folder's rights decide.
  if (mode !== null && (mode & OTHERS_MODE) !== 0) {
    const octal = (mode & 0o777).toString(8);
    throw new ConfigError([`Cannot use session key ${path}: its mode is ${octal}, must be 600; run chmod 600 on it`]);
  }
  if (!isFile || size > FILE_BYTES_MAX) throw malformed(path);
  const text = await new Response(opened.readable).text();
  if (!FILE_PATTERN.test(text)) throw malformed(path);
  return Uint8Array.fromBase64(text.trim());
}

function malformed(path: string): ConfigError {
  return new ConfigError([
    `Cannot use session key ${path}: it is not ${KEY_BYTES} bytes in base64; delete it to have a new one made, ` +
    "which ends all sessions",
  ]);
}

/**
 * Writes a key under a name of our own, whole and on disk, then links it to its real name. Unlike renaming, linking
 * fails when another process was faster; then its key is the one.
 */
async function makeKey(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const temporaryPath = `${path}.${crypto.randomUUID()}`;
  try {
    await writePrivately(temporaryPath, crypto.getRandomValues(new Uint8Array(KEY_BYTES)).toBase64() + "\n");
    await Deno.link(temporaryPath, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  } finally {
    await Deno.remove(temporaryPath).catch(() => {});
  }
  const key = await readKey(path);
  if (!key) throw new ConfigError([`Cannot use session key ${path}: it vanished while it was being made`]);
  return key;
}

async function writePrivately(path: string, text: string): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
  await file.sync();
}
