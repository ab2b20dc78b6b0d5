/**
 * Wakes a thread that waits for its rings. The waiting side says so in shared memory, so that ringing costs one load
 * while it is awake.
 *
 * @module
 */

const SLEEPING_INDEX = 0;

/** Wakes the thread behind a doorbell; costs one atomic load when it is awake. */
export interface Waker {
  ring(): void;
}

/** Makes the shared memory of one doorbell. */
export function createDoorbellBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(64);
}

/** A doorbell rung by `Atomics.notify` and waited for by a promise, which leaves the event loop free. */
export class Doorbell implements Waker {
  readonly #word: Int32Array;

  /** @param buffer From {@linkcode createDoorbellBuffer}; any number of ringers, one waiter. */
  constructor(buffer: SharedArrayBuffer) {
    this.#word = new Int32Array(buffer);
  }

  ring(): void {
    if (Atomics.load(this.#word, SLEEPING_INDEX) === 1 && Atomics.exchange(this.#word, SLEEPING_INDEX, 0) === 1) {
      Atomics.notify(this.#word, SLEEPING_INDEX);
    }
  }

  /** Whether the waiter sleeps; clears the mark, so that one ringer of several acts. */
  takeSleeping(): boolean {
    return Atomics.load(this.#word, SLEEPING_INDEX) === 1 && Atomics.exchange(this.#word, SLEEPING_INDEX, 0) === 1;
  }

  /** Says that the waiter is about to sleep. It looks at its rings once more after this, then waits. */
  markSleeping(): void {
    Atomics.store(this.#word, SLEEPING_INDEX, 1);
  }

  /** Says that the waiter is awake. */
  markAwake(): void {
    Atomics.store(this.#word, SLEEPING_INDEX, 0);
  }

  /**
   * Waits until rung, after {@linkcode Doorbell.markSleeping}.
   *
   * @param timeoutMs Longest wait, in milliseconds.
   * @returns A promise, or `null` when it was rung already.
   */
  wait(timeoutMs: number): Promise<unknown> | null {
    const result = Atomics.waitAsync(this.#word, SLEEPING_INDEX, 1, timeoutMs);
    return result.async ? result.value : null;
  }
}
