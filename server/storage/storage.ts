/**
 * What the server asks of its storage, in its own words. Every method answers asynchronously, and a write has answered
 * only when it is on disk. Methods are grouped by subject; each takes one argument and gives plain data, so that a call
 * can cross a thread as it is.
 *
 * Every method may reject with a `DependencyError`: `unavailable` (nothing was done, nor will be: try again later),
 * `overloaded` (the same, as too many requests wait), `timeout` (it had begun, unknown whether it was done),
 * `conflict` (the data forbid it) and `fenced` (the asker owns the player no longer). An argument out of its range is the caller's mistake and rejects with a `RangeError`.
 *
 * @module
 */

import type { Ownership } from "../cluster/directory_store.ts";
import { SANCTIONS, type SanctionStore, type Standing } from "../moderation/sanction_store.ts";
import type { OnceRequest } from "./receipt_store.ts";
import {
  type Call,
  defineStore,
  type OnceStoreOf,
  onceStorePort,
  read,
  type StoreDefinition,
  type StoreOf,
  storePort,
  write,
} from "./store.ts";

/** What can be asked, by subject: the engine's own stores, and through `of` those of a game and its parts. */
export interface Stores {
  /** Accounts, and what belongs to them. */
  readonly accounts: AccountStore;
  /** The characters of accounts: where they are. */
  readonly characters: CharacterStore;
  /** Mutes and bans. */
  readonly sanctions: SanctionStore;

  /** A store by its definition. Of one that the game does not have, every request rejects with a `TypeError`. */
  of<Definition extends StoreDefinition>(definition: Definition): StoreOf<Definition>;

  /**
   * The same of its writes, for a request that is to be done once: a write leaves a receipt in the transaction that does
   * it, and where there is one already it does nothing and gives what was kept. One write for each request.
   */
  once<Definition extends StoreDefinition>(definition: Definition, request: OnceRequest): OnceStoreOf<Definition>;
}

/** The operation by which {@linkcode Storage.isHealthy} finds out: a write that nobody reads. */
export const HEALTH_PROBE = "health.probe";

/** How soon a request must be done: what keeps the server whole, what lets players in, everything else. */
export type Urgency = 0 | 1 | 2;
/** Saves, moderation, and what the server asks for itself. */
export const URGENT = 0;
/** Logins and entries. */
export const ENTRY = 1;
/** What players ask while they play. */
export const ORDINARY = 2;

/** The {@linkcode Asker.source} of the server itself. */
export const SYSTEM_SOURCE = "";

/** On whose behalf something is asked. Where many ask at once, every source has its turn. */
export interface Asker {
  /** One text for everything that one peer can cause: its address, or {@linkcode SYSTEM_SOURCE}. */
  readonly source: string;
  /** How soon it must be done. */
  readonly urgency: Urgency;
  /** Its writes are done only while this holds, and rejected with `fenced` otherwise. */
  readonly owner?: Ownership;
}

/** The server asks for itself. */
export const SYSTEM: Asker = { source: SYSTEM_SOURCE, urgency: URGENT };

/** Makes the stores of which every operation asks through `call`. */
export function storesOn(call: Call): Stores {
  return new CalledStores(call);
}

class CalledStores implements Stores {
  readonly #call: Call;

  constructor(call: Call) {
    this.#call = call;
  }

  get accounts(): AccountStore {
    return this.of(ACCOUNTS);
  }

  get characters(): CharacterStore {
    return this.of(CHARACTERS);
  }

  get sanctions(): SanctionStore {
    return this.of(SANCTIONS);
  }

