/**
 * A PostgreSQL database that several servers may use at once.
 *
 * Handlers count and then write, as if they were alone. So a transaction that writes to a store holds that store's lock,
 * and no other does meanwhile, of whatever server. Reads need no lock: each sees one state of everything.
 *
 * @module
 */

import { AssertionError, ConfigError, DependencyError } from "../../shared/errors.ts";
import {
  POSTGRES_GROUP_MS,
  POSTGRES_RECONNECT_MS,
  POSTGRES_STATEMENT_TIMEOUT_MS,
  POSTGRES_TRIES_MAX,
} from "../../shared/limits.ts";
import { NODES } from "../cluster/directory_store.ts";
import {
  operationsOf,
  type RunnableOperation,
  type StorageOutcome,
  type StorageRequest,
  workOf,
} from "./operations.ts";
import { codeOf, type PostgresConnection } from "./postgres_connection.ts";
import { PostgresPool } from "./postgres_pool.ts";
import { migratePostgres } from "./postgres_schema.ts";
import { describeTarget, type PostgresTarget } from "./postgres_target.ts";
import { APPLICATION_ID } from "./schema.ts";
import { type Sql, type SqlCall, type SqlText, type SqlValue, statement } from "./sql.ts";
import type { GameRecords } from "./sql_store.ts";
import { HEALTH_PROBE } from "./storage.ts";

/** What PostgreSQL calls: a lock that is held too long, a deadlock, a transaction that others got in the way of. */
const LOCK_NOT_AVAILABLE = "55P03", DEADLOCK = "40P01", NOT_SERIALIZABLE = "40001";

const PROBE = statement("UPDATE health SET probes = probes + 1");
/** The operation that writes to every store. */
const REMOVE_ACCOUNT = "accounts.remove";

/** An open database. */
export class PostgresDatabase {
  /** There was nothing in it before. */
  readonly isNew: boolean;
  readonly #pool: PostgresPool;
  readonly #operations: ReadonlyMap<string, RunnableOperation>;
  readonly #storeNames: readonly string[];
  readonly #texts = new Map<SqlText, string>();
  /** Reads that asked for more than one statement: those must see one state. */
  readonly #longReads = new Set<string>();

  private constructor(pool: PostgresPool, records: GameRecords, isNew: boolean) {
    this.#pool = pool;
    this.isNew = isNew;
    const probe: RunnableOperation = { kind: "write", run: () => PROBE.run() };
    this.#operations = operationsOf(records).set(HEALTH_PROBE, probe);
    this.#storeNames = [...new Set([...this.#operations.keys()].map(storeOf))].sort();
  }

  /**
   * Connects, and brings the schema up to date.
   *
   * @throws {ConfigError} when the database cannot be used as it is: wrong user or password, no such database, not ours,
   * or of a newer version.
   * @throws {DependencyError} `unavailable` when it cannot be reached.
   */
  static async open(target: PostgresTarget, records: GameRecords): Promise<PostgresDatabase> {
    const pool = new PostgresPool(target);
    try {
      await pool.connect();
      const connection = (await pool.take())!;
      const isNew = await migratePostgres(connection, records);
      pool.give(connection);
      return new PostgresDatabase(pool, records, isNew);
    } catch (error) {
      await pool.close();
      throw openError(target, error);
    }
  }

  /** Whether a request changes nothing. */
  isRead({ operation }: StorageRequest): boolean {
    return this.#operations.get(operation)?.kind !== "write";
  }

  /** Lends a connection as soon as there is one. */
  take(): Promise<PostgresConnection | undefined> {
    return this.#pool.take();
  }

  /** Gives a connection back that was not needed. */
  give(connection: PostgresConnection): void {
    this.#pool.give(connection);
  }

