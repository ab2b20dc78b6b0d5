/**
 * Blows, deaths and respawns: what may be done, who is told, and whether hit points add up.
 *
 * @module
 */

import { ErrorCode } from "../../shared/gen/common_pb.ts";
import type { CombatAction, CombatResult } from "../../games/parts/combat/combat_pb.ts";
import type { MovementCorrection, MovementUpdate } from "../../shared/gen/world_pb.ts";
import { type Actor, type Board, Contradiction } from "./board.ts";
import type { DueLedger } from "./due_ledger.ts";
import { type Body, isPlaced, toCm } from "./body.ts";
import { safetyOf } from "./map_rules.ts";
import type { SightCheck } from "./sight_check.ts";

interface SkillRule {
  readonly rangeCm: number;
  readonly cooldownMs: number;
  readonly damage: readonly [min: number, max: number];
  readonly areaCm: number;
  readonly stunMs: number;
}

/** As the contract has them. */
const SKILLS: Readonly<Record<number, SkillRule>> = {
  1: { rangeCm: 300, cooldownMs: 500, damage: [8, 12], areaCm: 0, stunMs: 1_000 },
  2: { rangeCm: 2_500, cooldownMs: 1_500, damage: [15, 25], areaCm: 0, stunMs: 0 },
  3: { rangeCm: 2_500, cooldownMs: 4_000, damage: [10, 20], areaCm: 500, stunMs: 0 },
};
/** What a monster does has no skill, and damage from its file. */
const MONSTER_DAMAGE = [1, 1_000] as const;
const COOLDOWN_TOLERANCE_MS = 50;
/** An area skill hits this many, fewer where more look on, but never fewer than these. */
const AREA_TARGETS = 32;
const AREA_TARGETS_MIN = 4;
const AREA_COPIES = 1_000;
const RESPAWN_AFTER_MS = 3_000;
const RESPAWN_BY_ITSELF_MS = 10_000;
/** So long after a blow a body stays in the world and passes no portal. */
const FIGHT_MS = 10_000;
/** So long after entering nobody strikes. */
const CALM_MS = 1_000;
const HP = 100;
/** What a wounded player is given when its fight is over, and how often then. */
const HEALED_HP = 5;
const HEAL_EVERY_MS = 1_000;
/** Units a second that anybody may move, with 15 %, in cm/ms. */
const SPEED_CM_PER_MS = 10 * 1.15 / 10;
/** Travel time that may be saved up. */
const TRAVEL_MS_MAX = 1_250;
const TRAVEL_MS_START = 250;
/** What rounding may make of a distance, in centimetres. */
const BORDER_CM = 2;
const MAP_ALTITUDE_CM = 100_000;
/** What was on its way when a connection was lost is no older. */
const IN_FLIGHT_MS = 1_000;
/** Deaths in a minute without a connection, at most. */
const RESPAWNS_UNSEEN_MAX = 6;

/** What one player can do, and has done. */
interface Fighter {
  readonly readyAtMs: Map<number, number>;
  /** When it died; 0: it lives; NaN: it is not known when. */
  diedAtMs: number;
  /** Travel time saved up, and when that was. */
  travelMs: number;
  travelAtMs: number;
  /** Until when it fights for certain, and perhaps. */
  fightsUntilMs: number;
  mayFightUntilMs: number;
  /** Until when it counts as having dealt a blow, for certain and perhaps. */
  struckUntilMs: number;
  mayHaveStruckUntilMs: number;
  /** Until when it can strike nobody. */
  calmUntilMs: number;
}

/** Told of deaths: a player killed a player, or a monster, which is null. */
export type KillListener = (killer: Actor, victim: Actor | null) => void;

/** Whether the guilds of two players are at war. */
export type WarCheck = (one: Actor, other: Actor) => "no" | "perhaps" | "yes";

/** Follows combat, movement and respawns. */
export class FightCheck {
  readonly #board: Board;
  readonly #dues: DueLedger;
  readonly #sight: SightCheck;
  readonly #fighters = new Map<Actor, Fighter>();
  readonly #onKill: KillListener;
  readonly #atWar: WarCheck;
  /** Who may be hit by the action under way, and who was. */
  #targets: { readonly attacker: Body; readonly may: Set<number>; readonly must: Set<number> } | null = null;
  #isTicking = false;
  #lastResult: CombatResult | null = null;
  blowCount = 0;
  deathCount = 0;
  /** Deaths of players by players. */
  killCount = 0;
  moveCount = 0;

