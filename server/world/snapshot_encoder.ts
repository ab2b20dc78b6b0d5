/**
 * The bytes of each entity as WORLD_SNAPSHOT carries them, encoded once and copied into every viewer's snapshot.
 *
 * @module
 */

import { assert } from "../../shared/errors.ts";
import { ENTITY_KIND_MAX, ENTITY_NAME_BYTES_MAX } from "../../shared/limits.ts";
import type { ComponentColumn, Components } from "./components.ts";
import { CM_PER_UNIT, type EntityStore } from "./entity_store.ts";
import { varintBytes, writeFloatField, writeSignedField, writeVarint, writeVarintField } from "./wire_writer.ts";

/** Room for one EntityMove with tag and length, in bytes. A power of two. */
export const MOVE_SLOT_BYTES = 32;
/** Bytes a despawn update takes at most. */
export const DESPAWN_BYTES_MAX = 12;

/** Room for name and kind with tags and lengths, in bytes. */
const PROFILE_SLOT_BYTES = 2 + ENTITY_NAME_BYTES_MAX + 2;
/** Room for all of a spawn update but its profile and components: frame 4 + 4, spawn tag and length 4, movement 40. */
const SPAWN_REST_BYTES = 52;

assert(
  ENTITY_NAME_BYTES_MAX < 128 && ENTITY_KIND_MAX < 128,
  "Length of a name and kind of an entity are one byte each",
);

/** Tag bytes: field number * 8 + wire type. */
const TAG = {
  SNAPSHOT_UPDATE: 0x1a,
  SNAPSHOT_MOVE: 0x2a,
  ENTITY_ID: 0x08,
  UPDATE_SPAWN: 0x2a,
  UPDATE_DESPAWN: 0x32,
} as const;

/** What others read about an entity besides its position and its components. */
export interface EntityProfile {
  /** At most {@linkcode ENTITY_NAME_BYTES_MAX} bytes in UTF-8. */
  name: string;
  /** 0 to {@linkcode ENTITY_KIND_MAX}; what it means is the game's to say. */
  kind: number;
}

/**
 * One slot of bytes for each entity and kind of news, always holding the newest encoding, tag and length of the
 * WorldSnapshot field included. A snapshot is made by concatenating slots: repeated fields append, in any order.
 *
 * Because the slots outlive the tick, a viewer that missed ticks gets the newest state by the same copy.
 */
export class SnapshotEncoder {
  /** EntityMove slots, each {@linkcode MOVE_SLOT_BYTES}, as 32-bit words: snapshots copy whole words. */
  readonly moveWords: Int32Array;
  readonly moveLengths: Uint8Array;
  /** Spawn slots, each {@linkcode SnapshotEncoder.spawnSlotWords}. */
  readonly spawnWords: Int32Array;
  readonly spawnSlotWords: number;
  /** 0: to be encoded again before use. */
  readonly spawnLengths: Uint16Array;
  /** Encodings made so far, of all kinds. */
  encodedCount = 0;

  readonly #store: EntityStore;
  readonly #inSpawn: readonly ComponentColumn[];
  readonly #moves: Uint8Array;
  readonly #spawns: Uint8Array;
  readonly #profiles: Uint8Array;
  readonly #profileLengths: Uint8Array;
  readonly #text = new TextEncoder();

