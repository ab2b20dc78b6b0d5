/** The storage of a server, for tools that use it beside the server or without one. @module */

import { loadSessionKey } from "../server/auth/key_file.ts";
import { readPostgresTarget, type ServerConfig, sqlitePath } from "../server/config/config.ts";
import { DirectStorage } from "../server/storage/direct_storage.ts";
import { sessionKeyOf } from "../server/storage/postgres_key.ts";
import { PostgresStorage } from "../server/storage/postgres_storage.ts";
import type { GameRecords } from "../server/storage/sql_store.ts";
import type { Storage } from "../server/storage/storage.ts";

/** A storage, and the key that signs the session tokens of its players. */
export interface OpenedStorage {
  readonly storage: Storage;
  readonly sessionKey: Uint8Array<ArrayBuffer>;
}

/**
 * Opens the storage that a configuration names.
 *
 * @param newKey The key it is to have, where it has none yet; default: one by chance.
 * @throws {ConfigError} when the database or the key cannot be used.
 * @throws {DependencyError} `unavailable` when the database cannot be reached, or is locked.
 */
export async function openStorage(
  config: ServerConfig,
  records: GameRecords,
  newKey?: Uint8Array<ArrayBuffer>,
): Promise<OpenedStorage> {
  const target = readPostgresTarget(config);
  if (target === undefined) {
    const sessionKey = await loadSessionKey(config.dataDir, newKey);
    return { storage: new DirectStorage({ path: sqlitePath(config) }, records), sessionKey };
  }
  const storage = await PostgresStorage.open(target, records);
  return { storage, sessionKey: await sessionKeyOf(storage, newKey) };
}
