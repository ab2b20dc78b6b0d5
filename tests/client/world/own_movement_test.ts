import {
  OwnMovement,
  PENDING_REPORTS_MAX,
  REPORT_INTERVAL_MS,
  SPEED_PART,
} from "../../../client/world/own_movement.ts";
import { MAP_SIZE_MAX } from "../../../shared/limits.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { fc } from "../../support/property.ts";

const FRAME_MS = 16;

function newMovement(x = 500, z = 500): OwnMovement {
  return new OwnMovement({ spawn: { x, y: 0, z }, maxSpeed: 10, mapWidth: 1_000, mapHeight: 1_000 });
}

function assertNear(actual: number, expected: number): void {
  assert(Math.abs(actual - expected) < 1e-9, `${actual} is not near ${expected}`);
}

/** Steps frame by frame for `durationMs` and gives the reports made. */
function run(movement: OwnMovement, durationMs: number, startMs = 0) {
  const reports = [];
  for (let nowMs = startMs; nowMs < startMs + durationMs; nowMs += FRAME_MS) {
    movement.step(FRAME_MS);
    const report = movement.takeReport(nowMs);
    if (report !== null) reports.push({ ...report, nowMs });
  }
  return reports;
}

Deno.test("OwnMovement.step() moves at once, diagonally no faster than straight", () => {
  const movement = newMovement();
  movement.steer(3, 4);
  movement.step(100);
  assertNear(Math.hypot(movement.x - 500, movement.z - 500), 10 * SPEED_PART / 10);
  assert(movement.isMoving);
});

Deno.test("OwnMovement.step() does not walk what a stalled page missed", () => {
  const movement = newMovement();
  movement.steer(1, 0);
  movement.step(60_000);
  assert(movement.x - 500 <= 1);
});

Deno.test("OwnMovement.step() stays in the map and below the allowed speed, however it is steered", () => {
  const direction = fc.double({ min: -1, max: 1, noNaN: true });
  const turns = fc.array(fc.record({ x: direction, z: direction, elapsedMs: fc.integer({ min: 0, max: 200 }) }));
  fc.assert(fc.property(turns, fc.boolean(), (turns, atEdge) => {
    const movement = newMovement(atEdge ? 0.5 : 500, atEdge ? 999.5 : 500);
    for (const { x, z, elapsedMs } of turns) {
      const before = { x: movement.x, z: movement.z };
      movement.steer(x, z);
      movement.step(elapsedMs);
      const way = Math.hypot(movement.x - before.x, movement.z - before.z);
      assert(way <= 10 * elapsedMs / 1_000 + 1e-9, `went ${way} in ${elapsedMs} ms`);
      assert(movement.x >= 0 && movement.x <= 1_000 && movement.z >= 0 && movement.z <= 1_000);
    }
  }));
});

Deno.test("OwnMovement.takeReport() reports at 10 Hz while moving and once on stopping", () => {
  const movement = newMovement();
  assertEquals(run(movement, 500), []);
  movement.steer(1, 0);
  const moving = run(movement, 1_000, 500);
  assert(moving.length >= 9 && moving.length <= 11, `${moving.length} reports in a second`);
  for (let index = 1; index < moving.length; index++) {
    assertEquals(moving[index].sequence, moving[index - 1].sequence + 1);
    assert(moving[index].nowMs - moving[index - 1].nowMs >= REPORT_INTERVAL_MS);
  }
  movement.stop();
  const stopped = run(movement, 1_000, 1_500);
  assertEquals(stopped.length, 1);
  assertEquals([stopped[0].vx, stopped[0].vz], [0, 0]);
  assertEquals([stopped[0].x, stopped[0].sequence], [movement.x, moving.length + 1]);
});

