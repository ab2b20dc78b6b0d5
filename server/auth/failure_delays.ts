/**
 * Failures of one kind, by who or what they count against: above a number of them each further one makes the next
 * attempt wait longer. Failures fade with time.
 *
 * @module
 */

/** First delay after too many failures, in milliseconds; each further failure doubles it. */
const FIRST_DELAY_MS = 1_000;
/** Keys of which one is forgotten where there are too many. */
const FORGET_CANDIDATES = 8;

/** When failures begin to delay, and for how long. */
export interface FailureDelayOptions {
  /** Failures after which the next attempt must wait. */
  readonly failuresMax: number;
  /** One failure is forgotten for each of these, in milliseconds. */
  readonly fadeMs: number;
  /** Longest wait, in milliseconds. */
  readonly delayMsMax: number;
  /** Keys that are remembered: those that failed seldom and long ago are forgotten first. */
  readonly entriesMax: number;
}

/** What is known of one key. Times are monotonic milliseconds. */
interface Failures {
  /** How many, as of `fadedAtMs`, since when nothing has faded. */
  count: number;
  fadedAtMs: number;
  /** When the next attempt is heard. */
  openAtMs: number;
}

/** Counts failures by key. */
export class FailureDelays {
  readonly #options: FailureDelayOptions;
  readonly #byKey = new Map<string, Failures>();

  constructor(options: FailureDelayOptions) {
    this.#options = options;
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#byKey.size;
  }

  /** How long an attempt has to wait, in milliseconds; 0: it may go on. */
  waitMs(key: string, nowMs: number): number {
    return Math.max(0, (this.#byKey.get(key)?.openAtMs ?? 0) - nowMs);
  }

  /** Failures that have not faded yet. */
  countOf(key: string, nowMs: number): number {
    const failures = this.#byKey.get(key);
    return failures === undefined ? 0 : this.#fade(failures, nowMs).count;
  }

  /** Counts one more. */
  add(key: string, nowMs: number): void {
    const failures = this.#byKey.get(key) ?? { count: 0, fadedAtMs: nowMs, openAtMs: 0 };
    this.#fade(failures, nowMs).count++;
    failures.openAtMs = nowMs + this.#delayMsOf(failures.count);
    // The newest stands last, so that the first is the oldest.
    this.#byKey.delete(key);
    this.#byKey.set(key, failures);
    if (this.#byKey.size > this.#options.entriesMax) this.#forgetOne(nowMs);
  }

  /**
   * Forgets, of some that failed longest ago, the one with the fewest failures: were it the oldest, a guesser would have
   * its guesses at an account forgotten by failing once at each of many names that it makes up.
   */
  #forgetOne(nowMs: number): void {
    const candidates: (readonly [string, Failures])[] = [];
    for (const entry of this.#byKey) {
      if (candidates.length === Math.min(FORGET_CANDIDATES, this.#byKey.size - 1)) break;
      candidates.push(entry);
    }
    let least = candidates[0];
    for (const candidate of candidates) {
      if (this.#fade(candidate[1], nowMs).count < least[1].count) least = candidate;
    }
    // The others are looked at again after everybody else.
    for (const [key, failures] of candidates) {
      this.#byKey.delete(key);
      if (key !== least[0]) this.#byKey.set(key, failures);
    }
  }

  /** Begins now the wait that was to begin when the failure was counted. */
  restart(key: string, nowMs: number): void {
    const failures = this.#byKey.get(key);
    if (failures !== undefined) failures.openAtMs = nowMs + this.#delayMsOf(this.#fade(failures, nowMs).count);
  }

  /** Takes failures back; below the limit nobody waits any more. */
  forgive(key: string, count: number, nowMs: number): void {
    const failures = this.#byKey.get(key);
    if (failures === undefined) return;
    this.#fade(failures, nowMs).count -= count;
    if (failures.count <= 0) this.#byKey.delete(key);
    else if (failures.count < this.#options.failuresMax) failures.openAtMs = 0;
  }

  #fade(failures: Failures, nowMs: number): Failures {
    const faded = Math.floor((nowMs - failures.fadedAtMs) / this.#options.fadeMs);
    if (faded >= failures.count) {
      failures.count = 0;
      failures.fadedAtMs = nowMs;
    } else {
      failures.count -= faded;
      failures.fadedAtMs += faded * this.#options.fadeMs;
    }
    return failures;
  }

  #delayMsOf(count: number): number {
    const excess = count - this.#options.failuresMax;
    return excess < 0 ? 0 : Math.min(this.#options.delayMsMax, FIRST_DELAY_MS * 2 ** Math.min(excess, 30));
  }
}
