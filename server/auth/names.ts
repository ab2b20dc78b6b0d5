/** Player names: what they may look like, and when two are the same. @module */

import {
  ENTITY_NAME_BYTES_MAX,
  PLAYER_NAME_ASCII_MIN,
  PLAYER_NAME_LENGTH_MAX,
  PLAYER_NAME_LENGTH_MIN,
} from "../../shared/limits.ts";
import { foldName, isWord, looksLikeName, type NameRule } from "../names/public_name.ts";

const ASCII_PATTERN = new RegExp(`^[A-Za-z0-9_-]{${PLAYER_NAME_ASCII_MIN},${PLAYER_NAME_LENGTH_MAX}}$`);
const BOUNDS = {
  lengthMin: PLAYER_NAME_LENGTH_MIN,
  lengthMax: PLAYER_NAME_LENGTH_MAX,
  bytesMax: ENTITY_NAME_BYTES_MAX,
};

/** What a player may be called, for who was refused. */
export const PLAYER_NAME_RULES: Readonly<Record<NameRule, string>> = {
  unicode: `Names have ${PLAYER_NAME_LENGTH_MIN} to ${PLAYER_NAME_LENGTH_MAX} letters of one script, digits, _ or -`,
  ascii: `Names have ${PLAYER_NAME_ASCII_MIN} to ${PLAYER_NAME_LENGTH_MAX} letters, digits, _ or -`,
};

/**
 * Tells whether a new player may be called so: letters of one script, digits, `_` and `-`, in NFC.
 *
 * @param rule `ascii`: no letters but those of ASCII.
 */
export function checkPlayerName(name: string, rule: NameRule = "unicode"): "ok" | "invalid" {
  if (rule === "ascii") return ASCII_PATTERN.test(name) ? "ok" : "invalid";
  const letters = name.replaceAll(/[_-]/g, "");
  return looksLikeName(name, BOUNDS) && (letters === "" || isWord(letters)) ? "ok" : "invalid";
}

/**
 * A key that equal names share: players are found by it, online or not. Empty for a text that is too long to be a name,
 * which finds nobody.
 */
export function nameKey(name: string): string {
  return name.length > ENTITY_NAME_BYTES_MAX ? "" : foldName(name);
}