  /** Runs a request that changes nothing, and gives the connection back. */
  async read(connection: PostgresConnection, request: StorageRequest): Promise<StorageOutcome> {
    for (let tries = 1;; tries++) {
      try {
        return { value: await this.#inTime(connection, () => this.#read(connection, request)) };
      } catch (error) {
        const isOver = !isRepeatable(error, connection) || tries === POSTGRES_TRIES_MAX;
        const next = isOver ? undefined : await this.#pool.take(performance.now() + POSTGRES_RECONNECT_MS);
        if (next === undefined) return { error: operationError(request, error) };
        connection = next;
      } finally {
        this.#pool.give(connection);
      }
    }
  }

  /**
   * Runs requests in order, all in one transaction, and gives the connection back once it is on disk. A request that
   * fails takes nothing with it but its own changes: all are run again then, each with a savepoint. Where the connection
   * is lost, all are tried again; where that may have been after the commit, the next connection is asked what became
   * of it.
   *
   * @returns One outcome for each of the first of them, one at least: when those have taken long, the others are left
   * undone. Errors are `DependencyError`, or `RangeError` for a bad argument.
   */
  async write(connection: PostgresConnection, requests: readonly StorageRequest[]): Promise<StorageOutcome[]> {
    let isWary = false;
    for (let tries = 1;; tries++) {
      const group: Group = { transactionId: "", isCommitting: false, outcomes: [], isWary };
      let failure: unknown;
      try {
        await this.#inTime(connection, () => this.#write(connection, requests, group));
        return group.outcomes;
      } catch (error) {
        failure = error;
      } finally {
        this.#pool.give(connection);
      }
      // One of them is wrong by itself: from now on each may fail alone.
      const isSpoilt: boolean = !isWary && failure instanceof SpoiltError;
      if (codeOf(failure) === LOCK_NOT_AVAILABLE) return requests.map(() => ({ isLocked: true }));
      if (!isSpoilt && !isRepeatable(failure, connection)) {
        return requests.map((each) => ({ error: operationError(each, failure) }));
      }
      const next = await this.#pool.take(performance.now() + POSTGRES_RECONNECT_MS);
      const state = group.isCommitting ? next && await this.#stateOf(next, group.transactionId) : "aborted";
      isWary ||= isSpoilt;
      if (state === "aborted" && next !== undefined && tries < POSTGRES_TRIES_MAX) {
        connection = next;
        continue;
      }
      if (next !== undefined) this.#pool.give(next);
      if (state === "committed") return group.outcomes;
      if (state === "aborted") return requests.map((each) => ({ error: operationError(each, failure) }));
      return group.outcomes.map((_, index) => ({ error: unknownError(requests[index], failure) }));
    }
  }

  /** Closes all connections; what is not committed is lost. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  /** How far this machine's clock is ahead of the database's, in milliseconds. */
  async clockAheadMs(): Promise<number> {
    const connection = (await this.#pool.take())!;
    try {
      const beforeMs = Date.now();
      const { rows: [{ now }] } = await connection.query(
        "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS now",
        [],
      );
      return (beforeMs + Date.now()) / 2 - Number(now);
    } finally {
      this.#pool.give(connection);
    }
  }

  /** The bytes of a secret that all servers share: `made` where there is none yet. */
  async secret(name: string, made: Uint8Array): Promise<Uint8Array> {
    const connection = (await this.#pool.take())!;
    try {
      await connection.query("INSERT INTO secrets (name, bytes) VALUES ($1, $2) ON CONFLICT DO NOTHING", [name, made]);
      const { rows } = await connection.query("SELECT bytes FROM secrets WHERE name = $1", [name]);
      return rows[0].bytes as Uint8Array;
    } finally {
      this.#pool.give(connection);
    }
  }

  /** Does work, and gives the connection up when that takes too long: the network may keep silent for ever. */
  async #inTime<T>(connection: PostgresConnection, work: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => void connection.close(), POSTGRES_STATEMENT_TIMEOUT_MS);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(connection: PostgresConnection, request: StorageRequest): Promise<unknown> {
    if (!this.#longReads.has(request.operation)) {
      // One statement sees one state by itself.
      const work = workOf(this.#operations, request);
      let step = work.next();
      if (step.done !== true) step = work.next(await this.#call(connection, step.value));
      if (step.done === true) return step.value;
      this.#longReads.add(request.operation);
    }
    queue(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    try {
      return await this.#run(connection, workOf(this.#operations, request));
    } finally {
      queue(connection, "COMMIT");
    }
  }

  async #write(connection: PostgresConnection, requests: readonly StorageRequest[], group: Group): Promise<void> {
    try {
      queue(connection, "BEGIN");
      const locks = this.#storesOf(requests).map((store) => connection.query(LOCK, [APPLICATION_ID, store]));
      const numbered = connection.query("SELECT CAST(pg_current_xact_id() AS TEXT) AS id", []);
      const [{ rows: [{ id }] }] = await Promise.all([numbered, ...locks]);
      group.transactionId = String(id);
      const run = group.isWary ? this.#runAlone : this.#runTogether;
      const untilMs = performance.now() + POSTGRES_GROUP_MS;
      for (const request of requests) {
        group.outcomes.push(await run.call(this, connection, request));
        if (performance.now() >= untilMs) break;
      }
      group.isCommitting = true;
      const { command } = await connection.query("COMMIT", []);
      // A transaction that has failed before is only ended.
      if (command !== "COMMIT") throw new AssertionError(`A transaction that is committed is not ended by ${command}`);
    } catch (error) {
      // Nothing was committed, unless the connection is lost.
      group.isCommitting &&= connection.isLost;
      if (!connection.isLost) await connection.query("ROLLBACK", []).catch(() => {});
      throw error;
    }
  }

  /** Runs a request that is hoped not to fail: it would take all others of the transaction with it. */
  async #runTogether(connection: PostgresConnection, request: StorageRequest): Promise<StorageOutcome> {
    try {
      return { value: await this.#run(connection, workOf(this.#operations, request)) };
    } catch (error) {
      if (isRepeatable(error, connection) || codeOf(error) === LOCK_NOT_AVAILABLE) throw error;
      throw new SpoiltError("A request of a transaction has failed", { cause: error });
    }
  }

  /** Runs a request so that it fails alone. */
  async #runAlone(connection: PostgresConnection, request: StorageRequest): Promise<StorageOutcome> {
    queue(connection, "SAVEPOINT request");
    try {
      const value = await this.#run(connection, workOf(this.#operations, request));
      queue(connection, "RELEASE request");
      return { value };
    } catch (error) {
      if (isRepeatable(error, connection) || codeOf(error) === LOCK_NOT_AVAILABLE) throw error;
      await connection.query("ROLLBACK TO request", []);
      queue(connection, "RELEASE request");
      return { error: operationError(request, error) };
    }
  }

  async #run(connection: PostgresConnection, work: Sql<unknown>): Promise<unknown> {
    let step = work.next();
    while (step.done !== true) step = work.next(await this.#call(connection, step.value));
    return step.value;
  }

  async #call(connection: PostgresConnection, call: SqlCall): Promise<unknown> {
    const ask = (values: readonly SqlValue[]) => connection.query(this.#textOf(call.statement), values);
    switch (call.kind) {
      case "get":
        return (await ask(call.values)).rows[0];
      case "all":
        return (await ask(call.values)).rows;
      case "run":
        return (await ask(call.values)).count;
      case "each":
        return (await Promise.all(call.lists.map(ask))).map(({ count }) => count);
    }
  }

  #textOf(statement: SqlText): string {
    const known = this.#texts.get(statement);
    if (known !== undefined) return known;
    const text = postgresText(statement.postgres);
    this.#texts.set(statement, text);
    return text;
  }

  /**
   * The stores that requests lock, always in one order: so nobody waits for who waits for him. Of nodes each writes its own
   * row only, so those need no lock: no lease lapses while another server stands still in a transaction.
   */
  #storesOf(requests: readonly StorageRequest[]): readonly string[] {
    if (requests.some(({ operation }) => operation === REMOVE_ACCOUNT)) return this.#storeNames;
    return [...new Set(requests.map(({ operation }) => storeOf(operation)))].filter((name) => name !== NODES.name)
      .sort();
  }

  /** What became of a transaction whose connection was lost while it was committed; undefined: nobody can tell. */
  async #stateOf(connection: PostgresConnection, transactionId: string): Promise<"committed" | "aborted" | undefined> {
    try {
      for (let tries = 1; tries <= STATE_TRIES; tries++) {
        const { rows: [{ state }] } = await connection.query(STATE, [transactionId]);
        if (state === "committed" || state === "aborted") return state;
        await new Promise((resolve) => setTimeout(resolve, STATE_PAUSE_MS));
      }
    } catch {
      // The next connection is lost as well.
    }
  }
}

