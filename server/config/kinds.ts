/**
 * The kinds of value an option can have: how each is read from a flag, an environment variable and JSON, and what an
 * error says was expected.
 *
 * @module
 */

import { ADDRESS_RANGES_MAX, URL_LENGTH_MAX } from "../../shared/limits.ts";
import { isHost } from "../base/host.ts";
import { canonicalRange } from "../base/ip_address.ts";

/** One kind of value. Both readers give `undefined` for what is not of the kind. */
export interface Kind<T> {
  /** What an error says was expected: "an integer from 0 to 65535". */
  readonly expects: string;
  /** What `--help` shows for the value: "PORT". */
  readonly placeholder: string;
  /** Reads the text of a flag or an environment variable. */
  readonly parse: (text: string) => T | undefined;
  /** Reads a value of the configuration file. */
  readonly fromJson: (value: unknown) => T | undefined;
}

/** Bounds of a number, both included, and the word `--help` shows for it. */
export interface NumberBounds {
  readonly min: number;
  readonly max: number;
  readonly placeholder?: string;
}

/** A whole number. */
export function integer(bounds: NumberBounds): Kind<number> {
  const inRange = (value: number) =>
    Number.isInteger(value) && value >= bounds.min && value <= bounds.max ? value : undefined;
  return {
    expects: `an integer from ${bounds.min} to ${bounds.max}`,
    placeholder: bounds.placeholder ?? "N",
    parse: (text) => /^-?\d{1,15}$/.test(text) ? inRange(Number(text)) : undefined,
    fromJson: (value) => typeof value === "number" ? inRange(value) : undefined,
  };
}

/** A number with or without a fraction. */
export function decimal(bounds: NumberBounds): Kind<number> {
  const inRange = (value: number) => value >= bounds.min && value <= bounds.max ? value : undefined;
  return {
    expects: `a number from ${bounds.min} to ${bounds.max}`,
    placeholder: bounds.placeholder ?? "N",
    parse: (text) => /^-?\d{1,15}(\.\d{1,15})?$/.test(text) ? inRange(Number(text)) : undefined,
    fromJson: (value) => typeof value === "number" ? inRange(value) : undefined,
  };
}

const SWITCH_WORDS: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  ["on", true],
  ["true", true],
  [true, true],
  ["off", false],
  ["false", false],
  [false, false],
]);

/** On or off; the flag alone means on. */
export function onOff(): Kind<boolean> {
  return {
    expects: "on, off, true or false",
    placeholder: "on|off",
    parse: (text) => SWITCH_WORDS.get(text),
    fromJson: (value) => SWITCH_WORDS.get(value),
  };
}

/** One word of a closed list. */
export function choice<const T extends string>(words: readonly T[]): Kind<T> {
  const find = (value: unknown) => words.find((word) => word === value);
  return { expects: `one of ${words.join(", ")}`, placeholder: words.join("|"), parse: find, fromJson: find };
}

/** Text that `read` accepts; any unless told. `read` may also bring it into its canonical form. */
export function text(
  expects = "text",
  placeholder = "TEXT",
  read: (value: string) => string | undefined = (value) => value,
): Kind<string> {
  return {
    expects,
    placeholder,
    parse: read,
    fromJson: (value) => typeof value === "string" ? read(value) : undefined,
  };
}

/** A host name or an IP address; `optional` allows none. */
export function host(optional: "optional" | "required" = "required"): Kind<string> {
  const none = optional === "optional";
  return text(
    none ? "a host name, an IP address or nothing" : "a host name or an IP address",
    "HOST",
    (value) => isHost(value) || (none && value === "") ? value : undefined,
  );
}

/** The path of a file or a folder; `optional` allows none. */
export function path(placeholder: string, optional: "optional" | "required" = "required"): Kind<string> {
  return text(
    "a path",
    placeholder,
    (value) =>
      !value.includes("\0") && value.length <= 4_096 && (value !== "" || optional === "optional") ? value : undefined,
  );
}

/** A URL with a host and one of `schemes`; nothing is allowed too. */
export function url(schemes: readonly string[]): Kind<string> {
  return text(
    `a URL of at most ${URL_LENGTH_MAX} characters that starts with ${
      schemes.map((scheme) => `${scheme}://`).join(" or ")
    }`,
    "URL",
    (value) => value === "" || value.length <= URL_LENGTH_MAX && isUrl(value, schemes) ? value : undefined,
  );
}

/** Tells whether `value` is a URL with a host and one of `schemes`. */
export function isUrl(value: string, schemes: readonly string[]): boolean {
  if (!URL.canParse(value) || /[\s\p{Cc}]/u.test(value)) return false;
  const parsed = new URL(value);
  return schemes.includes(parsed.protocol.slice(0, -1)) && parsed.hostname !== "" && value.includes("://");
}

/** Origins of web pages, separated by commas, in their canonical form. */
export function origins(): Kind<readonly string[]> {
  return list("origins such as https://play.example.org, separated by commas", "ORIGINS", readOrigin);
}

/** Ranges of IP addresses, separated by commas, in their canonical form. */
export function addressRanges(): Kind<readonly string[]> {
  return list(
    "IP addresses or ranges such as 10.0.0.0/8, separated by commas",
    "RANGES",
    (value) => typeof value === "string" ? canonicalRange(value) : undefined,
    ADDRESS_RANGES_MAX,
  );
}

/** Words of letters and digits, separated by commas. */
export function words(expects: string, placeholder: string, countMax: number): Kind<readonly string[]> {
  const read = (value: unknown) =>
    typeof value === "string" && /^[\p{L}\p{M}\p{N}]{1,64}$/u.test(value) ? value : undefined;
  return list(expects, placeholder, read, countMax);
}

/** Parts separated by commas, or an array of them in JSON; nothing is an empty list, the same twice counts once. */
function list(
  expects: string,
  placeholder: string,
  read: (value: unknown) => string | undefined,
  countMax = Infinity,
): Kind<readonly string[]> {
  const readAll = (values: readonly unknown[]): readonly string[] | undefined => {
    if (values.length > countMax) return undefined;
    const found = values.map(read);
    return found.every((part) => part !== undefined) ? [...new Set(found)] : undefined;
  };
  const parse = (value: string) => readAll(value === "" ? [] : value.split(",").map((part) => part.trim()));
  return {
    expects,
    placeholder,
    parse,
    fromJson: (value) => typeof value === "string" ? parse(value) : Array.isArray(value) ? readAll(value) : undefined,
  };
}

function readOrigin(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  if (APP_ORIGIN.test(value) && isUrl(value, [value.slice(0, value.indexOf(":")).toLowerCase()])) {
    return value.toLowerCase();
  }
  if (!isUrl(value, ["http", "https"])) return undefined;
  const parsed = new URL(value);
  // A path would never match: browsers send the origin alone.
  return parsed.href === `${parsed.origin}/` ? parsed.origin : undefined;
}

/** The origin of a page in an app's own web view: `capacitor://localhost`. */
const APP_ORIGIN = /^(?!https?:|wss?:|ftp:|file:)[a-z][a-z0-9+.-]*:\/\/[a-z0-9.-]+(:\d{1,5})?$/i;
