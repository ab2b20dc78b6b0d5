/**
 * Where an entity is between the moments the server told of.
 *
 * @module
 */

/** A place and a facing: units, and radians with 0 looking along +z and a quarter turn along +x. */
export interface Pose {
  /** Units. */
  x: number;
  /** Units, up. */
  y: number;
  /** Units. */
  z: number;
  /** Radians. */
  yaw: number;
  /** Units per second over the ground. */
  speed: number;
}

/** What the server told of an entity at one moment. */
export interface TrackSample {
  /** Server time, Unix milliseconds. */
  readonly timeMs: number;
  /** Units. */
  readonly x: number;
  /** Units, up. */
  readonly y: number;
  /** Units. */
  readonly z: number;
  /** Units per second. */
  readonly vx: number;
  /** Units per second. */
  readonly vz: number;
  /** Radians. */
  readonly yaw: number;
}

/** Samples kept: at 20 Hz more than a second, far more than playback is behind. */
export const TRACK_SAMPLES_MAX = 32;
/** How long an entity is carried on by its last velocity, in milliseconds; then it waits. */
export const EXTRAPOLATION_MS_MAX = 250;
/** A step longer than this is a teleport and shown as a jump, in units. */
export const TELEPORT_UNITS = 15;

/** Entities at rest are not told of: after a gap above this the way begins just before the new sample, in milliseconds. */
const REST_GAP_MS = 200;
/** How long before a sample that ends a rest its movement begins, in milliseconds: one step at 10 Hz. */
const STEP_MS = 100;
/** Older than the newest by more than this: the server's clock was set back, in milliseconds. */
const CLOCK_STEP_MS = 1_000;
/** Time constant by which a wrong guess is put right, in milliseconds. */
const CORRECTION_MS = 80;

/** The recent past of one entity, and its pose at any playback time. */
export class EntityTrack {
  readonly #samples: TrackSample[] = [];
  readonly #pose: Pose = { x: 0, y: 0, z: 0, yaw: 0, speed: 0 };
  readonly #scratch: Pose = { x: 0, y: 0, z: 0, yaw: 0, speed: 0 };
  #shownMs = NaN;
  /** What is added to the pose so that new knowledge does not make it jump. */
  #offsetX = 0;
  #offsetZ = 0;

  /** The newest sample. */
  get newest(): TrackSample | undefined {
    return this.#samples.at(-1);
  }

  /**
   * Adds what the server told. A sample that is not newer than the newest, or holds what is no number, changes nothing.
   */
  add(sample: TrackSample): void {
    const { timeMs, x, y, z, vx, vz, yaw } = sample;
    // One NaN would stay in what is added up here, and the entity would be nowhere for good.
    if (!Number.isFinite(timeMs + x + y + z + vx + vz + yaw)) return;
    const newest = this.newest;
    if (newest !== undefined && sample.timeMs <= newest.timeMs) {
      if (sample.timeMs > newest.timeMs - CLOCK_STEP_MS) return;
      this.#samples.length = 0;
      this.#shownMs = NaN;
    } else if (newest !== undefined && sample.timeMs - newest.timeMs > REST_GAP_MS) {
      const timeMs = sample.timeMs - STEP_MS;
      this.#evaluate(timeMs, this.#scratch);
      const { x, y, z, yaw } = this.#scratch;
      this.#push({ timeMs, x, y, z, yaw, vx: 0, vz: 0 });
    }
    this.#push(sample);
  }

