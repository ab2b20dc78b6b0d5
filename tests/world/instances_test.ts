import { DespawnReason, WorldSnapshotSchema } from "../../shared/gen/world_pb.ts";
import { fromBinary } from "@bufbuild/protobuf";
import { GRID_CELLS_MAX, INSTANCES_MAX, MAP_ID_MAX } from "../../shared/limits.ts";
import { Prng } from "../../server/world/prng.ts";
import { World, type WorldOptions } from "../../server/world/world.ts";
import type { MapTemplate } from "../../server/world/world_map.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

const TARGET = new Uint8Array(8_192);
const ARENA: MapTemplate = { name: "arena", instancesMax: 32, width: 60, height: 80, interestRadius: 0, othersMax: 5 };
const CAVE: MapTemplate = { name: "cave", instancesMax: 2, width: 200, height: 200, interestRadius: 20 };

function makeWorld(options: Partial<WorldOptions> = {}): World {
  return new World({
    maps: [{ mapId: 7, width: 100, height: 100, interestRadius: 10 }],
    templates: [ARENA, CAVE],
    components: [{ id: 1, name: "score", seenBy: "interest", bytesMax: 8, saved: false }],
    maxSpeed: 10,
    tickIntervalMs: 50,
    capacity: 200,
    prng: new Prng(1),
    ...options,
  });
}

function join(world: World, options: { mapId?: number; x?: number; z?: number; viewer?: boolean } = {}): number {
  return world.join({ kind: 0, name: "someone", viewer: true, ...options }, 0);
}

function shownTo(world: World, viewer: number): string[] {
  const length = world.buildSnapshot(viewer, TARGET, 0);
  const { updates } = fromBinary(WorldSnapshotSchema, TARGET.subarray(0, length));
  return updates.map(({ entityId, update }) => `${update.case} ${entityId}`);
}

Deno.test("World.openMap() makes maps with ids that no map had before, as many as the template allows", () => {
  const world = makeWorld();
  const caves = [world.openMap("cave")!, world.openMap("cave")!];
  assertEquals(caves.map(({ mapId }) => mapId), [MAP_ID_MAX + 1, MAP_ID_MAX + 2]);
  assertEquals([world.openMap("cave"), world.instanceCount], [null, 2]);
  world.closeMap(caves[0].mapId);
  assertEquals([world.findMap(caves[0].mapId), caves[0].isOver, world.instanceCount], [undefined, true, 1]);
  assertEquals(world.openMap("cave")?.mapId, MAP_ID_MAX + 3);
  assertThrows(() => world.openMap("castle"), RangeError, "there is no template castle");
  assertThrows(() => world.closeMap(caves[0].mapId), RangeError, "there is no map 256");
  assertThrows(() => world.closeMap(7), RangeError, "it is no instance");
});

Deno.test("World.openMap() of a template with interest radius 0 shows everyone everyone, and nobody of another instance", () => {
  const world = makeWorld(), [one, other] = [world.openMap("arena")!, world.openMap("arena")!];
  const near = join(world, { mapId: one.mapId, x: 0, z: 0 }), far = join(world, { mapId: one.mapId, x: 60, z: 80 });
  const apart = join(world, { mapId: other.mapId, x: 0, z: 0 });
  world.step(0);
  assertEquals([world.sees(near, far), world.sees(near, apart), one.interestRadius], [true, false, 100]);
  assertEquals(shownTo(world, near), [`spawn ${near}`, `spawn ${far}`]);
  assertEquals(shownTo(world, apart), [`spawn ${apart}`]);
});

Deno.test("World.closeMap() takes everything on the map out of the world, but no players", () => {
  const world = makeWorld(), arena = world.openMap("arena")!, { mapId } = arena;
  const player = join(world, { mapId }), others = [1, 2, 3].map((x) => join(world, { mapId, x, z: 1, viewer: false }));
  const bystander = join(world, { x: 1, z: 1, viewer: false });
  world.step(0);
  shownTo(world, player);
  assertThrows(() => world.closeMap(mapId), RangeError, "1 players are on it");
  assertEquals(world.entityCount, 5);
  assert(world.tryTransfer(player, { mapId: 7 }, 0));
  const left: number[] = [];
  world.closeMap(mapId, (id) => {
    left.push(id);
    // One that is taken out by a listener is taken out once.
    if (id === left[0]) world.leave(others.find((other) => other !== id)!, DespawnReason.DIED);
  });
  assertEquals(left.length, 2);
  assertEquals([world.entityCount, world.has(bystander), arena.entityCount], [2, true, 0]);
  assertEquals(world.entitiesOn(arena, new Int32Array(9)), 0);
  assertThrows(() => join(world, { mapId }), RangeError, `there is no map ${mapId}`);
  assertThrows(() => world.tryTransfer(player, { mapId }, 0), RangeError, `there is no map ${mapId}`);
});

