/** A storage of which a test replaces a part. @module */

import type { Storage, Stores } from "../../server/storage/storage.ts";
import type { StoreDefinition, StoreOf } from "../../server/storage/store.ts";

type Methods = Readonly<Record<string, (argument: unknown) => Promise<unknown>>>;

/**
 * `base` with other operations in place of its own, for every asker: what `for()` returns has them too.
 *
 * @param ofGame Operations of stores of the game, by the names of their definitions. Their stores leave no receipts.
 */
export function storageWith(
  base: Storage,
  stores: { readonly [Name in "accounts" | "characters" | "sanctions"]?: Partial<Stores[Name]> },
  ofGame: Readonly<Record<string, object>> = {},
): Storage {
  const of: Stores["of"] = (definition) => storeWith(base.of(definition), ofGame[definition.name] ?? {});
  const once: Stores["once"] = (definition, request) => {
    if (ofGame[definition.name] === undefined) return base.once(definition, request);
    return new Proxy(of(definition) as Methods, {
      get: (store, method: string) => async (argument: unknown) => {
        return { isRepeated: false, result: await store[method](argument) };
      },
    }) as never;
  };
  const storage: Storage = {
    accounts: storeWith(base.accounts, stores.accounts ?? {}),
    characters: storeWith(base.characters, stores.characters ?? {}),
    sanctions: storeWith(base.sanctions, stores.sanctions ?? {}),
    of,
    once,
    for: () => storage,
    isHealthy: () => base.isHealthy(),
    close: () => base.close(),
  };
  return storage;
}

/** A store with other operations in place of its own. */
export function storeWith<Store extends object>(store: Store, replaced: object): Store {
  return new Proxy(store, {
    get: (target, method) =>
      method in replaced
        ? Reflect.get(replaced, method)
        : Reflect.get<object, PropertyKey>(target, method).bind(target),
  });
}

/** Gives a storage that is in use other operations of one store in place of its own. */
export function replaceIn<Definition extends StoreDefinition>(
  storage: Storage,
  definition: Definition,
  replaced: (store: StoreOf<Definition>) => Partial<StoreOf<Definition>>,
): void {
  const of = storage.of.bind(storage), store = of(definition);
  const other = storeWith(store, replaced(store));
  storage.of = (asked) => asked.name === definition.name ? other as never : of(asked);
}
