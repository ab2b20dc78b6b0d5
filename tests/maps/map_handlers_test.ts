import { Atlas } from "../../games/marsh/maps/atlas.ts";
import { loadGameData } from "../../games/marsh/data/game_data.ts";
import { EFFECT_STUN } from "../../games/parts/combat/status_effects.ts";
import { SKILL_RANGED } from "../../games/parts/combat/skills.ts";
import type { MapDefinition } from "../../games/marsh/maps/map_data.ts";
import { ResumeRequestSchema } from "../../shared/gen/auth_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { CombatActionSchema, RespawnRequestSchema } from "../../games/parts/combat/combat_pb.ts";
import { LeaveWorldRequestSchema, MovementUpdateSchema } from "../../shared/gen/world_pb.ts";
import { MapInfoRequestSchema, PortalRequestSchema } from "../../games/marsh/marsh_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { PORTAL_ARRIVAL_RADIUS } from "../../games/marsh/limits.ts";
import { RESPAWN_DISTANCE_MAX } from "../../games/parts/combat/limits.ts";
import { ENTRY_CALM_MS, RESPAWN_DELAY_MS } from "../../games/parts/combat/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";

/** A field with a portal at (500, 500), and a cave for two, at whose (20, 20) it ends. */
const MAPS: readonly MapDefinition[] = [
  {
    mapId: 0,
    name: "Field",
    theme: "meadow",
    width: 1_000,
    height: 1_000,
    portals: [{ portalId: 11, x: 0.5, z: 0.5, radius: 5, toMap: 3, toX: 0.1, toZ: 0.2 }],
  },
  {
    mapId: 3,
    name: "Cave",
    theme: "cave",
    width: 200,
    height: 100,
    interestRadius: 30,
    playersMax: 2,
    spawnArea: { x: 0.9, z: 0.9, radius: 4 },
    portals: [{ portalId: 31, x: 0.1, z: 0.2, radius: 5, toMap: 0, toX: 0.6, toZ: 0.6 }],
  },
];
const AT_PORTAL = { x: 500, z: 500 };
const IN_CAVE = { x: 20, z: 20 };

function create(): Promise<LogicHarness> {
  return LogicHarness.create({ maps: MAPS });
}

function usePortal(harness: LogicHarness, client: HarnessClient, portalId: number) {
  harness.send(client, PortalRequestSchema, { portalId });
  const [answer, ...rest] = harness.take(client, PacketType.MAP_ENTERED);
  assertEquals(rest, []);
  return answer;
}

/** What the client was shown since the last look: `spawn 7`, `despawn 3` … */
function shown(harness: LogicHarness, client: HarnessClient): string[] {
  return harness.take(client, PacketType.WORLD_SNAPSHOT).flatMap(({ updates }) => updates)
    .map(({ entityId, update }) => `${update.case} ${entityId}`).sort();
}

Deno.test("MAP_INFO_REQUEST tells of the map that the player is on, and its portals", async () => {
  await using harness = await create();
  const [above, below] = [await harness.connect(), await harness.connect({ at: IN_CAVE, mapId: 3 })];
  const [field, cave] = [above, below].map((client) => {
    harness.send(client, MapInfoRequestSchema, {});
    return harness.take(client, PacketType.MAP_INFO_RESPONSE)[0];
  });
  assertEquals([field.success, field.map?.mapId, field.map?.name, field.map?.theme], [true, 0, "Field", "meadow"]);
  assertEquals([field.map?.width, field.map?.height, field.map?.interestRadius], [1_000, 1_000, 50]);
  assertEquals([cave.map?.width, cave.map?.height, cave.map?.interestRadius], [200, 100, 30]);
  const [portal] = field.map!.portals;
  assertEquals([portal.portalId, portal.radius, portal.targetMapId, portal.targetMapName], [11, 5, 3, "Cave"]);
  assertEquals([portal.position?.x, portal.position?.z], [500, 500]);
  assertEquals(cave.map!.portals.map(({ portalId }) => portalId), [31]);
});

