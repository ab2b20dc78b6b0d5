import type { CombatRefusal } from "../../games/parts/combat/combat.ts";
import { SKILL_AREA, SKILL_MELEE, SKILL_RANGED } from "../../games/parts/combat/skills.ts";
import { StatusEffects } from "../../games/parts/combat/status_effects.ts";
import { AREA_TARGETS_MAX, FIGHT_MS } from "../../games/parts/combat/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FaultList, plant } from "../support/planted.ts";
import { type Arena, loadedArena } from "./arena.ts";

const STUN_MS = 1_000;

interface Duel {
  readonly arena: Arena;
  readonly attacker: number;
  readonly target: number;
}

/** Two fighters a unit apart who see each other. */
function duel(): Duel {
  const arena = loadedArena();
  const attacker = arena.join(100, 100), target = arena.join(101, 100);
  arena.step();
  return { arena, attacker, target };
}

Deno.test("Combat.act() takes the damage from the target's hit points", () => {
  const { arena, attacker, target } = duel();
  arena.dice.load("hit", 3);
  assertEquals(arena.act(attacker, SKILL_MELEE, target), "ok");
  assertEquals(arena.combat.health.hpOf(target), 89);
  assertEquals(arena.combat.health.hpOf(attacker), 100);
  assertEquals(arena.blows, [{
    attackerId: attacker,
    targetId: target,
    skillId: SKILL_MELEE,
    damage: 11,
    isCritical: false,
    isDodged: false,
    isBlocked: false,
    stunMs: 0,
    targetDied: false,
  }]);
});

Deno.test("Combat.act() leaves a target that dodged as it was", () => {
  const { arena, attacker, target } = duel();
  arena.dice.load("dodged");
  assertEquals(arena.act(attacker, SKILL_RANGED, target), "ok");
  assertEquals(arena.combat.health.hpOf(target), 100);
  assertEquals([arena.blows[0].isDodged, arena.blows[0].damage], [true, 0]);
});

/** Reaches of the skills: from `inside` the blow falls, from `outside` it does not. */
const REACHES = [
  { skillId: SKILL_MELEE, inside: 3, outside: 3.01 },
  { skillId: SKILL_RANGED, inside: 25, outside: 25.01 },
];
for (const { skillId, inside, outside } of REACHES) {
  Deno.test(`Combat.act() reaches ${inside} units and not ${outside} with skill ${skillId}`, () => {
    const arena = loadedArena();
    const attacker = arena.join(100, 100), near = arena.join(100, 100 + inside), far = arena.join(100 - outside, 100);
    arena.step();
    assertEquals(arena.act(attacker, skillId, far), "out_of_range");
    assertEquals(arena.act(attacker, skillId, near), "ok");
    assertEquals(arena.blows.map((blow) => blow.targetId), [near]);
  });
}

Deno.test("Combat.act() measures the area skill's range to its middle and hits within its radius", () => {
  const arena = loadedArena();
  const attacker = arena.join(100, 100);
  const inside = arena.join(100, 130), outside = arena.join(100, 130.01);
  arena.step();
  assertEquals(arena.act(attacker, SKILL_AREA, { x: 100, y: 0, z: 125.01 }), "out_of_range");
  assertEquals(arena.act(attacker, SKILL_AREA, { x: 100, y: 0, z: 125 }), "ok");
  assertEquals(arena.blows.map((blow) => blow.targetId), [inside]);
  assertEquals(arena.combat.health.hpOf(outside), 100);
});

Deno.test("Combat.act() hits everyone in an area but the attacker and the dead, nearest first", () => {
  const arena = loadedArena();
  const attacker = arena.join(100, 100);
  const far = arena.join(104, 100),
    near = arena.join(100, 99),
    twin = arena.join(101, 100),
    dead = arena.join(100, 102);
  arena.combat.health.set(dead, { hp: 0, hpMax: 100 });
  arena.step();
  assertEquals(arena.act(attacker, SKILL_AREA, { x: 100, y: 0, z: 100 }), "ok");
  assertEquals(arena.blows.map((blow) => blow.targetId), [near, twin, far]);
  assertEquals(arena.combat.health.hpOf(attacker), 100);
});

Deno.test("Combat.act() hits in an area only whom the attacker sees", () => {
  const arena = loadedArena({ interestRadius: 10 });
  const attacker = arena.join(100, 100), seen = arena.join(108, 100), unseen = arena.join(112, 100);
  arena.step();
  assertEquals(arena.act(attacker, SKILL_AREA, { x: 110, y: 0, z: 100 }), "ok");
  assertEquals(arena.blows.map((blow) => blow.targetId), [seen]);
  assertEquals(arena.combat.health.hpOf(unseen), 100);
});

