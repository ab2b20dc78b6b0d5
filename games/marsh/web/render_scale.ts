/**
 * How many pixels the world is painted with: all that the screen has, and fewer where frames take too long.
 *
 * @module
 */

/** Above 2 device pixels to one of the camera's nothing more is seen, and a phone has to fill every one. */
const RATIO_MAX = 2;
/** Below this, names cannot be read. */
const RATIO_MIN = 0.75;
/** A picture of so many pixels, 1920 x 1080, is not made coarser. */
const PIXELS_MIN = 1_920 * 1_080;
/** A frame longer than this is slow, in milliseconds; browsers that save power make one every 33. */
const SLOW_FRAME_MS = 36;
/** Frames judged together, by their median: a single slow one, in which something new was painted, counts for nothing. */
const WINDOW_FRAMES = 20;
/** A longer gap is no frame: the page was hidden, in milliseconds. */
const GAP_MS = 1_000;
/** How long a coarser picture is kept before a finer one is tried, in milliseconds; doubled each time that fails. */
const RETRY_MS = 20_000;
const RETRY_MS_MAX = 640_000;

/** Sides in pixels of the camera. */
export interface ScreenSize {
  readonly width: number;
  readonly height: number;
}

/** The pixels of one canvas. */
export class RenderScale {
  readonly #frameMs: number[] = [];
  /** Pixels allowed; Infinity: as many as the screen has. */
  #pixelsMax = Infinity;
  #pixelsWanted = 0;
  #lastMs = NaN;
  #retryMs = RETRY_MS;
  /** When a finer picture is tried, in local milliseconds. */
  #retryAtMs = Infinity;
  /** Whether the last change was to a finer picture. */
  #isTrying = false;

  /**
   * Pixels of the canvas to one of the camera's.
   *
   * @param deviceRatio Device pixels to one of the camera's.
   */
  ratioFor({ width, height }: ScreenSize, deviceRatio: number): number {
    const wanted = Math.min(RATIO_MAX, Math.max(1, deviceRatio));
    this.#pixelsWanted = width * height * wanted ** 2;
    return Math.max(RATIO_MIN, Math.min(wanted, Math.sqrt(this.#pixelsMax / (width * height))));
  }

  /**
   * Notes a frame.
   *
   * @param nowMs When it began.
   * @returns Whether {@linkcode RenderScale.ratioFor} now gives another answer.
   */
  frame(nowMs: number): boolean {
    const elapsedMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (!(elapsedMs < GAP_MS)) {
      this.#frameMs.length = 0;
      return false;
    }
    this.#frameMs.push(elapsedMs);
    if (this.#frameMs.length < WINDOW_FRAMES) return false;
    const median = this.#frameMs.sort((a, b) => a - b)[WINDOW_FRAMES / 2];
    this.#frameMs.length = 0;
    if (median > SLOW_FRAME_MS) return this.#coarsen(nowMs);
    if (nowMs >= this.#retryAtMs) return this.#refine();
    // What was tried does well.
    if (this.#isTrying) this.#retryMs = RETRY_MS;
    this.#isTrying = false;
    return false;
  }

  #coarsen(nowMs: number): boolean {
    const pixels = Math.min(this.#pixelsMax, this.#pixelsWanted);
    if (this.#isTrying) this.#retryMs = Math.min(RETRY_MS_MAX, 2 * this.#retryMs);
    this.#isTrying = false;
    if (pixels <= PIXELS_MIN) return false;
    this.#pixelsMax = Math.max(PIXELS_MIN, pixels / 2);
    this.#retryAtMs = nowMs + this.#retryMs;
    return true;
  }

  #refine(): boolean {
    this.#pixelsMax *= 2;
    this.#isTrying = true;
    if (this.#pixelsMax >= this.#pixelsWanted) {
      this.#pixelsMax = Infinity;
      this.#retryAtMs = Infinity;
    } else {
      this.#retryAtMs = this.#lastMs + this.#retryMs;
    }
    return true;
  }
}
