import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ComponentSet } from "../../../client/world/component_set.ts";
import { ENTITIES_MAX, type Entity, FADE_MS, WorldModel } from "../../../client/world/world_model.ts";
import {
  CORPSE_FADE_FROM_MS,
  CORPSE_FADE_TO_MS,
  FIGURES,
  type Health,
  opacityOf,
  tellOwn,
} from "../../../games/marsh/web/marsh_model.ts";
import {
  ComponentUpdateSchema,
  DespawnReason,
  EntityKind,
  EntityUpdateSchema,
  HealthUpdateSchema,
  WorldSnapshotSchema,
} from "../../../shared/gen/world_pb.ts";
import { COMPONENT_BYTES_MAX, COMPONENTS_MAX, ENTITY_NAME_BYTES_MAX } from "../../../shared/limits.ts";
import { MONSTER_CORPSE_MS } from "../../../games/marsh/limits.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { RunnerSchema, WalletSchema } from "../../../games/tag/tag_pb.ts";

const SERVER_MS = 1_763_900_000_000;
const OWN_ID = 1;

type Update = MessageInitShape<typeof EntityUpdateSchema>;

function newModel() {
  const news: unknown[] = [];
  const own = {
    onNamed: (name: string) => news.push(["named", name]),
    onHealth: (health: Health) => news.push(["health", health.current, health.max]),
    onStatus: (isStunned: boolean) => news.push(["stunned", isStunned]),
  };
  const model = new WorldModel(OWN_ID, {
    onAcknowledged: (sequence) => news.push(["acknowledged", sequence]),
    onPlaced: ({ x, z }) => news.push(["placed", x, z]),
    onUpdate: (update) => tellOwn(update, own),
  }, FIGURES);
  return { model, news };
}

/** A snapshot sent `afterMs` after the first; `moves` are of entity 2. */
function snapshot(afterMs: number, updates: Update[], part: { x?: number; movementSequence?: number } = {}) {
  return create(WorldSnapshotSchema, {
    serverTimestamp: BigInt(SERVER_MS + afterMs),
    updates,
    lastMovementSequence: part.movementSequence ?? 0,
    moves: part.x === undefined ? [] : [{ entityId: 2n, x: part.x * 100, z: 700, vx: 250, yaw: 64 }],
  });
}

function spawn(id: number, name = `n${id}`): Update {
  const movement = { position: { x: 5, y: 0, z: 7 }, velocity: { x: 1, y: 0, z: 0 }, rotation: { x: 0, y: 1, z: 0 } };
  const value = { name, kind: EntityKind.MONSTER, guildTag: "OAK", movement, health: { currentHp: 40, maxHp: 100 } };
  return { entityId: BigInt(id), update: { case: "spawn", value } };
}

function despawn(id: number): Update {
  return { entityId: BigInt(id), update: { case: "despawn", value: { reason: DespawnReason.LEFT_WORLD } } };
}

Deno.test("WorldModel.applySnapshot() takes what a spawn says", () => {
  const { model } = newModel();
  model.applySnapshot(snapshot(0, [spawn(2, "Bo")]), 10);
  const entity = model.entities.get(2);
  assert(entity !== undefined);
  assertEquals([entity.name, entity.guildTag, entity.kind], ["Bo", "OAK", EntityKind.MONSTER]);
  assertEquals(entity.health, { current: 40, max: 100, shield: 0 });
  const pose = entity.track.poseAt(SERVER_MS);
  assertEquals([pose.x, pose.z, pose.yaw], [5, 7, 1]);
});

Deno.test("WorldModel.applySnapshot() moves a known entity, in centimetres and 1/256 turns", () => {
  const { model } = newModel();
  model.applySnapshot(snapshot(0, [spawn(2)]), 10);
  model.applySnapshot(snapshot(100, [], { x: 5.25 }), 110);
  const newest = model.entities.get(2)?.track.newest;
  assert(newest !== undefined);
  assertEquals([newest.x, newest.z, newest.vx, newest.yaw], [5.25, 7, 2.5, Math.PI / 2]);
});

Deno.test("WorldModel.applySnapshot() ignores moves of entities it does not know", () => {
  const { model } = newModel();
  model.applySnapshot(snapshot(0, [], { x: 5 }), 10);
  assertEquals(model.entities.size, 0);
});

Deno.test("WorldModel.applySnapshot() keeps the track of an entity that is spawned again", () => {
  const { model } = newModel();
  model.applySnapshot(snapshot(0, [spawn(2, "Bo")]), 10);
  const track = model.entities.get(2)?.track;
  model.applySnapshot(snapshot(50, [spawn(2, "Bob")]), 60);
  assertEquals(model.entities.get(2)?.name, "Bob");
  assert(model.entities.get(2)?.track === track);
});

