/**
 * Those who walk the grounds: hooded players, and monsters.
 *
 * @module
 */

import { dot, type Pen } from "./brush.ts";
import { breedOf, monsterSize, paintCorpse, paintMonster } from "./monster_figure.ts";
import { cloakColor, COLORS } from "./palette.ts";

/** What is known of a figure at this moment; lengths in pixels. */
export interface FigureLook {
  /** Where its feet are. */
  readonly x: number;
  readonly y: number;
  /** Half its width. */
  readonly radius: number;
  /** Radians: 0 looks down the screen, a quarter turn to the right. */
  readonly yaw: number;
  readonly name: string;
  readonly isMonster: boolean;
  readonly isDead: boolean;
  readonly isStunned: boolean;
  /** How far the legs have gone, in radians; 0 at rest. */
  readonly stride: number;
}

/** How tall a figure is, as a multiple of its radius: labels begin above. */
export const FIGURE_HEIGHT = 2.75;

/** Half the width of a player's figure, in units, and its bounds in pixels: a figure stays a figure at any zoom. */
const FIGURE_UNITS = 0.95;
const FIGURE_PX_MIN = 10;
const FIGURE_PX_MAX = 20;

/**
 * Half the width of a figure, in pixels.
 *
 * @param scale pixels per unit.
 */
export function figureRadius(
  scale: number,
  { name, isMonster }: { readonly name: string; readonly isMonster: boolean },
): number {
  const radius = Math.max(FIGURE_PX_MIN, Math.min(FIGURE_PX_MAX, FIGURE_UNITS * scale));
  return isMonster ? radius * monsterSize(name) : radius;
}

/** What of a figure's looks is neither its place, nor its size, way or stride: two that share it look alike. */
export function figureKey({ name, isMonster, isDead, isStunned }: FigureLook): string {
  const kind = isMonster ? breedOf(name) : isDead ? "grave" : cloakColor(name).main;
  return `${kind}${isDead ? " dead" : ""}${isStunned ? " stunned" : ""}`;
}

/** Paints a figure. */
export function paintFigure(pen: Pen, look: FigureLook): void {
  const { x, y, radius } = look;
  pen.fillStyle = COLORS.shadow;
  pen.beginPath();
  pen.ellipse(x, y, radius * 0.95, radius * 0.42, 0, 0, 7);
  pen.fill();
  if (look.isDead) return look.isMonster ? paintCorpse(pen, look) : paintGrave(pen, look);
  paintFacing(pen, look);
  if (look.isMonster) paintMonster(pen, look);
  else paintPlayer(pen, look);
  if (look.isStunned) paintStars(pen, look);
}

/** A wedge at the feet, so that the facing is seen from any side. */
function paintFacing(pen: Pen, { x, y, radius, yaw }: FigureLook): void {
  pen.save();
  pen.translate(x, y);
  pen.scale(1, 0.5);
  pen.rotate(-yaw);
  pen.fillStyle = COLORS.facing;
  pen.beginPath();
  pen.moveTo(-radius * 0.4, radius * 1.12);
  pen.lineTo(0, radius * 1.75);
  pen.lineTo(radius * 0.4, radius * 1.12);
  pen.fill();
  pen.restore();
}

function paintPlayer(pen: Pen, { x, y, radius, yaw, name, stride }: FigureLook): void {
  const color = cloakColor(name);
  const lift = Math.abs(Math.sin(stride)) * radius * 0.16;
  const lean = Math.sin(stride) * radius * 0.05;
  const foot = y - lift;
  const neck = foot - radius * 1.5;
  const cloak = pen.createLinearGradient(x - radius, 0, x + radius, 0);
  cloak.addColorStop(0, color.dark);
  cloak.addColorStop(0.55, color.main);
  cloak.addColorStop(1, color.dark);
  pen.fillStyle = cloak;
  pen.strokeStyle = COLORS.outline;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(x - radius * 0.34, neck);
  pen.quadraticCurveTo(x - radius * 0.72 + lean, foot - radius * 0.7, x - radius * 0.78, foot - radius * 0.1);
  pen.quadraticCurveTo(x, foot + radius * 0.34, x + radius * 0.78, foot - radius * 0.1);
  pen.quadraticCurveTo(x + radius * 0.72 + lean, foot - radius * 0.7, x + radius * 0.34, neck);
  pen.closePath();
  pen.fill();
  pen.stroke();

  const lookX = Math.sin(yaw);
  const lookY = Math.cos(yaw);
  const headX = x + lean;
  const headY = neck - radius * 0.28;
  const headRadius = radius * 0.58;
  dot(pen, COLORS.outline, headX, headY, headRadius + 1);
  dot(pen, color.main, headX, headY, headRadius);
  if (lookY < -0.55) {
    // Seen from behind: only the hood, with its tip.
    dot(pen, color.dark, headX - lookX * headRadius * 0.3, headY + headRadius * 0.25, headRadius * 0.5);
    return;
  }
  const faceX = headX + lookX * headRadius * 0.4;
  const faceY = headY + headRadius * (0.12 + lookY * 0.12);
  pen.fillStyle = COLORS.face;
  pen.beginPath();
  pen.ellipse(faceX, faceY, headRadius * (0.66 - Math.abs(lookX) * 0.16), headRadius * 0.66, 0, 0, 7);
  pen.fill();
  for (const side of [-1, 1]) {
    const eyeX = faceX + side * headRadius * 0.26 + lookX * headRadius * 0.2;
    dot(pen, COLORS.ink, eyeX, faceY, Math.max(1, headRadius * 0.12));
  }
}

function paintGrave(pen: Pen, { x, y, radius }: FigureLook): void {
  pen.fillStyle = COLORS.stone;
  pen.strokeStyle = COLORS.outline;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.roundRect(x - radius * 0.6, y - radius * 1.4, radius * 1.2, radius * 1.5, [radius * 0.6, radius * 0.6, 2, 2]);
  pen.fill();
  pen.stroke();
  pen.fillStyle = COLORS.slabLine;
  pen.fillRect(x - 1, y - radius * 1.05, 2, radius * 0.7);
  pen.fillRect(x - radius * 0.25, y - radius * 0.85, radius * 0.5, 2);
}

function paintStars(pen: Pen, { x, y, radius }: FigureLook): void {
  for (let star = -1; star <= 1; star++) {
    dot(pen, COLORS.torchLight, x + star * radius * 0.5, y - radius * (2.55 - Math.abs(star) * 0.15), 2);
  }
}
