/**
 * The ground of a map: grass or what grows there, paths, lanterns, a fountain in the middle. Decoration only: nothing here stands in
 * anyone's way, and a place looks the same on every screen.
 *
 * @module
 */

import { type Area, dot, forEachCell, glow, type Pen, touches } from "./brush.ts";
import { type MapSize, paintMoat, paintWall } from "./castle_wall.ts";
import type { MapLook } from "./map_look.ts";
import { COLORS, type GroundColors, noise } from "./palette.ts";

const PATH_SPACING = 100;
const PATH_WIDTH = 4.4;
const LANTERN_SPACING = 25;
const LANTERN_GLOW = 8.5;
const PLAZA_RADIUS = 15;
/** Within this of the edge something of the wall may be seen, in units. */
const EDGE_REACH = 12;

/** A place on a path: `isAlongZ` on one that leads along z, else along x. */
type PathVisitor = (x: number, z: number, isAlongZ: boolean) => void;

/** Paints the part of a map that lies in `area`, moat and wall included; the pen's unit is the world's. */
export function paintGround(pen: Pen, area: Area, map: MapLook): void {
  const { colors } = map;
  pen.fillStyle = COLORS.beyond;
  pen.fillRect(area.left, area.top, area.right - area.left, area.bottom - area.top);
  const isNearEdge = area.left < EDGE_REACH || area.top < EDGE_REACH || area.right > map.width - EDGE_REACH ||
    area.bottom > map.height - EDGE_REACH;
  if (isNearEdge) paintMoat(pen, area, map);
  pen.save();
  pen.beginPath();
  pen.rect(0, 0, map.width, map.height);
  pen.clip();
  pen.fillStyle = colors.grass;
  pen.fillRect(area.left, area.top, area.right - area.left, area.bottom - area.top);
  paintMeadow(pen, area, colors);
  paintPaths(pen, area, map);
  if (colors.hasPlaza) paintPlaza(pen, area, map);
  paintSafeAreas(pen, area, map);
  paintLanterns(pen, area, map);
  pen.restore();
  if (isNearEdge) paintWall(pen, area, map);
}

function paintMeadow(pen: Pen, area: Area, colors: GroundColors): void {
  forEachCell(area, { size: 8, margin: 9 }, (cellX, cellZ, x, z) => {
    const color = noise(cellX, cellZ, 1) < 0.5 ? colors.grassLight : colors.grassDark;
    const radius = 4 + 5 * noise(cellX, cellZ, 4);
    const shade = pen.createRadialGradient(0, 0, 0, 0, 0, radius);
    shade.addColorStop(0, `rgb(${color} / 30%)`);
    shade.addColorStop(0.5, `rgb(${color} / 17%)`);
    shade.addColorStop(1, `rgb(${color} / 0%)`);
    pen.save();
    pen.translate(x + 8 * noise(cellX, cellZ, 2), z + 8 * noise(cellX, cellZ, 3));
    pen.rotate(3 * noise(cellX, cellZ, 6));
    pen.scale(1, 0.6);
    pen.fillStyle = shade;
    pen.fillRect(-radius, -radius, 2 * radius, 2 * radius);
    pen.restore();
  });
  pen.lineCap = "round";
  forEachCell(area, { size: 3, margin: 1 }, (cellX, cellZ, x, z) => {
    const luck = noise(cellX, cellZ, 11);
    const atX = x + 3 * noise(cellX, cellZ, 12);
    const atZ = z + 3 * noise(cellX, cellZ, 13);
    if (luck < 0.42) return paintTuft(pen, colors.tuft, { x: atX, z: atZ, size: 0.35 + 0.4 * noise(cellX, cellZ, 14) });
    if (luck < 0.5) return dot(pen, colors.pebble, atX, atZ, 0.14 + 0.16 * noise(cellX, cellZ, 15));
    if (luck < 0.965) return;
    const color = colors.flowers[Math.floor(noise(cellX, cellZ, 16) * colors.flowers.length)];
    for (let blossom = -1; blossom <= 1; blossom++) {
      dot(pen, color, atX + 0.55 * blossom, atZ + 0.5 * noise(cellX, cellZ, 18 + blossom), 0.17);
    }
  });
}

function paintTuft(pen: Pen, color: string, { x, z, size }: { x: number; z: number; size: number }): void {
  pen.strokeStyle = color;
  pen.lineWidth = 0.11;
  pen.beginPath();
  for (const lean of [-0.6, 0, 0.6]) {
    pen.moveTo(x + lean * size * 0.4, z);
    pen.lineTo(x + lean * size, z - size * (1.3 - Math.abs(lean) * 0.5));
  }
  pen.stroke();
}

function paintPaths(pen: Pen, area: Area, map: MapLook): void {
  const { colors } = map;
  alongPaths(area, map, { spacing: 1.5, margin: PATH_WIDTH }, (x, z) => {
    dot(pen, colors.path, x, z, PATH_WIDTH / 2 + 0.5 * placeNoise(x, z, 20));
  });
  alongPaths(area, map, { spacing: 1.5, margin: PATH_WIDTH }, (x, z) => {
    dot(pen, colors.pathLight, x, z, PATH_WIDTH / 2 - 0.9 + 0.5 * placeNoise(x, z, 21));
  });
  alongPaths(area, map, { spacing: 2.2, margin: PATH_WIDTH }, (x, z, isAlongZ) => {
    if (placeNoise(x, z, 22) > 0.6) return;
    const aside = (placeNoise(x, z, 23) - 0.5) * (PATH_WIDTH - 1.6);
    pen.fillStyle = colors.path;
    pen.beginPath();
    pen.ellipse(x + (isAlongZ ? aside : 0), z + (isAlongZ ? 0 : aside), 0.55, 0.36, 0, 0, 7);
    pen.fill();
  });
}

