/** Names of chat rooms: what they may look like, and when two are the same. @module */

import { ROOM_NAME_LENGTH_MAX, ROOM_NAME_LENGTH_MIN } from "../../shared/limits.ts";

/** Control characters, invisible ones, line ends; blanks at either end. */
const FORBIDDEN = /[\p{C}\p{Zl}\p{Zp}]|^\s|\s$/u;

/** Tells whether a room may be called so: letters of any script, no control characters, no blanks around it. */
export function checkRoomName(name: string): "ok" | "invalid" {
  // Counted in code points, as players count: an emoji is one.
  let length = 0;
  for (const _ of name) length++;
  if (length < ROOM_NAME_LENGTH_MIN || length > ROOM_NAME_LENGTH_MAX) return "invalid";
  return FORBIDDEN.test(name) ? "invalid" : "ok";
}

/** What two names have in common that differ only in case, or in how Unicode writes the same letters. */
export function roomNameKey(name: string): string {
  return name.normalize("NFKC").toLowerCase();
}
