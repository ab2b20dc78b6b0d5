/**
 * Components: what a game keeps about entities beside where they are, and which of it is shown to whom.
 *
 * @module
 */

import { COMPONENT_BYTES_MAX, COMPONENT_ID_MAX, COMPONENTS_MAX } from "../../shared/limits.ts";
import { varintBytes, writeVarint } from "./wire_writer.ts";

/** Who is told a component: all who see the entity, only its own player, nobody. */
export type SeenBy = "interest" | "owner" | "server";

/** The place of a component that has fields of its own in EntityUpdate or EntitySpawn. Field numbers are 1 to 15. */
export interface ComponentWire {
  /** Field of EntityUpdate that tells a change; left out, a change is told by spawning the entity again. */
  readonly update?: number;
  /**
   * Field of EntitySpawn that holds it; "fields": its own fields are fields of EntitySpawn; left out, it follows a spawn
   * as an update.
   */
  readonly spawn?: number | "fields";
}

/** One component, as a game declares it. */
export interface ComponentRow {
  /** 1 to {@linkcode COMPONENT_ID_MAX}; no other component of the game has it. */
  readonly id: number;
  /** What messages to people call it. */
  readonly name: string;
  /** Who is told of it. */
  readonly seenBy: SeenBy;
  /** Bytes of its content at most, up to {@linkcode COMPONENT_BYTES_MAX}. */
  readonly bytesMax: number;
  /** Whether it is kept with the character while its player is away. */
  readonly saved: boolean;
  /** Unless told, field 7 of EntityUpdate carries it with its id, after a spawn as well. */
  readonly wire?: ComponentWire;
}

/** Slots are a multiple of this, in bytes: few lie across two cache lines. A multiple of 4. */
const SLOT_BYTES_STEP = 32;
/** Bytes of a tag and an entity id. */
const ENTITY_ID_BYTES_MAX = 4;

const TAG = { SNAPSHOT_UPDATE: 0x1a, ENTITY_ID: 0x08, UPDATE_COMPONENTS: 0x3a, ID: 0x08, CONTENT: 0x12 } as const;

/**
 * One component of all entities: for each a slot of bytes that always holds its newest state as an update of a snapshot,
 * so that a snapshot is made by copying slots, and a viewer that missed ticks gets the newest state by the same copy.
 *
 * Content of no bytes is a message with nothing but defaults: it is the same as a component that was never set.
 */
export class ComponentColumn {
  readonly row: ComponentRow;
  /** Its bit in a set of components. */
  readonly bit: number;
  /** Whether a change is told by spawning the entity again. */
  readonly changesSpawn: boolean;
  /** Whether a spawn is followed by it. */
  readonly followsSpawn: boolean;
  /** Tag of its field in EntitySpawn; 0: its fields are fields of it, or it is none. */
  readonly spawnTag: number;
  /** Whether it is a part of EntitySpawn. */
  readonly isInSpawn: boolean;
  readonly slotBytes: number;
  readonly slotWords: number;
  readonly bytes: Uint8Array;
  /** The same as 32-bit words: snapshots copy whole words. */
  readonly words: Int32Array;
  /** Bytes in each slot, 0: never set. */
  readonly lengths: Uint16Array;
  /** Bytes at the end of each slot that are the content. */
  readonly contentLengths: Uint16Array;
  /** 1 for each entity that has it, with whatever content. */
  readonly present: Uint8Array;
  /** Step of the last change of each entity. */
  readonly steps: Int32Array;
  readonly #updateTag: number;

  /** @throws {RangeError} when the row is out of its bounds. */
  constructor(row: ComponentRow, index: number, slotCount: number) {
    checkRow(row);
    const { seenBy, wire } = row;
    this.row = row;
    this.bit = 1 << index;
    this.#updateTag = seenBy === "server" ? 0 : tagOf(wire === undefined ? 7 : wire.update);
    this.changesSpawn = seenBy !== "server" && this.#updateTag === 0;
    this.isInSpawn = seenBy !== "server" && wire?.spawn !== undefined;
    this.followsSpawn = seenBy !== "server" && !this.isInSpawn;
    this.spawnTag = typeof wire?.spawn === "number" ? tagOf(wire.spawn) : 0;
    this.slotBytes = Math.ceil((frameBytesMax(row) + row.bytesMax) / SLOT_BYTES_STEP) * SLOT_BYTES_STEP;
    this.slotWords = this.slotBytes / 4;
    this.bytes = new Uint8Array(slotCount * this.slotBytes);
    this.words = new Int32Array(this.bytes.buffer);
    this.lengths = new Uint16Array(slotCount);
    this.contentLengths = new Uint16Array(slotCount);
    this.present = new Uint8Array(slotCount);
    this.steps = new Int32Array(slotCount);
  }

  /** Bytes that it takes in a spawn at most, tag and length included. */
  get spawnBytesMax(): number {
    return this.isInSpawn ? this.row.bytesMax + 4 : 0;
  }

  /** Takes the first `length` bytes of `content`, which fit the bound. */
  write(id: number, content: Uint8Array, length: number): void {
    const { bytes } = this, start = id * this.slotBytes;
    let offset = this.#updateTag === 0 ? start : this.#writeFrame(start, id, length);
    for (let index = 0; index < length; index++) bytes[offset++] = content[index];
    this.lengths[id] = offset - start;
    this.contentLengths[id] = length;
    this.present[id] = 1;
  }

