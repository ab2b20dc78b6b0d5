/**
 * A thread of the load test as the main thread sees it.
 *
 * @module
 */

import type { WorkerMessage, WorkerReport, WorkerTask } from "./messages.ts";

/** A run could not be done; the message says why. */
export class LoadError extends Error {
  override name = "LoadError";
}

/** Starts a worker with its task and takes its report. */
export class LoadThread {
  /** Resolves when the thread is through; rejects when it fails. */
  readonly report: Promise<WorkerReport>;
  readonly #worker: Worker;

  /** @param onFailure Told why the thread failed, at once. */
  constructor(task: WorkerTask, onFailure: (message: string) => void) {
    this.#worker = new Worker(new URL("./load_worker.ts", import.meta.url), {
      type: "module",
      name: `loadtest-${task.threadIndex}`,
    });
    const { promise, reject, resolve } = Promise.withResolvers<WorkerReport>();
    const fail = (message: string) => {
      onFailure(message);
      reject(new LoadError(`A thread of the load test failed: ${message}`));
    };
    this.#worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => {
      if (data.kind === "report") resolve(data.report);
      else fail(data.message);
    };
    this.#worker.onerror = (event) => {
      // Otherwise the error ends the whole process.
      event.preventDefault();
      fail(event.message);
    };
    this.report = promise;
    // Whatever waits for the report hears of it; nothing may be waiting yet.
    promise.catch(() => {});
    this.#worker.postMessage(task);
  }

  /** Ends the thread. */
  close(): void {
    this.#worker.terminate();
  }
}
