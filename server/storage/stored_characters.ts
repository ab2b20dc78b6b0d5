/** Characters in a database. @module */

import { type Character, type CHARACTERS, type SavedCharacter } from "./storage.ts";
import type { HandlersOf } from "./store.ts";
import { type SqlValue, statement } from "./sql.ts";
import { checkFinite, checkId, checkRows } from "./storage_checks.ts";

interface CharacterRow {
  readonly id: number;
  readonly account_id: number;
  readonly name: string;
  readonly map_id: number | null;
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly yaw: number;
  readonly hp: number;
  readonly components: Uint8Array | null;
}

const COLUMNS = "id, account_id, name, map_id, x, y, z, yaw, hp, components";
const SELECT_FIRST = statement<CharacterRow>(
  `SELECT ${COLUMNS} FROM characters WHERE account_id = ? ORDER BY id LIMIT 1`,
);
const SELECT_ONE = statement<CharacterRow>(`SELECT ${COLUMNS} FROM characters WHERE account_id = ? AND id = ?`);
const UPDATE_TEXT = `UPDATE characters SET map_id = ?1, x = ?2, y = ?3, z = ?4, yaw = ?5, hp = ?6, components = ?7
    WHERE id = ?8 AND (CAST(?9 AS BIGINT) = 0 OR EXISTS (SELECT 1 FROM player_owners
      WHERE player_id = ?9 AND player_id = account_id AND epoch = ?10 AND incarnation IS NOT NULL`;
// Whoever claims the player waits until it is saved, and then reads what was.
const UPDATE = statement(`${UPDATE_TEXT}))`, `${UPDATE_TEXT} FOR SHARE))`);

/** Characters, each of an account. */
export const STORED_CHARACTERS: HandlersOf<typeof CHARACTERS> = {
  *load({ accountId, characterId }) {
    checkId(accountId, "accountId");
    checkId(characterId, "characterId");
    const row = characterId === 0 ? yield* SELECT_FIRST.get(accountId) : yield* SELECT_ONE.get(accountId, characterId);
    return row && characterOf(row);
  },
  *save(character) {
    return (yield* UPDATE.run(...valuesOf(character))) === 1;
  },
  *saveMany(characters) {
    checkRows(characters.length);
    const changes = yield* UPDATE.each(characters.map(valuesOf));
    return changes.filter((count) => count === 1).length;
  },
};

function valuesOf({ characterId, mapId, x, y, z, yaw, hp, components, owner }: SavedCharacter): SqlValue[] {
  checkId(characterId, "characterId");
  checkId(mapId, "mapId");
  for (const number of [x, y, z, yaw, hp]) checkFinite(number);
  return [mapId, x, y, z, yaw, hp, components ?? null, characterId, owner?.playerId ?? 0, owner?.epoch ?? 0];
}

function characterOf({ id, account_id, name, map_id, x, y, z, yaw, hp, components }: CharacterRow): Character {
  const place = map_id === null ? null : { mapId: map_id, x, y, z, yaw, hp };
  return {
    characterId: id,
    accountId: account_id,
    name,
    state: place && (components === null ? place : { ...place, components }),
  };
}