Deno.test("PORTAL_REQUEST takes a player to the other map, where a full snapshot follows", async () => {
  await using harness = await create();
  const traveller = await harness.connect({ at: AT_PORTAL }),
    stayer = await harness.connect({ at: { x: 510, z: 500 } });
  const host = await harness.connect({ at: { x: 30, z: 20 }, mapId: 3 });
  harness.tick();
  for (const client of [traveller, stayer, host]) shown(harness, client);

  const answer = usePortal(harness, traveller, 11);
  assertEquals([answer.success, answer.entityId, answer.map?.mapId], [true, BigInt(traveller.entityId), 3]);
  const { x, z } = answer.position!;
  assert(Math.hypot(x - 20, z - 20) <= PORTAL_ARRIVAL_RADIUS + 0.01, `Arrived at ${x}, ${z}`);
  assertEquals([Math.fround(harness.world.xOf(traveller.entityId)), harness.world.mapOf(traveller.entityId).mapId], [
    x,
    3,
  ]);

  harness.tick();
  assertEquals(shown(harness, traveller), [`spawn ${traveller.entityId}`, `spawn ${host.entityId}`].sort());
  assertEquals(shown(harness, stayer), [`despawn ${traveller.entityId}`]);
  assertEquals(shown(harness, host), [`spawn ${traveller.entityId}`]);

  assert(usePortal(harness, traveller, 31).success, "And back");
  harness.tick();
  assertEquals(shown(harness, host), [`despawn ${traveller.entityId}`]);
});

/** Every way in which a portal cannot be used. */
const REFUSALS: readonly {
  readonly what: string;
  readonly code: ErrorCode;
  readonly portalId?: number;
  readonly before?: (harness: LogicHarness, client: HarnessClient) => void | Promise<void>;
}[] = [
  { what: "no portal's id", code: ErrorCode.NOT_FOUND, portalId: 0 },
  { what: "an unknown portal", code: ErrorCode.NOT_FOUND, portalId: 12 },
  { what: "the largest id", code: ErrorCode.NOT_FOUND, portalId: 2 ** 32 - 1 },
  { what: "a portal of another map", code: ErrorCode.NOT_FOUND, portalId: 31 },
  {
    what: "a centimetre too far away",
    code: ErrorCode.OUT_OF_RANGE,
    before: (harness, client) => put(harness, client, 505.01),
  },
  {
    what: "dead",
    code: ErrorCode.INVALID_STATE,
    before: (harness, client) => harness.health.set(client.entityId, { hp: 0, hpMax: 100 }),
  },
  {
    what: "dead and too far away",
    code: ErrorCode.INVALID_STATE,
    before: (harness, client) => {
      put(harness, client, 600);
      harness.health.set(client.entityId, { hp: 0, hpMax: 100 });
    },
  },
  { what: "stunned", code: ErrorCode.INVALID_STATE, before: stun },
  {
    what: "a full map",
    code: ErrorCode.SERVER_FULL,
    before: async (harness) => {
      for (const x of [20, 60]) await harness.connect({ at: { x, z: 50 }, mapId: 3 });
    },
  },
];

function put(harness: LogicHarness, client: HarnessClient, x: number): void {
  harness.world.teleport(client.entityId, harness.clock.monotonicMs(), { x, y: 0, z: 500, yaw: 0 });
}

/** Hits the client until a critical blow stuns it. */
async function stun(harness: LogicHarness, client: HarnessClient): Promise<void> {
  const attacker = await harness.connect({ at: { x: 501, z: 500 } });
  harness.tick();
  for (let round = 0; round < 200; round++) {
    harness.send(attacker, CombatActionSchema, { skillId: 1, targetId: BigInt(client.entityId) });
    const stuns = harness.take(client, PacketType.COMBAT_RESULT).flatMap(({ appliedEffects }) => appliedEffects);
    if (stuns.some(({ effectId }) => effectId === EFFECT_STUN)) return;
    harness.advance(1_000);
    harness.health.set(client.entityId, { hp: 100, hpMax: 100 });
  }
  assert(false, "One of two hundred blows is critical");
}