  constructor(store: EntityStore, components: Pick<Components, "inSpawn">) {
    const count = store.slotCount, { inSpawn } = components;
    this.#store = store;
    this.#inSpawn = inSpawn;
    const spawnBytes = inSpawn.reduce(
      (sum, column) => sum + column.spawnBytesMax,
      SPAWN_REST_BYTES + PROFILE_SLOT_BYTES,
    );
    this.spawnSlotWords = (spawnBytes + 3) >> 2;
    this.#moves = new Uint8Array(count * MOVE_SLOT_BYTES);
    this.#spawns = new Uint8Array(count * 4 * this.spawnSlotWords);
    this.#profiles = new Uint8Array(count * PROFILE_SLOT_BYTES);
    this.#profileLengths = new Uint8Array(count);
    this.moveWords = new Int32Array(this.#moves.buffer);
    this.spawnWords = new Int32Array(this.#spawns.buffer);
    this.moveLengths = new Uint8Array(count);
    this.spawnLengths = new Uint16Array(count);
  }

  /** Encodes where the entity is and how it moves. Zero fields are left out, so one that stopped says so in less. */
  encodeMove(id: number): void {
    const store = this.#store, bytes = this.#moves, start = id * MOVE_SLOT_BYTES;
    let offset = writeEntityId(bytes, start + 2, id);
    offset = writeSignedField(bytes, offset, 0x10, store.x[id]);
    offset = writeSignedField(bytes, offset, 0x18, store.y[id]);
    offset = writeSignedField(bytes, offset, 0x20, store.z[id]);
    offset = writeSignedField(bytes, offset, 0x28, store.vx[id]);
    offset = writeSignedField(bytes, offset, 0x30, store.vz[id]);
    offset = writeVarintField(bytes, offset, 0x38, store.yaw[id]);
    bytes[start] = TAG.SNAPSHOT_MOVE;
    bytes[start + 1] = offset - start - 2;
    this.moveLengths[id] = offset - start;
    this.spawnLengths[id] = 0;
    this.encodedCount++;
  }

  /** Encodes a component: the first `length` bytes of `content`, which fit its bound. */
  encodeComponent(column: ComponentColumn, id: number, content: Uint8Array, length: number): void {
    column.write(id, content, length);
    if (column.isInSpawn) this.spawnLengths[id] = 0;
    this.encodedCount++;
  }

  /**
   * Keeps the bytes of name and kind for the spawns to come.
   *
   * @throws {RangeError} when the name is too long, or the kind none up to {@linkcode ENTITY_KIND_MAX}; nothing was kept.
   */
  setProfile(id: number, profile: Readonly<EntityProfile>): void {
    const start = id * PROFILE_SLOT_BYTES, bytes = this.#profiles, { kind } = profile;
    const name = this.#text.encode(profile.name);
    if (name.length > ENTITY_NAME_BYTES_MAX) {
      throw new RangeError(`Cannot keep name: it is ${name.length} bytes, limit is ${ENTITY_NAME_BYTES_MAX} bytes`);
    }
    if (!Number.isInteger(kind) || kind < 0 || kind > ENTITY_KIND_MAX) {
      throw new RangeError(`Cannot keep profile: kind is ${kind}, must be an integer from 0 to ${ENTITY_KIND_MAX}`);
    }
    let offset = writeBytesField(bytes, start, 0x0a, name);
    offset = writeVarintField(bytes, offset, 0x10, kind);
    this.#profileLengths[id] = offset - start;
    this.spawnLengths[id] = 0;
  }

  /** The bytes that {@linkcode SnapshotEncoder.setProfile} has kept: a copy. */
  profileOf(id: number): Uint8Array {
    const start = id * PROFILE_SLOT_BYTES;
    return this.#profiles.slice(start, start + this.#profileLengths[id]);
  }

  /** Keeps what {@linkcode SnapshotEncoder.profileOf} gave. */
  restoreProfile(id: number, profile: Uint8Array): void {
    this.#profiles.set(profile, id * PROFILE_SLOT_BYTES);
    this.#profileLengths[id] = profile.length;
    this.spawnLengths[id] = 0;
  }

  /** Bytes of the entity's spawn update, encoded again first if anything in it changed. */
  ensureSpawn(id: number): number {
    const length = this.spawnLengths[id];
    return length !== 0 ? length : this.#encodeSpawn(id);
  }

  #encodeSpawn(id: number): number {
    const store = this.#store, bytes = this.#spawns, start = id * 4 * this.spawnSlotWords;
    const profile = id * PROFILE_SLOT_BYTES, profileLength = this.#profileLengths[id];
    const movementBytes = 2 + vectorBytes(store.x[id], store.y[id], store.z[id]) +
      vectorFieldBytes(store.vx[id], 0, store.vz[id]) + vectorFieldBytes(0, store.yaw[id], 0);
    let contentBytes = profileLength + 2 + movementBytes;
    for (const column of this.#inSpawn) {
      const length = column.contentLengths[id];
      if (column.spawnTag === 0) contentBytes += length;
      else if (column.present[id] === 1) contentBytes += 1 + varintBytes(length) + length;
    }

    let offset = writeUpdateHead(bytes, start, id, TAG.UPDATE_SPAWN, contentBytes);
    for (let index = 0; index < profileLength; index++) bytes[offset++] = this.#profiles[profile + index];
    bytes[offset++] = 0x1a;
    bytes[offset++] = movementBytes;
    offset = this.#writeMovement(bytes, offset, id);
    for (const column of this.#inSpawn) {
      if (column.present[id] === 0) continue;
      const length = column.contentLengths[id], from = column.contentAt(id);
      if (column.spawnTag !== 0) {
        bytes[offset++] = column.spawnTag;
        offset = writeVarint(bytes, offset, length);
      }
      for (let index = 0; index < length; index++) bytes[offset++] = column.bytes[from + index];
    }
    this.encodedCount++;
    return this.spawnLengths[id] = offset - start;
  }

  /** Writes the MovementUpdate of a spawn: the position always, the rest unless it is zero. */
  #writeMovement(bytes: Uint8Array, offset: number, id: number): number {
    const { x, y, z, vx, vz, yaw } = this.#store;
    bytes[offset++] = 0x12;
    bytes[offset++] = vectorBytes(x[id], y[id], z[id]);
    offset = writeFloatField(bytes, offset, 0x0d, x[id] / CM_PER_UNIT);
    offset = writeFloatField(bytes, offset, 0x15, y[id] / CM_PER_UNIT);
    offset = writeFloatField(bytes, offset, 0x1d, z[id] / CM_PER_UNIT);
    if (vx[id] !== 0 || vz[id] !== 0) {
      bytes[offset++] = 0x1a;
      bytes[offset++] = vectorBytes(vx[id], 0, vz[id]);
      offset = writeFloatField(bytes, offset, 0x0d, vx[id] / CM_PER_UNIT);
      offset = writeFloatField(bytes, offset, 0x1d, vz[id] / CM_PER_UNIT);
    }
    if (yaw[id] !== 0) {
      bytes[offset++] = 0x22;
      bytes[offset++] = 5;
      offset = writeFloatField(bytes, offset, 0x15, yaw[id] * 2 * Math.PI / 256);
    }
    return offset;
  }
}

