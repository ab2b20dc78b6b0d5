/**
 * What a game is written against. A game imports nothing else of the server.
 *
 * @module
 */

import type { DescMessage } from "@bufbuild/protobuf";
import type { Sanctions } from "../moderation/sanctions.ts";
import type { LogicContext } from "../session/context.ts";
import type { Dispatcher, Handler } from "../session/dispatcher.ts";
import type { PlayerDirectory } from "../session/player_directory.ts";
import type { WorldService } from "../session/world_service.ts";
import { Prng } from "../world/prng.ts";
import type { GamePart } from "./define_game.ts";
import type { GameTimer, GameTimers, TimerOwner } from "./game_timers.ts";
import { type HookLists, type Hooks, hooksInto } from "./hooks.ts";

export { defineGame, definePart, type GameDescription, type GameModule, type GamePart } from "./define_game.ts";
export type { GameTimer, TimerOwner } from "./game_timers.ts";
export type { DeletedAccount, HookFunctions, Hooks } from "./hooks.ts";

/** Something that a game does once a tick. */
export interface GameSystem {
  readonly name: string;
  readonly step: (nowMs: number) => void;
}

/** What the engine gives a game to work with. */
export interface GameEngine {
  readonly context: LogicContext;
  readonly dispatcher: Dispatcher;
  readonly directory: PlayerDirectory;
  readonly sanctions: Sanctions;
  readonly world: WorldService;
  readonly hooks: HookLists;
  readonly timers: GameTimers;
  readonly systems: GameSystem[];
  /** The date by which things are over, in Unix milliseconds; 0: not known yet. */
  readonly dateMs: () => number;
  /** Of all the game's chance. */
  readonly seed: number;
}

/** A game that runs: what its rules are written against. */
export class Game {
  /** Registers what is to be called beside the handlers of packets. */
  readonly hooks: Hooks;
  /** The engine itself, for parts that ask more than this API has. */
  readonly engine: GameEngine;
  readonly #parts = new Set<string>();
  readonly #streams = new Set<string>();

  constructor(engine: GameEngine) {
    this.engine = engine;
    this.hooks = hooksInto(engine.hooks);
  }

  /**
   * Starts a part.
   *
   * @returns What the part offers.
   * @throws {TypeError} when the game uses it already.
   */
  use<Options, Api>(part: GamePart<Options, Api>, options: Options): Api {
    if (this.#parts.has(part.name)) throw new TypeError(`Cannot use part ${part.name} twice`);
    this.#parts.add(part.name);
    return part.start(this, options);
  }

  /**
   * Registers the handler of a packet, by the message it carries.
   *
   * @throws {TypeError} when no packet carries it, or it has a handler.
   */
  on<Desc extends DescMessage>(schema: Desc, handle: Handler<Desc>): void {
    this.engine.dispatcher.on(schema, handle);
  }

  /** Has something done once a tick, before the world's step; what throws costs that system this tick. */
  system(name: string, step: (nowMs: number) => void): void {
    this.engine.systems.push({ name, step });
  }

  /**
   * Calls something once, some time from now, unless its owner is over by then.
   *
   * @param ms By the engine's clock, as exactly as a step of the world.
   */
  after(ms: number, act: () => void, owner?: TimerOwner): GameTimer {
    return this.engine.timers.set(act, { dueMs: this.nowMs + ms, owner });
  }

  /** Calls something again and again, until its owner is over. */
  every(ms: number, act: () => void, owner?: TimerOwner): GameTimer {
    return this.engine.timers.set(act, { dueMs: this.nowMs + ms, intervalMs: ms, owner });
  }

  /** The engine's clock: never goes back; milliseconds. */
  get nowMs(): number {
    return this.engine.context.clock.monotonicMs();
  }

  /**
   * A stream of chance of its own, which no other stream moves on.
   *
   * @throws {TypeError} when the game has it already: two that share one would not be told apart.
   */
  random(name: string): Prng {
    if (this.#streams.has(name)) throw new TypeError(`Cannot open stream of chance ${name} twice`);
    this.#streams.add(name);
    let seed = this.engine.seed;
    for (const character of name) seed = (Math.imul(seed, 31) + character.codePointAt(0)!) | 0;
    return new Prng(seed);
  }
}
