/** Characters in SQLite. @module */

import type { DatabaseSync } from "node:sqlite";
import { type Character, CHARACTERS, type SavedCharacter } from "./storage.ts";
import type { HandlersOf } from "./store.ts";
import { checkFinite, checkId, checkRows } from "./storage_checks.ts";

const CHARACTER_COLUMNS = "id, account_id, name, map_id, x, y, z, yaw, hp, components";

/** Prepares the statements for characters. */
export function sqliteCharacters(database: DatabaseSync): HandlersOf<typeof CHARACTERS> {
  const selectFirst = database.prepare(
    `SELECT ${CHARACTER_COLUMNS} FROM characters WHERE account_id = ? ORDER BY id LIMIT 1`,
  );
  const selectOne = database.prepare(`SELECT ${CHARACTER_COLUMNS} FROM characters WHERE account_id = ? AND id = ?`);
  const update = database.prepare(
    "UPDATE characters SET map_id = ?, x = ?, y = ?, z = ?, yaw = ?, hp = ?, components = ? WHERE id = ?",
  );

  function save(character: SavedCharacter): boolean {
    const { characterId, mapId, x, y, z, yaw, hp, components = null } = character;
    checkId(characterId, "characterId");
    checkId(mapId, "mapId");
    for (const number of [x, y, z, yaw, hp]) checkFinite(number);
    return Number(update.run(mapId, x, y, z, yaw, hp, components, characterId).changes) === 1;
  }

  return {
    load: ({ accountId, characterId }) => {
      checkId(accountId, "accountId");
      checkId(characterId, "characterId");
      const row = characterId === 0 ? selectFirst.get(accountId) : selectOne.get(accountId, characterId);
      return row && characterOfRow(row);
    },
    save: save,
    saveMany: (characters) => {
      checkRows(characters.length);
      return characters.filter(save).length;
    },
  };
}

function characterOfRow(row: Record<string, unknown>): Character {
  return {
    characterId: Number(row.id),
    accountId: Number(row.account_id),
    name: String(row.name),
    state: row.map_id === null ? null : {
      mapId: Number(row.map_id),
      x: Number(row.x),
      y: Number(row.y),
      z: Number(row.z),
      yaw: Number(row.yaw),
      hp: Number(row.hp),
      ...row.components === null ? {} : { components: row.components as Uint8Array },
    },
  };
}