  /** Where in {@linkcode ComponentColumn.bytes} the content begins. */
  contentAt(id: number): number {
    return id * this.slotBytes + this.lengths[id] - this.contentLengths[id];
  }

  /** Forgets what an earlier entity with this id had. */
  clear(id: number): void {
    this.lengths[id] =
      this.contentLengths[id] =
      this.present[id] =
      this.steps[id] =
        0;
  }

  #writeFrame(start: number, id: number, length: number): number {
    const { bytes } = this, isOwnField = this.row.wire !== undefined;
    // A game's component is a message of its id and, unless there is none, the content.
    const valueBytes = isOwnField ? length : 2 + (length === 0 ? 0 : 1 + varintBytes(length) + length);
    bytes[start] = TAG.SNAPSHOT_UPDATE;
    const updateBytes = 1 + varintBytes(id) + 1 + varintBytes(valueBytes) + valueBytes;
    let offset = writeVarint(bytes, start + 1, updateBytes);
    bytes[offset++] = TAG.ENTITY_ID;
    offset = writeVarint(bytes, offset, id);
    bytes[offset++] = this.#updateTag;
    offset = writeVarint(bytes, offset, valueBytes);
    if (isOwnField) return offset;
    bytes[offset++] = TAG.ID;
    bytes[offset++] = this.row.id;
    if (length === 0) return offset;
    bytes[offset++] = TAG.CONTENT;
    return writeVarint(bytes, offset, length);
  }
}

/** All components of a world. */
export class Components {
  readonly columns: readonly ComponentColumn[];
  /** Those told in snapshots to players who see the entity, and to its own player. */
  readonly shown: readonly ComponentColumn[];
  readonly owned: readonly ComponentColumn[];
  /** Those that are parts of EntitySpawn, in the order of its fields. */
  readonly inSpawn: readonly ComponentColumn[];
  readonly #byId: (ComponentColumn | undefined)[];

  /** @throws {RangeError} when a row is out of its bounds, two have one id, or there are too many. */
  constructor(rows: readonly ComponentRow[], slotCount: number) {
    if (rows.length > COMPONENTS_MAX) {
      throw new RangeError(`Cannot keep components: there are ${rows.length}, limit is ${COMPONENTS_MAX}`);
    }
    this.columns = rows.map((row, index) => new ComponentColumn(row, index, slotCount));
    const updates = this.columns.filter(({ changesSpawn, row }) => !changesSpawn && row.seenBy !== "server");
    this.owned = updates;
    this.shown = updates.filter(({ row }) => row.seenBy === "interest");
    this.inSpawn = this.columns.filter(({ isInSpawn }) => isInSpawn)
      .sort((a, b) => (a.spawnTag || Infinity) - (b.spawnTag || Infinity));
    this.#byId = new Array(COMPONENT_ID_MAX + 1).fill(undefined);
    for (const column of this.columns) {
      const { id, name } = column.row, other = this.#byId[id];
      if (other !== undefined) {
        throw new RangeError(`Cannot keep component ${name}: ${other.row.name} has its id, ${id}`);
      }
      this.#byId[id] = column;
    }
  }

  /** Whether there is a component with this id. */
  has(componentId: number): boolean {
    return this.#byId[componentId] !== undefined;
  }

  /** @throws {RangeError} when there is no component with this id. */
  get(componentId: number): ComponentColumn {
    const column = this.#byId[componentId];
    if (column === undefined) {
      throw new RangeError(`Cannot use component ${componentId}: the game declares none with this id`);
    }
    return column;
  }

  /** Forgets what an earlier entity with this id had. */
  clear(id: number): void {
    for (const column of this.columns) column.clear(id);
  }
}

/** Bytes of an EntityUpdate in a snapshot, the content of the component aside, at most. */
function frameBytesMax({ bytesMax, wire }: ComponentRow): number {
  // A game's component has its id and the tag and length of its content besides.
  const ownBytes = wire === undefined ? 2 + 1 + varintBytes(bytesMax) : 0;
  const valueBytes = 1 + varintBytes(ownBytes + bytesMax) + ownBytes;
  const updateBytes = ENTITY_ID_BYTES_MAX + valueBytes;
  return 1 + varintBytes(updateBytes + bytesMax) + updateBytes;
}

/** @param field Of a message; `undefined`: none. */
function tagOf(field: number | undefined): number {
  return field === undefined ? 0 : field << 3 | 2;
}

function checkRow({ id, name, seenBy, bytesMax, wire }: ComponentRow): void {
  const refuse = (problem: string): never => {
    throw new RangeError(`Cannot keep component ${name}: ${problem}`);
  };
  if (!Number.isInteger(id) || id < 1 || id > COMPONENT_ID_MAX) {
    refuse(`its id is ${id}, must be an integer from 1 to ${COMPONENT_ID_MAX}`);
  }
  if (!Number.isInteger(bytesMax) || bytesMax < 1 || bytesMax > COMPONENT_BYTES_MAX) {
    refuse(`its bound is ${bytesMax} bytes, must be an integer from 1 to ${COMPONENT_BYTES_MAX}`);
  }
  if (wire === undefined) return;
  if (seenBy !== "interest") refuse("it has fields of its own, which everybody is shown");
  for (const field of [wire.update, wire.spawn]) {
    if (typeof field === "number" && !(field >= 1 && field <= 15)) {
      refuse(`its field is ${field}, must be from 1 to 15`);
    }
  }
  if (wire.update === undefined && wire.spawn === undefined) refuse("it has no field to be told in");
}
