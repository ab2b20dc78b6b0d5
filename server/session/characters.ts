/**
 * Characters between what is saved of them and their entities in the world.
 *
 * @module
 */

import { EntityKind } from "../../shared/gen/world_pb.ts";
import { MOVEMENT_TOLERANCE_MS } from "../../shared/limits.ts";
import type { HookLists } from "../game/hooks.ts";
import type { PlayerName, SavedCharacter } from "../storage/storage.ts";
import type { Place } from "../world/world.ts";
import type { EntityImage } from "../world/world_image.ts";
import type { WorldMap } from "../world/world_map.ts";
import type { LogicContext } from "./context.ts";
import { Penalties } from "./penalties.ts";
import { componentsToSave, type KeptAside, restoreComponents, savedComponents } from "./saved_components.ts";
import type { HomePlace, Participant, Presence } from "./session.ts";

/** Where a character enters the world: on a map, at a place in units, or where the world chooses. */
export interface EntryPlace {
  readonly mapId: number;
  readonly place?: Readonly<Place>;
}

/** What is saved of a character. */
export type SavedState = Omit<SavedCharacter, "characterId">;

/** The travel time that a character had to spend when it left the world, and when that was, in milliseconds. */
interface TravelPenalty {
  readonly leftAtMs: number;
  readonly travelCreditMs: number;
}

/** When it has spent none of its travel time any more, by the server's clock. */
export function travelPenaltyEndMs({ leftAtMs, travelCreditMs }: TravelPenalty): number {
  return leftAtMs + MOVEMENT_TOLERANCE_MS - travelCreditMs;
}

/** What was set aside of entities, by their ids. */
export type AsideImage = readonly (readonly [entityId: number, aside: KeptAside])[];

/** What is asked of the game. */
type CharacterHooks = Pick<HookLists, "appear" | "entryPlace" | "savedHp">;

/** Puts characters into the world and saves them. */
export class Characters {
  readonly #context: LogicContext;
  readonly #hooks: CharacterHooks;
  /** What was saved of entities in the world and the game cannot take. */
  readonly #aside = new Map<number, KeptAside>();
  readonly #penalties = new Penalties(travelPenaltyEndMs);

  constructor(context: LogicContext, hooks: CharacterHooks) {
    this.#context = context;
    this.#hooks = hooks;
  }

  /** Puts the entity of a character into the world that has none there; gives its id, or 0 when the world is full. */
  appear(
    player: PlayerName,
    { characterId, state }: { readonly characterId: number; readonly state: SavedState | null },
  ): number {
    const { clock, saver, world } = this.#context;
    const nowMs = clock.monotonicMs();
    const penalty = this.#penalties.find(characterId, nowMs);
    const saved = saver.find(characterId) ?? state;
    const { map, place } = this.placeOf(player, saved);
    const entityId = world.join({
      kind: EntityKind.PLAYER,
      name: player.name,
      mapId: map.mapId,
      ...(place === null ? {} : { x: place.x, y: place.y, z: place.z, yaw: place.yaw }),
      viewer: true,
      travelCreditMs: penalty && penalty.travelCreditMs + nowMs - penalty.leftAtMs,
    }, nowMs);
    if (entityId === 0) return 0;
    this.#penalties.forget(characterId);
    const { contract: { components }, faults } = this.#context;
    faults.run("enter", () => {
      const aside = restoreComponents(world, entityId, {
        kept: savedComponents(saved?.components),
        ...{ components, faults, whose: { player: player.name, characterId } },
      });
      if (aside.length > 0) this.#aside.set(entityId, aside);
    });
    faults.notify("enter", this.#hooks.appear, entityId, player, saved);
    return entityId;
  }

  /** Where a character enters: where the game says, else where it was saved, if it can. */
  placeOf(player: PlayerName, saved: SavedState | null): { map: WorldMap; place: Place | null } {
    const { world } = this.#context;
    let wanted: EntryPlace | undefined;
    for (const entryPlace of this.#hooks.entryPlace) wanted ??= entryPlace(player, saved);
    wanted ??= saved === null ? undefined : { mapId: saved.mapId, place: saved };
    const map = wanted && world.findMap(wanted.mapId);
    // A map that is gone or full is no reason to keep anybody out.
    if (wanted === undefined || map === undefined || map.isFull) return { map: world.maps[0], place: null };
    // A place saved on a larger map may be none here.
    return { map, place: wanted.place !== undefined && isOn(map, wanted.place) ? wanted.place : null };
  }

  /**
   * Saves a character in the world as it is now, unless it is another node's.
   *
   * @throws {RangeError} when what the game says of it cannot be saved; and what the game throws.
   */
  save(who: Participant): void {
    const { ownerships, saver, world } = this.#context;
    const { characterId, entityId, home } = who.presence!;
    const owner = ownerships.find(who.player!.playerId);
    if (owner === undefined) return;
    const components = componentsToSave(world, entityId, this.#aside.get(entityId) ?? []);
    // An instance is gone when its player is back.
    const { mapId, x, y, z, yaw } = home ?? this.whereIs(entityId);
    const hp = Math.round(this.#hooks.savedHp[0]?.(entityId) ?? 0);
    // In the database it would spoil the save of everybody who shares its transaction.
    if (!Number.isFinite(hp)) throw new RangeError(`Cannot save character ${characterId}: its hp is ${hp}`);
    saver.save({
      characterId,
      mapId,
      x,
      y,
      z,
      yaw,
      hp,
      ...components === undefined ? {} : { components },
      ...owner === null ? {} : { owner },
    });
  }

  /** Where an entity is. */
  whereIs(entityId: number): HomePlace {
    const { world } = this.#context;
    return {
      mapId: world.mapOf(entityId).mapId,
      x: world.xOf(entityId),
      y: world.yOf(entityId),
      z: world.zOf(entityId),
      yaw: world.yawOf(entityId),
    };
  }

  /** A character leaves the world: what holds it back is kept. */
  hold({ characterId, entityId }: Presence): void {
    const nowMs = this.#context.clock.monotonicMs();
    const travelCreditMs = this.#context.world.travelCreditMs(entityId, nowMs);
    this.#penalties.hold(characterId, { leftAtMs: nowMs, travelCreditMs }, nowMs);
  }

  /** An entity is out of the world. */
  forget(entityId: number): void {
    this.#aside.delete(entityId);
  }

  /** Forgets what holds nobody back any more; to be called now and then. */
  sweep(): void {
    this.#penalties.sweep(this.#context.clock.monotonicMs());
  }

  /** What was set aside, as an image has it. */
  image(): AsideImage {
    return [...this.#aside];
  }

  /** Gives entities the components back that they had in another world. */
  restore(aside: AsideImage, entities: readonly Pick<EntityImage, "id" | "components">[]): void {
    const { contract: { components }, faults, world } = this.#context;
    for (const [entityId, kept] of aside) this.#aside.set(entityId, kept);
    for (const { id, components: kept } of entities) {
      const unknown = restoreComponents(world, id, { kept, components, faults });
      const saved = unknown.filter(({ componentId }) =>
        kept.some((component) => component.componentId === componentId && component.isSaved)
      );
      if (saved.length > 0) this.#aside.set(id, [...this.#aside.get(id) ?? [], ...saved]);
    }
  }
}

/** Whether a place is on a map. */
export function isOn(map: WorldMap, { x, z }: Readonly<Place>): boolean {
  return x >= 0 && z >= 0 && x <= map.width && z <= map.height;
}
