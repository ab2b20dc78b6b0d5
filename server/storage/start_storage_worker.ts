/** Starts and stops the storage worker. @module */

import { DependencyError } from "../../shared/errors.ts";
import { STORAGE_IN_FLIGHT_MAX, STORAGE_STOP_TIMEOUT_MS } from "../../shared/limits.ts";
import type { DrillCommand } from "../ops/hang.ts";
import { createClaimsBuffer } from "./request_claims.ts";
import {
  type DatabaseOptions,
  decodeError,
  type StorageChannel,
  type WorkerCommand,
  type WorkerReport,
} from "./storage_messages.ts";

/** How a storage worker runs, and who hears of its death. */
export interface StorageWorkerOptions {
  /** The game's module that calls `runStorageWorker`, for this kind of database. */
  readonly entry: string;
  /** What it counts its progress in, and reads that failed; left out: nobody wants to know. */
  readonly counters?: SharedArrayBuffer;
  /** Called at most once, when the worker has died of an error after it was open; start another one then. */
  readonly onError?: (error: Error) => void;
  /** What it may do; default: what the thread that starts it may. */
  readonly permissions?: Deno.PermissionOptions;
}

/** A running storage worker. */
export interface StorageWorker {
  readonly worker: Worker;
  /** There was no database before. */
  readonly isNew: boolean;
  /** What signs session tokens, where the database knows it. */
  readonly sessionKey: Uint8Array<ArrayBuffer> | undefined;
  /** How far this machine's clock is ahead of the database's, in milliseconds; 0 where it has none of its own. */
  readonly clockAheadMs: number;
  /** Makes a way for one `WorkerStorage`; it can be sent to the thread that will use it. */
  connect(): StorageChannel & { readonly port: MessagePort; readonly id: number };
  /** Ends a way whose thread is gone. @param id Of {@linkcode connect}. */
  disconnect(id: number): void;
  /** A drill: it dies, or hangs. */
  fail(drill: DrillCommand): void;
  /** Answers what has arrived, closes the database and ends the thread. */
  stop(): Promise<void>;
}

/**
 * Starts the storage worker and waits until its database is open.
 *
 * @throws {ConfigError} when the database cannot be used, as {@linkcode DatabaseOptions} describe it.
 * @throws {DependencyError} `unavailable` when the database is locked, its disk is full, or the worker does not start.
 */
export async function startStorageWorker(options: StorageWorkerOptions & DatabaseOptions): Promise<StorageWorker> {
  const { entry, counters, onError, permissions, ...database } = options;
  const worker = new Worker(entry, {
    type: "module",
    name: "storage",
    deno: { permissions },
  });
  const opened = Promise.withResolvers<Extract<WorkerReport, { readonly kind: "opened" }>>();
  const stopped = Promise.withResolvers<void>();
  let isOpen = false;
  let isNew: boolean;
  let sessionKey: Uint8Array<ArrayBuffer> | undefined;
  let clockAheadMs: number;
  let nextId = 1;
  worker.onmessage = ({ data: report }: MessageEvent<WorkerReport>) => {
    if (report.kind === "opened") opened.resolve(report);
    else if (report.kind === "open_failed") opened.reject(decodeError(report.error));
    else stopped.resolve();
  };
  worker.onerror = (event) => {
    // Otherwise the error ends the whole process.
    event.preventDefault();
    worker.terminate();
    const error = new DependencyError("unavailable", `The storage worker failed: ${event.message}`, {
      cause: event.error,
    });
    opened.reject(error);
    stopped.resolve();
    if (isOpen) onError?.(error);
    isOpen = false;
  };
  const send = (command: WorkerCommand, ports: MessagePort[] = []) => worker.postMessage(command, ports);

  try {
    send({ kind: "open", options: database, counters });
    ({ isNew, sessionKey, clockAheadMs = 0 } = await opened.promise);
    isOpen = true;
  } catch (error) {
    worker.terminate();
    throw error;
  }
  return {
    worker,
    isNew,
    sessionKey,
    clockAheadMs,
    fail: (drill) => send(drill),
    connect: () => {
      const { port1, port2 } = new MessageChannel();
      const claims = createClaimsBuffer(STORAGE_IN_FLIGHT_MAX);
      const id = nextId++;
      send({ kind: "connect", id, port: port2, claims }, [port2]);
      return { port: port1, claims, id };
    },
    disconnect: (id) => send({ kind: "disconnect", id }),
    stop: async () => {
      isOpen = false;
      send({ kind: "stop" });
      // A thread that hangs loses nothing it has acknowledged.
      const timer = setTimeout(() => stopped.resolve(), STORAGE_STOP_TIMEOUT_MS);
      await stopped.promise;
      clearTimeout(timer);
      worker.terminate();
    },
  };
}
