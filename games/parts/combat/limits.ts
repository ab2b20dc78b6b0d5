/** Bounds, with unit and reason, as in shared/limits.ts. @module */

import { assert } from "../../../shared/errors.ts";

// Combat

/** Buffs, and likewise debuffs, one entity shows. */
export const STATUS_EFFECTS_MAX = 16;
/** How often one victim counts for one killer, on boards and in wars, within an hour. */
export const KILLS_OF_ONE_VICTIM_MAX = 5;
/** The hour, in milliseconds; it begins with the first kill. */
export const KILLS_OF_ONE_VICTIM_INTERVAL_MS = 3_600_000;
/** Pairs of killer and victim that are remembered: some 8 MB. */
export const KILL_PAIRS_MAX = 65_536;
/** How much too early a skill may be used again, in milliseconds: the jitter of a network; it cannot be saved up. */
export const COOLDOWN_TOLERANCE_MS = 50;
/** Entities one use of an area skill hits, nearest first: each of them is a packet to everyone around. */
export const AREA_TARGETS_MAX = 32;
/** How long a player stays dead at least, in milliseconds. */
export const RESPAWN_DELAY_MS = 3_000;
/** How long a player stays dead at most, in milliseconds. */
export const RESPAWN_DELAY_MS_MAX = 10_000;
/** How long after a blow, given or taken, an entity stays in the world whatever its player does, in milliseconds. */
export const FIGHT_MS = 10_000;
/** Hit points a wounded player recovers at a time outside a fight: all of them within 20 s. */
export const RECOVERY_HP = 5;
/** How often, in milliseconds; for the first time when its fight is over. */
export const RECOVERY_INTERVAL_MS = 1_000;
/** How long after its entry a player can strike nobody, in milliseconds: others see it first. */
export const ENTRY_CALM_MS = 1_000;
/**
 * Packets that one use of an area skill may send to all who see it: where more than 31 do, it hits fewer, so that it
 * does not cost more in a crowd.
 */
export const AREA_COPIES_MAX = 1_000;
/** Entities one use hits however many see it. */
export const AREA_TARGETS_MIN = 4;
/** How far from where it died a player respawns, in units: near by, but out of reach of most blows. */
export const RESPAWN_DISTANCE_MIN = 28;
/** The farthest, in units: within sight of where it died. */
export const RESPAWN_DISTANCE_MAX = 45;
/** How often used-up cooldowns are forgotten, in milliseconds. */
export const COOLDOWN_SWEEP_INTERVAL_MS = 10_000;

assert(RESPAWN_DELAY_MS_MAX <= FIGHT_MS, "A player who leaves dead must come back before the body goes");
assert(RESPAWN_DELAY_MS < RESPAWN_DELAY_MS_MAX, "A player may respawn before it must");
