/**
 * Reads the configuration: flags win over environment variables over the configuration file over defaults. Every
 * problem is found before anything listens.
 *
 * @module
 */

import { describeNats, type NatsTarget, parseNatsUrl } from "../bus/nats_target.ts";
import { isAbsolute, join } from "node:path";
import { ConfigError } from "../../shared/errors.ts";
import { CONFIG_FILE_CHARS_MAX } from "../../shared/limits.ts";
import { isWildcard } from "../base/host.ts";
import { findContradictions } from "./checks.ts";
import {
  CONFIG_FILE_KEY,
  ENVIRONMENT_PREFIX,
  environmentVariableOf,
  flagOf,
  type GameOption,
  type Option,
  OPTION_KEYS,
  type OptionKey,
  OPTIONS,
  type Platform,
  type ServerConfig,
} from "./schema.ts";
import { describeTarget, parsePostgresUrl, type PostgresTarget } from "../storage/postgres_target.ts";
import { nearestOption } from "./suggest.ts";
import { fileReason } from "../base/file_error.ts";

export type { Platform, ServerConfig } from "./schema.ts";

/** Where a configuration comes from. */
export interface ConfigSources {
  /** The command line after the program's name. A flag given twice: the last one counts. */
  readonly args: readonly string[];
  /** The environment; an empty variable counts as unset. */
  readonly env: Readonly<Record<string, string>>;
  /** Reads a text file or throws; `Deno.readTextFileSync` when left out. */
  readonly readTextFile?: (path: string) => string;
  /** The machine; this one when left out. */
  readonly platform?: Platform;
  /** Options of the game, by key. */
  readonly gameOptions?: Readonly<Record<string, GameOption>>;
  /** Hears what was left out without being a problem. */
  readonly onNote?: (note: string) => void;
}

type Key = OptionKey;
/** A value as it was found and where, for errors. */
interface Found {
  readonly name: string;
  readonly value: unknown;
  readonly fromJson: boolean;
}

/**
 * Reads and checks the whole configuration.
 *
 * @returns A frozen object of plain values, fit to be posted to a worker.
 * @throws {ConfigError} with every problem of every source: unknown names, bad values and contradictions.
 */
export function loadConfig(sources: ConfigSources): ServerConfig {
  const reader = new ConfigReader(sources);
  reader.readAll();
  const config = reader.resolve();
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return config;
}

/**
 * The value of `--game`, before the options of that game are known: whatever else is wrong is found by
 * {@linkcode loadConfig}.
 */
export function gamePathOf(sources: ConfigSources): string {
  const reader = new ConfigReader(sources);
  reader.readAll();
  return reader.resolve().game;
}

/** The path of the SQLite file. `:memory:` stays as it is. */
export function sqlitePath(config: Pick<ServerConfig, "dataDir" | "databaseUrl">): string {
  const path = config.databaseUrl.slice("sqlite:".length);
  return path === ":memory:" || isAbsolute(path) ? path : join(config.dataDir, path);
}

/** Where the database is, without its password. */
export function describeDatabase(config: Pick<ServerConfig, "databaseUrl">): string {
  const target = postgresTarget(config);
  return target === undefined ? config.databaseUrl : describeTarget(target);
}

/** The NATS server; undefined: there is none. */
export function natsTarget({ natsUrl }: Pick<ServerConfig, "natsUrl">): NatsTarget | undefined {
  return natsUrl === "" ? undefined : parseNatsUrl(natsUrl);
}

/** The PostgreSQL database; undefined: SQLite is used. */
export function postgresTarget({ databaseUrl }: Pick<ServerConfig, "databaseUrl">): PostgresTarget | undefined {
  return parsePostgresUrl(databaseUrl);
}

/** The PostgreSQL database with the certificates that vouch for it, whose file is read. */
export function readPostgresTarget(
  config: Pick<ServerConfig, "databaseUrl" | "databaseCa">,
): PostgresTarget | undefined {
  const target = postgresTarget(config);
  if (target === undefined || config.databaseCa === "") return target;
  return { ...target, ca: Deno.readTextFileSync(config.databaseCa) };
}

