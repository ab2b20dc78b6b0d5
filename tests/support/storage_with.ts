/** A storage of which a test replaces a part. @module */

import type { Storage, Stores } from "../../server/storage/storage.ts";

/**
 * `base` with other stores in place of its own, for every asker: what `for()` returns has them too.
 *
 * @param ofGame Stores of the game, by the names of their definitions.
 */
export function storageWith(
  base: Storage,
  stores: Partial<Omit<Stores, "of">>,
  ofGame: Readonly<Record<string, unknown>> = {},
): Storage {
  const { accounts, characters, sanctions } = base;
  const of: Stores["of"] = (definition) => (ofGame[definition.name] as never) ?? base.of(definition);
  const storage: Storage = {
    ...{ accounts, characters, sanctions, ...stores },
    of,
    for: () => storage,
    isHealthy: () => base.isHealthy(),
    close: () => base.close(),
  };
  return storage;
}
