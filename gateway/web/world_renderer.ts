/**
 * One frame of the world.
 *
 * @module
 */

import { DespawnReason, EntityKind } from "../../shared/gen/game_pb.ts";
import { dot, glow, type Pen, pill } from "./brush.ts";
import type { Camera } from "./camera.ts";
import { type CombatEffects } from "./combat_effects.ts";
import { EffectPainter } from "./effect_painter.ts";
import { FIGURE_HEIGHT, figureRadius, paintFigure } from "./figure.ts";
import { GroundCache } from "./ground_cache.ts";
import { LabelCache } from "./label_cache.ts";
import { type MapLook, portalAt } from "./map_look.ts";
import type { OwnMovement } from "./own_movement.ts";
import { COLORS } from "./palette.ts";
import { paintPortal, paintPortalName } from "./portal_painter.ts";
import { type Entity, FADE_MS, type Health, isDead, opacityOf, type WorldModel } from "./world_model.ts";

/** What a frame shows. */
export interface WorldScene {
  readonly model: WorldModel;
  /** The server time at which others are shown. */
  readonly playbackMs: number;
  readonly movement: OwnMovement;
  readonly ownId: number;
  readonly ownName: string;
  readonly ownGuildTag: string;
  readonly ownHealth: Health | null;
  readonly ownIsStunned: boolean;
  /** Units. */
  readonly interestRadius: number;
  /** The newest text of each speaker, by name. */
  readonly speech: ReadonlyMap<string, string>;
  readonly effects: CombatEffects;
  /** Whom the player has chosen; `null`: nobody. */
  readonly targetId: number | null;
  /** Whether the player walks up to the target: then its goal needs no mark. */
  readonly isApproaching: boolean;
}

/** Radians of stride for each unit walked. */
const STRIDE = 1.5;
/** Names are left out above this many figures in view, but the player's: a crowd's names hide the crowd. */
const NAMES_MAX = 150;

/** A figure to be drawn, with what sorting by depth needs. */
interface Figure {
  readonly id: number;
  readonly x: number;
  readonly z: number;
  readonly yaw: number;
  readonly isMoving: boolean;
  readonly name: string;
  readonly guildTag: string;
  readonly isMonster: boolean;
  readonly isStunned: boolean;
  readonly isOwn: boolean;
  readonly health: Health | null;
  readonly opacity: number;
}

/** Draws the world of one map on one canvas. */
export class WorldRenderer {
  readonly #canvas: HTMLCanvasElement;
  readonly #pen: Pen;
  #ground: GroundCache;
  #map: MapLook;
  readonly #labels: LabelCache = new LabelCache();
  readonly #effects: EffectPainter;
  readonly #isStill: boolean;
  #pixelRatio = 1;
  /** Darkness beyond the interest radius, for the size and scale it was made for. */
  #dusk: { readonly key: string; readonly fill: CanvasGradient } | null = null;

  /**
   * @param options `isStill`: the player prefers reduced motion.
   */
  constructor(canvas: HTMLCanvasElement, map: MapLook, options: { readonly isStill: boolean }) {
    const pen = canvas.getContext("2d", { alpha: false });
    if (pen === null) throw new Error("Cannot draw the world: this browser gives no 2D canvas");
    this.#canvas = canvas;
    this.#pen = pen;
    this.#map = map;
    this.#ground = new GroundCache(map);
    this.#isStill = options.isStill;
    this.#effects = new EffectPainter(this.#labels, options);
  }

  /** Shows another map, or what is known of it now. */
  setMap(map: MapLook): void {
    this.#map = map;
    this.#ground = new GroundCache(map);
  }

