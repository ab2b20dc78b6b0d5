/**
 * Maps, as sessions see them: what is on the one they are on, and the ways to others.
 *
 * @module
 */

import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import {
  MapEnteredSchema,
  MapInfoRequestSchema,
  MapInfoResponseSchema,
  type MapInfoSchema,
  PortalRequestSchema,
} from "../../shared/gen/game_pb.ts";
import { PacketType } from "../../shared/gen/packet_pb.ts";
import { FIGHT_MS, PORTAL_ARRIVAL_RADIUS } from "../../shared/limits.ts";
import type { Atlas, AtlasMap, Portal } from "./maps/atlas.ts";
import { placeAround } from "../../server/world/places.ts";
import type { Prng } from "../../server/world/prng.ts";
import type { CombatService } from "./combat_handlers.ts";
import type { LogicContext } from "../../server/session/context.ts";
import { type Dispatcher, RequestError } from "../../server/session/dispatcher.ts";
import { pack, type Packed } from "../../server/session/roster.ts";
import type { Session } from "../../server/session/session.ts";
import type { WorldService } from "../../server/session/world_service.ts";

/** What maps need of the rest of logic. */
export interface MapParts {
  readonly atlas: Atlas;
  readonly world: Pick<WorldService, "save">;
  readonly combat: Pick<CombatService, "canAct" | "isFighting">;
  /** Where at the end of a portal somebody arrives. */
  readonly prng: Prng;
}

/** Registers the handlers of this module. */
export function registerMapHandlers(dispatcher: Dispatcher, context: LogicContext, parts: MapParts): void {
  const { clock, sessions, world } = context;
  const { atlas } = parts;

  /** Maps do not change while the server runs. */
  const infos = new Map<number, Packed>();

  dispatcher.on(MapInfoRequestSchema, (session) => {
    const map = mapOf(entityOf(session));
    let info = infos.get(map.mapId);
    if (info === undefined) {
      info = pack(toBinary(MapInfoResponseSchema, create(MapInfoResponseSchema, { success: true, map: infoOf(map) })));
      infos.set(map.mapId, info);
    }
    sessions.sendPacked(session, PacketType.MAP_INFO_RESPONSE, info);
  });

  dispatcher.on(PortalRequestSchema, (session, { portalId }) => {
    const entityId = entityOf(session);
    const portal = mapOf(entityId).portals.find((portal) => portal.portalId === portalId);
    if (portal === undefined) throw new RequestError(ErrorCode.NOT_FOUND, "There is no such portal on this map");
    if (!parts.combat.canAct(entityId)) {
      throw new RequestError(ErrorCode.INVALID_STATE, "The dead and the stunned cannot use a portal");
    }
    if (parts.combat.isFighting(entityId)) {
      const seconds = FIGHT_MS / 1_000;
      throw new RequestError(ErrorCode.INVALID_STATE, `A portal takes nobody within ${seconds} s of a blow`);
    }
    if (
      Math.hypot(world.xOf(entityId) - portal.x, world.yOf(entityId), world.zOf(entityId) - portal.z) > portal.radius
    ) {
      throw new RequestError(ErrorCode.OUT_OF_RANGE, `The portal is farther away than ${portal.radius} units`);
    }
    pass(entityId, portal);
    parts.world.save(session);
    const response = create(MapEnteredSchema, {
      success: true,
      entityId: BigInt(entityId),
      position: { x: world.xOf(entityId), y: world.yOf(entityId), z: world.zOf(entityId) },
      map: infoOf(portal.target),
    });
    sessions.send(session, PacketType.MAP_ENTERED, toBinary(MapEnteredSchema, response));
  });

  function mapOf(entityId: number): AtlasMap {
    return atlas.find(world.mapOf(entityId).mapId)!;
  }

  function pass(entityId: number, { target, arrival }: Portal): void {
    const { x, z } = world.findMap(target.mapId)!.clamp(placeAround(arrival, PORTAL_ARRIVAL_RADIUS, parts.prng));
    const place = { x, y: 0, z, yaw: world.yawOf(entityId) };
    if (!world.tryTransfer(entityId, { mapId: target.mapId, place }, clock.monotonicMs())) {
      throw new RequestError(ErrorCode.SERVER_FULL, `${target.name} is full`);
    }
  }
}

function infoOf(map: AtlasMap): MessageInitShape<typeof MapInfoSchema> {
  const { mapId, name, width, height, interestRadius, theme } = map;
  const portals = map.portals.map(({ portalId, x, z, radius, target }) => ({
    portalId,
    position: { x, y: 0, z },
    radius,
    targetMapId: target.mapId,
    targetMapName: target.name,
  }));
  const safeAreas = map.safeAreas.map(({ x, z, radius }) => ({ position: { x, y: 0, z }, radius }));
  return { mapId, name, width, height, interestRadius, portals, theme, safeAreas };
}

function entityOf(session: Session): number {
  if (session.presence === null) throw new RequestError(ErrorCode.INVALID_STATE, "Enter the world first");
  return session.presence.entityId;
}
