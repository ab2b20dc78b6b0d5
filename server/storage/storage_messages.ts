/**
 * What the storage worker and its clients say to each other. A port carries arrays: many requests one way, many
 * responses the other.
 *
 * @module
 */

import { ConfigError, DependencyError, type DependencyErrorCode } from "../../shared/errors.ts";
import type { SqliteOptions, StorageRequest } from "./sqlite_database.ts";

/** A request with the number its response will carry. */
export interface NumberedRequest extends StorageRequest {
  readonly id: number;
}

/** The answer to a request: a value or an error. */
export interface NumberedResponse {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: ErrorRecord;
}

/** What the starting thread tells the worker. */
export type WorkerCommand =
  | { readonly kind: "open"; readonly options: SqliteOptions }
  | { readonly kind: "connect"; readonly port: MessagePort }
  | { readonly kind: "stop" };

/** What the worker tells the thread that started it. */
export type WorkerReport =
  | { readonly kind: "opened" }
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
