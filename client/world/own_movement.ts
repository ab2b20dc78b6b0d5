/**
 * The player's own movement: shown at once, told to the server ten times a second, put right when the server refuses.
 *
 * @module
 */

import { lengthOf } from "./length.ts";

/** What MOVEMENT_UPDATE tells of the player. */
export interface MovementReport {
  /** Rises by one with each report, from 1. */
  readonly sequence: number;
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
  /** Radians, 0 to 2π: 0 looks along +z, a quarter turn along +x. */
  readonly yaw: number;
}

/** A point of the world. */
export interface Point {
  /** Units. */
  readonly x: number;
  /** Units, up. */
  readonly y: number;
  /** Units. */
  readonly z: number;
}

/** What the server said on entering. */
export interface OwnMovementOptions {
  /** Where the player stands. */
  readonly spawn: Point;
  /** Units per second. */
  readonly maxSpeed: number;
  /** Units. */
  readonly mapWidth: number;
  /** Units. */
  readonly mapHeight: number;
  /** Sequence of the last report before, so that numbers go on after a change of maps; 0 unless told. */
  readonly sequence?: number;
}

/** Time between two reports while moving, in milliseconds. */
export const REPORT_INTERVAL_MS = 100;
/** Part of the allowed speed that is used: what rounding and timing add must stay below it. */
export const SPEED_PART = 0.98;
/** Reports kept until the server has seen them: more than 6 s; the oldest go first. */
export const PENDING_REPORTS_MAX = 64;

/** Longest step, in milliseconds: what a stalled page missed is not walked. */
const STEP_MS_MAX = 100;
/** The goal of a walk counts as reached within this, in units. */
const REACHED_UNITS = 0.05;
/** Time constant by which a correction is shown, in milliseconds. */
const CORRECTION_MS = 90;
/** A correction above this is a jump, in units. */
const JUMP_UNITS = 12;

/** Predicts one player. Positions are units, times milliseconds of any monotonic clock. */
export class OwnMovement {
  readonly #speed: number;
  #mapWidth: number;
  #mapHeight: number;
  readonly #pending: { sequence: number; x: number; z: number }[] = [];
  #x: number;
  #y: number;
  #z: number;
  #vx = 0;
  #vz = 0;
  #yaw = 0;
  #steerX = 0;
  #steerZ = 0;
  #goal: { readonly x: number; readonly z: number } | null = null;
  #sequence: number;
  #reportedMs = -Infinity;
  #reportedMoving = false;
  /** Whether the player has turned on the spot since the last report. */
  #hasTurned = false;
  #offsetX = 0;
  #offsetZ = 0;

  /** Whether the player cannot move now: dead, stunned or not connected. */
  isHeld = false;

  /** The player stands still. */
  constructor(options: OwnMovementOptions) {
    this.#speed = options.maxSpeed * SPEED_PART;
    this.#mapWidth = lengthOf(options.mapWidth);
    this.#mapHeight = lengthOf(options.mapHeight);
    this.#sequence = options.sequence ?? 0;
    const { x, y, z } = options.spawn;
    this.#x = clamp(x, this.#mapWidth);
    this.#y = Number.isFinite(y) ? y : 0;
    this.#z = clamp(z, this.#mapHeight);
  }

  /** The predicted position, as the next report tells it. */
  get x(): number {
    return this.#x;
  }
  /** See {@linkcode OwnMovement.x}. */
  get z(): number {
    return this.#z;
  }
  /** Where the player is drawn: the predicted position, less what is left of a correction. */
  get shownX(): number {
    return this.#x + this.#offsetX;
  }
  /** See {@linkcode OwnMovement.shownX}. */
  get shownZ(): number {
    return this.#z + this.#offsetZ;
  }
  /** Radians: 0 looks along +z, a quarter turn along +x. */
  get yaw(): number {
    return this.#yaw;
  }
  /** Sequence of the last report; 0: none yet. */
  get sequence(): number {
    return this.#sequence;
  }
  /** Whether the player moves. */
  get isMoving(): boolean {
    return this.#vx !== 0 || this.#vz !== 0;
  }
  /** Where a walk leads, or null. */
  get goal(): { readonly x: number; readonly z: number } | null {
    return this.#goal;
  }

  /** The map has other sides than was thought; units. */
  setMapSize({ width, height }: { readonly width: number; readonly height: number }): void {
    this.#mapWidth = lengthOf(width);
    this.#mapHeight = lengthOf(height);
  }

  /**
   * Moves in a direction of any length until told otherwise; 0, 0 stops. A direction ends a walk.
   *
   * @throws {RangeError} when the direction is no number.
   */
  steer(x: number, z: number): void {
    if (!Number.isFinite(x) || !Number.isFinite(z)) throw new RangeError(`Cannot move in direction ${x}, ${z}`);
    this.#steerX = x;
    this.#steerZ = z;
    if (x !== 0 || z !== 0) this.#goal = null;
  }

  /**
   * Walks to a point, which is moved into the map.
   *
   * @throws {RangeError} when the point is no number: the player would be nowhere from then on.
   */
  walkTo(x: number, z: number): void {
    if (Number.isNaN(x) || Number.isNaN(z)) throw new RangeError(`Cannot walk to ${x}, ${z}`);
    this.#goal = { x: clamp(x, this.#mapWidth), z: clamp(z, this.#mapHeight) };
  }

