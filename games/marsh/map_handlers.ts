/**
 * Maps, as players see them: what is on the one they are on, and the ways to others.
 *
 * @module
 */

import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { MapEnteredSchema, type MapInfoSchema } from "../../shared/gen/world_pb.ts";
import { MapInfoRequestSchema, MapInfoResponseSchema, PortalRequestSchema } from "./marsh_pb.ts";
import { PacketType } from "./contract.ts";
import { PORTAL_ARRIVAL_RADIUS } from "./limits.ts";
import type { CombatService } from "../parts/combat/combat_handlers.ts";
import { FIGHT_MS } from "../parts/combat/limits.ts";
import type { Atlas, AtlasMap, Portal } from "./maps/atlas.ts";
import { type Game, Refused } from "../../server/game/game.ts";
import { pack, type Packed, placeAround } from "../../server/game/kit.ts";

/** What maps need of the rest of the game. */
export interface MapParts {
  readonly atlas: Atlas;
  readonly combat: Pick<CombatService, "canAct" | "isFighting">;
}

/** Registers what players ask of maps and portals. */
export function startMaps(game: Game, parts: MapParts): void {
  const { clock, world } = game;
  const { atlas } = parts;
  /** Where at the end of a portal somebody arrives. */
  const arrivals = game.random("portals");

  /** Maps do not change while the server runs. */
  const infos = new Map<number, Packed>();

  game.on(MapInfoRequestSchema, (player) => {
    const map = mapOf(player.entityId);
    let info = infos.get(map.mapId);
    if (info === undefined) {
      info = pack(toBinary(MapInfoResponseSchema, create(MapInfoResponseSchema, { success: true, map: infoOf(map) })));
      infos.set(map.mapId, info);
    }
    player.sendPacked(PacketType.MAP_INFO_RESPONSE, info);
  });

  game.on(PortalRequestSchema, (player, { portalId }) => {
    const entityId = player.entityId;
    const portal = mapOf(entityId).portals.find((portal) => portal.portalId === portalId);
    if (portal === undefined) throw new Refused(ErrorCode.NOT_FOUND, "There is no such portal on this map");
    if (!parts.combat.canAct(entityId)) {
      throw new Refused(ErrorCode.INVALID_STATE, "The dead and the stunned cannot use a portal");
    }
    if (parts.combat.isFighting(entityId)) {
      const seconds = FIGHT_MS / 1_000;
      throw new Refused(ErrorCode.INVALID_STATE, `Portals are closed to you until ${seconds} s after your last blow`);
    }
    if (
      Math.hypot(world.xOf(entityId) - portal.x, world.yOf(entityId), world.zOf(entityId) - portal.z) > portal.radius
    ) {
      throw new Refused(ErrorCode.OUT_OF_RANGE, `You are more than ${portal.radius} units from the portal`);
    }
    pass(entityId, portal);
    game.save(entityId);
    player.tell(MapEnteredSchema, {
      success: true,
      entityId: BigInt(entityId),
      position: { x: world.xOf(entityId), y: world.yOf(entityId), z: world.zOf(entityId) },
      map: infoOf(portal.target),
    });
  });

  function mapOf(entityId: number): AtlasMap {
    return atlas.find(world.mapOf(entityId).mapId)!;
  }

  function pass(entityId: number, { target, arrival }: Portal): void {
    const { x, z } = world.findMap(target.mapId)!.clamp(placeAround(arrival, PORTAL_ARRIVAL_RADIUS, arrivals));
    const place = { x, y: 0, z, yaw: world.yawOf(entityId) };
    if (!world.tryTransfer(entityId, { mapId: target.mapId, place }, clock.monotonicMs())) {
      throw new Refused(ErrorCode.SERVER_FULL, `${target.name} is full`);
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
