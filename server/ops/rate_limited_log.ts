/**
 * Keeps what a peer can cause as often as it likes from filling the log.
 *
 * @module
 */

import type { Logger, LogLevel, LogProperties } from "./logging.ts";

/** How much {@linkcode RateLimitedLog} lets through. */
export interface RateLimitedLogOptions {
  /** Lines in one interval, 1 or more. */
  readonly linesMax: number;
  /** Length of an interval in milliseconds. */
  readonly intervalMs: number;
  /** A clock that never goes back, in milliseconds. */
  readonly nowMs: () => number;
}

/** Writes at most so many lines an interval and says with the next line how many it left out (`leftOut`). */
export class RateLimitedLog {
  readonly #logger: Logger;
  readonly #options: RateLimitedLogOptions;
  #intervalStartMs = -Infinity;
  #lines = 0;
  #leftOut = 0;

  constructor(logger: Logger, options: RateLimitedLogOptions) {
    this.#logger = logger;
    this.#options = options;
  }

  /** Lines left out since the last one that was written. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /**
   * Takes the right to write one line, or counts it as left out. Asking first saves the work of putting the line
   * together; {@linkcode write} must then follow.
   */
  tryTake(): boolean {
    const nowMs = this.#options.nowMs();
    if (nowMs - this.#intervalStartMs >= this.#options.intervalMs) {
      this.#intervalStartMs = nowMs;
      this.#lines = 0;
    }
    if (this.#lines >= this.#options.linesMax) {
      this.#leftOut += 1;
      return false;
    }
    this.#lines += 1;
    return true;
  }

  /** Writes a line whose right was taken with {@linkcode tryTake}. */
  write(level: LogLevel, message: string, properties: LogProperties = {}): void {
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    this.#logger[level](message, leftOut === 0 ? properties : { ...properties, leftOut });
  }

  /** Writes a line, or counts it as left out. */
  log(level: LogLevel, message: string, properties?: LogProperties): void {
    if (this.tryTake()) this.write(level, message, properties);
  }
}