/** A soft ring of light where nobody is hit. */
function paintSafeAreas(pen: Pen, area: Area, map: MapLook): void {
  for (const { x, z, radius } of map.safeAreas) {
    if (!touches(area, x - radius, z - radius, x + radius, z + radius)) continue;
    const light = pen.createRadialGradient(x, z, 0, x, z, radius);
    light.addColorStop(0, `rgb(${COLORS.safe} / 5%)`);
    light.addColorStop(0.8, `rgb(${COLORS.safe} / 7%)`);
    light.addColorStop(0.97, `rgb(${COLORS.safe} / 26%)`);
    light.addColorStop(1, `rgb(${COLORS.safe} / 0%)`);
    pen.fillStyle = light;
    pen.beginPath();
    pen.arc(x, z, radius, 0, 7);
    pen.fill();
  }
}

function paintPlaza(pen: Pen, area: Area, map: MapLook): void {
  const { colors } = map;
  const x = map.width / 2;
  const z = map.height / 2;
  const radius = Math.min(PLAZA_RADIUS, map.width / 6, map.height / 6);
  if (!touches(area, x - radius, z - radius, x + radius, z + radius)) return;
  dot(pen, colors.path, x, z, radius);
  const inner = radius - 0.6;
  dot(pen, colors.slab, x, z, inner);
  pen.strokeStyle = colors.slabLine;
  pen.lineWidth = 0.16;
  for (let ring = 1; ring <= 5; ring++) {
    const from = inner * (ring - 1) / 5;
    const to = inner * ring / 5;
    pen.beginPath();
    pen.arc(x, z, to, 0, 7);
    for (let stone = 0; stone < 6 * ring; stone++) {
      const angle = (stone + 0.5 * (ring % 2)) / (6 * ring) * 2 * Math.PI;
      pen.moveTo(x + Math.cos(angle) * from, z + Math.sin(angle) * from);
      pen.lineTo(x + Math.cos(angle) * to, z + Math.sin(angle) * to);
    }
    pen.stroke();
  }
  dot(pen, COLORS.wallTop, x, z, 2.7);
  dot(pen, COLORS.wallLine, x, z, 2.2);
  dot(pen, COLORS.water, x, z, 2);
  pen.strokeStyle = COLORS.chain;
  pen.lineWidth = 0.12;
  pen.beginPath();
  pen.arc(x, z, 0.7, 0, 7);
  pen.moveTo(x + 1.4, z);
  pen.arc(x, z, 1.4, 0, 7);
  pen.stroke();
}

function paintLanterns(pen: Pen, area: Area, map: MapSize): void {
  alongPaths(area, map, { spacing: LANTERN_SPACING, margin: LANTERN_GLOW + PATH_WIDTH }, (x, z, isAlongZ) => {
    const isEven = Math.round((isAlongZ ? z : x) / LANTERN_SPACING) % 2 === 0;
    const aside = (PATH_WIDTH / 2 + 1.2) * (isEven ? 1 : -1);
    const atX = isAlongZ ? x + aside : x;
    const atZ = isAlongZ ? z : z + aside;
    if (Math.hypot(atX - map.width / 2, atZ - map.height / 2) < PLAZA_RADIUS) return;
    glow(pen, atX, atZ, LANTERN_GLOW);
    dot(pen, COLORS.outline, atX + 0.1, atZ + 0.2, 0.5);
    dot(pen, COLORS.torch, atX, atZ, 0.42);
    dot(pen, COLORS.flame, atX, atZ, 0.2);
  });
}

/** Visits places every `spacing` units on the paths within `margin` of an area. Paths cross in the map's middle. */
function alongPaths(
  area: Area,
  map: MapSize,
  options: { readonly spacing: number; readonly margin: number },
  visit: PathVisitor,
): void {
  eachPath(area.left, area.right, map.width, options, (x) => {
    eachStep(area.top, area.bottom, map.height, options, (z) => visit(x, z, true));
  });
  eachPath(area.top, area.bottom, map.height, options, (z) => {
    eachStep(area.left, area.right, map.width, options, (x) => visit(x, z, false));
  });
}

function eachPath(
  from: number,
  to: number,
  length: number,
  { margin }: { margin: number },
  visit: (at: number) => void,
) {
  const first = (length / 2) % PATH_SPACING;
  for (let at = first; at <= Math.min(to + margin, length - PATH_WIDTH); at += PATH_SPACING) {
    if (at >= Math.max(from - margin, PATH_WIDTH)) visit(at);
  }
}

function eachStep(
  from: number,
  to: number,
  length: number,
  { spacing, margin }: { spacing: number; margin: number },
  visit: (at: number) => void,
): void {
  const first = Math.max(0, Math.ceil((from - margin) / spacing));
  for (let step = first; step * spacing <= Math.min(to + margin, length); step++) visit(step * spacing);
}

function placeNoise(x: number, z: number, salt: number): number {
  return noise(Math.round(x * 8), Math.round(z * 8), salt);
}
