/** Bounds, with unit and reason, as in shared/limits.ts. @module */

import { assert } from "../../shared/errors.ts";

// The marsh: monsters and maps

/** Maps that `maps.json` may have. */
export const MAP_ENTRIES_MAX = 64;
/** Portals of one map: all are in one packet. */
export const PORTALS_MAX = 32;
/** Safe areas of one map: all are in one packet, and every monster that is awake checks them. */
export const SAFE_AREAS_MAX = 8;
/** Largest radius of a portal, in units: its users can see all of it. */
export const PORTAL_RADIUS_MAX = 50;
/** How far from the end of a portal its users arrive at most, in units: not all in one place. */
export const PORTAL_ARRIVAL_RADIUS = 3;
/** Kinds, and likewise spawns, that `monsters.json` may have. */
export const MONSTER_ENTRIES_MAX = 256;
/** How often an awake monster moves and decides, in milliseconds: as often as players send their moves. */
export const MONSTER_STEP_MS = 100;
/** Longest time that one step of a monster covers, in milliseconds: it does not make up for a server's stall. */
export const MONSTER_STEP_MS_MAX = 250;
/** Pause of a monster that found the world full before it tries again to come back, in milliseconds. */
export const MONSTER_RETRY_MS = 500;
/** How long a dead monster lies on the ground, in milliseconds. */
export const MONSTER_CORPSE_MS = 3_000;

assert(MONSTER_STEP_MS < MONSTER_STEP_MS_MAX, "A monster must not fall behind in ordinary steps");
