/** Bounds, with unit and reason, as in shared/limits.ts. @module */

import { assert } from "../../../shared/errors.ts";
import { FRAME_BYTES_MAX, STORAGE_ROWS_MAX } from "../../../shared/limits.ts";

// Guilds

/** Visible characters of a guild's name, at least. */
export const GUILD_NAME_LENGTH_MIN = 3;
/** Visible characters of a guild's name, at most. */
export const GUILD_NAME_LENGTH_MAX = 24;
/** Visible characters of a guild's tag, at least. */
export const GUILD_TAG_LENGTH_MIN = 2;
/** Visible characters of a guild's tag, at most: it stands before every member's name. */
export const GUILD_TAG_LENGTH_MAX = 5;
/** Members of one guild: its roster is one packet. */
export const GUILD_MEMBERS_MAX = 100;
/** How long an invitation to a guild is valid, in milliseconds. */
export const GUILD_INVITE_LIFETIME_MS = 7 * 24 * 3_600_000;
/** Invitations of one guild that are still open: a full house. */
export const GUILD_INVITES_PER_GUILD_MAX: number = GUILD_MEMBERS_MAX;
/** Invitations of one player that are still open: they are told at every login. */
export const GUILD_INVITES_PER_PLAYER_MAX = 16;
/** Wars that one guild has declared, at a time. */
export const GUILD_WARS_MAX = 32;
/** Wars that others have declared on one guild, at a time: they do not count among its own, and all fit its info. */
export const GUILD_WARS_AGAINST_MAX = 256;
/**
 * Wars that one guild, or one player for any guild, declares within a day: two an hour, more than anybody can fight.
 */
export const GUILD_WARS_PER_DAY_MAX = 48;
/** The day, in milliseconds. */
export const GUILD_WARS_DAY_MS = 24 * 3_600_000;
/**
 * How long two guilds have peace after a war, at most, in milliseconds: as long as the war was, so that no war lasts
 * for ever.
 */
export const GUILD_PEACE_MS_MAX = 3_600_000;
/** Wars that one request to the storage ends; the others follow a moment later. */
export const GUILD_WARS_ENDED_MAX = 256;
/** Guilds whose rosters are kept in memory as they were shown: some 15 KiB for a full one. */
export const GUILDS_KEPT = 256;
/** Kills that wait to be counted in wars while the storage is down; the oldest are forgotten first. */
export const GUILD_KILLS_PENDING_MAX = 4_096;
/** How long servers that share a database wait after a war for each other's kills, in milliseconds: two sweeps. */
export const GUILD_WAR_KILLS_LATE_MS = 2_000;
/** How often servers that share a database look whether they know of all changes of guilds, in milliseconds: one row is read. */
export const GUILD_LOOK_INTERVAL_MS = 3_000;
/** Changes of guilds that are known while one before them is not: more than all servers make between two looks. */
export const GUILD_VERSIONS_AHEAD_MAX = 65_536;
/** How often the guilds of players who have left are dropped from memory, in milliseconds. */
export const GUILD_FORGET_INTERVAL_MS = 60_000;
/** Bytes of a guild tag in UTF-8. */
export const GUILD_TAG_BYTES_MAX = 32;

assert(GUILD_TAG_LENGTH_MAX <= GUILD_TAG_BYTES_MAX, "An entity must be able to show every guild's tag");
assert(GUILD_KILLS_PENDING_MAX <= STORAGE_ROWS_MAX, "Kills that waited must fit a request to the storage");
assert(
  (GUILD_WARS_MAX + GUILD_WARS_AGAINST_MAX) * (GUILD_NAME_LENGTH_MAX + 64) + GUILD_MEMBERS_MAX * 128 <=
    FRAME_BYTES_MAX,
  "A guild with all its members and wars must fit a frame",
);
