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
const GRID_SIDE_CELLS_MAX = 256;

/** The ground of a map. */
export interface GroundOptions {
  /** Sides in units: x from 0 to `width`, z from 0 to `height`. Above 0, up to {@linkcode MAP_SIZE_MAX}. */
  readonly width: number;
  readonly height: number;
  /** Units; entities nearer than this see each other. 0: everyone on the map sees everyone. */
  readonly interestRadius: number;
  /**
   * Where entities without a place are put, in units; everywhere unless told. What lies off the map is left out. While
   * `playersMax` viewers are in it, newcomers are put anywhere on the map.
   */
  readonly spawnArea?: Point & { readonly radius: number; readonly playersMax?: number };
  /** Viewers at most; as many as the world takes unless told. */
  readonly playersMax?: number;
  /** Entities that are no viewers at most; as many as the world takes unless told. */
  readonly othersMax?: number;
  /** What players call it, and how clients paint it: a word of theirs. */
  readonly name?: string;
  readonly theme?: string;
}

/** One map of a world. */
export interface MapOptions extends GroundOptions {
  /** 0 to {@linkcode MAP_ID_MAX}; no other map of the world has it. */
  readonly mapId: number;
}

/** What maps are made from while the world runs: instances, each apart from all others. */
export interface MapTemplate extends GroundOptions {
  /** No other template of the world has it. */
  readonly name: string;
  /** Instances of it at once, at most. */
  readonly instancesMax: number;
}

/** A map of a world as it is now. */
export class WorldMap {
  /** As it was given, or of an instance one of its own. */
  readonly mapId: number;
  /** Place among the maps of its world; what entities are marked with. */
  readonly index: number;
  /** Units along x. */
  readonly width: number;
  /** Units along z. */
  readonly height: number;
  /** The same in centimetres. */
  readonly widthCm: number;
  /** The same in centimetres. */
  readonly heightCm: number;
  /** Units; the diagonal, in whole units, where everyone sees everyone. */
  readonly interestRadius: number;
  /** Side of a grid cell, in centimetres. */
  readonly cellCm: number;
  /** Where entities without a place are put; undefined: everywhere. */
  readonly spawnArea: MapOptions["spawnArea"];
  /** Viewers at most. */
  readonly playersMax: number;
  /** Other entities at most. */
  readonly othersMax: number;
  /** What players call it. */
  readonly name: string;
  /** How clients paint it. */
  readonly theme: string;
  /** What it was made from while the world ran; null: it was there from the start. */
  readonly template: MapTemplate | null;
  /** It was ended: nothing is on it any more, nor comes. */
  isOver = false;
  /** Entities on it; kept by the world. */
  entityCount = 0;
  /** Those of them that are viewers. */
  playerCount = 0;

  /**
   * The world makes it.
   *
   * @param index Its place among the maps of its world.
   * @throws {RangeError} when an option is out of its range.
   */
  constructor(options: GroundOptions, mapId: number, index: number, template: MapTemplate | null = null) {
    const { width, height, interestRadius } = checkGround(options);
    this.mapId = mapId;
    this.index = index;
    this.template = template;
    this.width = width;
    this.height = height;
    this.widthCm = toCentimetres(width);
    this.heightCm = toCentimetres(height);
    this.interestRadius = interestRadius === 0 ? Math.ceil(Math.hypot(width, height)) : interestRadius;
    this.cellCm = Math.ceil(
      Math.max(
        toCentimetres(this.interestRadius),
        this.widthCm / GRID_SIDE_CELLS_MAX,
        this.heightCm / GRID_SIDE_CELLS_MAX,
      ),
    );
    this.spawnArea = options.spawnArea;
    this.playersMax = options.playersMax ?? Infinity;
    this.othersMax = options.othersMax ?? Infinity;
    this.name = options.name ?? "";
    this.theme = options.theme ?? "";
  }

  /** Cells of its grid. */
  get cellCount(): number {
    return Math.max(1, Math.ceil(this.widthCm / this.cellCm)) * Math.max(1, Math.ceil(this.heightCm / this.cellCm));
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

  /** Whether it has all the viewers it may have. */
  get isFull(): boolean {
    return this.playerCount >= this.playersMax;
  }

  /** Whether it has all the entities without a viewer that it may have. */
  get isFullOfOthers(): boolean {
    return this.entityCount - this.playerCount >= this.othersMax;
  }
}

/** @throws {RangeError} when the id of a map that is there from the start is out of its range. */
export function checkMapId(mapId: number): void {
  if (Number.isInteger(mapId) && mapId >= 0 && mapId <= MAP_ID_MAX) return;
  throw new RangeError(`Cannot make map: id is ${mapId}, must be an integer from 0 to ${MAP_ID_MAX}`);
}

function checkGround(options: GroundOptions): GroundOptions {
  checkLength("width", options.width);
  checkLength("height", options.height);
  if (options.interestRadius !== 0) checkLength("interest radius", options.interestRadius);
  return options;
}

function checkLength(name: string, value: number): void {
  if (value > 0 && value <= MAP_SIZE_MAX) return;
  throw new RangeError(`Cannot make map: ${name} is ${value}, must be above 0 and at most ${MAP_SIZE_MAX}`);
}