  /**
   * The pose at a playback time.
   *
   * @param timeMs Server time, as {@linkcode PlaybackClock.playbackMs} gives it; not before the last call's. NaN, as
   *   before the clock runs: the pose that was told last.
   * @returns One object for each track, filled anew by each call.
   */
  poseAt(timeMs: number): Readonly<Pose> {
    const pose = this.#pose;
    this.#evaluate(timeMs, pose);
    if (Number.isNaN(timeMs)) return pose;
    if (this.#offsetX !== 0 || this.#offsetZ !== 0) {
      const keep = Math.exp(-Math.max(0, timeMs - this.#shownMs) / CORRECTION_MS);
      this.#offsetX *= keep;
      this.#offsetZ *= keep;
      pose.x += this.#offsetX;
      pose.z += this.#offsetZ;
    }
    this.#shownMs = timeMs;
    return pose;
  }

  #push(sample: TrackSample): void {
    const isShown = this.#samples.length > 0 && !Number.isNaN(this.#shownMs);
    const pose = this.#scratch;
    if (isShown) this.#evaluate(this.#shownMs, pose);
    const beforeX = pose.x;
    const beforeZ = pose.z;
    this.#samples.push(sample);
    if (this.#samples.length > TRACK_SAMPLES_MAX) this.#samples.shift();
    if (!isShown) return;
    this.#evaluate(this.#shownMs, pose);
    this.#offsetX += beforeX - pose.x;
    this.#offsetZ += beforeZ - pose.z;
    if (Math.hypot(this.#offsetX, this.#offsetZ) > TELEPORT_UNITS) this.#offsetX = this.#offsetZ = 0;
  }

  #evaluate(timeMs: number, out: Pose): void {
    const samples = this.#samples;
    let index = samples.length - 1;
    while (index > 0 && samples[index].timeMs > timeMs) index--;
    const from = samples[index];
    if (from === undefined) return;
    const to = samples[index + 1];
    out.y = from.y;
    out.yaw = from.yaw;
    if (Number.isNaN(timeMs) || timeMs <= from.timeMs) return place(out, from, 0);
    if (to === undefined) {
      const aheadMs = timeMs - from.timeMs;
      place(out, from, Math.min(aheadMs, EXTRAPOLATION_MS_MAX) / 1_000);
      if (aheadMs > EXTRAPOLATION_MS_MAX) out.speed = 0;
      return;
    }
    const distance = Math.hypot(to.x - from.x, to.z - from.z);
    if (distance > TELEPORT_UNITS) return place(out, from, 0);
    const seconds = (to.timeMs - from.timeMs) / 1_000;
    const part = (timeMs - from.timeMs) / (to.timeMs - from.timeMs);
    out.x = curve(from.x, to.x, from.vx * seconds, to.vx * seconds, part);
    out.z = curve(from.z, to.z, from.vz * seconds, to.vz * seconds, part);
    out.y = from.y + (to.y - from.y) * part;
    out.yaw = turn(from.yaw, to.yaw, part);
    out.speed = distance / seconds;
  }
}

function place(out: Pose, from: TrackSample, seconds: number): void {
  out.x = from.x + from.vx * seconds;
  out.z = from.z + from.vz * seconds;
  out.speed = Math.hypot(from.vx, from.vz);
}

/** A cubic Hermite curve whose slopes are held so that it never leaves the range from `from` to `to`. */
function curve(from: number, to: number, slopeFrom: number, slopeTo: number, part: number): number {
  const way = to - from;
  if (way === 0) return from;
  // Three times the way keeps the curve monotone (Fritsch and Carlson, 1980); peers may claim any velocity.
  const startSlope = Math.max(0, Math.min(3, slopeFrom / way));
  const endSlope = Math.max(0, Math.min(3, slopeTo / way));
  const squared = part * part;
  const cubed = squared * part;
  return from +
    way * (startSlope * (cubed - 2 * squared + part) + endSlope * (cubed - squared) + 3 * squared - 2 * cubed);
}

/**
 * The angle `part` of the shorter way from one angle to another.
 *
 * @param from Radians.
 * @param to Radians.
 * @param part 0 to 1.
 */
export function turn(from: number, to: number, part: number): number {
  const whole = 2 * Math.PI;
  const way = ((to - from) % whole + whole + Math.PI) % whole - Math.PI;
  return from + way * part;
}
