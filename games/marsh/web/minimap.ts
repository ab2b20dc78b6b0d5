/**
 * The whole map in a corner.
 *
 * @module
 */

import { dot, type Pen } from "./brush.ts";
import { byId, uiScale } from "./dom.ts";
import { LabelLayout } from "./label_layout.ts";
import type { MapLook } from "./map_look.ts";
import { COLORS } from "./palette.ts";

/** What the map shows; units. */
export interface MinimapScene {
  readonly x: number;
  readonly z: number;
  readonly interestRadius: number;
  readonly others: readonly {
    readonly x: number;
    readonly z: number;
    readonly isMonster: boolean;
    readonly isFriend: boolean;
  }[];
}

/** A safe area is no smaller on it, in pixels. */
const SAFE_RADIUS_MIN = 2.5;
const MARGIN = 8;
/** A smaller map has no room for names, in pixels. */
const NAMES_SIDE_MIN = 110;
const NAME_PX = 10;
const NAME_FONT = `600 ${NAME_PX}px system-ui, sans-serif`;

/** The small map. */
export class Minimap {
  readonly #canvas = byId("minimap", HTMLCanvasElement);
  readonly #name = byId("map-name", HTMLElement);

  /** Shows the map, or takes it away. */
  setShown(isShown: boolean): void {
    this.#canvas.hidden = !isShown;
    this.#name.hidden = !isShown;
  }

  /** Draws the map. */
  draw(scene: MinimapScene, map: MapLook): void {
    if (this.#name.textContent !== map.name) this.#name.textContent = map.name;
    const pen = this.#canvas.getContext("2d");
    if (pen === null) return;
    const scaleOfUi = uiScale();
    const pixelRatio = Math.min(2, devicePixelRatio * scaleOfUi);
    const side = this.#canvas.clientWidth / scaleOfUi;
    const sidePx = Math.round(side * pixelRatio);
    if (this.#canvas.width !== sidePx) this.#canvas.width = this.#canvas.height = sidePx;
    pen.setTransform(pixelRatio, 0, 0, pixelRatio, 0, 0);
    pen.clearRect(0, 0, side, side);
    const scale = (side - 2 * MARGIN) / Math.max(map.width, map.height);
    pen.translate((side - map.width * scale) / 2, (side - map.height * scale) / 2);
    const width = map.width * scale;
    const height = map.height * scale;
    pen.fillStyle = map.colors.grass;
    pen.strokeStyle = COLORS.wallTop;
    pen.lineWidth = 2;
    pen.fillRect(0, 0, width, height);
    pen.strokeRect(0, 0, width, height);
    pen.fillStyle = map.colors.pathLight;
    pen.fillRect(width / 2 - 0.5, 0, 1, height);
    pen.fillRect(0, height / 2 - 0.5, width, 1);
    if (map.colors.hasPlaza) dot(pen, map.colors.slab, width / 2, height / 2, 3);
    for (const portal of map.portals) {
      dot(pen, COLORS.ink, portal.x * scale, portal.z * scale, 4.5);
      dot(pen, COLORS.portal, portal.x * scale, portal.z * scale, 3.5);
    }
    if (side >= NAMES_SIDE_MIN) drawPortalNames(pen, map, scale);
    const x = scene.x * scale;
    const z = scene.z * scale;
    pen.save();
    pen.beginPath();
    pen.rect(0, 0, width, height);
    pen.clip();
    for (const area of map.safeAreas) {
      dot(
        pen,
        `rgb(${COLORS.safe} / 45%)`,
        area.x * scale,
        area.z * scale,
        Math.max(SAFE_RADIUS_MIN, area.radius * scale),
      );
    }
    dot(pen, COLORS.interest, x, z, scene.interestRadius * scale);
    pen.restore();
    for (const { x, z, isMonster, isFriend } of scene.others) {
      dot(
        pen,
        isMonster ? COLORS.ember : isFriend ? COLORS.mint : COLORS.text,
        x * scale,
        z * scale,
        isFriend ? 2.6 : 1.4,
      );
    }
    dot(pen, COLORS.ink, x, z, 4);
    dot(pen, COLORS.torch, x, z, 3);
  }
}

/** Where portals lead, beside them, each map once; of two that would cover each other, the second is left out. */
function drawPortalNames(pen: Pen, map: MapLook, scale: number): void {
  pen.font = NAME_FONT;
  pen.textBaseline = "middle";
  pen.lineJoin = "round";
  pen.lineWidth = 3;
  pen.strokeStyle = COLORS.outline;
  pen.fillStyle = COLORS.portalLight;
  const layout = new LabelLayout();
  for (const { x, z, targetName } of firstToEach(map.portals)) {
    const width = pen.measureText(targetName).width;
    const middle = Math.max(width / 2, Math.min(map.width * scale - width / 2, x * scale));
    const isLow = z > map.height / 2;
    const y = z * scale + (isLow ? -NAME_PX : NAME_PX);
    if (!layout.tryTake({ left: middle - width / 2, top: y - NAME_PX / 2, width, height: NAME_PX })) continue;
    pen.textAlign = "center";
    pen.strokeText(targetName, middle, y);
    pen.fillText(targetName, middle, y);
  }
}

/** Of portals that lead to the same map, the first. */
export function firstToEach<P extends { readonly targetName: string }>(portals: readonly P[]): P[] {
  return portals.filter(({ targetName }, index) =>
    portals.findIndex((portal) => portal.targetName === targetName) === index
  );
}
