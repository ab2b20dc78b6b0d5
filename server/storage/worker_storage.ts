/** The storage as seen from another thread than the one that owns the database. @module */

import { DependencyError, type DependencyErrorCode } from "../../shared/errors.ts";
import {
  STORAGE_IN_FLIGHT_PER_RESERVED,
  STORAGE_LOCK_PAUSE_MS,
  STORAGE_PENDING_MAX,
  STORAGE_PENDING_PER_SOURCE_MAX,
  STORAGE_SWEEP_INTERVAL_MS,
  STORAGE_TIMEOUT_MS,
  STORAGE_WINDOW_MIN,
} from "../../shared/limits.ts";
import { SYSTEM_TIMERS, SystemClock, type Timers } from "../base/clock.ts";
import type { StorageRequest } from "./operations.ts";
import type { OnceRequest } from "./receipt_store.ts";
import { RequestClaims } from "./request_claims.ts";
import { RequestQueue, type Waiting } from "./request_queue.ts";
import type { SanctionStore } from "../moderation/sanction_store.ts";
import {
  type AccountStore,
  type Asker,
  type CharacterStore,
  ENTRY,
  HEALTH_PROBE,
  ORDINARY,
  type Storage,
  type Stores,
  storesOn,
  SYSTEM,
  type Urgency,
  URGENT,
} from "./storage.ts";
import {
  decodeError,
  type NumberedRequest,
  type NumberedResponse,
  type StorageChannel,
  type StoragePort,
} from "./storage_messages.ts";
import { lockedError, type OnceStoreOf, type StoreDefinition, type StoreOf } from "./store.ts";

/** Bounds of a {@linkcode WorkerStorage}, each with its default in `limits.ts`, and its time. */
export interface WorkerStorageOptions {
  /** Requests that may wait for an answer. */
  readonly pendingMax?: number;
  /** Of those, requests of one source. */
  readonly perSourceMax?: number;
  /** How long a request may wait, in milliseconds. */
  readonly timeoutMs?: number;
  /** How often waiting requests are looked at, in milliseconds. */
  readonly sweepIntervalMs?: number;
  /** Monotonic, in milliseconds; default: the process's, without the time in which it was stopped. */
  readonly nowMs?: () => number;
  /** Default: the thread's own. */
  readonly timers?: Timers;
  /**
   * Called when answers have come in: they wait until {@linkcode WorkerStorage.takeAnswers} takes them. Left out, they
   * are taken at once.
   */
  readonly onAnswers?: () => void;
}

interface Request extends Waiting, StorageRequest {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  /** It was kept from being done by another process, at least once. */
  wasLocked: boolean;
}

/**
 * Asks the storage worker through a port. What cannot go to it at once waits here, where it can be put into order and
 * given up: the urgent first, then every source in its turn. Only a few requests are on their way at a time, so the
 * worker's queue is never long, and their answers are bounded as well.
 */
export class WorkerStorage implements Storage {
  readonly accounts: AccountStore;
  readonly characters: CharacterStore;
  readonly sanctions: SanctionStore;
  readonly #stores: Stores;
  readonly #timeoutMs: number;
  readonly #sweepIntervalMs: number;
  readonly #nowMs: () => number;
  readonly #timers: Timers;
  #onAnswers: (() => void) | undefined;
  readonly #queue: RequestQueue<Request>;
  readonly #pendingMax: number;
  readonly #perSourceMax: number;
  /** Requests on their way, by id; `null` where one was given up whose id is not free yet. */
  readonly #sent = new Map<number, Request | null>();
  #freeIds: number[] = [];
  #port: StoragePort | undefined;
  #claims!: RequestClaims;
  /** Answers that nobody has taken yet, the first first: no more than may be on their way. */
  #answers: NumberedResponse[] = [];
  /** Until then no write is sent: another process keeps the database locked. */
  #writesFromMs = -Infinity;
  #isFlushing = false;
  /**
   * Ordinary requests on their way at most. Whatever is asked later is answered behind them, entries and saves too, so it
   * grows only while the database answers quickly and its answers are taken quickly: not with requests that are slow there,
   * or whose handlers are.
   */
  #window = STORAGE_WINDOW_MIN;
  readonly #ordinaryIds = new Set<number>();
  /** More could have been sent last. */
  #isWindowFull = false;
  #sweepTimer: unknown;
  #lockTimer: unknown;

