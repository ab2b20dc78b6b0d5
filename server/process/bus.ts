/** The bus that a configuration names, as the main thread starts it. @module */

import { ConfigError, DependencyError } from "../../shared/errors.ts";
import { BUS_RETRY_MS_MAX } from "../../shared/limits.ts";
import { clusterKeyOf } from "../bus/cluster_key.ts";
import { type BusThread, type BusThreadOptions, startBusThread } from "../bus/start_bus.ts";
import { describeBus, natsTarget, type ServerConfig } from "../config/config.ts";
import type { Logger } from "../ops/logging.ts";
import { busPermissions } from "./permissions.ts";

/** What the thread is to have beside the configuration. */
export interface BusParts extends Pick<BusThreadOptions, "node" | "counters" | "onState" | "onCrash"> {
  /** Of the database. */
  readonly sessionKey: Uint8Array<ArrayBuffer>;
  readonly log: Pick<Logger, "warn">;
  /** How long it is waited for, in milliseconds. */
  readonly waitMs: number;
}

/**
 * Starts the bus thread, waiting for a bus that cannot be reached.
 *
 * @returns Undefined where the configuration names none.
 * @throws {ConfigError} when the bus cannot be used, or was waited for long enough.
 */
export async function startBus(config: ServerConfig, parts: BusParts): Promise<BusThread | undefined> {
  const target = natsTarget(config);
  if (target === undefined) return undefined;
  const { sessionKey, log, waitMs, ...rest } = parts;
  const ca = config.natsCa === "" ? "" : await Deno.readTextFile(config.natsCa);
  const untilMs = performance.now() + waitMs;
  while (true) {
    try {
      const permissions = busPermissions(target);
      return await startBusThread({ ...rest, target, ca, clusterKey: clusterKeyOf(sessionKey), permissions });
    } catch (error) {
      const setting = `--nats-url ${describeBus(config)}`;
      if (error instanceof ConfigError) {
        throw new ConfigError(error.problems.map((problem) => `Cannot use ${setting}: ${problem}`));
      }
      if (!(error instanceof DependencyError)) throw error;
      if (performance.now() + BUS_RETRY_MS_MAX > untilMs) {
        throw new ConfigError([
          `Cannot use ${setting}: ${error.message}; start the NATS server, or have this one wait for it with ` +
          "--dependency-wait SECONDS",
        ]);
      }
      log.warn("Waiting for the NATS server", { reason: error.message });
      await new Promise((resolve) => setTimeout(resolve, BUS_RETRY_MS_MAX / 2));
    }
  }
}
