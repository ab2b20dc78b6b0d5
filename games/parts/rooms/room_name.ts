/** Names of chat rooms: what they may look like, and when two are the same. @module */

import { ROOM_NAME_BYTES_MAX, ROOM_NAME_LENGTH_MAX, ROOM_NAME_LENGTH_MIN } from "./limits.ts";
import { cleanText } from "../../../shared/player_text.ts";
import { foldName, looksLikeName } from "../../../server/game/kit.ts";

const BOUNDS = { lengthMin: ROOM_NAME_LENGTH_MIN, lengthMax: ROOM_NAME_LENGTH_MAX, bytesMax: ROOM_NAME_BYTES_MAX };

/**
 * Brings the name of a new room into the form that others read: letters of one script, signs and emoji, blanks in a row
 * made one.
 *
 * @returns `undefined` when a room may not be called so, blanks around it among the reasons.
 */
export function readRoomName(raw: string): string | undefined {
  if (raw.length > ROOM_NAME_BYTES_MAX || raw.trim() !== raw) return undefined;
  const clean = cleanText(raw);
  return "text" in clean && looksLikeName(clean.text, BOUNDS) ? clean.text : undefined;
}

/**
 * What two names have in common that differ only in case, in blanks, or in how Unicode writes the same letters; empty
 * for what is too long to be one.
 */
export function roomNameKey(name: string): string {
  if (name.length > ROOM_NAME_BYTES_MAX) return "";
  const clean = cleanText(name);
  return "text" in clean ? foldName(clean.text) : "";
}
