/**
 * One server at a time on a data folder: the kernel's lock on a file of it, which ends with the process however that
 * ends. Two servers would each keep sessions and characters of their own and overwrite the other's.
 *
 * @module
 */

import { join } from "node:path";
import { DependencyError } from "../../shared/errors.ts";
import type { ServerConfig } from "../config/config.ts";

/** A login server and a game server may share a folder; nothing else may. */
const ROLES: Readonly<Record<ServerConfig["role"], readonly string[]>> = {
  all: ["login", "game"],
  login: ["login"],
  game: ["game"],
};

/**
 * Locks the data folder for this process's role until the process ends. Backups ask for no lock.
 *
 * @param holder What another server is told of who has it; see {@linkcode describeHolder}.
 * @throws {DependencyError} `unavailable` when another server has the role there.
 */
export function lockDataFolder({ dataDir, role }: Pick<ServerConfig, "dataDir" | "role">, holder: string): void {
  for (const name of ROLES[role]) {
    const path = join(dataDir, `${name}.lock`);
    // Never closed: the lock lasts as long as the descriptor.
    const file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
    if (!file.tryLockSync(true)) {
      file.close();
      const other = readHolder(path);
      throw new DependencyError(
        "unavailable",
        `${dataDir} is used by another server${other}: stop that one, or give this one another --data-dir`,
      );
    }
    file.truncateSync(0);
    file.writeSync(new TextEncoder().encode(`${holder}\n`));
  }
}

/**
 * Holds a data folder that no server uses, so that none starts on it meanwhile.
 *
 * @param holder What a server is told that tries.
 * @returns `null` when a server uses the folder.
 */
export function tryHoldDataFolder(dataDir: string, holder: string): Disposable | null {
  const files: Deno.FsFile[] = [];
  const release = () => files.forEach((file) => file.close());
  for (const name of ROLES.all) {
    let file: Deno.FsFile;
    try {
      // Not created: a file of this user's might keep the server's user out.
      file = Deno.openSync(join(dataDir, `${name}.lock`), { read: true, write: true });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      release();
      throw error;
    }
    files.push(file);
    if (!file.tryLockSync(true)) {
      release();
      return null;
    }
    file.truncateSync(0);
    file.writeSync(new TextEncoder().encode(`${holder}\n`));
  }
  return { [Symbol.dispose]: release };
}

/** Who has it, for people to read: the lock alone decides. */
function readHolder(path: string): string {
  try {
    const text = Deno.readTextFileSync(path).trim();
    return /^[\w ,.-]{1,300}$/.test(text) ? ` (${text})` : "";
  } catch {
    return "";
  }
}

/**
 * This process and its machine, in words: a folder may be shared between machines, where the number of a process alone
 * would mislead. To be asked before the process gives up its permissions.
 */
export function describeHolder(): string {
  try {
    return `process ${Deno.pid} on ${Deno.readTextFileSync("/etc/hostname").trim()}`;
  } catch {
    return `process ${Deno.pid}`;
  }
}
