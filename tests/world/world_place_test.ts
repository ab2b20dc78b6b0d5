import { fromBinary } from "@bufbuild/protobuf";
import { Prng } from "../../server/world/prng.ts";
import { type Pose, World } from "../../server/world/world.ts";
import { EntityKind, WorldSnapshotSchema } from "../../shared/gen/world_pb.ts";
import { SNAPSHOT_BYTES_MAX } from "../../shared/limits.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

/** A viewer at (50, 50), and something that is no viewer 10 units from it. */
function scene(): { world: World; viewer: number; thing: number; moves: () => Record<string, number>[] } {
  const world = new World({
    maps: [{ mapId: 0, width: 100, height: 100, interestRadius: 20 }],
    maxSpeed: 10,
    tickIntervalMs: 50,
    capacity: 8,
    prng: new Prng(1),
  });
  const join = (x: number, viewer: boolean) =>
    world.join(
      { kind: viewer ? EntityKind.PLAYER : EntityKind.MONSTER, name: "it", x, z: 50, viewer },
      0,
    );
  const viewer = join(50, true), thing = join(60, false);
  const bytes = new Uint8Array(SNAPSHOT_BYTES_MAX);
  const moves = () => {
    world.step(0);
    const length = world.buildSnapshot(viewer, bytes, 0);
    return fromBinary(WorldSnapshotSchema, bytes.subarray(0, length)).moves
      .map(({ entityId, x, z, vx, vz, yaw }) => ({ entityId: Number(entityId), x, z, vx, vz, yaw }));
  };
  moves();
  return { world, viewer, thing, moves };
}

const POSE: Pose = { x: 61.5, z: 49, vx: 3, vz: -4, yaw: Math.PI / 2 };

Deno.test("World.place() puts an entity on its way, at any speed, and tells who sees it", () => {
  const { world, thing, moves } = scene();
  world.place(thing, POSE);
  assertEquals(moves(), [{ entityId: thing, x: 6_150, z: 4_900, vx: 300, vz: -400, yaw: 64 }]);
  world.place(thing, { ...POSE, x: 45, vx: 900 });
  assertEquals(moves(), [{ entityId: thing, x: 4_500, z: 4_900, vx: 90_000, vz: -400, yaw: 64 }]);
});

Deno.test("World.place() tells nobody of what did not change", () => {
  const { world, thing, moves } = scene();
  world.place(thing, POSE);
  moves();
  world.place(thing, { ...POSE, x: 61.5049, vz: -4.0001, yaw: Math.PI / 2 + 2 * Math.PI });
  assertEquals(moves(), []);
});

Deno.test("World.place() tells of a change in velocity or direction alone", () => {
  const { world, thing, moves } = scene();
  world.place(thing, POSE);
  moves();
  for (const change of [{ vx: 0 }, { vz: 1 }, { yaw: 0 }]) {
    world.place(thing, { ...POSE, ...change });
    assertEquals(moves().length, 1, JSON.stringify(change));
  }
});

Deno.test("World.place() takes no place outside the map and nothing that is not finite", () => {
  const { world, thing, moves } = scene();
  for (const change of [{ x: -0.01 }, { x: 100.01 }, { z: NaN }, { z: Infinity }, { yaw: NaN }]) {
    assertThrows(() => world.place(thing, { ...POSE, ...change }), RangeError, "is not on the map");
  }
  assertEquals(moves(), []);
  assertThrows(() => world.place(7, POSE), RangeError, "it is not in this world");
});

Deno.test("World.isWatched() says whether a viewer sees an entity, as of the last tick", () => {
  const { world, viewer, thing, moves } = scene();
  assert(world.isWatched(thing));
  world.teleport(viewer, 0, { x: 0, y: 0, z: 0, yaw: 0 });
  assert(world.isWatched(thing));
  moves();
  assert(!world.isWatched(thing));
  world.teleport(viewer, 0, { x: 60, y: 0, z: 60, yaw: 0 });
  moves();
  assert(world.isWatched(thing));
  world.leave(viewer);
  assert(!world.isWatched(thing));
  world.leave(thing);
  assert(!world.isWatched(thing) && !world.isWatched(-1));
});

Deno.test("World.resetTravelTime() takes away what an entity has saved up", () => {
  const { world, viewer } = scene();
  const leap = { x: 60, y: 0, z: 50, vx: 0, vy: 0, vz: 0, yaw: 0, sequenceNumber: 1 };
  world.resetTravelTime(viewer, 10_000);
  assertEquals(world.move(viewer, leap, 10_000), "too_fast");
  assertEquals(world.move(viewer, leap, 11_000), "ok");
});
