/**
 * Where entities are, coarsely: the cells one has to look at to find whom an entity is near.
 *
 * @module
 */

import type { EntityStore } from "./entity_store.ts";
import { CHUNK_IDS, IdLists } from "./id_lists.ts";

/** What a grid lies over: sides and the side of a cell, in centimetres. */
export interface GridArea {
  readonly widthCm: number;
  readonly heightCm: number;
  readonly cellCm: number;
}

/** The cells of one map among those of all. Cell = cellStart + row * columnCount + column. */
class GridPart {
  readonly cellCm: number;
  readonly columnCount: number;
  readonly rowCount: number;

  constructor({ widthCm, heightCm, cellCm }: GridArea, readonly cellStart: number) {
    this.cellCm = cellCm;
    this.columnCount = Math.max(1, Math.ceil(widthCm / cellCm));
    this.rowCount = Math.max(1, Math.ceil(heightCm / cellCm));
  }

  get cellCount(): number {
    return this.rowCount * this.columnCount;
  }

  /** Column of a coordinate, within the grid. */
  columnOf(xCm: number): number {
    return clamp(Math.floor(xCm / this.cellCm), this.columnCount - 1);
  }

  /** Row of a coordinate, within the grid. */
  rowOf(zCm: number): number {
    return clamp(Math.floor(zCm / this.cellCm), this.rowCount - 1);
  }
}

/**
 * Uniform grids over all maps: one list of entity ids for each cell. Entering, leaving and changing cells, also to those
 * of another map, are O(1). A map costs its cells; what there is for each entity is there once for all maps.
 */
export class InterestGrid {
  /** The ids in each cell of all maps. */
  readonly cells: IdLists;
  readonly #store: EntityStore;
  readonly #parts: GridPart[] = [];
  /** Cells in use, or used before and free. */
  #cellEnd = 0;
  /** Where the cells of parts begin that are gone, by their number: they are used again. */
  readonly #freeStarts = new Map<number, number[]>();
  /** Cell of each entity, -1: none. */
  readonly #cellOf: Int32Array;
  /** Where in its cell's list each entity is. */
  readonly #placeOf: Int32Array;

  /** @param areas The maps, in the order that entities name them by; entities outside count for the nearest border cell. */
  constructor(store: EntityStore, areas: readonly GridArea[]) {
    this.#store = store;
    this.cells = new IdLists(0, Math.ceil(store.slotCount / CHUNK_IDS));
    for (const [index, area] of areas.entries()) this.open(index, area);
    this.#cellOf = new Int32Array(store.slotCount).fill(-1);
    this.#placeOf = new Int32Array(store.slotCount);
  }

  /** Cells that there is memory for, in use or not. */
  get cellCount(): number {
    return this.#cellEnd;
  }

  /** Adds the grid of a map, which takes the cells of one that is gone and had as many. */
  open(mapIndex: number, area: GridArea): void {
    const { cellCount } = new GridPart(area, 0);
    const start = this.#freeStarts.get(cellCount)?.pop() ?? this.#cellEnd;
    if (start === this.#cellEnd) this.#cellEnd += cellCount;
    this.cells.ensureLists(this.#cellEnd);
    this.#parts[mapIndex] = new GridPart(area, start);
  }

  /** Takes away the grid of a map that nothing is on any more. */
  close(mapIndex: number): void {
    const { cellCount, cellStart } = this.#parts[mapIndex];
    const starts = this.#freeStarts.get(cellCount);
    if (starts === undefined) this.#freeStarts.set(cellCount, [cellStart]);
    else starts.push(cellStart);
  }

  /** Puts the entity into the cell of its map and position, from wherever it was. O(1). */
  place(id: number): void {
    const { mapIndex, x, z } = this.#store, part = this.#parts[mapIndex[id]];
    const cell = part.cellStart + part.rowOf(z[id]) * part.columnCount + part.columnOf(x[id]);
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
   * Finds the entities within `radiusCm` of a point on the ground plane of a map, the border included, in no order.
   *
   * @param out Takes the ids; what does not fit is left out.
   * @returns How many ids were written.
   */
  within(mapIndex: number, xCm: number, zCm: number, radiusCm: number, out: Int32Array): number {
    const { x, z } = this.#store, part = this.#parts[mapIndex];
    const { heads, ids, nexts } = this.cells;
    const radiusSquared = radiusCm * radiusCm;
    const columnStart = part.columnOf(xCm - radiusCm), columnEnd = part.columnOf(xCm + radiusCm);
    const rowEnd = part.rowOf(zCm + radiusCm);
    let count = 0;
    for (let row = part.rowOf(zCm - radiusCm); row <= rowEnd; row++) {
      const rowStart = part.cellStart + row * part.columnCount, cellEnd = rowStart + columnEnd;
      for (let cell = rowStart + columnStart; cell <= cellEnd; cell++) {
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
