/**
 * The maps of this server, and the ways between them.
 *
 * @module
 */

import type { Point } from "../../../server/world/places.ts";
import type { MapOptions } from "../../../server/world/world_map.ts";
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
  const { mapId, name, theme, playersMax, spawnArea, safeAreas = [], interestRadius = radius } = definition;
  const width = side ?? definition.width, height = side ?? definition.height;
  return {
    mapId,
    name,
    theme,
    width,
    height,
    interestRadius,
    playersMax,
    spawnArea: spawnArea && {
      ...spawnArea,
      x: inside(spawnArea.x * width, spawnArea.radius, width),
      z: inside(spawnArea.z * height, spawnArea.radius, height),
    },
    safeAreas: safeAreas
      .filter(({ radius }) => Math.min(width, height) >= SAFE_AREA_SIDE_RADII * radius)
      .map(({ x, z, radius }) => ({ x: x * width, z: z * height, radius })),
    areaFactor: width * height / (definition.width * definition.height),
  };
}

/** The nearest middle of a circle that lies on a side of `length`; a circle that is too large has the side's middle. */
function inside(at: number, radius: number, length: number): number {
  const margin = Math.min(radius, length / 2);
  return Math.min(Math.max(at, margin), length - margin);
}
