/** The storage in the caller's own thread. @module */

import { DependencyError } from "../../shared/errors.ts";
import { SqliteDatabase, type SqliteOptions } from "./sqlite_database.ts";
import type { GuildStore } from "../../games/parts/guilds/guild_store.ts";
import type { SanctionStore } from "../moderation/sanction_store.ts";
import type { ScoreStore } from "../../games/parts/leaderboards/score_store.ts";
import type { AccountStore, CharacterStore, SocialStore, Storage, Stores } from "./storage.ts";
import { type Argument, lockedError, type OperationName, type Result, storageSubjects } from "./storage_operations.ts";

/**
 * Runs every operation in the caller's thread, in the order of the calls, and answers in a later microtask: for command
 * line tools, tests, and simulations that must repeat exactly. A server that must not wait for a disk uses
 * `WorkerStorage`.
 */
export class DirectStorage implements Storage {
  readonly accounts: AccountStore;
  readonly characters: CharacterStore;
  readonly guilds: GuildStore;
  readonly social: SocialStore;
  readonly scores: ScoreStore;
  readonly sanctions: SanctionStore;
  #database: SqliteDatabase | undefined;

  /** @throws as {@linkcode SqliteDatabase}'s constructor does. */
  constructor(options: SqliteOptions) {
    this.#database = new SqliteDatabase(options);
    ({
      accounts: this.accounts,
      characters: this.characters,
      guilds: this.guilds,
      social: this.social,
      scores: this.scores,
      sanctions: this.sanctions,
    } = storageSubjects(
      (operation, argument) => this.#call(operation, argument),
    ));
  }

  /** Nobody waits here, so all are served alike. */
  for(): Stores {
    return this;
  }

  isHealthy(): Promise<boolean> {
    return this.#call("health.probe", undefined).then(() => true, () => false);
  }

  close(): Promise<void> {
    this.#database?.close();
    this.#database = undefined;
    return Promise.resolve();
  }

  async #call<K extends OperationName>(operation: K, argument: Argument<K>): Promise<Result<K>> {
    await null;
    if (!this.#database) throw new DependencyError("unavailable", `Cannot run ${operation}: storage is closed`);
    const [outcome] = this.#database.execute([{ operation, argument }]);
    if ("error" in outcome) throw outcome.error;
    if ("isLocked" in outcome) throw lockedError(operation);
    return outcome.value as Result<K>;
  }
}
