/**
 * What the process and each of its threads may do: what it needs for its own work, and nothing else.
 *
 * The serve task grants reading and writing below `/`, as it cannot know the data folder. That grant is exchanged at
 * start for the folders of this configuration. Deno cannot narrow a grant of everything (`--allow-read` alone), only
 * take it away, so the task names the path.
 *
 * @module
 */

import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../../shared/errors.ts";
import type { NatsTarget } from "../bus/nats_target.ts";
import { postgresTarget, type ServerConfig, sqlitePath } from "../config/config.ts";
import { LIBC_PATH, libcProblem, THIS_MACHINE } from "../base/libc.ts";
import { parseIpAddress } from "../base/ip_address.ts";
import { gameFolder } from "./game_path.ts";
import { MEMORY_PATH } from "../storage/sqlite_database.ts";

/** What a worker may do; a kind that is left out would be all that the main thread may. */
export type WorkerPermissions = Required<Deno.PermissionOptionsObject>;

const SOURCE = fileURLToPath(new URL("../..", import.meta.url));
const ROOT = "/";
const NOTHING: WorkerPermissions = {
  env: false,
  ffi: false,
  import: false,
  net: false,
  read: false,
  run: false,
  sys: false,
  write: false,
};

/**
 * Gives up everything the process does not need from now on. The environment must have been read before.
 *
 * @returns Whether reading and writing are limited to named folders: not so when they were granted without a path.
 * @throws {ConfigError} when something that is needed was not granted; it names the flag.
 */
export function narrowPermissions(config: ServerConfig): boolean {
  const database = databaseFile(config);
  const folders = database === undefined ? [config.dataDir] : [config.dataDir, dirname(database)];
  const tls = [config.tlsCert, config.tlsKey, config.databaseCa, config.natsCa].filter((path) => path !== "");
  keepPaths("read", [SOURCE, gameFolder(config.game), ...folders, ...tls]);
  keepPaths("write", folders);
  if (config.ioBackend === "epoll") requireLibrary();
  else Deno.permissions.revokeSync({ name: "ffi" });
  for (const name of ["env", "run", "sys", "import"] as const) Deno.permissions.revokeSync({ name });
  return !isGranted({ name: "read" }) && !isGranted({ name: "write" });
}

/** An io worker listens where it is told to, and calls the C library if it is to use epoll. */
export function ioPermissions(config: ServerConfig): WorkerPermissions {
  const { host } = config;
  return { ...NOTHING, net: [host.includes(":") ? `[${host}]` : host], ffi: librariesOf(config) };
}

/** Logic talks to other threads only; with epoll it wakes io workers through the C library. */
export function logicPermissions(config: ServerConfig): WorkerPermissions {
  return { ...NOTHING, ffi: librariesOf(config) };
}

/** The bus thread has the network: one address, unless the server has a name, which may lead to any. */
export function busPermissions({ host, port }: NatsTarget): WorkerPermissions {
  if (parseIpAddress(host) === null) return { ...NOTHING, net: true };
  return { ...NOTHING, net: [`${host.includes(":") ? `[${host}]` : host}:${port}`] };
}

/** The storage worker has the database and no other file: not even the key beside it. */
export function storagePermissions(config: ServerConfig): WorkerPermissions {
  const target = postgresTarget(config);
  if (target !== undefined) {
    const { host, port } = target;
    return { ...NOTHING, net: [`${host.includes(":") ? `[${host}]` : host}:${port}`] };
  }
  const path = sqlitePath(config);
  if (path === MEMORY_PATH) return NOTHING;
  const file = resolve(path);
  const files = [file, ...targetOf(dirname(file)).map((folder) => join(folder, basename(file)))];
  return { ...NOTHING, read: files, write: files };
}

/** Only the epoll backend calls foreign code, and only that of one library. */
function requireLibrary(): void {
  const problem = libcProblem(THIS_MACHINE);
  if (problem !== undefined) throw new ConfigError([`Cannot use --io-backend epoll: ${problem}`]);
}

function librariesOf({ ioBackend }: ServerConfig): string[] | false {
  return ioBackend === "epoll" && LIBC_PATH !== undefined ? [LIBC_PATH] : false;
}

/** The database's file; `undefined` where it is in memory, or on a server of its own. */
function databaseFile(config: ServerConfig): string | undefined {
  if (postgresTarget(config) !== undefined) return undefined;
  const path = sqlitePath(config);
  return path === MEMORY_PATH ? undefined : path;
}

/** Keeps only `paths` of a grant of everything below the root. */
function keepPaths(name: "read" | "write", paths: readonly string[]): void {
  const absolute = paths.map((path) => resolve(path)).flatMap((path) => [path, ...targetOf(path)]);
  const missing = absolute.filter((path) => !isGranted({ name, path }));
  if (missing.length > 0) {
    throw new ConfigError(missing.map((path) => `Cannot ${name} ${path}: start with --allow-${name}=${path}`));
  }
  // What is granted already is not asked for: it only becomes a grant of its own, which outlives the one of the root.
  for (const path of absolute) Deno.permissions.requestSync({ name, path });
  Deno.permissions.revokeSync({ name, path: ROOT });
}

/** Where a link leads to: Deno asks for both ends of the way. */
function targetOf(path: string): string[] {
  try {
    const target = Deno.realPathSync(path);
    return target === path ? [] : [target];
  } catch {
    // It is not there; opening it will say so.
    return [];
  }
}

function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}
