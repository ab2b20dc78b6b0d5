/** The folder of the database and the keys. @module */

import { join } from "node:path";
import { ConfigError } from "../../shared/errors.ts";
import { fileReason } from "../base/file_error.ts";

/** Its name says what it is, should a process die between making and removing it. */
const PROBE = ".drawbridge-probe";

/**
 * Makes the data folder where it is missing, and sees whether files can be made in it.
 *
 * @throws {ConfigError} that names the setting, its value, what is wrong and what to do.
 */
export async function makeDataFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    const probe = join(path, `${PROBE}-${Deno.pid}`);
    (await Deno.open(probe, { write: true, create: true, mode: 0o600 })).close();
    await Deno.remove(probe);
  } catch (error) {
    throw new ConfigError([`Cannot use --data-dir ${path}: ${await problemOf(path, error)}`]);
  }
}

async function problemOf(path: string, error: unknown): Promise<string> {
  if (error instanceof Deno.errors.AlreadyExists || error instanceof Deno.errors.NotADirectory) {
    return await isLink(path)
      ? "it is a link to a folder that does not exist; create that folder, or remove the link"
      : "it, or a part of its path, is not a folder; give the path of a folder";
  }
  if (error instanceof Deno.errors.NotCapable) {
    return "the task's permissions do not let Deno use this folder; choose another one";
  }
  const reason = fileReason(error);
  if (error instanceof Deno.errors.PermissionDenied || /read-only/i.test(reason)) {
    return `no files can be created in it (${reason}); make the server's user its owner, or choose another one`;
  }
  return `${reason}; choose another folder, or free this path`;
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await Deno.lstat(path)).isSymlink;
  } catch {
    return false;
  }
}
