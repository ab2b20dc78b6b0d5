/**
 * Checks of the game's data files.
 *
 * @module
 */

/** What a file may say in one place: whether a value is right, and what was expected. */
export interface Field {
  readonly expects: string;
  readonly fits: (value: unknown) => boolean;
  readonly isOptional?: boolean;
}

/** Any object of a file. */
export type Entry = Readonly<Record<string, unknown>>;

/** How much of a wrong value a problem shows, in characters. */
const FOUND_CHARS_MAX = 64;

const UTF8 = new TextEncoder();

/** A number within bounds. */
export function numberField(bounds: { min: number; max: number; whole?: boolean; optional?: boolean }): Field {
  const { min, max, whole = false, optional = false } = bounds;
  return {
    expects: `${whole ? "an integer" : "a number"} from ${min} to ${max}`,
    fits: (value) => typeof value === "number" && value >= min && value <= max && (!whole || Number.isInteger(value)),
    isOptional: optional,
  };
}

/** A text that is shown to players. */
export function textField({ bytesMax }: { bytesMax: number }): Field {
  return {
    expects: `text of 1 to ${bytesMax} bytes without control characters`,
    fits: (value) =>
      typeof value === "string" && value.trim() !== "" && !/\p{Cc}/u.test(value) &&
      UTF8.encode(value).length <= bytesMax,
  };
}

/** A word that one entry names another by. */
export const ID_FIELD: Field = {
  expects: "1 to 32 lower-case letters, digits, - or _",
  fits: (value) => typeof value === "string" && /^[a-z0-9_-]{1,32}$/.test(value),
};

/** Whether a value is an object and no list. */
export function isEntry(value: unknown): value is Entry {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** One check of one file; gathers problems instead of stopping at the first. */
export class DataChecker {
  readonly problems: string[] = [];
  readonly #name: string;

  /** @param name What problems call the file. */
  constructor(name: string) {
    this.#name = name;
  }

  /** Checks the file as a whole: an object with some keys. @returns Its entries, `undefined` when it is none. */
  checkFile(value: unknown, keys: readonly string[]): Entry | undefined {
    if (!isEntry(value)) {
      this.add("", value, `an object with ${keys.join(" and ")}`);
      return undefined;
    }
    for (const key of Object.keys(value)) if (!keys.includes(key)) this.#addUnknown(key);
    return value;
  }

  /** Checks a list of entries field by field. @returns Those that are objects, with their places. */
  checkEntries(
    value: unknown,
    { at, fields, countMax }: { at: string; fields: Readonly<Record<string, Field>>; countMax: number },
  ): [string, Entry][] {
    if (!Array.isArray(value) || value.length > countMax) {
      this.add(at, Array.isArray(value) ? `${value.length} entries` : value, `a list of at most ${countMax} entries`);
      return [];
    }
    const entries: [string, Entry][] = [];
    for (const [index, entry] of value.entries()) {
      if (this.checkEntry(entry, { at: `${at}[${index}]`, fields })) entries.push([`${at}[${index}]`, entry]);
    }
    return entries;
  }

  /** Checks one object field by field. @returns Whether it is an object. */
  checkEntry(
    entry: unknown,
    { at, fields }: { at: string; fields: Readonly<Record<string, Field>> },
  ): entry is Entry {
    if (!isEntry(entry)) {
      this.add(at, entry, "an object");
      return false;
    }
    for (const [key, field] of Object.entries(fields)) {
      if (!Object.hasOwn(entry, key)) {
        if (field.isOptional !== true) this.say(`${at}.${key} is missing, expected ${field.expects}`);
      } else if (!field.fits(entry[key])) {
        this.add(`${at}.${key}`, entry[key], field.expects);
      }
    }
    for (const key of Object.keys(entry)) if (!Object.hasOwn(fields, key)) this.#addUnknown(`${at}.${key}`);
    return true;
  }

  /** Holds that the first of two numbers is not above the second, where both are numbers. */
  checkOrder(at: string, pair: Entry): void {
    const [[lowKey, low], [highKey, high]] = Object.entries(pair);
    if (typeof low !== "number" || typeof high !== "number" || low <= high) return;
    this.add(`${at}.${lowKey}`, low, `at most ${highKey}, which is ${high}`);
  }

  /** Adds a problem: a value that is not what was expected. */
  add(at: string, value: unknown, expects: string): void {
    const found = (typeof value === "string" ? value : JSON.stringify(value) ?? "missing").slice(0, FOUND_CHARS_MAX);
    this.say(`${at === "" ? "it" : at} is ${found}, expected ${expects}`);
  }

  /** Adds a problem in words. */
  say(problem: string): void {
    this.problems.push(`Cannot use ${this.#name}: ${problem}`);
  }

  #addUnknown(at: string): void {
    this.say(`${at} is not known`);
  }
}