/**
 * Holds that other servers on the database can tell players where this one is.
 *
 * @throws {ConfigError} otherwise. Commands that serve nobody need not be told.
 */
export function checkPublicHost(config: Pick<ServerConfig, "databaseUrl" | "host" | "publicHost" | "role">): void {
  const isTold = config.role === "login" || config.publicHost !== "" || !isWildcard(config.host);
  if (postgresTarget(config) === undefined || isTold) return;
  throw new ConfigError([
    `Cannot use --host ${config.host} with --database-url ${
      describeDatabase(config)
    }: give --public-host, the address ` +
    "by which players reach this server, as other servers tell it to them",
  ]);
}

/** The NATS server for messages: never its password. */
export function describeBus(config: Pick<ServerConfig, "natsUrl">): string {
  const target = natsTarget(config);
  return target === undefined ? "" : describeNats(target);
}

/** The configuration for the log and the status page: secrets are replaced by `***`. */
export function describeConfig(config: ServerConfig): Record<string, string | number | boolean> {
  const described: Record<string, string | number | boolean> = {};
  for (const key of OPTION_KEYS) {
    const value = config[key];
    if (typeof value === "object") described[key] = value.join(",");
    else if (key === "databaseUrl") described[key] = describeDatabase(config);
    else if (key === "natsUrl") described[key] = describeBus(config);
    else if (OPTIONS[key].secret === "hidden") described[key] = value === "" ? "" : "***";
    else described[key] = value as string | number | boolean;
  }
  for (const [key, value] of Object.entries(config.gameOptions)) described[key] = String(value);
  return described;
}

/** The problems of `error` as lines for a terminal. */
export function problemText(error: ConfigError): string {
  const lines = error.problems.map((problem) => `  - ${problem}`);
  return `Cannot start, the configuration has ${lines.length === 1 ? "a problem" : `${lines.length} problems`}:\n${
    lines.join("\n")
  }\nAll flags: deno task serve --help`;
}

/** One reading of all sources; gathers problems instead of stopping at the first. */
class ConfigReader {
  readonly problems: string[] = [];
  readonly #sources: ConfigSources;
  readonly #readTextFile: (path: string) => string;
  /** The names that gave the values in use, for the errors of contradictions. */
  readonly #names = new Map<Key, string>();
  readonly #values = new Map<Key, unknown>();
  readonly #bad = new Set<Key>();
  readonly #gameOptions: Readonly<Record<string, GameOption>>;
  readonly #keyOfFlag: ReadonlyMap<string, string>;
  readonly #keyOfVariable: ReadonlyMap<string, string>;

