/** The storage as seen from another thread than the one that owns the database. @module */

import { DependencyError } from "../../shared/errors.ts";
import { STORAGE_PENDING_MAX, STORAGE_SWEEP_INTERVAL_MS, STORAGE_TIMEOUT_MS } from "../../shared/limits.ts";
import { SYSTEM_TIMERS, SystemClock, type Timers } from "../clock.ts";
import type { GuildStore } from "./guild_store.ts";
import type { SanctionStore } from "./sanction_store.ts";
import type { ScoreStore } from "./score_store.ts";
import type { AccountStore, CharacterStore, SocialStore, Storage } from "./storage.ts";
import { decodeError, type NumberedRequest, type NumberedResponse } from "./storage_messages.ts";
import { type Argument, type OperationName, type Result, storageSubjects } from "./storage_operations.ts";

/** What a {@linkcode WorkerStorage} needs of a port to the storage worker. */
export type StoragePort = Pick<MessagePort, "postMessage" | "onmessage" | "close">;

/** Bounds of a {@linkcode WorkerStorage}, each with its default in `limits.ts`, and its time. */
export interface WorkerStorageOptions {
  /** Requests that may wait for an answer. */
  readonly pendingMax?: number;
  /** How long a request may wait, in milliseconds. */
  readonly timeoutMs?: number;
  /** How often waiting requests are looked at, in milliseconds. */
  readonly sweepIntervalMs?: number;
  /** Monotonic, in milliseconds; default: the process's, without the time in which it was stopped. */
  readonly nowMs?: () => number;
  /** Default: the thread's own. */
  readonly timers?: Timers;
}

interface Pending {
  readonly operation: OperationName;
  readonly deadlineMs: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Asks the storage worker through a port. All requests of one turn go as one message; requests of one port are done in
 * the order they were made.
 */
export class WorkerStorage implements Storage {
  readonly accounts: AccountStore;
  readonly characters: CharacterStore;
  readonly guilds: GuildStore;
  readonly social: SocialStore;
  readonly scores: ScoreStore;
  readonly sanctions: SanctionStore;
  readonly isHealthy: () => Promise<boolean>;
  readonly #pendingMax: number;
  readonly #timeoutMs: number;
  readonly #sweepIntervalMs: number;
  readonly #nowMs: () => number;
  readonly #timers: Timers;
  /** By request number; a map keeps the order of insertion, which is the order of deadlines. */
  readonly #pending = new Map<number, Pending>();
  #port: StoragePort | undefined;
  #outgoing: NumberedRequest[] = [];
  #nextId = 1;
  #sweepTimer: unknown;

  /** @param port From `StorageWorker.connect()`, given or sent to this thread. */
  constructor(port: StoragePort, options: WorkerStorageOptions = {}) {
    this.#pendingMax = options.pendingMax ?? STORAGE_PENDING_MAX;
    this.#timeoutMs = options.timeoutMs ?? STORAGE_TIMEOUT_MS;
    this.#sweepIntervalMs = options.sweepIntervalMs ?? STORAGE_SWEEP_INTERVAL_MS;
    const clock = new SystemClock();
    this.#nowMs = options.nowMs ?? (() => clock.monotonicMs());
    this.#timers = options.timers ?? SYSTEM_TIMERS;
    ({
      accounts: this.accounts,
      characters: this.characters,
      guilds: this.guilds,
      social: this.social,
      scores: this.scores,
      sanctions: this.sanctions,
      isHealthy: this.isHealthy,
    } = storageSubjects(
      (operation, argument) => this.#call(operation, argument),
    ));
    this.#listen(port);
  }

  /** Requests that wait for an answer. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /**
   * Goes on with the port of a new storage worker after the old one has died. What was sent and not answered may or may
   * not have been done, so it is rejected with `timeout`.
   */
  replacePort(port: StoragePort): void {
    this.#port?.close();
    this.#failPending("timeout", "the storage worker was restarted");
    this.#listen(port);
  }

  close(): Promise<void> {
    this.#port?.close();
    this.#port = undefined;
    this.#failPending("unavailable", "storage is closed");
    this.#timers.clear(this.#sweepTimer);
    this.#sweepTimer = undefined;
    return Promise.resolve();
  }

  #listen(port: StoragePort): void {
    this.#port = port;
    port.onmessage = ({ data: responses }: MessageEvent<NumberedResponse[]>) => {
      for (const response of responses) this.#settle(response);
    };
  }

  #call<K extends OperationName>(operation: K, argument: Argument<K>): Promise<Result<K>> {
    if (!this.#port) return Promise.reject(callError("unavailable", operation, "storage is closed"));
    if (this.#pending.size >= this.#pendingMax) {
      const reason = `${this.#pending.size} requests wait, limit is ${this.#pendingMax} requests`;
      return Promise.reject(callError("overloaded", operation, reason));
    }
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const id = this.#nextId++;
    this.#pending.set(id, { operation, deadlineMs: this.#nowMs() + this.#timeoutMs, resolve, reject });
    if (this.#outgoing.length === 0) queueMicrotask(() => this.#flush());
    this.#outgoing.push({ id, operation, argument });
    this.#scheduleSweep();
    return promise as Promise<Result<K>>;
  }

  #flush(): void {
    const requests = this.#outgoing;
    this.#outgoing = [];
    if (requests.length > 0) this.#port?.postMessage(requests);
  }

  /** A response without a request is one that came too late. */
  #settle({ id, value, error }: NumberedResponse): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (error) pending?.reject(decodeError(error));
    else pending?.resolve(value);
  }

  #scheduleSweep(): void {
    this.#sweepTimer ??= this.#timers.set(() => {
      this.#sweepTimer = undefined;
      this.#sweep(this.#nowMs());
      if (this.#pending.size > 0) this.#scheduleSweep();
    }, this.#sweepIntervalMs);
  }

  #sweep(nowMs: number): void {
    for (const [id, { operation, deadlineMs, reject }] of this.#pending) {
      if (deadlineMs > nowMs) return;
      this.#pending.delete(id);
      reject(callError("timeout", operation, `no answer within ${this.#timeoutMs} ms`));
    }
  }

  #failPending(code: "timeout" | "unavailable", reason: string): void {
    this.#outgoing = [];
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { operation, reject } of pending) reject(callError(code, operation, reason));
  }
}

function callError(code: "timeout" | "unavailable" | "overloaded", operation: OperationName, reason: string) {
  return new DependencyError(code, `Cannot run ${operation}: ${reason}`);
}
