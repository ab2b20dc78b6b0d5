/**
 * The clock others are shown by: the server's time, some 100 ms behind, running evenly although snapshots do not.
 *
 * @module
 */

/** How far behind the newest snapshot others are shown, in milliseconds: two steps of movement at 10 Hz bridge one loss. */
export const PLAYBACK_DELAY_MS = 100;
/** Most that an uneven network adds to the delay, in milliseconds; later snapshots are extrapolated over. */
export const JITTER_DELAY_MS_MAX = 150;

/** Transit times kept to find the fastest, in snapshots: some 6 s at 10 Hz. */
const TRANSIT_SAMPLES = 64;
/** What stays of the jitter seen once, at each further snapshot. */
const JITTER_DECAY = 0.98;
/** A transit this much above the fastest means that a clock was set, in milliseconds. */
const CLOCK_STEP_MS = 2_000;
/** An error above this is jumped over, in milliseconds; below it the clock runs faster or slower. */
const JUMP_MS = 1_000;
/** Most by which the clock runs faster or slower than time: 10 % is not seen in a walk. */
const SLEW_RATE_MAX = 0.1;
/** An error is worked off over about this long, in milliseconds. */
const SLEW_OVER_MS = 500;

/** Turns arrival times of snapshots into an even playback time. Local times are milliseconds of any monotonic clock. */
export class PlaybackClock {
  /** Local arrival less server time of the newest snapshots, a ring. */
  readonly #transits: number[] = [];
  #next = 0;
  #fastest = NaN;
  #jitterMs = 0;
  #playbackMs = NaN;
  #localMs = NaN;

  /** How far behind the server's time playback aims to be, in milliseconds, network transit aside. */
  get delayMs(): number {
    return PLAYBACK_DELAY_MS + Math.min(this.#jitterMs, JITTER_DELAY_MS_MAX);
  }

  /**
   * Notes a snapshot.
   *
   * @param serverMs Its `server_timestamp`, Unix milliseconds.
   * @param localMs When it arrived.
   */
  observe(serverMs: number, localMs: number): void {
    const transit = localMs - serverMs;
    if (Math.abs(transit - this.#fastest) > CLOCK_STEP_MS) {
      this.#transits.length = 0;
      this.#next = 0;
      this.#jitterMs = 0;
    }
    this.#transits[this.#next] = transit;
    this.#next = (this.#next + 1) % TRANSIT_SAMPLES;
    this.#fastest = Math.min(...this.#transits);
    this.#jitterMs = Math.max(transit - this.#fastest, this.#jitterMs * JITTER_DECAY);
  }

  /**
   * The server time to show now. Never runs backwards, except where the server's clock was set back.
   *
   * @param localMs Now; not before the last call's.
   * @returns Unix milliseconds of the server; NaN before the first snapshot.
   */
  playbackMs(localMs: number): number {
    const aimMs = localMs - this.#fastest - this.delayMs;
    const elapsedMs = Math.max(0, localMs - this.#localMs);
    const errorMs = aimMs - (this.#playbackMs + elapsedMs);
    if (Math.abs(errorMs) <= JUMP_MS) {
      const slew = Math.max(-SLEW_RATE_MAX, Math.min(SLEW_RATE_MAX, errorMs / SLEW_OVER_MS));
      this.#playbackMs += elapsedMs * (1 + slew);
    } else {
      // Also the first time: a comparison with NaN does not hold.
      this.#playbackMs = aimMs;
    }
    this.#localMs = localMs;
    return this.#playbackMs;
  }
}
