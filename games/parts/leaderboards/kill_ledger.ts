/** Kills on their way to the storage. @module */

import { DependencyError } from "../../../shared/errors.ts";
import type { Logger } from "../../../server/game/game.ts";

/** What a {@linkcode KillLedger} needs. */
export interface KillLedgerOptions<Kill> {
  /** Writes kills down, all or none. */
  readonly write: (kills: readonly Kill[]) => Promise<unknown>;
  /** Begins to write, beside whatever a kill happens in: `game.background`. */
  readonly begin: (write: () => Promise<void>) => void;
  /** Kills that may wait. */
  readonly pendingMax: number;
  readonly log: Pick<Logger, "warn">;
}

/**
 * Writes kills down as they happen, and keeps them while the storage is down. A kill of which it is unknown whether it
 * was written is not written again: a count may miss a kill, never have one twice.
 */
export class KillLedger<Kill> {
  readonly #options: KillLedgerOptions<Kill>;
  #pending: Kill[] = [];
  #writing: Promise<void> | null = null;
  /** The last write failed: the next try comes with {@linkcode flush}. */
  #isDown = false;

  constructor(options: KillLedgerOptions<Kill>) {
    this.#options = options;
  }

  /** Kills that are not written yet, those being written left out. */
  get pendingCount(): number {
    return this.#pending.length;
  }

  /** Takes a kill; above the bound the oldest is lost. */
  add(kill: Kill): void {
    this.#keep([kill]);
    if (!this.#isDown) this.#options.begin(() => this.flush());
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
        await this.#options.write(kills);
      } catch (error) {
        this.#isDown = true;
        this.#options.log.warn("Cannot count kills", { count: kills.length, error: String(error) });
        const isUndone = error instanceof DependencyError && error.code !== "timeout";
        if (isUndone) this.#keep(kills, "before");
        return;
      }
    }
  }

  #keep(kills: readonly Kill[], place: "before" | "after" = "after"): void {
    const all = place === "after" ? [...this.#pending, ...kills] : [...kills, ...this.#pending];
    this.#pending = all.slice(-this.#options.pendingMax);
  }
}
