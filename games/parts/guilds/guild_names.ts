/** Names and tags of guilds: what they may look like, and when two are the same. @module */

import { ENTITY_NAME_BYTES_MAX } from "../../../shared/limits.ts";
import {
  GUILD_NAME_LENGTH_MAX,
  GUILD_NAME_LENGTH_MIN,
  GUILD_TAG_BYTES_MAX,
  GUILD_TAG_LENGTH_MAX,
  GUILD_TAG_LENGTH_MIN,
} from "./limits.ts";
import { foldName, isWord, looksLikeName, type NameRule } from "../../../server/game/kit.ts";

const ASCII = /^[\x20-\x7e]*$/;
const NAME_BOUNDS = {
  lengthMin: GUILD_NAME_LENGTH_MIN,
  lengthMax: GUILD_NAME_LENGTH_MAX,
  bytesMax: ENTITY_NAME_BYTES_MAX,
};
const TAG_BOUNDS = {
  lengthMin: GUILD_TAG_LENGTH_MIN,
  lengthMax: GUILD_TAG_LENGTH_MAX,
  bytesMax: GUILD_TAG_BYTES_MAX,
};

/**
 * Tells whether a new guild may be called so: letters of one script, digits, `_`, `-` and single spaces between them, in
 * NFC.
 *
 * @param rule `ascii`: no letters but those of ASCII.
 */
export function checkGuildName(name: string, rule: NameRule = "unicode"): "ok" | "invalid" {
  if (rule === "ascii" && !ASCII.test(name)) return "invalid";
  const letters = name.replaceAll(/[_ -]/g, "");
  return looksLikeName(name, NAME_BOUNDS) && (letters === "" || isWord(letters)) ? "ok" : "invalid";
}

/** Tells whether a new guild may have this tag: letters of one script, and digits. */
export function checkGuildTag(tag: string, rule: NameRule = "unicode"): "ok" | "invalid" {
  if (rule === "ascii" && !ASCII.test(tag)) return "invalid";
  return looksLikeName(tag, TAG_BOUNDS) && isWord(tag) ? "ok" : "invalid";
}

/** What two names, or two tags, have in common that are the same; empty for what is too long to be one. */
export function guildKey(nameOrTag: string): string {
  return nameOrTag.length > ENTITY_NAME_BYTES_MAX ? "" : foldName(nameOrTag);
}