for (const count of [AREA_TARGETS_MAX, AREA_TARGETS_MAX + 1]) {
  Deno.test(`Combat.act() hits ${AREA_TARGETS_MAX} of ${count} in an area`, () => {
    const arena = loadedArena();
    const attacker = arena.join(80, 100);
    const crowd = Array.from({ length: count }, (_, index) => arena.join(100 + index * 0.1, 100));
    arena.step();
    assertEquals(arena.act(attacker, SKILL_AREA, { x: 100, y: 0, z: 100 }), "ok");
    assertEquals(arena.blows.map((blow) => blow.targetId), crowd.slice(0, AREA_TARGETS_MAX));
  });
}

Deno.test("Combat.act() tells of an area in which nobody is, with target 0", () => {
  const { arena, attacker } = duel();
  assertEquals(arena.act(attacker, SKILL_AREA, { x: 120, y: 0, z: 100 }), "ok");
  assertEquals(arena.blows.map(({ targetId, damage, skillId }) => ({ targetId, damage, skillId })), [
    { targetId: 0, damage: 0, skillId: SKILL_AREA },
  ]);
  assertEquals(arena.act(attacker, SKILL_AREA, { x: 120, y: 0, z: 100 }), "on_cooldown");
});

const FAR_AWAY = 60;

/** What each attacker may not do. `arrange` gives what the attacker tries. */
const REFUSED: readonly {
  readonly what: string;
  readonly expected: CombatRefusal;
  readonly attempt: (duel: Duel) => string;
}[] = [
  ...[0, 4, -1, 2 ** 32 - 1, NaN].map((skillId) => ({
    what: `skill ${skillId}`,
    expected: "unknown_skill" as const,
    attempt: ({ arena, attacker, target }: Duel) => arena.act(attacker, skillId, target),
  })),
  ...[NaN, Infinity, -Infinity].flatMap((wrong) =>
    [{ x: wrong, y: 0, z: 0 }, { x: 0, y: wrong, z: 0 }, { x: 0, y: 0, z: wrong }].map((at) => ({
      what: `an area at ${JSON.stringify(Object.values(at).map(String))}`,
      expected: "bad_position" as const,
      attempt: ({ arena, attacker }: Duel) => arena.act(attacker, SKILL_AREA, at),
    }))
  ),
  {
    what: "an area nowhere",
    expected: "bad_position",
    attempt: ({ arena, attacker, target }) => arena.act(attacker, SKILL_AREA, target),
  },
  {
    what: "a blow with a target and a position that is not finite",
    expected: "bad_position",
    attempt: ({ arena, attacker, target }) =>
      arena.combat.act({
        attackerId: attacker,
        attackerKey: attacker,
        skillId: SKILL_MELEE,
        targetId: target,
        targetPosition: { x: NaN, y: 0, z: 0 },
      }, arena.nowMs),
  },
  ...[0, -1, 0.5, 2 ** 53, NaN, Infinity, 77].map((targetId) => ({
    what: `target ${targetId}`,
    expected: "bad_target" as const,
    attempt: ({ arena, attacker }: Duel) => arena.act(attacker, SKILL_MELEE, targetId),
  })),
  {
    what: "itself",
    expected: "bad_target",
    attempt: ({ arena, attacker }) => arena.act(attacker, SKILL_MELEE, attacker),
  },
  {
    what: "a dead target",
    expected: "bad_target",
    attempt: ({ arena, attacker, target }) => {
      arena.combat.health.set(target, { hp: 0, hpMax: 100 });
      return arena.act(attacker, SKILL_MELEE, target);
    },
  },
  {
    what: "a target that left",
    expected: "bad_target",
    attempt: ({ arena, attacker, target }) => {
      arena.world.leave(target);
      return arena.act(attacker, SKILL_MELEE, target);
    },
  },
  {
    what: "a target out of sight",
    expected: "bad_target",
    attempt: ({ arena, attacker, target }) => {
      arena.world.teleport(target, arena.nowMs, { x: 100 + FAR_AWAY, y: 0, z: 100, yaw: 0 });
      arena.step();
      return arena.act(attacker, SKILL_RANGED, target);
    },
  },
  {
    what: "when dead",
    expected: "cannot_act",
    attempt: ({ arena, attacker, target }) => {
      arena.combat.health.set(attacker, { hp: 0, hpMax: 100 });
      return arena.act(attacker, SKILL_MELEE, target);
    },
  },
  {
    what: "when stunned",
    expected: "cannot_act",
    attempt: ({ arena, attacker, target }) => {
      arena.dice.load("critical");
      assertEquals(arena.act(target, SKILL_MELEE, attacker), "ok");
      arena.blows.length = 0;
      return arena.act(attacker, SKILL_MELEE, target);
    },
  },
];

