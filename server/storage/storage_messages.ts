/**
 * What the storage worker and its clients say to each other. A port carries arrays: many requests one way, many
 * responses the other.
 *
 * @module
 */

import { ConfigError, DependencyError, type DependencyErrorCode } from "../../shared/errors.ts";
import type { DrillCommand } from "../ops/hang.ts";
import type { StorageOutcome, StorageRequest } from "./operations.ts";
import type { PostgresTarget } from "./postgres_target.ts";
import type { SqliteOptions } from "./sqlite_database.ts";

/** One way to the storage worker: requests and responses through the port, and who may still decide over a request. */
export interface StorageChannel {
  readonly port: StoragePort;
  /** What `createClaimsBuffer` made, for as many requests as may be on their way at once. */
  readonly claims: SharedArrayBuffer;
}

/** Which database, and how to open it. */
export type DatabaseOptions = SqliteOptions | { readonly postgres: PostgresTarget };

/** What is needed of a port. */
export type StoragePort = Pick<MessagePort, "postMessage" | "onmessage" | "close">;

/** A request with the number its response will carry, which is its place among the claims until it is answered. */
export interface NumberedRequest extends StorageRequest {
  readonly id: number;
}

/**
 * The answer to a request: a value or an error. `isLocked`: it was not done, as another process writes; it can be asked
 * again. A request that was given up is answered as well, as its number can be used again then.
 */
export interface NumberedResponse {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: ErrorRecord;
  readonly isLocked?: true;
  /** It kept the database to itself for longer than `STORAGE_SLOW_MS`. */
  readonly isSlow?: boolean;
}

/** What became of a request, as its answer. */
export function responseOf(id: number, outcome: StorageOutcome): NumberedResponse {
  const { isSlow } = outcome;
  if ("error" in outcome) return { id, error: encodeError(outcome.error), isSlow };
  return "isLocked" in outcome ? { id, isLocked: true } : { id, value: outcome.value, isSlow };
}

/** What the starting thread tells the worker. */
export type WorkerCommand =
  | { readonly kind: "open"; readonly options: DatabaseOptions; readonly counters: SharedArrayBuffer | undefined }
  | { readonly kind: "connect"; readonly id: number; readonly port: MessagePort; readonly claims: SharedArrayBuffer }
  | { readonly kind: "disconnect"; readonly id: number }
  | { readonly kind: "stop" }
  | DrillCommand;

/** What the worker tells the thread that started it. */
export type WorkerReport =
  /**
   * `isNew`: there was no database before. `sessionKey`: what signs session tokens, where the database knows it.
   * `clockAheadMs`: how far this machine's clock is ahead of the database's, where it has its own.
   */
  | {
    readonly kind: "opened";
    readonly isNew: boolean;
    readonly sessionKey?: Uint8Array<ArrayBuffer>;
    readonly clockAheadMs?: number;
  }
  | { readonly kind: "open_failed"; readonly error: ErrorRecord }
  | { readonly kind: "stopped" };

/** An error as plain data: classes of our own do not survive the way between threads. */
export interface ErrorRecord {
  readonly name: string;
  readonly message: string;
  readonly code?: DependencyErrorCode;
  readonly problems?: readonly string[];
  readonly cause?: unknown;
}

/** Turns an error into plain data. */
export function encodeError(error: Error): ErrorRecord {
  return {
    name: error.name,
    message: error.message,
    code: error instanceof DependencyError ? error.code : undefined,
    problems: error instanceof ConfigError ? error.problems : undefined,
    cause: error.cause,
  };
}

/** Turns plain data back into an error of its class; a class that no caller tells apart becomes `Error`. */
export function decodeError(record: ErrorRecord): Error {
  const { name, message, code, problems, cause } = record;
  if (code) return new DependencyError(code, message, { cause });
  if (problems) return new ConfigError(problems);
  if (name === "RangeError") return new RangeError(message);
  if (name === "TypeError") return new TypeError(message);
  return new Error(`${name}: ${message}`, { cause });
}
