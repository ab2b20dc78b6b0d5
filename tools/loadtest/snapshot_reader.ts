/**
 * Reads WORLD_SNAPSHOT and ENTITY_UPDATE without objects: moves are nearly all that a load test of the world receives.
 *
 * @module
 */

import { ProtocolError } from "../../shared/errors.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";

/** The tag of WorldSnapshot.moves. */
const MOVE_TAG = 0x2a;
const CM_PER_UNIT = 100;
const SCRATCH = new DataView(new ArrayBuffer(4));

/** Takes what a snapshot tells. Positions are whole centimetres. */
export interface SnapshotSink {
  /** Whether moves are read: otherwise they are only counted. */
  readonly readsMoves: boolean;
  onMove(entityId: number, x: number, z: number): void;
  onSpawn(entityId: number, x: number, z: number): void;
  onDespawn(entityId: number): void;
}

function malformed(): never {
  throw new ProtocolError(DisconnectReason.MALFORMED_PACKET, "Cannot read WORLD_SNAPSHOT");
}

/** The reader; made once and used for every packet. */
export class SnapshotReader {
  tick = 0;
  lastMovementSequence = 0;
  /** Moves in the snapshot read last. */
  moveCount = 0;
  #at = 0;
  #x = 0;
  #z = 0;

  /** Reads the payload `bytes[start, end)` of a WORLD_SNAPSHOT. */
  readSnapshot(bytes: Uint8Array, start: number, end: number, sink: SnapshotSink): void {
    this.tick = this.lastMovementSequence = this.moveCount = 0;
    this.#at = start;
    while (this.#at < end) {
      const tag = bytes[this.#at++];
      if (tag === MOVE_TAG) {
        if (!sink.readsMoves) {
          this.#countMoves(bytes, end);
          continue;
        }
        this.moveCount++;
        this.#readMove(bytes, this.#fieldEnd(bytes, end), sink);
      } else if (tag === 0x1a) this.#readUpdate(bytes, this.#fieldEnd(bytes, end), sink);
      else if (tag === 0x08) this.tick = this.#varint(bytes, end);
      else if (tag === 0x20) this.lastMovementSequence = this.#varint(bytes, end);
      else this.#skip(bytes, end, tag);
    }
  }

  /** Reads the payload `bytes[start, end)` of an ENTITY_UPDATE. */
  readUpdate(bytes: Uint8Array, start: number, end: number, sink: SnapshotSink): void {
    this.#at = start;
    this.#readUpdate(bytes, end, sink);
  }

  /** An EntityMove. */
  #readMove(bytes: Uint8Array, end: number, sink: SnapshotSink): void {
    let entityId = 0, x = 0, z = 0;
    while (this.#at < end) {
      const tag = bytes[this.#at++];
      if (tag === 0x08) entityId = this.#varint(bytes, end);
      else if (tag === 0x10) x = this.#signed(bytes, end);
      else if (tag === 0x20) z = this.#signed(bytes, end);
      else this.#skip(bytes, end, tag);
    }
    sink.onMove(entityId, x, z);
  }

  /** Hops over the moves from the first one on, whose tag has been read: they lie one behind the other. */
  #countMoves(bytes: Uint8Array, end: number): void {
    for (;;) {
      this.moveCount++;
      this.#at = this.#fieldEnd(bytes, end);
      if (this.#at >= end || bytes[this.#at] !== MOVE_TAG) return;
      this.#at++;
    }
  }

  #readUpdate(bytes: Uint8Array, end: number, sink: SnapshotSink): void {
    let entityId = 0;
    while (this.#at < end) {
      const tag = bytes[this.#at++];
      if (tag === 0x08) entityId = this.#varint(bytes, end);
      else if (tag === 0x12) {
        this.#readMovement(bytes, this.#fieldEnd(bytes, end));
        if (sink.readsMoves) sink.onMove(entityId, this.#x, this.#z);
      } else if (tag === 0x2a) {
        this.#readSpawn(bytes, this.#fieldEnd(bytes, end));
        sink.onSpawn(entityId, this.#x, this.#z);
      } else if (tag === 0x32) {
        this.#at = this.#fieldEnd(bytes, end);
        sink.onDespawn(entityId);
      } else this.#skip(bytes, end, tag);
    }
  }

  /** An EntitySpawn: only its position is of interest. */
  #readSpawn(bytes: Uint8Array, end: number): void {
    this.#x = this.#z = 0;
    while (this.#at < end) {
      const tag = bytes[this.#at++];
      if (tag === 0x1a) this.#readMovement(bytes, this.#fieldEnd(bytes, end));
      else this.#skip(bytes, end, tag);
    }
  }

  /** A MovementUpdate: likewise. */
  #readMovement(bytes: Uint8Array, end: number): void {
    this.#x = this.#z = 0;
    while (this.#at < end) {
      const tag = bytes[this.#at++];
      if (tag !== 0x12) {
        this.#skip(bytes, end, tag);
        continue;
      }
      const vectorEnd = this.#fieldEnd(bytes, end);
      while (this.#at < vectorEnd) {
        const axis = bytes[this.#at++];
        if (axis === 0x0d) this.#x = this.#float(bytes, vectorEnd);
        else if (axis === 0x1d) this.#z = this.#float(bytes, vectorEnd);
        else this.#skip(bytes, vectorEnd, axis);
      }
    }
  }

  /** Reads a length; gives where the field ends. */
  #fieldEnd(bytes: Uint8Array, end: number): number {
    const length = bytes[this.#at] < 128 ? bytes[this.#at++] : this.#varint(bytes, end);
    const fieldEnd = this.#at + length;
    if (!(fieldEnd <= end)) malformed();
    return fieldEnd;
  }

  #varint(bytes: Uint8Array, end: number): number {
    let value = 0;
    for (let factor = 1; this.#at < end; factor *= 128) {
      const byte = bytes[this.#at++];
      value += (byte & 0x7f) * factor;
      if (byte < 128) return value;
    }
    malformed();
  }

  #signed(bytes: Uint8Array, end: number): number {
    const value = this.#varint(bytes, end);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A float in units, as whole centimetres. */
  #float(bytes: Uint8Array, end: number): number {
    if (this.#at + 4 > end) malformed();
    for (let index = 0; index < 4; index++) SCRATCH.setUint8(index, bytes[this.#at++]);
    return Math.round(SCRATCH.getFloat32(0, true) * CM_PER_UNIT);
  }

  #skip(bytes: Uint8Array, end: number, tag: number): void {
    const type = tag & 7;
    // A tag of more than one byte: a field of a later version.
    while (tag > 127) tag = bytes[this.#at++];
    if (type === 0) this.#varint(bytes, end);
    else if (type === 2) this.#at = this.#fieldEnd(bytes, end);
    else if (type === 5) this.#at += 4;
    else if (type === 1) this.#at += 8;
    else malformed();
    if (this.#at > end) malformed();
  }
}
