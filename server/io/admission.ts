/**
 * How many connections each port has, over all io workers, in shared memory.
 *
 * @module
 */

const PORT_COUNT = 3;

/** Makes the shared memory: the totals, then the share of each worker. */
export function createAdmissionBuffer(workerCount: number): SharedArrayBuffer {
  return new SharedArrayBuffer((1 + workerCount) * PORT_COUNT * Int32Array.BYTES_PER_ELEMENT);
}

/** The counts as one io worker sees them. */
export class AdmissionCounts {
  readonly #counts: Int32Array;
  readonly #own: number;

  /**
   * Begins with no connections of this worker: what a crashed one before it held is taken off.
   *
   * @param worker Its index.
   */
  constructor(buffer: SharedArrayBuffer, worker: number) {
    this.#counts = new Int32Array(buffer);
    this.#own = (1 + worker) * PORT_COUNT;
    for (let port = 0; port < PORT_COUNT; port++) {
      Atomics.sub(this.#counts, port, Atomics.exchange(this.#counts, this.#own + port, 0));
    }
  }

  /** Connections on a port, over all workers. */
  total(port: number): number {
    return Atomics.load(this.#counts, port);
  }

  /** Counts one more connection on a port, unless there are `max` already. */
  tryAdmit(port: number, max: number): boolean {
    if (Atomics.add(this.#counts, port, 1) >= max) {
      Atomics.sub(this.#counts, port, 1);
      return false;
    }
    Atomics.add(this.#counts, this.#own + port, 1);
    return true;
  }

  /** Counts one connection less on a port. */
  release(port: number): void {
    Atomics.sub(this.#counts, port, 1);
    Atomics.sub(this.#counts, this.#own + port, 1);
  }
}
