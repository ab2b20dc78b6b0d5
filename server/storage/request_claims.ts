/**
 * Who decides over a request that is on its way to the storage worker: the worker, by beginning it, or the one who asked,
 * by giving it up. Exactly one of them gets it, so that nothing is done that was given up before it began.
 *
 * @module
 */

const SENT = 1;
const BEGUN = 2;
const GIVEN_UP = 3;

/** The memory of claims for `count` requests, to be shared by both threads. */
export function createClaimsBuffer(count: number): SharedArrayBuffer {
  return new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT);
}

/** The claims on the requests of one port, by their ids: 0 to count - 1. */
export class RequestClaims {
  readonly #states: Int32Array;

  /** @param memory What {@linkcode createClaimsBuffer} made. */
  constructor(memory: SharedArrayBuffer) {
    this.#states = new Int32Array(memory);
  }

  /** How many requests can be on their way at once. */
  get count(): number {
    return this.#states.length;
  }

  /** The one who asks is about to send a request. */
  send(id: number): void {
    Atomics.store(this.#states, id, SENT);
  }

  /** The worker wants to begin a request; false: it was given up. */
  tryBegin(id: number): boolean {
    return Atomics.compareExchange(this.#states, id, SENT, BEGUN) === SENT;
  }

  /** The worker has not come to a request that it claimed. */
  release(id: number): void {
    Atomics.store(this.#states, id, SENT);
  }

  /** The one who asked does not want it any more; false: it has begun, and nobody knows how it ends. */
  tryGiveUp(id: number): boolean {
    return Atomics.compareExchange(this.#states, id, SENT, GIVEN_UP) === SENT;
  }
}
