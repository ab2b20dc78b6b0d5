/** Bounds, with unit and reason, as in shared/limits.ts. @module */

import { assert } from "../../../shared/errors.ts";
import { CHAT_BYTES_MAX } from "../chat/limits.ts";
import { ENTITY_NAME_BYTES_MAX, FRAME_BYTES_MAX } from "../../../shared/limits.ts";

// Rooms

/** Visible characters of a room's name, at least. */
export const ROOM_NAME_LENGTH_MIN = 3;
/** Visible characters of a room's name, at most. */
export const ROOM_NAME_LENGTH_MAX = 32;
/** Bytes of a room's name in UTF-8: an emoji can be 30 bytes of one visible character. */
export const ROOM_NAME_BYTES_MAX = 128;
/** Members of a room where its creator names no number. */
export const ROOM_MEMBERS_DEFAULT = 50;
/** Members of a room, at most: each message is a packet to all of them. */
export const ROOM_MEMBERS_MAX = 500;
/** Messages a room keeps for those who join later: with names some 20 KiB. */
export const ROOM_HISTORY_MESSAGES = 50;
/** Rooms one player may be in. */
export const ROOMS_PER_PLAYER = 20;
/** Rooms of one server: their histories take some 20 MiB. */
export const ROOMS_MAX = 1_000;
/** Rooms that were created from one address: a tenth of all, so that nobody alone holds them. */
export const ROOMS_PER_ADDRESS = 100;
/** Rooms that one list names: half a frame where all names are as long as may be. */
export const ROOM_LIST_ENTRIES_MAX = 200;
/**
 * How often a second the list of rooms is put together, half a millisecond each; asked for more often, it is sent
 * again.
 */
export const ROOM_LISTS_PER_SECOND = 20;

assert(ROOMS_PER_PLAYER <= ROOMS_PER_ADDRESS && ROOMS_PER_ADDRESS < ROOMS_MAX, "Nobody must hold all rooms");
assert(ROOM_MEMBERS_DEFAULT <= ROOM_MEMBERS_MAX, "A room of ordinary size must be allowed");
assert(ROOM_LIST_ENTRIES_MAX * (ROOM_NAME_BYTES_MAX + 32) <= FRAME_BYTES_MAX, "A list of rooms must fit a frame");
assert(
  ROOM_HISTORY_MESSAGES * (CHAT_BYTES_MAX + ENTITY_NAME_BYTES_MAX + 64) <= FRAME_BYTES_MAX,
  "A room's history must fit a frame",
);
