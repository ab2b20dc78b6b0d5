/** A storage whose answers come when a test says so. @module */

import type { Storage, Stores } from "../../server/storage/storage.ts";

type Methods = Readonly<Record<string, (argument: unknown) => Promise<unknown>>>;

/** Does what it is asked at once, and keeps the answers back, in order, until {@linkcode SlowStorage.release}. */
export class SlowStorage {
  /** What logic asks. */
  readonly storage: Storage;
  /** Whether answers are kept back from now on. */
  isSlow = false;
  readonly #waiting: (() => void)[] = [];

  constructor(base: Storage) {
    const stores = (of: Stores): Stores => ({
      accounts: this.#slow(of.accounts),
      characters: this.#slow(of.characters),
      sanctions: this.#slow(of.sanctions),
      of: (definition) => this.#slow(of.of(definition)),
      once: (definition, request) => this.#slow(of.once(definition, request)),
    });
    this.storage = {
      ...stores(base),
      for: (asker) => stores(base.for(asker)),
      isHealthy: () => base.isHealthy(),
      close: () => base.close(),
    };
  }

  /** Answers that are kept back. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Gives the oldest answers; all of them unless told. */
  release(count = this.#waiting.length): void {
    for (const give of this.#waiting.splice(0, count)) give();
  }

  /** The same, a promise of any kind. */
  async wait<T>(answer: Promise<T>): Promise<T> {
    const turn = this.isSlow ? new Promise<void>((give) => this.#waiting.push(give)) : undefined;
    try {
      return await answer;
    } finally {
      await turn;
    }
  }

  #slow<Store extends object>(store: Store): Store {
    return new Proxy(store, {
      get: (target, method: string) => (argument: unknown) => this.wait((target as Methods)[method](argument)),
    });
  }
}
