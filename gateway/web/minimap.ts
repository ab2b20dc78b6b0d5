/**
 * The whole map in a corner.
 *
 * @module
 */

import { dot } from "./brush.ts";
import { byId } from "./dom.ts";
import type { MapLook } from "./map_look.ts";
import { COLORS } from "./palette.ts";

/** What the map shows; units. */
export interface MinimapScene {
  readonly x: number;
  readonly z: number;
  readonly interestRadius: number;
  readonly others: readonly { readonly x: number; readonly z: number; readonly isMonster: boolean }[];
}

const MARGIN = 8;

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
    const pixelRatio = Math.min(2, devicePixelRatio);
    const side = this.#canvas.clientWidth;
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
    const x = scene.x * scale;
    const z = scene.z * scale;
    pen.save();
    pen.beginPath();
    pen.rect(0, 0, width, height);
    pen.clip();
    dot(pen, COLORS.interest, x, z, scene.interestRadius * scale);
    pen.restore();
    for (const { x, z, isMonster } of scene.others) {
      dot(pen, isMonster ? COLORS.ember : COLORS.text, x * scale, z * scale, 1.4);
    }
    dot(pen, COLORS.ink, x, z, 4);
    dot(pen, COLORS.torch, x, z, 3);
  }
}
