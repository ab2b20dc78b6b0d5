import { loadGameData } from "../../games/marsh/data/game_data.ts";
import type { MonsterData } from "../../games/marsh/monsters/monster_data.ts";
import { SKILL_NONE, SKILL_RANGED } from "../../games/parts/combat/skills.ts";
import { CombatActionSchema } from "../../games/parts/combat/combat_pb.ts";
import { DespawnReason, EntityKind, type EntityUpdate } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { PLAYERS_PER_OTHER } from "../../shared/limits.ts";
import { MONSTER_CORPSE_MS } from "../../games/marsh/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { RAT } from "./wilds.ts";

/** One rat in the middle of the map. */
const ONE_RAT: MonsterData = {
  kinds: [{ ...RAT, wanderRadius: 0 }],
  spawns: [{ kind: RAT.id, count: 1, x: 0.5, z: 0.5 }],
};

/** What a client was told of anything but moves, by case. */
function updatesOf<C extends NonNullable<EntityUpdate["update"]["case"]>>(
  harness: LogicHarness,
  client: HarnessClient,
  kind: C,
) {
  return harness.received(client, PacketType.WORLD_SNAPSHOT).flatMap(({ updates }) => updates)
    .flatMap(({ entityId, update }) =>
      update.case === kind
        ? [{ entityId: Number(entityId), value: update.value as Extract<EntityUpdate["update"], { case: C }>["value"] }]
        : []
    );
}

Deno.test("Logic shows a monster as one, with its name and health", async () => {
  await using harness = await LogicHarness.create({ monsters: ONE_RAT });
  const client = await harness.connect({ at: { x: 520, z: 500 } });
  harness.tick();
  const monsters = updatesOf(harness, client, "spawn").filter(({ value }) => value.kind === EntityKind.MONSTER);
  assertEquals(
    monsters.map(({ value: { name, health, movement } }) => [
      name,
      health?.currentHp,
      movement?.position?.x,
      movement?.position?.z,
    ]),
    [[RAT.name, RAT.hp, 500, 500]],
  );
});

Deno.test("Logic lets a monster kill a player, who comes back", async () => {
  await using harness = await LogicHarness.create({ monsters: ONE_RAT });
  const kills: unknown[] = [];
  harness.marsh.combat.onKill((killer, victim) => kills.push([killer, victim?.name]));
  const client = await harness.connect({ name: "victim", at: { x: 505, z: 500 } });
  for (let second = 0; harness.health.hpOf(client.entityId) > 0; second++) {
    assert(second < 120, "A player who does nothing must die in two minutes");
    harness.advance(1_000);
  }
  const results = harness.received(client, PacketType.COMBAT_RESULT);
  assert(results.every(({ skillId, targetId }) => skillId === SKILL_NONE && Number(targetId) === client.entityId));
  assert(results.every(({ attackerId }) => harness.marsh.monsters.isMonster(Number(attackerId))));
  assertEquals(results.filter(({ targetDied }) => targetDied).length, 1);
  assertEquals(kills, [[null, "victim"]]);
  harness.advance(10_000);
  assertEquals(harness.health.hpOf(client.entityId), 100);
});

Deno.test("Logic lets a player kill a monster, and tells it as the player's kill of nobody", async () => {
  await using harness = await LogicHarness.create({ monsters: ONE_RAT });
  const kills: unknown[] = [];
  harness.marsh.combat.onKill((killer, victim) => kills.push([killer?.name, victim]));
  const client = await harness.connect({ name: "hunter", at: { x: 520, z: 500 } });
  harness.tick();
  const [{ entityId }] = updatesOf(harness, client, "spawn").filter(({ value }) => value.kind === EntityKind.MONSTER);
  for (let round = 0; harness.marsh.monsters.modeOf(entityId) !== "corpse"; round++) {
    assert(round < 40, "A rat must die of forty blows");
    harness.send(client, CombatActionSchema, { skillId: SKILL_RANGED, targetId: BigInt(entityId) });
    harness.advance(1_500);
    harness.health.set(client.entityId, { hp: 100, hpMax: 100 });
  }
  assertEquals(kills, [["hunter", null]]);
  assertEquals(
    updatesOf(harness, client, "health").filter(({ value }) => value.currentHp === 0).map((u) => u.entityId),
    [
      entityId,
    ],
  );
  harness.advance(MONSTER_CORPSE_MS + 1_000);
  assertEquals(updatesOf(harness, client, "despawn").map(({ entityId, value }) => [entityId, value.reason]), [
    [entityId, DespawnReason.DIED],
  ]);
  harness.advance(RAT.respawnSeconds * 1_000);
  assertEquals(updatesOf(harness, client, "spawn").filter(({ value }) => value.kind === EntityKind.MONSTER).length, 2);
});

Deno.test("Logic has the monsters of the build on their maps, unless they are switched off", async () => {
  await using on = await LogicHarness.create({ config: { gameOptions: { monsters: true } } });
  await using off = await LogicHarness.create({ config: { gameOptions: { monsters: false } } });
  assertEquals(on.world.maps.map((map) => map.entityCount), [40, 18, 24, 13]);
  assertEquals([on.world.entityCount, on.marsh.monsters.count], [95, 95]);
  assertEquals([off.world.entityCount, off.marsh.monsters.count], [0, 0]);
});

Deno.test("Logic leaves the world to players but for a part: no monster takes a player's place", async () => {
  for (const worldCapacity of [1, 9, 10, 100, 1_000]) {
    await using harness = await LogicHarness.create({ config: { gameOptions: { monsters: true } }, worldCapacity });
    const { count } = harness.marsh.monsters;
    assert(count <= worldCapacity / PLAYERS_PER_OTHER && count <= 95, `${count} of ${worldCapacity}`);
  }
});

Deno.test("Logic puts players who enter where no monster notices them", async () => {
  await using harness = await LogicHarness.create({ config: { gameOptions: { monsters: true } } });
  const { marsh: { monsters }, world } = harness;
  const aggroRadius = Math.max(...loadGameData().monsters.kinds.map((kind) => kind.aggroRadius));
  for (let count = 0; count < 60; count++) {
    const { entityId } = await harness.connect();
    for (let id = 1; id < world.slotCount; id++) {
      if (!monsters.isMonster(id) || world.mapOf(id) !== world.mapOf(entityId)) continue;
      // Those that live at the gate are slimes, which notice nobody beyond 6 units.
      const isAtGate = count < 40;
      assert(world.distanceBetween(entityId, id) > (isAtGate ? 6 : aggroRadius), `${id} is near player ${count}`);
    }
  }
});

Deno.test("Logic lets monsters sleep until a player comes", async () => {
  const { kinds, spawns } = loadGameData().monsters;
  await using harness = await LogicHarness.create({ monsters: { kinds, spawns } });
  const { monsters } = harness.marsh;
  harness.advance(10_000);
  assertEquals([monsters.awakeCount, monsters.stepCount], [0, 0]);
  const { x, z } = spawns.find((spawn) => spawn.map === undefined && spawn.x !== undefined)!;
  await harness.connect({ at: { x: x! * 1_000, z: z! * 1_000 } });
  harness.advance(1_000);
  assert(monsters.awakeCount > 0 && monsters.awakeCount < monsters.count);
});
