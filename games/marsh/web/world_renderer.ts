/**
 * One frame of the world.
 *
 * @module
 */

import { DespawnReason, EntityKind } from "../../../shared/gen/world_pb.ts";
import { dot, glow, type Pen, pill } from "./brush.ts";
import type { Camera } from "./camera.ts";
import { type CombatEffects } from "./combat_effects.ts";
import { uiScale } from "./dom.ts";
import { EffectPainter } from "./effect_painter.ts";
import { FIGURE_HEIGHT, figureRadius } from "./figure.ts";
import { FigureCache } from "./figure_cache.ts";
import { GroundCache } from "./ground_cache.ts";
import { LabelCache } from "./label_cache.ts";
import { LightCache } from "./light_cache.ts";
import { shownName } from "./language.ts";
import { type LabelBox, LabelLayout } from "./label_layout.ts";
import { type MapLook, portalAt } from "./map_look.ts";
import type { OwnMovement } from "../../../client/world/own_movement.ts";
import { COLORS } from "./palette.ts";
import { paintPortal, paintPortalName } from "./portal_painter.ts";
import type { RenderScale } from "./render_scale.ts";
import { FADE_MS } from "../../../client/world/world_model.ts";
import { type Health, isDead, type MarshModel, opacityOf, type SeenEntity } from "./marsh_model.ts";

/** What a frame shows. */
export interface WorldScene {
  readonly model: MarshModel;
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
  /** The player's target; `null`: nobody. */
  readonly targetId: number | null;
  /** What of the screen hints and the like lie over: no label is put there. */
  readonly reserved: readonly LabelBox[];
  /** Whether the player walks up to the target: then its goal needs no mark. */
  readonly isApproaching: boolean;
}

/** Radians of stride for each unit walked. */
const STRIDE = 1.5;
/** Above this many figures in view, the names of those farther away fade: a crowd's names hide the crowd. */
const CROWD_MIN = 24;
/** How far away names begin to fade in a crowd, and where they are gone, in units. */
const NAME_FADE_FROM = 16;
const NAME_FADE_TO = 30;

