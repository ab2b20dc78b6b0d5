/**
 * What maps there are: the content of `maps.json`.
 *
 * @module
 */

import { ConfigError } from "../../../shared/errors.ts";
import { ENTITY_NAME_BYTES_MAX, MAP_ID_MAX, MAP_SIZE_MAX, WORLD_PLAYERS_MAX } from "../../../shared/limits.ts";
import { MAP_ENTRIES_MAX, PORTAL_RADIUS_MAX, PORTALS_MAX, SAFE_AREAS_MAX } from "../limits.ts";
import {
  DataChecker,
  type Entry,
  type Field,
  ID_FIELD,
  isEntry,
  numberField,
  textField,
} from "../data/data_checker.ts";

/** One map. Places are fractions of its sides, lengths are units. */
export interface MapDefinition {
  /** What saved characters name it by: never given to another map. */
  readonly mapId: number;
  /** What players see. */
  readonly name: string;
  /** How clients paint it: a word of theirs, such as `meadow`. */
  readonly theme: string;
  /** Of the first map, `--map-size` decides; then this is the size that its monsters are counted for. */
  readonly width: number;
  readonly height: number;
  /** How far players see; `--interest-radius` unless told. */
  readonly interestRadius?: number;
  /** Players at most; as many as the server takes unless told. */
  readonly playersMax?: number;
  /**
   * Where players appear who were nowhere; everywhere unless told. While `playersMax` of them are there, newcomers
   * appear anywhere on the map.
   */
  readonly spawnArea?: {
    readonly x: number;
    readonly z: number;
    readonly radius: number;
    readonly playersMax?: number;
  };
  /**
   * Where no monster comes and no player is hit; radius in units. An area that would reach beyond the edge is moved
   * inside. A map with a side shorter than four radii has none.
   */
  readonly safeAreas?: readonly { readonly x: number; readonly z: number; readonly radius: number }[];
  readonly portals: readonly PortalDefinition[];
}

/** A place that leads to another map. */
export interface PortalDefinition {
  /** No other portal of any map has it. */
  readonly portalId: number;
  readonly x: number;
  readonly z: number;
  /** How near one must be to use it, in units. */
  readonly radius: number;
  /** Where it leads. */
  readonly toMap: number;
  readonly toX: number;
  readonly toZ: number;
}

/** All of it. */
export interface MapData {
  readonly maps: readonly MapDefinition[];
}

const FRACTION_FIELD = numberField({ min: 0, max: 1 });
const MAP_ID_FIELD = numberField({ min: 0, max: MAP_ID_MAX, whole: true });
const UINT32_MAX = 0xffff_ffff;

const MAP_FIELDS: Readonly<Record<keyof MapDefinition, Field>> = {
  mapId: MAP_ID_FIELD,
  name: textField({ bytesMax: ENTITY_NAME_BYTES_MAX }),
  theme: ID_FIELD,
  width: numberField({ min: 10, max: MAP_SIZE_MAX }),
  height: numberField({ min: 10, max: MAP_SIZE_MAX }),
  interestRadius: numberField({ min: 1, max: MAP_SIZE_MAX, optional: true }),
  playersMax: numberField({ min: 1, max: WORLD_PLAYERS_MAX, whole: true, optional: true }),
  spawnArea: { expects: "an object", fits: isEntry, isOptional: true },
  safeAreas: { expects: "a list", fits: Array.isArray, isOptional: true },
  portals: { expects: "a list", fits: Array.isArray },
};

const SPAWN_AREA_FIELDS: Readonly<Record<string, Field>> = {
  x: FRACTION_FIELD,
  z: FRACTION_FIELD,
  radius: numberField({ min: 0, max: MAP_SIZE_MAX }),
  playersMax: numberField({ min: 1, max: WORLD_PLAYERS_MAX, whole: true, optional: true }),
};

const SAFE_AREA_FIELDS: Readonly<Record<string, Field>> = {
  x: FRACTION_FIELD,
  z: FRACTION_FIELD,
  radius: numberField({ min: 1, max: MAP_SIZE_MAX }),
};