/** A request has failed by itself. */
class SpoiltError extends Error {}

/** A transaction under way. */
interface Group {
  /** Each request has a savepoint. */
  readonly isWary: boolean;
  transactionId: string;
  /** From then on it may be on disk. */
  isCommitting: boolean;
  readonly outcomes: StorageOutcome[];
}

/**
 * When a statement began: what it sees is of that moment or later. A claim that has waited for a row must not count a lease
 * as over by what it saw before it waited.
 */
const STATEMENT_BEGAN_MS = "CAST(floor(extract(epoch FROM statement_timestamp()) * 1000) AS BIGINT)";
const LOCK = "SELECT pg_advisory_xact_lock($1, hashtext($2))";
const STATE = "SELECT pg_xact_status(CAST(CAST($1 AS TEXT) AS XID8)) AS state";
/** How often a transaction is asked for that is still being committed. */
const STATE_TRIES = 5;
const STATE_PAUSE_MS = 50;

/** The store that an operation is of. */
export function storeOf(operation: string): string {
  return operation.slice(0, operation.indexOf("."));
}

/** Sends a statement whose failure shows in the one after it. */
function queue(connection: PostgresConnection, sql: string): void {
  connection.query(sql, []).catch(() => {});
}

/** Our words for statements in those of PostgreSQL, as `sql.ts` has them. */
function postgresText(text: string): string {
  let count = 0;
  const json = (value: string) => `CAST(CAST(${value} AS TEXT) AS JSON)`;
  const list = (value: string) => `json_array_elements_text(${json(value)})`;
  return text
    .replace(/\bids\((\?\d*)\)/g, (_, value) => `(SELECT CAST(value AS BIGINT) AS value FROM ${list(value)}) AS ids`)
    .replace(/\btexts\((\?\d*)\)/g, (_, value) => `${list(value)} AS texts (value)`)
    .replace(/\brows\((\?\d*)\)/g, (_, value) => `json_array_elements(${json(value)}) AS rows (value)`)
    .replaceAll("now_ms()", STATEMENT_BEGAN_MS)
    .replace(/\?(\d*)/g, (_, index) => `$${index === "" ? ++count : index}`)
    .replace(/\b[a-z]+[A-Z]\w*/g, '"$&"');
}

