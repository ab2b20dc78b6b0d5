import { aimArea } from "../../games/marsh/web/aim.ts";
import { Cooldowns } from "../../games/marsh/web/cooldowns.ts";
import { Fight } from "../../games/marsh/web/fight.ts";
import { nextTarget, pickFigure } from "../../games/marsh/web/pick.ts";
import { SKILL_AREA, SKILL_MELEE, SKILL_RANGED, SKILLS } from "../../games/marsh/web/skills.ts";
import { SKILLS as SERVER_SKILLS } from "../../games/parts/combat/skills.ts";
import { assert, assertEquals } from "../support/assert.ts";

const TARGET_ID = 7;
const OWN = { x: 0, z: 0 };

function at(x: number, isAlive = true) {
  return { x, z: 0, isAlive };
}

function newFight() {
  const cooldowns = new Cooldowns();
  return { cooldowns, fight: new Fight(cooldowns) };
}

Deno.test("SKILLS are those of the server", () => {
  const facts = (skills: typeof SKILLS) =>
    skills.map(({ id, range, cooldownMs, areaRadius }) => ({ id, range, cooldownMs, areaRadius }));
  assertEquals(
    facts(SKILLS),
    SERVER_SKILLS.map(({ id, range, cooldownMs, areaRadius }) => ({
      id,
      range,
      cooldownMs,
      areaRadius,
    })),
  );
});

Deno.test("Fight.step() strikes by hand whoever is near, and stands", () => {
  const { fight } = newFight();
  fight.attack(TARGET_ID, true);
  assertEquals(fight.step(OWN, at(2), 1_000), { approach: null, strikeSkillId: SKILL_MELEE });
});

Deno.test("Fight.step() shoots from afar while it walks up", () => {
  const { fight, cooldowns } = newFight();
  fight.attack(TARGET_ID, true);
  assertEquals(fight.step(OWN, at(10), 1_000), { approach: { x: 8, z: 0 }, strikeSkillId: SKILL_RANGED });
  cooldowns.start(SKILL_RANGED, 1_000);
  assertEquals(fight.step(OWN, at(10), 1_016), { approach: { x: 8, z: 0 }, strikeSkillId: 0 });
});

Deno.test("Fight.step() walks up to whoever is out of every range", () => {
  const { fight } = newFight();
  fight.attack(TARGET_ID, true);
  assertEquals(fight.step(OWN, at(40), 1_000), { approach: { x: 38, z: 0 }, strikeSkillId: 0 });
});

Deno.test("Fight.step() ends an attack of one blow with that blow, and a lasting one with the target", () => {
  const { fight } = newFight();
  fight.attack(TARGET_ID, false);
  assertEquals(fight.step(OWN, at(10), 1_000), { approach: null, strikeSkillId: SKILL_RANGED });
  assertEquals([fight.hasOrder, fight.targetId], [false, TARGET_ID]);
  fight.attack(TARGET_ID, true);
  fight.step(OWN, at(2), 1_000);
  assertEquals(fight.hasOrder, true);
  assertEquals(fight.step(OWN, at(2, false), 1_016), { approach: null, strikeSkillId: 0 });
  assertEquals([fight.hasOrder, fight.targetId], [false, null]);
});

Deno.test("Fight.strike() walks up and never shoots", () => {
  const { fight } = newFight();
  fight.strike();
  assertEquals(fight.hasOrder, false);
  fight.select(TARGET_ID);
  fight.strike();
  assertEquals(fight.step(OWN, at(10), 1_000), { approach: { x: 8, z: 0 }, strikeSkillId: 0 });
  assertEquals(fight.step({ x: 8, z: 0 }, at(10), 1_500).strikeSkillId, SKILL_MELEE);
});

Deno.test("Fight.step() leaves a target alone that is only chosen, and forgets one that is gone", () => {
  const { fight } = newFight();
  fight.select(TARGET_ID);
  assertEquals(fight.step(OWN, at(1), 1_000), { approach: null, strikeSkillId: 0 });
  fight.step(OWN, null, 1_016);
  assertEquals(fight.targetId, null);
});

