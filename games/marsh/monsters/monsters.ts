/**
 * What monsters do.
 *
 * @module
 */

import { DespawnReason, EntityKind } from "../../../shared/gen/world_pb.ts";
import { MONSTER_CORPSE_MS, MONSTER_RETRY_MS, MONSTER_STEP_MS, MONSTER_STEP_MS_MAX } from "../limits.ts";
import type { Combat } from "../../parts/combat/combat.ts";
import { SafeAreas } from "../../parts/combat/safe_areas.ts";
import { SKILL_NONE } from "../../parts/combat/skills.ts";
import type { Prng, World, WorldMap } from "../../../server/game/game.ts";
import { placeAround } from "../../../server/game/kit.ts";
import { type FaultReport, NO_FAULTS } from "../../../shared/errors.ts";
import type { MonsterKind } from "./monster_data.ts";
import type { MonsterHome } from "./monster_homes.ts";

/**
 * What a monster is up to.
 *
 *     gone ------> asleep <----> resting <--> walking       awake: resting, walking, chasing, returning
 *      ^            ^              |  ^         |
 *      |            |              v  |         v           asleep: no player sees it
 *     corpse <--- any living    chasing <-------+           corpse: dead, still lying there
 *                                  |                        gone:   not in the world
 *                                  v
 *                              returning --> resting
 */
export type MonsterMode = "gone" | "asleep" | "resting" | "walking" | "chasing" | "returning" | "corpse";

/** How long a monster stays where it is before it walks on, in milliseconds. */
const REST_MS_MIN = 2_000;
const REST_MS_MAX = 6_000;
/** Part of its speed at which a monster walks about. */
const WALK_SPEED_PART = 0.5;
/** Part of its range that a monster comes near before it hits: one step of its target must not lead out of it. */
const APPROACH_PART = 0.8;
/** Part of its range that a monster reaches above and below itself, once it has come as near as it does. */
const REACH_HEIGHT_PART = 0.6;
/** Units left between the way home and a safe area: each step is rounded to a centimetre, and ends that far off the way. */
const WAY_CLEARANCE = 0.25;

/** One monster; lives as long as the world, under a new entity id after each death. */
interface Monster {
  /** Its number among all, from 1. */
  readonly place: number;
  readonly kind: MonsterKind;
  readonly map: WorldMap;
  readonly homeX: number;
  readonly homeZ: number;
  /** How far it notices players. */
  readonly aggroRadius: number;
  mode: MonsterMode;
  /** 0 while gone. */
  entityId: number;
  /** Where it walks to. */
  goalX: number;
  goalZ: number;
  /** The player it chases. */
  targetId: number;
  steppedAtMs: number;
  nextStepMs: number;
  nextAttackMs: number;
  /** When its rest ends, its corpse goes, or it comes back. */
  untilMs: number;
  /** Its place among the awake, -1: none. */
  awakeIndex: number;
}

/** What {@linkcode Monsters} are made with. */
export interface MonstersOptions {
  readonly world: World;
  readonly combat: Pick<Combat, "canAct" | "health" | "isAlive" | "strike">;
  readonly prng: Prng;
  /** Safe areas lie beyond the wander radius of each. */
  readonly homes: readonly MonsterHome[];
  /** None unless told. */
  readonly safeAreas?: SafeAreas;
  /** Takes what a monster throws, which then stands still until it is killed; if left out, it is thrown. */
  readonly faults?: FaultReport;
}

/**
 * The monsters of one world. Each lives around its home, chases the nearest player who comes near, hits, goes home when
 * it was led too far, and comes back some time after its death. On its way home it minds nobody and heals.
 *
 * Nobody is minded in a safe area, and a chase ends before the step after which one would lie on the way home: so no
 * monster ever comes into one.
 *
 * Cost of a tick: the monsters that a player sees, a tenth of a second apart each, and a look at the dead. The others
 * sleep and cost nothing: the world tells who comes into sight.
 *
 * Pure: time comes as an argument, in milliseconds of a clock that never goes back, chance as a {@linkcode Prng}.
 */
