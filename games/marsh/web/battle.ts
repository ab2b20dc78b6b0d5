/**
 * The player's part in fights, between what is clicked and pressed and what the server makes of it.
 *
 * @module
 */

import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import { type CombatResult } from "../../parts/combat/combat_pb.ts";
import { EntityKind } from "../../../shared/gen/world_pb.ts";
import { aimArea } from "./aim.ts";
import type { Camera } from "./camera.ts";
import { CombatEffects } from "./combat_effects.ts";
import { Cooldowns } from "./cooldowns.ts";
import { combatErrorText } from "./error_text.ts";
import { Fight, type GroundPoint } from "./fight.ts";
import { figureRadius } from "./figure.ts";
import { TEXTS } from "./language.ts";
import type { OwnMovement } from "../../../client/world/own_movement.ts";
import { type Candidate, nextTarget, pickFigure, type PickTarget } from "./pick.ts";
import { findSkill, SKILL_AREA, SKILL_MELEE, SKILL_RANGED } from "./skills.ts";
import { isDead, type MarshModel, type SeenEntity } from "./marsh_model.ts";

/** What COMBAT_ACTION is to say. */
export interface CombatIntent {
  readonly skillId: number;
  /** 0: nobody in particular. */
  readonly targetId: number;
  readonly targetPosition: { readonly x: number; readonly y: number; readonly z: number };
  /** Rises by one with each action, from 1. */
  readonly actionSequence: number;
}

/** What a battle needs to know, and whom it tells. */
export interface BattleOptions {
  readonly ownId: number;
  readonly model: MarshModel;
  readonly movement: OwnMovement;
  readonly camera: Camera;
  /** Whether the player can do anything now. */
  readonly canAct: () => boolean;
  /** Whether a place lies in a safe area. */
  readonly isSafe: (x: number, z: number) => boolean;
  /** Where the mouse points on the world; `null`: nowhere. */
  readonly pointer: () => GroundPoint | null;
  readonly onCast: (intent: CombatIntent) => void;
  /** Tells the player something in passing. */
  readonly onNote: (text: string) => void;
}

/** How far beside a figure a click counts, in pixels. */
const MOUSE_REACH_PX = 3;
const TOUCH_REACH_PX = 12;
/** A key without a target looks for one this far around, in units. */
const SEEK_UNITS = 25;

/** One player's fights during one stay in the world. Times are milliseconds of one monotonic clock. */
export class Battle {
  readonly cooldowns = new Cooldowns();
  readonly effects = new CombatEffects();
  readonly #options: BattleOptions;
  readonly #fight = new Fight(this.cooldowns);
  #sequence = 0;
  #playbackMs = NaN;
  #isApproaching = false;

  constructor(options: BattleOptions) {
    this.#options = options;
  }

  /** The player's target; `null`: nobody. */
  get targetId(): number | null {
    return this.#fight.targetId;
  }

  /** The player's target, as long as it is in sight. */
  get target(): SeenEntity | null {
    return this.#living(this.#fight.targetId);
  }

  /** Whether the player walks up to the target. */
  get isApproaching(): boolean {
    return this.#isApproaching;
  }

