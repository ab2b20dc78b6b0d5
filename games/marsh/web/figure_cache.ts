/**
 * Figures on the canvas, painted once and copied after: a crowd looks alike, but for a few colours, ways and steps.
 *
 * @module
 */

import type { Pen } from "./brush.ts";
import { figureKey, type FigureLook, paintFigure } from "./figure.ts";

/** Pictures kept, some 30 KB each; beyond that all are painted anew, which a frame can bear. */
const PICTURES_MAX = 768;
/** Ways a figure can look, and phases of its stride: more is not seen. */
const YAW_STEPS = 12;
const STRIDE_STEPS = 8;
const TURN = 2 * Math.PI;
/** How far a figure reaches from its feet, as multiples of its radius: to the sides, up, down. */
const SIDE = 2.2;
const UP = 3.6;
const DOWN = 1.4;

/** Figures as pictures. */
export class FigureCache {
  readonly #pictures: Map<string, HTMLCanvasElement> = new Map();
  #pixelRatio = 1;

  /** Forgets everything when the device's pixel ratio changed. */
  setPixelRatio(pixelRatio: number): void {
    if (pixelRatio === this.#pixelRatio) return;
    this.#pixelRatio = pixelRatio;
    this.#pictures.clear();
  }

  /** Draws a figure, at whole device pixels, where a copy costs least. */
  draw(pen: Pen, look: FigureLook): void {
    const yawStep = Math.round(look.yaw / TURN * YAW_STEPS) % YAW_STEPS;
    // At rest is a phase of its own.
    const strideStep = look.stride === 0 ? -1 : Math.floor(look.stride / TURN * STRIDE_STEPS) % STRIDE_STEPS;
    const radius = Math.round(look.radius * 4) / 4;
    const key = `${figureKey(look)} ${radius} ${(yawStep + YAW_STEPS) % YAW_STEPS} ${strideStep}`;
    let picture = this.#pictures.get(key);
    if (picture === undefined) {
      if (this.#pictures.size >= PICTURES_MAX) this.#pictures.clear();
      const yaw = yawStep / YAW_STEPS * TURN;
      const stride = strideStep < 0 ? 0 : (strideStep + 0.5) / STRIDE_STEPS * TURN;
      picture = this.#paint({ ...look, radius, yaw, stride });
      this.#pictures.set(key, picture);
    }
    const ratio = this.#pixelRatio;
    const left = Math.round((look.x - SIDE * radius) * ratio) / ratio;
    const top = Math.round((look.y - UP * radius) * ratio) / ratio;
    pen.drawImage(picture, left, top, picture.width / ratio, picture.height / ratio);
  }

  #paint(look: FigureLook): HTMLCanvasElement {
    const canvas = document.createElement("canvas");
    canvas.width = Math.ceil(2 * SIDE * look.radius * this.#pixelRatio);
    canvas.height = Math.ceil((UP + DOWN) * look.radius * this.#pixelRatio);
    const pen = canvas.getContext("2d");
    if (pen === null) return canvas;
    pen.scale(this.#pixelRatio, this.#pixelRatio);
    paintFigure(pen, { ...look, x: SIDE * look.radius, y: UP * look.radius });
    return canvas;
  }
}