Deno.test("Fight.halt() keeps the target and does nothing to it", () => {
  const { fight } = newFight();
  fight.attack(TARGET_ID, true);
  fight.halt();
  assertEquals(fight.step(OWN, at(1), 1_000), { approach: null, strikeSkillId: 0 });
  assertEquals(fight.targetId, TARGET_ID);
});

Deno.test("Fight.refused() waits before it tries again", () => {
  const { fight } = newFight();
  fight.attack(TARGET_ID, true);
  fight.refused(1_000);
  assertEquals(fight.step(OWN, at(1), 1_100).strikeSkillId, 0);
  assertEquals(fight.step(OWN, at(1), 2_000).strikeSkillId, SKILL_MELEE);
});

Deno.test("Cooldowns.remainingMs() counts down from a use", () => {
  const cooldowns = new Cooldowns();
  assertEquals(cooldowns.remainingMs(SKILL_RANGED, 0), 0);
  cooldowns.start(SKILL_RANGED, 1_000);
  assertEquals(cooldowns.remainingMs(SKILL_RANGED, 1_500), 1_000);
  assertEquals(cooldowns.remainingMs(SKILL_RANGED, 9_000), 0);
  assertEquals(cooldowns.remainingMs(SKILL_MELEE, 1_500), 0);
});

Deno.test("Cooldowns.refuse() gives back the oldest use without an answer, unless it was for a cooldown", () => {
  const cooldowns = new Cooldowns();
  cooldowns.start(SKILL_MELEE, 1_000);
  cooldowns.start(SKILL_RANGED, 1_000);
  cooldowns.start(SKILL_AREA, 1_000);
  cooldowns.confirm(SKILL_MELEE);
  assertEquals(cooldowns.refuse(false), SKILL_RANGED);
  assertEquals(cooldowns.remainingMs(SKILL_RANGED, 1_000), 0);
  assert(cooldowns.remainingMs(SKILL_MELEE, 1_000) > 0);
  assertEquals(cooldowns.refuse(true), SKILL_AREA);
  assert(cooldowns.remainingMs(SKILL_AREA, 1_000) > 0);
  assertEquals(cooldowns.refuse(false), undefined);
});

Deno.test("aimArea() prefers the target, then the pointer, then the nearest, then straight ahead", () => {
  const own = { x: 0, z: 0, yaw: 0 };
  const target = { x: 30, z: 0 };
  const pointer = { x: 0, z: 100 };
  const nearest = { x: 3, z: 0 };
  // A target out of range is aimed at all the same: the server says so.
  assertEquals(aimArea({ own, target, pointer, nearest, range: 25 }), target);
  const pointed = aimArea({ own, target: null, pointer, nearest, range: 25 });
  assert(pointed.x === 0 && pointed.z > 20 && pointed.z < 25);
  assertEquals(aimArea({ own, target: null, pointer: null, nearest, range: 25 }), nearest);
  const ahead = aimArea({ own, target: null, pointer: null, nearest: null, range: 25 });
  assert(Math.abs(ahead.x) < 1e-9 && ahead.z > 0);
});

Deno.test("pickFigure() finds who is under the pointer, the nearest of several, and nobody beside them", () => {
  const figures = [{ id: 1, x: 100, y: 100, radius: 10 }, { id: 2, x: 112, y: 100, radius: 10 }];
  assertEquals(pickFigure(figures, 98, 90, 0), 1);
  assertEquals(pickFigure(figures, 109, 90, 0), 2);
  assertEquals(pickFigure(figures, 100, 120, 0), null);
  assertEquals(pickFigure(figures, 84, 90, 0), null);
  assertEquals(pickFigure(figures, 84, 90, 8), 1);
});

Deno.test("nextTarget() goes from monster to player, from near to far, and around", () => {
  const candidates = [
    { id: 1, x: 1, z: 0, isMonster: false },
    { id: 2, x: 9, z: 0, isMonster: true },
    { id: 3, x: 4, z: 0, isMonster: true },
  ];
  const order: (number | null)[] = [];
  let current: number | null = null;
  for (let step = 0; step < 4; step++) order.push(current = nextTarget(candidates, OWN, current));
  assertEquals(order, [3, 2, 1, 3]);
  assertEquals(nextTarget([], OWN, 3), null);
});
