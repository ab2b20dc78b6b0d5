/**
 * How a simulated player walks: on short straight lines around where it entered, so that players stay as spread as the
 * server put them. Whole centimetres, as the wire has them.
 *
 * @module
 */

import { Prng } from "../../server/world/prng.ts";

/** Farthest from home, in centimetres. */
const ROAM_CM = 500;
/** Of the speed allowed: clear of the server's limit. */
const SPEED_SHARE = 0.5;

/** One walker. */
export class Walker {
  /** Where it is. */
  x = 0;
  z = 0;
  /** How it moves, in centimetres a second. */
  vx = 0;
  vz = 0;
  readonly #prng: Prng;
  #home = { x: 0, z: 0 };
  #target = { x: 0, z: 0 };
  #stepCm = 0;
  #stepsPerS = 0;
  #width = 0;
  #height = 0;

  constructor(seed: number) {
    this.#prng = new Prng(seed);
  }

  /** Puts the walker on a map. Sides and place in centimetres; `maxSpeed` in centimetres a second. */
  place(map: { width: number; height: number; maxSpeed: number }, x: number, z: number, stepsPerS: number): void {
    this.x = x;
    this.z = z;
    this.#width = map.width;
    this.#height = map.height;
    this.#stepsPerS = stepsPerS;
    this.#stepCm = Math.max(2, Math.min(ROAM_CM, map.maxSpeed * SPEED_SHARE / stepsPerS));
    this.#home = { x, z };
    this.#aim();
  }

  /** The server puts it elsewhere. */
  correct(x: number, z: number): void {
    this.x = x;
    this.z = z;
    this.#aim();
  }

  #aim(): void {
    const angle = this.#prng.nextFloat() * 2 * Math.PI, radius = ROAM_CM * Math.sqrt(this.#prng.nextFloat());
    this.#target.x = clamp(this.#home.x + radius * Math.cos(angle), this.#width);
    this.#target.z = clamp(this.#home.z + radius * Math.sin(angle), this.#height);
  }

  /**
   * Takes one step.
   *
   * @param isTaken Whether a place must not be used: it could not be told from an earlier one.
   */
  step(isTaken: (x: number, z: number) => boolean): void {
    let dx = this.#target.x - this.x, dz = this.#target.z - this.z;
    let distance = Math.sqrt(dx * dx + dz * dz);
    if (distance <= this.#stepCm) {
      this.#aim();
      dx = this.#target.x - this.x;
      dz = this.#target.z - this.z;
      distance = Math.max(1, Math.sqrt(dx * dx + dz * dz));
    }
    const share = Math.min(1, this.#stepCm / distance);
    let x = clamp(this.x + dx * share, this.#width);
    const z = clamp(this.z + dz * share, this.#height);
    const aside = x > this.#width / 2 ? -1 : 1;
    while (isTaken(x, z)) x += aside;
    this.vx = Math.round((x - this.x) * this.#stepsPerS);
    this.vz = Math.round((z - this.z) * this.#stepsPerS);
    this.x = x;
    this.z = z;
  }
}

function clamp(value: number, max: number): number {
  return Math.round(Math.min(max, Math.max(0, value)));
}
