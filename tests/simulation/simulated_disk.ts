/**
 * A disk that can be slow, refuse writes, and lose what was not committed, under the real database and behind the real
 * {@linkcode WorkerStorage}.
 *
 * @module
 */

import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import type { GameRecords } from "../../server/storage/sql_store.ts";
import type { StorageOutcome } from "../../server/storage/operations.ts";
import { MEMORY_PATH, SqliteDatabase } from "../../server/storage/sqlite_database.ts";
import { createClaimsBuffer, RequestClaims } from "../../server/storage/request_claims.ts";
import {
  type NumberedRequest,
  type NumberedResponse,
  responseOf,
  type StorageChannel,
  type StoragePort,
} from "../../server/storage/storage_messages.ts";
import type { Prng } from "../../server/world/prng.ts";
import { DependencyError } from "../../shared/errors.ts";
import { STORAGE_IN_FLIGHT_MAX } from "../../shared/limits.ts";
import { assert } from "../support/assert.ts";
import type { SimulatedTime } from "./simulated_time.ts";
import type { Trace } from "./trace.ts";

/** How a disk fares. */
export interface DiskHealth {
  /** How long a commit takes at most, in milliseconds. */
  readonly commitMs: number;
  /** Writes fail: it is full. */
  readonly isFull: boolean;
}

/** Sees every request once it is on disk, with what became of it. */
export type CommitListener = (request: NumberedRequest, outcome: StorageOutcome) => void;

/**
 * How a server reaches its database: `whole`; `mute`: what it asks does not arrive; `deaf`: what is answered does not;
 * `cut`: neither.
 */
export type Reach = "whole" | "mute" | "deaf" | "cut";

interface Waiting {
  readonly request: NumberedRequest;
  readonly port: DiskPort;
}

/** The disk, and the storage worker above it. */
export class SimulatedDisk {
  health: DiskHealth = { commitMs: 2, isFull: false };
  /** Told of every request before it is on its way. */
  onAsked: (operation: NumberedRequest["operation"]) => void = () => {};
  readonly #time: SimulatedTime;
  readonly #prng: Prng;
  readonly #trace: Trace;
  readonly #database: SqliteDatabase;
  readonly #onCommit: CommitListener;
  /** Counts lives of the storage worker. */
  #life = 0;
  #waiting: Waiting[] = [];
  #isBusy = false;
  #reach: Reach = "whole";
  /** Answers that have not arrived. */
  #late: (() => void)[] = [];
  #pausedUntilMs = 0;

  /** @param database What is on it: a database that others share, or records of a game for one of its own. */
  constructor(
    time: SimulatedTime,
    prng: Prng,
    trace: Trace,
    onCommit: CommitListener,
    database: GameRecords | SqliteDatabase = MARSH_RECORDS,
  ) {
    this.#time = time;
    const isOpen = database instanceof SqliteDatabase;
    this.#database = isOpen ? database : new SqliteDatabase({ path: MEMORY_PATH }, database);
    this.#prng = prng;
    this.#trace = trace;
    this.#onCommit = onCommit;
  }

  /** Requests that wait, or are being done. */
  get isIdle(): boolean {
    return !this.#isBusy && this.#waiting.length === 0;
  }

  /** What was on its way when it was cut arrives once it is whole again, unless whoever asked has given it up. */
  set reach(reach: Reach) {
    this.#reach = reach;
    this.#schedule();
    if (this.#isDeaf) return;
    const late = this.#late;
    this.#late = [];
    for (const answer of late) answer();
  }

  get reach(): Reach {
    return this.#reach;
  }

  /** Nothing is taken from the server, and nothing told to it, for a while: it is paused. */
  pause(ms: number): void {
    this.#pausedUntilMs = this.#time.monotonicMs() + ms;
  }

  get #isDeaf(): boolean {
    return this.#reach === "deaf" || this.#reach === "cut";
  }

  /** Puts accounts and the like there before anything begins. */
  prepare(operation: NumberedRequest["operation"], argument: unknown): unknown {
    return this.read(operation, argument);
  }

