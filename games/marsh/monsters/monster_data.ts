/**
 * What monsters there are: the content of `monsters.json`.
 *
 * @module
 */

import { ConfigError } from "../../../shared/errors.ts";
import { ENTITY_NAME_BYTES_MAX, MAP_ID_MAX, MAP_SIZE_MAX, SPEED_MAX } from "../../../shared/limits.ts";
import { MONSTER_ENTRIES_MAX } from "../limits.ts";
import type { Damage } from "../../parts/combat/skills.ts";
import { DataChecker, type Entry, type Field, ID_FIELD, numberField, textField } from "../data/data_checker.ts";

/** One kind of monster. Lengths in units, speed in units/s. */
export interface MonsterKind extends Damage {
  /** What spawns name it by. */
  readonly id: string;
  /** What players see. */
  readonly name: string;
  readonly hp: number;
  /** From how far away it hits. */
  readonly range: number;
  readonly attackIntervalMs: number;
  /** When it chases; it wanders at half of it. */
  readonly speed: number;
  /** A player this near is chased, if it is also within the interest radius. */
  readonly aggroRadius: number;
  /** Farther from home it gives up. */
  readonly leashRadius: number;
  /** How far from home it goes when nobody is near, and how widely a pack lives. */
  readonly wanderRadius: number;
  readonly respawnSeconds: number;
}

/** Where monsters live: around a fixed place, or anywhere. */
export interface MonsterSpawn {
  /** A kind's `id`. */
  readonly kind: string;
  /** A map's id; 0, the first one, unless told. */
  readonly map?: number;
  /** How many on a map as large as `maps.json` has it; one made larger or smaller has more or fewer, by its area. */
  readonly count: number;
  /** Place of the pack as a fraction of the map's sides; without it, chance decides. */
  readonly x?: number;
  readonly z?: number;
  /** How many live together where chance decides; 1 unless told. */
  readonly packSize?: number;
}

/** All of it. */
export interface MonsterData {
  readonly kinds: readonly MonsterKind[];
  readonly spawns: readonly MonsterSpawn[];
}

/** Hit points, and points of damage: what 32-bit floats still count one by one. */
const POINTS_MAX = 1_000_000;
const DAY_SECONDS = 86_400;

const KIND_FIELDS: Readonly<Record<keyof MonsterKind, Field>> = {
  id: ID_FIELD,
  name: textField({ bytesMax: ENTITY_NAME_BYTES_MAX }),
  hp: numberField({ min: 1, max: POINTS_MAX, whole: true }),
  damageMin: numberField({ min: 0, max: POINTS_MAX, whole: true }),
  damageMax: numberField({ min: 0, max: POINTS_MAX, whole: true }),
  range: numberField({ min: 0.1, max: MAP_SIZE_MAX }),
  attackIntervalMs: numberField({ min: 100, max: 60_000, whole: true }),
  speed: numberField({ min: 0, max: SPEED_MAX }),
  aggroRadius: numberField({ min: 0, max: MAP_SIZE_MAX }),
  leashRadius: numberField({ min: 0, max: MAP_SIZE_MAX }),
  wanderRadius: numberField({ min: 0, max: MAP_SIZE_MAX }),
  respawnSeconds: numberField({ min: 1, max: DAY_SECONDS }),
};

const SPAWN_FIELDS: Readonly<Record<keyof MonsterSpawn, Field>> = {
  kind: ID_FIELD,
  map: numberField({ min: 0, max: MAP_ID_MAX, whole: true, optional: true }),
  count: numberField({ min: 1, max: 10_000, whole: true }),
  x: numberField({ min: 0, max: 1, optional: true }),
  z: numberField({ min: 0, max: 1, optional: true }),
  packSize: numberField({ min: 1, max: 100, whole: true, optional: true }),
};

/** A file without monsters. */
export const NO_MONSTERS: MonsterData = { kinds: [], spawns: [] };

/**
 * Checks what was read from a file.
 *
 * @param name What problems call the file.
 * @param mapIds The maps that monsters can live on.
 * @throws {ConfigError} with every problem.
 */
export function checkMonsterData(value: unknown, name: string, mapIds: ReadonlySet<unknown>): MonsterData {
  const checker = new DataChecker(name);
  const file = checker.checkFile(value, ["kinds", "spawns"]);
  if (file !== undefined) checkLists(checker, file, mapIds);
  if (checker.problems.length > 0) throw new ConfigError(checker.problems);
  return value as MonsterData;
}

function checkLists(checker: DataChecker, file: Entry, mapIds: ReadonlySet<unknown>): void {
  const countMax = MONSTER_ENTRIES_MAX;
  const kinds = checker.checkEntries(file.kinds, { at: "kinds", fields: KIND_FIELDS, countMax });
  const spawns = checker.checkEntries(file.spawns, { at: "spawns", fields: SPAWN_FIELDS, countMax });
  const ids = new Set<unknown>();
  for (const [at, kind] of kinds) {
    if (ids.has(kind.id)) checker.add(`${at}.id`, kind.id, "an id that no kind before it has");
    ids.add(kind.id);
    checkKind(checker, at, kind);
  }
  for (const [at, spawn] of spawns) {
    const { kind, map = 0 } = spawn;
    if (ID_FIELD.fits(kind) && !ids.has(kind)) checker.add(`${at}.kind`, kind, "the id of a kind");
    if (SPAWN_FIELDS.map.fits(map) && !mapIds.has(map)) checker.add(`${at}.map`, map, "the id of a map");
    checkSpawn(checker, at, spawn);
  }
}

/** What the fields of a kind say together. */
function checkKind(checker: DataChecker, at: string, kind: Entry): void {
  const { damageMin, damageMax, range, aggroRadius, leashRadius, wanderRadius } = kind;
  checker.checkOrder(at, { damageMin, damageMax });
  checker.checkOrder(at, { range, leashRadius });
  checker.checkOrder(at, { aggroRadius, leashRadius });
  checker.checkOrder(at, { wanderRadius, leashRadius });
}

function checkSpawn(checker: DataChecker, at: string, { x, z, packSize }: Entry): void {
  if ((x === undefined) !== (z === undefined)) {
    const [given, other] = x === undefined ? ["z", "x"] : ["x", "z"];
    checker.say(`${at}.${given} is given alone, expected ${other} too`);
  } else if (x !== undefined && packSize !== undefined) {
    checker.say(`${at}.packSize is given, expected none where the place is fixed`);
  }
}
