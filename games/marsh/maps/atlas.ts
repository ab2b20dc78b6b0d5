/**
 * The maps of this server, and the ways between them.
 *
 * @module
 */

import type { MapOptions } from "../../../server/game/game.ts";
import type { Point } from "../../../server/game/kit.ts";
import type { SafeArea } from "../../parts/combat/safe_areas.ts";
import type { MapDefinition, PortalDefinition } from "./map_data.ts";

/** A map as this server has it: units. */
export interface AtlasMap extends MapOptions {
  readonly name: string;
  readonly theme: string;
  /** How many times larger its area is than its definition says. */
  readonly areaFactor: number;
  readonly portals: readonly Portal[];
  /** Where no monster comes and no player is hit; none on a map that is too small for it. */
  readonly safeAreas: readonly SafeArea[];
}

/** A place that leads to another map: units. */
export interface Portal extends Point {
  readonly portalId: number;
  readonly radius: number;
  readonly target: AtlasMap;
  readonly arrival: Point;
}

/** What the configuration says of maps: units. */
export interface AtlasOptions {
  /** Sides of the first map. */
  readonly mapSize: number;
  /** Of the first map and of those that have none of their own. */
  readonly interestRadius: number;
}

/** All maps, the first one first. */
export class Atlas {
  readonly maps: readonly AtlasMap[];

  /** @param definitions As {@linkcode checkMapData} lets them pass. */
  constructor(definitions: readonly MapDefinition[], options: AtlasOptions) {
    const maps = definitions.map((definition, index) => ({
      ...describe(definition, index === 0 ? options.mapSize : undefined, options.interestRadius),
      portals: [] as Portal[],
    }));
    this.maps = maps;
    for (const [index, { portals }] of definitions.entries()) {
      for (const portal of portals) maps[index].portals.push(this.#place(maps[index], portal));
    }
  }

  /** The map with an id; any number may be asked. */
  find(mapId: number): AtlasMap | undefined {
    return this.maps.find((map) => map.mapId === mapId);
  }

  #place(map: AtlasMap, { portalId, x, z, radius, toMap, toX, toZ }: PortalDefinition): Portal {
    const target = this.find(toMap)!;
    const arrival = { x: toX * target.width, z: toZ * target.height };
    return { portalId, x: x * map.width, z: z * map.height, radius, target, arrival };
  }
}

/** A safe area is left out where a side of its map is shorter than this many of its radii: nothing else would be left. */
const SAFE_AREA_SIDE_RADII = 4;

/** @param side Of the map, where it is not its definition's. */
function describe(definition: MapDefinition, side: number | undefined, radius: number): Omit<AtlasMap, "portals"> {
  const { mapId, name, theme, playersMax, spawnArea, interestRadius = radius } = definition;
  const size = { width: side ?? definition.width, height: side ?? definition.height };
  const safeAreas = (definition.safeAreas ?? [])
    .filter(({ radius }) => Math.min(size.width, size.height) >= SAFE_AREA_SIDE_RADII * radius)
    .map((area) => ({ defined: toUnits(area, definition), placed: moveInside(toUnits(area, size), size) }));
  return {
    mapId,
    name,
    theme,
    ...size,
    interestRadius,
    playersMax,
    spawnArea: spawnArea && placeSpawnArea(spawnArea, definition, size, safeAreas),
    safeAreas: safeAreas.map(({ placed }) => placed),
    areaFactor: size.width * size.height / (definition.width * definition.height),
  };
}

/** Sides in units. */
interface Size {
  readonly width: number;
  readonly height: number;
}

/** A spawn area that lies in a safe area keeps its place in it on a map of another size. */
function placeSpawnArea<T extends SafeArea>(
  area: T,
  definition: Size,
  size: Size,
  safeAreas: readonly { readonly defined: SafeArea; readonly placed: SafeArea }[],
): T {
  const defined = toUnits(area, definition);
  const shelter = safeAreas.find(({ defined: { x, z, radius } }) => Math.hypot(defined.x - x, defined.z - z) <= radius);
  if (shelter === undefined) return moveInside(toUnits(area, size), size);
  const x = shelter.placed.x + defined.x - shelter.defined.x, z = shelter.placed.z + defined.z - shelter.defined.z;
  return { ...area, x, z };
}

/** A circle whose middle is given as fractions of both sides. */
function toUnits<T extends SafeArea>(circle: T, { width, height }: Size): T {
  return { ...circle, x: circle.x * width, z: circle.z * height };
}

/** A circle moved so that all of it lies on the map; one that is too large has the map's middle. */
function moveInside<T extends SafeArea>(circle: T, { width, height }: Size): T {
  return { ...circle, x: inside(circle.x, circle.radius, width), z: inside(circle.z, circle.radius, height) };
}

function inside(at: number, radius: number, length: number): number {
  const margin = Math.min(radius, length / 2);
  return Math.min(Math.max(at, margin), length - margin);
}
