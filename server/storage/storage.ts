/**
 * What the server asks of its storage, in its own words. Every method answers asynchronously, and a write has answered
 * only when it is on disk. Methods are grouped by subject; each takes one argument and gives plain data, so that a call
 * can cross a thread as it is.
 *
 * Every method may reject with a `DependencyError`: `unavailable` (nothing was done, try again later), `overloaded`
 * (nothing was done, too many requests wait), `timeout` (unknown whether it was done) and `conflict` (the data forbid
 * it). An argument out of its range is the caller's mistake and rejects with a `RangeError`.
 *
 * @module
 */

/** The storage of one node or, where the adapter can be shared, of all nodes. */
export interface Storage {
  readonly accounts: AccountStore;
  readonly characters: CharacterStore;

  /** Tells whether a write reaches the disk at this moment, by doing one; never rejects. For readiness checks. */
  isHealthy(): Promise<boolean>;

  /** Gives back what the adapter holds; requests that still wait are rejected with `unavailable`. */
  close(): Promise<void>;
}

/** Accounts; a player's id is the id of its account. */
export interface AccountStore {
  /** Creates an account and, under the same name, its character; exactly one of several racing for a name wins. */
  create(account: NewAccount): Promise<CreateAccountResult>;

  /**
   * Creates many accounts at once, all or none, and skips names in use.
   *
   * @param accounts At most `STORAGE_ROWS_MAX`.
   * @returns One result for each, in order.
   */
  createMany(accounts: readonly NewAccount[]): Promise<EnsuredAccount[]>;

  find(accountId: number): Promise<Account | undefined>;

  /** @param nameKey What `nameKey()` makes of the name. */
  findByName(nameKey: string): Promise<Account | undefined>;

  /**
   * Names of players, for messages to players who are not online; unknown ids are left out.
   *
   * @param playerIds At most `STORAGE_ROWS_MAX`.
   */
  findNames(playerIds: readonly number[]): Promise<PlayerName[]>;
}

/** Characters: what a player is in the world. */
export interface CharacterStore {
  load(query: CharacterQuery): Promise<Character | undefined>;

  /** @returns False where there is no such character. */
  save(character: SavedCharacter): Promise<boolean>;

  /**
   * Saves many characters at once, all or none; unknown ones are skipped, the last of several with one id counts.
   *
   * @param characters At most `STORAGE_ROWS_MAX`.
   * @returns How many of them exist.
   */
  saveMany(characters: readonly SavedCharacter[]): Promise<number>;
}

/** An account to create. */
export interface NewAccount {
  /** As the player writes it. */
  readonly name: string;
  /** What must be unique: `nameKey(name)`. */
  readonly nameKey: string;
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
export interface EnsuredAccount {
  readonly accountId: number;
  readonly isNew: boolean;
}

/** An account as it is stored. */
export interface Account extends NewAccount {
  readonly accountId: number;
}

/** Who is behind a player id. */
export interface PlayerName {
  readonly playerId: number;
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
}

/** A character's state, to be saved. */
export interface SavedCharacter extends CharacterState {
  readonly characterId: number;
}

/** A character as it is stored; `state` is null until it has been in the world once. */
export interface Character {
  readonly characterId: number;
  readonly accountId: number;
  readonly name: string;
  readonly state: CharacterState | null;
}
