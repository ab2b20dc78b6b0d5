/**
 * The embedded database: SQLite, used synchronously, so only from a thread that may wait for a disk.
 *
 * @module
 */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import { AssertionError, ConfigError, DependencyError } from "../../shared/errors.ts";
import { STORAGE_BUSY_TIMEOUT_MS, STORAGE_LOG_BYTES_KEPT, STORAGE_SLOW_MS } from "../../shared/limits.ts";
import { ENGINE_SCHEMA } from "./engine_schema.ts";
import { migrate } from "./schema.ts";
import {
  operationsOf,
  type RunnableOperation,
  type StorageOutcome,
  type StorageRequest,
  workOf,
} from "./operations.ts";
import { type SqlCall, type SqlText, statement } from "./sql.ts";
import type { GameRecords } from "./sql_store.ts";
import { HEALTH_PROBE } from "./storage.ts";

/** The path of a database that lives in memory and is gone when closed. */
export const MEMORY_PATH = ":memory:";

/** What a health check writes, in bytes: as much as a few players do. */
const PROBE_BYTES = 32_768;

/** Several pages, and never the same ones: a disk on which only one page is left is full for players too. */
const PROBE = statement(`UPDATE health SET bytes = randomblob(${PROBE_BYTES})`);

/** A page of the write-ahead log: 4,096 bytes, SQLite's default, and its header. */
const LOG_FRAME_BYTES = 4_096 + 24;

const DAMAGE_HINT = "restore a backup";

/** How long to wait before trying again to open a file that another process is opening, in milliseconds. */
const OPEN_RETRY_MS = 10;

/** How to open a database. */
export interface SqliteOptions {
  /** A file's path, created if missing, or {@linkcode MEMORY_PATH}. */
  readonly path: string;
  /** How long to wait for another process that writes, in milliseconds. */
  readonly busyTimeoutMs?: number;
  /** The same once it is open; default: `busyTimeoutMs`. */
  readonly lockWaitMs?: number;
  /** Looks whether the file is damaged before it is used: under a second for 100,000 accounts. Default: not. */
  readonly isChecked?: boolean;
  /** The database's clock, in Unix milliseconds; default: the machine's. */
  readonly nowMs?: () => number;
  /** Largest size of the file, in pages of 4,096 bytes; default: what SQLite can address. */
  readonly pagesMax?: number;
}

/**
 * One open database file. Several processes may have the same file open.
 *
 * What {@linkcode SqliteDatabase.execute} has answered survives a killed process and a power failure: every commit waits
 * for the disk (`synchronous = FULL`).
 */
export class SqliteDatabase {
  /** There was none before. */
  readonly isNew: boolean;
  readonly #database: DatabaseSync;
  readonly #clock = { nowMs: Date.now };
  readonly #operations: ReadonlyMap<string, RunnableOperation>;
  readonly #prepared = new Map<SqlText, StatementSync>();
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #rollback: StatementSync;
  readonly #savepoint: StatementSync;
  readonly #release: StatementSync;
  readonly #rollbackTo: StatementSync;

