/**
 * Moderation without a server: the server's own logic and its game's, on the database of a data folder that no server
 * uses, or on PostgreSQL while no server runs on it.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { PasswordHasher } from "../server/auth/password.ts";
import { SessionTokens } from "../server/auth/token.ts";
import { SystemClock } from "../server/base/clock.ts";
import { describeDatabase, postgresTarget, type ServerConfig, sqlitePath } from "../server/config/config.ts";
import type { ModerationOutcome, ModerationRequest } from "../server/moderation/moderation_request.ts";
import { CounterBlock, createCounterBlock } from "../server/ops/counters.ts";
import { getLimitedLogger } from "../server/ops/rate_limited_log.ts";
import { tryHoldDataFolder } from "../server/process/data_lock.ts";
import { loadGame, loadGameRecords } from "../server/process/game_file.ts";
import { MaintenanceDesk } from "../server/process/maintenance_plan.ts";
import { buildLogic } from "../server/session/build_logic.ts";
import { NODES } from "../server/cluster/directory_store.ts";
import { DependencyError } from "../shared/errors.ts";
import type { Storage } from "../server/storage/storage.ts";
import { openStorage } from "./open_storage.ts";
import { Prng } from "../server/world/prng.ts";

/**
 * Does what a moderator asks where no server runs.
 *
 * @returns What came of it; `undefined` where there is no database, or a server uses the data folder.
 * @throws {ConfigError} when the key, the game or the database cannot be used: it belongs to another game than
 * `--game`.
 * @throws {DependencyError} when the database cannot be reached, servers run on it, it is of a later version, or the
 * maintenance plan cannot be read.
 */
export async function moderateOffline(
  request: ModerationRequest,
  config: ServerConfig,
): Promise<ModerationOutcome | undefined> {
  const isShared = postgresTarget(config) !== undefined;
  const path = sqlitePath(config);
  if (!isShared && !existsSync(path)) return undefined;
  // Held until it is done, so that no server starts meanwhile.
  using hold = tryHoldDataFolder(config.dataDir, `admin command, process ${Deno.pid}`);
  if (hold === null) return undefined;
  const clock = new SystemClock();
  if (request.act === "maintenance") {
    return await (await MaintenanceDesk.open(config.dataDir, clock)).run(request, () => {});
  }
  const { module: game } = await loadGame(config.game);
  const records = await loadGameRecords(config.game);
  const { storage, sessionKey: key } = await openStorage(config, records);
  try {
    if (isShared) await checkNobodyRuns(config, storage);
    const tokens = await SessionTokens.create({ key, lifetimeMs: config.sessionTokenHours * 3_600_000 });
    // Without sockets, nobody comes in, and nothing steps the world.
    const logic = buildLogic({
      game,
      config,
      ports: { login: 0, game: 0, gateway: 0 },
      clock,
      storage,
      hasher: new PasswordHasher(),
      tokens,
      randomToken: () => crypto.randomUUID(),
      wake: () => {},
      prng: new Prng(1),
      counters: new CounterBlock(createCounterBlock()),
      log: getLimitedLogger("admin", () => clock.monotonicMs()),
      watch: { check: () => {} },
      worldCapacity: 1,
    });
    const outcome = await logic.moderation.run(request);
    await logic.stop();
    return outcome;
  } finally {
    await storage.close();
  }
}

/** Servers that run would not hear of it. */
async function checkNobodyRuns(config: ServerConfig, storage: Storage): Promise<void> {
  const nodes = await storage.of(NODES).list(null);
  if (nodes.length === 0) return;
  const names = nodes.map(({ serverId, serverName, host }) => `${serverId} (${serverName}, ${host})`).join(", ");
  throw new DependencyError(
    "unavailable",
    `Servers run on ${describeDatabase(config)}: ${names}; ask one of them, by its --admin-host and --admin-port`,
  );
}
