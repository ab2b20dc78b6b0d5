/**
 * The world on the page, from entering it to leaving it.
 *
 * @module
 */

import type { OwnMovement } from "../../../client/world/own_movement.ts";
import type { Stay, WorldView } from "../../../client/world/world_view.ts";
import type { ErrorCode } from "../../../shared/gen/common_pb.ts";
import { type CombatResult } from "../../parts/combat/combat_pb.ts";
import { EntityKind, type EntityUpdate } from "../../../shared/gen/world_pb.ts";
import { Battle, type CombatIntent } from "./battle.ts";
import { Camera } from "./camera.ts";
import { Controls } from "./controls.ts";
import { prefersStill } from "./dom.ts";
import type { LabelBox } from "./label_layout.ts";
import { TEXTS } from "./language.ts";
import { isSafe, type MapLook, portalAt } from "./map_look.ts";
import type { Minimap } from "./minimap.ts";
import type { NearbyList, Neighbour } from "./nearby_list.ts";
import type { PortalButton } from "./portal_button.ts";
import type { RenderScale } from "./render_scale.ts";
import type { SkillBar } from "./skill_bar.ts";
import type { StatusBar } from "./status_bar.ts";
import type { TargetFrame } from "./target_frame.ts";
import {
  calledOf,
  type Health,
  isDead,
  type MarshModel,
  type OwnNews,
  type SeenEntity,
  tellOwn,
} from "./marsh_model.ts";
import { WorldRenderer } from "./world_renderer.ts";

/** What the world is shown on, and whom it tells. */
export interface GameViewOptions {
  readonly world: WorldView<SeenEntity>;
  readonly canvas: HTMLCanvasElement;
  /** What is known of how many pixels this screen can have. */
  readonly scale: RenderScale;
  readonly minimap: Minimap;
  readonly nearby: NearbyList;
  readonly status: StatusBar;
  readonly skills: SkillBar;
  readonly target: TargetFrame;
  readonly portal: PortalButton;
  readonly ownName: string;
  /** How much of the world's lower end is covered, in CSS pixels. */
  readonly coveredBelow: () => number;
  /** What lies over the world where no label should be, in CSS pixels. */
  readonly reserved: () => readonly LabelBox[];
  /** Sends a COMBAT_ACTION. */
  readonly onCast: (intent: CombatIntent) => void;
  /** The server told what the player is called. */
  readonly onNamed: (name: string) => void;
  /** The player wants to pass a portal it stands at. */
  readonly onPass: (portalId: number) => void;
  /** The player asked to move, or to fight. */
  readonly onMoved: () => void;
  /** Whether a player is a friend, by name. */
  readonly isFriend: (name: string) => boolean;
  /** The player stands in a safe area. */
  readonly onSafe: () => void;
  /** The player struck somebody down. */
  readonly onKill: (victimName: string) => void;
  /** The player went down, or got up again. */
  readonly onDead: (isDead: boolean) => void;
}

/** How often the list of those in view, and what else is text, is brought up to date, in milliseconds. */
const TEXT_INTERVAL_MS = 200;
/** How long a speech bubble stays, in milliseconds, and by how much longer for each character. */
const SPEECH_MS = 3_000;
const SPEECH_MS_PER_CHAR = 45;
const SPEECH_MS_MAX = 9_000;
/** Speech bubbles at once. */
const SPEAKERS_MAX = 64;
/** Time constant by which the view makes room for what covers it, in milliseconds. */
const COVER_MS = 70;

/** One stay on one map of the world. */
export class GameView {
  readonly #options: GameViewOptions;
  #map: MapLook;
  readonly #camera: Camera;
  readonly #movement: OwnMovement;
  readonly #model: MarshModel;
  readonly #renderer: WorldRenderer;
  readonly #controls: Controls;
  readonly #battle: Battle;
  readonly #resizing: ResizeObserver;
  readonly #listening = new AbortController();
  readonly #speech: Map<string, { readonly text: string; readonly untilMs: number }> = new Map();
  readonly #spoken: Map<string, string> = new Map();
  readonly #isStill = prefersStill();
  readonly #ownId: number;
  #ownName: string;
  #ownGuildTag = "";
  #isConnected = true;
  #isStunned = false;
  #health: Health | null = null;
  #killerName: string | null = null;
  #frame = 0;
  #frameMs = NaN;
  readonly #own: OwnNews;
  #coveredBelow = 0;
  #reserved: readonly LabelBox[] = [];
  #textMs = -Infinity;