  /**
   * Opens the file, creates it if missing, and brings its schema up to date.
   *
   * @throws {ConfigError} when the file cannot be opened, is not ours, or is of a newer version.
   * @throws {DependencyError} `unavailable` when another process keeps it locked, or the disk is full.
   */
  constructor(options: SqliteOptions, records: GameRecords) {
    const database = openDatabase(options);
    try {
      this.isNew = isNew(database);
      if (options.isChecked === true) checkFile(database, options.path);
      const schemas = records.stores.map(({ definition, schema }) => ({ name: definition.name, steps: schema }));
      migrate(database, records, ENGINE_SCHEMA, schemas);
      this.#clock.nowMs = options.nowMs ?? Date.now;
      database.function("now_ms", readerOf(this.#clock));
      if (options.lockWaitMs !== undefined) database.exec(`PRAGMA busy_timeout = ${Math.trunc(options.lockWaitMs)}`);
      if (options.pagesMax !== undefined) database.exec(`PRAGMA max_page_count = ${Math.trunc(options.pagesMax)}`);
      const probe: RunnableOperation = { kind: "write", run: () => PROBE.run() };
      this.#operations = operationsOf(records).set(HEALTH_PROBE, probe);
      this.#begin = database.prepare("BEGIN IMMEDIATE");
      this.#commit = database.prepare("COMMIT");
      this.#rollback = database.prepare("ROLLBACK");
      this.#savepoint = database.prepare("SAVEPOINT request");
      this.#release = database.prepare("RELEASE request");
      this.#rollbackTo = database.prepare("ROLLBACK TO request");
    } catch (error) {
      database.close();
      throw openError(options.path, error);
    }
    this.#database = database;
  }

  /**
   * Runs requests in order, all in one transaction, and returns after it is on disk. A request that fails takes nothing
   * with it but its own changes; where the transaction itself fails, every write in it has failed and changed nothing.
   * While another process writes, reads are done and writes are not.
   *
   * Cost: one wait for the disk for all writes together, none where there are only reads.
   *
   * @param budgetMs After so much time no further request is begun.
   * @returns One outcome for each request that was begun, in order; the first always is. Errors are `DependencyError`,
   * or `RangeError` for a bad argument.
   */
  execute(requests: readonly StorageRequest[], budgetMs = Infinity): StorageOutcome[] {
    const untilMs = performance.now() + budgetMs;
    if (requests.every((request) => this.isRead(request))) {
      return whileInTime(requests, untilMs, (request) => this.#run(request));
    }
    try {
      this.#begin.run();
      const outcomes = whileInTime(
        requests,
        untilMs,
        (request) => this.isRead(request) ? this.#run(request) : this.#runInSavepoint(request),
      );
      this.#commit.run();
      return outcomes;
    } catch (cause) {
      if (this.#database.isTransaction) this.#rollback.run();
      const failed = isLockedError(cause)
        ? () => ({ isLocked: true } as const)
        : ({ operation }: StorageRequest) => ({ error: operationError(operation, cause) });
      // What a read saw may just have been undone: it is asked again.
      return requests.map((request) => this.isRead(request) ? this.#run(request) : failed(request));
    }
  }

  /** Whether a request changes nothing. */
  isRead({ operation }: StorageRequest): boolean {
    return this.#operations.get(operation)?.kind !== "write";
  }

  /**
   * Brings the write-ahead log into the file, as far as no other process still reads what was there before, and gives
   * back what it grew by. Waits for no reader; for moments when nobody asks for anything.
   *
   * @returns Bytes that are in the log afterwards; `undefined` when the disk takes nothing.
   */
  shortenLog(): number | undefined {
    try {
      let { log, checkpointed } = this.#checkpoint("PASSIVE");
      if (log === checkpointed && logBytes(log) > STORAGE_LOG_BYTES_KEPT) ({ log } = this.#checkpoint("TRUNCATE"));
      return logBytes(log);
    } catch {
      return undefined;
    }
  }

  /** Closes the file; the last process to do so folds the write-ahead log into it. */
  close(): void {
    this.#database.close();
    this.#clock.nowMs = Date.now;
  }

  #answer(request: StorageRequest): unknown {
    const work = workOf(this.#operations, request);
    let step = work.next();
    while (step.done !== true) step = work.next(this.#call(step.value));
    return step.value;
  }

  #call(call: SqlCall): unknown {
    const prepared = this.#prepared.get(call.statement) ?? this.#prepare(call.statement);
    switch (call.kind) {
      case "get":
        return plain(prepared.get(...call.values));
      case "all":
        return prepared.all(...call.values).map(plain);
      case "run":
        return Number(prepared.run(...call.values).changes);
      case "each":
        return call.lists.map((values) => Number(prepared.run(...values).changes));
    }
  }

  #prepare(asked: SqlText): StatementSync {
    const prepared = this.#database.prepare(asked.text.replace(/\b(?:ids|texts|rows)\(/g, "json_each("));
    this.#prepared.set(asked, prepared);
    return prepared;
  }

  /** Pages in the log, and how many of them are in the file too; -1 in memory. */
  #checkpoint(mode: "PASSIVE" | "TRUNCATE"): { log: number; checkpointed: number } {
    const { log, checkpointed } = this.#database.prepare(`PRAGMA wal_checkpoint(${mode})`).get() ?? {};
    return { log: Number(log), checkpointed: Number(checkpointed) };
  }

  #run(request: StorageRequest): StorageOutcome {
    try {
      return { value: this.#answer(request) };
    } catch (error) {
      return { error: operationError(request.operation, error) };
    }
  }

  #runInSavepoint(request: StorageRequest): StorageOutcome {
    this.#savepoint.run();
    try {
      const value = this.#answer(request);
      this.#release.run();
      return { value };
    } catch (error) {
      // A full disk makes SQLite undo the whole transaction by itself: then there is no savepoint to return to.
      if (!this.#database.isTransaction) throw error;
      this.#rollbackTo.run();
      this.#release.run();
      return { error: operationError(request.operation, error) };
    }
  }
}

/** Runs requests one after the other, at least one, until the time is up. */
function whileInTime(
  requests: readonly StorageRequest[],
  untilMs: number,
  run: (request: StorageRequest) => StorageOutcome,
): StorageOutcome[] {
  const outcomes: StorageOutcome[] = [];
  let nowMs = performance.now();
  for (const request of requests) {
    const startMs = nowMs, outcome = run(request);
    nowMs = performance.now();
    // Where time has no bound, as in a simulation, nobody wants to know.
    const isSlow = untilMs < Infinity && nowMs - startMs > STORAGE_SLOW_MS;
    outcomes.push(isSlow ? { ...outcome, isSlow } : outcome);
    if (nowMs >= untilMs) break;
  }
  return outcomes;
}

/** SQLite's errors carry no code here, only their text. */
function isLockedError(error: unknown): boolean {
  return messageOf(error).includes("database is locked");
}

/** Rows come without a prototype; callers and other threads get ordinary objects. */
function plain<Found>(row: Found): Found {
  return row && { ...row };
}

function logBytes(pageCount: number): number {
  return Math.max(0, pageCount) * LOG_FRAME_BYTES;
}

function openDatabase({ path, busyTimeoutMs = STORAGE_BUSY_TIMEOUT_MS }: SqliteOptions): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    if (path !== MEMORY_PATH) createPrivately(path);
    database = new DatabaseSync(path, { timeout: busyTimeoutMs });
    keepWriteAheadLog(database, busyTimeoutMs);
    database.exec("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
    database.exec(`PRAGMA journal_size_limit = ${STORAGE_LOG_BYTES_KEPT}`);
    return database;
  } catch (error) {
    database?.close();
    throw openError(path, error);
  }
}

/**
 * A function for SQL that holds nothing but `clock`: the runtime keeps it for as long as a statement is not collected,
 * and whatever it held would hold the statements.
 */
function readerOf(clock: { readonly nowMs: () => number }): () => number {
  return () => clock.nowMs();
}

/** Nothing was ever written to it by us or anybody else. */
function isNew(database: DatabaseSync): boolean {
  return database.prepare("SELECT count(*) AS count FROM sqlite_schema").get()?.count === 0;
}

/** @throws {ConfigError} when the file is damaged: better nobody plays than everybody loses what comes after. */
function checkFile(database: DatabaseSync, path: string): void {
  const [finding] = Object.values(database.prepare("PRAGMA quick_check(1)").get() ?? {});
  if (finding !== "ok") {
    throw new ConfigError([`Cannot open database ${path}: it is damaged: ${finding}; ${DAMAGE_HINT}`]);
  }
}

/** SQLite itself does not wait where two processes change a new file's mode at once, so the waiting is done here. */
function keepWriteAheadLog(database: DatabaseSync, busyTimeoutMs: number): void {
  const nobodyWakes = new Int32Array(new SharedArrayBuffer(4));
  const deadlineMs = performance.now() + busyTimeoutMs;
  while (true) {
    try {
      return database.exec("PRAGMA journal_mode = WAL");
    } catch (error) {
      if (performance.now() >= deadlineMs || !messageOf(error).includes("locked")) throw error;
      Atomics.wait(nobodyWakes, 0, 0, OPEN_RETRY_MS);
    }
  }
}

/** The file holds password verifiers: nobody else reads it. SQLite gives its side files the same mode. */
function createPrivately(path: string): void {
  try {
    Deno.openSync(path, { write: true, createNew: true, mode: 0o600 }).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

function openError(path: string, error: unknown): Error {
  if (error instanceof ConfigError || error instanceof AssertionError) return error;
  const reason = messageOf(error);
  if (/database is locked|disk is full|disk I\/O error/.test(reason)) {
    return new DependencyError("unavailable", `Cannot open database ${path}: ${reason}`, { cause: error });
  }
  // All that SQLite says of a folder that is missing, or on a disk that is read-only.
  const hint = /unable to open database file|os error/.test(reason)
    ? "; its folder must be there, and must be writable"
    : reason.includes("malformed")
    ? `; ${DAMAGE_HINT}`
    : "";
  return new ConfigError([`Cannot open database ${path}: ${reason}${hint}`]);
}

/** SQLite's errors carry no code here, only their text; constraints are the only ones that are not the disk's doing. */
function operationError(operation: string, error: unknown): Error {
  if (error instanceof RangeError || error instanceof TypeError || error instanceof AssertionError) return error;
  if (error instanceof DependencyError) return error;
  const reason = messageOf(error);
  const code = /constraint failed|cannot store/.test(reason) ? "conflict" : "unavailable";
  return new DependencyError(code, `Cannot run ${operation}: ${reason}`, { cause: error });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
