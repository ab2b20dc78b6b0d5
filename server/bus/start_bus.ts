/** Starts and stops the bus thread. @module */

import { DependencyError } from "../../shared/errors.ts";
import { STORAGE_STOP_TIMEOUT_MS } from "../../shared/limits.ts";
import type { DrillCommand } from "../ops/hang.ts";
import type { WorkerPermissions } from "../process/permissions.ts";
import { decodeError } from "../storage/storage_messages.ts";
import type { BusCommand, BusOptions, BusReport } from "./bus_messages.ts";

/** How a bus thread runs, and who hears of it. */
export interface BusThreadOptions extends BusOptions {
  readonly counters: SharedArrayBuffer;
  readonly permissions: WorkerPermissions;
  /** Called when the bus went down, for this reason, or came back. */
  readonly onState: (isUp: boolean, reason: string) => void;
  /** Called at most once, when the thread has died of an error after it was open. */
  readonly onCrash: (error: Error) => void;
}

/** A running bus thread. */
export interface BusThread {
  /** Makes a way for one `WorkerBus`; it can be sent to the thread that will use it. */
  connect(): { readonly port: MessagePort; readonly id: number };
  /** Ends a way whose thread is gone. @param id Of {@linkcode connect}. */
  disconnect(id: number): void;
  /** A drill: it dies, or hangs. */
  fail(drill: DrillCommand): void;
  /** Lets what was said reach the bus, and ends the thread. */
  stop(): Promise<void>;
}

/**
 * Starts the bus thread and waits until it is connected.
 *
 * @throws {ConfigError} where the bus cannot be used as the configuration says.
 * @throws {DependencyError} `unavailable` where it cannot be reached.
 */
export async function startBusThread(options: BusThreadOptions): Promise<BusThread> {
  const { counters, permissions, onState, onCrash, ...bus } = options;
  const worker = new Worker(new URL("bus_worker.ts", import.meta.url), {
    type: "module",
    name: "bus",
    deno: { permissions },
  });
  const opened = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  let isOpen = false;
  let nextId = 1;
  worker.onmessage = ({ data: report }: MessageEvent<BusReport>) => {
    if (report.kind === "opened") opened.resolve();
    else if (report.kind === "open_failed") opened.reject(decodeError(report.error));
    else if (report.kind === "state") onState(report.isUp, report.reason);
    else stopped.resolve();
  };
  worker.onerror = (event) => {
    // Otherwise the error ends the whole process.
    event.preventDefault();
    worker.terminate();
    const error = new DependencyError("unavailable", `The bus thread failed: ${event.message}`);
    opened.reject(error);
    stopped.resolve();
    if (isOpen) onCrash(error);
    isOpen = false;
  };
  const send = (command: BusCommand, ports: MessagePort[] = []) => worker.postMessage(command, ports);
  try {
    send({ kind: "open", options: bus, counters });
    await opened.promise;
    isOpen = true;
  } catch (error) {
    worker.terminate();
    throw error;
  }
  return {
    connect: () => {
      const { port1, port2 } = new MessageChannel();
      const id = nextId++;
      send({ kind: "connect", id, port: port2 }, [port2]);
      return { port: port1, id };
    },
    disconnect: (id) => send({ kind: "disconnect", id }),
    fail: (drill) => send(drill),
    stop: async () => {
      isOpen = false;
      send({ kind: "stop" });
      const timer = setTimeout(() => stopped.resolve(), STORAGE_STOP_TIMEOUT_MS);
      await stopped.promise;
      clearTimeout(timer);
      worker.terminate();
    },
  };
}
