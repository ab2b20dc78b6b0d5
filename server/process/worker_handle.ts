/**
 * A worker as the main thread holds it: commands in, reports out, crashes told.
 *
 * @module
 */

import { DependencyError } from "../../shared/errors.ts";
import type { WorkerPermissions } from "./permissions.ts";

/** How to start a worker. */
export interface WorkerHandleOptions {
  readonly name: string;
  readonly permissions: WorkerPermissions;
  /** Called at most once, when it dies of an uncaught error. */
  readonly onCrash: (message: string) => void;
}

/** One life of one worker. */
export class WorkerHandle<Command, Report extends { kind: string }> {
  readonly #worker: Worker;
  readonly #waiting = new Map<string, PromiseWithResolvers<Report>>();
  #ended = false;

  /**
   * Starts a worker that may do what `permissions` say.
   *
   * @param url Its entry.
   */
  constructor(url: string | URL, { name, permissions, onCrash }: WorkerHandleOptions) {
    this.#worker = new Worker(url, { type: "module", name, deno: { permissions } });
    this.#worker.onmessage = ({ data }: MessageEvent<Report>) => {
      this.#waiting.get(data.kind)?.resolve(data);
    };
    this.#worker.onerror = (event) => {
      // Otherwise the error ends the whole process.
      event.preventDefault();
      if (this.#ended) return;
      const message = withPlace(event);
      this.#end(new DependencyError("unavailable", `Worker ${name} crashed: ${message}`));
      onCrash(message);
    };
  }

  /** Tells the worker something. */
  send(command: Command, transfer: Transferable[] = []): void {
    if (!this.#ended) this.#worker.postMessage(command, transfer);
  }

  /**
   * Tells the worker something and waits for its report of one of these kinds.
   *
   * @throws {DependencyError} `unavailable` when it crashes first, or has ended.
   */
  async ask(command: Command, kinds: readonly Report["kind"][], transfer: Transferable[] = []): Promise<Report> {
    if (this.#ended) throw new DependencyError("unavailable", "The worker has ended");
    const waiting = Promise.withResolvers<Report>();
    for (const kind of kinds) this.#waiting.set(kind, waiting);
    this.send(command, transfer);
    try {
      return await waiting.promise;
    } finally {
      for (const kind of kinds) this.#waiting.delete(kind);
    }
  }

  /** Ends the worker; nothing is heard of it any more. */
  terminate(): void {
    this.#end(new DependencyError("unavailable", "The worker was ended"));
    this.#worker.terminate();
  }

  #end(error: Error): void {
    this.#ended = true;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}

/** What was thrown, and where, unless it says so itself. */
function withPlace({ message, filename, lineno, colno }: ErrorEvent): string {
  return filename === "" || message.includes(filename) ? message : `${message} at ${filename}:${lineno}:${colno}`;
}
