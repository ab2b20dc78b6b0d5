/** Player names: what they may look like, and when two are the same. @module */

import { PLAYER_NAME_LENGTH_MAX, PLAYER_NAME_LENGTH_MIN } from "../../shared/limits.ts";

const NAME_PATTERN = new RegExp(`^[A-Za-z0-9_-]{${PLAYER_NAME_LENGTH_MIN},${PLAYER_NAME_LENGTH_MAX}}$`);

/** Tells whether a player may be called so: ASCII letters, digits, `_` and `-`, so that no two names look the same. */
export function checkPlayerName(name: string): "ok" | "invalid" {
  return NAME_PATTERN.test(name) ? "ok" : "invalid";
}

/** What two names that differ only in case have in common. Only for names that {@linkcode checkPlayerName} lets pass. */
export function nameKey(name: string): string {
  return name.toLowerCase();
}