  /**
   * The player pressed on the world: on somebody, this is an attack. A monster is fought until it is down; a player gets one
   * blow, so that a slip of the finger is no war.
   *
   * @returns Whether somebody was there.
   */
  press(x: number, y: number, { isTouch }: { readonly isTouch: boolean }): boolean {
    const id = pickFigure(this.#figures(), x, y, isTouch ? TOUCH_REACH_PX : MOUSE_REACH_PX);
    const entity = this.#living(id);
    if (entity === null) return false;
    this.#fight.attack(entity.id, entity.kind === EntityKind.MONSTER);
    return true;
  }

  /** The player asked for a skill. */
  useSkill(skillId: number, nowMs: number): void {
    const { movement, canAct, onNote } = this.#options;
    if (!canAct()) return;
    if (skillId !== SKILL_AREA && this.target === null) {
      const id = nextTarget(this.#candidates(SEEK_UNITS), this.#own, null);
      if (id === null) return onNote(TEXTS.combat.nobodyNear);
      this.#fight.select(id);
    }
    if (skillId === SKILL_MELEE) return this.#fight.strike();
    if (this.cooldowns.remainingMs(skillId, nowMs) > 0) return;
    if (skillId === SKILL_RANGED) return this.#castAtTarget(skillId, nowMs);
    const range = findSkill(skillId)?.range ?? 0;
    const nearestId = nextTarget(this.#candidates(SEEK_UNITS), this.#own, null);
    const at = aimArea({
      own: { ...this.#own, yaw: movement.yaw },
      target: this.#placeOf(this.targetId),
      pointer: this.#options.pointer(),
      nearest: this.#placeOf(nearestId),
      range,
    });
    this.#cast({ skillId, targetId: 0, at }, nowMs);
  }

  /** Chooses the next one in sight. */
  selectNext(): void {
    const id = nextTarget(this.#candidates(Infinity), this.#own, this.targetId);
    if (id !== null) this.#fight.select(id);
  }

  /** Chooses nobody. */
  clearTarget(): void {
    this.#fight.select(null);
    this.#stopApproach();
  }

  /** The player goes its own way. */
  halt(): void {
    this.#fight.halt();
    this.#isApproaching = false;
  }

  /** Walks and strikes as ordered. */
  step(nowMs: number, playbackMs: number): void {
    const { movement, canAct } = this.#options;
    this.#playbackMs = playbackMs;
    this.effects.sweep(nowMs);
    const target = this.target;
    const place = this.#placeOf(this.targetId);
    const isAble = canAct();
    // A player who cannot act waits; a target that is gone or dead is dropped all the same.
    if (!isAble && target !== null) return this.#stopApproach();
    const known = place === null ? null : { ...place, isAlive: target !== null };
    const { approach, strikeSkillId } = this.#fight.step(this.#own, known, nowMs);
    if (strikeSkillId !== 0 && isAble) this.#castAtTarget(strikeSkillId, nowMs);
    if (approach === null) return this.#stopApproach();
    movement.walkTo(approach.x, approach.z);
    this.#isApproaching = true;
  }

  /** Takes a COMBAT_RESULT. */
  applyResult(result: CombatResult, nowMs: number): void {
    const { ownId } = this.#options;
    const attackerId = Number(result.attackerId);
    const targetId = Number(result.targetId);
    if (attackerId === ownId) this.cooldowns.confirm(result.skillId);
    const { skillId, damage, isCritical, isDodged, isBlocked } = result;
    const places = {
      attacker: this.#placeOf(attackerId),
      target: this.#placeOf(targetId),
      isOnOwn: targetId === ownId,
    };
    this.effects.add({ attackerId, targetId, skillId, damage, isCritical, isDodged, isBlocked }, places, nowMs);
    // A player who is hit and has no target can hit back at once.
    if (targetId === ownId && this.targetId === null && this.#living(attackerId) !== null && !result.targetDied) {
      this.#fight.select(attackerId);
    }
  }

  /** The server refused a COMBAT_ACTION. */
  refused(code: ErrorCode, nowMs: number): void {
    const wasOrdered = this.#fight.hasOrder;
    this.cooldowns.refuse(code === ErrorCode.ON_COOLDOWN);
    this.#fight.refused(nowMs);
    const place = this.#placeOf(this.targetId);
    const isSheltered = code === ErrorCode.TARGET_INVALID && place !== null && this.#options.isSafe(place.x, place.z);
    if (code === ErrorCode.TARGET_INVALID) this.clearTarget();
    // What is tried again by itself is no news.
    const isPassing = code === ErrorCode.ON_COOLDOWN || code === ErrorCode.OUT_OF_RANGE;
    if (isSheltered) this.#options.onNote(TEXTS.combat.sheltered);
    else if (!wasOrdered || !isPassing) this.#options.onNote(combatErrorText(code));
  }

  #castAtTarget(skillId: number, nowMs: number): void {
    const at = this.#placeOf(this.targetId);
    if (at !== null && this.targetId !== null) this.#cast({ skillId, targetId: this.targetId, at }, nowMs);
  }

  #cast(
    { skillId, targetId, at }: { readonly skillId: number; readonly targetId: number; readonly at: GroundPoint },
    nowMs: number,
  ): void {
    this.#options.movement.face(at.x, at.z);
    this.cooldowns.start(skillId, nowMs);
    const radius = findSkill(skillId)?.areaRadius ?? 0;
    if (radius > 0) this.effects.burst(at, radius, nowMs);
    this.#options.onCast({
      skillId,
      targetId,
      targetPosition: { x: at.x, y: 0, z: at.z },
      actionSequence: ++this.#sequence,
    });
  }

  #stopApproach(): void {
    if (this.#isApproaching) this.#options.movement.stop();
    this.#isApproaching = false;
  }

  get #own(): GroundPoint {
    const { x, z } = this.#options.movement;
    return { x, z };
  }

  #living(id: number | null): SeenEntity | null {
    const entity = id === null ? undefined : this.#options.model.entities.get(id);
    return entity === undefined || isDead(entity.health) ? null : entity;
  }

  /** Where somebody is shown, the dead too. */
  #placeOf(id: number | null): GroundPoint | null {
    if (id === null) return null;
    const { ownId, movement, model } = this.#options;
    if (id === ownId) return { x: movement.shownX, z: movement.shownZ };
    const entity = model.entities.get(id);
    if (entity === undefined) return null;
    const { x, z } = entity.track.poseAt(this.#playbackMs);
    return { x, z };
  }

  *#figures(): Generator<PickTarget> {
    const { model, camera } = this.#options;
    for (const entity of model.entities.values()) {
      if (isDead(entity.health)) continue;
      const { x, z } = entity.track.poseAt(this.#playbackMs);
      const radius = figureRadius(camera.scale, { name: entity.name, isMonster: entity.kind === EntityKind.MONSTER });
      yield { id: entity.id, x: camera.screenX(x), y: camera.screenY(z), radius };
    }
  }

  #candidates(reach: number): Candidate[] {
    const own = this.#own;
    const candidates: Candidate[] = [];
    for (const entity of this.#options.model.entities.values()) {
      if (isDead(entity.health)) continue;
      const { x, z } = entity.track.poseAt(this.#playbackMs);
      if (Math.hypot(x - own.x, z - own.z) > reach) continue;
      candidates.push({ id: entity.id, x, z, isMonster: entity.kind === EntityKind.MONSTER });
    }
    return candidates;
  }
}