export class Monsters {
  readonly #world: World;
  readonly #combat: Pick<Combat, "canAct" | "health" | "isAlive" | "strike">;
  readonly #prng: Prng;
  readonly #safeAreas: SafeAreas;
  readonly #monsters: Monster[];
  readonly #awake: Monster[] = [];
  /** Place in `#monsters` plus 1 of each entity, 0: no monster. */
  readonly #placeOf: Int32Array;
  readonly #found: Int32Array;
  /** Corpses, and those not in the world. */
  readonly #dead: Monster[] = [];
  /** Awake monsters that failed: nobody moves them. */
  readonly #aside = new Set<Monster>();
  readonly #faults: FaultReport;
  #checkCount = 0;
  #stepCount = 0;

  constructor(options: MonstersOptions, nowMs: number) {
    const { world } = options;
    this.#world = world;
    this.#combat = options.combat;
    this.#prng = options.prng;
    this.#safeAreas = options.safeAreas ?? new SafeAreas();
    this.#faults = options.faults ?? NO_FAULTS;
    this.#placeOf = new Int32Array(world.slotCount);
    this.#found = new Int32Array(world.slotCount);
    this.#monsters = options.homes.map(({ kind, map, x, z }, index) => ({
      place: index + 1,
      kind,
      map,
      homeX: x,
      homeZ: z,
      aggroRadius: Math.min(kind.aggroRadius, map.interestRadius),
      mode: "gone",
      entityId: 0,
      goalX: x,
      goalZ: z,
      targetId: 0,
      steppedAtMs: nowMs,
      nextStepMs: nowMs,
      nextAttackMs: nowMs,
      untilMs: nowMs,
      awakeIndex: -1,
    }));
    for (const monster of this.#monsters) if (!this.#tryAppear(monster, nowMs)) this.#dead.push(monster);
  }

  /** All monsters, the dead among them. */
  get count(): number {
    return this.#monsters.length;
  }

  /** Monsters that a player sees. */
  get awakeCount(): number {
    return this.#awake.length;
  }

  /** Moves and decisions so far: grows with the monsters awake, not with all of them. */
  get stepCount(): number {
    return this.#stepCount;
  }

  /** Looks at monsters that came into sight or are dead: does not grow with those that sleep. */
  get checkCount(): number {
    return this.#checkCount;
  }

  /** What a monster is up to. */
  modeOf(entityId: number): MonsterMode | undefined {
    return this.#find(entityId)?.mode;
  }

  /** Whether an entity is a monster; any number may be asked. */
  isMonster(entityId: number): boolean {
    return this.#find(entityId) !== undefined;
  }

  /** Brings all monsters up to date; to be called every tick, before the world's step. */
  step(nowMs: number): void {
    this.#wakeWatched(nowMs);
    this.#checkDead(nowMs);
    // From the end: a monster that falls asleep leaves its place to the last one, which had its turn.
    for (let index = this.#awake.length - 1; index >= 0; index--) {
      const monster = this.#awake[index];
      if (nowMs < monster.nextStepMs) continue;
      try {
        this.#stepOne(monster, nowMs);
      } catch (error) {
        this.#setAside(monster, error);
      }
    }
  }

  #setAside(monster: Monster, error: unknown): void {
    this.#leaveAwake(monster);
    this.#aside.add(monster);
    monster.mode = "asleep";
    this.#faults.report("monster", error, { kind: monster.kind.id });
  }

  /** A monster was hit: if it minds, it goes for the attacker. */
  provoke(entityId: number, attackerId: number, nowMs: number): void {
    const monster = this.#find(entityId);
    if (monster === undefined) return;
    if (monster.mode === "asleep") this.#wake(monster, nowMs);
    if (monster.mode === "resting" || monster.mode === "walking") this.#chase(monster, attackerId);
  }

  /** A monster was killed. */
  onDeath(entityId: number, nowMs: number): void {
    const monster = this.#find(entityId);
    if (monster === undefined) return;
    this.#leaveAwake(monster);
    monster.mode = "corpse";
    monster.untilMs = nowMs + MONSTER_CORPSE_MS;
    this.#dead.push(monster);
  }

  // The dormant

  /** Wakes those that came into sight since the last step. */
  #wakeWatched(nowMs: number): void {
    for (let id = this.#world.takeWatched(); id !== 0; id = this.#world.takeWatched()) {
      this.#checkCount++;
      const monster = this.#find(id);
      if (monster?.mode === "asleep" && this.#world.isWatched(id)) this.#wake(monster, nowMs);
    }
  }

  #checkDead(nowMs: number): void {
    this.#checkCount += this.#dead.length;
    // From the end: who comes back leaves its place to the last one, which had its turn.
    for (let index = this.#dead.length - 1; index >= 0; index--) {
      const monster = this.#dead[index];
      if (nowMs < monster.untilMs) continue;
      try {
        if (!this.#comeBack(monster, nowMs)) continue;
      } catch (error) {
        this.#faults.report("monster", error, { kind: monster.kind.id });
      }
      const last = this.#dead.pop()!;
      if (last !== monster) this.#dead[index] = last;
    }
  }

  /** Takes one step from the corpse back into the world; gives whether it is there. */
  #comeBack(monster: Monster, nowMs: number): boolean {
    if (monster.mode === "corpse") {
      this.#vanish(monster);
      return false;
    }
    this.#aside.delete(monster);
    if (this.#tryAppear(monster, nowMs)) return true;
    monster.untilMs = nowMs + MONSTER_RETRY_MS;
    return false;
  }

  /** Takes a corpse away. The time until the monster comes back counts from its death. */
  #vanish(monster: Monster): void {
    this.#world.leave(monster.entityId, DespawnReason.DIED);
    this.#placeOf[monster.entityId] = 0;
    monster.entityId = 0;
    monster.mode = "gone";
    monster.untilMs += monster.kind.respawnSeconds * 1_000 - MONSTER_CORPSE_MS;
  }

  /** Comes into the world at home. @returns `false` when the world is full: it stays gone. */
  #tryAppear(monster: Monster, nowMs: number): boolean {
    const { kind, map, homeX, homeZ } = monster;
    const entityId = this.#world.join({
      kind: EntityKind.MONSTER,
      mapId: map.mapId,
      name: kind.name,
      x: homeX,
      z: homeZ,
      yaw: this.#prng.nextFloat() * 2 * Math.PI,
      viewer: false,
    }, nowMs);
    if (entityId === 0) return false;
    this.#combat.health.set(entityId, { hp: kind.hp, hpMax: kind.hp });
    this.#placeOf[entityId] = monster.place;
    monster.entityId = entityId;
    monster.mode = "asleep";
    return true;
  }

  #wake(monster: Monster, nowMs: number): void {
    if (this.#aside.has(monster)) return;
    monster.awakeIndex = this.#awake.length;
    this.#awake.push(monster);
    monster.steppedAtMs = monster.nextStepMs = nowMs;
    this.#rest(monster, nowMs);
  }

  /** Nobody looks: it is at home and sound again when somebody does. */
  #fallAsleep(monster: Monster): void {
    const { entityId, mode, homeX, homeZ } = monster, world = this.#world;
    const isStray = mode === "chasing" || mode === "returning";
    this.#stand(monster, isStray ? homeX : world.xOf(entityId), isStray ? homeZ : world.zOf(entityId));
    this.#heal(monster);
    this.#leaveAwake(monster);
    monster.mode = "asleep";
  }

  #leaveAwake(monster: Monster): void {
    if (monster.awakeIndex < 0) return;
    const last = this.#awake.pop()!;
    if (last !== monster) {
      this.#awake[monster.awakeIndex] = last;
      last.awakeIndex = monster.awakeIndex;
    }
    monster.awakeIndex = -1;
  }

  // The awake

  #stepOne(monster: Monster, nowMs: number): void {
    this.#stepCount++;
    const seconds = Math.min(nowMs - monster.steppedAtMs, MONSTER_STEP_MS_MAX) / 1_000;
    monster.steppedAtMs = nowMs;
    monster.nextStepMs = Math.max(monster.nextStepMs + MONSTER_STEP_MS, nowMs + 1);
    if (!this.#world.isWatched(monster.entityId)) return this.#fallAsleep(monster);
    if (!this.#combat.canAct(monster.entityId)) return;
    this.#decide(monster, nowMs);
    if (monster.mode === "walking") {
      const goal = { x: monster.goalX, z: monster.goalZ, speed: monster.kind.speed * WALK_SPEED_PART };
      if (this.#goTowards(monster, goal, seconds)) this.#rest(monster, nowMs);
    } else if (monster.mode === "chasing") {
      this.#fight(monster, seconds, nowMs);
    } else if (monster.mode === "returning") {
      this.#heal(monster);
      const goal = { x: monster.homeX, z: monster.homeZ, speed: monster.kind.speed };
      if (this.#goTowards(monster, goal, seconds)) this.#rest(monster, nowMs);
    }
  }

  #decide(monster: Monster, nowMs: number): void {
    if (monster.mode === "returning") return;
    if (monster.mode === "chasing") {
      if (this.#distanceFromHome(monster) > monster.kind.leashRadius) monster.mode = "returning";
      else if (!this.#canChase(monster, monster.targetId)) {
        monster.mode = "returning";
        this.#chase(monster, this.#nearestPlayer(monster));
      }
      return;
    }
    this.#chase(monster, this.#nearestPlayer(monster));
    if (monster.mode !== "resting" || nowMs < monster.untilMs) return;
    const { homeX: x, homeZ: z, kind, map } = monster;
    const goal = map.clamp(placeAround({ x, z }, kind.wanderRadius, this.#prng));
    monster.goalX = goal.x;
    monster.goalZ = goal.z;
    monster.mode = "walking";
  }

  /** @param targetId 0: nobody. */
  #chase(monster: Monster, targetId: number): void {
    if (targetId === 0) return;
    monster.targetId = targetId;
    monster.mode = "chasing";
  }

  #rest(monster: Monster, nowMs: number): void {
    monster.mode = "resting";
    monster.untilMs = nowMs + REST_MS_MIN + this.#prng.nextInt(REST_MS_MAX - REST_MS_MIN);
  }

  #fight(monster: Monster, seconds: number, nowMs: number): void {
    const world = this.#world, { entityId, targetId, kind } = monster;
    if (world.distanceBetween(entityId, targetId) > kind.range) {
      const goal = { x: world.xOf(targetId), z: world.zOf(targetId), speed: kind.speed };
      this.#goTowards(monster, { ...goal, nearness: kind.range * APPROACH_PART }, seconds);
      return;
    }
    this.#stand(monster, world.xOf(entityId), world.zOf(entityId), targetId);
    if (nowMs < monster.nextAttackMs) return;
    monster.nextAttackMs = nowMs + kind.attackIntervalMs;
    const { damageMin, damageMax } = kind;
    const strike = { skillId: SKILL_NONE, damageMin, damageMax, criticalStunMs: 0 };
    this.#combat.strike(entityId, targetId, { strike, nowMs });
  }

  /** The nearest living player it notices, of equals the lowest id; 0: none. */
  #nearestPlayer(monster: Monster): number {
    const world = this.#world, { entityId, map } = monster;
    const area = { map, x: world.xOf(entityId), z: world.zOf(entityId), radius: monster.aggroRadius };
    const count = world.entitiesInRadius(area, this.#found);
    let nearest = 0;
    let nearestDistance = Infinity;
    for (let index = 0; index < count; index++) {
      const id = this.#found[index];
      if (this.#placeOf[id] !== 0 || this.#combat.health.hpOf(id) <= 0 || !this.#mayMind(monster, id)) continue;
      const distance = world.distanceBetween(entityId, id);
      if (distance > nearestDistance || (distance === nearestDistance && id > nearest)) continue;
      nearest = id;
      nearestDistance = distance;
    }
    // Players who came since the last tick are noticed at the next step.
    return nearest !== 0 && world.sees(nearest, entityId) ? nearest : 0;
  }

  #canChase(monster: Monster, targetId: number): boolean {
    return this.#combat.isAlive(targetId) && this.#world.sees(targetId, monster.entityId) &&
      this.#mayMind(monster, targetId);
  }

  #mayMind(monster: Monster, targetId: number): boolean {
    return this.#reachesHeight(monster, targetId) && !this.#isSafe(monster, targetId);
  }

  #isSafe({ map }: Monster, targetId: number): boolean {
    return this.#safeAreas.covers(map.mapId, this.#world.xOf(targetId), this.#world.zOf(targetId));
  }

  /** Monsters walk: who hits one from where it cannot reach is left alone, and the monster heals on its way home. */
  #reachesHeight({ entityId, kind }: Monster, targetId: number): boolean {
    return Math.abs(this.#world.yOf(targetId) - this.#world.yOf(entityId)) <= kind.range * REACH_HEIGHT_PART;
  }

  #distanceFromHome(monster: Monster): number {
    const { entityId, homeX, homeZ } = monster;
    return Math.hypot(this.#world.xOf(entityId) - homeX, this.#world.zOf(entityId) - homeZ);
  }

  /**
   * Goes on towards a goal, or to within `nearness` of it; gives up a chase where a safe area would cut it off from home.
   *
   * @returns Whether it is there.
   */
  #goTowards(
    monster: Monster,
    goal: { x: number; z: number; speed: number; nearness?: number },
    seconds: number,
  ): boolean {
    const world = this.#world, { entityId } = monster;
    const x = world.xOf(entityId), z = world.zOf(entityId);
    const dx = goal.x - x, dz = goal.z - z, distance = Math.hypot(dx, dz);
    const way = distance - (goal.nearness ?? 0), reach = goal.speed * seconds;
    const part = distance === 0 ? 0 : Math.max(0, Math.min(way, reach)) / distance;
    const next = { x: x + dx * part, z: z + dz * part };
    if (monster.mode === "chasing" && this.#isCutOff(monster, next)) {
      monster.mode = "returning";
      return false;
    }
    const isThere = way <= reach;
    const speed = isThere || distance === 0 ? 0 : goal.speed / distance;
    world.place(entityId, {
      ...next,
      vx: dx * speed,
      vz: dz * speed,
      yaw: distance === 0 ? world.yawOf(entityId) : Math.atan2(dx, dz),
    });
    return isThere;
  }

  #isCutOff({ homeX, homeZ, map }: Monster, at: { x: number; z: number }): boolean {
    return this.#safeAreas.lieBetween(map.mapId, at, { x: homeX, z: homeZ }, WAY_CLEARANCE);
  }

  /** Stands at a place, turned to whom it fights if to anyone. */
  #stand(monster: Monster, x: number, z: number, targetId = 0): void {
    const world = this.#world;
    const yaw = targetId === 0
      ? world.yawOf(monster.entityId)
      : Math.atan2(world.xOf(targetId) - x, world.zOf(targetId) - z);
    world.place(monster.entityId, { x, z, vx: 0, vz: 0, yaw });
  }

  #heal(monster: Monster): void {
    const { entityId, kind } = monster;
    const { health } = this.#combat;
    if (health.hpOf(entityId) < kind.hp) health.set(entityId, { hp: kind.hp, hpMax: kind.hp });
  }

  #find(entityId: number): Monster | undefined {
    return this.#monsters[(this.#placeOf[entityId] ?? 0) - 1];
  }
}