  /** Blows at those in a safe area that were refused, or left them out. */
  shelteredCount = 0;

  constructor(
    options: { board: Board; dues: DueLedger; sight: SightCheck; onKill: KillListener; atWar: WarCheck },
  ) {
    this.#board = options.board;
    this.#dues = options.dues;
    this.#sight = options.sight;
    this.#onKill = options.onKill;
    this.#atWar = options.atWar;
  }

  /** A player enters, with a body of its own or the one that it had left behind. */
  enter(actor: Actor, { isBack }: { readonly isBack: boolean }): void {
    const fighter = this.#fighterOf(actor);
    fighter.calmUntilMs = this.#board.nowMs + CALM_MS;
    fighter.mayFightUntilMs = Math.min(fighter.mayFightUntilMs, this.#board.nowMs + FIGHT_MS);
    if (isBack) return;
    const fighting = this.fighting(actor), soonMs = this.#board.nowMs + HEAL_EVERY_MS;
    this.#bodyOf(actor).healsAtMs = fighting === "perhaps" ? NaN : Math.max(soonMs, fighter.fightsUntilMs);
    if (!this.mustStayDead(actor)) fighter.diedAtMs = 0;
    this.#capTravel(actor);
  }

  /** Whether a player died too short a time ago to come back alive by entering. */
  mustStayDead(actor: Actor): boolean {
    const { diedAtMs } = this.#fighterOf(actor);
    return diedAtMs > 0 && this.#board.nowMs - diedAtMs < RESPAWN_AFTER_MS;
  }

  /** Whether a player fights: certainly not, perhaps, certainly. */
  fighting(actor: Actor): "no" | "perhaps" | "yes" {
    const { fightsUntilMs, mayFightUntilMs } = this.#fighterOf(actor);
    if (this.#board.nowMs < fightsUntilMs) return "yes";
    return this.#board.nowMs < mayFightUntilMs ? "perhaps" : "no";
  }

  /** A player leaves its body behind: what it has done counts for both. */
  leaveBehind(actor: Actor, ghost: Actor): void {
    this.#fighters.set(ghost, this.#fighterOf(actor));
  }

  /** A body that was left behind is gone, or played again. */
  forget(ghost: Actor): void {
    this.#fighters.delete(ghost);
  }

  /** Whether a player can do anything. */
  canAct({ hp, stunnedUntilMs }: Body): boolean {
    return hp > 0 && stunnedUntilMs === 0;
  }

  /** A player came to another map. */
  onTransfer(actor: Actor): void {
    this.#capTravel(actor);
  }

  isDead(actor: Actor): boolean {
    const body = this.#sight.bodies.get(actor.entityId);
    return body !== undefined && body.hp <= 0;
  }

  // Movement

  /** A player says where it is; expects a correction where that cannot be. */
  onMove(actor: Actor, movement: MovementUpdate): void {
    const body = this.#bodyOf(actor);
    const { position, velocity, sequenceNumber } = movement;
    const [x, y, z] = [position?.x, position?.y, position?.z].map(toCm);
    const costMs = Math.hypot(x - body.x, y - body.y, z - body.z) / SPEED_CM_PER_MS;
    const verdict = this.#judgeMove(actor, body, movement, costMs);
    if (verdict !== "ok") {
      this.#dues.expect(actor, "correction", `${sequenceNumber}:${verdict}`);
      return;
    }
    this.moveCount++;
    this.#fighterOf(actor).travelMs -= costMs;
    const [vx, vz] = [velocity?.x, velocity?.z].map(toCm);
    this.#sight.place(body, { x, y, z, vx, vz });
    this.#sight.acceptMovement(actor.entityId, sequenceNumber);
  }

  #judgeMove(actor: Actor, body: Body, movement: MovementUpdate, costMs: number): string {
    const { entityId, position: at } = movement;
    if (entityId !== 0n && entityId !== BigInt(actor.entityId)) return "not_own_entity";
    if (!Number.isFinite((at?.x ?? 0) + (at?.y ?? 0) + (at?.z ?? 0))) return "non_finite";
    if (body.hp <= 0) return "dead";
    if (body.stunnedUntilMs > 0) return "stunned";
    const [x, y, z] = [at?.x, at?.y, at?.z].map(toCm);
    const { width, height } = body.map;
    const isOnMap = x >= 0 && x <= width && z >= 0 && z <= height && Math.abs(y) <= MAP_ALTITUDE_CM;
    if (!isOnMap) return "outside_map";
    const fighter = this.#earnTravel(actor, TRAVEL_MS_MAX);
    return costMs > fighter.travelMs ? "too_fast" : "ok";
  }

  /** The server says where a player is. */
  onCorrection(actor: Actor, { position, sequenceNumber, reason }: MovementCorrection): void {
    this.#dues.take(actor, "correction", `${sequenceNumber}:${reason}`);
    const body = this.#bodyOf(actor);
    const [x, y, z] = [position?.x, position?.y, position?.z].map(toCm);
    if (reason === "respawn") {
      if (actor.isReplaying) return;
      this.#sight.place(body, { x, y, z, vx: 0, vz: 0 });
      this.#comeBack(actor, body);
    } else if (!actor.isReplaying && (x !== body.x || y !== body.y || z !== body.z)) {
      throw new Contradiction(`${actor.name} was set to ${x}, ${y}, ${z}, it is at ${body.x}, ${body.y}, ${body.z}`);
    }
  }

  // Respawns

  /** Whether it is known when a dead player died. */
  isDeathKnown(actor: Actor): boolean {
    return !Number.isNaN(this.#fighterOf(actor).diedAtMs);
  }

  /** A player asks to come back; gives the code it is to be answered with. */
  onRespawnRequest(actor: Actor): ErrorCode {
    const { diedAtMs } = this.#fighterOf(actor);
    if (!this.isDead(actor) || this.#board.nowMs - diedAtMs < RESPAWN_AFTER_MS) return ErrorCode.INVALID_STATE;
    this.#dues.expect(actor, "correction", "0:respawn");
    return ErrorCode.NONE;
  }

  #comeBack(actor: Actor, body: Body): void {
    body.hp = body.hpMax = HP;
    const fighter = this.#fighterOf(actor);
    fighter.diedAtMs = fighter.fightsUntilMs = fighter.mayFightUntilMs = 0;
    fighter.struckUntilMs = fighter.mayHaveStruckUntilMs = 0;
    this.#capTravel(actor);
  }

  // Blows

  /** A player acts; gives the codes it may be answered with. */
  onAction(actor: Actor, action: CombatAction): ErrorCode[] {
    const body = this.#bodyOf(actor);
    if (action.attackerId !== 0n && Number(action.attackerId) !== actor.entityId) return [ErrorCode.PERMISSION_DENIED];
    const skill = SKILLS[action.skillId];
    if (skill === undefined) return [ErrorCode.INVALID_PACKET];
    const at = action.targetPosition;
    if (at !== undefined && !Number.isFinite(at.x + at.y + at.z)) return [ErrorCode.INVALID_PACKET];
    if (skill.areaCm > 0 && at === undefined) return [ErrorCode.INVALID_PACKET];
    if (body.hp <= 0 || body.stunnedUntilMs > 0) return [ErrorCode.INVALID_STATE];
    const aim = skill.areaCm > 0 ? { x: toCm(at!.x), z: toCm(at!.z) } : this.#targetOf(body, action);
    if (aim === null) return [ErrorCode.TARGET_INVALID];
    const sheltered = "entityId" in aim ? this.#sheltered(body, aim) : "no";
    if (sheltered === "yes") {
      this.shelteredCount++;
      return [ErrorCode.TARGET_INVALID];
    }
    const { isIn, codes } = this.#judgeAim(body, aim, skill.rangeCm);
    if (sheltered === "perhaps") codes.push(ErrorCode.TARGET_INVALID);
    if (!isIn) return codes;
    const { readyAtMs } = this.#fighterOf(actor);
    const waitMs = (readyAtMs.get(action.skillId) ?? 0) - this.#board.nowMs;
    if (waitMs > COOLDOWN_TOLERANCE_MS) return [...codes, ErrorCode.ON_COOLDOWN];
    if (this.#board.nowMs < this.#fighterOf(actor).calmUntilMs) return [...codes, ErrorCode.INVALID_STATE];
    this.#targets = this.#targetsOf(body, aim, skill);
    return [...codes, ErrorCode.NONE];
  }

  /** Whether what is aimed at can be in reach, and with which codes it may be refused all the same. */
  #judgeAim(
    body: Body,
    aim: Body | { readonly x: number; readonly z: number },
    rangeCm: number,
  ): { readonly isIn: boolean; readonly codes: ErrorCode[] } {
    const distanceCm = this.#sight.distanceCm(body, aim);
    const isOut = distanceCm > rangeCm + BORDER_CM, isIn = distanceCm <= rangeCm - BORDER_CM;
    const range = isIn ? [] : [ErrorCode.OUT_OF_RANGE];
    if (!("entityId" in aim)) return { isIn: !isOut, codes: range };
    if (!isPlaced(aim)) return { isIn: true, codes: [ErrorCode.TARGET_INVALID, ErrorCode.OUT_OF_RANGE] };
    const isCertain = isKnown(aim) && this.#sight.sees(body.entityId, aim.entityId);
    return { isIn: !isOut, codes: isCertain ? range : [ErrorCode.TARGET_INVALID, ...range] };
  }

  /** Whether a safe area protects somebody: certainly not, perhaps, certainly. */
  #sheltered(attacker: Body, target: Body): "no" | "perhaps" | "yes" {
    const { nowMs } = this.#board;
    // Monsters do not come into one.
    if (target.actor === null || attacker.actor === null) return "no";
    const safety = isPlaced(target) ? safetyOf(target.map, target) : "perhaps";
    const { struckUntilMs, mayHaveStruckUntilMs } = this.#fighterOf(target.actor);
    const war = this.#atWar(attacker.actor.owner, target.actor.owner);
    if (safety === "no" || nowMs < struckUntilMs || war === "yes") return "no";
    return safety === "yes" && nowMs >= mayHaveStruckUntilMs && war === "no" ? "yes" : "perhaps";
  }

  #targetOf(body: Body, { targetId }: CombatAction): Body | null {
    const target = this.#sight.bodies.get(Number(targetId));
    if (target === undefined || target === body || isSurelyDead(target)) return null;
    return this.#sight.maySee(body.entityId, target.entityId) ? target : null;
  }