  /** @param channel From `StorageWorker.connect()`, given or sent to this thread. */
  constructor(channel: StorageChannel, options: WorkerStorageOptions = {}) {
    this.#pendingMax = options.pendingMax ?? STORAGE_PENDING_MAX;
    this.#perSourceMax = options.perSourceMax ?? STORAGE_PENDING_PER_SOURCE_MAX;
    this.#timeoutMs = options.timeoutMs ?? STORAGE_TIMEOUT_MS;
    this.#sweepIntervalMs = options.sweepIntervalMs ?? STORAGE_SWEEP_INTERVAL_MS;
    const clock = new SystemClock();
    this.#nowMs = options.nowMs ?? (() => clock.monotonicMs());
    this.#timers = options.timers ?? SYSTEM_TIMERS;
    this.#onAnswers = options.onAnswers;
    this.#queue = new RequestQueue({ waitingMax: this.#pendingMax, perSourceMax: this.#perSourceMax });
    this.#stores = storesOn((operation, isWrite, argument, once) => this.#call({ operation, argument, once }, isWrite));
    ({ accounts: this.accounts, characters: this.characters, sanctions: this.sanctions } = this.#stores);
    this.#listen(channel);
  }

  /** Requests that wait for an answer. */
  get pendingCount(): number {
    return this.#queue.count + this.#sent.size;
  }

  /** Answers that have come in and were not taken. */
  get answerCount(): number {
    return this.#answers.length;
  }

  for(asker: Asker): Stores {
    const deadlineMs = this.#nowMs() + this.#timeoutMs;
    return storesOn((operation, isWrite, argument, once) =>
      this.#call({ operation, argument, once }, isWrite, asker, deadlineMs)
    );
  }

  of<Definition extends StoreDefinition>(definition: Definition): StoreOf<Definition> {
    return this.#stores.of(definition);
  }

  once<Definition extends StoreDefinition>(definition: Definition, request: OnceRequest): OnceStoreOf<Definition> {
    return this.#stores.once(definition, request);
  }

  isHealthy(): Promise<boolean> {
    return this.#call({ operation: HEALTH_PROBE, argument: undefined }, true).then(() => true, () => false);
  }

  /** Takes up to `max` answers, in the order they came: those who asked go on in microtasks. */
  takeAnswers(max: number): void {
    for (let left = max; left > 0; left--) {
      const answer = this.#answers.shift();
      if (answer === undefined) return;
      this.#settle(answer);
    }
  }

  /** What went on behind answers took long: fewer are asked for at a time. */
  onSlowAnswers(): void {
    this.#window = STORAGE_WINDOW_MIN;
    this.#isWindowFull = false;
  }

  /**
   * Goes on with a new storage worker after the old one has died. What it may have begun is rejected with `timeout`,
   * what it had not with `unavailable`; what was never sent goes to the new one.
   */
  replacePort(channel: StorageChannel): void {
    this.#port?.close();
    this.takeAnswers(Infinity);
    this.#failSent("the storage worker was restarted");
    this.#listen(channel);
    this.#scheduleFlush();
  }

  close(): Promise<void> {
    this.#port?.close();
    this.#port = undefined;
    this.#failSent("storage is closed");
    for (const request of this.#queue.removeExpired(Infinity)) {
      request.reject(callError("unavailable", request.operation, "storage is closed"));
    }
    for (const timer of [this.#sweepTimer, this.#lockTimer]) this.#timers.clear(timer);
    this.#sweepTimer = this.#lockTimer = undefined;
    return Promise.resolve();
  }

  #listen({ port, claims }: StorageChannel): void {
    this.#port = port;
    this.#claims = new RequestClaims(claims);
    this.#sent.clear();
    this.#answers = [];
    this.#ordinaryIds.clear();
    this.#freeIds = Array.from({ length: this.#claims.count }, (_, index) => this.#claims.count - 1 - index);
    port.onmessage = ({ data: responses }: MessageEvent<NumberedResponse[]>) => {
      for (const response of responses) this.#answers.push(response);
      if (this.#onAnswers === undefined) this.takeAnswers(Infinity);
      else this.#onAnswers();
    };
  }

  #call(
    { operation, argument, once }: Omit<StorageRequest, "fence">,
    isWrite: boolean,
    { source, urgency, owner }: Asker = SYSTEM,
    deadlineMs: number = this.#nowMs() + this.#timeoutMs,
  ): Promise<unknown> {
    if (!this.#port) return Promise.reject(callError("unavailable", operation, "storage is closed"));
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const request = {
      source,
      urgency,
      isWrite,
      deadlineMs,
      operation,
      argument,
      fence: isWrite ? owner : undefined,
      once,
      resolve,
      reject,
      order: 0,
      wasLocked: false,
    };
    const verdict = this.pendingCount >= this.#pendingMax ? "full" : this.#queue.tryPush(request);
    if (verdict !== "taken") {
      const [who, max] = verdict === "full" ? ["all", this.#pendingMax] : ["one source", this.#perSourceMax];
      return Promise.reject(callError("overloaded", operation, `limit for ${who} is ${max} requests`));
    }
    this.#scheduleFlush();
    this.#scheduleSweep();
    return promise;
  }

  /** Requests of one turn go as one message. */
  #scheduleFlush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#port === undefined) return;
    const nowMs = this.#nowMs();
    const which = nowMs < this.#writesFromMs ? "reads" : "all";
    const messages: NumberedRequest[] = [];
    while (this.#freeIds.length > 0) {
      const request = this.#queue.shift(which, this.#least());
      if (request === undefined) break;
      if (request.deadlineMs <= nowMs) {
        this.#giveUp(request);
        continue;
      }
      const id = this.#freeIds.pop()!;
      if (request.urgency === ORDINARY) this.#ordinaryIds.add(id);
      this.#claims.send(id);
      this.#sent.set(id, request);
      const { operation, argument, fence, once } = request;
      messages.push({ id, operation, argument, fence, once });
    }
    this.#isWindowFull = this.#ordinaryIds.size >= this.#window && this.#queue.count > 0;
    if (messages.length > 0) this.#port.postMessage(messages);
  }

  /** How urgent the next must be that is sent. */
  #least(): Urgency {
    if (this.#freeIds.length * STORAGE_IN_FLIGHT_PER_RESERVED <= this.#claims.count) return URGENT;
    return this.#ordinaryIds.size >= this.#window ? ENTRY : ORDINARY;
  }

  #settle({ id, value, error, isLocked, isSlow }: NumberedResponse): void {
    const request = this.#sent.get(id);
    if (request === undefined) return;
    this.#sent.delete(id);
    this.#freeIds.push(id);
    this.#moveWindow(id, isSlow === true);
    if (this.#queue.count > 0) this.#scheduleFlush();
    if (request === null) return;
    if (isLocked) this.#putOff(request);
    else if (error) request.reject(decodeError(error));
    else request.resolve(value);
  }

  /** An answer was taken. After a pause a burst begins anew. */
  #moveWindow(id: number, isSlow: boolean): void {
    if (!this.#ordinaryIds.delete(id)) return;
    if (isSlow) this.#window = STORAGE_WINDOW_MIN;
    else if (this.#isWindowFull && this.#window < this.#claims.count) this.#window++;
    else if (this.#ordinaryIds.size === 0) this.#window = STORAGE_WINDOW_MIN;
  }

  /** Another process writes: it is tried again in a moment, until its time is over. */
  #putOff(request: Request): void {
    request.wasLocked = true;
    this.#queue.putBack(request);
    this.#writesFromMs = this.#nowMs() + STORAGE_LOCK_PAUSE_MS;
    this.#lockTimer ??= this.#timers.set(() => {
      this.#lockTimer = undefined;
      this.#writesFromMs = -Infinity;
      this.#flush();
    }, STORAGE_LOCK_PAUSE_MS);
  }

  #scheduleSweep(): void {
    this.#sweepTimer ??= this.#timers.set(() => {
      this.#sweepTimer = undefined;
      this.#sweep(this.#nowMs());
      if (this.pendingCount > 0) this.#scheduleSweep();
    }, this.#sweepIntervalMs);
  }

