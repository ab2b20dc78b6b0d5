/** A game and its parts, as the engine takes them. @module */

import type { Contract, PacketShapes } from "../../shared/contract.ts";
import { type GameOption, OPTIONS } from "../config/schema.ts";
import type { ServerConfig } from "../config/config.ts";
import type { GameMetric } from "../ops/game_metrics.ts";
import type { MapOptions } from "../world/world_map.ts";
import type { WorldOptions } from "../world/world.ts";
import type { Game } from "./game.ts";

/** What a game is, beside its contract and its rules. */
export interface GameDescription extends Pick<WorldOptions, "components" | "holdReasons" | "templates"> {
  /** At least one map; the first is where players come that are for none in particular. */
  readonly maps: (config: ServerConfig) => readonly MapOptions[];
  /** Entities that nobody plays, at most: they have places of their own. One for each ten of players' unless told. */
  readonly othersMax?: number;
  /** Its own metrics, by name: on the admin site's `/metrics` as `drawbridge_game_<name>`. */
  readonly metrics?: Readonly<Record<string, GameMetric>>;
}

/** The values of options. */
export type OptionValues<O> = { readonly [Key in keyof O]: O[Key] extends GameOption<infer T> ? T : never };

/** A game: what {@linkcode defineGame} gives and the engine starts. */
export interface GameModule<Api = unknown> extends GameDescription {
  /** That of its contract; its data folder keeps it. */
  readonly name: string;
  /** What its protos and the engine's say. */
  readonly contract: Contract;
  /** Where it was defined, as a URL that ends with a slash. */
  readonly folder: string;
  /** Registers the rules; gives what tests may look at. */
  readonly start: (game: Game) => Api;
  /** Its own options, by key: they are in `--help`, and read from flags, the environment and the configuration file. */
  readonly options: Readonly<Record<string, GameOption>>;
}

/** Lower-case letters, digits and `-`, beginning with a letter. */
const NAME = /^[a-z][a-z0-9-]{0,31}$/;
/** As those of the server: `warMinutes` is `--war-minutes`. */
const OPTION_KEY = /^[a-z][a-zA-Z0-9]{1,40}$/;
const MODULES = new WeakSet<object>();

/**
 * Defines a game.
 *
 * @param contract From the module that is generated from its protos.
 * @param start Called once for each life of the logic worker, before anybody is in the world: registers handlers, hooks,
 * systems and timers.
 * @throws {TypeError} when the name is none.
 */
export function defineGame<
  P extends PacketShapes<P>,
  Api,
  Options extends Readonly<Record<string, GameOption>> = Record<never, never>,
>(
  contract: Contract<P>,
  description: GameDescription & { readonly options?: Options },
  start: (game: Game<P>, options: OptionValues<Options>) => Api,
): GameModule<Api> {
  const { name } = contract;
  if (!NAME.test(name)) {
    const problem = `the name of its folder must be small letters, digits and "-", a letter first, at most 32`;
    throw new TypeError(
      `Cannot define game ${JSON.stringify(name)}: ${problem}; rename it, and run deno task generate`,
    );
  }
  const options: Readonly<Record<string, GameOption>> = description.options ?? {};
  for (const key of Object.keys(options)) {
    if (!OPTION_KEY.test(key) || Object.hasOwn(OPTIONS, key)) {
      throw new TypeError(`Cannot define game ${name}: ${key} cannot be the key of an option of its own`);
    }
  }
  const module: GameModule<Api> = Object.freeze({
    ...description,
    name,
    contract,
    folder: callersFolder(),
    options,
    start: (game: Game) => {
      const given = game.config.gameOptions;
      const values = Object.entries(options).map(([key, { default: standard }]) => [key, given[key] ?? standard]);
      return start(game, Object.freeze(Object.fromEntries(values)));
    },
  });
  MODULES.add(module);
  return module;
}

/** The folder of the module that called {@linkcode defineGame}. */
function callersFolder(): string {
  const limit = Error.stackTraceLimit;
  // Code that makes errors by the thousand may have set it to nothing.
  Error.stackTraceLimit = 4;
  const { stack = "" } = new Error();
  Error.stackTraceLimit = limit;
  // The lines of a stack: the message, this function, defineGame, its caller.
  const folder = /([a-z]+:\/\/[^\s()]*\/)[^/]*$/.exec(stack.split("\n")[3] ?? "")?.[1];
  if (folder === undefined) throw new TypeError("Cannot tell which module defines the game");
  return folder;
}

/** Whether a value came from {@linkcode defineGame}. */
export function isGameModule(value: unknown): value is GameModule {
  return typeof value === "object" && value !== null && MODULES.has(value);
}

/** What several games use or leave out, on the API that a game has. */
export interface GamePart<Options, Api> {
  /** What it is called; a game uses each part once. */
  readonly name: string;
  /** Its own metrics, by name: among those of the game. */
  readonly metrics: Readonly<Record<string, GameMetric>>;
  /** Registers what the part does; gives what the game and other parts ask of it. */
  readonly start: (game: Game, options: Options) => Api;
}

/** Defines a part of games; `game.use` starts it. */
export function definePart<Options = undefined, Api = void>(
  name: string,
  start: (game: Game, options: Options) => Api,
  metrics: Readonly<Record<string, GameMetric>> = {},
): GamePart<Options, Api> {
  return { name, start, metrics };
}
