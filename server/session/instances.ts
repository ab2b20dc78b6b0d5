/**
 * Maps that are made and ended while the server runs, and the players on them.
 *
 * @module
 */

import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import type { World } from "../world/world.ts";
import type { WorldMap } from "../world/world_map.ts";
import type { LogicContext } from "./context.ts";
import { Player } from "./player.ts";
import type { Players } from "./players.ts";
import type { HomePlace, Session } from "./session.ts";
import type { WorldService } from "./world_service.ts";

/** What moves sessions between maps. */
type MapService = Pick<WorldService, "clear" | "transfers">;

/** An instance of one of the game's templates: a map apart from all others, until it is ended. */
export class Instance {
  /** Its map. */
  readonly map: WorldMap;
  readonly #instances: Instances;

  /** The engine makes it: see {@linkcode Instances.open}. */
  constructor(map: WorldMap, instances: Instances) {
    this.map = map;
    this.#instances = instances;
  }

  /** Whether it was ended; timers that it owns are over with it. */
  get isOver(): boolean {
    return this.map.isOver;
  }

  /** Players on it, link-dead ones among them. */
  get players(): Player[] {
    return this.#instances.playersOn(this.map);
  }

  /** Takes a player in; see {@linkcode Instances.move}. */
  admit(player: Player, place?: { readonly x: number; readonly z: number }): boolean {
    return this.#instances.move(player, this, place);
  }

  /** Sends one message to all players on it: it is encoded once. @returns How many it was sent to, or kept for. */
  tell<Desc extends DescMessage>(schema: Desc, message: MessageInitShape<Desc>): number {
    return this.#instances.tell(this.map, schema, message);
  }

  /**
   * Ends it: its players go back to where they were before they came into an instance, and everything else on it is gone.
   * Ending one that is over does nothing.
   */
  end(): void {
    if (!this.isOver) this.#instances.end(this.map);
  }
}

/** The instances of a world, and the ways of players between maps. */
export class Instances {
  readonly #world: World;
  readonly #drain: LogicContext["drain"];
  readonly #service: MapService;
  readonly #players: Players;
  readonly #found: Int32Array;
  /** Ids of those that were open before the game was reloaded, and that it has not asked for. */
  readonly #abandoned: Set<number>;

  /** The engine makes it. @param parts `before`: ids of those that were open before the game was reloaded. */
  constructor({ drain, world }: Pick<LogicContext, "drain" | "world">, { service, players, before = [] }: {
    readonly service: MapService;
    readonly players: Players;
    readonly before?: readonly number[];
  }) {
    this.#world = world;
    this.#drain = drain;
    this.#service = service;
    this.#players = players;
    this.#found = new Int32Array(world.slotCount);
    this.#abandoned = new Set(before);
  }

  /** Instances that are open. */
  get count(): number {
    return this.#world.instanceCount;
  }

  /**
   * Makes an instance of a template.
   *
   * @returns `null` when as many are open as the template allows, or the server is about to stop.
   * @throws {RangeError} when the game has no such template.
   */
  open(template: string): Instance | null {
    // Nothing begins that would be waited for.
    if (this.#drain.isOn) return null;
    const map = this.#world.openMap(template);
    return map && new Instance(map, this);
  }

  /**
   * The instance of a map that was opened before the game was reloaded; `undefined` where there is none. One that nobody
   * asks for while the game starts is ended.
   */
  find(mapId: number): Instance | undefined {
    const map = this.#world.findMap(mapId);
    if (map === undefined || map.template === null) return undefined;
    this.#abandoned.delete(mapId);
    return new Instance(map, this);
  }

  /** Ends those from before the game was reloaded that it has not asked for. */
  endAbandoned(): void {
    for (const mapId of this.#abandoned) {
      const map = this.#world.findMap(mapId);
      if (map !== undefined) this.end(map);
    }
    this.#abandoned.clear();
  }

  /**
   * Takes a player to an instance or a map of the game. Its client is told by MAP_ENTERED, before it is shown anything
   * there.
   *
   * @param place Units; unless told, the world chooses one.
   * @returns `false` when the map is full; nothing was done then.
   * @throws {TypeError} when the player is not in the world, or the instance is over.
   */
  move(player: Player, target: Instance | WorldMap, place?: { readonly x: number; readonly z: number }): boolean {
    const map = target instanceof Instance ? target.map : target;
    if (map.isOver) throw new TypeError(`Map ${map.mapId} is over`);
    return this.#service.transfers.moveTo(sessionOf(player), { map, place: place && { y: 0, yaw: 0, ...place } });
  }

  /**
   * Takes a player out of an instance, to where it was before it came into one; one that is in none stays where it is.
   *
   * @throws {TypeError} when the player is not in the world.
   */
  moveHome(player: Player): void {
    this.#service.transfers.moveHome(sessionOf(player));
  }

  /**
   * Says where a player goes when it leaves its instance, and where it is saved meanwhile.
   *
   * @throws {TypeError} when the player is in no instance.
   */
  setHome(player: Player, home: HomePlace): void {
    const presence = sessionOf(player).presence!;
    if (presence.home === null) throw new TypeError(`${player.name} is in no instance`);
    presence.home = home;
  }

  /**
   * The map that a player is on.
   *
   * @throws {TypeError} when the player is not in the world.
   */
  mapOf(player: Player): WorldMap {
    return this.#world.mapOf(player.entityId);
  }

  /** Players on a map. */
  playersOn(map: WorldMap): Player[] {
    const players: Player[] = [];
    for (const id of this.#entitiesOn(map)) {
      const player = this.#players.at(id);
      if (player !== undefined) players.push(player);
    }
    return players;
  }

  /** Sends one message to all players on a map. @returns How many it was sent to, or kept for. */
  tell<Desc extends DescMessage>(map: WorldMap, schema: Desc, message: MessageInitShape<Desc>): number {
    return this.#players.tell(this.playersOn(map), schema, message);
  }

  /** Ends an instance; see {@linkcode Instance.end}. */
  end(map: WorldMap): void {
    for (const id of this.#entitiesOn(map)) this.#service.clear(id);
    this.#world.closeMap(map.mapId);
  }

  #entitiesOn(map: WorldMap): Int32Array {
    return this.#found.slice(0, this.#world.entitiesOn(map, this.#found)).sort();
  }
}

/** @throws {TypeError} when the player is not in the world. */
function sessionOf(player: Player): Session {
  if (!player.isInWorld) throw new TypeError(`${player.name} is not in the world any more`);
  return Player.sessionOf(player);
}