  of<Definition extends StoreDefinition>(definition: Definition): StoreOf<Definition> {
    return storePort(definition, this.#call);
  }

  once<Definition extends StoreDefinition>(definition: Definition, request: OnceRequest): OnceStoreOf<Definition> {
    return onceStorePort(definition, this.#call, request);
  }
}

/** The storage of one node or, where the adapter can be shared, of all nodes. */
export interface Storage extends Stores {
  /**
   * The stores for one undertaking of an asker: everything it asks through them is answered, or rejected, within
   * `STORAGE_TIMEOUT_MS` from now. Without it, the system asks, and each request has its own time.
   */
  for(asker: Asker): Stores;

  /** Tells whether a write reaches the disk at this moment, by doing one; never rejects. For readiness checks. */
  isHealthy(): Promise<boolean>;

  /** Gives back what the adapter holds; requests that still wait are rejected with `unavailable`. */
  close(): Promise<void>;
}

/** Accounts; a player's id is the id of its account. */
export const ACCOUNTS = defineStore("accounts", {
  /** Creates an account and, under the same name, its character; exactly one of several racing for a name wins. */
  create: write<NewAccount, CreateAccountResult>(),

  /**
   * Creates many accounts at once, all or none, and skips names in use.
   *
   * @param accounts At most `STORAGE_ROWS_MAX`.
   * @returns One result for each, in order.
   */
  createMany: write<readonly NewAccount[], EnsuredAccount[]>(),

  find: read<number, Account | undefined>(),

  /**
   * The account of a name, and whether it has logged in from an address before.
   *
   * @param query `address` null: an address that is not remembered.
   */
  findForLogin: read<{ readonly nameKey: string; readonly address: string | null }, LoginRecord | undefined>(),

  /** Remembers that an account has logged in from an address; of each, the `LOGIN_ADDRESSES_PER_ACCOUNT` used last. */
  noteAddress: write<{ readonly accountId: number; readonly address: string; readonly atMs: number }, void>(),

  /** @param nameKey What `nameKey()` makes of the name. */
  findByName: read<string, Account | undefined>(),

  /**
   * Makes all session tokens of an account void, and changes with that what the account says.
   *
   * @returns What tokens must name from now on; undefined where there is no such account, or it has another epoch.
   */
  revokeTokens: write<AccountChange, number | undefined>(),

  /** Keeps an account that was to be deleted. @returns False if there is none, or it was not. */
  cancelDeletion: write<number, boolean>(),

  /**
   * Accounts whose time has come, those due first, and that nothing keeps: see {@linkcode AccountStore.remove}.
   *
   * @param query `limit` is at most `STORAGE_ROWS_MAX`.
   */
  findDueDeletions: read<{ readonly nowMs: number; readonly limit: number }, number[]>(),

  /**
   * Deletes an account with its character, its addresses, and all that stores of the game keep of it. Its id is never
   * given again. Against whom a sanction stands stays, so that nobody escapes it.
   *
   * @param which `isDue`: only if its time has come by `nowMs`.
   */
  remove: write<{
    readonly accountId: number;
    readonly nowMs: number;
    readonly isDue: boolean;
  }, RemoveAccountResult>(),

  /** All that decides on an entry into the world; undefined where there is no such account. */
  findEntry: read<EntryQuery, Entry | undefined>(),

  /**
   * Names of players, for messages to players who are not online; unknown ids are left out.
   *
   * @param playerIds At most `STORAGE_ROWS_MAX`.
   */
  findNames: read<readonly number[], PlayerName[]>(),

  /**
   * Which tokens of accounts hold now; unknown ids are left out.
   *
   * @param accountIds At most `STORAGE_ROWS_MAX`.
   */
  findTokenEpochs: read<readonly number[], readonly Pick<Account, "accountId" | "tokenEpoch">[]>(),
});

/** The store {@linkcode ACCOUNTS}, as callers have it. */
export type AccountStore = StoreOf<typeof ACCOUNTS>;

/** Characters: what a player is in the world. */
export const CHARACTERS = defineStore("characters", {
  load: read<CharacterQuery, Character | undefined>(),

  /** @returns False where there is no such character. */
  save: write<SavedCharacter, boolean>(),

  /**
   * Saves many characters at once, all or none; unknown ones, and those whose player is another node's by now, are
   * skipped; the last of several with one id counts.
   *
   * @param characters At most `STORAGE_ROWS_MAX`.
   * @returns How many of them were saved.
   */
  saveMany: write<readonly SavedCharacter[], number>(),
});

/** The store {@linkcode CHARACTERS}, as callers have it. */
export type CharacterStore = StoreOf<typeof CHARACTERS>;

/** An account to create. */
export interface NewAccount {
  /** As the player writes it. */
  readonly name: string;
  /** What must be unique: `nameKey(name)`. */
  readonly nameKey: string;
  /** Whether no other name may look the same, by `looksOf()`. Default: false. */
  readonly isLookUnique?: boolean;
  /** What `PasswordHasher.hash()` made, or null for an account nobody can log into by password. */
  readonly passwordVerifier: string | null;
  /** Unix time in milliseconds. */
  readonly createdAtMs: number;
}

/** A new account's id, or why there is none. */
export type CreateAccountResult = { readonly kind: "created"; readonly accountId: number } | {
  readonly kind: "name_taken";
};

/** The account that now has the name; `isNew` is false where it had been there before. */
export interface EnsuredAccount extends Account {
  readonly isNew: boolean;
}

/** An account as it is stored. */
export interface Account extends NewAccount {
  readonly accountId: number;
  /** Session tokens that name another one are void. */
  readonly tokenEpoch: number;
  /** When it is to be deleted, Unix time in milliseconds; null: it stays. */
  readonly deleteAtMs: number | null;
}

/** What is changed of an account when its tokens become void. */
export interface AccountChange {
  readonly accountId: number;
  /** The epoch it must have; null: any. */
  readonly tokenEpoch: number | null;
  /** A new one; left out: it stays. */
  readonly passwordVerifier?: string;
  /** As {@linkcode Account.deleteAtMs}; left out: it stays. */
  readonly deleteAtMs?: number;
  /** Under which epoch the account's player is owned, whose session can be resumed as before; left out: none can. */
  readonly keptEpoch?: number;
}

/** What stores told of an account that is gone, by their names. */
export type Partings = Readonly<Record<string, unknown>>;

/** What became of the deletion of an account. */
export type RemoveAccountResult =
  | {
    readonly kind: "removed";
    readonly name: string;
    readonly partings: Partings;
  }
  | { readonly kind: "not_found" | "not_due" | "sanctioned" };

/** What there is to know of who wants to log in. */
export interface LoginRecord {
  readonly account: Account;
  /** When the account was last noted to log in from the address, Unix time in milliseconds; null: never. */
  readonly addressSeenAtMs: number | null;
}

/** Who wants to enter the world, and as which of its characters; `characterId` 0 is the first. */
export interface EntryQuery extends CharacterQuery {
  /** Unix time in milliseconds. */
  readonly nowMs: number;
}

/** What there is to know of who wants to enter the world. */
export interface Entry {
  readonly account: Account;
  readonly standing: Standing;
  /** Undefined where the account has no such character. */
  readonly character: Character | undefined;
}

/** Who is behind a player id. */
export interface PlayerName {
  /** The account's id. */
  readonly playerId: number;
  /** As the player wrote it. */
  readonly name: string;
}

/** One character of one account; `characterId` 0 is the account's first. */
export interface CharacterQuery {
  readonly accountId: number;
  readonly characterId: number;
}

/** Where a character is and how it fares. Lengths in units, `yaw` in radians, `hp` in hit points. */
export interface CharacterState {
  readonly mapId: number;
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly yaw: number;
  readonly hp: number;
  /** What a game keeps with it: an EntityUpdate that has components only. Left out: nothing. */
  readonly components?: Uint8Array;
}

/** A character's state, to be saved. */
export interface SavedCharacter extends CharacterState {
  readonly characterId: number;
  /** It is saved only while this holds. */
  readonly owner?: Ownership;
}

/** A character as it is stored; `state` is null until it has been in the world once. */
export interface Character {
  readonly characterId: number;
  readonly accountId: number;
  readonly name: string;
  readonly state: CharacterState | null;
}