Deno.test("OwnMovement.takeReport() tells the velocity and the yaw of the way", () => {
  const movement = newMovement();
  movement.steer(1, 0);
  movement.step(FRAME_MS);
  const report = movement.takeReport(0);
  assert(report !== null);
  assertEquals([report.vx, report.vz], [10 * SPEED_PART, 0]);
  assertNear(report.yaw, Math.PI / 2);
  movement.steer(-1, 0);
  movement.step(FRAME_MS);
  assertNear(movement.yaw, 3 * Math.PI / 2);
});

Deno.test("OwnMovement.takeReport() claims no velocity into the map's edge", () => {
  const movement = newMovement(1_000, 500);
  movement.steer(1, 1);
  movement.step(FRAME_MS);
  const report = movement.takeReport(0);
  assert(report !== null);
  assertEquals(report.vx, 0);
  assert(report.vz > 0);
});

Deno.test("OwnMovement.walkTo() walks to the point and stops on it", () => {
  const movement = newMovement();
  movement.walkTo(503, 504);
  const reports = run(movement, 1_000);
  assertEquals([movement.x, movement.z, movement.goal], [503, 504, null]);
  assertEquals([reports.at(-1)?.x, reports.at(-1)?.z, reports.at(-1)?.vx], [503, 504, 0]);
});

Deno.test("OwnMovement.walkTo() moves a point beyond the edge into the map", () => {
  const movement = newMovement(999, 500);
  movement.walkTo(1_200, -5);
  assertEquals(movement.goal, { x: 1_000, z: 0 });
});

Deno.test("OwnMovement goes nowhere for what is no number, and walks on", () => {
  const movement = newMovement();
  movement.walkTo(510, 500);
  assertThrows(() => movement.walkTo(NaN, 500), RangeError, "Cannot walk to NaN, 500");
  assertThrows(() => movement.walkTo(500, NaN), RangeError);
  for (const [x, z] of [[NaN, 0], [0, NaN], [Infinity, 0]]) assertThrows(() => movement.steer(x, z), RangeError);
  run(movement, 2_000);
  assertNear(movement.x, 510);
  movement.face(NaN, NaN);
  assert(movement.yaw < 2 * Math.PI);
});

Deno.test("OwnMovement.steer() ends a walk", () => {
  const movement = newMovement();
  movement.walkTo(510, 500);
  movement.steer(0, 1);
  assertEquals(movement.goal, null);
});

Deno.test("OwnMovement.isHeld stops the player and reports it once", () => {
  const movement = newMovement();
  movement.steer(1, 0);
  run(movement, 200);
  const heldX = movement.x;
  movement.isHeld = true;
  assertEquals(run(movement, 300, 200).length, 1);
  assertEquals(movement.x, heldX);
});

Deno.test("OwnMovement.correct() walks again from the server's position what was walked since the refused report", () => {
  const movement = newMovement();
  movement.steer(1, 0);
  const [first] = run(movement, FRAME_MS);
  run(movement, 400, FRAME_MS);
  const walkedSince = movement.x - first.x;
  movement.correct(first.sequence, { x: 490, y: 0, z: 495 });
  assertNear(movement.x, 490 + walkedSince);
  assertNear(movement.z, 495);
});

Deno.test("OwnMovement.correct() ends where the server says when every report on its way is refused too", () => {
  const movement = newMovement();
  movement.steer(1, 0);
  const reports = run(movement, 500);
  movement.stop();
  const last = run(movement, FRAME_MS, 500)[0];
  for (const report of [...reports, last]) movement.correct(report.sequence, { x: 480, y: 0, z: 500 });
  assertNear(movement.x, 480);
  assertNear(movement.z, 500);
});

Deno.test("OwnMovement.correct() takes the server's position for a report it no longer knows", () => {
  const movement = newMovement();
  movement.correct(7, { x: 12, y: 0, z: 13 });
  assertEquals([movement.x, movement.z], [12, 13]);
});