  connect(): StorageChannel {
    const claims = createClaimsBuffer(STORAGE_IN_FLIGHT_MAX);
    return { port: new DiskPort(new RequestClaims(claims), (request, port) => this.#take(request, port)), claims };
  }

  /** Looks at what is on disk, past the worker. */
  read(operation: NumberedRequest["operation"], argument: unknown): unknown {
    const [outcome] = this.#database.execute([{ operation, argument }]);
    if ("error" in outcome) throw outcome.error;
    assert("value" in outcome);
    return outcome.value;
  }

  /** The storage worker dies: what waits is lost, and so is the answer to what was just done. */
  crash(): void {
    this.#life++;
    this.#waiting = [];
    this.#isBusy = false;
    this.#trace.step("disk crash", this.#time.monotonicMs(), this.#life);
  }

  close(): void {
    this.#database.close();
  }

  #take(request: NumberedRequest, port: DiskPort): void {
    this.onAsked(request.operation);
    this.#waiting.push({ request, port });
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isBusy || this.#waiting.length === 0 || this.#reach === "mute" || this.#reach === "cut") return;
    this.#isBusy = true;
    const life = this.#life;
    this.#time.at(this.#prng.nextFloat() * this.health.commitMs, () => {
      if (life !== this.#life) return;
      const batch: Waiting[] = [];
      for (const each of this.#waiting) {
        if (each.port.claims.tryBegin(each.request.id)) batch.push(each);
        else each.port.answer({ id: each.request.id });
      }
      this.#waiting = [];
      const outcomes = this.#execute(batch.map(({ request }) => request));
      this.#time.at(this.#prng.nextFloat(), () => {
        if (life !== this.#life) return;
        this.#isBusy = false;
        this.#answer(() => batch.forEach(({ request, port }, at) => port.answer(responseOf(request.id, outcomes[at]))));
        this.#schedule();
      });
    });
  }

  #answer(answer: () => void): void {
    const pausedMs = this.#pausedUntilMs - this.#time.monotonicMs();
    if (this.#isDeaf) this.#late.push(answer);
    else if (pausedMs > 0) this.#time.at(pausedMs, () => this.#answer(answer));
    else answer();
  }

  #execute(requests: readonly NumberedRequest[]): StorageOutcome[] {
    const { isFull } = this.health;
    const isRefused = (request: NumberedRequest) => isFull && !this.#database.isRead(request);
    const done = this.#database.execute(requests.filter((request) => !isRefused(request)));
    let next = 0;
    return requests.map((request) => {
      const outcome = isRefused(request)
        ? { error: new DependencyError("unavailable", "Cannot write: the disk is full") }
        : done[next++];
      const what = `disk ${request.operation} ${"error" in outcome ? "failed" : "done"}`;
      this.#trace.step(what, this.#time.monotonicMs(), request.id);
      this.#onCommit(request, outcome);
      return outcome;
    });
  }
}

/** A copy of plain data, as it crosses a thread; `structuredClone` does the same at many times the cost. */
function copyOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return value.slice();
  if (Array.isArray(value)) return value.map(copyOf);
  const copy: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(value)) copy[key] = copyOf(entry);
  return copy;
}

/** One way to the storage worker; messages are copied, as between threads. */
class DiskPort implements StoragePort {
  onmessage: MessagePort["onmessage"] = null;
  #isClosed = false;
  readonly #take: (request: NumberedRequest, port: DiskPort) => void;

  constructor(readonly claims: RequestClaims, take: (request: NumberedRequest, port: DiskPort) => void) {
    this.#take = take;
  }

  postMessage(requests: unknown): void {
    if (this.#isClosed) return;
    for (const request of copyOf(requests) as NumberedRequest[]) this.#take(request, this);
  }

  answer(response: NumberedResponse): void {
    if (this.#isClosed) return;
    const event = { data: copyOf([response]) as NumberedResponse[] } as MessageEvent<NumberedResponse[]>;
    this.onmessage?.call(this as unknown as MessagePort, event);
  }

  close(): void {
    this.#isClosed = true;
  }
}
