/** Changes of documents that a game makes by itself, and that must not be lost when the storage fails. @module */

import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { DependencyError } from "../../shared/errors.ts";
import {
  PERSIST_MS_MAX,
  PERSIST_RETRY_MS_MAX,
  PERSIST_RETRY_MS_MIN,
  PERSISTED_CHANGES_MAX,
} from "../../shared/limits.ts";
import type { LogicContext } from "../session/context.ts";
import type { Prng } from "../world/prng.ts";
import { DocumentError } from "./collection.ts";
import { type Documents, GAME, type Transaction } from "./documents.ts";
import { settleDurable } from "./durable.ts";
import type { GameTimers } from "./game_timers.ts";

/** What {@linkcode Persistence} works with. */
export interface PersistenceOptions extends Pick<LogicContext, "clock" | "log" | "storage"> {
  readonly documents: Documents;
  readonly timers: GameTimers;
  /** Names changes, so that one whose answer was lost is not made again. */
  readonly prng: Prng;
}

/** Makes changes once, however often the storage fails meanwhile. */
export class Persistence {
  readonly #options: PersistenceOptions;
  /** What is under way, and whose it is. */
  readonly #running = new Map<Promise<unknown>, number>();
  /** Ends the wait of each change that waits to be tried again. */
  readonly #wakers = new Set<() => void>();
  #isStopping = false;

  /** The engine makes it. */
  constructor(options: PersistenceOptions) {
    this.#options = options;
  }

  /** Changes that are not on disk yet. */
  get count(): number {
    return this.#running.size;
  }

  /** Whether changes of a player's are not on disk yet. */
  has(playerId: number): boolean {
    for (const each of this.#running.values()) if (each === playerId) return true;
    return false;
  }

  /** See `Game.persist`. */
  run<Desc extends DescMessage>(
    playerId: number,
    schema: Desc,
    work: (transaction: Transaction) => MessageInitShape<Desc> | Promise<MessageInitShape<Desc>>,
  ): Promise<MessageShape<Desc>> {
    if (this.#running.size >= PERSISTED_CHANGES_MAX) {
      return Promise.reject(new DependencyError("overloaded", `${PERSISTED_CHANGES_MAX} changes wait for the storage`));
    }
    const running = this.#run(
      playerId,
      async (transaction) => toBinary(schema, create(schema, await work(transaction))),
    )
      .then((reply) => fromBinary(schema, reply));
    this.#running.set(running, playerId);
    const done = () => void this.#running.delete(running);
    running.then(done, done);
    return running;
  }

  /** Tries once more what waits; resolves when all is on disk, or cannot be. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const wake of this.#wakers) wake();
    await Promise.allSettled(this.#running.keys());
  }

  async #run(playerId: number, work: (transaction: Transaction) => Promise<Uint8Array>): Promise<Uint8Array> {
    const { clock, documents, log, prng, storage } = this.#options;
    const sinceMs = clock.monotonicMs();
    // 53 bits: no client's request, and no other change, has that name by chance.
    const requestKey = 1 + prng.nextUint32() * 2 ** 21 + (prng.nextUint32() >>> 11);
    const request = { documents, storage, player: { playerId, asker: GAME }, requestType: 0, requestKey };
    for (let waitMs = PERSIST_RETRY_MS_MIN;; waitMs = Math.min(2 * waitMs, PERSIST_RETRY_MS_MAX)) {
      const isLast = this.#isStopping || clock.monotonicMs() - sinceMs >= PERSIST_MS_MAX;
      try {
        return await settleDurable({ ...request, atMs: clock.unixMs() }, work);
      } catch (error) {
        if (isLast || !mayPass(error)) throw error;
        log.warn("Cannot save a change of the game, will try again", { playerId, waitMs, error: String(error) });
      }
      await this.#wait(waitMs);
    }
  }

  #wait(ms: number): Promise<void> {
    if (this.#isStopping) return Promise.resolve();
    const { clock, timers } = this.#options;
    return new Promise((resolve) => {
      const wake = () => {
        this.#wakers.delete(wake);
        resolve();
      };
      this.#wakers.add(wake);
      timers.set(wake, { dueMs: clock.monotonicMs() + ms });
    });
  }
}

/** Whether it is the storage that failed, and not the change. */
function mayPass(error: unknown): boolean {
  return error instanceof DocumentError ? error.reason === "conflict" : error instanceof DependencyError;
}
