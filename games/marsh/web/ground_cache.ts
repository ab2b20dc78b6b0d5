/**
 * Painted ground in squares, so that a frame copies a few pictures instead of painting thousands of blades of grass.
 *
 * @module
 */

import type { Pen } from "./brush.ts";
import type { Camera } from "./camera.ts";
import { paintGround } from "./ground.ts";
import type { MapLook } from "./map_look.ts";

/** Side of a square, in units. */
const SQUARE_UNITS = 32;
/**
 * Squares painted in one frame that can wait: those just out of view, and after a change of zoom those shown scaled
 * until it is their turn. All at once would be seen as a stutter.
 */
const PAINTS_PER_FRAME = 1;

interface Square {
  readonly canvas: HTMLCanvasElement;
  readonly sidePx: number;
  usedInFrame: number;
}

/** The ground of one map. */
export class GroundCache {
  readonly #map: MapLook;
  readonly #squares: Map<string, Square> = new Map();
  #frame = 0;

  constructor(map: MapLook) {
    this.#map = map;
  }

  /**
   * Draws the ground in view.
   *
   * @param pen One unit is one CSS pixel.
   * @param pixelRatio Device pixels to a CSS pixel.
   */
  draw(pen: Pen, camera: Camera, pixelRatio: number): void {
    this.#frame++;
    const topLeft = camera.worldAt(0, 0);
    const bottomRight = camera.worldAt(camera.width, camera.height);
    const sidePx = Math.max(1, Math.round(SQUARE_UNITS * camera.scale * pixelRatio));
    const left = Math.floor(topLeft.x / SQUARE_UNITS);
    const top = Math.floor(topLeft.z / SQUARE_UNITS);
    const right = Math.floor(bottomRight.x / SQUARE_UNITS);
    const bottom = Math.floor(bottomRight.z / SQUARE_UNITS);
    let paints = PAINTS_PER_FRAME;
    pen.save();
    // Whole device pixels: squares that meet between two pixels show a seam.
    pen.setTransform(1, 0, 0, 1, 0, 0);
    for (let row = top - 1; row <= bottom + 1; row++) {
      for (let column = left - 1; column <= right + 1; column++) {
        const isInView = row >= top && row <= bottom && column >= left && column <= right;
        const key = `${column},${row}`;
        let square = this.#squares.get(key);
        const mustPaint = isInView && square === undefined;
        if (mustPaint || (square?.sidePx !== sidePx && paints > 0)) {
          square = { canvas: this.#paint(column, row, sidePx), sidePx, usedInFrame: 0 };
          this.#squares.set(key, square);
          paints--;
        }
        if (square === undefined) continue;
        square.usedInFrame = this.#frame;
        if (!isInView) continue;
        const x = Math.round(camera.screenX(column * SQUARE_UNITS) * pixelRatio);
        const y = Math.round(camera.screenY(row * SQUARE_UNITS) * pixelRatio);
        const endX = Math.round(camera.screenX((column + 1) * SQUARE_UNITS) * pixelRatio);
        const endY = Math.round(camera.screenY((row + 1) * SQUARE_UNITS) * pixelRatio);
        pen.drawImage(square.canvas, x, y, endX - x, endY - y);
      }
    }
    pen.restore();
    for (const [key, square] of this.#squares) {
      if (square.usedInFrame !== this.#frame) this.#squares.delete(key);
    }
  }

  #paint(column: number, row: number, sidePx: number): HTMLCanvasElement {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = sidePx;
    const pen = canvas.getContext("2d", { alpha: false });
    if (pen === null) return canvas;
    const left = column * SQUARE_UNITS;
    const top = row * SQUARE_UNITS;
    pen.scale(sidePx / SQUARE_UNITS, sidePx / SQUARE_UNITS);
    pen.translate(-left, -top);
    paintGround(pen, { left, top, right: left + SQUARE_UNITS, bottom: top + SQUARE_UNITS }, this.#map);
    return canvas;
  }
}