/**
 * Writes that an entity is no longer shown: at most {@linkcode DESPAWN_BYTES_MAX} bytes.
 *
 * @param reason A `DespawnReason`.
 * @returns The offset after it.
 */
export function writeDespawn(bytes: Uint8Array, offset: number, id: number, reason: number): number {
  offset = writeUpdateHead(bytes, offset, id, TAG.UPDATE_DESPAWN, reason === 0 ? 0 : 2);
  return writeVarintField(bytes, offset, 0x08, reason);
}

/** Writes all of an EntityUpdate in a snapshot that comes before the content of its one-of field. */
function writeUpdateHead(bytes: Uint8Array, offset: number, id: number, tag: number, contentBytes: number): number {
  bytes[offset++] = TAG.SNAPSHOT_UPDATE;
  offset = writeVarint(bytes, offset, 1 + varintBytes(id) + 1 + varintBytes(contentBytes) + contentBytes);
  offset = writeEntityId(bytes, offset, id);
  bytes[offset++] = tag;
  return writeVarint(bytes, offset, contentBytes);
}

function writeEntityId(bytes: Uint8Array, offset: number, id: number): number {
  bytes[offset++] = TAG.ENTITY_ID;
  return writeVarint(bytes, offset, id);
}

/** Bytes of three float fields, zeros left out. */
function vectorBytes(x: number, y: number, z: number): number {
  return (x !== 0 ? 5 : 0) + (y !== 0 ? 5 : 0) + (z !== 0 ? 5 : 0);
}

/** Bytes of a Vector3 field that is left out when it is zero. */
function vectorFieldBytes(x: number, y: number, z: number): number {
  const bytes = vectorBytes(x, y, z);
  return bytes === 0 ? 0 : 2 + bytes;
}

/** Writes a string or bytes field of less than 128 bytes, unless it is empty. */
function writeBytesField(bytes: Uint8Array, offset: number, tag: number, content: Uint8Array): number {
  if (content.length === 0) return offset;
  bytes[offset++] = tag;
  bytes[offset++] = content.length;
  bytes.set(content, offset);
  return offset + content.length;
}
