/**
 * Who hits whom, and what comes of it.
 *
 * @module
 */

import { AREA_TARGETS_MAX, ENTRY_CALM_MS, FIGHT_MS, RECOVERY_INTERVAL_MS } from "./limits.ts";
import { type FaultReport, NO_FAULTS } from "../../../shared/errors.ts";
import type { World } from "../../../server/game/game.ts";
import { Health } from "./components.ts";
import { Cooldowns } from "./cooldowns.ts";
import { type Blow, type Dice, rollBlow } from "./dice.ts";
import { Recovery } from "./recovery.ts";
import { SafeAreas } from "./safe_areas.ts";
import { type Damage, findSkill, type Skill } from "./skills.ts";
import { StatusEffects } from "./status_effects.ts";

/** What an attacker wants to do. */
export interface CombatAct {
  readonly attackerId: number;
  /** What the attacker's cooldowns are kept by. */
  readonly attackerKey: number;
  readonly skillId: number;
  /** The target of a skill that has one; any number, as it came from the wire. */
  readonly targetId: number;
  /** The middle of an area, in units; as it came from the wire. */
  readonly targetPosition?: { readonly x: number; readonly y: number; readonly z: number };
}

/** Why nothing was done. */
export type CombatRefusal =
  | "unknown_skill"
  | "bad_position"
  | "cannot_act"
  | "just_entered"
  | "bad_target"
  | "protected"
  | "out_of_range"
  | "on_cooldown";

/** What one blow can do: a skill's, or a monster's own. */
export interface Strike extends Damage {
  /** As COMBAT_RESULT names it. */
  readonly skillId: number;
  /** How long a critical blow stuns, in milliseconds; 0: not at all. */
  readonly criticalStunMs: number;
}

/** One blow that fell. */
export interface BlowReport extends Blow {
  readonly attackerId: number;
  /** 0: an area in which nobody was. */
  readonly targetId: number;
  readonly skillId: number;
  /** How long it stunned the target, in milliseconds; 0: not at all. */
  readonly stunMs: number;
  readonly targetDied: boolean;
}

/** What {@linkcode Combat} is made with. */
export interface CombatOptions {
  readonly world: World;
  readonly dice: Dice;
  readonly events: CombatEvents;
  /** None unless told. */
  readonly safeAreas?: SafeAreas;
  /** Whether the players of two entities are at war with each other; nobody is unless told. */
  readonly areAtWar?: (entityId: number, otherId: number) => boolean;
  /** How many one use of an area skill may hit; {@linkcode AREA_TARGETS_MAX} unless told. */
  readonly areaTargetsMax?: (attackerId: number) => number;
  readonly faults?: FaultReport;
}

/** What a player's fights hold back, and for how long, in milliseconds. */
export interface FightState {
  readonly fightsUntilMs: number;
  readonly struckUntilMs: number;
  readonly stunnedUntilMs: number;
}

/** Who is told. */
export interface CombatEvents {
  onBlow(report: BlowReport): void;
  /** After the blow was told. The entity is still in the world, with no hit points. */
  onDeath(killerId: number, victimId: number): void;
}

const NOTHING: Blow = { damage: 0, isCritical: false, isDodged: false, isBlocked: false };

/**
 * Combat in one world, on all its maps. Everything that counts is the server's own: where both stand, the clock, the dice.
 *
 * Distances are in space, height included. Nobody hits itself; guilds and parties protect nobody. A player who stands in
 * a safe area and dealt no blow within the last {@linkcode FIGHT_MS} can be hit only by enemies in a war. Hit points come back out of
 * a fight, and with a respawn. What a blow does beyond the last hit point is told but goes nowhere.
 *
 * Pure: time comes as an argument, in milliseconds of a clock that never goes back, chance as {@linkcode Dice}.
 */
export class Combat {
  readonly health: Health;
  readonly #world: World;
  readonly #dice: Dice;
  readonly #events: CombatEvents;
  readonly #safeAreas: SafeAreas;
  readonly #areAtWar: (entityId: number, otherId: number) => boolean;
  readonly #areaTargetsMax: (attackerId: number) => number;
  readonly #cooldowns = new Cooldowns();
  readonly #effects: StatusEffects;
  readonly #recovery: Recovery;
  readonly #found: Int32Array;
  /** By entity, in milliseconds: until when it fights, has dealt a blow of late, and can strike nobody. */
  readonly #fightsUntilMs: Float64Array;
  readonly #struckUntilMs: Float64Array;
  readonly #calmUntilMs: Float64Array;

