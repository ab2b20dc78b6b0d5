/**
 * Monsters: each breed with a shape of its own, so that none is taken for a player, and none for another.
 *
 * @module
 */

import { dot, type Pen } from "./brush.ts";
import type { FigureLook } from "./figure.ts";
import { COLORS } from "./palette.ts";

/** What a monster looks like. */
export type MonsterBreed =
  | "slime"
  | "leech"
  | "wolf"
  | "bat"
  | "bones"
  | "warden"
  | "golem"
  | "yeti"
  | "wyrm"
  | "wisp"
  | "fiend";

const BREEDS: readonly (readonly [RegExp, MonsterBreed])[] = [
  [/leech|worm/i, "leech"],
  [/slime|ooze|jelly/i, "slime"],
  [/\bbat\b/i, "bat"],
  [/warden|knight/i, "warden"],
  [/yeti/i, "yeti"],
  [/wyrm|dragon/i, "wyrm"],
  [/wisp|ghost/i, "wisp"],
  [/wolf|hound|dog|bear|boar/i, "wolf"],
  [/bone|skelet|archer|undead/i, "bones"],
  [/golem|giant|troll|stone/i, "golem"],
];

/** What a monster of a name looks like; the server tells names only. */
export function breedOf(name: string): MonsterBreed {
  let breed = KNOWN_BREEDS.get(name);
  if (breed === undefined) {
    breed = BREEDS.find(([pattern]) => pattern.test(name))?.[1] ?? "fiend";
    if (KNOWN_BREEDS.size >= KNOWN_BREEDS_MAX) KNOWN_BREEDS.clear();
    KNOWN_BREEDS.set(name, breed);
  }
  return breed;
}

/** Found before: a frame asks for each monster. */
const KNOWN_BREEDS = new Map<string, MonsterBreed>();
const KNOWN_BREEDS_MAX = 256;

const SIZES: Readonly<Partial<Record<MonsterBreed, number>>> = {
  golem: 1.45,
  yeti: 1.4,
  wyrm: 1.9,
  bat: 0.75,
  wisp: 0.8,
};

/** How large a monster is, as a multiple of a player. */
export function monsterSize(name: string): number {
  return SIZES[breedOf(name)] ?? 1;
}

const PAINTERS: Readonly<Record<MonsterBreed, (pen: Pen, look: FigureLook) => void>> = {
  slime: (pen, look) => paintSlime(pen, look, { body: COLORS.slime, light: COLORS.slimeLight }),
  leech: (pen, look) => paintSlime(pen, look, { body: COLORS.leech, light: COLORS.leechLight }),
  wolf: paintWolf,
  bat: paintBat,
  bones: (pen, look) => paintBones(pen, look, COLORS.bone),
  warden: (pen, look) => paintBones(pen, look, COLORS.ghost),
  golem: (pen, look) => paintGolem(pen, look, { body: COLORS.golem, dark: COLORS.golemDark }),
  yeti: (pen, look) => paintGolem(pen, look, { body: COLORS.frost, dark: COLORS.frostDark }),
  wyrm: (pen, look) => paintFiend(pen, look, COLORS.rime),
  wisp: paintWisp,
  fiend: (pen, look) => paintFiend(pen, look, COLORS.monster),
};

/** Paints a living monster. */
export function paintMonster(pen: Pen, look: FigureLook): void {
  pen.strokeStyle = COLORS.outline;
  pen.lineWidth = 1;
  PAINTERS[breedOf(look.name)](pen, look);
}

/** Paints a dead one: what is left of it lies flat. */
export function paintCorpse(pen: Pen, look: FigureLook): void {
  const { x, y, radius } = look;
  pen.save();
  pen.translate(x, y);
  pen.scale(1, 0.34);
  pen.translate(-x, -y);
  paintMonster(pen, { ...look, y: y + radius * 0.6, stride: 0 });
  pen.restore();
}

function paintSlime(
  pen: Pen,
  { x, y, radius, yaw, stride }: FigureLook,
  { body, light }: { readonly body: string; readonly light: string },
): void {
  const squeeze = 1 + 0.1 * Math.sin(stride);
  const height = radius * 1.45 * squeeze;
  const width = radius * 1.05 / squeeze;
  const foot = y + radius * 0.15;
  pen.fillStyle = body;
  pen.beginPath();
  pen.moveTo(x - width, foot);
  pen.bezierCurveTo(x - width * 1.05, foot - height * 1.25, x + width * 1.05, foot - height * 1.25, x + width, foot);
  pen.quadraticCurveTo(x, foot + radius * 0.28, x - width, foot);
  pen.fill();
  pen.stroke();
  dot(pen, light, x - width * 0.4, foot - height * 0.66, radius * 0.17);
  const look = x + Math.sin(yaw) * radius * 0.26;
  if (Math.cos(yaw) > -0.6) {
    paintEyes(pen, { x: look, y: foot - height * 0.42, apart: radius * 0.3, radius, color: COLORS.ink });
  }
}

