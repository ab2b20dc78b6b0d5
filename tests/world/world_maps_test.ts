import { EntityKind, type WorldSnapshot, WorldSnapshotSchema } from "../../shared/gen/world_pb.ts";
import { fromBinary } from "@bufbuild/protobuf";
import { SNAPSHOT_BYTES_MAX } from "../../shared/limits.ts";
import { Prng } from "../../server/world/prng.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { type MarshEntityOptions, MarshWorld } from "./marsh_world.ts";

const TARGET = new Uint8Array(SNAPSHOT_BYTES_MAX);
const PLAYER: MarshEntityOptions = {
  kind: EntityKind.PLAYER,
  name: "Ann",
  x: 50,
  z: 50,
  hp: 100,
  hpMax: 100,
  viewer: true,
};
const PLACE = { x: 50, y: 0, z: 50, yaw: 0 };

/** Two maps: 0 is large, 5 takes two players, who appear around its corner. */
function makeWorld(): MarshWorld {
  return new MarshWorld({
    maps: [
      { mapId: 0, width: 1_000, height: 1_000, interestRadius: 50 },
      {
        mapId: 5,
        width: 100,
        height: 60,
        interestRadius: 20,
        playersMax: 2,
        spawnArea: { x: 100, z: 60, radius: 5 },
      },
    ],
    maxSpeed: 10,
    tickIntervalMs: 50,
    capacity: 16,
    prng: new Prng(1),
  });
}

function snapshotOf(world: MarshWorld, viewer: number): WorldSnapshot {
  return fromBinary(WorldSnapshotSchema, TARGET.subarray(0, world.buildSnapshot(viewer, TARGET, 0)));
}

function updatesOf(world: MarshWorld, viewer: number): string[] {
  return snapshotOf(world, viewer).updates.map((update) => `${update.update.case} ${update.entityId}`);
}

Deno.test("World shows nobody to those on another map, however near", () => {
  const world = makeWorld(), out = new Int32Array(world.slotCount);
  const here = world.join(PLAYER, 0), there = world.join({ ...PLAYER, mapId: 5 }, 0);
  world.step(50);
  assertEquals([updatesOf(world, here), updatesOf(world, there)], [[`spawn ${here}`], [`spawn ${there}`]]);
  assertEquals([world.sees(here, there), world.sees(there, here), world.watchersOf(here, out)], [false, false, 0]);
  for (const [map, id] of [[world.maps[0], here], [world.maps[1], there]] as const) {
    assertEquals([...out.subarray(0, world.entitiesInRadius({ map, x: 50, z: 50, radius: 10 }, out))], [id]);
  }
});

Deno.test("World.tryTransfer() takes an entity out of one map and into another, where it begins anew", () => {
  const world = makeWorld();
  const [traveller, stayer, host] = [PLAYER, PLAYER, { ...PLAYER, mapId: 5 }].map((who) => world.join(who, 0));
  world.step(50);
  for (const id of [traveller, stayer, host]) snapshotOf(world, id);
  assert(world.tryTransfer(traveller, { mapId: 5, place: { ...PLACE, x: 55 } }, 60));
  assertEquals([world.sees(stayer, traveller), world.sees(traveller, stayer)], [false, false]);
  world.step(100);
  assertEquals(updatesOf(world, traveller).sort(), [`spawn ${traveller}`, `spawn ${host}`].sort());
  assertEquals(updatesOf(world, stayer), [`despawn ${traveller}`]);
  assertEquals(updatesOf(world, host), [`spawn ${traveller}`]);
  assertEquals([world.mapOf(traveller).mapId, world.xOf(traveller)], [5, 55]);
  assertEquals(world.maps.map((map) => [map.entityCount, map.playerCount]), [[1, 1], [2, 2]]);
});

Deno.test("World.tryTransfer() tells of what went on there and back within one tick, once", () => {
  const world = makeWorld();
  const [traveller, stayer] = [world.join(PLAYER, 0), world.join(PLAYER, 0)];
  world.step(50);
  for (const id of [traveller, stayer]) snapshotOf(world, id);
  assert(
    world.tryTransfer(traveller, { mapId: 5 }, 60) && world.tryTransfer(traveller, { mapId: 0, place: PLACE }, 60),
  );
  world.setHealth(traveller, { hp: 7, hpMax: 100 });
  world.step(100);
  assertEquals(updatesOf(world, traveller).sort(), [`spawn ${traveller}`, `spawn ${stayer}`]);
  // It is where it was: for who stayed it never left.
  assertEquals(updatesOf(world, stayer), [`health ${traveller}`]);
});

Deno.test("World.tryTransfer() lets no more viewers into a map than it takes, and others always", () => {
  const world = makeWorld();
  const [first, second] = [world.join({ ...PLAYER, mapId: 5 }, 0), world.join({ ...PLAYER, mapId: 5 }, 0)];
  const late = world.join(PLAYER, 0), monster = world.join({ ...PLAYER, viewer: false }, 0);
  assert(!world.tryTransfer(late, { mapId: 5 }, 0), "The map is full");
  assertEquals(world.mapOf(late).mapId, 0);
  assertEquals(world.join({ ...PLAYER, mapId: 5 }, 0), 0);
  assert(world.tryTransfer(first, { mapId: 5 }, 0), "Whoever is on it already takes no second place");
  assert(world.tryTransfer(monster, { mapId: 5 }, 0));
  world.leave(second);
  assert(world.tryTransfer(late, { mapId: 5 }, 0));
  assertEquals(world.maps.map((map) => [map.entityCount, map.playerCount]), [[0, 0], [3, 2]]);
});

Deno.test("World.tryTransfer() refuses unknown maps and places off the map, and moves nobody", () => {
  const world = makeWorld(), id = world.join(PLAYER, 0);
  for (const mapId of [1, -1, 0.5, NaN]) {
    assertThrows(() => world.tryTransfer(id, { mapId }, 0), RangeError, `there is no map ${mapId}`);
  }
  for (const place of [{ ...PLACE, z: 61 }, { ...PLACE, x: NaN }, { ...PLACE, x: Infinity }]) {
    assertThrows(
      () => world.tryTransfer(id, { mapId: 5, place }, 0),
      RangeError,
      "is not on the map of 100 x 60 units",
    );
  }
  assertEquals([world.mapOf(id).mapId, world.xOf(id), world.zOf(id)], [0, 50, 50]);
});

Deno.test("World.move() and teleport() keep to the map that the entity is on", () => {
  const world = makeWorld(), id = world.join({ ...PLAYER, mapId: 5, x: 99.5 }, 0);
  const step = { x: 100.5, y: 0, z: 50, vx: 0, vy: 0, vz: 0, yaw: 0, sequenceNumber: 1 };
  assertEquals(world.move(id, step, 0), "outside_map");
  assertThrows(() => world.teleport(id, 0, { ...PLACE, x: 101 }), RangeError, "is not on the map of 100 x 60 units");
  for (let index = 0; index < 50; index++) {
    world.teleport(id, 0);
    assert(Math.hypot(world.xOf(id) - 100, world.zOf(id) - 60) <= 5.01, "The map's spawn area is around its corner");
  }
});
