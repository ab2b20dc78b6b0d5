import {
  EntityTrack,
  EXTRAPOLATION_MS_MAX,
  TELEPORT_UNITS,
  TRACK_SAMPLES_MAX,
  type TrackSample,
  turn,
} from "../../../client/world/entity_track.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { fc } from "../../support/property.ts";

function sample(timeMs: number, part: Partial<TrackSample> = {}): TrackSample {
  return { timeMs, x: 0, y: 0, z: 0, vx: 0, vz: 0, yaw: 0, ...part };
}

function assertNear(actual: number, expected: number, tolerance = 1e-9): void {
  assert(Math.abs(actual - expected) <= tolerance, `${actual} is not near ${expected}`);
}

Deno.test("EntityTrack.poseAt() is on the way between two samples", () => {
  const track = new EntityTrack();
  track.add(sample(1_000, { x: 10, z: 20, vx: 10 }));
  track.add(sample(1_100, { x: 11, z: 20, vx: 10, y: 2 }));
  const pose = track.poseAt(1_050);
  assertNear(pose.x, 10.5);
  assertNear(pose.z, 20);
  assertNear(pose.y, 1);
  assertNear(pose.speed, 10);
});

Deno.test("EntityTrack.poseAt() stays at the first sample before it", () => {
  const track = new EntityTrack();
  track.add(sample(1_000, { x: 10, vx: 10 }));
  assertEquals(track.poseAt(0).x, 10);
});

Deno.test("EntityTrack.poseAt() is the newest sample before the clock runs, and goes on from there", () => {
  const track = new EntityTrack();
  track.add(sample(1_000, { x: 10, vx: 10 }));
  assertEquals(track.poseAt(NaN).x, 10);
  const guessed = track.poseAt(1_150).x;
  track.add(sample(1_200, { x: 9 }));
  assertEquals(track.poseAt(NaN).x, 9);
  assertNear(track.poseAt(1_150).x, guessed);
});

Deno.test("EntityTrack.poseAt() goes on by the last velocity, for a bounded time", () => {
  const track = new EntityTrack();
  track.add(sample(1_000, { x: 10, vx: 8, vz: -4 }));
  assertNear(track.poseAt(1_100).x, 10.8);
  assertNear(track.poseAt(1_100).z, -0.4);
  const pose = track.poseAt(60_000);
  assertNear(pose.x, 10 + 8 * EXTRAPOLATION_MS_MAX / 1_000);
  assertEquals(pose.speed, 0);
});

Deno.test("EntityTrack.poseAt() lets a rest last until just before the movement that ends it", () => {
  const track = new EntityTrack();
  track.add(sample(1_000, { x: 10 }));
  track.add(sample(9_000, { x: 11, vx: 10 }));
  assertEquals(track.poseAt(8_899).x, 10);
  assertEquals(track.poseAt(8_899).speed, 0);
  assert(track.poseAt(8_950).x > 10);
  assertNear(track.poseAt(9_000).x, 11);
});

Deno.test("EntityTrack.poseAt() jumps over a teleport instead of sliding", () => {
  const track = new EntityTrack();
  track.add(sample(1_000));
  track.add(sample(1_050, { x: TELEPORT_UNITS + 1 }));
  assertEquals(track.poseAt(1_049).x, 0);
  assertEquals(track.poseAt(1_050).x, TELEPORT_UNITS + 1);
});

Deno.test("EntityTrack.poseAt() puts a wrong guess right without a jump", () => {
  const track = new EntityTrack();
  track.add(sample(1_000, { x: 0, vx: 10 }));
  const guessed = track.poseAt(1_150).x;
  track.add(sample(1_100, { x: 0.5 }));
  assertNear(track.poseAt(1_150).x, guessed);
  assertNear(track.poseAt(2_000).x, 0.5, 0.001);
});

Deno.test("EntityTrack.add() ignores a sample that is not newer", () => {
  const track = new EntityTrack();
  track.add(sample(1_000, { x: 1 }));
  track.add(sample(1_000, { x: 2 }));
  track.add(sample(900, { x: 3 }));
  assertEquals(track.poseAt(2_000).x, 1);
});

Deno.test("EntityTrack.add() begins anew when the server's clock was set back", () => {
  const track = new EntityTrack();
  track.add(sample(9_000_000, { x: 1 }));
  track.poseAt(9_000_000);
  track.add(sample(1_000, { x: 2 }));
  assertEquals(track.poseAt(1_000).x, 2);
});

Deno.test("EntityTrack.poseAt() never leaves the box of its samples between them, whatever velocity a peer claims", () => {
  const place = fc.double({ min: -7, max: 7, noNaN: true });
  const velocity = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  const part = fc.double({ min: 0, max: 1, noNaN: true });
  const end = fc.record({ x: place, z: place, vx: velocity, vz: velocity });
  fc.assert(fc.property(end, end, part, (from, to, part) => {
    const track = new EntityTrack();
    track.add(sample(1_000, from));
    track.add(sample(1_150, to));
    const pose = track.poseAt(1_000 + 150 * part);
    const slack = 1e-6;
    assert(pose.x >= Math.min(from.x, to.x) - slack && pose.x <= Math.max(from.x, to.x) + slack, `x is ${pose.x}`);
    assert(pose.z >= Math.min(from.z, to.z) - slack && pose.z <= Math.max(from.z, to.z) + slack, `z is ${pose.z}`);
  }));
});

Deno.test("EntityTrack.add() keeps a bounded past", () => {
  const track = new EntityTrack();
  for (let index = 0; index <= TRACK_SAMPLES_MAX; index++) track.add(sample(index * 100, { x: index, vx: 10 }));
  // The first sample is gone: before the second, the second is the earliest known place.
  assertEquals(track.poseAt(0).x, 1);
});

Deno.test("turn() takes the shorter way round", () => {
  assertNear(turn(0.1, 2 * Math.PI - 0.1, 0.5), 0);
  assertNear(turn(0, 1, 0.25), 0.25);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 7, noNaN: true }), fc.double({ min: 0, max: 7, noNaN: true }), (from, to) => {
      assert(Math.abs(turn(from, to, 1) - from) <= Math.PI + 1e-9);
      assertNear(Math.cos(turn(from, to, 1)), Math.cos(to), 1e-9);
    }),
  );
});

Deno.test("EntityTrack.add() does not take what is no number, and goes on", () => {
  const track = new EntityTrack();
  track.add(sample(1_000, { x: 1, z: 2 }));
  track.poseAt(1_000);
  for (const key of ["timeMs", "x", "y", "z", "vx", "vz", "yaw"]) {
    for (const value of [NaN, Infinity, -Infinity]) track.add(sample(1_050, { [key]: value }));
  }
  track.add(sample(1_100, { x: 2, z: 2 }));
  const { x, z } = track.poseAt(2_000);
  assertEquals([x, z].map(Math.round), [2, 2]);
});
