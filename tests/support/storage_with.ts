/** A storage of which a test replaces a part. @module */

import type { Storage, Stores } from "../../server/storage/storage.ts";

/**
 * `base` with other stores in place of its own, for every asker: what `for()` returns has them too.
 *
 * @param ofGame Stores of the game, by the names of their definitions. They leave no receipts.
 */
export function storageWith(
  base: Storage,
  stores: Partial<Omit<Stores, "of" | "once">>,
  ofGame: Readonly<Record<string, unknown>> = {},
): Storage {
  const { accounts, characters, sanctions } = base;
  const of: Stores["of"] = (definition) => (ofGame[definition.name] as never) ?? base.of(definition);
  const once: Stores["once"] = (definition, request) => {
    const replaced = ofGame[definition.name] as Record<string, (argument: unknown) => Promise<unknown>> | undefined;
    if (replaced === undefined) return base.once(definition, request);
    const port = Object.fromEntries(
      Object.entries(replaced).map(([method, ask]) => {
        const answer = async (argument: unknown) => ({ isRepeated: false, result: await ask(argument) });
        return [method, answer];
      }),
    );
    return port as never;
  };
  const storage: Storage = {
    ...{ accounts, characters, sanctions, ...stores },
    of,
    once,
    for: () => storage,
    isHealthy: () => base.isHealthy(),
    close: () => base.close(),
  };
  return storage;
}
