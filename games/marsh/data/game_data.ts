/**
 * The game of this build: its maps and who lives there.
 *
 * @module
 */

import { ConfigError } from "../../../shared/errors.ts";
import { checkMapData, type MapDefinition } from "../maps/map_data.ts";
import { checkMonsterData, type MonsterData } from "../monsters/monster_data.ts";
import mapFile from "./maps.json" with { type: "json" };
import monsterFile from "./monsters.json" with { type: "json" };

/** All that is data and not code. */
export interface GameData {
  readonly maps: readonly MapDefinition[];
  readonly monsters: MonsterData;
}

/**
 * The game of this build.
 *
 * @throws {ConfigError} with every problem of its files.
 */
export function loadGameData(): GameData {
  return checkGameData(mapFile, monsterFile);
}

/**
 * Checks what was read from the two files.
 *
 * @throws {ConfigError} with every problem of both.
 */
export function checkGameData(maps: unknown, monsters: unknown): GameData {
  const problems: string[] = [];
  const mapIds = new Set(mapIdsOf(maps));
  const checkedMaps = check(problems, () => checkMapData(maps, "maps.json").maps);
  const checkedMonsters = check(problems, () => checkMonsterData(monsters, "monsters.json", mapIds));
  if (checkedMaps === undefined || checkedMonsters === undefined) throw new ConfigError(problems);
  return { maps: checkedMaps, monsters: checkedMonsters };
}

function check<T>(problems: string[], run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}

/** The ids of whatever looks like a map, so that a wrong map is not also reported by those who live on it. */
function mapIdsOf(file: unknown): unknown[] {
  const { maps } = (file ?? {}) as { maps?: unknown };
  return Array.isArray(maps) ? maps.map((map) => map?.mapId) : [];
}
