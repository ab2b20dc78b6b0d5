/**
 * Friends, ignore lists and kept whispers, as the storage keeps them.
 *
 * @module
 */

import {
  defineStore,
  type Ownership,
  type Partings,
  type PlayerName,
  read,
  type StoreOf,
  write,
} from "../../../server/game/store.ts";

/** A request of one player about another; a receipt is kept of the results that tell of a change. */
function change<Argument, Done, Refused>(...done: readonly Done[]) {
  return write<Argument, Done | Refused, Done>((result) => done.find((each) => each === result));
}

/**
 * Friends, ignore lists and kept whispers. Players are accounts: the id of nobody rejects with `conflict`. Two ids in one
 * argument are two players, else it is a `RangeError`.
 */
export const SOCIAL = defineStore("social", {
  /** A player's lists, each in the order of names; requests of players it ignores are left out. */
  load: read<number, SocialLists>(),

  /** Asks for friendship, or accepts where the other has asked already. */
  requestFriend: change<PlayerPair & { readonly atMs: number }, "requested" | "accepted", RequestRefusal>(
    "requested",
    "accepted",
  ),

  /** Answers the request of `otherId`. */
  answerFriend: change<
    PlayerPair & { readonly isAccepted: boolean; readonly atMs: number },
    "accepted" | "declined",
    "not_found" | "own_list_full"
  >("accepted", "declined"),

  /** Ends a friendship, or takes back the request of `playerId`. */
  removeFriend: change<PlayerPair, "removed" | "withdrawn", "not_found">("removed", "withdrawn"),

  /** Adds one player to another's ignore list. */
  addIgnored: change<PlayerPair, "added", "ignored_already" | "list_full">("added"),

  /** @returns False where the other was not ignored. */
  removeIgnored: change<PlayerPair, true, false>(true),

  /**
   * Keeps a whisper until it is deleted, unless the recipient ignores the sender. For each player at most
   * `KEPT_WHISPERS_MAX` by friends are kept, and as many by others: one more pushes out the oldest of the sender of whom
   * the most are kept, and is refused with `full` where there is but one of each. So it is where
   * `KEPT_WHISPERS_PER_SENDER_MAX` of the sender's wait, or `KEPT_WHISPERS_TOTAL_MAX` in all.
   */
  keepWhisper: write<NewWhisper, KeepWhisperResult>(),

  /** The whispers kept for a player that were sent at `sentFromMs` or later, oldest first. */
  listWhispers: read<{ readonly recipientId: number; readonly sentFromMs: number }, KeptWhisper[]>(),

  /**
   * Deletes whispers kept for a player.
   *
   * @param which `whisperIds` are at most `STORAGE_ROWS_MAX`.
   * @returns How many there were.
   */
  deleteWhispers: write<{ readonly recipientId: number; readonly whisperIds: readonly number[] }, number>(),

  /** Deletes whispers to anybody, at most `EXPIRED_DELETED_MAX`, that were sent before a time. @returns How many. */
  deleteOldWhispers: write<{ readonly sentBeforeMs: number }, number>(),
});

/** The store {@linkcode SOCIAL}, as callers have it. */
export type SocialStore = StoreOf<typeof SOCIAL>;

/** Players on whose lists one was whose account is gone, at most `STORAGE_ROWS_MAX`. */
export function relatedPlayersOf(partings: Partings): readonly number[] {
  return partings[SOCIAL.name] as readonly number[];
}

/** Two players, as `playerId` sees it. */
export interface PlayerPair {
  readonly playerId: number;
  readonly otherId: number;
}

/** A player's friends, friend requests received and sent, and the players it ignores. */
export interface SocialLists {
  readonly friends: readonly PlayerName[];
  readonly incoming: readonly PlayerName[];
  readonly outgoing: readonly PlayerName[];
  readonly ignored: readonly PlayerName[];
}

/** Why there is no new request for friendship. */
export type RequestRefusal = "friends_already" | "requested_already" | "own_list_full" | "other_list_full";

/** A whisper to a player who is offline. */
export interface NewWhisper {
  readonly recipientId: number;
  readonly senderId: number;
  readonly message: string;
  /** Unix time in milliseconds. */
  readonly sentAtMs: number;
  /** The whisper is in the recipient's session too: nothing is kept where another server goes on with that. */
  readonly unlessTaken?: Ownership;
}

/** What became of a whisper that is to be kept. */
export type KeepWhisperResult = { readonly kind: "kept"; readonly whisperId: number } | {
  readonly kind: "ignored" | "full" | "taken";
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
