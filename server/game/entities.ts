/**
 * Entities, as a game holds them: by a handle that throws once its entity is gone.
 *
 * @module
 */

import {
  create,
  type DescMessage,
  equals,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { FaultReport } from "../../shared/errors.ts";
import type { ComponentDefinition } from "../../shared/component_table.ts";
import type { Player } from "../session/player.ts";
import type { EntityOptions, Place, World } from "../world/world.ts";
import type { WorldMap } from "../world/world_map.ts";

/** Who comes into the world that is nobody's. */
export interface SpawnOptions extends Omit<EntityOptions, "mapId" | "viewer" | "travelCreditMs"> {
  /** The game's first map unless told. */
  readonly map?: WorldMap;
}

/**
 * One entity in the world, a player's or one of the game's own, from when it came until it leaves. Whatever is asked of one
 * that is gone throws a `TypeError`, also when another entity has its id by now.
 */
export class Entity {
  /** Its id in the world. Ids are used again, some time after an entity is gone. */
  readonly id: number;
  readonly #generation: number;
  readonly #entities: Entities;

  /** The engine makes it: see {@linkcode Entities.of}. */
  constructor(id: number, entities: Entities) {
    this.id = id;
    this.#entities = entities;
    this.#generation = entities.world.generationOf(id);
  }

  /** Whether it has left the world. */
  get isOver(): boolean {
    const { world } = this.#entities;
    return !world.has(this.id) || world.generationOf(this.id) !== this.#generation;
  }

  /** Units. */
  get x(): number {
    return this.#world.xOf(this.id);
  }

  /** Units, upwards. */
  get y(): number {
    return this.#world.yOf(this.id);
  }

  /** Units. */
  get z(): number {
    return this.#world.zOf(this.id);
  }

  /** The map it is on. */
  get map(): WorldMap {
    return this.#world.mapOf(this.id);
  }

  /**
   * Sets a component, which is told from the next step of the world on, newest state only.
   *
   * @param schema The component's message.
   * @returns `false` when it is larger than its bound: then it stays as it was, and the fault is counted and logged.
   * @throws {TypeError} when the message is no component of the game.
   */
  set<Desc extends DescMessage>(schema: Desc, content: MessageInitShape<Desc>): boolean {
    const definition = this.#entities.definitionOf(schema), bytes = toBinary(schema, create(schema, content));
    if (this.#world.set(this.id, definition.id, bytes)) return true;
    this.#entities.refuse(definition, bytes.length);
    return false;
  }

  /**
   * Sets some fields of a component, and leaves the others as they are. Where nothing changes, nothing is told.
   *
   * @returns `false` and throws as {@linkcode Entity.set} does.
   */
  update<Desc extends DescMessage>(schema: Desc, fields: MessageInitShape<Desc>): boolean {
    const before = this.get(schema), after = create(schema, { ...before, ...fields });
    return equals(schema, before, after) || this.set(schema, after as MessageInitShape<Desc>);
  }

  /**
   * A component as it was set last; one that was not has nothing but defaults.
   *
   * @throws {TypeError} when the message is no component of the game.
   */
  get<Desc extends DescMessage>(schema: Desc): MessageShape<Desc> {
    const { id } = this.#entities.definitionOf(schema);
    return fromBinary(schema, this.#world.contentOf(this.id, id));
  }

  /** Puts it elsewhere on its map, at rest. The client of a player's own is told by `game.correct`. */
  teleport(place?: Readonly<Place>): void {
    this.#world.teleport(this.id, this.#entities.nowMs(), place);
  }

  /** Stops it; players who see it are shown it at rest. */
  halt(): void {
    this.#world.halt(this.id);
  }

  /** Holds it for one of the reasons that the game declares: it stops and may not move until it is released. */
  hold(reason: string): void {
    this.#world.hold(this.id, reason);
  }

  /** Ends what {@linkcode Entity.hold} began. It has saved up no travel time meanwhile. */
  release(reason: string): void {
    this.#world.release(this.id, reason);
    this.#world.resetTravelTime(this.id, this.#entities.nowMs());
  }

  /** Says how fast it may be, in units/s. A client learns it from the game. */
  setSpeed(speed: number): void {
    this.#world.setSpeed(this.id, speed);
  }

  /**
   * Takes it out of the world.
   *
   * @throws {TypeError} when it is a player's, which leaves with its player.
   */
  leave(): void {
    const world = this.#world;
    if (world.isViewer(this.id)) throw new TypeError(`Entity ${this.id} is a player's`);
    world.leave(this.id);
  }

  get #world(): World {
    if (this.isOver) throw new TypeError(`Entity ${this.id} has left the world`);
    return this.#entities.world;
  }
}

/** What entities of a game are made and changed with. */
export class Entities {
  /** Where they are. */
  readonly world: World;
  /** The engine's clock, milliseconds. */
  readonly nowMs: () => number;
  readonly #definitions: ReadonlyMap<DescMessage, ComponentDefinition>;
  readonly #faults: FaultReport;

  /** The engine makes it. */
  constructor(
    { world, nowMs, components, faults }: {
      readonly world: World;
      readonly nowMs: () => number;
      readonly components: readonly ComponentDefinition[];
      readonly faults: FaultReport;
    },
  ) {
    this.world = world;
    this.nowMs = nowMs;
    this.#definitions = new Map(components.map((definition) => [definition.schema, definition]));
    this.#faults = faults;
  }

  /**
   * Brings an entity into the world that nobody plays.
   *
   * @returns `null` when the world or the map has no room for it.
   */
  spawn({ map, ...options }: SpawnOptions): Entity | null {
    const id = this.world.join({ ...options, mapId: map?.mapId, viewer: false }, this.nowMs());
    return id === 0 ? null : new Entity(id, this);
  }

  /** The entity of a player in the world. */
  of(player: Player): Entity {
    return new Entity(player.entityId, this);
  }

  /** The entity with an id, `undefined` where there is none; any number may be asked. */
  find(entityId: number): Entity | undefined {
    return this.world.has(entityId) ? new Entity(entityId, this) : undefined;
  }

  /**
   * What the game's protos say of a component.
   *
   * @throws {TypeError} when the message is none.
   */
  definitionOf(schema: DescMessage): ComponentDefinition {
    const definition = this.#definitions.get(schema);
    if (definition === undefined) throw new TypeError(`${schema.typeName} is no component of the game`);
    return definition;
  }

  /** Counts and logs that a component was larger than its bound. */
  refuse({ name, bytesMax }: ComponentDefinition, bytes: number): void {
    this.#faults.report("component", new RangeError(`Cannot set ${name}: it is ${bytes} bytes, limit is ${bytesMax}`));
  }
}
