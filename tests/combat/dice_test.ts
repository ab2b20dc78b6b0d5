import { BLOCK_PERCENT, CRITICAL_PERCENT, DODGE_PERCENT, rollBlow } from "../../games/parts/combat/dice.ts";
import { SKILLS } from "../../games/parts/combat/skills.ts";
import { Prng } from "../../server/world/prng.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";
import { DIE, kindOf, LoadedDice } from "./loaded_dice.ts";

const MELEE = { damageMin: 8, damageMax: 12 };
const BLOW_COUNT = 100_000;

Deno.test("rollBlow() deals each kind of blow as often as its percentage says", () => {
  const prng = new Prng(42);
  const counts = { dodged: 0, blocked: 0, critical: 0, hit: 0 };
  for (let index = 0; index < BLOW_COUNT; index++) counts[kindOf(rollBlow(MELEE, prng))]++;
  const percents = { dodged: DODGE_PERCENT, blocked: BLOCK_PERCENT, critical: CRITICAL_PERCENT };
  for (const [kind, percent] of Object.entries(percents)) {
    const part = counts[kind as keyof typeof counts] / BLOW_COUNT * 100;
    // Five standard deviations of 100,000 tries at 10 % are 0.48 %.
    assert(Math.abs(part - percent) < 0.5, `${kind}: ${part} % instead of ${percent} %`);
  }
});

Deno.test("rollBlow() deals every damage of a skill equally often, and no other", () => {
  const prng = new Prng(43);
  for (const skill of SKILLS) {
    const counts = new Map<number, number>();
    let hitCount = 0;
    for (let index = 0; index < BLOW_COUNT; index++) {
      const blow = rollBlow(skill, prng);
      if (kindOf(blow) !== "hit") continue;
      hitCount++;
      counts.set(blow.damage, (counts.get(blow.damage) ?? 0) + 1);
    }
    const sides = skill.damageMax - skill.damageMin + 1;
    assertEquals(
      [...counts.keys()].sort((a, b) => a - b),
      Array.from({ length: sides }, (_, i) => skill.damageMin + i),
    );
    for (const count of counts.values()) assert(Math.abs(count / hitCount * sides - 1) < 0.1, `skill ${skill.id}`);
  }
});

/** Damage of a blow that rolled 8 and of one that rolled 11. */
const BLOWS: readonly { readonly kind: keyof typeof DIE; readonly damages: readonly [number, number] }[] = [
  { kind: "hit", damages: [8, 11] },
  { kind: "dodged", damages: [0, 0] },
  { kind: "blocked", damages: [4, 6] },
  { kind: "critical", damages: [12, 17] },
];

for (const { kind, damages } of BLOWS) {
  Deno.test(`rollBlow() makes 8 and 11 points ${damages[0]} and ${damages[1]} when ${kind}`, () => {
    const dice = new LoadedDice();
    for (const [index, rolled] of [8, 11].entries()) {
      dice.load(kind, rolled - MELEE.damageMin);
      const blow = rollBlow(MELEE, dice);
      assertEquals([kindOf(blow), blow.damage], [kind, damages[index]]);
    }
  });
}

Deno.test("rollBlow() deals whole points of one kind at a time, within its bounds", () => {
  const damage = fc.tuple(fc.nat(1_000), fc.nat(1_000)).map(([damageMin, more]) => ({
    damageMin,
    damageMax: damageMin + more,
  }));
  fc.assert(fc.property(damage, fc.integer(), (damage, seed) => {
    const blow = rollBlow(damage, new Prng(seed));
    assert(Number.isInteger(blow.damage) && blow.damage >= 0 && blow.damage <= Math.round(damage.damageMax * 1.5));
    assert(Number(blow.isBlocked) + Number(blow.isCritical) + Number(blow.isDodged) <= 1);
    if (blow.isDodged) assertEquals(blow.damage, 0);
  }));
});

Deno.test("rollBlow() repeats from its seed", () => {
  const roll = (seed: number) => {
    const prng = new Prng(seed);
    return Array.from({ length: 100 }, () => rollBlow(MELEE, prng));
  };
  assertEquals(roll(5), roll(5));
  assert(JSON.stringify(roll(5)) !== JSON.stringify(roll(6)));
});
