/** What everything painted is made of. @module */

import { COLORS } from "./palette.ts";

/** What is painted on. */
export type Pen = CanvasRenderingContext2D;

/** A part of the world, in units. */
export interface Area {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Fills a circle. */
export function dot(pen: Pen, color: string, x: number, y: number, radius: number): void {
  pen.fillStyle = color;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.fill();
}

/** Paints torchlight around a point. */
export function glow(pen: Pen, x: number, y: number, radius: number, strength = 0.34): void {
  const light = pen.createRadialGradient(x, y, 0, x, y, radius);
  light.addColorStop(0, `rgb(255 196 110 / ${strength * 100}%)`);
  light.addColorStop(0.4, `rgb(255 170 84 / ${strength * 38}%)`);
  light.addColorStop(1, "rgb(255 160 74 / 0%)");
  pen.fillStyle = light;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.fill();
}

/** Fills a rectangle with round corners, centred on a point, with an outline for contrast. */
export function pill(pen: Pen, color: string, x: number, y: number, width: number, height: number): void {
  pen.fillStyle = color;
  pen.strokeStyle = COLORS.outline;
  pen.beginPath();
  pen.roundRect(x - width / 2, y - height / 2, width, height, height / 2);
  pen.fill();
  pen.stroke();
}

/** Whether a rectangle touches an area. */
export function touches(area: Area, left: number, top: number, right: number, bottom: number): boolean {
  return right > area.left && left < area.right && bottom > area.top && top < area.bottom;
}

/**
 * Visits the square cells of a grid that touch an area.
 *
 * @param margin By how much what is painted in a cell may stick out of it, in units.
 * @param visit Gets the cell's number and its corner.
 */
export function forEachCell(
  area: Area,
  options: { readonly size: number; readonly margin: number },
  visit: (cellX: number, cellZ: number, x: number, z: number) => void,
): void {
  const { size, margin } = options;
  for (let cellZ = Math.floor((area.top - margin) / size); cellZ * size < area.bottom + margin; cellZ++) {
    for (let cellX = Math.floor((area.left - margin) / size); cellX * size < area.right + margin; cellX++) {
      visit(cellX, cellZ, cellX * size, cellZ * size);
    }
  }
}