function paintWolf(pen: Pen, { x, y, radius, yaw, stride }: FigureLook): void {
  const side = Math.sin(yaw) < 0 ? -1 : 1;
  const length = radius * (0.75 + 0.45 * Math.abs(Math.sin(yaw)));
  const back = y - radius * 1.05;
  pen.fillStyle = COLORS.wolfDark;
  for (const leg of [-0.75, -0.45, 0.45, 0.75]) {
    const swing = Math.sin(stride + leg * 4) * radius * 0.2;
    pen.fillRect(x + length * leg - radius * 0.1 + swing, back + radius * 0.3, radius * 0.22, radius * 0.8);
  }
  pen.fillStyle = COLORS.wolf;
  pen.beginPath();
  pen.moveTo(x - side * length, back);
  pen.lineTo(x - side * (length + radius * 0.5), back - radius * 0.45);
  pen.lineTo(x - side * length * 0.8, back - radius * 0.3);
  pen.fill();
  pen.beginPath();
  pen.ellipse(x, back + radius * 0.1, length, radius * 0.5, 0, 0, 7);
  pen.fill();
  pen.stroke();
  const headX = x + side * length * 0.86 * Math.max(0.35, Math.abs(Math.sin(yaw)));
  const headY = back - radius * 0.42;
  for (const ear of [-1, 1]) {
    pen.beginPath();
    pen.moveTo(headX + ear * radius * 0.42, headY - radius * 0.1);
    pen.lineTo(headX + ear * radius * 0.36, headY - radius * 0.78);
    pen.lineTo(headX + ear * radius * 0.02, headY - radius * 0.3);
    pen.fill();
  }
  dot(pen, COLORS.outline, headX, headY, radius * 0.5);
  dot(pen, COLORS.wolf, headX, headY, radius * 0.45);
  dot(pen, COLORS.wolfDark, headX + side * radius * 0.34, headY + radius * 0.16, radius * 0.2);
  if (Math.cos(yaw) > -0.6) {
    paintEyes(pen, {
      x: headX + side * radius * 0.08,
      y: headY - radius * 0.05,
      apart: radius * 0.18,
      radius,
      color: COLORS.torch,
    });
  }
}

function paintBones(pen: Pen, { x, y, radius, yaw, stride }: FigureLook, bone: string): void {
  const lift = Math.abs(Math.sin(stride)) * radius * 0.14;
  const neck = y - lift - radius * 1.5;
  pen.strokeStyle = bone;
  pen.lineWidth = Math.max(1.5, radius * 0.16);
  pen.lineCap = "round";
  pen.beginPath();
  pen.moveTo(x, neck);
  pen.lineTo(x, y - lift - radius * 0.5);
  for (const rib of [0.25, 0.55, 0.85]) {
    const half = radius * (0.55 - rib * 0.2);
    pen.moveTo(x - half, neck + radius * rib);
    pen.lineTo(x + half, neck + radius * rib);
  }
  for (const leg of [-1, 1]) {
    pen.moveTo(x, y - lift - radius * 0.5);
    pen.lineTo(x + leg * radius * 0.34, y + Math.sin(stride) * leg * radius * 0.12);
  }
  pen.stroke();
  // The bow, on the side it looks to.
  const side = Math.sin(yaw) < 0 ? -1 : 1;
  pen.strokeStyle = COLORS.plank;
  pen.beginPath();
  pen.arc(
    x + side * radius * 0.3,
    neck + radius * 0.6,
    radius * 0.75,
    side > 0 ? -1.1 : Math.PI - 1.1,
    side > 0 ? 1.1 : Math.PI + 1.1,
  );
  pen.stroke();
  pen.lineCap = "butt";
  const headY = neck - radius * 0.35;
  dot(pen, COLORS.outline, x, headY, radius * 0.53);
  dot(pen, bone, x, headY, radius * 0.47);
  if (Math.cos(yaw) > -0.6) {
    paintEyes(pen, {
      x: x + Math.sin(yaw) * radius * 0.16,
      y: headY,
      apart: radius * 0.18,
      radius: radius * 1.3,
      color: COLORS.ink,
    });
  }
}

