/** Kills on their way to the storage. @module */

import { DependencyError } from "../../shared/errors.ts";
import { GUILD_KILLS_PENDING_MAX } from "../../shared/limits.ts";
import type { Logger } from "../ops/logging.ts";
import type { GuildStore, Kill } from "../storage/guild_store.ts";

/**
 * Writes kills down as they happen, and keeps them while the storage is down. A kill of which it is unknown whether it
 * was written is not written again: a war may miss a kill, never count one twice.
 */
export class KillLedger {
  readonly #store: Pick<GuildStore, "addKills">;
  readonly #log: Pick<Logger, "warn">;
  #pending: Kill[] = [];
  #writing: Promise<void> | null = null;
  /** The last write failed: the next try comes with {@linkcode flush}. */
  #isDown = false;

  constructor(store: Pick<GuildStore, "addKills">, log: Pick<Logger, "warn">) {
    this.#store = store;
    this.#log = log;
  }

  /** Kills that are not written yet, those being written left out. */
  get pendingCount(): number {
    return this.#pending.length;
  }

  /** Takes a kill; above {@linkcode GUILD_KILLS_PENDING_MAX} the oldest is lost. */
  add(kill: Kill): void {
    this.#keep([kill]);
    if (!this.#isDown) void this.flush();
  }

  /** Resolves when all kills are written, or the storage would not take them. */
  flush(): Promise<void> {
    this.#writing ??= this.#write().finally(() => this.#writing = null);
    return this.#writing;
  }

  async #write(): Promise<void> {
    this.#isDown = false;
    while (this.#pending.length > 0) {
      const kills = this.#pending;
      this.#pending = [];
      try {
        await this.#store.addKills(kills);
      } catch (error) {
        this.#isDown = true;
        this.#log.warn("Cannot count kills", { count: kills.length, error: String(error) });
        const isUndone = error instanceof DependencyError && error.code !== "timeout";
        if (isUndone) this.#keep(kills, "before");
        return;
      }
    }
  }

  #keep(kills: readonly Kill[], place: "before" | "after" = "after"): void {
    const all = place === "after" ? [...this.#pending, ...kills] : [...kills, ...this.#pending];
    this.#pending = all.slice(-GUILD_KILLS_PENDING_MAX);
  }
}
