import { SKILL_MELEE } from "../../games/parts/combat/skills.ts";
import { CombatActionSchema } from "../../games/parts/combat/combat_pb.ts";
import { ENTRY_CALM_MS, FIGHT_MS, RECOVERY_HP, RECOVERY_INTERVAL_MS } from "../../games/parts/combat/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { LogicHarness } from "../support/logic_harness.ts";

Deno.test("Recovery gives hit points at a steady rate once a fight is over, and none to the dead", async () => {
  await using harness = await LogicHarness.create({ seed: 3 });
  const attacker = await harness.connect({ name: "attacker", at: { x: 500, z: 560 } });
  const target = await harness.connect({ name: "target", at: { x: 501, z: 560 } });
  harness.advance(ENTRY_CALM_MS);
  harness.health.set(target.entityId, { hp: 53, hpMax: 100 });
  const strike = () =>
    harness.send(attacker, CombatActionSchema, { skillId: SKILL_MELEE, targetId: BigInt(target.entityId) });
  strike();
  const left = harness.health.hpOf(target.entityId);
  harness.advance(FIGHT_MS - harness.config.tickMs);
  assertEquals(harness.health.hpOf(target.entityId), left);
  harness.tick();
  assertEquals(harness.health.hpOf(target.entityId), left + RECOVERY_HP);
  harness.advance(2 * RECOVERY_INTERVAL_MS);
  assertEquals(harness.health.hpOf(target.entityId), left + 3 * RECOVERY_HP);
  // A blow, and all the waiting begins anew.
  strike();
  const again = harness.health.hpOf(target.entityId);
  harness.advance(FIGHT_MS - harness.config.tickMs);
  assertEquals(harness.health.hpOf(target.entityId), again);
  harness.advance(20 * RECOVERY_INTERVAL_MS);
  assertEquals(harness.health.hpOf(target.entityId), 100);
  harness.health.set(target.entityId, { hp: 1, hpMax: 100 });
  for (let blow = 0; harness.health.hpOf(target.entityId) > 0; blow++) {
    assert(blow < 100, "Nobody is missed a hundred times");
    strike();
    harness.advance(500);
  }
  harness.advance(2 * RECOVERY_INTERVAL_MS);
  assertEquals(harness.health.hpOf(target.entityId), 0);
});