const PORTAL_FIELDS: Readonly<Record<keyof PortalDefinition, Field>> = {
  portalId: numberField({ min: 1, max: UINT32_MAX, whole: true }),
  x: FRACTION_FIELD,
  z: FRACTION_FIELD,
  radius: numberField({ min: 1, max: PORTAL_RADIUS_MAX }),
  toMap: MAP_ID_FIELD,
  toX: FRACTION_FIELD,
  toZ: FRACTION_FIELD,
};

/**
 * Checks what was read from a file.
 *
 * @param name What problems call the file.
 * @throws {ConfigError} with every problem.
 */
export function checkMapData(value: unknown, name: string): MapData {
  const checker = new MapChecker(name);
  checker.check(value);
  if (checker.problems.length > 0) throw new ConfigError(checker.problems);
  return value as MapData;
}

/** A way that a portal opens. */
interface Way {
  readonly from: unknown;
  readonly to: unknown;
}

class MapChecker extends DataChecker {
  readonly #mapIds = new Set<unknown>();
  readonly #portalIds = new Set<unknown>();
  readonly #ways: Way[] = [];

  check(value: unknown): void {
    const file = this.checkFile(value, ["maps"]);
    if (file === undefined) return;
    const maps = this.checkEntries(file.maps, { at: "maps", fields: MAP_FIELDS, countMax: MAP_ENTRIES_MAX });
    if (Array.isArray(file.maps) && file.maps.length === 0) this.add("maps", file.maps, "at least the map with id 0");
    for (const [index, [at, map]] of maps.entries()) this.#checkMap(at, map, index === 0);
    for (const [at, map] of maps) this.#checkPortals(at, map);
    // What else is wrong may be why a map cannot be reached.
    if (this.problems.length === 0) { for (const [at, { mapId }] of maps) this.#checkWays(at, mapId); }
  }

  #checkMap(at: string, map: Entry, isFirst: boolean): void {
    const { mapId, spawnArea, safeAreas } = map;
    if (this.#mapIds.has(mapId)) this.add(`${at}.mapId`, mapId, "an id that no map before it has");
    this.#mapIds.add(mapId);
    if (isFirst && MAP_ID_FIELD.fits(mapId) && mapId !== 0) {
      this.add(`${at}.mapId`, mapId, "0 for the first map, on which players begin");
    }
    for (const key of ["interestRadius", "playersMax"]) {
      if (isFirst && Object.hasOwn(map, key)) this.say(`${at}.${key} is given, expected none for the first map`);
    }
    if (Array.isArray(safeAreas)) {
      this.checkEntries(safeAreas, { at: `${at}.safeAreas`, fields: SAFE_AREA_FIELDS, countMax: SAFE_AREAS_MAX });
    }
    if (isEntry(spawnArea)) this.checkEntry(spawnArea, { at: `${at}.spawnArea`, fields: SPAWN_AREA_FIELDS });
  }

  #checkPortals(at: string, { mapId, portals }: Entry): void {
    if (!Array.isArray(portals)) return;
    const list = { at: `${at}.portals`, fields: PORTAL_FIELDS, countMax: PORTALS_MAX };
    for (const [at, { portalId, toMap }] of this.checkEntries(portals, list)) {
      if (this.#portalIds.has(portalId)) this.add(`${at}.portalId`, portalId, "an id that no portal before it has");
      this.#portalIds.add(portalId);
      if (MAP_ID_FIELD.fits(toMap) && !this.#mapIds.has(toMap)) this.add(`${at}.toMap`, toMap, "the id of a map");
      if (toMap === mapId) this.add(`${at}.toMap`, toMap, "another map");
      this.#ways.push({ from: mapId, to: toMap });
    }
  }

  /** Nobody shall be locked in or out. */
  #checkWays(at: string, mapId: unknown): void {
    if (!this.#leads(0, mapId)) this.say(`${at} is out of reach, expected portals from the first map to it`);
    if (!this.#leads(mapId, 0)) this.say(`${at} has no way out, expected portals from it to the first map`);
  }

  #leads(from: unknown, to: unknown): boolean {
    const reached = new Set([from]);
    // A set also gives what is added while it is walked.
    for (const mapId of reached) {
      for (const way of this.#ways) if (way.from === mapId) reached.add(way.to);
    }
    return reached.has(to);
  }
}
