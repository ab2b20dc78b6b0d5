/**
 * Portals in the world: a ring of light where one can be used, and the name of what lies behind it.
 *
 * @module
 */

import { dot, type Pen } from "./brush.ts";
import type { Camera } from "./camera.ts";
import type { LabelCache } from "./label_cache.ts";
import type { LightCache } from "./light_cache.ts";
import type { LabelLayout } from "./label_layout.ts";
import { TEXTS } from "./language.ts";
import type { PortalLook } from "./map_look.ts";
import { COLORS } from "./palette.ts";

/** How far a portal may stick out of the screen and still be seen, as a multiple of its radius. */
const REACH = 2;
/** Sparks that rise from a portal. */
const SPARKS = 7;
/** Steps in which a portal's light comes and goes, in percent: finer ones are not seen. */
const BEAT_STEP = 2;

/** Paints a portal on the ground. */
export function paintPortal(
  pen: Pen,
  portal: PortalLook,
  camera: Camera,
  lights: LightCache,
  { localMs, isNear, isStill }: { readonly localMs: number; readonly isNear: boolean; readonly isStill: boolean },
): void {
  const x = camera.screenX(portal.x), y = camera.screenY(portal.z), radius = portal.radius * camera.scale;
  if (!isOnScreen(camera, x, y, radius * REACH)) return;
  const beat = isStill ? 0.5 : 0.5 + 0.5 * Math.sin(localMs / 500);
  const percent = 22 + BEAT_STEP * Math.round(14 / BEAT_STEP * beat), reach = Math.round(radius);
  lights.draw(pen, { key: `portal ${percent}`, reach, paint: (pen) => paintPortalLight(pen, reach, percent) }, x, y);
  pen.strokeStyle = isNear ? COLORS.torchLight : COLORS.portal;
  pen.lineWidth = isNear ? 3 : 2;
  pen.setLineDash([10, 6]);
  pen.lineDashOffset = isStill ? 0 : -localMs / 60;
  pen.beginPath();
  pen.arc(x, y, radius * 0.92, 0, 7);
  pen.stroke();
  pen.setLineDash([]);
  paintDoor(pen, x, y, doorWidth(radius));
  for (let spark = 0; spark < SPARKS; spark++) {
    const part = isStill ? spark / SPARKS : (localMs / 2_600 + spark / SPARKS) % 1;
    const angle = spark * 2.4;
    pen.globalAlpha = 1 - part;
    dot(pen, COLORS.portal, x + Math.cos(angle) * radius * 0.5, y + Math.sin(angle) * radius * 0.3 - part * 34, 1.8);
  }
  pen.globalAlpha = 1;
}

function paintPortalLight(pen: Pen, radius: number, percent: number): void {
  const light = pen.createRadialGradient(0, 0, 0, 0, 0, radius);
  light.addColorStop(0, `rgb(${COLORS.portalGlow} / 62%)`);
  light.addColorStop(0.55, `rgb(${COLORS.portalGlow} / ${percent}%)`);
  light.addColorStop(1, `rgb(${COLORS.portalGlow} / 0%)`);
  pen.fillStyle = light;
  pen.beginPath();
  pen.arc(0, 0, radius, 0, 7);
  pen.fill();
}

/** Paints where a portal leads: above its door, or below where there is no room above; nowhere if there is none at all. */
export function paintPortalName(
  pen: Pen,
  portal: PortalLook,
  camera: Camera,
  { labels, layout }: { readonly labels: LabelCache; readonly layout: LabelLayout },
): void {
  const x = camera.screenX(portal.x), y = camera.screenY(portal.z), radius = portal.radius * camera.scale;
  if (!isOnScreen(camera, x, y, radius * REACH)) return;
  const text = TEXTS.world.portalLabel(portal.targetName), doorHeight = doorWidth(radius) * 1.5;
  const above = labels.boxOfName(text, COLORS.portalLight, x, y - doorHeight - 6);
  const place = layout.tryTakeOne([above, { ...above, top: y + 4 }]);
  if (place !== undefined) labels.drawName(pen, text, COLORS.portalLight, x, place.top + place.height);
}

function doorWidth(radius: number): number {
  return Math.max(12, radius * 0.32);
}

/** An arch of light that stands in the middle. */
function paintDoor(pen: Pen, x: number, y: number, width: number): void {
  const half = width / 2, height = width * 1.5;
  pen.fillStyle = COLORS.portalDark;
  pen.strokeStyle = COLORS.portalLight;
  pen.lineWidth = 2.5;
  pen.beginPath();
  pen.moveTo(x - half, y);
  pen.lineTo(x - half, y - height + half);
  pen.arc(x, y - height + half, half, Math.PI, 2 * Math.PI);
  pen.lineTo(x + half, y);
  pen.closePath();
  pen.fill();
  pen.stroke();
}

function isOnScreen(camera: Camera, x: number, y: number, reach: number): boolean {
  return x > -reach && y > -reach && x < camera.width + reach && y < camera.height + reach;
}
