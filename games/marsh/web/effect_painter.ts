/**
 * Blows on the canvas: numbers that rise, flashes, arrows, bursts. With less motion asked for, all of it stands still.
 *
 * @module
 */

import type { Pen } from "./brush.ts";
import type { Camera } from "./camera.ts";
import { type BlowKind, BURST_MS, type CombatEffects, type FloatingText, SHOT_MS, TEXT_MS } from "./combat_effects.ts";
import type { LabelCache } from "./label_cache.ts";
import { COLORS } from "./palette.ts";

/** How high above the target's feet a number begins, and how far it rises, in pixels. */
const TEXT_PX = 58;
const RISE_PX = 34;
const LANE_PX = 17;
/** The part of an arrow's way that is seen at once. */
const ARROW_PART = 0.3;

const TEXT_COLORS: Readonly<Record<BlowKind, string>> = {
  hit: COLORS.flame,
  critical: COLORS.torch,
  missed: COLORS.bone,
};

/** Paints {@linkcode CombatEffects}. */
export class EffectPainter {
  readonly #labels: LabelCache;
  readonly #isStill: boolean;

  /** @param options `isStill`: the player prefers reduced motion. */
  constructor(labels: LabelCache, options: { readonly isStill: boolean }) {
    this.#labels = labels;
    this.#isStill = options.isStill;
  }

  /** What lies on the ground: bursts. */
  drawBelow(pen: Pen, { bursts }: CombatEffects, camera: Camera, nowMs: number): void {
    for (const { x, z, radius, bornMs } of bursts) {
      const part = (nowMs - bornMs) / BURST_MS;
      const reach = radius * camera.scale * (this.#isStill ? 1 : 0.35 + 0.65 * part);
      pen.beginPath();
      pen.ellipse(camera.screenX(x), camera.screenY(z), reach, reach, 0, 0, 7);
      pen.globalAlpha = 0.3 * (1 - part);
      pen.fillStyle = COLORS.torch;
      pen.fill();
      pen.globalAlpha = 1 - part;
      pen.strokeStyle = COLORS.torchLight;
      pen.lineWidth = 2.5;
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  /** What is over everyone: arrows and numbers. */
  drawAbove(pen: Pen, { shots, texts }: CombatEffects, camera: Camera, nowMs: number): void {
    pen.lineWidth = 2.5;
    pen.strokeStyle = COLORS.torchLight;
    for (const { from, to, bornMs } of shots) {
      const part = (nowMs - bornMs) / SHOT_MS;
      const head = this.#isStill ? 1 : Math.min(1, part * (1 + ARROW_PART));
      const tail = this.#isStill ? 0 : Math.max(0, head - ARROW_PART);
      const at = (way: number): [number, number] => [
        camera.screenX(from.x + (to.x - from.x) * way),
        camera.screenY(from.z + (to.z - from.z) * way) - 18,
      ];
      pen.globalAlpha = this.#isStill ? 0.5 : 0.9;
      pen.beginPath();
      pen.moveTo(...at(tail));
      pen.lineTo(...at(head));
      pen.stroke();
    }
    for (const text of texts) this.#drawText(pen, text, camera, nowMs);
    pen.globalAlpha = 1;
  }

  /** Lights a figure up; its middle is at `x`, `y`. */
  drawFlash(pen: Pen, x: number, y: number, radius: number): void {
    pen.globalAlpha = this.#isStill ? 0.3 : 0.55;
    pen.fillStyle = COLORS.ember;
    pen.beginPath();
    pen.ellipse(x, y, radius * 0.95, radius * 1.5, 0, 0, 7);
    pen.fill();
  }

  #drawText(pen: Pen, { text, kind, isOnOwn, lane, x, z, bornMs }: FloatingText, camera: Camera, nowMs: number): void {
    const part = (nowMs - bornMs) / TEXT_MS;
    const rise = this.#isStill ? RISE_PX / 2 : RISE_PX * (1 - (1 - part) * (1 - part));
    pen.globalAlpha = Math.min(1, 3 * (1 - part));
    const color = isOnOwn && kind !== "missed" ? COLORS.ember : TEXT_COLORS[kind];
    const label = { text, color, isLarge: kind === "critical" };
    const sideways = (lane - 1) * LANE_PX;
    this.#labels.drawNumber(pen, label, camera.screenX(x) + sideways, camera.screenY(z) - TEXT_PX - rise);
  }
}
