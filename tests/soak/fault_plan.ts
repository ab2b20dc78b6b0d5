/**
 * How and where each connection is broken, drawn from a seed: the same seed gives the same plan to the connection of
 * the same number.
 *
 * @module
 */

import { Prng } from "../../server/world/prng.ts";

/**
 * The ways a connection breaks.
 *
 * `reset`: both ends get a RST · `end`: both get a FIN · `half_up`: the server gets the client's FIN, the client goes on
 * hearing for a while · `half_down`: the client gets the server's FIN, the server goes on hearing · `silence`: both
 * directions are swallowed for a while · `late`: what the client sends is held back; it gets a RST, and what was held
 * reaches the server when the client has come back on another connection.
 */
export const FAULT_KINDS = ["reset", "end", "half_up", "half_down", "silence", "late"] as const;

/** One of {@linkcode FAULT_KINDS}. */
export type FaultKind = typeof FAULT_KINDS[number];

/** The two directions: from the client to the server, and back. */
export type Direction = "up" | "down";

/** What happens to one connection. */
export interface FaultPlan {
  readonly kind: FaultKind;
  /** The direction whose bytes are counted. */
  readonly direction: Direction;
  /** How many of them pass before it breaks; the next one does not. */
  readonly afterBytes: number;
  /** How long what takes a while takes, in milliseconds. */
  readonly holdMs: number;
}

/** Bytes within which a WebSocket is opened and a session resumed: where most can go wrong. */
const HANDSHAKE_BYTES = 500;
const NEAR_BYTES = 3_000;
const FAR_BYTES = 20_000;
/** A while is short as a rule, so that there are many kills, and long at times, so that clients notice by themselves. */
const HOLD_MS_SHORT = 120;
const HOLD_MS_LONG = 5_000;
const LONG_HOLDS_ONE_IN = 24;

/** The plan of one connection. */
export function planFault(seed: number, connection: number): FaultPlan {
  const prng = new Prng(Math.imul(seed, 0x9e3779b1) + connection);
  const kind = FAULT_KINDS[prng.nextInt(FAULT_KINDS.length)];
  const direction = prng.nextInt(2) === 0 ? "up" : "down";
  const where = prng.nextInt(10);
  const afterBytes = prng.nextInt(where < 4 ? HANDSHAKE_BYTES : where < 9 ? NEAR_BYTES : FAR_BYTES);
  const holdMs = prng.nextInt(prng.nextInt(LONG_HOLDS_ONE_IN) === 0 ? HOLD_MS_LONG : HOLD_MS_SHORT);
  return { kind, direction, afterBytes, holdMs };
}
