/**
 * The wait before a reconnection: exponential with full jitter, so that clients that lost the server together do not
 * come back together.
 *
 * @module
 */

/** Bounds of a {@linkcode Backoff}. */
export interface BackoffOptions {
  /** Ceiling of the first wait, in milliseconds. */
  baseMs: number;
  /** Ceiling that no wait exceeds, in milliseconds. */
  capMs: number;
  /** Gives a number in `[0, 1)`. */
  random: () => number;
}

/** Counts failed attempts and draws the waits between them. */
export class Backoff {
  readonly #options: BackoffOptions;
  #attemptCount = 0;
  /** Of these, the ones whose wait was drawn. */
  #drawnCount = 0;

  /** @param options Bounds and chance. */
  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Attempts since the last {@linkcode Backoff.reset}. */
  get attemptCount(): number {
    return this.#attemptCount;
  }

  /** Begins at the base again. */
  reset(): void {
    this.#attemptCount = this.#drawnCount = 0;
  }

  /** One more attempt, whose wait somebody else has said: the next one that is drawn is no longer for it. */
  count(): void {
    this.#attemptCount++;
  }

  /**
   * Draws the wait before the next attempt, in milliseconds: evenly from 0 to `base * 2 ** drawn`, at most the cap.
   *
   * @param leastMs What the server asked for; the drawn wait comes on top.
   */
  next(leastMs = 0): number {
    const { baseMs, capMs, random } = this.#options;
    const ceilingMs = Math.min(capMs, baseMs * 2 ** Math.min(this.#drawnCount++, 30));
    this.#attemptCount++;
    return leastMs + random() * ceilingMs;
  }
}
