/** Maps as the model has them, in centimetres. @module */

import type { MapDefinition } from "../../games/marsh/maps/map_data.ts";

/** A way to another map. */
export interface PortalRule {
  readonly portalId: number;
  readonly x: number;
  readonly z: number;
  readonly radius: number;
  readonly targetMapId: number;
}

/** One map. */
export interface MapRule {
  readonly mapId: number;
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Within it players see each other. */
  readonly radius: number;
  readonly enterSquared: number;
  readonly leaveSquared: number;
  readonly playersMax: number;
  readonly portals: readonly PortalRule[];
  readonly safeAreas: readonly { readonly x: number; readonly z: number; readonly radius: number }[];
}

const CM_PER_UNIT = 100;
/** A pair ends beyond the radius times this, of contract and documentation. */
const HYSTERESIS = 1.1;
/** A map whose side is shorter than so many radii of a safe area has none, of contract and documentation. */
const SAFE_SIDE_RADII = 4;
/** What rounding may make of a distance, in centimetres. */
const BORDER_CM = 2;

/** Whether a place is safe: certainly not, perhaps, certainly. */
export function safetyOf(map: MapRule, { x, z }: { readonly x: number; readonly z: number }): "no" | "perhaps" | "yes" {
  const depth = Math.max(-Infinity, ...map.safeAreas.map((area) => area.radius - Math.hypot(area.x - x, area.z - z)));
  return depth >= BORDER_CM ? "yes" : depth <= -BORDER_CM ? "no" : "perhaps";
}

/** What follows from the map file and what the server was told, both in units: the first map's side, and how far players see. */
export function mapRules(
  definitions: readonly MapDefinition[],
  { mapSize, interestRadius }: { readonly mapSize: number; readonly interestRadius: number },
): MapRule[] {
  return definitions.map((definition, index) => {
    const width = (index === 0 ? mapSize : definition.width) * CM_PER_UNIT;
    const height = (index === 0 ? mapSize : definition.height) * CM_PER_UNIT;
    const radius = (definition.interestRadius ?? interestRadius) * CM_PER_UNIT;
    return {
      ...{ mapId: definition.mapId, name: definition.name, width, height, radius },
      enterSquared: Math.round(radius) ** 2,
      leaveSquared: Math.round(radius * HYSTERESIS) ** 2,
      playersMax: definition.playersMax ?? Infinity,
      safeAreas: (definition.safeAreas ?? [])
        .map((area) => ({ ...area, radius: area.radius * CM_PER_UNIT }))
        .filter(({ radius }) => Math.min(width, height) >= SAFE_SIDE_RADII * radius)
        .map(({ x, z, radius }) => ({
          x: onMap(x * width, radius, width),
          z: onMap(z * height, radius, height),
          radius,
        })),
      portals: definition.portals.map((portal) => ({
        portalId: portal.portalId,
        x: portal.x * width,
        z: portal.z * height,
        radius: portal.radius * CM_PER_UNIT,
        targetMapId: portal.toMap,
      })),
    };
  });
}

/** Safe areas lie on the map with all they are, of the map file's documentation. */
function onMap(middle: number, radius: number, side: number): number {
  return Math.max(radius, Math.min(side - radius, middle));
}