  constructor(options: CombatOptions) {
    this.#world = options.world;
    this.health = new Health(options.world);
    this.#dice = options.dice;
    this.#events = options.events;
    this.#safeAreas = options.safeAreas ?? new SafeAreas();
    this.#areAtWar = options.areAtWar ?? (() => false);
    this.#areaTargetsMax = options.areaTargetsMax ?? (() => AREA_TARGETS_MAX);
    this.#effects = new StatusEffects(options.world, options.faults ?? NO_FAULTS);
    this.#recovery = new Recovery(this.health, options.world.slotCount, options.faults ?? NO_FAULTS);
    const { slotCount } = options.world;
    this.#found = new Int32Array(slotCount);
    this.#fightsUntilMs = new Float64Array(slotCount);
    this.#struckUntilMs = new Float64Array(slotCount);
    this.#calmUntilMs = new Float64Array(slotCount);
  }

  /** Whether the entity can move and act: it is in the world, alive and not stunned. */
  canAct(entityId: number): boolean {
    return this.isAlive(entityId) && !this.#effects.isStunned(entityId);
  }

  /** Whether the entity is in the world and has hit points left; any number may be asked. */
  isAlive(entityId: number): boolean {
    return this.#world.has(entityId) && this.health.hpOf(entityId) > 0;
  }

  /** Whether the entity gave or took a blow within the last {@linkcode FIGHT_MS}; any number may be asked. */
  isFighting(entityId: number, nowMs: number): boolean {
    return nowMs < this.#fightsUntilMs[entityId];
  }

  /** What holds the entity back, as things are. */
  stateOf(entityId: number): FightState {
    return {
      fightsUntilMs: this.#fightsUntilMs[entityId],
      struckUntilMs: this.#struckUntilMs[entityId],
      stunnedUntilMs: this.#effects.stunnedUntilMs(entityId),
    };
  }

  /**
   * A player takes an entity: for {@linkcode ENTRY_CALM_MS} it can strike nobody.
   *
   * @param state What holds a new entity back; `undefined` for one that was in the world.
   */
  enter(entityId: number, nowMs: number, state: FightState | undefined): void {
    this.#calmUntilMs[entityId] = nowMs + ENTRY_CALM_MS;
    if (state === undefined) return;
    this.#fightsUntilMs[entityId] = state.fightsUntilMs;
    this.#struckUntilMs[entityId] = state.struckUntilMs;
    this.#recovery.begin(entityId, Math.max(nowMs + RECOVERY_INTERVAL_MS, state.fightsUntilMs));
    if (nowMs < state.stunnedUntilMs) this.#effects.stun(entityId, state.stunnedUntilMs);
  }

  /** A dead entity comes back: its fight is over. */
  endFight(entityId: number): void {
    this.#fightsUntilMs[entityId] = this.#struckUntilMs[entityId] = 0;
  }

