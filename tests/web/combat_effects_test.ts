import {
  type Blow,
  blowText,
  CombatEffects,
  EFFECTS_MAX,
  FLASH_MS,
  TEXT_MS,
} from "../../games/marsh/web/combat_effects.ts";
import { breedOf, monsterSize } from "../../games/marsh/web/monster_figure.ts";
import { SKILL_AREA, SKILL_RANGED } from "../../games/marsh/web/skills.ts";
import { assert, assertEquals } from "../support/assert.ts";

const BLOW: Blow = {
  attackerId: 1,
  targetId: 2,
  skillId: 1,
  damage: 9.6,
  isCritical: false,
  isDodged: false,
  isBlocked: false,
};
const PLACES = { attacker: { x: 0, z: 0 }, target: { x: 3, z: 4 }, isOnOwn: false };

Deno.test("blowText() tells hits, critical ones, blocked ones and dodged ones apart", () => {
  assertEquals(blowText(BLOW), { text: "10", kind: "hit" });
  assertEquals(blowText({ ...BLOW, isCritical: true }), { text: "10!", kind: "critical" });
  assertEquals(blowText({ ...BLOW, isDodged: true, damage: 0 }), { text: "Dodged", kind: "missed" });
  assertEquals(blowText({ ...BLOW, isBlocked: true }), { text: "10 blocked", kind: "missed" });
  assertEquals(blowText({ ...BLOW, isBlocked: true, damage: 0 }), { text: "Blocked", kind: "missed" });
});

Deno.test("CombatEffects.add() shows a number and a flash for a while", () => {
  const effects = new CombatEffects();
  effects.add(BLOW, PLACES, 1_000);
  assertEquals(effects.texts.map(({ text, x, z }) => [text, x, z]), [["10", 3, 4]]);
  assertEquals(effects.isFlashing(2, 1_000), true);
  assertEquals(effects.isFlashing(2, 1_000 + FLASH_MS), false);
  effects.sweep(1_000 + TEXT_MS - 1);
  assertEquals(effects.texts.length, 1);
  effects.sweep(1_000 + TEXT_MS);
  assertEquals(effects.texts.length, 0);
});

Deno.test("CombatEffects.add() shows the way of an arrow, and a burst where an area was hit", () => {
  const effects = new CombatEffects();
  effects.add({ ...BLOW, skillId: SKILL_RANGED }, PLACES, 0);
  assertEquals(effects.shots, [{ from: { x: 0, z: 0 }, to: { x: 3, z: 4 }, bornMs: 0 }]);
  effects.add({ ...BLOW, skillId: SKILL_RANGED }, { ...PLACES, attacker: null }, 0);
  assertEquals(effects.shots.length, 1);
  effects.add({ ...BLOW, skillId: SKILL_AREA }, PLACES, 0);
  assertEquals(effects.bursts.map(({ x, z }) => [x, z]), [[3, 4]]);
});

Deno.test("CombatEffects.add() does not flash who dodged, and shows nothing of whom nobody sees", () => {
  const effects = new CombatEffects();
  effects.add({ ...BLOW, isDodged: true }, PLACES, 0);
  assertEquals([effects.texts.length, effects.isFlashing(2, 0)], [1, false]);
  effects.add({ ...BLOW, targetId: 0 }, { ...PLACES, target: null }, 0);
  assertEquals(effects.texts.length, 1);
});

Deno.test("CombatEffects.add() keeps a bounded number", () => {
  const effects = new CombatEffects();
  for (let index = 0; index <= EFFECTS_MAX; index++) effects.add({ ...BLOW, targetId: index }, PLACES, index);
  assertEquals(effects.texts.length, EFFECTS_MAX);
  assertEquals(effects.texts[0].bornMs, 1);
});

Deno.test("breedOf() knows the server's monsters, and takes others for fiends", async () => {
  const file = new URL("../../games/marsh/data/monsters.json", import.meta.url);
  const { kinds }: { kinds: { name: string }[] } = JSON.parse(await Deno.readTextFile(file));
  const breeds = kinds.map(({ name }) => breedOf(name));
  assertEquals(new Set(breeds).size, kinds.length);
  assert(!breeds.includes("fiend"));
  assertEquals(breedOf("Toll Clerk"), "fiend");
  assert(monsterSize("Gate Golem") > monsterSize("Grey Wolf"));
});