for (const { what, code, portalId = 11, before } of REFUSALS) {
  Deno.test(`PORTAL_REQUEST is refused with ${ErrorCode[code]}: ${what}`, async () => {
    await using harness = await create();
    const client = await harness.connect({ at: AT_PORTAL });
    await before?.(harness, client);
    const x = harness.world.xOf(client.entityId);
    const answer = usePortal(harness, client, portalId);
    assertEquals([answer.success, answer.errorCode, answer.map], [false, code, undefined]);
    assertEquals([harness.world.mapOf(client.entityId).mapId, harness.world.xOf(client.entityId)], [0, x]);
  });
}

Deno.test("PORTAL_REQUEST works from the very border of the portal's radius", async () => {
  await using harness = await create();
  const client = await harness.connect({ at: { x: 505, z: 500 } });
  assert(usePortal(harness, client, 11).success);
});

Deno.test("A movement still meant for the old map is refused, and the correction is of the new one", async () => {
  await using harness = await create();
  const client = await harness.connect({ at: AT_PORTAL });
  const { position } = usePortal(harness, client, 11);
  harness.send(client, MovementUpdateSchema, { position: { x: 500, y: 0, z: 500 }, sequenceNumber: 1 });
  const [correction] = harness.take(client, PacketType.MOVEMENT_CORRECTION);
  assertEquals([correction.reason, correction.position?.x, correction.position?.z], [
    "outside_map",
    position!.x,
    position!.z,
  ]);
});

Deno.test("A character is saved on the map it is on, at once, and comes back there", async () => {
  await using harness = await create();
  const client = await harness.connect({ name: "anna", at: AT_PORTAL });
  assert(usePortal(harness, client, 11).success);
  const load = () => harness.storage.characters.load({ accountId: client.playerId, characterId: 0 });
  await harness.until(() => harness.logic.context.saver.unsavedCount === 0);
  assertEquals((await load())?.state?.mapId, 3, "Passing a portal saves at once: a crash brings nobody back");

  harness.send(client, LeaveWorldRequestSchema, {});
  await harness.enter(client);
  const [response] = harness.received(client, PacketType.ENTER_WORLD_RESPONSE).slice(-1);
  assertEquals([response.mapId, response.mapWidth, response.mapHeight, response.interestRadius], [3, 200, 100, 30]);
});

Deno.test("Whoever was saved on a map that is gone or full enters on the first one", async () => {
  await using harness = await create();
  const enter = async (mapId: number) => {
    const client = await harness.connect({ at: { x: 90, z: 90 }, mapId });
    return harness.world.mapOf(client.entityId).mapId;
  };
  assertEquals([await enter(9), await enter(3), await enter(3), await enter(3)], [0, 3, 3, 0]);
});

Deno.test("A session resumed after a portal hears of it again if it missed it, and is shown the new map", async () => {
  await using harness = await create();
  const client = await harness.connect({ at: AT_PORTAL }), host = await harness.connect({ at: IN_CAVE, mapId: 3 });
  harness.tick();
  harness.setFull(true);
  harness.send(client, PortalRequestSchema, { portalId: 11 });
  harness.disconnect(client);
  harness.setFull(false);
  harness.tick();
  assert(harness.world.sees(host.entityId, client.entityId), "Link-dead, it stands in the cave");

  const fresh = harness.open();
  harness.send(fresh, ResumeRequestSchema, { resumeToken: client.resumeToken, lastSequence: 1n });
  harness.tick();
  const types = fresh.packets.map(({ type }) => type);
  const [entered] = harness.take(fresh, PacketType.MAP_ENTERED);
  assertEquals([entered.success, entered.map?.mapId], [true, 3]);
  assertEquals(shown(harness, fresh), [`spawn ${client.entityId}`, `spawn ${host.entityId}`].sort());
  assert(types.indexOf(PacketType.RESUME_RESPONSE) < types.indexOf(PacketType.MAP_ENTERED));
  assert(types.indexOf(PacketType.MAP_ENTERED) < types.indexOf(PacketType.WORLD_SNAPSHOT));
});

