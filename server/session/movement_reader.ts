/**
 * Reads MOVEMENT_UPDATE without objects: it is what clients send most.
 *
 * @module
 */

import type { Movement } from "../world/movement.ts";

const SCRATCH = new DataView(new ArrayBuffer(4));

/** One movement, filled again for every packet. Fields that are absent are 0, as proto3 has it. */
export class MovementReader implements Movement {
  entityId = 0;
  x = 0;
  y = 0;
  z = 0;
  vx = 0;
  vy = 0;
  vz = 0;
  yaw = 0;
  sequenceNumber = 0;

  readonly #vector = [0, 0, 0];
  #at = 0;

  /**
   * Reads the payload `bytes[start, end)` in the form that encoders write: known fields with their wire types.
   *
   * @returns `false` for anything else, also for what is valid but unusual; the generated codec decides then.
   */
  tryRead(bytes: Uint8Array, start: number, end: number): boolean {
    this.entityId =
      this.x =
      this.y =
      this.z =
      this.vx =
      this.vy =
      this.vz =
      this.yaw =
      this.sequenceNumber =
        0;
    this.#at = start;
    let vectors = 0;
    while (this.#at < end) {
      const tag = bytes[this.#at++];
      switch (tag) {
        case 0x08:
        case 0x28:
        case 0x30: {
          const value = this.#varint(bytes, end);
          if (value < 0) return false;
          if (tag === 0x08) this.entityId = value;
          else if (tag === 0x30) this.sequenceNumber = value >>> 0;
          break;
        }
        case 0x12:
        case 0x1a:
        case 0x22: {
          // One that comes again is merged, which is left to the generated codec.
          if ((vectors & (1 << (tag >> 3))) !== 0 || !this.#readVector(bytes, end)) return false;
          vectors |= 1 << (tag >> 3);
          const [x, y, z] = this.#vector;
          if (tag === 0x12) {
            this.x = x;
            this.y = y;
            this.z = z;
          } else if (tag === 0x1a) {
            this.vx = x;
            this.vy = y;
            this.vz = z;
          } else {
            this.yaw = y;
          }
          break;
        }
        default:
          return false;
      }
    }
    return this.#at === end;
  }

  /** Reads a varint below 2^53; gives -1 when it is cut or longer. */
  #varint(bytes: Uint8Array, end: number): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 7 && this.#at < end; count++) {
      const byte = bytes[this.#at++];
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    return -1;
  }

  #readVector(bytes: Uint8Array, end: number): boolean {
    const vector = this.#vector;
    vector[0] = vector[1] = vector[2] = 0;
    if (this.#at >= end) return false;
    const vectorEnd = this.#at + 1 + bytes[this.#at];
    if (bytes[this.#at] > 127 || vectorEnd > end) return false;
    this.#at++;
    while (this.#at < vectorEnd) {
      const tag = bytes[this.#at];
      const index = tag === 0x0d ? 0 : tag === 0x15 ? 1 : tag === 0x1d ? 2 : -1;
      if (index < 0 || this.#at + 5 > vectorEnd) return false;
      SCRATCH.setUint8(0, bytes[this.#at + 1]);
      SCRATCH.setUint8(1, bytes[this.#at + 2]);
      SCRATCH.setUint8(2, bytes[this.#at + 3]);
      SCRATCH.setUint8(3, bytes[this.#at + 4]);
      vector[index] = SCRATCH.getFloat32(0, true);
      this.#at += 5;
    }
    return true;
  }
}
