/**
 * Monsters in the world: where they live, and what they do when somebody strikes.
 *
 * @module
 */

import { PLAYERS_PER_OTHER } from "../../../shared/limits.ts";
import type { Game } from "../../../server/game/game.ts";
import type { CombatService } from "../../parts/combat/combat_handlers.ts";
import type { Atlas } from "../maps/atlas.ts";
import type { MonsterData } from "./monster_data.ts";
import { monsterHomes } from "./monster_homes.ts";
import { Monsters } from "./monsters.ts";

/** What monsters need of the rest of the game. */
export interface MonsterParts {
  readonly atlas: Atlas;
  readonly combat: Pick<CombatService, "onBlow" | "onDeath" | "rules" | "safeAreas">;
  readonly data: MonsterData;
}

/** Puts them there. */
export function startMonsters(game: Game, { atlas, combat, data }: MonsterParts): Monsters {
  const { faults, world } = game;
  const maps = world.maps.map((map) => {
    const { areaFactor, safeAreas } = atlas.find(map.mapId)!;
    return { map, areaFactor, safeAreas };
  });
  // Monsters have places of their own in the world; these are all of them.
  const countMax = Math.floor(game.worldCapacity / PLAYERS_PER_OTHER);
  const homes = monsterHomes(data, { maps, countMax }, game.random("places"));
  const { rules, safeAreas } = combat;
  const prng = game.random("whims");
  const monsters = new Monsters({ world, combat: rules, prng, homes, safeAreas, faults }, game.nowMs);
  combat.onBlow(({ attackerId, targetId }) => {
    if (targetId !== 0) monsters.provoke(targetId, attackerId, game.nowMs);
  });
  combat.onDeath((victimId) => monsters.onDeath(victimId, game.nowMs));
  game.system("monsters", (nowMs) => monsters.step(nowMs));
  return monsters;
}
