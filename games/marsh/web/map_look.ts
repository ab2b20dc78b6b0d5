/**
 * What a map looks like, and where it has portals.
 *
 * @module
 */

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
  const { name, width, height, interestRadius, theme } = info;
  const portals = info.portals.map(({ portalId, position, radius, targetMapName }) => ({
    portalId,
    x: position?.x ?? 0,
    z: position?.z ?? 0,
    radius,
    targetName: shownName(targetMapName),
  }));
  const safeAreas = info.safeAreas.map(({ position, radius }) => ({
    x: position?.x ?? 0,
    z: position?.z ?? 0,
    radius,
  }));
  return { name: shownName(name), width, height, interestRadius, portals, safeAreas, colors: groundOf(theme) };
}

/** A map of which only ENTER_WORLD_RESPONSE has told. */
export function plainLook(size: { width: number; height: number; interestRadius: number }): MapLook {
  return { ...size, name: "", portals: [], safeAreas: [], colors: GROUNDS.meadow };
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
