/** A world with monsters in it, step by step. @module */

import { type BlowReport, Combat } from "../../games/parts/combat/combat.ts";
import { COMBAT_COMPONENTS, COMBAT_HOLD_REASONS } from "../../games/parts/combat/components.ts";
import { type SafeArea, SafeAreas } from "../../games/parts/combat/safe_areas.ts";
import type { MonsterKind } from "../../games/marsh/monsters/monster_data.ts";
import { Monsters } from "../../games/marsh/monsters/monsters.ts";
import { Prng } from "../../server/world/prng.ts";
import { World } from "../../server/world/world.ts";
import type { FaultReport } from "../../shared/errors.ts";
import { EntityKind } from "../../shared/gen/world_pb.ts";
import { assert } from "../support/assert.ts";
import { LoadedDice } from "../combat/loaded_dice.ts";

export const TICK_MS = 50;

/** Sees 12 units far, hits at 2, for 5 points every second. */
export const RAT: MonsterKind = {
  id: "rat",
  name: "Rat",
  hp: 50,
  damageMin: 5,
  damageMax: 5,
  range: 2,
  attackIntervalMs: 1_000,
  speed: 6,
  aggroRadius: 12,
  leashRadius: 30,
  wanderRadius: 8,
  respawnSeconds: 20,
};

/** One world of 400 x 400 units in which whoever is born is a rat, unless told. */
export class Wilds {
  readonly world: World;
  readonly combat: Combat;
  readonly monsters: Monsters;
  readonly dice = new LoadedDice();
  readonly blows: (BlowReport & { readonly atMs: number })[] = [];
  nowMs = 10_000;

  constructor(options: {
    homes: readonly { readonly x: number; readonly z: number; readonly kind?: Partial<MonsterKind> }[];
    interestRadius?: number;
    capacity?: number;
    seed?: number;
    safeAreas?: readonly SafeArea[];
    faults?: FaultReport;
  }) {
    this.world = new World({
      maps: [{ mapId: 0, width: 400, height: 400, interestRadius: options.interestRadius ?? 50 }],
      components: COMBAT_COMPONENTS,
      holdReasons: COMBAT_HOLD_REASONS,
      maxSpeed: 10,
      tickIntervalMs: TICK_MS,
      capacity: options.capacity ?? 512,
      prng: new Prng(1),
    });
    const safeAreas = new SafeAreas([{ mapId: 0, safeAreas: options.safeAreas ?? [] }]);
    this.combat = new Combat({
      safeAreas,
      world: this.world,
      dice: this.dice,
      events: {
        onBlow: (report) => {
          this.blows.push({ ...report, atMs: this.nowMs });
          this.monsters.provoke(report.targetId, report.attackerId, this.nowMs);
        },
        onDeath: (_killerId, victimId) => this.monsters.onDeath(victimId, this.nowMs),
      },
    });
    const homes = options.homes.map(({ x, z, kind }) => ({ map: this.world.maps[0], x, z, kind: { ...RAT, ...kind } }));
    const prng = new Prng(options.seed ?? 1);
    const { faults } = options;
    const parts = { world: this.world, combat: this.combat, prng, homes, safeAreas, faults };
    this.monsters = new Monsters(parts, this.nowMs);
    this.world.step(this.nowMs);
  }

  /** Adds a player; monsters see it after {@linkcode Wilds.tick}. */
  join(x: number, z: number): number {
    const options = { kind: EntityKind.PLAYER, name: "player", x, z, viewer: true };
    const id = this.world.join(options, this.nowMs);
    assert(id !== 0, "The world is full");
    this.combat.health.set(id, { hp: 100, hpMax: 100 });
    return id;
  }

  /** Puts a player elsewhere. */
  put(id: number, x: number, z: number): void {
    this.world.teleport(id, this.nowMs, { x, y: 0, z, yaw: 0 });
  }

  /** Goes on by `count` ticks; `each` is called after every one. */
  tick(count = 1, each: () => void = () => {}): void {
    for (let index = 0; index < count; index++) {
      this.nowMs += TICK_MS;
      this.combat.step(this.nowMs);
      this.monsters.step(this.nowMs);
      this.world.step(this.nowMs);
      each();
    }
  }

  /** Goes on until `condition` holds, for a minute at most. */
  tickUntil(condition: () => boolean): void {
    for (let count = 0; !condition(); count++) {
      assert(count < 60_000 / TICK_MS, `Waited for a minute: ${condition}`);
      this.tick();
    }
  }

  /** How far an entity is from a point. */
  distance(id: number, x: number, z: number): number {
    return Math.hypot(this.world.xOf(id) - x, this.world.zOf(id) - z);
  }

  /** A blow of a player's skill. */
  hit(attackerId: number, targetId: number, skillId: number): string {
    return this.combat.act({ attackerId, attackerKey: attackerId, skillId, targetId }, this.nowMs);
  }
}

/** One rat at (200, 200), and its entity id: worlds hand ids out in order. */
export function oneRat(kind: Partial<MonsterKind> = {}, seed = 1): { readonly wilds: Wilds; readonly rat: number } {
  return { wilds: new Wilds({ homes: [{ x: 200, z: 200, kind }], seed }), rat: 1 };
}
