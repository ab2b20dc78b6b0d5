/** Bounds, with unit and reason, as in shared/limits.ts. @module */

import { assert } from "../../../shared/errors.ts";
import { BUS_PAYLOAD_BYTES_MAX, PLAYER_NAME_LENGTH_MAX } from "../../../shared/limits.ts";

// Friends, ignored players and kept whispers

/** Friends of one player, including those it has asked who have not answered. */
export const FRIENDS_MAX = 100;
/** Friend requests that may wait for one player's answer. */
export const FRIEND_REQUESTS_WAITING_MAX = 100;
/** Players one player may ignore. */
export const IGNORED_PLAYERS_MAX = 100;
/** Players whose lists are kept in memory as they were shown: some 15 KiB for full ones. */
export const SOCIAL_LISTS_KEPT = 1_024;
/** Players online whose lists are read again each second, when those of many may have changed. */
export const SOCIAL_LISTS_READ_AGAIN_MAX = 128;
/**
 * Whispers from friends, and as many from others, that are kept for a player who is offline: the sender with the most
 * loses its own first.
 */
export const KEPT_WHISPERS_MAX = 50;
/** How often a server tells the others in short who is online there, in milliseconds. */
export const PRESENCE_DIGEST_INTERVAL_MS = 3_000;
/** Players of one answer to who is online there. */
export const PRESENCE_PAGE_PLAYERS_MAX = 256;
/** Whispers of one sender that are kept, for all recipients together. */
export const KEPT_WHISPERS_PER_SENDER_MAX = 100;
/** Whispers that are kept in all: some 50 MB. */
export const KEPT_WHISPERS_TOTAL_MAX = 100_000;
/** Whispers of one player that may be kept at once. */
export const KEPT_WHISPERS_BURST = 60;
/** How soon it may have one more kept, in milliseconds. */
export const KEPT_WHISPERS_INTERVAL_MS = 10_000;
/** Players whose whispers are deleted again each second, once they have arrived and the storage has failed. */
export const WHISPERS_FORGOTTEN_AGAIN_MAX = 128;
/** How long a whisper is kept for a player who is offline, in milliseconds. */
export const KEPT_WHISPER_MS: number = 30 * 24 * 3_600_000;

assert(
  PRESENCE_PAGE_PLAYERS_MAX * (4 * PLAYER_NAME_LENGTH_MAX + 9 * (IGNORED_PLAYERS_MAX + 2)) <= BUS_PAYLOAD_BYTES_MAX,
  "A page of players who ignore as many as they may must fit a message",
);
