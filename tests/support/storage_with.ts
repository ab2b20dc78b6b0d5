/** A storage of which a test replaces a part. @module */

import type { Storage, Stores } from "../../server/storage/storage.ts";

/** `base` with other stores in place of its own, whoever asks: what `for()` gives has them too. */
export function storageWith(base: Storage, stores: Partial<Stores>): Storage {
  const { accounts, characters, guilds, social, scores, sanctions } = base;
  const storage: Storage = {
    ...{ accounts, characters, guilds, social, scores, sanctions, ...stores },
    for: () => storage,
    isHealthy: () => base.isHealthy(),
    close: () => base.close(),
  };
  return storage;
}