function paintGolem(
  pen: Pen,
  { x, y, radius, yaw, stride }: FigureLook,
  { body, dark }: { readonly body: string; readonly dark: string },
): void {
  const sway = Math.sin(stride * 0.7) * radius * 0.06;
  const top = y - radius * 1.75;
  pen.fillStyle = dark;
  for (const leg of [-1, 1]) {
    pen.fillRect(x + leg * radius * 0.42 - radius * 0.26, y - radius * 0.5, radius * 0.52, radius * 0.56);
    pen.beginPath();
    pen.roundRect(
      x + leg * (radius * 0.86) - radius * 0.24 + sway,
      top + radius * 0.35,
      radius * 0.48,
      radius * 1.15,
      4,
    );
    pen.fill();
    pen.stroke();
  }
  pen.fillStyle = body;
  pen.beginPath();
  pen.roundRect(x - radius * 0.72 + sway, top + radius * 0.2, radius * 1.44, radius * 1.15, 5);
  pen.roundRect(x - radius * 0.4 + sway, top - radius * 0.42, radius * 0.8, radius * 0.68, 4);
  pen.fill();
  pen.stroke();
  pen.strokeStyle = dark;
  pen.beginPath();
  pen.moveTo(x - radius * 0.4, top + radius * 0.5);
  pen.lineTo(x - radius * 0.05, top + radius * 0.8);
  pen.lineTo(x - radius * 0.2, top + radius * 1.1);
  pen.stroke();
  if (Math.cos(yaw) > -0.6) {
    const eyes = { x: x + sway + Math.sin(yaw) * radius * 0.14, y: top - radius * 0.1, apart: radius * 0.18 };
    paintEyes(pen, { ...eyes, radius, color: COLORS.ember });
  }
}

function paintFiend(pen: Pen, { x, y, radius, yaw, stride }: FigureLook, color: string): void {
  const middle = y - radius * (0.85 + 0.08 * Math.sin(stride * 0.7));
  pen.fillStyle = color;
  pen.beginPath();
  for (let tip = 0; tip < 18; tip++) {
    const reach = radius * (tip % 2 === 0 ? 1.05 : 0.76);
    const angle = tip / 18 * 2 * Math.PI;
    pen.lineTo(x + Math.cos(angle) * reach, middle + Math.sin(angle) * reach * 0.92);
  }
  pen.closePath();
  pen.fill();
  pen.stroke();
  const eyes = { x: x + Math.sin(yaw) * radius * 0.3, y: middle - radius * 0.08, apart: radius * 0.3 };
  paintEyes(pen, { ...eyes, radius: radius * 1.3, color: COLORS.ember });
}

/** Wings that beat while it flies. */
function paintBat(pen: Pen, { x, y, radius, yaw, stride }: FigureLook): void {
  const middle = y - radius * 1.7, beat = Math.sin(stride * 1.6) * radius * 0.6;
  pen.fillStyle = COLORS.wolfDark;
  for (const side of [-1, 1]) {
    pen.beginPath();
    pen.moveTo(x, middle);
    pen.quadraticCurveTo(x + side * radius, middle - radius * 1.1 - beat, x + side * radius * 2, middle - beat);
    pen.quadraticCurveTo(x + side * radius * 1.2, middle + radius * 0.1, x, middle + radius * 0.4);
    pen.fill();
    pen.stroke();
  }
  dot(pen, COLORS.outline, x, middle, radius * 0.62);
  dot(pen, COLORS.monster, x, middle, radius * 0.55);
  paintEyes(pen, { x: x + Math.sin(yaw) * radius * 0.2, y: middle, apart: radius * 0.24, radius, color: COLORS.ember });
}

/** A light without a body. */
function paintWisp(pen: Pen, { x, y, radius, stride }: FigureLook): void {
  const middle = y - radius * (1.6 + 0.15 * Math.sin(stride));
  const light = pen.createRadialGradient(x, middle, 0, x, middle, radius * 2.2);
  light.addColorStop(0, COLORS.flame);
  light.addColorStop(0.22, COLORS.mint);
  light.addColorStop(1, "rgb(127 220 196 / 0%)");
  pen.fillStyle = light;
  pen.beginPath();
  pen.arc(x, middle, radius * 2.2, 0, 7);
  pen.fill();
}

function paintEyes(
  pen: Pen,
  { x, y, apart, radius, color }: { x: number; y: number; apart: number; radius: number; color: string },
): void {
  for (const side of [-1, 1]) dot(pen, color, x + side * apart, y, Math.max(1.2, radius * 0.12));
}