const BAR_WIDTH = 34;

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
  readonly #figures: FigureCache = new FigureCache();
  readonly #labels: LabelCache = new LabelCache();
  readonly #lights: LightCache = new LightCache();
  readonly #layout: LabelLayout = new LabelLayout();
  readonly #effects: EffectPainter;
  readonly #isStill: boolean;
  #pixelRatio = 1;

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

  /** Fits the canvas to its place on the page, with as many pixels as `scale` gives it. */
  resize(camera: Camera, scale: RenderScale): void {
    camera.uiScale = uiScale();
    camera.width = Math.max(1, this.#canvas.clientWidth / camera.uiScale);
    camera.height = Math.max(1, this.#canvas.clientHeight / camera.uiScale);
    this.#pixelRatio = scale.ratioFor(camera, devicePixelRatio * camera.uiScale);
    const width = Math.round(camera.width * this.#pixelRatio);
    const height = Math.round(camera.height * this.#pixelRatio);
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    this.#figures.setPixelRatio(this.#pixelRatio);
    this.#labels.setPixelRatio(this.#pixelRatio);
    this.#lights.setPixelRatio(this.#pixelRatio);
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
      paintPortal(pen, portal, camera, this.#lights, { localMs, isNear: portal === near, isStill: this.#isStill });
    }
    if (!scene.isApproaching) this.#drawGoal(scene, camera, localMs);
    const figures = collectFigures(scene, camera, localMs);
    this.#effects.drawBelow(pen, scene.effects, camera, localMs);
    for (const figure of figures) {
      if (figure.id === scene.targetId && !figure.isOwn) this.#drawTargetRing(figure, camera, localMs);
      this.#drawFigure(figure, scene, camera, localMs);
    }
    this.#drawLabels(figures, scene, camera, localMs);
    this.#effects.drawAbove(pen, scene.effects, camera, localMs);
    pen.globalAlpha = 1;
  }

  /** What is written: each where nothing else is, and nothing where a hint or a panel is. */
  #drawLabels(figures: readonly Figure[], scene: WorldScene, camera: Camera, localMs: number): void {
    this.#layout.begin(scene.reserved, localMs);
    for (const figure of figures) this.#drawBar(figure, scene, camera);
    const ordered = this.#byImportance(figures, scene), isCrowd = figures.length > CROWD_MIN;
    for (const figure of ordered) if (isChosen(figure, scene)) this.#drawName(figure, scene, camera, false);
    this.#pen.globalAlpha = 1;
    const layout = this.#layout, labels = this.#labels;
    for (const portal of this.#map.portals) paintPortalName(this.#pen, portal, camera, { labels, layout });
    for (const figure of ordered) {
      if (!isChosen(figure, scene)) this.#drawName(figure, scene, camera, isCrowd);
      this.#drawBubble(figure, scene, camera);
    }
  }

  /** Darkness beyond the interest radius. */
  #drawInterest(camera: Camera, interestRadius: number): void {
    const { width, height, scale } = camera;
    const radius = interestRadius * scale;
    const x = width / 2;
    const y = Math.round(camera.middleY);
    this.#lights.drawScreen(this.#pen, `${x} ${y} ${radius}`, (pen) => {
      const dusk = pen.createRadialGradient(x, y, radius * 0.3, x, y, radius * 1.25);
      dusk.addColorStop(0, "rgb(12 8 28 / 0%)");
      dusk.addColorStop(0.68, "rgb(12 8 28 / 16%)");
      dusk.addColorStop(0.8, "rgb(12 8 28 / 44%)");
      dusk.addColorStop(1, "rgb(12 8 28 / 66%)");
      pen.fillStyle = dusk;
      pen.fillRect(0, 0, width, height);
      pen.strokeStyle = COLORS.interest;
      pen.lineWidth = 1.5;
      pen.setLineDash([4, 9]);
      pen.beginPath();
      pen.arc(x, y, radius, 0, 7);
      pen.stroke();
    });
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
      const reach = Math.round(radius * 6);
      this.#lights.draw(pen, { key: "own", reach, paint: (pen) => glow(pen, 0, 0, reach, 0.3) }, x, y - radius);
      pen.strokeStyle = COLORS.torch;
      pen.lineWidth = 1.5;
      pen.beginPath();
      pen.ellipse(x, y, radius * 1.15, radius * 0.58, 0, 0, 7);
      pen.stroke();
    }
    pen.globalAlpha = figure.opacity;
    this.#figures.draw(pen, {
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

  /** Who gets room for a label first: the player, the target, whose label is there, players, and then who is nearest. */
  #byImportance(figures: readonly Figure[], { targetId, movement }: WorldScene): Figure[] {
    const worth = new Map(figures.map((figure) => {
      const { id, isMonster, isOwn, x, z } = figure;
      const distance = Math.hypot(x - movement.shownX, z - movement.shownZ);
      const head = isOwn ? 3_000 : id === targetId ? 2_000 : this.#layout.wasShown(id) ? 20 : 0;
      return [figure, head + (isMonster ? 0 : 30) - distance];
    }));
    return figures.toSorted((a, b) => worth.get(b)! - worth.get(a)!);
  }

  #drawBar(figure: Figure, scene: WorldScene, camera: Camera): void {
    const { health } = figure;
    if (health === null || !hasBar(figure, scene)) return;
    this.#pen.globalAlpha = figure.opacity;
    const x = camera.screenX(figure.x), y = headOf(figure, camera) - 3;
    this.#drawHealth(x, y, health, figure.isMonster);
    this.#layout.take({ left: x - BAR_WIDTH / 2, top: y - 2.5, width: BAR_WIDTH, height: 5 });
  }

  #drawName(figure: Figure, scene: WorldScene, camera: Camera, isCrowd: boolean): void {
    const pen = this.#pen;
    const figureX = camera.screenX(figure.x), y = footOfName(figure, scene, camera);
    if (figureX < 0 || figureX > camera.width) return;
    const called = figure.isMonster ? shownName(figure.name) : figure.name;
    const text = figure.guildTag === "" ? called : `[${figure.guildTag}] ${called}`;
    const color = figure.isOwn ? COLORS.torchLight : figure.isMonster ? COLORS.ember : COLORS.text;
    const nearness = isCrowd ? this.#nearness(figure, scene) : 1;
    if (nearness === 0) return;
    const box = this.#labels.boxOfName(text, color, figureX, y);
    // At the edge of the screen a name moves in, to be read whole.
    const left = Math.max(0, Math.min(camera.width - box.width, box.left)), x = left + box.width / 2;
    const place = { ...box, left };
    // The target is often right beside the player, whose name stands first.
    if (figure.id === scene.targetId) place.top = this.#layout.freeTop(place);
    const shown = this.#layout.place(figure.id, place, isChosen(figure, scene));
    if (shown === 0) return;
    pen.globalAlpha = figure.opacity * nearness * shown;
    this.#labels.drawName(pen, text, color, x, place.top + place.height);
  }

  #drawBubble(figure: Figure, scene: WorldScene, camera: Camera): void {
    const words = scene.speech.get(figure.name);
    if (words === undefined) return;
    const x = camera.screenX(figure.x), y = footOfName(figure, scene, camera) - 19;
    // What is left out here stands in the chat.
    if (!this.#layout.tryTake(this.#labels.boxOfBubble(words, x, y))) return;
    this.#pen.globalAlpha = figure.opacity;
    this.#labels.drawBubble(this.#pen, words, x, y);
  }

  /** How much of a name is seen in a crowd, 0 to 1. */
  #nearness({ x, z }: Figure, { movement }: WorldScene): number {
    const distance = Math.hypot(x - movement.shownX, z - movement.shownZ);
    return Math.max(0, Math.min(1, (NAME_FADE_TO - distance) / (NAME_FADE_TO - NAME_FADE_FROM)));
  }

  #drawHealth(x: number, y: number, health: Health, isMonster: boolean): void {
    const pen = this.#pen;
    const width = BAR_WIDTH;
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

/** Whose hit points are shown: of those who are hurt, and of whom the player minds. */
function hasBar({ health, id, isOwn }: Figure, { targetId }: WorldScene): boolean {
  if (health === null || health.max <= 0 || isDead(health)) return false;
  return health.current < health.max || isOwn || id === targetId;
}

/** Whose name is shown whatever it covers: the player's own and the target's. */
function isChosen({ id, isOwn }: Figure, { targetId }: WorldScene): boolean {
  return isOwn || id === targetId;
}

/** Where a figure's name stands: screen y of its foot. */
function footOfName(figure: Figure, scene: WorldScene, camera: Camera): number {
  return headOf(figure, camera) - (hasBar(figure, scene) ? 9 : 0);
}

/** Where labels begin above a figure: screen y. */
function headOf(figure: Figure, camera: Camera): number {
  return camera.screenY(figure.z) - figureRadius(camera.scale, figure) * FIGURE_HEIGHT - 2;
}

/** Everyone on the screen, from the farthest to the nearest. */
function collectFigures(scene: WorldScene, camera: Camera, localMs: number): Figure[] {
  const { model, movement, playbackMs } = scene;
  const figures: Figure[] = [];
  const reach = 60;
  const add = (entity: SeenEntity, opacity: number) => {
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