  constructor(sources: ConfigSources) {
    this.#sources = sources;
    this.#readTextFile = sources.readTextFile ?? Deno.readTextFileSync;
    this.#gameOptions = sources.gameOptions ?? {};
    const keys = [...KNOWN_KEYS, ...Object.keys(this.#gameOptions)];
    this.#keyOfFlag = new Map(keys.map((key) => [flagOf(key), key]));
    this.#keyOfVariable = new Map(keys.map((key) => [environmentVariableOf(key), key]));
  }

  /** Reads the weakest source first, so that a later one overwrites it; every value of every source is checked. */
  readAll(): void {
    const flags = this.#readFlags();
    const variables = this.#readEnvironment();
    const file = flags.get(CONFIG_FILE_KEY) ?? variables.get(CONFIG_FILE_KEY);
    if (file !== undefined) this.#takeAll(this.#readFile(String(file.value)));
    this.#takeAll(variables);
    this.#takeAll(flags);
  }

  /** Adds the defaults and looks for contradictions; the result counts only when there are no problems. */
  resolve(): ServerConfig {
    const platform = this.#sources.platform ??
      { os: Deno.build.os, cores: Math.max(1, navigator.hardwareConcurrency || 1) };
    const given = Object.fromEntries(this.#values) as Partial<ServerConfig>;
    const entries = OPTION_KEYS.map((key) => {
      if (this.#values.has(key)) return [key, this.#values.get(key)] as const;
      const standard: unknown = OPTIONS[key].default;
      return [key, typeof standard === "function" ? standard(platform, given) : standard] as const;
    });
    const ofGame = Object.entries(this.#gameOptions).map(([key, option]) =>
      [key, this.#values.has(key as Key) ? this.#values.get(key as Key) : option.default] as const
    );
    const gameOptions = Object.freeze(Object.fromEntries(ofGame));
    const config = Object.freeze({ ...Object.fromEntries(entries), gameOptions }) as unknown as ServerConfig;
    this.problems.push(...findContradictions(config, {
      platform,
      nameOf: (key) => this.#names.get(key) ?? flagOf(key),
      isBad: (key) => this.#bad.has(key),
      readTextFile: this.#readTextFile,
    }));
    return config;
  }

  #takeAll(found: ReadonlyMap<string, Found>): void {
    for (const [key, item] of found) {
      if (key !== CONFIG_FILE_KEY) this.#take(key as Key, item);
    }
  }

  #take(key: Key, found: Found): void {
    const option = this.#optionOf(key);
    const value = found.fromJson ? option.kind.fromJson(found.value) : option.kind.parse(String(found.value));
    if (value === undefined) {
      this.#bad.add(key);
      // A file's path is no secret.
      const isShown = option.secret === undefined || (option.secret === "url" && /^sqlite:/i.test(String(found.value)));
      const shown = isShown ? ` ${shorten(JSON.stringify(found.value) ?? "null")}` : "";
      this.problems.push(`Cannot use ${found.name}${shown}: expected ${option.kind.expects}`);
      return;
    }
    this.#values.set(key, value);
    this.#names.set(key, found.name);
  }

  #optionOf(key: string): Option<unknown> | GameOption & { readonly secret?: undefined } {
    return Object.hasOwn(this.#gameOptions, key) ? this.#gameOptions[key] : OPTIONS[key as Key] as Option<unknown>;
  }

  #readFlags(): Map<string, Found> {
    const found = new Map<string, Found>();
    const args = this.#sources.args;
    for (let index = 0; index < args.length; index++) {
      const arg = args[index];
      // Task runners hand `--` on; help and version are answered before the configuration is read.
      if (arg === "--" || INFORMATION_FLAGS.has(arg)) continue;
      if (!arg.startsWith("--")) {
        this.problems.push(`Unexpected argument ${shorten(JSON.stringify(arg))}: every setting has a flag`);
        continue;
      }
      const equals = arg.indexOf("=");
      const flag = equals < 0 ? arg : arg.slice(0, equals);
      const next = args[index + 1];
      const followed = equals < 0 && next !== undefined && !next.startsWith("--");
      const value = equals >= 0 ? arg.slice(equals + 1) : followed ? next : undefined;
      if (followed) index++;
      this.#readFlag(found, flag, value);
    }
    return found;
  }

  #readFlag(found: Map<string, Found>, flag: string, value: string | undefined): void {
    const key = this.#keyOfFlag.get(flag);
    if (key === undefined) {
      // The value is not shown: it may be a secret behind a mistyped flag.
      this.problems.push(this.#unknown(`flag ${shorten(flag)}`, flag, flagOf));
    } else if (value !== undefined) {
      found.set(key, { name: flag, value, fromJson: false });
    } else if (key !== CONFIG_FILE_KEY && typeof this.#optionOf(key).default === "boolean") {
      found.set(key, { name: flag, value: "on", fromJson: false });
    } else {
      const expects = key === CONFIG_FILE_KEY ? "a path" : this.#optionOf(key).kind.expects;
      this.problems.push(`Cannot use ${flag} without a value: expected ${expects}`);
      if (key !== CONFIG_FILE_KEY) this.#bad.add(key as Key);
    }
  }

  #readEnvironment(): Map<string, Found> {
    const found = new Map<string, Found>();
    const foreign: string[] = [];
    for (const [variable, value] of Object.entries(this.#sources.env)) {
      if (!variable.startsWith(ENVIRONMENT_PREFIX)) continue;
      if (isServiceVariable(variable, value)) {
        foreign.push(variable);
        continue;
      }
      const key = this.#keyOfVariable.get(variable);
      if (key === undefined) {
        this.problems.push(
          this.#unknown(
            `environment variable ${variable}`,
            variable.slice(ENVIRONMENT_PREFIX.length),
            environmentVariableOf,
          ),
        );
      } else if (value !== "") {
        found.set(key, { name: variable, value, fromJson: false });
      }
    }
    if (foreign.length > 0) {
      this.#sources.onNote?.(
        `Ignored variables that Kubernetes sets for services: ${
          foreign.join(", ")
        }; enableServiceLinks: false avoids them`,
      );
    }
    return found;
  }

