/**
 * The ground that entities stand on.
 *
 * @module
 */

import { MAP_ID_MAX, MAP_SIZE_MAX } from "../../shared/limits.ts";
import { toCentimetres } from "./entity_store.ts";
import { clamp, placeAround, type Point } from "./places.ts";
import type { Prng } from "./prng.ts";

/** A grid has at most this many cells a side, however small the interest radius. */
const GRID_CELLS_MAX = 256;

/** One map of a world. */
export interface MapOptions {
  /** 0 to {@linkcode MAP_ID_MAX}; no other map of the world has it. */
  readonly mapId: number;
  /** Sides in units: x from 0 to `width`, z from 0 to `height`. Above 0, up to {@linkcode MAP_SIZE_MAX}. */
  readonly width: number;
  readonly height: number;
  /** Units; entities nearer than this see each other. */
  readonly interestRadius: number;
  /**
   * Where entities without a place are put, in units; everywhere unless told. What lies off the map is left out. While
   * `playersMax` viewers are in it, newcomers are put anywhere on the map.
   */
  readonly spawnArea?: Point & { readonly radius: number; readonly playersMax?: number };
  /** Viewers at most; as many as the world takes unless told. */
  readonly playersMax?: number;
}

/** A map of a world as it is now. */
export class WorldMap {
  readonly mapId: number;
  /** Place among the maps of its world; what entities are marked with. */
  readonly index: number;
  readonly width: number;
  readonly height: number;
  readonly widthCm: number;
  readonly heightCm: number;
  readonly interestRadius: number;
  /** Side of a grid cell, in centimetres. */
  readonly cellCm: number;
  readonly spawnArea: MapOptions["spawnArea"];
  readonly playersMax: number;
  /** Entities and viewers on it; kept by the world. */
  entityCount = 0;
  playerCount = 0;

  /** @throws {RangeError} when an option is out of its range. */
  constructor(options: MapOptions, index: number) {
    const { mapId, width, height, interestRadius } = options;
    if (!Number.isInteger(mapId) || mapId < 0 || mapId > MAP_ID_MAX) {
      throw new RangeError(`Cannot make map: id is ${mapId}, must be an integer from 0 to ${MAP_ID_MAX}`);
    }
    checkLength("width", width);
    checkLength("height", height);
    checkLength("interest radius", interestRadius);
    this.mapId = mapId;
    this.index = index;
    this.width = width;
    this.height = height;
    this.widthCm = toCentimetres(width);
    this.heightCm = toCentimetres(height);
    this.interestRadius = interestRadius;
    this.cellCm = Math.ceil(
      Math.max(toCentimetres(interestRadius), this.widthCm / GRID_CELLS_MAX, this.heightCm / GRID_CELLS_MAX),
    );
    this.spawnArea = options.spawnArea;
    this.playersMax = options.playersMax ?? Infinity;
  }

  /** A place where somebody may appear. */
  randomSpawn(prng: Prng): Point {
    const { spawnArea: area } = this;
    if (area === undefined) return this.randomPlace(prng);
    return this.clamp(placeAround(area, area.radius, prng));
  }

  /** A place anywhere. */
  randomPlace(prng: Prng): Point {
    return { x: prng.nextFloat() * this.width, z: prng.nextFloat() * this.height };
  }

  /** The nearest place on the map. */
  clamp({ x, z }: Point): Point {
    return { x: clamp(x, this.width), z: clamp(z, this.height) };
  }

  /** Whether no more viewers may come. */
  get isFull(): boolean {
    return this.playerCount >= this.playersMax;
  }
}

function checkLength(name: string, value: number): void {
  if (value > 0 && value <= MAP_SIZE_MAX) return;
  throw new RangeError(`Cannot make map: ${name} is ${value}, must be above 0 and at most ${MAP_SIZE_MAX}`);
}
