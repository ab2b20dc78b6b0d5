/**
 * The families of errors, by who must act: a failed {@linkcode assert} is our bug, {@linkcode ConfigError} the
 * operator's, {@linkcode ProtocolError} the peer's, {@linkcode DependencyError} the storage's or the bus's. Full queues
 * and "not found" are return values, not errors.
 *
 * @module
 */

import type { DisconnectReason } from "./gen/enums.ts";

/** A broken promise of our own code; never the peer's doing. */
export class AssertionError extends Error {
  /** The class's name. */
  override name = "AssertionError";
}

/**
 * Holds an invariant of our own.
 *
 * @throws {AssertionError} when `condition` is falsy.
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** A peer broke the wire contract; its connection is closed with `reason`, nobody else notices. */
export class ProtocolError extends Error {
  /** The class's name. */
  override name = "ProtocolError";

  /**
   * An error that closes its peer's connection.
   *
   * @param reason What DISCONNECT_NOTICE tells the peer.
   * @param message Act, value, limit.
   */
  constructor(readonly reason: DisconnectReason, message: string) {
    super(message);
  }
}

/** The exit status of a process whose configuration, or command line, cannot be used: EX_CONFIG of sysexits.h. */
export const EXIT_CONFIG = 78;

/** A configuration that cannot be used; lists every problem at once. The process exits with {@linkcode EXIT_CONFIG}. */
export class ConfigError extends Error {
  /** The class's name. */
  override name = "ConfigError";

  /**
   * An error that ends the process before it has begun.
   *
   * @param problems One sentence for each problem.
   */
  constructor(readonly problems: readonly string[]) {
    super(`Cannot use configuration: ${problems.join("; ")}`);
  }
}

/** What is wrong with a dependency. */
export type DependencyErrorCode = "unavailable" | "conflict" | "timeout" | "overloaded" | "fenced" | "unusable";

/** Storage or bus could not do what was asked; nothing was done unless `code` is `timeout`. */
export class DependencyError extends Error {
  /** The class's name. */
  override name = "DependencyError";

  /**
   * An error of a dependency.
   *
   * @param code `unavailable`: down or refusing; `conflict`: a unique value is taken; `timeout`: no answer in time;
   * `overloaded`: our own bound on waiting requests is reached; `fenced`: the player is another node's by now;
   * `unusable`: what is stored, or should be, cannot be used, and trying again does not help.
   */
  constructor(readonly code: DependencyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** Takes what one part threw, so that every other part goes on. */
export interface FaultReport {
  /**
   * Takes note of it.
   *
   * @param place Which part, such as `interest`.
   */
  report(place: string, error: unknown, properties?: Readonly<Record<string, unknown>>): void;
}

/** Sets nothing aside: what is thrown is thrown. */
export const NO_FAULTS: FaultReport = {
  report(_place: string, error: unknown): void {
    throw error;
  },
};
