/**
 * Light and darkness on the canvas, painted once and copied after: without a graphics processor a gradient costs ten
 * times as much as a copy of it.
 *
 * @module
 */

import type { Pen } from "./brush.ts";

/** Pictures kept; beyond that all are painted anew, which a frame can bear. */
const LIGHTS_MAX = 32;
/** Lights that reach farther are painted anew each time, in device pixels: a picture of one could take any memory. */
const REACH_PX_MAX = 512;

/** A picture of a light, and the way from its corner to its middle in device pixels. */
interface Light {
  readonly canvas: HTMLCanvasElement;
  readonly middle: number;
}

/** Gradients as pictures. */
export class LightCache {
  readonly #lights: Map<string, Light> = new Map();
  /** Of the whole screen, which changes seldom: what it shows, and the picture. */
  #screen: { readonly key: string; readonly canvas: HTMLCanvasElement } | null = null;
  /** What covered the screen in the last frame. */
  #screenKey = "";
  #pixelRatio = 1;

  /** Forgets everything when the device's pixel ratio changed. */
  setPixelRatio(pixelRatio: number): void {
    if (pixelRatio === this.#pixelRatio) return;
    this.#pixelRatio = pixelRatio;
    this.#lights.clear();
    this.#screen = null;
  }

  /**
   * Draws a light around a point, at whole device pixels, where a copy costs least.
   *
   * @param light `key` names what `paint` paints around 0, 0, within `reach` pixels.
   */
  draw(
    pen: Pen,
    light: { readonly key: string; readonly reach: number; readonly paint: (pen: Pen) => void },
    x: number,
    y: number,
  ): void {
    const ratio = this.#pixelRatio, key = `${light.key} ${light.reach}`;
    if (!(light.reach * ratio <= REACH_PX_MAX)) {
      pen.save();
      pen.translate(x, y);
      light.paint(pen);
      pen.restore();
      return;
    }
    let picture = this.#lights.get(key);
    if (picture === undefined) {
      if (this.#lights.size >= LIGHTS_MAX) this.#lights.clear();
      const middle = Math.max(1, Math.ceil(light.reach * ratio));
      const canvas = this.#make(2 * middle, 2 * middle, (pen) => {
        pen.translate(middle / ratio, middle / ratio);
        light.paint(pen);
      });
      this.#lights.set(key, picture = { canvas, middle });
    }
    const { canvas, middle } = picture;
    const left = Math.round(x * ratio) - middle, top = Math.round(y * ratio) - middle;
    pen.drawImage(canvas, left / ratio, top / ratio, canvas.width / ratio, canvas.height / ratio);
  }

  /** Draws what covers the whole screen; `key` names what `paint` paints on it. While that changes, nothing is kept. */
  drawScreen(pen: Pen, key: string, paint: (pen: Pen) => void): void {
    const { width, height } = pen.canvas;
    const before = this.#screenKey;
    this.#screenKey = `${key} ${width} ${height}`;
    if (this.#screenKey !== before) {
      pen.save();
      paint(pen);
      pen.restore();
      return;
    }
    if (this.#screen?.key !== before) this.#screen = { key: before, canvas: this.#make(width, height, paint) };
    pen.drawImage(this.#screen.canvas, 0, 0, width / this.#pixelRatio, height / this.#pixelRatio);
  }

  #make(width: number, height: number, paint: (pen: Pen) => void): HTMLCanvasElement {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const pen = canvas.getContext("2d");
    if (pen === null) return canvas;
    pen.scale(this.#pixelRatio, this.#pixelRatio);
    paint(pen);
    return canvas;
  }
}
