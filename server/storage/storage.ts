/**
 * What the server asks of its storage, in its own words. Every method answers asynchronously, and a write has answered
 * only when it is on disk. Methods are grouped by subject; each takes one argument and gives plain data, so that a call
 * can cross a thread as it is.
 *
 * Every method may reject with a `DependencyError`: `unavailable` (nothing was done, nor will be: try again later),
 * `overloaded` (the same, as too many requests wait), `timeout` (it had begun, unknown whether it was done) and
 * `conflict` (the data forbid it). An argument out of its range is the caller's mistake and rejects with a `RangeError`.
 *
 * @module
 */

import type { GuildStore } from "../../games/parts/guilds/guild_store.ts";
import type { SanctionStore, Standing } from "../moderation/sanction_store.ts";
import type { ScoreStore } from "../../games/parts/leaderboards/score_store.ts";

/** What can be asked, by subject. */
export interface Stores {
  readonly accounts: AccountStore;
  readonly characters: CharacterStore;
  readonly guilds: GuildStore;
  readonly social: SocialStore;
  readonly scores: ScoreStore;
  readonly sanctions: SanctionStore;
}

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
  readonly urgency: Urgency;
}

/** The server asks for itself. */
export const SYSTEM: Asker = { source: SYSTEM_SOURCE, urgency: URGENT };

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

  /**
   * The account of a name, and whether it has logged in from an address before.
   *
   * @param query `address` null: an address that is not remembered.
   */
  findForLogin(query: { readonly nameKey: string; readonly address: string | null }): Promise<LoginRecord | undefined>;

  /** Remembers that an account has logged in from an address; of each, the `LOGIN_ADDRESSES_PER_ACCOUNT` used last. */
  noteAddress(login: { readonly accountId: number; readonly address: string; readonly atMs: number }): Promise<void>;

  /** @param nameKey What `nameKey()` makes of the name. */
  findByName(nameKey: string): Promise<Account | undefined>;

  /**
   * Makes all session tokens of an account void, and changes with that what the account says.
   *
   * @returns What tokens must name from now on; undefined where there is no such account, or it has another epoch.
   */
  revokeTokens(change: AccountChange): Promise<number | undefined>;

  /** Has an account stay that was to be deleted. @returns False where there is none, or it was not. */
  cancelDeletion(accountId: number): Promise<boolean>;

  /**
   * Accounts whose time has come, those due first, and that nothing keeps: see {@linkcode AccountStore.remove}.
   *
   * @param query `limit` is at most `STORAGE_ROWS_MAX`.
   */
  findDueDeletions(query: { readonly nowMs: number; readonly limit: number }): Promise<number[]>;

  /**
   * Deletes an account with its character, friendships, ignore lists, kept whispers, scores, addresses and invitations.
   * It leaves its guild as by `GuildStore.leave`. Its id is never given again. Against whom a sanction stands stays, so
   * that nobody escapes it.
   *
   * @param which `isDue`: only if its time has come by `nowMs`.
   */
  remove(which: {
    readonly accountId: number;
    readonly nowMs: number;
    readonly isDue: boolean;
  }): Promise<RemoveAccountResult>;

  /** All that decides on an entry into the world; undefined where there is no such account. */
  findEntry(query: EntryQuery): Promise<Entry | undefined>;

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

/**
 * Friends, ignore lists and kept whispers. Players are accounts: the id of nobody rejects with `conflict`. Two ids in one
 * argument are two players, else it is a `RangeError`.
 */
export interface SocialStore {
  /** A player's lists, each in the order of names; requests of players it ignores are left out. */
  load(playerId: number): Promise<SocialLists>;

  /** Asks for friendship, or accepts where the other has asked already. */
  requestFriend(request: PlayerPair & { readonly atMs: number }): Promise<RequestFriendResult>;

  /** Answers the request of `otherId`. */
  answerFriend(
    answer: PlayerPair & { readonly isAccepted: boolean; readonly atMs: number },
  ): Promise<"accepted" | "declined" | "not_found" | "own_list_full">;

  /** Ends a friendship, or takes back the request of `playerId`. */
  removeFriend(pair: PlayerPair): Promise<"removed" | "withdrawn" | "not_found">;

  /** Adds one player to another's ignore list. */
  addIgnored(pair: PlayerPair): Promise<"added" | "ignored_already" | "list_full">;

  /** @returns False where the other was not ignored. */
  removeIgnored(pair: PlayerPair): Promise<boolean>;

  /**
   * Keeps a whisper until it is deleted, unless the recipient ignores the sender. For each player at most
   * `KEPT_WHISPERS_MAX` by friends are kept, and as many by others: one more pushes out the oldest of the sender of whom
   * the most are kept, and is refused with `full` where there is but one of each. So it is where
   * `KEPT_WHISPERS_PER_SENDER_MAX` of the sender's wait, or `KEPT_WHISPERS_TOTAL_MAX` in all.
   */
  keepWhisper(whisper: NewWhisper): Promise<KeepWhisperResult>;

  /** The whispers kept for a player that were sent at `sentFromMs` or later, oldest first. */
  listWhispers(query: { readonly recipientId: number; readonly sentFromMs: number }): Promise<KeptWhisper[]>;

  /**
   * Deletes whispers kept for a player.
   *
   * @param which `whisperIds` are at most `STORAGE_ROWS_MAX`.
   * @returns How many there were.
   */
  deleteWhispers(which: { readonly recipientId: number; readonly whisperIds: readonly number[] }): Promise<number>;

  /** Deletes whispers to anybody, at most `EXPIRED_DELETED_MAX`, that were sent before a time. @returns How many. */
  deleteOldWhispers(query: { readonly sentBeforeMs: number }): Promise<number>;
}

/** Two players, as `playerId` sees it. */
export interface PlayerPair {
  readonly playerId: number;
  readonly otherId: number;
}

/** Whom a player is friends with, who asks to be, who was asked, and whom it ignores. */
export interface SocialLists {
  readonly friends: readonly PlayerName[];
  readonly incoming: readonly PlayerName[];
  readonly outgoing: readonly PlayerName[];
  readonly ignored: readonly PlayerName[];
}

/** What became of a request for friendship. */
export type RequestFriendResult =
  | "requested"
  | "accepted"
  | "friends_already"
  | "requested_already"
  | "own_list_full"
  | "other_list_full";

/** A whisper to a player who is offline. */
export interface NewWhisper {
  readonly recipientId: number;
  readonly senderId: number;
  readonly message: string;
  /** Unix time in milliseconds. */
  readonly sentAtMs: number;
}

/** What became of a whisper that is to be kept. */
export type KeepWhisperResult = { readonly kind: "kept"; readonly whisperId: number } | {
  readonly kind: "ignored" | "full";
};

/** A whisper as it is stored. */
export interface KeptWhisper {
  /** Rises with every whisper kept. */
  readonly whisperId: number;
  readonly senderId: number;
  readonly senderName: string;
  readonly message: string;
  readonly sentAtMs: number;
}

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
}

/** What became of the deletion of an account. */
export type RemoveAccountResult =
  | {
    readonly kind: "removed";
    readonly name: string;
    /** Players on whose lists it was, at most `STORAGE_ROWS_MAX`. */
    readonly relatedIds: readonly number[];
    /** The guild it has left; null: it was in none. */
    readonly leftGuildId: number | null;
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
