/** A world with fighters in it, and everything that is told of their fights. @module */

import { type BlowReport, Combat, type CombatOptions } from "../../games/parts/combat/combat.ts";
import { COMBAT_COMPONENTS, COMBAT_HOLD_REASONS } from "../../games/parts/combat/components.ts";
import type { Dice } from "../../games/parts/combat/dice.ts";
import { type SafeArea, SafeAreas } from "../../games/parts/combat/safe_areas.ts";
import { Prng } from "../../server/world/prng.ts";
import { World } from "../../server/world/world.ts";
import { EntityKind } from "../../shared/gen/world_pb.ts";
import { assert } from "../support/assert.ts";
import { LoadedDice } from "./loaded_dice.ts";

/** What differs from a plain arena. */
export interface ArenaOptions {
  readonly interestRadius?: number;
  readonly capacity?: number;
  readonly safeAreas?: readonly SafeArea[];
  readonly areAtWar?: CombatOptions["areAtWar"];
}

/** One world of 200 x 200 units, with its clock. */
export class Arena<D extends Dice = LoadedDice> {
  readonly world: World;
  readonly combat: Combat;
  readonly dice: D;
  readonly blows: BlowReport[] = [];
  readonly deaths: { readonly killerId: number; readonly victimId: number }[] = [];
  nowMs = 10_000;

  constructor(options: ArenaOptions & { dice: D }) {
    this.dice = options.dice;
    this.world = new World({
      maps: [{ mapId: 0, width: 200, height: 200, interestRadius: options.interestRadius ?? 50 }],
      components: COMBAT_COMPONENTS,
      holdReasons: COMBAT_HOLD_REASONS,
      maxSpeed: 10,
      tickIntervalMs: 50,
      capacity: options.capacity ?? 128,
      prng: new Prng(1),
    });
    this.combat = new Combat({
      safeAreas: new SafeAreas([{ mapId: 0, safeAreas: options.safeAreas ?? [] }]),
      areAtWar: options.areAtWar,
      world: this.world,
      dice: this.dice,
      events: {
        onBlow: (report) => this.blows.push(report),
        onDeath: (killerId, victimId) => this.deaths.push({ killerId, victimId }),
      },
    });
  }

  /** Adds a fighter; others see it after {@linkcode Arena.step}. */
  join(x: number, z: number, hp = 100): number {
    const options = { kind: EntityKind.PLAYER, name: "fighter", x, z, viewer: true };
    const id = this.world.join(options, this.nowMs);
    assert(id !== 0, "The arena is full");
    this.combat.health.set(id, { hp, hpMax: 100 });
    return id;
  }

  /** Goes on by `ms`, in one tick. */
  step(ms = 50): void {
    this.nowMs += ms;
    this.combat.step(this.nowMs);
    this.world.step(this.nowMs);
  }

  /** Uses a skill on a target, or on a point. */
  act(attackerId: number, skillId: number, target: number | { x: number; y: number; z: number }) {
    const aim = typeof target === "number" ? { targetId: target } : { targetId: 0, targetPosition: target };
    return this.combat.act({ attackerId, attackerKey: attackerId, skillId, ...aim }, this.nowMs);
  }

  /** Whether a step forward is allowed by the world. */
  tryMove(id: number) {
    const x = this.world.xOf(id) + 0.1, z = this.world.zOf(id);
    return this.world.move(id, { x, y: 0, z, vx: 1, vy: 0, vz: 0, yaw: 0, sequenceNumber: 1 }, this.nowMs);
  }
}

/** An arena whose dice fall as told. */
export function loadedArena(options: ArenaOptions = {}): Arena {
  return new Arena({ ...options, dice: new LoadedDice() });
}