  #sweep(nowMs: number): void {
    for (const request of this.#queue.removeExpired(nowMs)) this.#giveUp(request);
    for (const [id, request] of this.#sent) {
      // One whose answer is here, and only waits to be taken, is in time.
      if (request === null || request.deadlineMs > nowMs || this.#isAnswered(id)) continue;
      if (this.#claims.tryGiveUp(id)) this.#giveUp(request);
      // One that has begun is answered in a moment, nearly always: also that it could not be done.
      else if (request.deadlineMs + this.#sweepIntervalMs > nowMs) continue;
      else request.reject(callError("timeout", request.operation, `no answer within ${this.#timeoutMs} ms`));
      this.#sent.set(id, null);
    }
  }

  #isAnswered(id: number): boolean {
    return this.#answers.some((answer) => answer.id === id);
  }

  /** It was not begun and never will be. */
  #giveUp({ operation, reject, wasLocked }: Request): void {
    if (wasLocked) reject(lockedError(operation));
    else reject(callError("unavailable", operation, `not begun within ${this.#timeoutMs} ms`));
  }

  #failSent(reason: string): void {
    for (const [id, request] of this.#sent) {
      if (request === null) continue;
      const code = this.#claims.tryGiveUp(id) ? "unavailable" : "timeout";
      request.reject(callError(code, request.operation, reason));
    }
    this.#sent.clear();
  }
}

function callError(code: DependencyErrorCode, operation: string, reason: string): DependencyError {
  return new DependencyError(code, `Cannot run ${operation}: ${reason}`);
}