for (const { what, expected, attempt } of REFUSED) {
  Deno.test(`Combat.act() refuses ${what}: ${expected}`, () => {
    const { arena, attacker, target } = duel();
    assertEquals(attempt({ arena, attacker, target }), expected);
    assertEquals(arena.blows, []);
  });
}

Deno.test("Combat.act() begins no cooldown where it refuses", () => {
  const arena = loadedArena();
  const attacker = arena.join(100, 100), near = arena.join(101, 100), far = arena.join(110, 100);
  arena.step();
  assertEquals(arena.act(attacker, SKILL_MELEE, far), "out_of_range");
  assertEquals(arena.act(attacker, SKILL_MELEE, near), "ok");
  assertEquals(arena.act(attacker, SKILL_MELEE, near), "on_cooldown");
  assertEquals(arena.act(attacker, SKILL_RANGED, near), "ok");
});

Deno.test("Combat.strike() stuns by a critical melee blow: its victim neither moves nor acts until its time is over", () => {
  const { arena, attacker, target } = duel();
  arena.dice.load("critical");
  assertEquals(arena.tryMove(target), "ok");
  assertEquals(arena.act(attacker, SKILL_MELEE, target), "ok");
  assertEquals(arena.blows[0].stunMs, STUN_MS);
  for (let ms = 0; ms < STUN_MS; ms += 50) {
    assertEquals([arena.tryMove(target), arena.act(target, SKILL_MELEE, attacker)], ["stunned", "cannot_act"]);
    arena.step();
  }
  assertEquals([arena.tryMove(target), arena.act(target, SKILL_MELEE, attacker)], ["ok", "ok"]);
});

Deno.test("Combat.strike() lets nobody save up travel time while stunned", () => {
  const { arena, attacker, target } = duel();
  arena.dice.load("critical");
  arena.act(attacker, SKILL_MELEE, target);
  arena.step(STUN_MS);
  const leap = { x: 111, y: 0, z: 100, vx: 0, vy: 0, vz: 0, yaw: 0, sequenceNumber: 1 };
  assertEquals(arena.world.move(target, leap, arena.nowMs), "too_fast");
});

Deno.test("Combat.strike() stuns until the later of two ends", () => {
  const { arena, attacker, target } = duel();
  const other = arena.join(102, 100);
  arena.step();
  arena.dice.load("critical");
  arena.act(attacker, SKILL_MELEE, target);
  arena.step(STUN_MS / 2);
  arena.act(other, SKILL_MELEE, target);
  arena.step(STUN_MS / 2);
  assert(!arena.combat.canAct(target));
  arena.step(STUN_MS / 2);
  assert(arena.combat.canAct(target));
});

Deno.test("Combat.strike() stuns nobody from afar, nor by a blow that is not critical", () => {
  const { arena, attacker, target } = duel();
  arena.dice.load("critical");
  arena.act(attacker, SKILL_RANGED, target);
  arena.act(attacker, SKILL_AREA, { x: 101, y: 0, z: 100 });
  for (const kind of ["hit", "blocked", "dodged"] as const) {
    arena.step(500);
    arena.dice.load(kind);
    assertEquals(arena.act(attacker, SKILL_MELEE, target), "ok");
  }
  assert(arena.blows.every((blow) => blow.stunMs === 0));
  assert(arena.combat.canAct(target));
});

Deno.test("Combat.strike() kills at no hit points, once, and ends the victim's effects", () => {
  const { arena, attacker, target } = duel();
  arena.dice.load("critical");
  arena.act(attacker, SKILL_MELEE, target);
  arena.combat.health.set(target, { hp: 5, hpMax: 100 });
  arena.step(500);
  assertEquals(arena.act(attacker, SKILL_MELEE, target), "ok");
  assertEquals(arena.combat.health.hpOf(target), 0);
  assertEquals([arena.blows[1].targetDied, arena.blows[1].stunMs], [true, 0]);
  assertEquals(arena.deaths, [{ killerId: attacker, victimId: target }]);
  assertEquals(arena.tryMove(target), "dead");
  arena.combat.health.set(target, { hp: 100, hpMax: 100 });
  assert(arena.combat.canAct(target), "The stun must not outlive its victim");
});

Deno.test("Combat.strike() kills with exactly the last hit point and not with one less", () => {
  const { arena, attacker, target } = duel();
  arena.combat.health.set(target, { hp: 9, hpMax: 100 });
  arena.act(attacker, SKILL_MELEE, target);
  assertEquals([arena.combat.health.hpOf(target), arena.deaths.length], [1, 0]);
  arena.step(500);
  arena.combat.health.set(target, { hp: 8, hpMax: 100 });
  arena.act(attacker, SKILL_MELEE, target);
  assertEquals([arena.combat.health.hpOf(target), arena.deaths.length], [0, 1]);
});