  /** Shows the map that the player has entered. */
  constructor({ entityId, model, movement }: Stay<SeenEntity>, map: MapLook, options: GameViewOptions) {
    this.#options = options;
    this.#ownId = entityId;
    this.#ownName = options.ownName;
    this.#map = map;
    this.#camera = new Camera();
    this.#movement = movement;
    this.#model = model;
    this.#own = {
      onNamed: (name, guildTag) => {
        this.#ownName = name;
        this.#ownGuildTag = guildTag;
        options.onNamed(name);
      },
      onHealth: (health) => this.#setHealth(health),
      onStatus: (isStunned) => {
        if (isStunned && !this.#isStunned) options.skills.note(TEXTS.combat.stunned);
        this.#isStunned = isStunned;
        this.#hold();
      },
    };
    const { canvas } = options;
    this.#renderer = new WorldRenderer(canvas, map, { isStill: this.#isStill });
    this.#controls = new Controls(canvas, this.#camera, {
      onMoved: options.onMoved,
      onPress: (x, y, press) => {
        const isHit = this.#canAct && (this.#battle.press(x, y, press) || this.#pressPortal(x, y));
        if (isHit) options.onMoved();
        return isHit;
      },
    });
    this.#battle = new Battle({
      ownId: this.#ownId,
      model: this.#model,
      movement: this.#movement,
      camera: this.#camera,
      canAct: () => this.#canAct,
      isSafe: (x, z) => isSafe(this.#map, x, z),
      pointer: () => this.#controls.pointer,
      onCast: options.onCast,
      onNote: (text) => options.skills.note(text),
    });
    this.#resizing = new ResizeObserver(() => this.#renderer.resize(this.#camera, options.scale));
    this.#resizing.observe(canvas);
    const { signal } = this.#listening;
    document.addEventListener("visibilitychange", () => document.hidden && this.#standStill(), { signal });
    document.documentElement.dataset.entityId = String(entityId);
    options.status.setHealth(null);
    this.#renderer.resize(this.#camera, options.scale);
    this.#updateText();
    this.#frame = requestAnimationFrame((nowMs) => this.#step(nowMs));
  }

  /** The server told more of the map. */
  setMap(map: MapLook): void {
    this.#map = map;
    this.#movement.setMapSize(map);
    this.#renderer.setMap(map);
    this.#updateText();
  }

  /** Takes what the server told of the player itself. */
  applyOwn(update: EntityUpdate["update"]): void {
    tellOwn(update, this.#own);
  }

  /** Takes a COMBAT_RESULT. */
  applyResult(result: CombatResult): void {
    this.#battle.applyResult(result, performance.now());
    if (!result.targetDied) return;
    const [attackerId, targetId] = [Number(result.attackerId), Number(result.targetId)];
    const attacker = this.#model.entities.get(attackerId), victim = this.#model.entities.get(targetId);
    if (targetId === this.#ownId) this.#killerName = attacker === undefined ? null : calledOf(attacker);
    if (attackerId === this.#ownId && victim !== undefined) this.#options.onKill(calledOf(victim));
  }

  /** Who struck the player down last; `null` while unknown. */
  get killerName(): string | null {
    return this.#killerName;
  }

  /** The server refused a COMBAT_ACTION. */
  refuseCombat(code: ErrorCode): void {
    this.#battle.refused(code, performance.now());
  }

  /** The player asked for a skill. */
  useSkill(skillId: number): void {
    this.#options.onMoved();
    this.#battle.useSkill(skillId, performance.now());
  }

  /** Chooses the next one in sight. */
  selectNext(): void {
    this.#battle.selectNext();
  }

  /** Chooses nobody. */
  clearTarget(): void {
    this.#battle.clearTarget();
  }

  /** The guild's tag that the player's name carries; empty: none. */
  setGuildTag(guildTag: string): void {
    this.#ownGuildTag = guildTag;
  }

  /** The connection was lost, or is there again: without one the player stands. */
  setConnected(isConnected: boolean): void {
    this.#isConnected = isConnected;
  }

  /** Shows a speech bubble over the player called `name`. */
  say(name: string, text: string): void {
    if (!this.#speech.has(name) && this.#speech.size >= SPEAKERS_MAX) return;
    const stayMs = Math.min(SPEECH_MS_MAX, SPEECH_MS + SPEECH_MS_PER_CHAR * text.length);
    this.#speech.set(name, { text, untilMs: performance.now() + stayMs });
    this.#spoken.set(name, text);
  }

  /** Leaves the world: nothing is drawn or listened to any more. */
  close(): void {
    cancelAnimationFrame(this.#frame);
    this.#controls.close();
    this.#resizing.disconnect();
    this.#listening.abort();
    this.#options.nearby.update([]);
    this.#options.target.show(null);
    this.#options.portal.offer(undefined);
    const { dataset } = document.documentElement;
    for (const key of ["entityId", "x", "z", "visible", "hp", "map"]) delete dataset[key];
  }

  #step(nowMs: number): void {
    this.#frame = requestAnimationFrame((nowMs) => this.#step(nowMs));
    const elapsedMs = Number.isNaN(this.#frameMs) ? 0 : nowMs - this.#frameMs;
    this.#frameMs = nowMs;
    const { scale, world } = this.#options;
    if (scale.frame(nowMs)) this.#renderer.resize(this.#camera, scale);
    if (this.#controls.apply(this.#movement, nowMs)) this.#battle.halt();
    this.#battle.step(nowMs, this.#model.clock.playbackMs(nowMs));
    const playbackMs = world.step(nowMs);
    this.#camera.x = this.#movement.shownX;
    this.#camera.z = this.#movement.shownZ;
    const uncovered = this.#coveredBelow - this.#camera.coveredBelow;
    const isNear = Math.abs(uncovered) < 1 || this.#isStill;
    this.#camera.coveredBelow += isNear ? uncovered : uncovered * (1 - Math.exp(-elapsedMs / COVER_MS));
    this.#forgetSpeech(nowMs);
    this.#renderer.draw(
      {
        model: this.#model,
        playbackMs,
        movement: this.#movement,
        ownId: this.#ownId,
        ownGuildTag: this.#ownGuildTag,
        ownName: this.#ownName,
        ownHealth: this.#health,
        ownIsStunned: this.#isStunned,
        interestRadius: this.#map.interestRadius,
        speech: this.#spoken,
        effects: this.#battle.effects,
        targetId: this.#battle.targetId,
        reserved: this.#reserved,
        isApproaching: this.#battle.isApproaching,
      },
      this.#camera,
      nowMs,
    );
    this.#options.skills.update(this.#battle.cooldowns, this.#canAct, nowMs);
    this.#options.target.show(this.#battle.target);
    if (nowMs - this.#textMs >= TEXT_INTERVAL_MS) {
      this.#textMs = nowMs;
      const { uiScale } = this.#camera;
      this.#coveredBelow = this.#options.coveredBelow() / uiScale;
      this.#reserved = this.#options.reserved().map(({ left, top, width, height }) => ({
        left: left / uiScale,
        top: top / uiScale,
        width: width / uiScale,
        height: height / uiScale,
      }));
      this.#updateText();
    }
  }

  #updateText(): void {
    const { dataset } = document.documentElement;
    dataset.x = this.#movement.x.toFixed(2);
    dataset.z = this.#movement.z.toFixed(2);
    const playbackMs = this.#model.clock.playbackMs(performance.now());
    const neighbours: Neighbour[] = [];
    let playerCount = 0;
    for (const { id, name, kind, health, track } of this.#model.entities.values()) {
      const { x, z } = track.poseAt(playbackMs);
      const isMonster = kind === EntityKind.MONSTER;
      if (!isMonster) playerCount++;
      neighbours.push({ id, name, x, z, isMonster, isFriend: !isMonster && this.#options.isFriend(name), health });
    }
    dataset.visible = String(playerCount);
    this.#options.nearby.update(neighbours);
    this.#options.status.setVisible(playerCount);
    const { x, z } = this.#movement, { interestRadius, name } = this.#map;
    dataset.map = name;
    this.#options.minimap.draw({ x, z, interestRadius, others: neighbours }, this.#map);
    if (isSafe(this.#map, x, z)) this.#options.onSafe();
    this.#options.portal.offer(this.#canAct ? portalAt(this.#map, x, z) : undefined);
  }

  /** A press on the portal that the player stands at. */
  #pressPortal(x: number, y: number): boolean {
    const at = this.#camera.worldAt(x, y), { x: ownX, z: ownZ } = this.#movement;
    const portal = portalAt(this.#map, ownX, ownZ);
    if (portal === undefined || Math.hypot(portal.x - at.x, portal.z - at.z) > portal.radius / 2) return false;
    this.#options.onPass(portal.portalId);
    return true;
  }

  #forgetSpeech(nowMs: number): void {
    for (const [name, { untilMs }] of this.#speech) {
      if (nowMs < untilMs) continue;
      this.#speech.delete(name);
      this.#spoken.delete(name);
    }
  }

  /** Whether the player lies on the ground. */
  get isDead(): boolean {
    return isDead(this.#health);
  }

  get #canAct(): boolean {
    return this.#isConnected && !this.isDead && !this.#isStunned;
  }

  #setHealth(health: Health): void {
    const wasDead = this.isDead;
    this.#health = health;
    this.#options.status.setHealth(health);
    document.documentElement.dataset.hp = String(Math.ceil(health.current));
    if (this.isDead) this.#battle.clearTarget();
    this.#hold();
    if (!this.isDead) this.#killerName = null;
    if (wasDead !== this.isDead) this.#options.onDead(this.isDead);
  }

  #hold(): void {
    this.#options.world.isHeld = this.isDead || this.#isStunned;
  }

  /** A hidden page gets no frames, so nobody would tell the server to stop. */
  #standStill(): void {
    this.#controls.release();
    this.#options.world.standStill(performance.now());
  }
}