  /** Uses a skill, if the rules allow it; otherwise nothing happens and no cooldown begins. */
  act(action: CombatAct, nowMs: number): "ok" | CombatRefusal {
    const skill = findSkill(action.skillId);
    if (skill === undefined) return "unknown_skill";
    const { attackerId, attackerKey, targetPosition: at } = action;
    if (at !== undefined && !Number.isFinite(at.x + at.y + at.z)) return "bad_position";
    if (skill.areaRadius > 0 && at === undefined) return "bad_position";
    if (!this.canAct(attackerId)) return "cannot_act";
    const refusal = skill.areaRadius > 0
      ? this.#judgeArea(attackerId, at!, skill)
      : this.#judgeTarget(action, skill, nowMs);
    if (refusal !== "ok") return refusal;
    if (this.#cooldowns.remainingMs(attackerKey, skill, nowMs) > 0) return "on_cooldown";
    // Last, as whatever else is wrong is answered as ever.
    if (nowMs < this.#calmUntilMs[attackerId]) return "just_entered";
    this.#cooldowns.start(attackerKey, skill, nowMs);
    const strike: Strike = { ...skill, skillId: skill.id };
    if (skill.areaRadius > 0) this.#strikeArea(attackerId, at!, { skill, strike, nowMs });
    else this.strike(attackerId, action.targetId, { strike, nowMs });
    return "ok";
  }

  /** Deals one blow; that attacker and target are fit for it, and near enough, is the caller's promise. */
  strike(attackerId: number, targetId: number, { strike, nowMs }: { strike: Strike; nowMs: number }): void {
    const { health } = this;
    this.#fight(attackerId, nowMs + FIGHT_MS);
    this.#struckUntilMs[attackerId] = nowMs + FIGHT_MS;
    this.#fight(targetId, nowMs + FIGHT_MS);
    const blow = rollBlow(strike, this.#dice);
    const hpMax = health.hpMaxOf(targetId), hp = Math.max(0, health.hpOf(targetId) - blow.damage);
    const targetDied = hp === 0;
    const stunMs = blow.isCritical && !targetDied ? strike.criticalStunMs : 0;
    if (blow.damage > 0) health.set(targetId, { hp, hpMax });
    if (targetDied) this.#effects.clear(targetId);
    else if (stunMs > 0) this.#effects.stun(targetId, nowMs + stunMs);
    this.#events.onBlow({ ...blow, attackerId, targetId, skillId: strike.skillId, stunMs, targetDied });
    if (targetDied) this.#events.onDeath(attackerId, targetId);
  }

  /** Ends effects whose time is over, and gives hit points to those out of combat; to be called every tick. */
  step(nowMs: number): void {
    this.#effects.step(nowMs);
    this.#recovery.step(nowMs);
  }

  /** Forgets cooldowns that are over; to be called now and then. */
  sweep(nowMs: number): void {
    this.#cooldowns.sweep(nowMs);
  }

  /** Forgets an entity that leaves the world. */
  remove(entityId: number): void {
    this.#effects.remove(entityId);
    this.#recovery.remove(entityId);
    this.#fightsUntilMs[entityId] = this.#struckUntilMs[entityId] = this.#calmUntilMs[entityId] = 0;
  }

  #fight(entityId: number, untilMs: number): void {
    this.#fightsUntilMs[entityId] = untilMs;
    this.#recovery.delay(entityId, untilMs);
  }

  #judgeTarget({ attackerId, targetId }: CombatAct, skill: Skill, nowMs: number): "ok" | CombatRefusal {
    const world = this.#world;
    // What is dead, out of sight or was never there is one answer: it tells nothing of what the attacker cannot see.
    if (targetId === attackerId || !this.isAlive(targetId) || !world.sees(attackerId, targetId)) return "bad_target";
    if (this.#isProtected(attackerId, targetId, nowMs)) return "protected";
    return world.distanceBetween(attackerId, targetId) <= skill.range ? "ok" : "out_of_range";
  }

  /** Monsters do not ask: they leave players in a safe area alone. */
  #isProtected(attackerId: number, targetId: number, nowMs: number): boolean {
    if (nowMs < this.#struckUntilMs[targetId]) return false;
    const world = this.#world, { mapId } = world.mapOf(targetId);
    return this.#safeAreas.covers(mapId, world.xOf(targetId), world.zOf(targetId)) &&
      !this.#areAtWar(attackerId, targetId);
  }

  #judgeArea(attackerId: number, at: { x: number; y: number; z: number }, skill: Skill): "ok" | CombatRefusal {
    return this.#world.distanceTo(attackerId, at) <= skill.range ? "ok" : "out_of_range";
  }

  #strikeArea(
    attackerId: number,
    at: { x: number; y: number; z: number },
    { skill, strike, nowMs }: { skill: Skill; strike: Strike; nowMs: number },
  ): void {
    const targets = this.#targetsAround(attackerId, at, { radius: skill.areaRadius, nowMs });
    // Those who see the attacker are shown that something was done.
    if (targets.length === 0) {
      const { skillId } = strike;
      this.#events.onBlow({ ...NOTHING, attackerId, targetId: 0, skillId, stunMs: 0, targetDied: false });
    }
    for (const targetId of targets) {
      // A listener told of a death may have taken others out of the world.
      if (this.#world.has(attackerId) && this.isAlive(targetId)) this.strike(attackerId, targetId, { strike, nowMs });
    }
  }

  /** Those around a point whom the attacker sees and may hit, without itself: nearest first, then by lowest id. */
  #targetsAround(
    attackerId: number,
    at: { x: number; y: number; z: number },
    { radius, nowMs }: { radius: number; nowMs: number },
  ): number[] {
    const count = this.#world.entitiesInRadius(
      { map: this.#world.mapOf(attackerId), x: at.x, z: at.z, radius },
      this.#found,
    );
    const candidates: { readonly id: number; readonly distance: number }[] = [];
    for (let index = 0; index < count; index++) {
      const id = this.#found[index];
      if (id === attackerId || !this.isAlive(id)) continue;
      const distance = this.#world.distanceTo(id, at);
      if (distance <= radius) candidates.push({ id, distance });
    }
    candidates.sort((a, b) => a.distance - b.distance || a.id - b.id);
    const targets: number[] = [];
    const countMax = this.#areaTargetsMax(attackerId);
    for (const { id } of candidates) {
      if (targets.length === countMax) break;
      if (this.#world.sees(attackerId, id) && !this.#isProtected(attackerId, id, nowMs)) targets.push(id);
    }
    return targets;
  }
}