Deno.test("World.join() keeps players' places and those of others apart, in the world and on a map", () => {
  const world = makeWorld({ capacity: 8, playersMax: 5 }), { mapId } = world.openMap("arena")!;
  const others = Array.from({ length: 4 }, () => join(world, { viewer: false }));
  assertEquals([others.filter((id) => id !== 0).length, world.isFull, world.isFullOfOthers], [3, false, true]);
  const players = Array.from({ length: 6 }, () => join(world));
  assertEquals([players.filter((id) => id !== 0).length, world.isFull], [5, true]);
  assertThrows(() => makeWorld({ capacity: 8, playersMax: 9 }), RangeError, "9 players do not fit 8 entities");
  const roomy = makeWorld(), arena = roomy.openMap("arena")!;
  const crowd = Array.from({ length: 6 }, () => join(roomy, { mapId: arena.mapId, viewer: false }));
  assertEquals([crowd.filter((id) => id !== 0).length, arena.isFullOfOthers], [5, true]);
  const late = join(roomy, { viewer: false });
  assertEquals(roomy.tryTransfer(late, { mapId }, 0), false);
  assertEquals(roomy.tryTransfer(late, { mapId, evenIfFull: true }, 0), true);
});

Deno.test("World gives a template's instances no more memory after 10,000 short matches than after a few", () => {
  const world = makeWorld({ idQuarantine: 50 }), prng = new Prng(5);
  const players = Array.from({ length: 16 }, (_, index) => join(world, { x: index, z: 50 }));
  const running: { mapId: number; players: number[] }[] = [];
  const footprint = () => [world.cellCount, world.slotCount, world.memoryBytes];
  let after = footprint();
  for (let match = 0; match < 10_000; match++) {
    const { mapId } = world.openMap(match % 7 === 0 && running.length < 2 ? "cave" : "arena")!;
    const members = players.filter((id) => world.mapOf(id) === world.maps[0]).slice(0, 4);
    for (const id of members) assert(world.tryTransfer(id, { mapId }, match));
    for (let item = 0; item < 3; item++) world.set(join(world, { mapId, viewer: false }), 1, new Uint8Array(8));
    running.push({ mapId, players: members });
    world.step(match);
    for (const id of members) shownTo(world, id);
    while (running.length > prng.nextInt(4)) {
      const ended = running.shift()!;
      for (const id of ended.players) assert(world.tryTransfer(id, { mapId: 7 }, match));
      world.closeMap(ended.mapId);
    }
    if (match === 500) after = footprint();
  }
  assertEquals(footprint(), after);
  for (const { players, mapId } of running) {
    for (const id of players) world.tryTransfer(id, { mapId: 7 }, 0);
    world.closeMap(mapId);
  }
  assertEquals([world.instanceCount, world.entityCount], [0, players.length]);
});

Deno.test("World refuses templates that are none, or more instances than there is memory for", () => {
  const table: [templates: MapTemplate[], says: string][] = [
    [[ARENA, ARENA], "two templates are called arena"],
    [[{ ...ARENA, instancesMax: 0 }], "template arena has 0 instances"],
    [[{ ...ARENA, width: 0 }], "width is 0"],
    [[{ ...ARENA, interestRadius: -1 }], "interest radius is -1"],
    [[{ ...ARENA, instancesMax: INSTANCES_MAX + 1 }], `it may have ${INSTANCES_MAX + 1} instances, limit is`],
    [[{ ...CAVE, interestRadius: 0.1, instancesMax: 70 }], `cells of grids, limit is ${GRID_CELLS_MAX}`],
  ];
  for (const [templates, says] of table) assertThrows(() => makeWorld({ templates }), RangeError, says);
  makeWorld({ templates: [{ ...ARENA, instancesMax: INSTANCES_MAX }] });
});
