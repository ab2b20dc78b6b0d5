/** What the model knows of an entity. @module */

import type { Actor } from "./board.ts";
import type { MapRule } from "./map_rules.ts";

/** Everything an entity is to the eye. Lengths in centimetres, speeds in cm/s. */
export interface Body {
  readonly entityId: number;
  /** Null for a monster. */
  actor: Actor | null;
  map: MapRule;
  x: number;
  y: number;
  z: number;
  vx: number;
  vz: number;
  /** NaN while unknown. */
  hp: number;
  hpMax: number;
  /** When hit points come back to it next, if it is wounded; NaN: that is not known. Of players. */
  healsAtMs: number;
  /** Until when it is stunned, 0: it is not. */
  stunnedUntilMs: number;
  /** Of its player, as names over heads show it. */
  guildTag: string;
  /** Counts what changed about place and speed. */
  version: number;
  /**
   * The model knows where it is and how it does. Otherwise - a monster, or a player without a connection whom nobody
   * sees - it is taken at the word of the first who is told in a tick, and all others must be told the same.
   */
  isExact: boolean;
  /** Tick since which it is exact. */
  exactSinceTick: number;
  /** Tick in which the word was taken. */
  toldAtTick: number;
  /** Some up-to-date viewer is shown it, so that the word is good. */
  isShown: boolean;
  /** Tick since which that is so. */
  shownSinceTick: number;
  /** The health known is older than what may have happened unseen. */
  isHealthDoubtful: boolean;
}

/** Players do not change maps while they have no connection. */
export function isMapKnown({ actor, isShown }: Body): boolean {
  return actor !== null || isShown;
}

/** Where it is is known. */
export function isPlaced({ isExact, isShown }: Body): boolean {
  return isExact || isShown;
}

/** Units as the wire has them, in whole centimetres. */
export function toCm(units: number | undefined): number {
  return Math.round((units ?? 0) * 100);
}

/** For messages. */
export function nameOf({ actor, entityId }: Body): string {
  return actor?.name ?? `monster ${entityId}`;
}
