/** A game and its parts, as the engine takes them. @module */

import type { Contract } from "../../shared/contract.ts";
import type { ServerConfig } from "../config/config.ts";
import type { MapOptions } from "../world/world_map.ts";
import type { WorldOptions } from "../world/world.ts";
import type { Game } from "./game.ts";

/** What a game is, beside its contract and its rules. */
export interface GameDescription extends Pick<WorldOptions, "components" | "holdReasons" | "templates"> {
  /** At least one map; the first is where players come that are for none in particular. */
  readonly maps: (config: ServerConfig) => readonly MapOptions[];
  /** Entities that nobody plays, at most: they have places of their own. One for each ten of players' unless told. */
  readonly othersMax?: number;
}

/** A game: what {@linkcode defineGame} gives and the engine starts. */
export interface GameModule<Api = unknown> extends GameDescription {
  /** That of its contract; its data folder keeps it. */
  readonly name: string;
  /** What its protos and the engine's say. */
  readonly contract: Contract;
  /** Registers the rules; gives what tests may look at. */
  readonly start: (game: Game) => Api;
}

/** Lower-case letters, digits and `-`, beginning with a letter. */
const NAME = /^[a-z][a-z0-9-]{0,31}$/;
const MODULES = new WeakSet<object>();

/**
 * Defines a game.
 *
 * @param contract From the module that is generated from its protos.
 * @param start Called once for each life of the logic worker, before anybody is in the world: registers handlers, hooks,
 * systems and timers.
 * @throws {TypeError} when the name is none.
 */
export function defineGame<Api>(
  contract: Contract,
  description: GameDescription,
  start: (game: Game) => Api,
): GameModule<Api> {
  const { name } = contract;
  if (!NAME.test(name)) throw new TypeError(`Cannot define game ${JSON.stringify(name)}: the name must match ${NAME}`);
  const module = Object.freeze({ ...description, name, contract, start });
  MODULES.add(module);
  return module;
}

/** Whether a value came from {@linkcode defineGame}. */
export function isGameModule(value: unknown): value is GameModule {
  return typeof value === "object" && value !== null && MODULES.has(value);
}

/** What several games use or leave out, on the API that a game has. */
export interface GamePart<Options, Api> {
  readonly name: string;
  /** Registers what the part does; gives what the game and other parts ask of it. */
  readonly start: (game: Game, options: Options) => Api;
}

/** Defines a part of games; `game.use` starts it. */
export function definePart<Options = undefined, Api = void>(
  name: string,
  start: (game: Game, options: Options) => Api,
): GamePart<Options, Api> {
  return { name, start };
}