  #readFile(path: string): Map<string, Found> {
    const found = new Map<string, Found>();
    const content = this.#readJsonObject(path);
    for (const [key, value] of Object.entries(content ?? {})) {
      if (Object.hasOwn(OPTIONS, key) || Object.hasOwn(this.#gameOptions, key)) {
        found.set(key, { name: `"${key}" in ${path}`, value, fromJson: true });
      } else {
        this.problems.push(this.#unknown(`key "${shorten(key)}" in ${path}`, key, (known) => `"${known}"`));
      }
    }
    return found;
  }

  #readJsonObject(path: string): object | undefined {
    let content: string;
    try {
      // Editors of Windows put a byte order mark first, which JSON has not.
      content = this.#readTextFile(path).replace(/^\ufeff/, "");
    } catch (error) {
      this.problems.push(`Cannot read configuration file ${path}: ${fileReason(error)}`);
      return undefined;
    }
    if (content.length > CONFIG_FILE_CHARS_MAX) {
      this.problems.push(
        `Cannot use configuration file ${path}: it has ${content.length} characters, limit is ${CONFIG_FILE_CHARS_MAX}`,
      );
      return undefined;
    }
    try {
      const parsed: unknown = JSON.parse(content);
      if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed;
      this.problems.push(`Cannot use configuration file ${path}: expected a JSON object`);
    } catch (error) {
      // Of the parser's own message only the place, where it has one: it quotes the file, which may hold a secret.
      const [, line, column] = /\(line (\d+) column (\d+)\)$/.exec(String(error)) ?? [];
      const where = line === undefined ? "" : `: see line ${line}, column ${column}`;
      this.problems.push(`Cannot use configuration file ${path}: it is not valid JSON${where}`);
    }
    return undefined;
  }

  #unknown(what: string, name: string, write: (key: string) => string): string {
    const nearest = nearestOption(name, this.#gameOptions);
    return nearest === undefined ? `Unknown ${what}` : `Unknown ${what}, did you mean ${write(nearest)}?`;
  }
}

/** Flags that print something and end the program. */
export const INFORMATION_FLAGS: ReadonlySet<string> = new Set(["--help", "-h", "--version", "-V"]);

const KNOWN_KEYS = [...OPTION_KEYS, CONFIG_FILE_KEY];

/**
 * Whether Kubernetes set a variable for a service whose name begins with ours: `DRAWBRIDGE_SERVICE_HOST`, or
 * `DRAWBRIDGE_LOGIN_PORT=tcp://10.0.0.7:8080` for `drawbridge-login`, which is also the name of an option.
 */
function isServiceVariable(variable: string, value: string): boolean {
  return /_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(variable) ||
    (variable.endsWith("_PORT") && /^(tcp|udp|sctp):\/\//.test(value));
}

function shorten(value: string): string {
  return value.length > 80 ? `${value.slice(0, 77)}...` : value;
}
