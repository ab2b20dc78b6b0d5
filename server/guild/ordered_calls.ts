/** Takes answers in the order in which they were asked for. @module */

/**
 * Makes calls at once, so that the storage can group them, and takes their answers one after the other in the order of
 * the calls. As the storage does requests in that order too, what is built from the answers is never older than what it
 * replaces.
 */
export class OrderedCalls {
  #tail: Promise<unknown> = Promise.resolve();

  /**
   * Makes a call; rejects as the call does, or `apply`. Whatever reacts to that directly has reacted before the next
   * answer is taken.
   *
   * @param apply Called with the answer, after those of all calls before.
   */
  run<T>(call: () => Promise<T>, apply: (answer: T) => void): Promise<void> {
    const done = Promise.allSettled([call(), this.#tail]).then(([outcome]) => {
      if (outcome.status === "rejected") throw outcome.reason;
      apply(outcome.value);
    });
    this.#tail = done.catch(() => {});
    return done;
  }

  /** Resolves when everything called so far is answered. */
  async idle(): Promise<void> {
    await this.#tail;
  }
}
