/**
 * Where each monster lives.
 *
 * @module
 */

import type { Prng, WorldMap } from "../../../server/game/game.ts";
import { placeAround, type Point } from "../../../server/game/kit.ts";
import type { SafeArea } from "../../parts/combat/safe_areas.ts";
import type { MonsterData, MonsterKind, MonsterSpawn } from "./monster_data.ts";

/** One monster's home: units. */
export interface MonsterHome {
  readonly kind: MonsterKind;
  readonly map: WorldMap;
  readonly x: number;
  readonly z: number;
}

/** A map to be settled. */
export interface MonsterMap {
  readonly map: WorldMap;
  /** How many times larger it is than the counts are for. */
  readonly areaFactor: number;
  readonly safeAreas: readonly SafeArea[];
}

/** Directions in which room is looked for around a safe area. */
const DIRECTIONS = 16;
/** Units left between a safe area and where monsters walk. */
const CLEARANCE = 1;

/**
 * Settles maps. The same data, maps and seed give the same homes.
 *
 * Counts grow and shrink with a map's area, so that a larger one is not emptier; only packs at fixed places do not grow,
 * as their place does not either. A monster that would walk into a safe area is given a home beside it; where there is no
 * room, it is left out.
 *
 * @param options Monsters at most; if the data ask for more, all spawns get less in the same proportion.
 */
export function monsterHomes(
  data: MonsterData,
  options: { readonly maps: readonly MonsterMap[]; readonly countMax: number },
  prng: Prng,
): MonsterHome[] {
  const kinds = new Map(data.kinds.map((kind) => [kind.id, kind]));
  const packs: Pack[] = [];
  for (const spawn of data.spawns) {
    const place = options.maps.find(({ map }) => map.mapId === (spawn.map ?? 0));
    if (place === undefined) continue;
    const factor = isFixed(spawn) ? Math.min(1, place.areaFactor) : place.areaFactor;
    packs.push({ spawn, kind: kinds.get(spawn.kind)!, place, count: Math.round(spawn.count * factor) });
  }
  const wanted = packs.reduce((sum, { count }) => sum + count, 0);
  const part = Math.min(1, options.countMax / wanted);
  const homes: MonsterHome[] = [];
  for (const pack of packs) settle(homes, { ...pack, count: Math.floor(pack.count * part) }, prng);
  return homes;
}

/** Who shall live where. */
interface Pack {
  readonly spawn: MonsterSpawn;
  readonly kind: MonsterKind;
  readonly place: MonsterMap;
  readonly count: number;
}

function settle(homes: MonsterHome[], { spawn, kind, place: { map, safeAreas }, count }: Pack, prng: Prng): void {
  const packSize = isFixed(spawn) ? count : spawn.packSize ?? 1;
  let centre = { x: 0, z: 0 };
  for (let index = 0; index < count; index++) {
    if (index % packSize === 0) {
      const { x = prng.nextFloat(), z = prng.nextFloat() } = spawn;
      centre = { x: x * map.width, z: z * map.height };
    }
    const place = packSize === 1 ? centre : placeAround(centre, kind.wanderRadius, prng);
    const home = homeBeside(safeAreas, map, { ...map.clamp(place), room: kind.wanderRadius + CLEARANCE });
    if (home !== null) homes.push({ kind, map, ...home });
  }
}

/** The place itself where it has room; else one beside the safe area in its way, away from its middle if that can be. */
function homeBeside(
  areas: readonly SafeArea[],
  map: WorldMap,
  { x, z, room }: Point & { readonly room: number },
): Point | null {
  const isClear = (at: Point) => areas.every((area) => Math.hypot(at.x - area.x, at.z - area.z) >= area.radius + room);
  const isOnMap = (at: Point) => at.x >= 0 && at.x <= map.width && at.z >= 0 && at.z <= map.height;
  if (isClear({ x, z })) return { x, z };
  for (const area of areas) {
    // A hair more: what is rounded must not be too near.
    const distance = area.radius + room + 0.01;
    const away = Math.atan2(z - area.z, x - area.x);
    for (let turn = 0; turn <= DIRECTIONS; turn++) {
      const angle = away + (turn % 2 === 0 ? -1 : 1) * Math.ceil(turn / 2) * 2 * Math.PI / DIRECTIONS;
      const at = { x: area.x + distance * Math.cos(angle), z: area.z + distance * Math.sin(angle) };
      if (isOnMap(at) && isClear(at)) return at;
    }
  }
  return null;
}

function isFixed(spawn: MonsterSpawn): boolean {
  return spawn.x !== undefined;
}
