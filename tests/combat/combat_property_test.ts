import { SKILL_AREA, SKILL_MELEE } from "../../games/parts/combat/skills.ts";
import { CombatActionSchema, RespawnRequestSchema } from "../../games/parts/combat/combat_pb.ts";
import { MovementUpdateSchema } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { assert, assertEquals, assertNotEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { fc } from "../support/property.ts";

const FIGHTER_COUNT = 4;

/** Something one of the fighters does, or time that passes. */
type Deed =
  | { readonly kind: "act"; readonly by: number; readonly on: number; readonly skillId: number }
  | { readonly kind: "area"; readonly by: number; readonly x: number; readonly z: number }
  | { readonly kind: "move"; readonly by: number; readonly dx: number }
  | { readonly kind: "respawn" | "wound"; readonly by: number }
  | { readonly kind: "wait"; readonly ms: number };

const fighter = fc.nat(FIGHTER_COUNT - 1);
const deed: fc.Arbitrary<Deed> = fc.oneof(
  fc.record({ kind: fc.constant("act" as const), by: fighter, on: fighter, skillId: fc.integer({ min: 0, max: 4 }) }),
  fc.record({
    kind: fc.constant("area" as const),
    by: fighter,
    x: fc.integer({ min: 490, max: 510 }),
    z: fc.constant(500),
  }),
  fc.record({ kind: fc.constant("move" as const), by: fighter, dx: fc.constantFrom(-0.5, 0.5) }),
  fc.record({ kind: fc.constantFrom("respawn" as const, "wound" as const), by: fighter }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(50, 500, 1_500, 4_000) }),
);

/** A fight of a few who stand close together. */
async function startFight(seed: number): Promise<{ harness: LogicHarness; fighters: HarnessClient[] }> {
  // A map this small keeps everybody in sight of everybody, also after a respawn.
  const harness = await LogicHarness.create({ seed, config: { mapSize: 520, interestRadius: 1_000 } });
  const fighters: HarnessClient[] = [];
  for (let index = 0; index < FIGHTER_COUNT; index++) {
    fighters.push(await harness.connect({ at: { x: 500 + index, z: 500 } }));
  }
  harness.tick();
  return { harness, fighters };
}

function perform(harness: LogicHarness, fighters: readonly HarnessClient[], deed: Deed): void {
  if (deed.kind === "wait") return harness.advance(deed.ms);
  const client = fighters[deed.by], { entityId } = client, { world } = harness;
  switch (deed.kind) {
    case "act":
      return harness.send(client, CombatActionSchema, {
        skillId: deed.skillId,
        targetId: BigInt(fighters[deed.on].entityId),
        targetPosition: { x: 500, y: 0, z: 500 },
      });
    case "area":
      return harness.send(client, CombatActionSchema, {
        skillId: SKILL_AREA,
        targetPosition: { x: deed.x, y: 0, z: deed.z },
      });
    case "move":
      return harness.send(client, MovementUpdateSchema, {
        position: { x: world.xOf(entityId) + deed.dx, y: 0, z: world.zOf(entityId) },
      });
    case "respawn":
      return harness.send(client, RespawnRequestSchema, {});
    case "wound":
      if (harness.health.hpOf(entityId) > 0) harness.health.set(entityId, { hp: 1, hpMax: 100 });
  }
}

Deno.test("Combat keeps hit points within bounds and lets the dead do nothing, whatever anyone tries", async () => {
  const property = fc.asyncProperty(fc.nat(), fc.array(deed, { minLength: 20, maxLength: 80 }), async (seed, deeds) => {
    const { harness, fighters } = await startFight(seed);
    try {
      const { world } = harness;
      for (const deed of deeds) {
        const before = fighters.map(({ entityId: id }) => ({
          hp: harness.health.hpOf(id),
          x: world.xOf(id),
          z: world.zOf(id),
        }));
        harness.forget();
        perform(harness, fighters, deed);
        const results = harness.received(fighters[0], PacketType.COMBAT_RESULT);
        for (const [index, { entityId }] of fighters.entries()) {
          const hp = harness.health.hpOf(entityId), { hp: hpBefore, x, z } = before[index];
          assert(hp >= 0 && hp <= 100 && Number.isInteger(hp), `${hp} hit points`);
          const own = results.filter(({ attackerId }) => Number(attackerId) === entityId);
          const suffered = results.filter(({ targetId }) => Number(targetId) === entityId);
          assertEquals(
            suffered.filter(({ targetDied }) => targetDied).length,
            hpBefore > 0 && hp === 0 && deed.kind !== "wound" ? 1 : 0,
          );
          if (hpBefore > 0) continue;
          assertEquals([own, suffered], [[], []], "The dead neither act nor suffer");
          if (hp === 0) assertEquals([world.xOf(entityId), world.zOf(entityId)], [x, z], "The dead lie still");
          else assertEquals(hp, 100, "Only a respawn brings hit points back");
        }
      }
      assertEquals(harness.log.records.filter(({ level }) => level === "error"), []);
    } finally {
      await harness.close();
    }
  });
  await fc.assert(property, { numRuns: 60 });
});

/** Everything that everyone receives in a fight of many blows. */
async function record(seed: number): Promise<string> {
  const { harness, fighters } = await startFight(seed);
  for (let round = 0; round < 100; round++) {
    for (const { entityId } of fighters) harness.health.set(entityId, { hp: 100, hpMax: 100 });
    for (const [index, client] of fighters.entries()) {
      const targetId = BigInt(fighters[(index + 1 + round % 3) % FIGHTER_COUNT].entityId);
      const skillId = round % 8 === 0 ? SKILL_AREA : SKILL_MELEE;
      harness.send(client, CombatActionSchema, { skillId, targetId, targetPosition: { x: 501, y: 0, z: 500 } });
    }
    harness.advance(500);
  }
  const packets = fighters.map((client) =>
    client.packets.map(({ type, sequence, payload }) => `${type} ${sequence} ${payload.toHex()}`).join("\n")
  );
  await harness.close();
  return packets.join("\n\n");
}

Deno.test("Logic sends the same bytes again when a fight is repeated from its seed", async () => {
  const first = await record(11);
  assertEquals(await record(11), first);
  assertNotEquals(await record(12), first);
  assert(first.length > 50_000, "A fight is long enough to differ");
});
