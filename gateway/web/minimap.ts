/**
 * The whole map in a corner.
 *
 * @module
 */

import { dot } from "./brush.ts";
import type { MapSize } from "./castle_wall.ts";
import { byId } from "./dom.ts";
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

  /** Shows the map, or takes it away. */
  setShown(isShown: boolean): void {
    this.#canvas.hidden = !isShown;
  }

  /** Draws the map. */
  draw(scene: MinimapScene, map: MapSize): void {
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
    pen.fillStyle = COLORS.grass;
    pen.strokeStyle = COLORS.wallTop;
    pen.lineWidth = 2;
    pen.fillRect(0, 0, width, height);
    pen.strokeRect(0, 0, width, height);
    pen.fillStyle = COLORS.pathLight;
    pen.fillRect(width / 2 - 0.5, 0, 1, height);
    pen.fillRect(0, height / 2 - 0.5, width, 1);
    dot(pen, COLORS.slab, width / 2, height / 2, 3);
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