  #targetsOf(attacker: Body, aim: Body | { x: number; z: number }, skill: SkillRule) {
    if ("entityId" in aim) return { attacker, may: new Set([aim.entityId]), must: new Set([aim.entityId]) };
    const near: number[] = [], may = new Set<number>();
    let onlookers = 1;
    for (const body of this.#sight.bodies.values()) {
      if (body.actor !== null && this.#sight.maySee(body.entityId, attacker.entityId)) onlookers++;
      if (body === attacker || isSurelyDead(body) || !this.#sight.maySee(attacker.entityId, body.entityId)) continue;
      const distanceCm = this.#sight.distanceCm(body, aim);
      const sheltered = this.#sheltered(attacker, body);
      if (sheltered === "yes") {
        if (distanceCm <= skill.areaCm) this.shelteredCount++;
        continue;
      }
      if (distanceCm <= skill.areaCm + BORDER_CM || !isPlaced(body)) may.add(body.entityId);
      const isCertain = sheltered === "no" && isKnown(body) && this.#sight.sees(attacker.entityId, body.entityId);
      if (distanceCm <= skill.areaCm - BORDER_CM && isCertain) near.push(body.entityId);
    }
    const hits = Math.min(AREA_TARGETS, Math.max(AREA_TARGETS_MIN, Math.floor(AREA_COPIES / onlookers)));
    return { attacker, may, must: new Set(may.size <= hits ? near : []) };
  }

  /** The action was answered; `code` is what came, NONE where it was done. */
  endAction(actor: Actor, action: CombatAction, code: ErrorCode): void {
    const targets = this.#targets;
    this.#targets = null;
    if (code !== ErrorCode.NONE || targets === null) return;
    if (targets.must.size > 0) {
      const missed = [...targets.must].map((id) => this.#describe(id)).join(", ");
      throw new Contradiction(`${actor.name} used skill ${action.skillId}, and these were not hit: ${missed}`);
    }
    const { readyAtMs } = this.#fighterOf(actor);
    const { cooldownMs } = SKILLS[action.skillId];
    readyAtMs.set(action.skillId, Math.max(readyAtMs.get(action.skillId) ?? 0, this.#board.nowMs) + cooldownMs);
  }

  /** A COMBAT_RESULT came; each blow is told to many, in one object. */
  onResult(actor: Actor, result: CombatResult): void {
    const key = keyOf(result);
    if (result !== this.#lastResult && !this.#dues.tryTake(actor, "combat", key)) {
      this.#lastResult = result;
      this.#apply(actor, result, key);
      if (!actor.isReplaying) this.#dues.take(actor, "combat", key);
    } else if (result === this.#lastResult) this.#dues.take(actor, "combat", key);
  }

  #apply(actor: Actor, result: CombatResult, key: string): void {
    const attacker = this.#sight.bodies.get(Number(result.attackerId));
    const target = this.#sight.bodies.get(Number(result.targetId));
    if (actor.isReplaying) {
      // Nobody who has a connection saw it: a monster did it, or a player who lost the connection with the answer.
      if (attacker?.actor != null && attacker.isExact && !hadLost(attacker.actor, actor)) {
        throw new Contradiction(`${actor.name} was sent late: ${key}`);
      }
      if (target !== undefined) target.isHealthDoubtful = true;
      for (const side of [attacker, target]) if (side !== undefined) side.healsAtMs = NaN;
      for (const side of [attacker, target]) this.#mayFight(side?.actor ?? null);
      return;
    }
    if (attacker === undefined) throw new Contradiction(`A blow of ${result.attackerId}, who is not there`);
    if (attacker.actor !== null) this.#checkTarget(attacker, Number(result.targetId), key);
    else if (target !== undefined && target.isExact && safetyOf(target.map, target) === "yes") {
      throw new Contradiction(`Monster ${attacker.entityId} struck into a safe area`);
    } else if (!this.#isTicking) throw new Contradiction(`Monster ${attacker.entityId} struck between ticks`);
    if (target !== undefined) this.#checkBlow(attacker, target, result);
    for (const watcher of this.#audienceOf(attacker, target)) {
      this.#dues.expect(watcher.actor, "combat", key, { isOptional: !watcher.isCertain });
    }
    if (target !== undefined) this.#hurt(attacker, target, result);
  }

  #checkTarget(attacker: Body, targetId: number, key: string): void {
    const targets = this.#targets;
    if (targets?.attacker !== attacker) throw new Contradiction(`A blow nobody asked for: ${key}`);
    if (targetId === 0) {
      if (targets.must.size > 0) throw new Contradiction(`A blow into the air, though ${[...targets.must]} were there`);
      targets.may.clear();
      return;
    }
    if (!targets.may.delete(targetId)) throw new Contradiction(`A blow that hits whom it cannot, or twice: ${key}`);
    targets.must.delete(targetId);
  }

  #checkBlow(attacker: Body, target: Body, result: CombatResult): void {
    const { damage, isBlocked, isCritical, isDodged, skillId } = result;
    const rule = SKILLS[skillId];
    if ((attacker.actor === null) !== (rule === undefined)) throw new Contradiction(`Wrong skill: ${keyOf(result)}`);
    const [min, max] = rule?.damage ?? MONSTER_DAMAGE;
    const factor = isDodged ? 0 : isBlocked ? 0.5 : isCritical ? 1.5 : 1;
    const isPossible = damage >= Math.round(min * factor) && damage <= Math.round(max * factor) &&
      [isBlocked, isCritical, isDodged].filter(Boolean).length <= 1;
    if (!isPossible) throw new Contradiction(`Damage that cannot be: ${keyOf(result)}`);
    if (isSurelyDead(target)) throw new Contradiction(`A blow at the dead: ${keyOf(result)}`);
  }

  #mayFight(actor: Actor | null): Fighter | null {
    if (actor === null) return null;
    const fighter = this.#fighterOf(actor);
    fighter.mayFightUntilMs = Math.max(fighter.mayFightUntilMs, this.#board.nowMs + FIGHT_MS);
    return fighter;
  }

  #hurt(attacker: Body, target: Body, result: CombatResult): void {
    this.blowCount++;
    for (const { actor } of [attacker, target]) {
      const fighter = this.#mayFight(actor);
      if (fighter !== null) fighter.fightsUntilMs = this.#board.nowMs + FIGHT_MS;
    }
    if (attacker.actor !== null) {
      const fighter = this.#fighterOf(attacker.actor);
      fighter.struckUntilMs = fighter.mayHaveStruckUntilMs = this.#board.nowMs + FIGHT_MS;
    }
    if (Number.isNaN(target.healsAtMs) && target.actor !== null && target.hp < HP) target.isHealthDoubtful = true;
    for (const side of [attacker, target]) side.healsAtMs = this.#board.nowMs + FIGHT_MS;
    const hp = Math.max(0, target.hp - result.damage);
    const isDead = hp === 0;
    if (!Number.isNaN(hp) && !target.isHealthDoubtful && isDead !== result.targetDied) {
      throw new Contradiction(`${hp} hit points are left, and the target ${result.targetDied ? "died" : "lives"}`);
    }
    target.hp = result.targetDied ? 0 : hp;
    const stunS = result.appliedEffects[0]?.duration ?? 0;
    const stunMs = result.isCritical && !result.targetDied ? SKILLS[result.skillId]?.stunMs ?? 0 : 0;
    const isMonsters = attacker.actor === null;
    if (!isMonsters && stunS * 1_000 !== stunMs) {
      throw new Contradiction(`Stunned for ${stunS} s instead of ${stunMs} ms`);
    }
    if (stunMs > 0) {
      target.stunnedUntilMs = Math.max(target.stunnedUntilMs, this.#board.nowMs + stunMs);
      if (target.isExact) this.#sight.stop(target);
    }
    if (result.targetDied) this.#die(attacker, target);
  }

  #die(attacker: Body, target: Body): void {
    this.deathCount++;
    target.stunnedUntilMs = 0;
    if (target.isExact) this.#sight.stop(target);
    if (target.actor !== null) this.#fighterOf(target.actor).diedAtMs = this.#board.nowMs;
    if (attacker.actor === null) return;
    if (target.actor !== null) this.killCount++;
    this.#onKill(attacker.actor.owner, target.actor?.owner ?? null);
  }

  /** Those who see either of two, and themselves. */
  #audienceOf(attacker: Body, target: Body | undefined): { readonly actor: Actor; readonly isCertain: boolean }[] {
    const audience: { actor: Actor; isCertain: boolean }[] = [];
    const sides = target === undefined ? [attacker] : [attacker, target];
    for (const { actor, entityId } of this.#sight.bodies.values()) {
      if (actor === null) continue;
      const isCertain = sides.some((side) => side.entityId === entityId || this.#sight.sees(entityId, side.entityId));
      if (isCertain || sides.some((side) => this.#sight.maySee(entityId, side.entityId))) {
        audience.push({ actor, isCertain });
      }
    }
    return audience;
  }

  // Time

  /** Nobody with a connection sees a player who has none: what becomes of it is learned when it is back. */
  lose(body: Body): void {
    body.isExact = false;
    body.isHealthDoubtful = true;
    body.healsAtMs = NaN;
    const fighter = this.#fighterOf(body.actor!);
    fighter.diedAtMs = NaN;
    fighter.fightsUntilMs = 0;
    fighter.mayFightUntilMs = Infinity;
    // Its last blow may have been on its way, and it may die and come back, which ends a fight.
    fighter.struckUntilMs = 0;
    fighter.mayHaveStruckUntilMs = Math.max(fighter.mayHaveStruckUntilMs, this.#board.nowMs + FIGHT_MS);
  }

  /** Such a player is back, and may be told that it respawned meanwhile. */
  find(actor: Actor): void {
    this.#fighterOf(actor).mayFightUntilMs = this.#board.nowMs + FIGHT_MS;
    for (let count = 0; count < RESPAWNS_UNSEEN_MAX; count++) {
      this.#dues.expect(actor, "correction", "0:respawn", { isOptional: true });
    }
  }

  /** A tick begins: the stunned come to, the dead come back. */
  beginTick(): void {
    this.#isTicking = true;
    const { nowMs } = this.#board;
    for (const body of this.#sight.bodies.values()) {
      if (body.stunnedUntilMs > 0 && body.stunnedUntilMs <= nowMs) {
        body.stunnedUntilMs = 0;
        if (body.actor !== null) this.#capTravel(body.actor);
      }
      if (body.actor === null) continue;
      this.#heal(body);
      const fighter = this.#fighterOf(body.actor);
      if (body.hp <= 0) this.#beginTickOfDead(body.actor, body);
      else if (body.isExact && Number.isNaN(fighter.diedAtMs)) fighter.diedAtMs = 0;
    }
  }

  /** A player who fights no more is given hit points. */
  #heal(body: Body): void {
    if (!(body.healsAtMs <= this.#board.nowMs)) return;
    body.healsAtMs += HEAL_EVERY_MS;
    if (body.hp > 0) body.hp = Math.min(HP, body.hp + HEALED_HP);
  }

  #beginTickOfDead(actor: Actor, body: Body): void {
    const fighter = this.#fighterOf(actor);
    if (Number.isNaN(fighter.diedAtMs) || !body.isExact) {
      if (!actor.isConnected) {
        body.isHealthDoubtful ||= !(this.#board.nowMs - fighter.diedAtMs < RESPAWN_BY_ITSELF_MS);
        return;
      }
      this.#dues.expect(actor, "correction", "0:respawn", { isOptional: true });
      return;
    }
    if (this.#board.nowMs - fighter.diedAtMs < RESPAWN_BY_ITSELF_MS) return;
    this.#dues.expect(actor, "correction", "0:respawn");
    if (actor.isConnected) return;
    // Where it comes back, only those know who see it there.
    this.lose(body);
  }

  endTick(): void {
    this.#isTicking = false;
  }

  #describe(entityId: number): string {
    const { actor, hp, isExact, x, z } = this.#sight.bodies.get(entityId)!;
    const who = actor === null ? `monster ${entityId}` : `${actor.name}${actor.isConnected ? "" : ", away"}`;
    return `${who} at ${x}, ${z} with ${hp} hit points${isExact ? "" : ", as told"}`;
  }

  /** What was saved up is gone; nothing is given. */
  #capTravel(actor: Actor): void {
    this.#earnTravel(actor, TRAVEL_MS_START);
  }

  #earnTravel(actor: Actor, maxMs: number): Fighter {
    const fighter = this.#fighterOf(actor);
    fighter.travelMs = Math.min(maxMs, fighter.travelMs + this.#board.nowMs - fighter.travelAtMs);
    fighter.travelAtMs = this.#board.nowMs;
    return fighter;
  }

  #fighterOf(actor: Actor): Fighter {
    let fighter = this.#fighters.get(actor);
    if (fighter === undefined) {
      fighter = {
        ...{ readyAtMs: new Map(), diedAtMs: 0, travelMs: TRAVEL_MS_START, travelAtMs: this.#board.nowMs },
        ...{ fightsUntilMs: 0, mayFightUntilMs: 0, calmUntilMs: 0 },
        ...{ struckUntilMs: 0, mayHaveStruckUntilMs: 0 },
      };
      this.#fighters.set(actor, fighter);
    }
    return fighter;
  }

  #bodyOf(actor: Actor): Body {
    const body = this.#sight.bodies.get(actor.entityId);
    if (body === undefined) throw new Contradiction(`${actor.name} is not in the world`);
    return body;
  }
}

/** Whether the attacker was without a connection, too, at some time since the replay's player lost its own. */
function hadLost(attacker: Actor, replaying: Actor): boolean {
  return attacker.lostAtMs >= replaying.lostAtMs - IN_FLIGHT_MS;
}

/** The model knows whether it lives, and where. One left behind is gone when its fight is over, and told of a tick later. */
function isKnown({ actor, isExact, isHealthDoubtful, isShown }: Body): boolean {
  return isExact || (isShown && !isHealthDoubtful && actor?.isLeftBehind !== true);
}

function isSurelyDead({ hp, isHealthDoubtful }: Body): boolean {
  return hp <= 0 && !isHealthDoubtful;
}

function keyOf(result: CombatResult): string {
  const { attackerId, damage, isBlocked, isCritical, isDodged, skillId, targetDied, targetId } = result;
  const flags = [isBlocked && "blocked", isCritical && "critical", isDodged && "dodged", targetDied && "died"];
  return `${attackerId} ${skillId} ${targetId} ${damage} ${flags.filter(Boolean).join(" ")}`;
}
