/** Takes answers in the order in which the storage did what was asked. @module */

/**
 * Makes calls, and takes their answers one after the other as they come. The storage answers in the order in which it
 * does things, which is not that of the calls: others may have had their turn before. So what is built from the answers
 * is never older than what it replaces, as long as `call` gives the storage's own promise.
 */
export class OrderedCalls {
  readonly #open = new Set<Promise<unknown>>();
  #tail: Promise<void> = Promise.resolve();

  /**
   * Makes a call; resolves to what `apply` gives, rejects as it does, or the call. Whatever reacts to that directly has reacted before the next
   * answer is taken.
   *
   * @param apply Called with the answer, after those that came before.
   */
  run<T, Given>(call: () => Promise<T>, apply: (answer: T) => Given): Promise<Given> {
    const { promise, resolve, reject } = Promise.withResolvers<Given>();
    const take = (act: () => Given) => {
      this.#tail = this.#tail.then(() => {
        this.#open.delete(promise);
        try {
          resolve(act());
        } catch (error) {
          reject(error);
        }
      });
    };
    this.#open.add(promise);
    call().then((answer) => take(() => apply(answer)), (error) =>
      take(() => {
        throw error;
      }));
    return promise;
  }

  /** Resolves when everything called so far is answered. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#open);
  }
}
