/**
 * Where entities are, coarsely: the cells one has to look at to find whom an entity is near.
 *
 * @module
 */

import type { EntityStore } from "./entity_store.ts";
import { CHUNK_IDS, IdLists } from "./id_lists.ts";

/**
 * Uniform grid over the map: one list of entity ids for each cell. Entering, leaving and changing cells are O(1).
 */
export class InterestGrid {
  /** Side of a cell, in centimetres. */
  readonly cellCm: number;
  readonly columnCount: number;
  readonly rowCount: number;
  /** The ids in each cell. Cell = row * columnCount + column. */
  readonly cells: IdLists;
  readonly #store: EntityStore;
  /** Cell of each entity, -1: none. */
  readonly #cellOf: Int32Array;
  /** Where in its cell's list each entity is. */
  readonly #placeOf: Int32Array;

  /** @param options Sides in centimetres; entities outside count for the nearest border cell. */
  constructor(store: EntityStore, options: { widthCm: number; heightCm: number; cellCm: number }) {
    this.#store = store;
    this.cellCm = options.cellCm;
    this.columnCount = Math.max(1, Math.ceil(options.widthCm / options.cellCm));
    this.rowCount = Math.max(1, Math.ceil(options.heightCm / options.cellCm));
    const cellCount = this.columnCount * this.rowCount;
    this.cells = new IdLists(cellCount, Math.ceil(store.slotCount / CHUNK_IDS));
    this.#cellOf = new Int32Array(store.slotCount).fill(-1);
    this.#placeOf = new Int32Array(store.slotCount);
  }

  /** Column of a coordinate, within the grid. */
  columnOf(xCm: number): number {
    return clamp(Math.floor(xCm / this.cellCm), this.columnCount - 1);
  }

  /** Row of a coordinate, within the grid. */
  rowOf(zCm: number): number {
    return clamp(Math.floor(zCm / this.cellCm), this.rowCount - 1);
  }

  /** Puts the entity into the cell of its position, from wherever it was. O(1). */
  place(id: number): void {
    const cell = this.rowOf(this.#store.z[id]) * this.columnCount + this.columnOf(this.#store.x[id]);
    if (cell === this.#cellOf[id]) return;
    this.remove(id);
    this.#cellOf[id] = cell;
    this.#placeOf[id] = this.cells.add(cell, id);
  }

  /** Takes the entity out of the grid. O(1). */
  remove(id: number): void {
    const cell = this.#cellOf[id], place = this.#placeOf[id];
    if (cell < 0) return;
    this.#placeOf[this.cells.removeAt(cell, place)] = place;
    this.#cellOf[id] = -1;
  }

  /**
   * Finds the entities within `radiusCm` of a point on the ground plane, the border included, in no order.
   *
   * @param out Takes the ids; what does not fit is left out.
   * @returns How many ids were written.
   */
  within(xCm: number, zCm: number, radiusCm: number, out: Int32Array): number {
    const { x, z } = this.#store;
    const { heads, ids, nexts } = this.cells;
    const radiusSquared = radiusCm * radiusCm;
    const columnStart = this.columnOf(xCm - radiusCm), columnEnd = this.columnOf(xCm + radiusCm);
    const rowEnd = this.rowOf(zCm + radiusCm);
    let count = 0;
    for (let row = this.rowOf(zCm - radiusCm); row <= rowEnd; row++) {
      const cellEnd = row * this.columnCount + columnEnd;
      for (let cell = row * this.columnCount + columnStart; cell <= cellEnd; cell++) {
        let fill = this.cells.headFill(cell);
        for (let chunk = heads[cell]; chunk !== 0; chunk = nexts[chunk]) {
          const start = chunk * CHUNK_IDS;
          for (let at = start; at < start + fill; at++) {
            const id = ids[at], dx = x[id] - xCm, dz = z[id] - zCm;
            if (dx * dx + dz * dz > radiusSquared) continue;
            if (count === out.length) return count;
            out[count++] = id;
          }
          fill = CHUNK_IDS;
        }
      }
    }
    return count;
  }
}

function clamp(value: number, max: number): number {
  return value < 0 ? 0 : value > max ? max : value;
}
