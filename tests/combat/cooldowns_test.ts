import { Cooldowns } from "../../games/parts/combat/cooldowns.ts";
import { findSkill, SKILL_AREA, SKILL_MELEE, SKILLS } from "../../games/parts/combat/skills.ts";
import { COOLDOWN_TOLERANCE_MS } from "../../games/parts/combat/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const MELEE = findSkill(SKILL_MELEE)!;
const AREA = findSkill(SKILL_AREA)!;

for (const skill of SKILLS) {
  Deno.test(`Cooldowns.remainingMs() keeps skill ${skill.id} back for ${skill.cooldownMs} ms less the tolerance`, () => {
    const cooldowns = new Cooldowns();
    assertEquals(cooldowns.remainingMs(1, skill, 500), 0);
    cooldowns.start(1, skill, 500);
    const tolerableMs = 500 + skill.cooldownMs - COOLDOWN_TOLERANCE_MS;
    assertEquals(cooldowns.remainingMs(1, skill, 500), skill.cooldownMs);
    assert(cooldowns.remainingMs(1, skill, tolerableMs - 1) > 0);
    assertEquals(cooldowns.remainingMs(1, skill, tolerableMs), 0);
  });
}

Deno.test("Cooldowns.start() keeps back that skill of that attacker only", () => {
  const cooldowns = new Cooldowns();
  cooldowns.start(1, MELEE, 0);
  assertEquals(cooldowns.remainingMs(1, AREA, 0), 0);
  assertEquals(cooldowns.remainingMs(2, MELEE, 0), 0);
});

Deno.test("Cooldowns.start() gives nobody more uses than the cooldown allows, however early each is", () => {
  fc.assert(fc.property(fc.array(fc.nat(600), { maxLength: 300 }), (pausesMs) => {
    const cooldowns = new Cooldowns();
    let nowMs = 0, useCount = 0;
    for (const pauseMs of pausesMs) {
      nowMs += pauseMs;
      if (cooldowns.remainingMs(1, MELEE, nowMs) > 0) continue;
      cooldowns.start(1, MELEE, nowMs);
      useCount++;
    }
    assert((useCount - 1) * MELEE.cooldownMs <= nowMs + COOLDOWN_TOLERANCE_MS, `${useCount} uses in ${nowMs} ms`);
  }));
});

Deno.test("Cooldowns.sweep() forgets who can use everything again, and nobody else", () => {
  const cooldowns = new Cooldowns();
  cooldowns.start(1, MELEE, 0);
  cooldowns.start(2, AREA, 0);
  cooldowns.sweep(MELEE.cooldownMs - 1);
  assertEquals(cooldowns.attackerCount, 2);
  cooldowns.sweep(MELEE.cooldownMs);
  assertEquals(cooldowns.attackerCount, 1);
  assert(cooldowns.remainingMs(2, AREA, MELEE.cooldownMs) > 0);
  cooldowns.sweep(AREA.cooldownMs);
  assertEquals(cooldowns.attackerCount, 0);
});

Deno.test("Cooldowns.start() adds to the next cooldown what was early", () => {
  const cooldowns = new Cooldowns();
  const early = MELEE.cooldownMs - COOLDOWN_TOLERANCE_MS;
  cooldowns.start(1, MELEE, 0);
  cooldowns.start(1, MELEE, early);
  assert(cooldowns.remainingMs(1, MELEE, 2 * early) > 0);
  assertEquals(cooldowns.remainingMs(1, MELEE, 2 * MELEE.cooldownMs - COOLDOWN_TOLERANCE_MS), 0);
});