  /** Turns to a point of the world, on the spot; a player who walks looks ahead. */
  face(x: number, z: number): void {
    const wayX = x - this.#x;
    const wayZ = z - this.#z;
    // Nobody turns towards what is no number.
    if (this.isMoving || this.isHeld || !(Math.hypot(wayX, wayZ) >= REACHED_UNITS)) return;
    this.#yaw = (Math.atan2(wayX, wayZ) + 2 * Math.PI) % (2 * Math.PI);
    this.#hasTurned = true;
  }

  /** Stands still. */
  stop(): void {
    this.steer(0, 0);
    this.#goal = null;
  }

  /** Moves on by `elapsedMs`. */
  step(elapsedMs: number): void {
    const stepMs = Math.max(0, Math.min(elapsedMs, STEP_MS_MAX));
    const keep = Math.exp(-stepMs / CORRECTION_MS);
    this.#offsetX *= keep;
    this.#offsetZ *= keep;
    this.#vx = 0;
    this.#vz = 0;
    if (this.isHeld || stepMs === 0) return;
    let wayX = this.#steerX;
    let wayZ = this.#steerZ;
    let reachUnits = Infinity;
    if (this.#goal !== null) {
      wayX = this.#goal.x - this.#x;
      wayZ = this.#goal.z - this.#z;
      reachUnits = Math.hypot(wayX, wayZ);
      if (reachUnits <= REACHED_UNITS) {
        this.#goal = null;
        return;
      }
    }
    const length = Math.hypot(wayX, wayZ);
    // A direction shorter than this cannot be divided by without losing its length.
    if (length < 1e-9) return;
    const units = Math.min(this.#speed * stepMs / 1_000, reachUnits);
    const x = clamp(this.#x + wayX / length * units, this.#mapWidth);
    const z = clamp(this.#z + wayZ / length * units, this.#mapHeight);
    this.#yaw = (Math.atan2(wayX, wayZ) + 2 * Math.PI) % (2 * Math.PI);
    // An axis stopped by the map's edge has no velocity: others would see the player run on the spot.
    if (x !== this.#x) this.#vx = wayX / length * this.#speed;
    if (z !== this.#z) this.#vz = wayZ / length * this.#speed;
    this.#x = x;
    this.#z = z;
  }

  /**
   * What to tell the server now: while moving or turning ten times a second, and once on stopping.
   *
   * @returns `null` when there is nothing to tell.
   */
  takeReport(nowMs: number): MovementReport | null {
    const isSoon = nowMs - this.#reportedMs < REPORT_INTERVAL_MS;
    if (this.isMoving ? isSoon : !this.#reportedMoving && (isSoon || !this.#hasTurned)) return null;
    this.#hasTurned = false;
    this.#reportedMs = nowMs;
    this.#reportedMoving = this.isMoving;
    const sequence = ++this.#sequence;
    this.#pending.push({ sequence, x: this.#x, z: this.#z });
    if (this.#pending.length > PENDING_REPORTS_MAX) this.#pending.shift();
    return { sequence, x: this.#x, y: this.#y, z: this.#z, vx: this.#vx, vz: this.#vz, yaw: this.#yaw };
  }

  /** The server has handled all reports up to `sequence`; that one stays, as its refusal may still be on the way. */
  acknowledge(sequence: number): void {
    while (this.#pending.length > 0 && this.#pending[0].sequence < sequence) this.#pending.shift();
  }

  /**
   * The server refused a report and says where the player is. What was walked since that report is walked again from
   * there. What is no place changes nothing.
   *
   * @param sequence The refused report's.
   */
  correct(sequence: number, position: Point): void {
    if (!isPlace(position)) return;
    const refused = this.#pending.find((report) => report.sequence === sequence);
    // Without the report it is unknown what was walked since: the server's word alone counts.
    const byX = position.x - (refused?.x ?? this.#x);
    const byZ = position.z - (refused?.z ?? this.#z);
    this.acknowledge(sequence + 1);
    for (const report of this.#pending) {
      report.x += byX;
      report.z += byZ;
    }
    this.#y = position.y;
    this.#moveBy(byX, byZ);
    this.#goal = null;
  }

  /** The server has put the player somewhere else; reports on their way no longer matter. What is no place changes nothing. */
  teleport(position: Point): void {
    if (!isPlace(position)) return;
    this.#pending.length = 0;
    this.#y = position.y;
    this.#moveBy(position.x - this.#x, position.z - this.#z);
    this.stop();
  }

  #moveBy(byX: number, byZ: number): void {
    const x = clamp(this.#x + byX, this.#mapWidth);
    const z = clamp(this.#z + byZ, this.#mapHeight);
    this.#offsetX += this.#x - x;
    this.#offsetZ += this.#z - z;
    if (Math.hypot(this.#offsetX, this.#offsetZ) > JUMP_UNITS) this.#offsetX = this.#offsetZ = 0;
    this.#x = x;
    this.#z = z;
  }
}

function isPlace({ x, y, z }: Point): boolean {
  return Number.isFinite(x) && Number.isFinite(y) && Number.isFinite(z);
}

/** Of what is no number, 0. */
function clamp(value: number, max: number): number {
  return value > 0 ? Math.min(max, value) : 0;
}
