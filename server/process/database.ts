/** The database that a configuration names, as the main thread starts it. @module */

import { ConfigError, DependencyError } from "../../shared/errors.ts";
import { CLOCK_OFF_MS_MAX, POSTGRES_START_RETRY_MS } from "../../shared/limits.ts";
import { loadSessionKey } from "../auth/key_file.ts";
import {
  describeDatabase,
  postgresTarget,
  readPostgresTarget,
  type ServerConfig,
  sqlitePath,
} from "../config/config.ts";
import { durationText } from "../moderation/duration.ts";
import { startStorageWorker, type StorageWorker, type StorageWorkerOptions } from "../storage/start_storage_worker.ts";
import type { Logger } from "../ops/logging.ts";
import type { Launch } from "./launch.ts";
import { storagePermissions } from "./permissions.ts";

type Entries = Pick<Launch["game"], "storageEntry" | "postgresEntry">;

/**
 * Starts the storage worker on the database of a configuration.
 *
 * @throws {ConfigError} when the database cannot be used; it names the setting.
 * @throws {DependencyError} `unavailable` when it is locked, or cannot be reached.
 */
export async function startDatabase(
  config: ServerConfig,
  { storageEntry, postgresEntry }: Entries,
  options: Pick<StorageWorkerOptions, "onError" | "counters"> = {},
): Promise<StorageWorker> {
  const postgres = readPostgresTarget(config);
  const own = { ...options, permissions: storagePermissions(config) };
  try {
    return postgres === undefined
      ? await startStorageWorker({ entry: storageEntry, path: sqlitePath(config), isChecked: true, ...own })
      : await startStorageWorker({ entry: postgresEntry, postgres, ...own });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.problems.map((problem) => `Cannot use ${settingOf(config)}: ${problem}`));
  }
}

/**
 * The key that signs session tokens: of the data folder, or of the database where several servers use it. That one is
 * waited for as long as the configuration says.
 *
 * @throws {ConfigError} when the key or the database cannot be used, or its clock says something else than this one's.
 */
export async function readSessionKey(
  config: ServerConfig,
  entries: Entries,
  log: Pick<Logger, "warn">,
): Promise<Uint8Array<ArrayBuffer>> {
  if (postgresTarget(config) === undefined) return await loadSessionKey(config.dataDir);
  const untilMs = performance.now() + config.dependencyWait * 1_000;
  while (true) {
    try {
      const { clockAheadMs, sessionKey, stop } = await startDatabase(config, entries);
      await stop();
      checkClock(clockAheadMs);
      return sessionKey!;
    } catch (error) {
      if (!(error instanceof DependencyError)) throw error;
      if (performance.now() + POSTGRES_START_RETRY_MS > untilMs) {
        throw new ConfigError([
          `Cannot use ${
            settingOf(config)
          }: ${error.message}; check host and port, start the database server, or have this one wait for it ` +
          "with --dependency-wait SECONDS",
        ]);
      }
      log.warn("Waiting for the database", { reason: error.message });
      await new Promise((resolve) => setTimeout(resolve, POSTGRES_START_RETRY_MS));
    }
  }
}

/**
 * Holds that a server's clock is that of its database, about: bans, wars and tokens end by it, for everybody.
 *
 * @param aheadMs How far it is ahead, in milliseconds.
 * @throws {ConfigError} where it is further off than `CLOCK_OFF_MS_MAX`.
 */
export function checkClock(aheadMs: number): void {
  const offMs = Math.abs(aheadMs);
  if (offMs <= CLOCK_OFF_MS_MAX) return;
  throw new ConfigError([
    `Cannot use the clock of this machine: it is ${durationText(offMs)} ${
      aheadMs > 0 ? "ahead of" : "behind"
    } that of ` +
    `the database server, allowed are ${durationText(CLOCK_OFF_MS_MAX)}; set both by NTP`,
  ]);
}

function settingOf(config: ServerConfig): string {
  return `--database-url ${describeDatabase(config)}`;
}
