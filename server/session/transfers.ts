/**
 * The ways of sessions between maps.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { MapEnteredSchema } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import type { Place } from "../world/world.ts";
import type { WorldMap } from "../world/world_map.ts";
import { type Characters, isOn } from "./characters.ts";
import type { LogicContext } from "./context.ts";
import type { Session } from "./session.ts";

/** Takes sessions in the world from map to map. */
export class Transfers {
  readonly #context: Pick<LogicContext, "clock" | "sessions" | "world">;
  readonly #characters: Characters;

  constructor(context: Pick<LogicContext, "clock" | "sessions" | "world">, characters: Characters) {
    this.#context = context;
    this.#characters = characters;
  }

  /**
   * Takes a session in the world to another map, and tells its client.
   *
   * @param target Without a place the world chooses one.
   * @returns `false` when the map is full; nothing was done then.
   */
  moveTo(
    session: Session,
    target: { readonly map: WorldMap; readonly place?: Readonly<Place>; readonly evenIfFull?: boolean },
  ): boolean {
    const { clock, world } = this.#context;
    const presence = session.presence!, { entityId } = presence, { map, place, evenIfFull } = target;
    const home = map.template === null ? null : presence.home ?? this.#characters.whereIs(entityId);
    if (!world.tryTransfer(entityId, { mapId: map.mapId, place, evenIfFull }, clock.monotonicMs())) return false;
    presence.home = home;
    this.#characters.save(session);
    this.tell(session);
    return true;
  }

  /** Tells a session's client which map it is on, and where: MAP_ENTERED. */
  tell(session: Session): void {
    const { sessions, world } = this.#context, { entityId } = session.presence!;
    const { mapId, name, width, height, interestRadius, theme } = world.mapOf(entityId);
    const entered = create(MapEnteredSchema, {
      success: true,
      entityId: BigInt(entityId),
      position: { x: world.xOf(entityId), y: world.yOf(entityId), z: world.zOf(entityId) },
      map: { mapId, name, width, height, interestRadius, theme },
    });
    sessions.send(session, PacketType.MAP_ENTERED, toBinary(MapEnteredSchema, entered));
  }

  /** Takes a session out of its instance, to where it was before; one that is in none stays where it is. */
  moveHome(session: Session): void {
    const { world } = this.#context;
    const home = session.presence?.home;
    if (home == null) return;
    const map = world.findMap(home.mapId);
    // It must go somewhere, however full it is there.
    if (map === undefined || !isOn(map, home)) this.moveTo(session, { map: world.maps[0], evenIfFull: true });
    else this.moveTo(session, { map, place: home, evenIfFull: true });
  }
}
