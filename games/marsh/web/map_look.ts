/**
 * What a map looks like, and where it has portals.
 *
 * @module
 */

import { lengthOf } from "../../../client/world/length.ts";
import type { Vector3 } from "../../../shared/gen/common_pb.ts";
import type { MapInfo } from "../../../shared/gen/world_pb.ts";
import type { MapSize } from "./castle_wall.ts";
import { shownName } from "./language.ts";
import { type GroundColors, GROUNDS } from "./palette.ts";

/** A place that leads to another map; lengths in units. */
export interface PortalLook {
  readonly portalId: number;
  readonly x: number;
  readonly z: number;
  readonly radius: number;
  readonly targetName: string;
}

/** A map as the page shows it. */
export interface MapLook extends MapSize {
  /** Empty while unknown. */
  readonly name: string;
  readonly colors: GroundColors;
  readonly interestRadius: number;
  readonly portals: readonly PortalLook[];
  /** Circles in which no monster comes and nobody is hit but in a war; units. */
  readonly safeAreas: readonly { readonly x: number; readonly z: number; readonly radius: number }[];
}

/** A map as the server told of it. A theme that this page does not know is painted as the first one. */
export function mapLook(info: MapInfo): MapLook {
  const portals = info.portals.map(({ portalId, position, radius, targetMapName }) => ({
    portalId,
    ...circleOf(position, radius),
    targetName: shownName(targetMapName),
  }));
  const safeAreas = info.safeAreas.map(({ position, radius }) => circleOf(position, radius));
  return { ...plainLook(info), name: shownName(info.name), portals, safeAreas, colors: groundOf(info.theme) };
}

/** A map of which only ENTER_WORLD_RESPONSE has told. */
export function plainLook(size: { width: number; height: number; interestRadius: number }): MapLook {
  const [width, height, interestRadius] = [size.width, size.height, size.interestRadius].map(lengthOf);
  return { width, height, interestRadius, name: "", portals: [], safeAreas: [], colors: GROUNDS.meadow };
}

function circleOf(position: Vector3 | undefined, radius: number): { x: number; z: number; radius: number } {
  return { x: lengthOf(position?.x ?? 0), z: lengthOf(position?.z ?? 0), radius: lengthOf(radius) };
}

/** The portal that can be used from a place; `undefined`: none. */
export function portalAt(map: MapLook, x: number, z: number): PortalLook | undefined {
  return map.portals.find((portal) => Math.hypot(portal.x - x, portal.z - z) <= portal.radius);
}

/** Whether a place lies in a safe area. */
export function isSafe(map: Pick<MapLook, "safeAreas">, x: number, z: number): boolean {
  return map.safeAreas.some((area) => Math.hypot(area.x - x, area.z - z) <= area.radius);
}

function groundOf(theme: string): GroundColors {
  return Object.hasOwn(GROUNDS, theme) ? GROUNDS[theme as keyof typeof GROUNDS] : GROUNDS.meadow;
}
