/**
 * Where each monster lives.
 *
 * @module
 */

import { placeAround } from "../../../server/world/places.ts";
import type { Prng } from "../../../server/world/prng.ts";
import type { WorldMap } from "../../../server/world/world_map.ts";
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
}

/**
 * Settles maps. The same data, maps and seed give the same homes.
 *
 * Counts grow and shrink with a map's area, so that a larger one is not emptier; only packs at fixed places do not grow,
 * as their place does not either.
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
    packs.push({ spawn, kind: kinds.get(spawn.kind)!, map: place.map, count: Math.round(spawn.count * factor) });
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
  readonly map: WorldMap;
  readonly count: number;
}

function settle(homes: MonsterHome[], { spawn, kind, map, count }: Pack, prng: Prng): void {
  const packSize = isFixed(spawn) ? count : spawn.packSize ?? 1;
  let centre = { x: 0, z: 0 };
  for (let index = 0; index < count; index++) {
    if (index % packSize === 0) {
      const { x = prng.nextFloat(), z = prng.nextFloat() } = spawn;
      centre = { x: x * map.width, z: z * map.height };
    }
    const place = packSize === 1 ? centre : placeAround(centre, kind.wanderRadius, prng);
    homes.push({ kind, map, ...map.clamp(place) });
  }
}

function isFixed(spawn: MonsterSpawn): boolean {
  return spawn.x !== undefined;
}