Deno.test("The new map is shown behind MAP_ENTERED, also when that has to wait for room", async () => {
  await using harness = await create();
  const client = await harness.connect({ at: AT_PORTAL }), host = await harness.connect({ at: IN_CAVE, mapId: 3 });
  harness.tick();
  harness.forget();
  harness.setFull(true);
  harness.send(client, PortalRequestSchema, { portalId: 11 });
  harness.setFull(false);
  harness.tick(2);
  const types = client.packets.map(({ type }) => type);
  assertEquals(types[0], PacketType.MAP_ENTERED);
  assertEquals(shown(harness, client), [`spawn ${client.entityId}`, `spawn ${host.entityId}`].sort());
});

Deno.test("Chat and combat stay on their map, at the same coordinates", async () => {
  await using harness = await create();
  const here = await harness.connect({ at: { x: 50, z: 50 } });
  const there = await harness.connect({ at: { x: 51, z: 50 }, mapId: 3 });
  const friend = await harness.connect({ at: { x: 52, z: 50 }, mapId: 3 });
  harness.advance(ENTRY_CALM_MS);
  harness.send(there, ChatMessageSchema, { channel: Channel.AREA, message: "Dark in here" });
  assertEquals([here, there, friend].map((client) => harness.take(client, PacketType.CHAT_MESSAGE).length), [0, 1, 1]);

  harness.send(here, CombatActionSchema, { skillId: SKILL_RANGED, targetId: BigInt(there.entityId) });
  assertEquals(harness.take(here, PacketType.ERROR_RESPONSE).map(({ errorCode }) => errorCode), [
    ErrorCode.TARGET_INVALID,
  ]);
  harness.send(here, CombatActionSchema, { skillId: 3, targetPosition: { x: 51, y: 0, z: 50 } });
  assertEquals([there, friend].map(({ entityId }) => harness.health.hpOf(entityId)), [100, 100]);
  harness.send(there, CombatActionSchema, { skillId: 3, targetPosition: { x: 52, y: 0, z: 50 } });
  const told = [here, there, friend].map((client) =>
    harness.take(client, PacketType.COMBAT_RESULT).map(({ attackerId, targetId }) => `${attackerId} on ${targetId}`)
  );
  const blow = `${there.entityId} on ${friend.entityId}`;
  assertEquals(told, [[`${here.entityId} on 0`], [blow], [blow]]);
});

Deno.test("The dead come back near where they died, on their map", async () => {
  await using harness = await create();
  const client = await harness.connect({ at: IN_CAVE, mapId: 3 }),
    killer = await harness.connect({ at: { x: 22, z: 20 }, mapId: 3 });
  harness.tick();
  for (let round = 0; harness.health.hpOf(client.entityId) > 0; round++) {
    assert(round < 20, "Nobody dodges twenty blows");
    harness.health.set(client.entityId, { hp: 1, hpMax: 100 });
    harness.send(killer, CombatActionSchema, { skillId: 1, targetId: BigInt(client.entityId) });
    harness.advance(1_000);
  }
  harness.advance(RESPAWN_DELAY_MS);
  harness.send(client, RespawnRequestSchema, {});
  const { world } = harness, { entityId } = client;
  assertEquals([harness.health.hpOf(entityId), world.mapOf(entityId).mapId], [100, 3]);
  const distance = Math.hypot(world.xOf(entityId) - IN_CAVE.x, world.zOf(entityId) - IN_CAVE.z);
  assert(distance <= RESPAWN_DISTANCE_MAX + 0.01, `${distance} units`);
});

