import { create, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { defineGame, type Entity, type Game, type GameDescription, type GameModule } from "../../server/game/game.ts";
import { Contract } from "../../shared/contract.ts";
import {
  EntityUpdateSchema,
  LeaveWorldRequestSchema,
  MovementCorrectionSchema,
  MovementUpdateSchema,
  WorldSnapshotSchema,
} from "../../shared/gen/world_pb.ts";
import { ComponentOptions_SeenBy as SeenBy } from "../../shared/gen/options_pb.ts";
import { LINK_DEAD_MS } from "../../shared/limits.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { componentFile, messageOf } from "../support/protos.ts";

const FILE = componentFile(
  { name: "Runner", fields: ["is_it bool", "title string"], option: { id: 1, bytesMax: 16 } },
  { name: "Purse", fields: ["coins uint32"], option: { id: 2, seenBy: SeenBy.OWNER, bytesMax: 8, saved: true } },
);
const RUNNER = messageOf(FILE, "Runner"), PURSE = messageOf(FILE, "Purse");
const CONTRACT = new Contract("arena", [...contract.files, FILE]);

/** A game with one map of 100 x 100 units and arenas of 40 x 40, without rules. */
function arenaGame(start: (game: Game) => void = () => {}, more: Partial<GameDescription> = {}): GameModule<Game> {
  return defineGame(CONTRACT, {
    maps: () => [{ mapId: 0, width: 100, height: 100, interestRadius: 20, name: "Lobby" }],
    templates: [{ name: "arena", instancesMax: 2, width: 40, height: 40, interestRadius: 0, playersMax: 3 }],
    holdReasons: ["waits"],
    ...more,
  }, (game) => {
    start(game);
    return game;
  });
}

async function start(more?: { start?: (game: Game) => void; description?: Partial<GameDescription> }) {
  const harness = await LogicHarness.create({ game: arenaGame(more?.start, more?.description) });
  return { harness, game: harness.logic.parts as Game };
}

function playerOf(game: Game, client: HarnessClient) {
  return game.players.find(client.playerId)!;
}

/** What the client was sent since the last look, in order, snapshots as what they say of spawns and components. */
function take(client: HarnessClient): string[] {
  const packets = client.packets;
  client.packets = [];
  return packets.flatMap(({ type, payload }) => {
    if (type !== PacketType.WORLD_SNAPSHOT) return [PacketType[type]];
    return fromBinary(WorldSnapshotSchema, payload).updates.map(({ entityId, update, components }) =>
      update.case !== undefined
        ? `${update.case} ${entityId}`
        : components.map((c) => `${entityId}.${c.componentId}`).join()
    );
  });
}

Deno.test("Instances.move() tells MAP_ENTERED before anything of the map is shown, and shows only who is there", async () => {
  const { harness, game } = await start();
  await using _ = harness;
  const ann = await harness.connect({ at: { x: 10, z: 10 } }), ben = await harness.connect({ at: { x: 12, z: 10 } });
  harness.tick(2);
  for (const client of [ann, ben]) take(client);
  const arena = game.instances.open("arena")!;
  assert(playerOf(game, ann).moveTo(arena, { x: 5, z: 6 }));
  const [entered] = harness.received(ann, PacketType.MAP_ENTERED);
  assertEquals([entered.map?.mapId, entered.map?.width, entered.position?.x], [arena.map.mapId, 40, 5]);
  harness.tick(2);
  assertEquals(take(ann), ["MAP_ENTERED", `spawn ${ann.entityId}`]);
  assertEquals(take(ben), [`despawn ${ann.entityId}`]);
  assertEquals([arena.players.map(({ name }) => name), game.instances.count], [[ann.name], 1]);
  game.instances.moveHome(playerOf(game, ann));
  harness.tick(2);
  assertEquals(take(ann), ["MAP_ENTERED", `spawn ${ann.entityId}`, `spawn ${ben.entityId}`]);
  assertEquals([harness.world.xOf(ann.entityId), harness.world.mapOf(ann.entityId).mapId], [10, 0]);
});

Deno.test("Instance.end() sends its players back, link-dead ones too, and takes all else and its timers with it", async () => {
  const { harness, game } = await start();
  await using _ = harness;
  const [ann, ben, cid] = [
    await harness.connect({ at: { x: 10, z: 10 } }),
    await harness.connect(),
    await harness.connect(),
  ];
  const arena = game.instances.open("arena")!;
  for (const client of [ann, ben, cid]) assert(game.instances.move(playerOf(game, client), arena));
  const dee = await harness.connect();
  assertEquals(game.instances.move(playerOf(game, dee), arena), false, "Three players are all it takes");
  const item = game.entities.spawn({ kind: 2, name: "boots", map: arena.map, x: 1, z: 1 })!;
  let calls = 0;
  game.every(50, () => calls++, arena);
  harness.disconnect(ben);
  harness.tick(3);
  assert(calls > 0);
  arena.end();
  arena.end();
  const callsBefore = calls;
  harness.tick(3);
  assertEquals([arena.isOver, item.isOver, game.instances.count, calls], [true, true, 0, callsBefore]);
  assertEquals(arena.players, []);
  for (const { entityId } of [ann, ben, cid]) assertEquals(harness.world.mapOf(entityId).mapId, 0);
  assertEquals(harness.world.xOf(ann.entityId), 10);
  assertThrows(() => item.x, TypeError, "has left the world");
  assertThrows(() => game.instances.move(playerOf(game, ann), arena), TypeError, "is over");
  assertEquals(harness.log.records.filter(({ level }) => level === "error"), []);
});

Deno.test("WorldService.save() keeps who is in an instance where it was before, whatever becomes of it there", async () => {
  const { harness, game } = await start();
  await using _ = harness;
  const ann = await harness.connect({ at: { x: 10, z: 10 } }), ben = await harness.connect({ at: { x: 20, z: 20 } });
  const arena = game.instances.open("arena")!, second = game.instances.open("arena")!;
  for (const client of [ann, ben]) game.instances.move(playerOf(game, client), arena);
  game.instances.move(playerOf(game, ann), second);
  game.instances.setHome(playerOf(game, ben), { mapId: 0, x: 30, y: 0, z: 30, yaw: 0 });
  harness.send(ann, LeaveWorldRequestSchema, {});
  harness.disconnect(ben);
  harness.advance(LINK_DEAD_MS + 2_000);
  assertEquals([arena.players, second.players, game.players.find(ben.playerId)], [[], [], undefined]);
  for (const [client, x] of [[ann, 10], [ben, 30]] as const) {
    const again = await harness.connect({ name: client.name });
    assertEquals([harness.world.mapOf(again.entityId).mapId, harness.world.xOf(again.entityId)], [0, x]);
  }
  assertThrows(() => game.instances.setHome(playerOf(game, ann), { mapId: 0, x: 1, y: 0, z: 1, yaw: 0 }), TypeError);
});

Deno.test("Hooks.entryPlace decides where a character enters; a place off the map is left to the world", async () => {
  let place = { x: 7, y: 0, z: 8, yaw: 0 };
  const { harness } = await start({ start: (game) => game.hooks.entryPlace(() => ({ mapId: 0, place })) });
  await using _ = harness;
  const ann = await harness.connect({ at: { x: 50, z: 50 } });
  assertEquals([harness.world.xOf(ann.entityId), harness.world.zOf(ann.entityId)], [7, 8]);
  place = { ...place, x: 200 };
  const ben = await harness.connect();
  assert(harness.world.has(ben.entityId) && harness.world.xOf(ben.entityId) <= 100);
});

Deno.test("Entity.set() and get() are typed by the component's message, and refuse what is too large, counted", async () => {
  const { harness, game } = await start();
  await using _ = harness;
  const ann = await harness.connect({ at: { x: 10, z: 10 } }), ben = await harness.connect({ at: { x: 12, z: 10 } });
  harness.tick(2);
  for (const client of [ann, ben]) take(client);
  const entity = game.entities.of(playerOf(game, ann));
  assertEquals(fields(entity, RUNNER), { isIt: false, title: "" });
  assert(entity.set(RUNNER, { isIt: true, title: "fox" }) && entity.set(PURSE, { coins: 7 }));
  harness.tick(2);
  assertEquals(take(ann), [`${ann.entityId}.1`, `${ann.entityId}.2`]);
  assertEquals(take(ben), [`${ann.entityId}.1`]);
  assertEquals(entity.set(RUNNER, { title: "x".repeat(15) }), false);
  assertEquals(fields(entity, RUNNER), { isIt: true, title: "fox" });
  assertEquals(harness.world.refusedCount, 1);
  assert(
    harness.log.records.some(({ properties }) =>
      String(properties.error).includes("Cannot set Runner: it is 17 bytes")
    ),
  );
  assertThrows(() => entity.set(WorldSnapshotSchema, {}), TypeError, "is no component of the game");
  assertThrows(() => entity.leave(), TypeError, "is a player's");
});

Deno.test("Entity.update() sets some fields, and tells nobody where nothing changes", async () => {
  const { harness, game } = await start();
  await using _ = harness;
  const ann = await harness.connect();
  const entity = game.entities.of(playerOf(game, ann));
  entity.set(RUNNER, { isIt: true, title: "fox" });
  harness.tick(2);
  take(ann);
  assert(entity.update(RUNNER, { title: "owl" }));
  assertEquals(fields(entity, RUNNER), { isIt: true, title: "owl" });
  harness.tick(2);
  assertEquals(take(ann), [`${ann.entityId}.1`]);
  assert(entity.update(RUNNER, { isIt: true, title: "owl" }));
  harness.tick(2);
  assertEquals(take(ann), []);
  assertEquals(entity.update(RUNNER, { title: "x".repeat(15) }), false);
  assertEquals(fields(entity, RUNNER), { isIt: true, title: "owl" });
});

Deno.test("Instance.tell() tells all players on it, and nobody else", async () => {
  const { harness, game } = await start();
  await using _ = harness;
  const [ann, ben, cid] = [await harness.connect(), await harness.connect(), await harness.connect()];
  const arena = game.instances.open("arena")!;
  for (const client of [ann, ben]) arena.admit(playerOf(game, client));
  assertEquals(arena.tell(MovementCorrectionSchema, { reason: "told" }), 2);
  const heard = [ann, ben, cid].map((client) => take(client).filter((type) => type === "MOVEMENT_CORRECTION").length);
  assertEquals(heard, [1, 1, 0]);
});

Deno.test("A saved component is there again when its player comes back, the others are not", async () => {
  const { harness, game } = await start();
  await using _ = harness;
  const ann = await harness.connect({ name: "ann" }), entity = game.entities.of(playerOf(game, ann));
  entity.set(RUNNER, { isIt: true });
  entity.set(PURSE, { coins: 7 });
  harness.send(ann, LeaveWorldRequestSchema, {});
  // Out of the saver, then out of the storage.
  for (let entry = 0; entry < 2; entry++) {
    const again = await harness.connect({ name: "ann" }), entity = game.entities.of(playerOf(game, again));
    assertEquals([fields(entity, RUNNER).isIt, fields(entity, PURSE)], [false, { coins: 7 }]);
    harness.tick(2);
    assert(take(again).includes(`${again.entityId}.2`));
    harness.send(again, LeaveWorldRequestSchema, {});
    await harness.logic.context.saver.flush();
  }
});

Deno.test("A saved component that the game cannot take is set aside and told, until it is set", async () => {
  const { harness, game } = await start();
  await using _ = harness;
  const ann = await harness.connect({ name: "ann" });
  const { characterId } = ann;
  harness.send(ann, LeaveWorldRequestSchema, {});
  await harness.logic.context.saver.flush();
  const kept = [{ componentId: 2, content: Uint8Array.of(0x08) }, { componentId: 77, content: Uint8Array.of(1, 2) }];
  const components = toBinary(EntityUpdateSchema, create(EntityUpdateSchema, { components: kept }));
  await harness.storage.characters.save({ characterId, mapId: 0, x: 1, y: 0, z: 1, yaw: 0, hp: 0, components });
  const savedNow = async () => {
    await harness.logic.context.saver.flush();
    const { state } = (await harness.storage.characters.load({ accountId: ann.playerId, characterId }))!;
    const { components } = fromBinary(EntityUpdateSchema, state!.components!);
    return components.map(({ componentId, content }) => [componentId, ...content]);
  };
  const enter = async () => game.entities.of(playerOf(game, await harness.connect({ name: "ann" })));
  const entity = await enter();
  const told = harness.log.records.filter(({ level }) => level === "error").map(({ properties }) =>
    properties.componentId
  );
  assertEquals([told, fields(entity, PURSE)], [[2, 77], { coins: 0 }]);
  game.save(entity.id);
  assertEquals(await savedNow(), [[2, 8], [77, 1, 2]]);
  entity.set(PURSE, { coins: 5 });
  game.save(entity.id);
  assertEquals(await savedNow(), [[2, 8, 5], [77, 1, 2]]);
});

Deno.test("Saved components that cannot be parsed at all are kept as they are, and the operator is told whose", async () => {
  const { harness, game } = await start();
  await using _ = harness;
  const ann = await harness.connect({ name: "ann" }), { characterId, playerId } = ann;
  harness.send(ann, LeaveWorldRequestSchema, {});
  await harness.logic.context.saver.flush();
  const damaged = Uint8Array.of(0xff, 0xff, 0xff);
  const place = { mapId: 0, x: 1, y: 0, z: 1, yaw: 0, hp: 0 };
  await harness.storage.characters.save({ characterId, ...place, components: damaged });
  // Also when it was kept once before.
  for (const times of [1, 2]) {
    const again = await harness.connect({ name: "ann" }), entity = game.entities.of(playerOf(game, again));
    const told = harness.log.records.filter(({ level }) => level === "error").map(({ properties }) => properties);
    assertEquals(told.map(({ player, componentId }) => [player, componentId]), Array(times).fill(["ann", 0]));
    entity.set(PURSE, { coins: 5 });
    harness.send(again, LeaveWorldRequestSchema, {});
    await harness.logic.context.saver.flush();
    const { state } = (await harness.storage.characters.load({ accountId: playerId, characterId }))!;
    const { components } = fromBinary(EntityUpdateSchema, state!.components!);
    assertEquals(components.map(({ componentId, content }) => [componentId, ...content]), [[2, 8, 5], [0, ...damaged]]);
  }
});

Deno.test("Entity throws once its entity is gone, also when another has its id", async () => {
  const { harness, game } = await start({ description: { othersMax: 1 } });
  await using _ = harness;
  const first = game.entities.spawn({ kind: 3, name: "boots" })!;
  assertEquals(game.entities.spawn({ kind: 3, name: "one too many" }), null);
  first.leave();
  let again: Entity;
  do {
    again = game.entities.spawn({ kind: 3, name: "boots" })!;
    if (again.id !== first.id) again.leave();
  } while (again.id !== first.id);
  for (const use of [() => first.x, () => first.set(RUNNER, {}), () => first.leave(), () => first.hold("waits")]) {
    assertThrows(use, TypeError, `Entity ${first.id} has left the world`);
  }
  assertEquals([first.isOver, again.isOver], [true, false]);
});

Deno.test("Entity.hold() and setSpeed() are what a player's movements are held to", async () => {
  const { harness, game } = await start();
  await using _ = harness;
  const ann = await harness.connect({ at: { x: 10, z: 10 } }), entity = game.entities.of(playerOf(game, ann));
  const tryMove = (x: number) => {
    harness.send(ann, MovementUpdateSchema, { position: { x, y: 0, z: 10 }, sequenceNumber: 1 });
    return harness.take(ann, PacketType.MOVEMENT_CORRECTION).map(({ reason }) => reason);
  };
  entity.hold("waits");
  assertEquals(tryMove(10.5), ["waits"]);
  entity.release("waits");
  assertEquals([tryMove(10.5), tryMove(14)], [[], ["too_fast"]]);
  entity.setSpeed(100);
  assertEquals(tryMove(14), []);
  assertThrows(() => entity.setSpeed(0), RangeError, "must be above 0");
});

function fields(entity: Entity, schema: DescMessage): Record<string, unknown> {
  const { $typeName: _name, ...rest } = entity.get(schema);
  return rest;
}
