/**
 * What monsters there are: the content of `monsters.json`.
 *
 * @module
 */

import monsterFile from "../data/monsters.json" with { type: "json" };
import { ConfigError } from "../../shared/errors.ts";
import { ENTITY_NAME_BYTES_MAX, MAP_SIZE_MAX, MONSTER_ENTRIES_MAX, SPEED_MAX } from "../../shared/limits.ts";
import type { Damage } from "../combat/skills.ts";

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
  /** How many on a map of 1,000 x 1,000 units; other maps have more or fewer, by their area. */
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

/**
 * The monsters of this build.
 *
 * @throws {ConfigError} with every problem of the file.
 */
export function loadMonsterData(): MonsterData {
  return checkMonsterData(monsterFile, "monsters.json");
}

/** One field: whether a value is right, and what was expected. */
interface Field {
  readonly expects: string;
  readonly fits: (value: unknown) => boolean;
  readonly isOptional?: boolean;
}

function numberField(bounds: { min: number; max: number; whole?: boolean; optional?: boolean }): Field {
  const { min, max, whole = false, optional = false } = bounds;
  return {
    expects: `${whole ? "an integer" : "a number"} from ${min} to ${max}`,
    fits: (value) => typeof value === "number" && value >= min && value <= max && (!whole || Number.isInteger(value)),
    isOptional: optional,
  };
}

const ID_FIELD: Field = {
  expects: "1 to 32 lower-case letters, digits, - or _",
  fits: (value) => typeof value === "string" && /^[a-z0-9_-]{1,32}$/.test(value),
};

const UTF8 = new TextEncoder();
const NAME_FIELD: Field = {
  expects: `text of 1 to ${ENTITY_NAME_BYTES_MAX} bytes without control characters`,
  fits: (value) =>
    typeof value === "string" && value.trim() !== "" && !/\p{Cc}/u.test(value) &&
    UTF8.encode(value).length <= ENTITY_NAME_BYTES_MAX,
};

/** Hit points, and points of damage: what 32-bit floats still count one by one. */
const POINTS_MAX = 1_000_000;
const DAY_SECONDS = 86_400;

const KIND_FIELDS: Readonly<Record<keyof MonsterKind, Field>> = {
  id: ID_FIELD,
  name: NAME_FIELD,
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
  count: numberField({ min: 1, max: 10_000, whole: true }),
  x: numberField({ min: 0, max: 1, optional: true }),
  z: numberField({ min: 0, max: 1, optional: true }),
  packSize: numberField({ min: 1, max: 100, whole: true, optional: true }),
};

/**
 * Checks what was read from a file.
 *
 * @param name What problems call the file.
 * @throws {ConfigError} with every problem.
 */
export function checkMonsterData(value: unknown, name: string): MonsterData {
  const checker = new Checker(name);
  checker.checkFile(value);
  if (checker.problems.length > 0) throw new ConfigError(checker.problems);
  return value as MonsterData;
}

/** One check of one file; gathers problems instead of stopping at the first. */
class Checker {
  readonly problems: string[] = [];
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  checkFile(value: unknown): void {
    if (!isObject(value)) return this.#add("", value, "an object with kinds and spawns");
    for (const key of Object.keys(value)) {
      if (key !== "kinds" && key !== "spawns") this.#addUnknown(key);
    }
    const kinds = this.#checkEntries(value.kinds, "kinds", KIND_FIELDS);
    const spawns = this.#checkEntries(value.spawns, "spawns", SPAWN_FIELDS);
    const ids = new Set<unknown>();
    for (const [at, kind] of kinds) {
      if (ids.has(kind.id)) this.#add(`${at}.id`, kind.id, "an id that no kind before it has");
      ids.add(kind.id);
      this.#checkKind(at, kind);
    }
    for (const [at, spawn] of spawns) {
      if (ID_FIELD.fits(spawn.kind) && !ids.has(spawn.kind)) this.#add(`${at}.kind`, spawn.kind, "the id of a kind");
      this.#checkSpawn(at, spawn);
    }
  }

  /** Checks a list of entries field by field, and gives those that are objects with their places. */
  #checkEntries(value: unknown, list: string, fields: Readonly<Record<string, Field>>): [string, Entry][] {
    if (!Array.isArray(value) || value.length > MONSTER_ENTRIES_MAX) {
      const found = Array.isArray(value) ? `${value.length} entries` : value;
      this.#add(list, found, `a list of at most ${MONSTER_ENTRIES_MAX} entries`);
      return [];
    }
    const entries: [string, Entry][] = [];
    for (const [index, entry] of value.entries()) {
      const at = `${list}[${index}]`;
      if (isObject(entry)) {
        this.#checkFields(at, entry, fields);
        entries.push([at, entry]);
      } else {
        this.#add(at, entry, "an object");
      }
    }
    return entries;
  }

  #checkFields(at: string, entry: Entry, fields: Readonly<Record<string, Field>>): void {
    for (const [key, field] of Object.entries(fields)) {
      if (!Object.hasOwn(entry, key)) {
        if (field.isOptional !== true) {
          this.problems.push(`Cannot use ${this.#name}: ${at}.${key} is missing, expected ${field.expects}`);
        }
      } else if (!field.fits(entry[key])) {
        this.#add(`${at}.${key}`, entry[key], field.expects);
      }
    }
    for (const key of Object.keys(entry)) {
      if (!Object.hasOwn(fields, key)) this.#addUnknown(`${at}.${key}`);
    }
  }

  /** What the fields of a kind say together. */
  #checkKind(at: string, kind: Entry): void {
    const { damageMin, damageMax, range, aggroRadius, leashRadius, wanderRadius } = kind;
    this.#checkOrder(at, { damageMin, damageMax });
    this.#checkOrder(at, { range, leashRadius });
    this.#checkOrder(at, { aggroRadius, leashRadius });
    this.#checkOrder(at, { wanderRadius, leashRadius });
  }

  #checkSpawn(at: string, { x, z, packSize }: Entry): void {
    if ((x === undefined) !== (z === undefined)) {
      const [given, other] = x === undefined ? ["z", "x"] : ["x", "z"];
      this.problems.push(`Cannot use ${this.#name}: ${at}.${given} is given alone, expected ${other} too`);
    } else if (x !== undefined && packSize !== undefined) {
      this.problems.push(`Cannot use ${this.#name}: ${at}.packSize is given, expected none where the place is fixed`);
    }
  }

  /** Holds that the first of two numbers is not above the second, where both are numbers. */
  #checkOrder(at: string, pair: Readonly<Record<string, unknown>>): void {
    const [[lowKey, low], [highKey, high]] = Object.entries(pair);
    if (typeof low !== "number" || typeof high !== "number" || low <= high) return;
    this.#add(`${at}.${lowKey}`, low, `at most ${highKey}, which is ${high}`);
  }

  #add(at: string, value: unknown, expects: string): void {
    const found = typeof value === "string" ? value : JSON.stringify(value) ?? "missing";
    const subject = at === ""
      ? `it is ${found.slice(0, FOUND_CHARS_MAX)}`
      : `${at} is ${found.slice(0, FOUND_CHARS_MAX)}`;
    this.problems.push(`Cannot use ${this.#name}: ${subject}, expected ${expects}`);
  }

  #addUnknown(at: string): void {
    this.problems.push(`Cannot use ${this.#name}: ${at} is not known`);
  }
}

/** How much of a wrong value a problem shows, in characters. */
const FOUND_CHARS_MAX = 64;

type Entry = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Entry {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
