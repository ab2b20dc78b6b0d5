/**
 * Timers that run on time in a hidden tab too, so that a player who looks at another tab stays connected.
 *
 * @module
 */

import type { Timers } from "../../../client/browser.ts";

/** Waits of at least this go to the worker, in milliseconds; shorter ones are not worth the way. */
const WORKER_DELAY_MS = 200;

/** What is to be run, and when by the page's clock. */
interface Timer {
  readonly run: () => void;
  readonly dueMs: number;
  /** Its handle where the page itself waits for it. */
  local: ReturnType<typeof setTimeout> | null;
}

/** Timers run by a worker from `url`; by the page itself where that cannot be loaded. */
export function createWorkerTimers(url: string): Timers {
  const timers = new Map<number, Timer>();
  let lastId = 0;
  const onTime = (id: number) => {
    const timer = timers.get(id);
    timers.delete(id);
    timer?.run();
  };
  const waitHere = (id: number, timer: Timer) => {
    timer.local = setTimeout(() => onTime(id), timer.dueMs - performance.now());
  };
  let worker = startWorker(url, onTime, () => {
    worker = null;
    for (const [id, timer] of timers) if (timer.local === null) waitHere(id, timer);
  });
  return {
    set(run, delayMs) {
      const id = ++lastId;
      const timer: Timer = { run, dueMs: performance.now() + delayMs, local: null };
      timers.set(id, timer);
      if (worker !== null && delayMs >= WORKER_DELAY_MS) worker.postMessage({ id, delayMs });
      else waitHere(id, timer);
      return id;
    },
    clear(handle) {
      const timer = timers.get(handle as number);
      if (timer === undefined) return;
      timers.delete(handle as number);
      if (timer.local !== null) clearTimeout(timer.local);
      else worker?.postMessage({ id: handle, delayMs: null });
    },
  };
}

function startWorker(url: string, onTime: (id: number) => void, onFailed: () => void): Worker | null {
  try {
    const worker = new Worker(url);
    worker.addEventListener("message", ({ data }) => onTime(data));
    worker.addEventListener("error", onFailed);
    return worker;
  } catch {
    // Workers are forbidden here: the page's own timers are used.
    return null;
  }
}
