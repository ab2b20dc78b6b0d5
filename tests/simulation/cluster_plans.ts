/**
 * How a simulation of several servers goes: what goes wrong, for how long, and what players do meanwhile. Where anything
 * may interrupt anything, what needs a long quiet afterwards to be seen hardly ever is: so there are plans that leave
 * something out.
 *
 * @module
 */

import type { Habit } from "./player_actions.ts";

/** What goes wrong with a server. */
export type Trouble =
  /** A connection breaks. */
  | "break"
  /** Its link to the database is cut, in one direction or both. */
  | "link"
  /** The process stands still. */
  | "pause"
  /** Commits take seconds. */
  | "slow"
  /** It is killed. */
  | "kill"
  /** It is killed as soon as it claims a player, and what it has asked of the database by then arrives later. */
  | "late claim"
  /** It is told to stop, and hands its sessions over. */
  | "restart"
  /** Its link to the bus is cut. */
  | "bus";

/** How it goes. */
export interface ClusterPlan {
  readonly name: string;
  /** How often each happens, beside the others. */
  readonly troubles: readonly (readonly [weight: number, trouble: Trouble])[];
  /** How long each may take, in milliseconds: a moment, about as long as a lease, and far longer. */
  readonly troublesMs: readonly number[];
  /** How far apart they are at most, in milliseconds. */
  readonly everyMs: number;
  /** How long players play on once nothing goes wrong, in milliseconds, before servers are restarted. */
  readonly calmMs: number;
  /** How long sessions are kept for their clients, in milliseconds. */
  readonly linkDeadMs: readonly [min: number, max: number];
  readonly habit: Habit;
}

/** Everything goes wrong, at the same time too. */
export const ANYTHING: ClusterPlan = {
  name: "anything",
  troubles: [[4, "break"], [3, "link"], [3, "pause"], [1, "slow"], [1, "kill"], [3, "restart"], [
    2,
    "bus",
  ]],
  troublesMs: [400, 3_000, 7_000, 15_000],
  everyMs: 2_000,
  calmMs: 4_000,
  linkDeadMs: [2_000, 10_000],
  habit: "anything",
};

/** Servers fall silent for longer than their lease, and find their sessions as they were when they are back. */
export const SILENCE: ClusterPlan = {
  name: "silence",
  troubles: [[1, "link"], [2, "pause"]],
  troublesMs: [7_000, 10_000, 15_000],
  everyMs: 6_000,
  // The last to fall silent comes back after the others have gone on, and needs its time to notice whose its players are.
  calmMs: 10_000,
  linkDeadMs: [12_000, 20_000],
  habit: "anything",
};

/** What dead servers have asked of the database arrives late, while players come and go. */
export const LATENESS: ClusterPlan = {
  name: "lateness",
  troubles: [[2, "break"], [2, "link"], [1, "slow"], [4, "late claim"]],
  troublesMs: [3_000, 7_000, 8_000, 10_000],
  everyMs: 3_000,
  calmMs: 4_000,
  linkDeadMs: [2_000, 10_000],
  habit: "come and go",
};

/** Servers are told to stop again and again, while players come and go. */
export const RESTARTS: ClusterPlan = {
  name: "restarts",
  troubles: [[3, "break"], [1, "link"], [5, "restart"]],
  troublesMs: [400, 3_000],
  everyMs: 2_000,
  calmMs: 4_000,
  linkDeadMs: [2_000, 10_000],
  habit: "come and go",
};

/** Nothing goes wrong, and everybody talks while servers are restarted. */
export const TALK: ClusterPlan = { ...ANYTHING, name: "talk", troubles: [], habit: "talk" };

/** All of them. */
export const PLANS: readonly ClusterPlan[] = [ANYTHING, SILENCE, LATENESS, RESTARTS, TALK];
