/** Bounds, with unit and reason, as in shared/limits.ts. @module */

import { assert } from "../../../shared/errors.ts";
import { STORAGE_ROWS_MAX } from "../../../shared/limits.ts";

// Leaderboards

/** Entries of one leaderboard, at most: some 5 KiB. */
export const LEADERBOARD_ENTRIES_MAX = 100;
/** The lowest rank that is counted: players behind it have no rank. Counting that far takes the storage 0.7 ms. */
export const LEADERBOARD_RANK_MAX = 10_000;
/** How long a leaderboard, or a player's place in it, is served from memory, in milliseconds. */
export const LEADERBOARD_CACHE_MS = 1_000;
/** Places of players that are kept in memory: those of a full house on a board or two. */
export const LEADERBOARD_CACHE_ENTRIES_MAX = 8_192;
/** Kills that wait while the storage is down; above this the oldest are lost. */
export const SCORES_PENDING_MAX = 10_000;

assert(SCORES_PENDING_MAX <= STORAGE_ROWS_MAX, "Kills that waited must fit a request to the storage");
