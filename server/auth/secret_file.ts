/** Secrets that the server makes itself, each in a file of the data folder that only its owner can read. @module */

import { ConfigError } from "../../shared/errors.ts";
import { fileReason } from "../base/file_error.ts";

/** Who else than the owner could read or write, as bits of a mode. */
const OTHERS_MODE = 0o077;
/** The line end that an editor may add. */
const LINE_END_BYTES = 2;

/** Where a secret is and what it looks like. */
export interface SecretFile {
  readonly path: string;
  /** What it is, for messages: `session key`. */
  readonly what: string;
  /** The whole text, without its line end. */
  readonly pattern: RegExp;
  readonly bytesMax: number;
  /** What the pattern stands for, and what deleting the file leads to, for messages. */
  readonly expected: string;
  /** Makes a new one. */
  readonly make: () => string;
}

/**
 * Reads a secret, after making one where there is none. All processes that start at once on the same folder get the
 * same.
 *
 * @throws {ConfigError} when the file cannot be read or made, is malformed, or can be read by others than its owner.
 */
export async function loadSecret(file: SecretFile): Promise<string> {
  return await translated(file, async () => await read(file) ?? await make(file));
}

/**
 * Reads a secret; `undefined` where there is none.
 *
 * @throws {ConfigError} as {@linkcode loadSecret} does.
 */
export async function readSecret(file: SecretFile): Promise<string | undefined> {
  return await translated(file, () => read(file));
}

async function translated<T>({ path, what }: SecretFile, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError([`Cannot use ${what} ${path}: ${fileReason(error)}`]);
  }
}

async function read(file: SecretFile): Promise<string | undefined> {
  const { path, what, pattern, bytesMax } = file;
  let handle: Deno.FsFile;
  try {
    handle = await Deno.open(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  using opened = handle;
  const { mode, isFile, size } = await opened.stat();
  // Windows has no mode; there the folder's rights decide.
  if (mode !== null && (mode & OTHERS_MODE) !== 0) {
    const octal = (mode & 0o777).toString(8);
    throw new ConfigError([`Cannot use ${what} ${path}: its mode is ${octal}, must be 600; run chmod 600 on it`]);
  }
  if (!isFile || size > bytesMax + LINE_END_BYTES) throw malformed(file);
  const text = (await new Response(opened.readable).text()).replace(/\r?\n$/, "");
  if (!pattern.test(text)) throw malformed(file);
  return text;
}

function malformed({ path, what, expected }: SecretFile): ConfigError {
  return new ConfigError([`Cannot use ${what} ${path}: it is not ${expected}`]);
}

/**
 * Writes a secret under a name of our own, whole and on disk, then links it to its real name. Unlike renaming, linking
 * fails when another process was faster; then its secret is the one.
 */
async function make(file: SecretFile): Promise<string> {
  const temporaryPath = `${file.path}.${crypto.randomUUID()}`;
  try {
    await writePrivately(temporaryPath, `${file.make()}\n`);
    await Deno.link(temporaryPath, file.path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  } finally {
    await Deno.remove(temporaryPath).catch(() => {});
  }
  const secret = await read(file);
  if (secret === undefined) {
    throw new ConfigError([`Cannot use ${file.what} ${file.path}: it vanished while it was being made`]);
  }
  return secret;
}

async function writePrivately(path: string, text: string): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
  await file.sync();
}
