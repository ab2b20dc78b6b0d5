/** What is played on the instances of a template. @module */

import type { Instance, Instances } from "../session/instances.ts";
import type { Player } from "../session/player.ts";
import type { WorldMap } from "../world/world_map.ts";
import type { GameKeeps } from "./game_keeps.ts";

/** How a game plays what it plays on the instances of one template. */
export interface MatchRules<State, Match> {
  /**
   * Makes a match. It is called for each instance that is opened, and for each that was open before the game was reloaded,
   * with all its players in place.
   *
   * @param state As {@linkcode Matches.open} was given it, or what `stateOf` gave before.
   * @param isResumed Whether the match goes on after a reload.
   */
  readonly make: (instance: Instance, state: State, isResumed: boolean) => Match;
  /** What a match goes on from when the game is reloaded: plain data, as `game.keep` takes it. */
  readonly stateOf: (match: Match) => State;
}

/** Matches that go on, each on an instance of its own; one is over when its instance is ended. Made by `Game.matches`. */
export class Matches<State, Match> implements Iterable<Match> {
  readonly #template: string;
  readonly #instances: Instances;
  readonly #rules: MatchRules<State, Match>;
  readonly #matches = new Map<WorldMap, Match>();

  /** The engine makes it. */
  constructor(template: string, { instances, keeps, rules }: {
    readonly instances: Instances;
    readonly keeps: GameKeeps;
    readonly rules: MatchRules<State, Match>;
  }) {
    this.#template = template;
    this.#instances = instances;
    this.#rules = rules;
    const name = `matches ${template}`;
    for (const { mapId, state } of keeps.kept(name) as { mapId: number; state: State }[] | undefined ?? []) {
      const instance = instances.find(mapId);
      if (instance !== undefined) this.#make(instance, state, true);
    }
    keeps.keep(name, () => {
      this.#forget();
      return Array.from(this.#matches, ([{ mapId }, match]) => ({ mapId, state: rules.stateOf(match) }));
    });
  }

  /** How many go on. */
  get count(): number {
    this.#forget();
    return this.#matches.size;
  }

  /**
   * Opens an instance and makes a match on it.
   *
   * @returns `null` when as many are open as the template allows.
   * @throws What `make` throws: then the instance is ended.
   */
  open(state: State): Match | null {
    this.#forget();
    const instance = this.#instances.open(this.#template);
    if (instance === null) return null;
    try {
      return this.#make(instance, state, false);
    } catch (error) {
      instance.end();
      throw error;
    }
  }

  /** The match that a player is in; `undefined`: none. */
  of(player: Player): Match | undefined {
    return player.isInWorld ? this.#matches.get(this.#instances.mapOf(player)) : undefined;
  }

  /** Those that go on, in the order in which they began. */
  *[Symbol.iterator](): Iterator<Match> {
    for (const [map, match] of this.#matches) if (!map.isOver) yield match;
  }

  #make(instance: Instance, state: State, isResumed: boolean): Match {
    const match = this.#rules.make(instance, state, isResumed);
    this.#matches.set(instance.map, match);
    return match;
  }

  #forget(): void {
    for (const map of this.#matches.keys()) if (map.isOver) this.#matches.delete(map);
  }
}
