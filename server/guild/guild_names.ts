/** Names and tags of guilds: what they may look like, and when two are the same. @module */

import {
  GUILD_NAME_LENGTH_MAX,
  GUILD_NAME_LENGTH_MIN,
  GUILD_TAG_LENGTH_MAX,
  GUILD_TAG_LENGTH_MIN,
} from "../../shared/limits.ts";

const NAME_PATTERN = /^[A-Za-z0-9_-]+(?: [A-Za-z0-9_-]+)*$/;
const TAG_PATTERN = new RegExp(`^[A-Za-z0-9]{${GUILD_TAG_LENGTH_MIN},${GUILD_TAG_LENGTH_MAX}}$`);

/**
 * Tells whether a guild may be called so: ASCII letters, digits, `_`, `-` and single spaces between them, so that no two
 * names look the same.
 */
export function checkGuildName(name: string): "ok" | "invalid" {
  if (name.length < GUILD_NAME_LENGTH_MIN || name.length > GUILD_NAME_LENGTH_MAX) return "invalid";
  return NAME_PATTERN.test(name) ? "ok" : "invalid";
}

/** Tells whether a guild may have this tag: ASCII letters and digits. */
export function checkGuildTag(tag: string): "ok" | "invalid" {
  return TAG_PATTERN.test(tag) ? "ok" : "invalid";
}

/** What two names, or two tags, that differ only in case have in common. */
export function guildKey(nameOrTag: string): string {
  return nameOrTag.toLowerCase();
}