Deno.test("WorldModel.applySnapshot() tells the player's own news and does not list the player", () => {
  const { model, news } = newModel();
  const status: Update = { entityId: 1n, update: { case: "status", value: { isStunned: true } } };
  model.applySnapshot(snapshot(0, [spawn(OWN_ID, "Me"), status], { movementSequence: 9 }), 10);
  assertEquals(news, [["named", "Me"], ["health", 40, 100], ["placed", 5, 7], ["stunned", true], ["acknowledged", 9]]);
  assertEquals(model.entities.size, 0);
});

Deno.test("WorldModel.applyUpdate() takes a change between snapshots", () => {
  const { model } = newModel();
  model.applySnapshot(snapshot(0, [spawn(2)]), 10);
  const value = { currentHp: 0, maxHp: 100, shield: 5 };
  model.applyUpdate(
    create(EntityUpdateSchema, { entityId: 2n, update: { case: "health", value } }),
    SERVER_MS + 20,
    30,
  );
  assertEquals(model.entities.get(2)?.health, { current: 0, max: 100, shield: 5 });
});

Deno.test("WorldModel.sweep() forgets who left once they have faded out", () => {
  const { model } = newModel();
  model.applySnapshot(snapshot(0, [spawn(2)]), 10);
  model.applySnapshot(snapshot(50, [despawn(2), despawn(3)]), 60);
  assertEquals([model.entities.size, model.gone.length], [0, 1]);
  model.sweep(60 + FADE_MS);
  assertEquals(model.gone.length, 1);
  model.sweep(61 + FADE_MS);
  assertEquals(model.gone.length, 0);
});

Deno.test("WorldModel.expectFullSnapshot() drops whom the full snapshot and its further parts do not show", () => {
  const { model } = newModel();
  model.applySnapshot(snapshot(0, [spawn(2), spawn(3), spawn(4)]), 10);
  model.expectFullSnapshot();
  model.applySnapshot(snapshot(5_000, [spawn(2)]), 5_010);
  model.applySnapshot(snapshot(5_050, [spawn(3)]), 5_060);
  assertEquals([...model.entities.keys()], [2, 3, 4]);
  model.sweep(6_000);
  assertEquals([...model.entities.keys()], [2, 3]);
});

Deno.test("WorldModel.applySnapshot() knows a bounded number of entities", () => {
  const { model } = newModel();
  const ids = Array.from({ length: ENTITIES_MAX + 1 }, (_, index) => index + 2);
  model.applySnapshot(snapshot(0, ids.map((id) => spawn(id))), 10);
  assertEquals(model.entities.size, ENTITIES_MAX);
});

Deno.test("WorldModel.applySnapshot() lets a bounded number fade, however many come and leave in a moment", () => {
  const { model } = newModel();
  const comesAndLeaves = [spawn(2), despawn(2)];
  model.applySnapshot(snapshot(0, new Array(ENTITIES_MAX + 1).fill(comesAndLeaves).flat()), 10);
  assertEquals([model.entities.size, model.gone.length], [0, ENTITIES_MAX]);
  model.applySnapshot(snapshot(50, comesAndLeaves), 11 + FADE_MS);
  assertEquals(model.gone.length, 0);
});

Deno.test("WorldModel.applySnapshot() keeps no name and no component that is longer than a server tells", () => {
  const { model } = newModel();
  const longest = "n".repeat(ENTITY_NAME_BYTES_MAX);
  model.applySnapshot(snapshot(0, [spawn(2, longest), spawn(3, `${longest}n`)]), 10);
  assertEquals([2, 3].map((id) => model.entities.get(id)!.name), [longest, ""]);
  const set = new ComponentSet();
  // The score is told last: what is in front of it is a field that nobody knows, COMPONENT_BYTES_MAX long in all, or more.
  for (const [score, length] of [[3, COMPONENT_BYTES_MAX], [4, COMPONENT_BYTES_MAX + 1]]) {
    const { componentId, content } = runner(score);
    const unknownBytes = length - content.length - 3;
    const field = [122, unknownBytes & 127 | 128, unknownBytes >> 7, ...new Uint8Array(unknownBytes)];
    set.apply([create(ComponentUpdateSchema, { componentId, content: Uint8Array.from([...field, ...content]) })]);
    assertEquals(set.get(RunnerSchema).score, 3);
  }
  const packet = new Uint8Array(65_536);
  const { componentId, content } = runner(5);
  packet.set(content);
  set.apply([create(ComponentUpdateSchema, { componentId, content: packet.subarray(0, content.length) })]);
  packet.fill(0);
  assertEquals(set.get(RunnerSchema).score, 5, "A copy of its own");
});