Deno.test("Combat.remove() frees the next entity with that id from the effects of the last", () => {
  const { arena, attacker, target } = duel();
  arena.dice.load("critical");
  arena.act(attacker, SKILL_MELEE, target);
  arena.combat.remove(target);
  arena.world.leave(target);
  arena.step(STUN_MS);
  assertEquals(arena.blows.length, 1);
});

for (const leaver of ["attacker", "target"] as const) {
  Deno.test(`Combat.act() ends an area in which a death takes the ${leaver} out of the world`, () => {
    const arena = loadedArena();
    const attacker = arena.join(100, 100), first = arena.join(101, 100, 1), second = arena.join(102, 100);
    arena.step();
    arena.deaths.push = () => {
      arena.world.leave(leaver === "attacker" ? attacker : second);
      return 0;
    };
    assertEquals(arena.act(attacker, SKILL_AREA, { x: 100, y: 0, z: 100 }), "ok");
    assertEquals(arena.blows.map((blow) => blow.targetId), [first]);
  });
}

/** A safe area around (100, 100), and who stands where around its border. */
function gate(areAtWar?: (a: number, b: number) => boolean) {
  const arena = loadedArena({ safeAreas: [{ x: 100, z: 100, radius: 10 }], areAtWar });
  const outside = arena.join(111, 100), inside = arena.join(110, 100), other = arena.join(109, 100);
  arena.step();
  return { arena, outside, inside, other };
}

Deno.test("Combat.act() protects whoever stands in a safe area, its border too, and nobody else", () => {
  const { arena, outside, inside, other } = gate();
  for (const attacker of [outside, other]) {
    for (const skillId of [SKILL_MELEE, SKILL_RANGED]) assertEquals(arena.act(attacker, skillId, inside), "protected");
  }
  assertEquals(arena.blows, []);
  assertEquals(arena.act(inside, SKILL_MELEE, outside), "ok");
});

Deno.test("Combat.act() protects nobody who dealt a blow of late, not even after a return", () => {
  const { arena, outside, inside } = gate();
  assertEquals(arena.act(inside, SKILL_MELEE, outside), "ok");
  arena.step(FIGHT_MS - 1);
  const state = arena.combat.stateOf(inside);
  arena.combat.remove(inside);
  arena.combat.enter(inside, arena.nowMs, state);
  assertEquals(arena.act(outside, SKILL_MELEE, inside), "ok");
  // A blow taken is none dealt.
  arena.step(2_000);
  assertEquals(arena.act(outside, SKILL_RANGED, inside), "protected");
  assertEquals(arena.act(inside, SKILL_RANGED, outside), "ok");
  arena.combat.endFight(inside);
  assertEquals(arena.act(outside, SKILL_RANGED, inside), "protected");
});

Deno.test("Combat.act() hits in a safe area those whose guild is at war with the attacker's", () => {
  const { arena, outside, inside, other } = gate((a, b) => a + b === 3);
  assertEquals([outside, inside], [1, 2]);
  assertEquals(arena.act(other, SKILL_MELEE, inside), "protected");
  assertEquals(arena.act(outside, SKILL_AREA, { x: 110, y: 0, z: 100 }), "ok");
  assertEquals(arena.blows.map(({ targetId }) => targetId), [inside]);
});

Deno.test("Combat.act() with an area skill passes by whoever is protected, and tells of a blow at nobody", () => {
  const { arena, outside, inside, other } = gate();
  assertEquals(arena.act(outside, SKILL_AREA, { x: 105, y: 0, z: 100 }), "ok");
  assertEquals(arena.blows.map(({ targetId }) => targetId), [0]);
  // Which is no blow dealt.
  assertEquals(arena.act(inside, SKILL_AREA, { x: 105, y: 0, z: 100 }), "ok");
  assertEquals(arena.act(other, SKILL_MELEE, inside), "protected");
});

Deno.test("StatusEffects.step() ends the effects of everybody, whatever it throws for one", () => {
  const arena = loadedArena(), list = new FaultList();
  const effects = new StatusEffects(arena.world, list);
  const ids = [arena.join(100, 100), arena.join(101, 100), arena.join(102, 100)];
  for (const id of ids) effects.stun(id, arena.nowMs + 100);
  {
    using _planted = plant(arena.world, "resetTravelTime", (id: number) => id === ids[1]);
    effects.step(arena.nowMs + 100);
  }
  effects.step(arena.nowMs + 200);
  assertEquals(list.faults, [["effect", ids[1]]]);
  assertEquals(ids.map((id) => [effects.isStunned(id), arena.tryMove(id)]), ids.map(() => [false, "ok"]));
});