/** Whether nothing is wrong with what was asked, and it may be asked again. */
function isRepeatable(error: unknown, connection: PostgresConnection): boolean {
  const code = codeOf(error);
  return connection.isLost || code === DEADLOCK || code === NOT_SERIALIZABLE || /^(?:08|57P)/.test(code);
}

function operationError({ operation }: StorageRequest, error: unknown): Error {
  if (error instanceof RangeError || error instanceof TypeError || error instanceof AssertionError) return error;
  if (error instanceof DependencyError) return error;
  // Integrity constraints, and data that no column takes.
  const code = /^2[23]/.test(codeOf(error)) ? "conflict" : "unavailable";
  return new DependencyError(code, `Cannot run ${operation}: ${messageOf(error)}`, { cause: error });
}

function unknownError({ operation }: StorageRequest, error: unknown): Error {
  const reason = `the connection was lost while it was committed: ${messageOf(error)}`;
  return new DependencyError("timeout", `Cannot tell whether ${operation} was done: ${reason}`, { cause: error });
}

function openError(target: PostgresTarget, error: unknown): Error {
  if (error instanceof ConfigError || error instanceof AssertionError) return error;
  const what = `Cannot open database ${describeTarget(target)}: ${messageOf(error)}`;
  const code = codeOf(error);
  if (IS_BAD_CERTIFICATE.test(code)) {
    return new ConfigError([
      `Cannot open database ${describeTarget(target)}: its server shows an invalid certificate: ` +
      `${messageOf(error)}; give the certificate that vouches for it as --database-ca`,
    ]);
  }
  if (code === "ECONNRESET" && WITHOUT_TLS.test(messageOf(error))) {
    return new ConfigError([
      `Cannot open database ${describeTarget(target)}: its server does not speak TLS; enable TLS there, or write ` +
      "sslmode=disable where nobody listens in between",
    ]);
  }
  const hint = HINTS[code];
  if (hint !== undefined) return new ConfigError([`${what}; ${hint}`]);
  return new DependencyError("unavailable", what, { cause: error });
}

/** The platform's names for what can be wrong with a certificate. */
const IS_BAD_CERTIFICATE = /^(?:ERR_TLS_CERT|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|INVALID_PURPOSE)/;
/** What the platform says when a server hangs up on a TLS handshake. */
const WITHOUT_TLS = /before secure TLS connection/;

/** What to do, by PostgreSQL's states. */
const HINTS: Readonly<Record<string, string>> = {
  "28P01": "give the user and the password that the database server knows",
  "28000": "have the database server let this user in from this machine",
  "3D000": "create it first: createdb",
  "42501": "give the user the right to create tables in it",
};

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(", ");
  return error instanceof Error ? error.message : String(error);
}