Deno.test("OwnMovement.correct() is shown as a glide when small and as a jump when large", () => {
  const movement = newMovement();
  movement.correct(1, { x: 502, y: 0, z: 500 });
  assertEquals([movement.x, movement.shownX], [502, 500]);
  for (let frame = 0; frame < 60; frame++) movement.step(FRAME_MS);
  assert(Math.abs(movement.shownX - 502) < 0.01);
  movement.correct(2, { x: 700, y: 0, z: 500 });
  assertEquals(movement.shownX, 700);
});

Deno.test("OwnMovement.acknowledge() keeps the last report, which may still be refused", () => {
  const movement = newMovement();
  movement.steer(1, 0);
  const reports = run(movement, 300);
  const walkedSince = movement.x - reports[1].x;
  movement.acknowledge(reports[1].sequence);
  movement.correct(reports[1].sequence, { x: 400, y: 0, z: 500 });
  assertNear(movement.x, 400 + walkedSince);
});

Deno.test("OwnMovement.takeReport() keeps a bounded number of reports that were never acknowledged", () => {
  const movement = newMovement();
  movement.steer(1, 0);
  const reports = run(movement, (PENDING_REPORTS_MAX + 5) * 120);
  assert(reports.length > PENDING_REPORTS_MAX);
  // The first is forgotten, so its refusal counts as it stands.
  movement.correct(1, { x: 100, y: 0, z: 100 });
  assertEquals([movement.x, movement.z], [100, 100]);
});

Deno.test("OwnMovement.teleport() puts the player there and ends the walk", () => {
  const movement = newMovement();
  movement.walkTo(900, 900);
  movement.teleport({ x: 10, y: 0, z: 20 });
  assertEquals([movement.x, movement.z, movement.shownX, movement.goal], [10, 20, 10, null]);
});

Deno.test("OwnMovement.face() turns on the spot and reports it once", () => {
  const movement = newMovement();
  movement.face(600, 500);
  assertNear(movement.yaw, Math.PI / 2);
  const reports = run(movement, 500);
  assertEquals(reports.map(({ vx, vz }) => [vx, vz]), [[0, 0]]);
  assertNear(reports[0].yaw, Math.PI / 2);
});

Deno.test("OwnMovement.face() does not turn whoever walks or cannot move", () => {
  const movement = newMovement();
  movement.steer(0, 1);
  run(movement, 100);
  movement.face(600, 500);
  assertNear(movement.yaw, 0);
  movement.stop();
  movement.step(FRAME_MS);
  movement.isHeld = true;
  movement.face(600, 500);
  assertNear(movement.yaw, 0);
});

Deno.test("OwnMovement goes on with the numbers of the map before, within the sides of the new one", () => {
  const movement = new OwnMovement({
    spawn: { x: 5, y: 0, z: 5 },
    maxSpeed: 10,
    mapWidth: 1_000,
    mapHeight: 1_000,
    sequence: 41,
  });
  movement.setMapSize({ width: 6, height: 1_000 });
  movement.steer(1, 1);
  for (let step = 0; step < 5; step++) movement.step(100);
  assertEquals([movement.takeReport(1_000)?.sequence, movement.x], [42, 6]);
});

Deno.test("OwnMovement stays on a map that has an end, whatever a server says of place, map and speed", () => {
  for (const told of [NaN, Infinity, -Infinity, 3e38, -1]) {
    const spawn = { x: told, y: told, z: told };
    const movement = new OwnMovement({ spawn, maxSpeed: 10, mapWidth: told, mapHeight: told });
    movement.setMapSize({ width: told, height: 100 });
    movement.correct(1, spawn);
    movement.teleport(spawn);
    const { x, z, shownX, shownZ } = movement;
    assert([x, z, shownX, shownZ].every((at) => at >= 0 && at <= MAP_SIZE_MAX), `${told} led to ${x}, ${z}`);
    movement.setMapSize({ width: 100, height: 100 });
    movement.correct(1, { x: 40, y: 0, z: 50 });
    assertEquals([movement.x, movement.z], [40, 50], "It can be put right afterwards");
  }
});