  /** Fits the canvas to its place on the page. */
  resize(camera: Camera, pixelRatio: number): void {
    // Above 2 nothing is seen of it, and a phone has to fill every pixel.
    this.#pixelRatio = Math.min(2, Math.max(1, pixelRatio));
    camera.width = Math.max(1, this.#canvas.clientWidth);
    camera.height = Math.max(1, this.#canvas.clientHeight);
    const width = Math.round(camera.width * this.#pixelRatio);
    const height = Math.round(camera.height * this.#pixelRatio);
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    this.#labels.setPixelRatio(this.#pixelRatio);
  }

  /**
   * Draws a frame.
   *
   * @param localMs Now, by the model's local clock.
   */
  draw(scene: WorldScene, camera: Camera, localMs: number): void {
    const pen = this.#pen;
    pen.setTransform(this.#pixelRatio, 0, 0, this.#pixelRatio, 0, 0);
    this.#ground.draw(pen, camera, this.#pixelRatio);
    this.#drawInterest(camera, scene.interestRadius);
    const { shownX, shownZ } = scene.movement;
    const near = portalAt(this.#map, shownX, shownZ);
    for (const portal of this.#map.portals) {
      paintPortal(pen, portal, camera, { localMs, isNear: portal === near, isStill: this.#isStill });
    }
    if (!scene.isApproaching) this.#drawGoal(scene, camera, localMs);
    const figures = collectFigures(scene, camera, localMs);
    const showsNames = figures.length <= NAMES_MAX;
    for (const portal of this.#map.portals) paintPortalName(pen, portal, camera, this.#labels);
    this.#effects.drawBelow(pen, scene.effects, camera, localMs);
    for (const figure of figures) {
      if (figure.id === scene.targetId && !figure.isOwn) this.#drawTargetRing(figure, camera, localMs);
      this.#drawFigure(figure, scene, camera, localMs);
    }
    // The own name lies above all others.
    figures.sort((a, b) => Number(a.isOwn) - Number(b.isOwn));
    for (const figure of figures) this.#drawLabel(figure, scene, camera, showsNames);
    this.#effects.drawAbove(pen, scene.effects, camera, localMs);
    pen.globalAlpha = 1;
  }

  #drawInterest(camera: Camera, interestRadius: number): void {
    const pen = this.#pen;
    const { width, height, scale } = camera;
    const radius = interestRadius * scale;
    const x = width / 2;
    const y = camera.middleY;
    const key = `${x} ${y} ${radius}`;
    if (this.#dusk?.key !== key) {
      const fill = pen.createRadialGradient(x, y, radius * 0.3, x, y, radius * 1.25);
      fill.addColorStop(0, "rgb(12 8 28 / 0%)");
      fill.addColorStop(0.68, "rgb(12 8 28 / 16%)");
      fill.addColorStop(0.8, "rgb(12 8 28 / 44%)");
      fill.addColorStop(1, "rgb(12 8 28 / 66%)");
      this.#dusk = { key, fill };
    }
    pen.fillStyle = this.#dusk.fill;
    pen.fillRect(0, 0, width, height);
    pen.strokeStyle = COLORS.interest;
    pen.lineWidth = 1.5;
    pen.setLineDash([4, 9]);
    pen.beginPath();
    pen.arc(x, y, radius, 0, 7);
    pen.stroke();
    pen.setLineDash([]);
  }

  #drawGoal({ movement }: WorldScene, camera: Camera, localMs: number): void {
    if (movement.goal === null) return;
    const pen = this.#pen;
    const x = camera.screenX(movement.goal.x);
    const y = camera.screenY(movement.goal.z);
    const beat = this.#isStill ? 0.4 : localMs / 900 % 1;
    pen.strokeStyle = COLORS.torch;
    pen.lineWidth = 2;
    for (const [radius, opacity] of [[7, 1], [7 + 11 * beat, 0.7 * (1 - beat)]]) {
      pen.globalAlpha = opacity;
      pen.beginPath();
      pen.ellipse(x, y, radius, radius * 0.55, 0, 0, 7);
      pen.stroke();
    }
    pen.globalAlpha = 1;
    dot(pen, COLORS.torchLight, x, y, 2.5);
  }

  #drawTargetRing(figure: Figure, camera: Camera, localMs: number): void {
    const pen = this.#pen;
    const x = camera.screenX(figure.x);
    const y = camera.screenY(figure.z);
    const radius = figureRadius(camera.scale, figure) * 1.3;
    const turn = this.#isStill ? 0 : localMs / 900;
    pen.globalAlpha = figure.opacity;
    pen.strokeStyle = COLORS.ember;
    pen.lineWidth = 2.5;
    pen.save();
    pen.translate(x, y);
    pen.scale(1, 0.52);
    for (let part = 0; part < 4; part++) {
      pen.beginPath();
      pen.arc(0, 0, radius, turn + part * Math.PI / 2, turn + part * Math.PI / 2 + 1.1);
      pen.stroke();
    }
    pen.restore();
  }

  #drawFigure(figure: Figure, scene: WorldScene, camera: Camera, localMs: number): void {
    const pen = this.#pen;
    const x = camera.screenX(figure.x);
    const y = camera.screenY(figure.z);
    const radius = figureRadius(camera.scale, figure);
    if (figure.isOwn) {
      pen.globalAlpha = 1;
      glow(pen, x, y - radius, radius * 6, 0.3);
      pen.strokeStyle = COLORS.torch;
      pen.lineWidth = 1.5;
      pen.beginPath();
      pen.ellipse(x, y, radius * 1.15, radius * 0.58, 0, 0, 7);
      pen.stroke();
    }
    pen.globalAlpha = figure.opacity;
    paintFigure(pen, {
      x,
      y,
      radius,
      yaw: figure.yaw,
      name: figure.name,
      isMonster: figure.isMonster,
      isDead: isDead(figure.health),
      isStunned: figure.isStunned,
      stride: figure.isMoving && !this.#isStill ? localMs / 1_000 * 10 * STRIDE : 0,
    });
    if (scene.effects.isFlashing(figure.id, localMs)) this.#effects.drawFlash(pen, x, y - radius, radius);
  }

  #drawLabel(figure: Figure, scene: WorldScene, camera: Camera, showsNames: boolean): void {
    const pen = this.#pen;
    pen.globalAlpha = figure.opacity;
    const x = camera.screenX(figure.x);
    let y = camera.screenY(figure.z) - figureRadius(camera.scale, figure) * FIGURE_HEIGHT - 2;
    if (figure.health !== null && figure.health.max > 0 && !isDead(figure.health)) {
      this.#drawHealth(x, y - 3, figure.health, figure.isMonster);
      y -= 9;
    }
    if (showsNames || figure.isOwn || figure.id === scene.targetId) {
      const text = figure.guildTag === "" ? figure.name : `[${figure.guildTag}] ${figure.name}`;
      const color = figure.isOwn ? COLORS.torchLight : figure.isMonster ? COLORS.ember : COLORS.text;
      this.#labels.drawName(pen, text, color, x, y);
      y -= 19;
    }
    const words = scene.speech.get(figure.name);
    if (words !== undefined) this.#labels.drawBubble(pen, words, x, y);
  }

  #drawHealth(x: number, y: number, health: Health, isMonster: boolean): void {
    const pen = this.#pen;
    const width = 34;
    const part = Math.max(0, Math.min(1, health.current / health.max));
    pen.lineWidth = 1;
    pill(pen, COLORS.ink, x, y, width, 5);
    if (part > 0) {
      pen.fillStyle = isMonster ? COLORS.ember : part > 0.5 ? COLORS.mint : part > 0.25 ? COLORS.torch : COLORS.ember;
      pen.beginPath();
      pen.roundRect(x - width / 2 + 0.5, y - 2, (width - 1) * part, 4, 2);
      pen.fill();
    }
  }
}

/** Everyone on the screen, from the farthest to the nearest. */
function collectFigures(scene: WorldScene, camera: Camera, localMs: number): Figure[] {
  const { model, movement, playbackMs } = scene;
  const figures: Figure[] = [];
  const reach = 60;
  const add = (entity: Entity, opacity: number) => {
    const { x, z, yaw, speed } = entity.track.poseAt(playbackMs);
    const screenX = camera.screenX(x);
    const screenY = camera.screenY(z);
    if (screenX < -reach || screenX > camera.width + reach) return;
    if (screenY < -reach || screenY > camera.height + reach) return;
    figures.push({
      id: entity.id,
      x,
      z,
      yaw,
      isMoving: speed > 0.2,
      name: entity.name,
      guildTag: entity.guildTag,
      isMonster: entity.kind === EntityKind.MONSTER,
      isStunned: entity.isStunned,
      isOwn: false,
      health: entity.health,
      opacity,
    });
  };
  for (const entity of model.entities.values()) add(entity, opacityOf(entity, localMs));
  for (const { entity, goneAtMs, reason } of model.gone) {
    // Who died was seen to fade while it lay there.
    if (reason !== DespawnReason.DIED) add(entity, Math.max(0, 1 - (localMs - goneAtMs) / FADE_MS));
  }
  figures.push({
    id: scene.ownId,
    x: movement.shownX,
    z: movement.shownZ,
    yaw: movement.yaw,
    isMoving: movement.isMoving,
    name: scene.ownName,
    guildTag: scene.ownGuildTag,
    isMonster: false,
    isStunned: scene.ownIsStunned,
    isOwn: true,
    health: scene.ownHealth,
    opacity: 1,
  });
  return figures.sort((a, b) => a.z - b.z);
}
