/** What is in the storage before a simulation begins: accounts, wounded characters, two guilds at war. @module */

import { nameKey } from "../../server/auth/names.ts";
import { guildKey } from "../../games/parts/guilds/guild_names.ts";
import type { Character, EnsuredAccount, SavedCharacter } from "../../server/storage/storage.ts";
import type { Prng } from "../../server/world/prng.ts";
import type { SimulatedDisk } from "./simulated_disk.ts";
import { PASSWORD_HASH } from "./simulated_player.ts";
import { MAP_SIZE } from "./simulated_server.ts";

const CREATED_AT_MS = 1_600_000_000_000;
/** Longer than any simulation. */
const WAR_MS = 10 * 365 * 86_400_000;

/** Makes accounts of these names, and gives their characters. */
export function settle(disk: SimulatedDisk, names: readonly string[], prng: Prng): SavedCharacter[] {
  const accounts = names.map((name) => ({
    name,
    nameKey: nameKey(name),
    passwordVerifier: `plain:${PASSWORD_HASH}`,
    createdAtMs: CREATED_AT_MS,
  }));
  const ensured = disk.prepare("accounts.createMany", accounts) as EnsuredAccount[];
  const characters = ensured.map(({ accountId }) => {
    const { characterId } = disk.prepare("characters.load", { accountId, characterId: 0 }) as Character;
    // In the middle of the map, where they meet.
    const [x, z] = [0, 1].map(() => Math.round(MAP_SIZE * 100 * (0.2 + 0.6 * prng.nextFloat())) / 100);
    return { characterId, mapId: 0, x, y: 0, z, yaw: 0, hp: 10 + prng.nextInt(60) };
  });
  disk.prepare("characters.saveMany", characters);
  foundGuilds(disk, names, ensured.map(({ accountId }) => accountId));
  return characters;
}

/** In which of two guilds a player begins, by its index among them; null: in none, as one of three. */
export function houseOf(index: number): 0 | 1 | null {
  const side = index < 2 ? index : index % 3;
  return side === 0 || side === 1 ? side : null;
}

function foundGuilds(disk: SimulatedDisk, names: readonly string[], playerIds: readonly number[]): void {
  const guildIds: number[] = [];
  for (const [side, leaderId] of playerIds.slice(0, 2).entries()) {
    const name = `House ${side}`, tag = `H${side}`;
    const guild = { leaderId, name, nameKey: guildKey(name), tag, tagKey: guildKey(tag), createdAtMs: CREATED_AT_MS };
    guildIds.push((disk.prepare("guilds.create", guild) as { guildId: number }).guildId);
  }
  for (let index = 2; index < playerIds.length; index++) {
    const side = houseOf(index);
    if (side === null) continue;
    const times = { nowMs: CREATED_AT_MS, expiresAtMs: CREATED_AT_MS + WAR_MS };
    disk.prepare("guilds.invite", { inviterId: playerIds[side], nameKey: nameKey(names[index]), ...times });
    disk.prepare("guilds.join", { playerId: playerIds[index], guildId: guildIds[side], nowMs: CREATED_AT_MS });
  }
  disk.prepare("guilds.declareWar", {
    actorId: playerIds[0],
    enemyGuildId: guildIds[1],
    enemyNameKey: "",
    nowMs: CREATED_AT_MS,
    endsAtMs: CREATED_AT_MS + WAR_MS,
  });
}
