/**
 * The storage's methods as named operations, so that one list says what can be asked, whether it writes, and what it
 * takes and gives; the adapters carry operations, the port's objects are made from them.
 *
 * @module
 */

import type { AccountStore, CharacterStore, Storage } from "./storage.ts";

/** Every operation with the method it stands for. */
export interface Operations {
  "accounts.create": AccountStore["create"];
  "accounts.createMany": AccountStore["createMany"];
  "accounts.find": AccountStore["find"];
  "accounts.findByName": AccountStore["findByName"];
  "accounts.findNames": AccountStore["findNames"];
  "characters.load": CharacterStore["load"];
  "characters.save": CharacterStore["save"];
  "characters.saveMany": CharacterStore["saveMany"];
  "health.probe": (nothing: undefined) => Promise<void>;
}

/** The name of an operation: subject and method. */
export type OperationName = keyof Operations;
/** What an operation takes. */
export type Argument<K extends OperationName> = Parameters<Operations[K]>[0];
/** What an operation gives. */
export type Result<K extends OperationName> = Awaited<ReturnType<Operations[K]>>;
/** The operations of one subject, each as a function that has done its work when it returns. */
export type Handlers<Subject extends string> = {
  readonly [K in Extract<OperationName, `${Subject}.${string}`>]: (argument: Argument<K>) => Result<K>;
};
/** Asks for an operation. */
export type Call = <K extends OperationName>(operation: K, argument: Argument<K>) => Promise<Result<K>>;

/** Whether an operation changes data. Reads need no transaction of their own. */
export const OPERATION_KINDS: Readonly<Record<OperationName, "read" | "write">> = {
  "accounts.create": "write",
  "accounts.createMany": "write",
  "accounts.find": "read",
  "accounts.findByName": "read",
  "accounts.findNames": "read",
  "characters.load": "read",
  "characters.save": "write",
  "characters.saveMany": "write",
  "health.probe": "write",
};

/** Makes the port's objects, whose every method asks through `call`. */
export function storageSubjects(call: Call): Omit<Storage, "close"> {
  return {
    accounts: {
      create: (account) => call("accounts.create", account),
      createMany: (accounts) => call("accounts.createMany", accounts),
      find: (accountId) => call("accounts.find", accountId),
      findByName: (nameKey) => call("accounts.findByName", nameKey),
      findNames: (playerIds) => call("accounts.findNames", playerIds),
    },
    characters: {
      load: (query) => call("characters.load", query),
      save: (character) => call("characters.save", character),
      saveMany: (characters) => call("characters.saveMany", characters),
    },
    isHealthy: () => call("health.probe", undefined).then(() => true, () => false),
  };
}
