/**
 * The bytes of each entity as WORLD_SNAPSHOT carries them, encoded once and copied into every viewer's snapshot.
 *
 * @module
 */

import { assert } from "../../shared/errors.ts";
import {
  ENTITY_KIND_MAX,
  ENTITY_NAME_BYTES_MAX,
  GUILD_TAG_BYTES_MAX,
  STATUS_EFFECTS_MAX,
} from "../../shared/limits.ts";
import { CM_PER_UNIT, type EntityStore } from "./entity_store.ts";
import { varintBytes, writeFloatField, writeSignedField, writeVarint, writeVarintField } from "./wire_writer.ts";

/** Room for one EntityMove or one health update with tag and length, in bytes. A power of two. */
export const SMALL_SLOT_BYTES = 32;
/** Room for one status update with tag and length, in bytes. */
export const STATUS_SLOT_BYTES = 192;
/** Room for one spawn update with tag and length, in bytes. */
export const SPAWN_SLOT_BYTES = 256;
/** Bytes a despawn update takes at most. */
export const DESPAWN_BYTES_MAX = 12;

/** Room for the parts of a spawn that seldom change: name and kind, then guild id and tag. */
const PROFILE_SLOT_BYTES = 128;
const PROFILE_TAIL_OFFSET = 2 + ENTITY_NAME_BYTES_MAX + 2;

assert(PROFILE_TAIL_OFFSET + 9 + 2 + GUILD_TAG_BYTES_MAX <= PROFILE_SLOT_BYTES, "A profile must fit its slot");
assert(2 * (2 + 5 * STATUS_EFFECTS_MAX) + 15 <= STATUS_SLOT_BYTES, "A status must fit its slot");
// Frame 2 + 2 + 4, spawn tag and length 3, movement 38, health 17.
assert(PROFILE_SLOT_BYTES + 66 <= SPAWN_SLOT_BYTES, "A spawn must fit its slot");

/** Tag bytes: field number * 8 + wire type. */
const TAG = {
  SNAPSHOT_UPDATE: 0x1a,
  SNAPSHOT_MOVE: 0x2a,
  ENTITY_ID: 0x08,
  UPDATE_HEALTH: 0x1a,
  UPDATE_STATUS: 0x22,
  UPDATE_SPAWN: 0x2a,
  UPDATE_DESPAWN: 0x32,
} as const;

/** What others read about an entity besides its position. */
export interface EntityProfile {
  /** At most {@linkcode ENTITY_NAME_BYTES_MAX} bytes in UTF-8. */
  name: string;
  /** An `EntityKind`. */
  kind: number;
  /** 0: none. Below 2^53. */
  guildId: number;
  /** At most {@linkcode GUILD_TAG_BYTES_MAX} bytes in UTF-8. */
  guildTag: string;
}

/** What ails or helps an entity. */
export interface EntityStatus {
  /** At most {@linkcode STATUS_EFFECTS_MAX} ids, each 0 to 2^32 - 1; likewise debuffs. */
  buffIds: readonly number[];
  debuffIds: readonly number[];
  isStunned: boolean;
  isSilenced: boolean;
}

/**
 * One slot of bytes for each entity and kind of news, always holding the newest encoding, tag and length of the
 * WorldSnapshot field included. A snapshot is made by concatenating slots: repeated fields append, in any order.
 *
 * Because the slots outlive the tick, a viewer that missed ticks gets the newest state by the same copy.
 */
export class SnapshotEncoder {
  /** EntityMove slots, each {@linkcode SMALL_SLOT_BYTES}, as 32-bit words: snapshots copy whole words. */
  readonly moveWords: Int32Array;
  readonly moveLengths: Uint8Array;
  readonly healthWords: Int32Array;
  readonly healthLengths: Uint8Array;
  readonly statusWords: Int32Array;
  readonly statusLengths: Uint8Array;
  /** 1 when the entity has a status that whoever sees it first must hear of. */
  readonly statusShown: Uint8Array;
  readonly spawnWords: Int32Array;
  /** 0: to be encoded again before use. */
  readonly spawnLengths: Uint16Array;
  /** Encodings made so far, of all kinds. */
  encodedCount = 0;