Deno.test("opacityOf() fades a dead monster out before its corpse is gone, and no player", () => {
  const { model } = newModel();
  const health = (currentHp: number): Update => ({
    entityId: 2n,
    update: { case: "health", value: { currentHp, maxHp: 100 } },
  });
  model.applySnapshot(snapshot(0, [spawn(2)]), 10);
  const entity = model.entities.get(2)!;
  assertEquals(opacityOf(entity, 10 + FADE_MS), 1);
  model.applySnapshot(snapshot(50, [health(0)]), 1_000);
  model.applySnapshot(snapshot(100, [health(0)]), 1_500);
  assertEquals(entity.deadSinceMs, 1_000);
  assertEquals(opacityOf(entity, 1_000 + CORPSE_FADE_FROM_MS), 1);
  assertEquals(opacityOf(entity, 1_000 + CORPSE_FADE_TO_MS), 0);
  assert(CORPSE_FADE_TO_MS < MONSTER_CORPSE_MS);
  assertEquals(opacityOf({ ...entity, kind: EntityKind.PLAYER }, 1_000 + CORPSE_FADE_TO_MS), 1);
  model.applySnapshot(snapshot(150, [health(100)]), 1_600);
  assertEquals(opacityOf(entity, 1_600), 1);
});

Deno.test("WorldModel hands a game what it does not know itself: spawns, updates of others, all of one's own but movement", () => {
  interface Coat extends Entity {
    colours: string[];
  }
  const own: string[] = [];
  const model = new WorldModel<Coat>(
    OWN_ID,
    { onAcknowledged: () => {}, onPlaced: () => own.push("placed"), onUpdate: (update) => own.push(update.case ?? "") },
    {
      create: (entity) => Object.assign(entity, { colours: [] }),
      spawned: (coat, { guildTag }) => void coat.colours.push(guildTag),
      updated: (coat, update) => void coat.colours.push(update.case ?? ""),
    },
  );
  const health = (id: number): Update => ({
    entityId: BigInt(id),
    update: { case: "health", value: { currentHp: 1 } },
  });
  model.applySnapshot(snapshot(0, [spawn(2), health(2), health(3), spawn(OWN_ID), health(OWN_ID)]), 10);
  model.applySnapshot(snapshot(100, [spawn(2)]), 110);
  assertEquals(model.entities.get(2)?.colours, ["OAK", "health", "OAK"]);
  assertEquals(own, ["spawn", "placed", "health"]);
});

const runner = (score: number) => ({
  componentId: 1,
  content: toBinary(RunnerSchema, create(RunnerSchema, { score })),
});
const wallet = (coins: number) => ({
  componentId: 2,
  content: toBinary(WalletSchema, create(WalletSchema, { coins })),
});

Deno.test("WorldModel keeps the newest content of each component, and forgets all of them at a spawn", () => {
  const { model } = newModel();
  const told = (id: number, ...components: Update["components"] & object): Update => ({
    entityId: BigInt(id),
    components,
  });
  const first = [spawn(2), told(2, runner(5)), told(2, wallet(6)), told(2, runner(7)), told(OWN_ID, runner(8))];
  model.applySnapshot(snapshot(0, first), 10);
  const { components } = model.entities.get(2)!;
  assertEquals([components.get(RunnerSchema).score, components.get(WalletSchema).coins], [7, 6]);
  assert(components.get(RunnerSchema) === components.get(RunnerSchema), "Decoded once");
  assertEquals(model.ownComponents.get(RunnerSchema).score, 8);
  assertEquals(model.ownComponents.get(WalletSchema).coins, 0, "It was never told");
  model.applySnapshot(snapshot(100, [spawn(2), told(2, wallet(9))]), 110);
  assertEquals([components.get(RunnerSchema).score, components.get(WalletSchema).coins], [0, 9]);
});

Deno.test("ComponentSet keeps no more components than a game can have, whatever a peer sends", () => {
  const set = new ComponentSet();
  const others = Array.from({ length: COMPONENTS_MAX - 1 }, (_, index) => ({ ...runner(1), componentId: 10 + index }));
  set.apply([...others, runner(3), wallet(4)].map((update) => create(ComponentUpdateSchema, update)));
  assertEquals([set.get(RunnerSchema).score, set.get(WalletSchema).coins], [3, 0]);
});

Deno.test("ComponentSet.get() takes components only", () => {
  assertThrows(() => new ComponentSet().get(HealthUpdateSchema), TypeError, "HealthUpdate is no component");
});
