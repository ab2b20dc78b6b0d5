/**
 * Where each monster lives.
 *
 * @module
 */

import { MONSTER_MAP_SIZE } from "../../shared/limits.ts";
import type { Prng } from "../world/prng.ts";
import type { MonsterData, MonsterKind, MonsterSpawn } from "./monster_data.ts";

/** One monster's home: units. */
export interface MonsterHome {
  readonly kind: MonsterKind;
  readonly x: number;
  readonly z: number;
}

/** The map to be settled. */
export interface MonsterMap {
  /** Units. */
  readonly width: number;
  readonly height: number;
  /** Monsters at most; if the data ask for more, all spawns get less in the same proportion. */
  readonly countMax: number;
}

/**
 * Settles a map. The same data, map and seed give the same homes.
 *
 * The counts are for a map of {@linkcode MONSTER_MAP_SIZE} units a side and grow and shrink with the map's area, so that
 * a larger map is not emptier; only packs at fixed places do not grow, as their place does not either.
 */
export function monsterHomes(data: MonsterData, map: MonsterMap, prng: Prng): MonsterHome[] {
  const areaFactor = map.width * map.height / MONSTER_MAP_SIZE ** 2;
  const counts = data.spawns.map((spawn) =>
    Math.round(spawn.count * (isFixed(spawn) ? Math.min(1, areaFactor) : areaFactor))
  );
  const wanted = counts.reduce((sum, count) => sum + count, 0);
  const part = wanted > map.countMax ? map.countMax / wanted : 1;
  const kinds = new Map(data.kinds.map((kind) => [kind.id, kind]));
  const homes: MonsterHome[] = [];
  for (const [index, spawn] of data.spawns.entries()) {
    const kind = kinds.get(spawn.kind)!;
    settle(homes, { spawn, kind, count: Math.floor(counts[index] * part) }, map, prng);
  }
  return homes;
}

function settle(
  homes: MonsterHome[],
  { spawn, kind, count }: { spawn: MonsterSpawn; kind: MonsterKind; count: number },
  map: MonsterMap,
  prng: Prng,
): void {
  const packSize = isFixed(spawn) ? count : spawn.packSize ?? 1;
  let centre = { x: 0, z: 0 };
  for (let index = 0; index < count; index++) {
    if (index % packSize === 0) {
      const { x = prng.nextFloat(), z = prng.nextFloat() } = spawn;
      centre = { x: x * map.width, z: z * map.height };
    }
    const place = packSize === 1 ? centre : placeAround(centre, kind.wanderRadius, prng);
    homes.push({ kind, x: clamp(place.x, map.width), z: clamp(place.z, map.height) });
  }
}

function isFixed(spawn: MonsterSpawn): boolean {
  return spawn.x !== undefined;
}

/** A place within a radius, each as likely as any other. */
export function placeAround(
  centre: { readonly x: number; readonly z: number },
  radius: number,
  prng: Prng,
): { x: number; z: number } {
  const distance = radius * Math.sqrt(prng.nextFloat()), angle = prng.nextFloat() * 2 * Math.PI;
  return { x: centre.x + distance * Math.cos(angle), z: centre.z + distance * Math.sin(angle) };
}

/** Brings a coordinate onto a side of the map. */
export function clamp(value: number, max: number): number {
  return value < 0 ? 0 : value > max ? max : value;
}
