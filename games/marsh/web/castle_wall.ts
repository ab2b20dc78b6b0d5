/**
 * The edge of the map: a wall with towers, a moat, and a drawbridge on each side.
 *
 * @module
 */

import { type Area, dot, forEachCell, glow, type Pen } from "./brush.ts";
import { COLORS, noise } from "./palette.ts";

/** The map's sides, in units. */
export interface MapSize {
  readonly width: number;
  readonly height: number;
}

const WALL_WIDTH = 3;
const MOAT_WIDTH = 15;
const MERLON_SPACING = 2.4;
const CORNER_TOWER_RADIUS = 4.8;
const GATE_TOWER_RADIUS = 3.4;
const BRIDGE_WIDTH = 6.4;
/** How far a gate sticks out of its middle, in units. */
const GATE_REACH = 12;

/** Paints what of the moat lies in `area`; before the ground. */
export function paintMoat(pen: Pen, area: Area, map: MapSize): void {
  const out = WALL_WIDTH + MOAT_WIDTH;
  pen.fillStyle = COLORS.shore;
  fillRound(pen, map, out + 2.5);
  pen.fillStyle = COLORS.water;
  fillRound(pen, map, out);
  pen.lineCap = "round";
  pen.strokeStyle = COLORS.waterLine;
  pen.lineWidth = 0.28;
  forEachCell(area, { size: 5, margin: 5 }, (cellX, cellZ, x, z) => {
    const atX = x + 5 * noise(cellX, cellZ, 42);
    const atZ = z + 5 * noise(cellX, cellZ, 43);
    const long = 1 + 2.4 * noise(cellX, cellZ, 41);
    const beyond = Math.max(-atX, atX - map.width, -atZ, atZ - map.height);
    if (beyond < WALL_WIDTH || beyond > out - 3.5) return;
    pen.beginPath();
    pen.moveTo(atX, atZ);
    pen.quadraticCurveTo(atX + long / 2, atZ - 0.6, atX + long, atZ);
    pen.stroke();
  });
}

function fillRound(pen: Pen, map: MapSize, out: number): void {
  pen.beginPath();
  pen.roundRect(-out, -out, map.width + 2 * out, map.height + 2 * out, out);
  pen.fill();
}

/** Paints what of the wall lies in `area`; after the ground. */
export function paintWall(pen: Pen, area: Area, map: MapSize): void {
  const { width, height } = map;
  paintSide(pen, { x: 0, z: 0, angle: 0, length: width, from: area.left, to: area.right });
  paintSide(pen, { x: width, z: 0, angle: Math.PI / 2, length: height, from: area.top, to: area.bottom });
  paintSide(pen, {
    x: width,
    z: height,
    angle: Math.PI,
    length: width,
    from: width - area.right,
    to: width - area.left,
  });
  paintSide(pen, {
    x: 0,
    z: height,
    angle: -Math.PI / 2,
    length: height,
    from: height - area.bottom,
    to: height - area.top,
  });
  for (const x of [-1, width + 1]) {
    for (const z of [-1, height + 1]) paintTower(pen, x, z, CORNER_TOWER_RADIUS);
  }
}

/** One side of the wall: where it begins, where it turns to, and which part of its length is to be painted. */
interface Side {
  readonly x: number;
  readonly z: number;
  readonly angle: number;
  readonly length: number;
  readonly from: number;
  readonly to: number;
}

/** Paints a side along +x with the outside towards -z, as seen from where it begins. */
function paintSide(pen: Pen, side: Side): void {
  pen.save();
  pen.translate(side.x, side.z);
  pen.rotate(side.angle);
  pen.fillStyle = COLORS.outline;
  pen.fillRect(0, 0, side.length, 0.45);
  pen.fillStyle = COLORS.wall;
  pen.fillRect(-WALL_WIDTH, -WALL_WIDTH, side.length + 2 * WALL_WIDTH, WALL_WIDTH);
  const last = Math.min(side.length, side.to + MERLON_SPACING);
  for (let step = Math.max(0, Math.floor(side.from / MERLON_SPACING)); step * MERLON_SPACING < last; step++) {
    const x = step * MERLON_SPACING;
    pen.fillStyle = COLORS.wallLine;
    pen.fillRect(x + (step % 2) * 0.8, -1.9, 0.16, 1.9);
    pen.fillStyle = COLORS.wallTop;
    pen.fillRect(x + 0.4, -WALL_WIDTH - 0.6, 1.4, 1.7);
  }
  pen.fillStyle = COLORS.wallLine;
  pen.fillRect(0, -1, side.length, 0.14);
  const middle = side.length / 2;
  if (middle > side.from - GATE_REACH && middle < side.to + GATE_REACH) paintGate(pen, middle);
  pen.restore();
}

/** A drawbridge over the moat between two towers, its chains included. */
function paintGate(pen: Pen, middle: number): void {
  const left = middle - BRIDGE_WIDTH / 2;
  const far = -WALL_WIDTH - MOAT_WIDTH - 3;
  pen.fillStyle = COLORS.plank;
  pen.fillRect(left, far, BRIDGE_WIDTH, -far);
  pen.fillStyle = COLORS.plankLine;
  for (let z = far; z < 0; z += 1.3) pen.fillRect(left, z, BRIDGE_WIDTH, 0.14);
  pen.fillRect(left, far, 0.4, -far);
  pen.fillRect(left + BRIDGE_WIDTH - 0.4, far, 0.4, -far);
  for (const direction of [-1, 1]) {
    const towerX = middle + direction * (BRIDGE_WIDTH / 2 + GATE_TOWER_RADIUS - 0.2);
    pen.strokeStyle = COLORS.chain;
    pen.lineWidth = 0.22;
    pen.setLineDash([0.7, 0.45]);
    pen.beginPath();
    pen.moveTo(towerX, -WALL_WIDTH);
    pen.lineTo(middle + direction * BRIDGE_WIDTH / 2, far + 3);
    pen.stroke();
    pen.setLineDash([]);
    paintTower(pen, towerX, -WALL_WIDTH / 2, GATE_TOWER_RADIUS);
    const torchX = middle + direction * (BRIDGE_WIDTH / 2 + 0.3);
    glow(pen, torchX, 1.4, 8);
    dot(pen, COLORS.torch, torchX, 1.4, 0.4);
    dot(pen, COLORS.flame, torchX, 1.4, 0.2);
  }
}

/** A round tower from above: battlements around a cone of shingles. */
function paintTower(pen: Pen, x: number, z: number, radius: number): void {
  dot(pen, COLORS.outline, x + 0.4, z + 0.8, radius);
  dot(pen, COLORS.wall, x, z, radius);
  pen.strokeStyle = COLORS.wallTop;
  pen.lineWidth = 0.9;
  const merlons = Math.round(radius * 3);
  const step = 2 * Math.PI / merlons;
  for (let merlon = 0; merlon < merlons; merlon++) {
    pen.beginPath();
    pen.arc(x, z, radius - 0.45, merlon * step, (merlon + 0.55) * step);
    pen.stroke();
  }
  const roof = pen.createRadialGradient(x + radius * 0.2, z - radius * 0.2, 0, x, z, radius * 0.78);
  roof.addColorStop(0, COLORS.roofLight);
  roof.addColorStop(1, COLORS.roofDark);
  pen.fillStyle = roof;
  pen.beginPath();
  pen.arc(x, z, radius * 0.76, 0, 7);
  pen.fill();
  dot(pen, COLORS.torch, x, z, 0.32);
}
