/**
 * Keeps what a peer can cause as often as it likes from filling the log.
 *
 * @module
 */

import { LOG_INTERVAL_MS, LOG_KIND_LINES_MAX, LOG_KINDS_MAX } from "../../shared/limits.ts";
import { getLogger, type Logger, type LogLevel, type LogProperties } from "./logging.ts";

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

/**
 * A logger for whatever a peer may cause: each kind of line has {@linkcode LOG_KIND_LINES_MAX} in an interval of
 * {@linkcode LOG_INTERVAL_MS}, so that many of one kind hide no other. A kind is a message and the packet type it is
 * about; messages are fixed texts, and what varies is in the properties.
 */
export class LimitedLogger implements Logger {
  readonly #logger: Logger;
  readonly #nowMs: () => number;
  readonly #kinds = new Map<string, RateLimitedLog>();

  /** @param nowMs A clock that never goes back, in milliseconds. */
  constructor(logger: Logger, nowMs: () => number) {
    this.#logger = logger;
    this.#nowMs = nowMs;
  }

  debug(message: string, properties?: LogProperties): void {
    this.#log("debug", message, properties);
  }

  info(message: string, properties?: LogProperties): void {
    this.#log("info", message, properties);
  }

  warn(message: string, properties?: LogProperties): void {
    this.#log("warn", message, properties);
  }

  error(message: string, properties?: LogProperties): void {
    this.#log("error", message, properties);
  }

  #log(level: LogLevel, message: string, properties: LogProperties = {}): void {
    const { type } = properties;
    this.#kindOf(typeof type === "string" ? `${message} ${type}` : message).log(level, message, properties);
  }

  #kindOf(name: string): RateLimitedLog {
    // Should a message ever hold what a peer chose, the kinds beyond the bound share one.
    const kind = this.#kinds.has(name) || this.#kinds.size < LOG_KINDS_MAX - 1 ? name : "";
    let log = this.#kinds.get(kind);
    if (log === undefined) {
      log = new RateLimitedLog(this.#logger, {
        linesMax: LOG_KIND_LINES_MAX,
        intervalMs: LOG_INTERVAL_MS,
        nowMs: this.#nowMs,
      });
      this.#kinds.set(kind, log);
    }
    return log;
  }
}

/** The {@linkcode LimitedLogger} of one part of the program. */
export function getLimitedLogger(name: string, nowMs: () => number): LimitedLogger {
  return new LimitedLogger(getLogger(name), nowMs);
}