Deno.test("New players appear at the gate while fewer than 40 are there, else anywhere", async () => {
  await using harness = await LogicHarness.create();
  const { spawnArea } = harness.world.maps[0];
  assert(spawnArea?.playersMax === 40);
  const distances: number[] = [];
  const places = new Set<string>();
  for (let count = 0; count < 60; count++) {
    const { entityId } = await harness.connect();
    const x = harness.world.xOf(entityId), z = harness.world.zOf(entityId);
    distances.push(Math.hypot(x - spawnArea.x, z - spawnArea.z));
    places.add(`${x} ${z}`);
  }
  assertEquals(places.size, 60);
  assert(distances.slice(0, 40).every((distance) => distance <= spawnArea.radius + 0.01));
  // Anywhere is seldom the gate.
  assert(distances.slice(40).filter((distance) => distance > spawnArea.radius).length >= 18);
});

Deno.test("New players appear in the safe area at the southern gate, with something to fight in sight", async () => {
  await using harness = await LogicHarness.create({ config: { gameOptions: { monsters: true } } });
  const { world } = harness, [safeArea] = new Atlas(loadGameData().maps, harness.config).maps[0].safeAreas;
  const players = [];
  for (let count = 0; count < 40; count++) players.push((await harness.connect()).entityId);
  harness.tick();
  harness.tick();
  const ids = Array.from({ length: world.slotCount }, (_, id) => id);
  const monsters = ids.filter((id) => harness.marsh.monsters.isMonster(id));
  for (const id of players) {
    const x = world.xOf(id), z = world.zOf(id);
    assert(Math.hypot(x - safeArea.x, z - safeArea.z) <= safeArea.radius, `${x}, ${z} is not safe`);
    assert(monsters.some((monster) => world.sees(id, monster)), `Nothing in sight of ${x}, ${z}`);
  }
});

Deno.test("Atlas keeps the spawn area on a map and in its safe area, however small or large the map", () => {
  for (const mapSize of [10, 20, 72, 100, 500, 1_000, 2_500, 10_000]) {
    const { spawnArea, safeAreas } = new Atlas(loadGameData().maps, { mapSize, interestRadius: 50 }).maps[0];
    const margin = Math.min(spawnArea!.radius, mapSize / 2);
    assert(spawnArea!.z + margin <= mapSize && spawnArea!.z - margin >= 0, `${spawnArea!.z} of ${mapSize}`);
    for (const { x, z, radius } of safeAreas) {
      assert(Math.hypot(spawnArea!.x - x, spawnArea!.z - z) + spawnArea!.radius <= radius + 1e-6, `${z} of ${mapSize}`);
    }
  }
});

Deno.test("Every map of the build has a spawn area", () => {
  for (const { name, spawnArea } of loadGameData().maps) assert(spawnArea !== undefined, name);
});

Deno.test("PORTAL_REQUEST reckons height", async () => {
  await using harness = await LogicHarness.create();
  const client = await harness.connect({ at: { x: 500, z: 514 } });
  harness.world.teleport(client.entityId, harness.clock.monotonicMs(), { x: 500, y: 6.01, z: 514, yaw: 0 });
  harness.send(client, PortalRequestSchema, { portalId: 1 });
  assertEquals(harness.take(client, PacketType.MAP_ENTERED).map(({ errorCode }) => errorCode), [
    ErrorCode.OUT_OF_RANGE,
  ]);
});

Deno.test("MAP_INFO_RESPONSE tells the safe area at the gate, where no monster lives", async () => {
  await using harness = await LogicHarness.create({ config: { gameOptions: { monsters: true } } });
  const client = await harness.connect();
  harness.send(client, MapInfoRequestSchema, {});
  const [{ map }] = harness.take(client, PacketType.MAP_INFO_RESPONSE);
  assertEquals(map?.safeAreas.map(({ position, radius }) => [position?.x, position?.z, radius]), [[500, 982, 18]]);
  const { world } = harness;
  const monsters = Array.from({ length: world.slotCount }, (_, id) => id)
    .filter((id) => harness.marsh.monsters.isMonster(id) && world.mapOf(id).mapId === 0);
  assert(monsters.length > 20, `${monsters.length} monsters`);
  for (const id of monsters) assert(Math.hypot(world.xOf(id) - 500, world.zOf(id) - 982) > 18);
});