  readonly #store: EntityStore;
  readonly #moves: Uint8Array;
  readonly #health: Uint8Array;
  readonly #status: Uint8Array;
  readonly #spawns: Uint8Array;
  readonly #profiles: Uint8Array;
  readonly #profileHeadLengths: Uint8Array;
  readonly #profileTailLengths: Uint8Array;
  readonly #text = new TextEncoder();

  constructor(store: EntityStore) {
    const count = store.slotCount;
    this.#store = store;
    this.#moves = new Uint8Array(count * SMALL_SLOT_BYTES);
    this.#health = new Uint8Array(count * SMALL_SLOT_BYTES);
    this.#status = new Uint8Array(count * STATUS_SLOT_BYTES);
    this.#spawns = new Uint8Array(count * SPAWN_SLOT_BYTES);
    this.#profiles = new Uint8Array(count * PROFILE_SLOT_BYTES);
    this.#profileHeadLengths = new Uint8Array(count);
    this.#profileTailLengths = new Uint8Array(count);
    this.moveWords = new Int32Array(this.#moves.buffer);
    this.healthWords = new Int32Array(this.#health.buffer);
    this.statusWords = new Int32Array(this.#status.buffer);
    this.spawnWords = new Int32Array(this.#spawns.buffer);
    this.moveLengths = new Uint8Array(count);
    this.healthLengths = new Uint8Array(count);
    this.statusLengths = new Uint8Array(count);
    this.statusShown = new Uint8Array(count);
    this.spawnLengths = new Uint16Array(count);
  }

  /** Encodes where the entity is and how it moves. Zero fields are left out, so one that stopped says so in less. */
  encodeMove(id: number): void {
    const store = this.#store, bytes = this.#moves, start = id * SMALL_SLOT_BYTES;
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

  /** Encodes hit points and shield. */
  encodeHealth(id: number): void {
    const bytes = this.#health, start = id * SMALL_SLOT_BYTES;
    const tagAt = writeEntityId(bytes, start + 2, id);
    const end = this.#writeHealth(bytes, tagAt + 2, id);
    bytes[start] = TAG.SNAPSHOT_UPDATE;
    bytes[start + 1] = end - start - 2;
    bytes[tagAt] = TAG.UPDATE_HEALTH;
    bytes[tagAt + 1] = end - tagAt - 2;
    this.healthLengths[id] = end - start;
    this.spawnLengths[id] = 0;
    this.encodedCount++;
  }

  /**
   * Encodes buffs, debuffs and what they forbid.
   *
   * @throws {RangeError} when there are too many ids.
   */
  encodeStatus(id: number, status: EntityStatus): void {
    const bytes = this.#status, start = id * STATUS_SLOT_BYTES;
    const effectCount = Math.max(status.buffIds.length, status.debuffIds.length);
    if (effectCount > STATUS_EFFECTS_MAX) {
      throw new RangeError(`Cannot keep status: it has ${effectCount} effects, limit is ${STATUS_EFFECTS_MAX}`);
    }
    const contentBytes = packedBytes(status.buffIds) + packedBytes(status.debuffIds) +
      (status.isStunned ? 2 : 0) + (status.isSilenced ? 2 : 0);
    let offset = writeUpdateHead(bytes, start, id, TAG.UPDATE_STATUS, contentBytes);
    offset = writePackedField(bytes, offset, 0x0a, status.buffIds);
    offset = writePackedField(bytes, offset, 0x12, status.debuffIds);
    offset = writeVarintField(bytes, offset, 0x18, status.isStunned ? 1 : 0);
    offset = writeVarintField(bytes, offset, 0x20, status.isSilenced ? 1 : 0);
    this.statusLengths[id] = offset - start;
    this.statusShown[id] = contentBytes === 0 ? 0 : 1;
    this.encodedCount++;
  }

  /** Forgets the status of an earlier entity with this id. */
  clearStatus(id: number): void {
    this.statusLengths[id] = this.statusShown[id] = 0;
  }

  /**
   * Keeps the bytes of name, kind and guild for the spawns to come.
   *
   * @throws {RangeError} when name or tag is too long, or the kind above {@linkcode ENTITY_KIND_MAX}; nothing was kept.
   */
  setProfile(id: number, profile: Readonly<EntityProfile>): void {
    const start = id * PROFILE_SLOT_BYTES, bytes = this.#profiles;
    const name = this.#encodeText(profile.name, ENTITY_NAME_BYTES_MAX);
    const guildTag = this.#encodeText(profile.guildTag, GUILD_TAG_BYTES_MAX);
    if (profile.kind > ENTITY_KIND_MAX) {
      throw new RangeError(`Cannot keep profile: kind is ${profile.kind}, limit is ${ENTITY_KIND_MAX}`);
    }
    let offset = writeBytesField(bytes, start, 0x0a, name);
    offset = writeVarintField(bytes, offset, 0x10, profile.kind);
    this.#profileHeadLengths[id] = offset - start;
    const tail = start + PROFILE_TAIL_OFFSET;
    offset = writeVarintField(bytes, tail, 0x28, profile.guildId);
    offset = writeBytesField(bytes, offset, 0x32, guildTag);
    this.#profileTailLengths[id] = offset - tail;
    this.spawnLengths[id] = 0;
  }

  /** Bytes of the entity's spawn update, encoded again first if anything in it changed. */
  ensureSpawn(id: number): number {
    const length = this.spawnLengths[id];
    return length !== 0 ? length : this.#encodeSpawn(id);
  }

  #encodeSpawn(id: number): number {
    const store = this.#store, bytes = this.#spawns, start = id * SPAWN_SLOT_BYTES;
    const profile = id * PROFILE_SLOT_BYTES;
    const headLength = this.#profileHeadLengths[id], tailLength = this.#profileTailLengths[id];
    const movementBytes = 2 + vectorBytes(store.x[id], store.y[id], store.z[id]) +
      vectorFieldBytes(store.vx[id], 0, store.vz[id]) + vectorFieldBytes(0, store.yaw[id], 0);
    const healthBytes = vectorBytes(store.hp[id], store.hpMax[id], store.shield[id]);
    const contentBytes = headLength + 2 + movementBytes + 2 + healthBytes + tailLength;

    let offset = writeUpdateHead(bytes, start, id, TAG.UPDATE_SPAWN, contentBytes);
    for (let index = 0; index < headLength; index++) bytes[offset++] = this.#profiles[profile + index];
    bytes[offset++] = 0x1a;
    bytes[offset++] = movementBytes;
    offset = this.#writeMovement(bytes, offset, id);
    bytes[offset++] = 0x22;
    bytes[offset++] = healthBytes;
    offset = this.#writeHealth(bytes, offset, id);
    const tail = profile + PROFILE_TAIL_OFFSET;
    for (let index = 0; index < tailLength; index++) bytes[offset++] = this.#profiles[tail + index];
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

  #writeHealth(bytes: Uint8Array, offset: number, id: number): number {
    offset = writeFloatField(bytes, offset, 0x0d, this.#store.hp[id]);
    offset = writeFloatField(bytes, offset, 0x15, this.#store.hpMax[id]);
    return writeFloatField(bytes, offset, 0x1d, this.#store.shield[id]);
  }

  #encodeText(text: string, bytesMax: number): Uint8Array {
    const encoded = this.#text.encode(text);
    if (encoded.length <= bytesMax) return encoded;
    throw new RangeError(`Cannot keep text: it is ${encoded.length} bytes, limit is ${bytesMax} bytes`);
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

/** Bytes of a packed repeated uint32 field, tag and length included. */
function packedBytes(values: readonly number[]): number {
  if (values.length === 0) return 0;
  let bytes = 2;
  for (const value of values) bytes += varintBytes(value);
  return bytes;
}

function writePackedField(bytes: Uint8Array, offset: number, tag: number, values: readonly number[]): number {
  if (values.length === 0) return offset;
  bytes[offset++] = tag;
  bytes[offset++] = packedBytes(values) - 2;
  for (const value of values) offset = writeVarint(bytes, offset, value);
  return offset;
}

/** Writes a string or bytes field of less than 128 bytes, unless it is empty. */
function writeBytesField(bytes: Uint8Array, offset: number, tag: number, content: Uint8Array): number {
  if (content.length === 0) return offset;
  bytes[offset++] = tag;
  bytes[offset++] = content.length;
  bytes.set(content, offset);
  return offset + content.length;
}
