import { EntityStore } from "../../server/world/entity_store.ts";
import { type Movement, type MovementRefusal, MovementRules } from "../../server/world/movement.ts";
import { ALTITUDE_MAX, MOVEMENT_CREDIT_MS_MAX, MOVEMENT_TOLERANCE_MS } from "../../shared/limits.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

const MAX_SPEED = 10;
/** Units a millisecond of credit is worth. */
const UNITS_PER_MS = MAX_SPEED * 1.15 / 1_000;
const HOLD_REASONS = ["dead", "stunned"];
const STILL: Movement = { x: 0, y: 0, z: 0, vx: 0, vy: 0, vz: 0, yaw: 0, sequenceNumber: 1 };

/** One living entity at 500, 0, 500 of a 1,000 x 1,000 map, at time 0. */
function setUp(): { store: EntityStore; rules: MovementRules; id: number; tryMove: TryMove } {
  const store = new EntityStore(1, 0);
  const rules = new MovementRules(store, {
    maps: [{ widthCm: 100_000, heightCm: 100_000 }],
    holdReasons: HOLD_REASONS,
  });
  const id = store.tryAllocate();
  store.x[id] = store.z[id] = 50_000;
  rules.setSpeed(id, MAX_SPEED);
  rules.begin(id, 0);
  const tryMove: TryMove = (movement, nowMs) => {
    const verdict = rules.spend(id, { ...STILL, x: store.x[id] / 100, z: store.z[id] / 100, ...movement }, nowMs);
    if (verdict === "ok" && movement.x !== undefined) store.x[id] = Math.round(movement.x * 100);
    return verdict;
  };
  return { store, rules, id, tryMove };
}

type TryMove = (movement: Partial<Movement>, nowMs: number) => "ok" | MovementRefusal;

Deno.test("MovementRules.spend() accepts at each limit and refuses one step beyond", () => {
  const table: [what: string, movement: Partial<Movement>, nowMs: number, verdict: "ok" | MovementRefusal][] = [
    ["the tolerance at once", { x: 502.87 }, 0, "ok"],
    ["beyond the tolerance", { x: 502.88 }, 0, "too_fast"],
    ["the tolerance and 100 ms", { x: 504.02 }, 100, "ok"],
    ["beyond both", { x: 504.03 }, 100, "too_fast"],
    ["all that can be saved", { x: 514.37 }, 1_000, "ok"],
    ["beyond all that can be saved", { x: 514.38 }, 1_000, "too_fast"],
    ["no more after a minute than after a second", { x: 514.38 }, 60_000, "too_fast"],
    ["along both axes", { x: 502.03, z: 502.03 }, 0, "ok"],
    ["too fast along both axes together", { x: 502.04, z: 502.04 }, 0, "too_fast"],
    ["upwards", { y: 2.87 }, 0, "ok"],
    ["too fast upwards", { y: 2.88 }, 0, "too_fast"],
    ["x is not a number", { x: NaN }, 0, "non_finite"],
    ["y is infinite", { y: Infinity }, 0, "non_finite"],
    ["z is infinite", { z: -Infinity }, 0, "non_finite"],
    ["vx is not a number", { vx: NaN }, 0, "non_finite"],
    ["vy is infinite", { vy: Infinity }, 0, "non_finite"],
    ["vz is not a number", { vz: NaN }, 0, "non_finite"],
    ["yaw is infinite", { yaw: Infinity }, 0, "non_finite"],
    ["infinities that cancel out", { vx: Infinity, vz: -Infinity }, 0, "non_finite"],
    ["west of the map", { x: -0.01 }, 0, "outside_map"],
    ["east of the map", { x: 1_000.01 }, 0, "outside_map"],
    ["south of the map", { z: -0.01 }, 0, "outside_map"],
    ["north of the map", { z: 1_000.01 }, 0, "outside_map"],
    ["above the sky", { y: ALTITUDE_MAX + 0.01 }, 0, "outside_map"],
    ["below the ground", { y: -ALTITUDE_MAX - 0.01 }, 0, "outside_map"],
    ["far beyond what an integer holds", { x: 42_949_677.46 }, 0, "outside_map"],
    ["at the border, but too far", { x: 1_000 }, 0, "too_fast"],
  ];
  for (const [what, movement, nowMs, verdict] of table) {
    assertEquals(setUp().tryMove(movement, nowMs), verdict, what);
  }
});

Deno.test("MovementRules.spend() accepts the map's very border", () => {
  for (const [x, z] of [[0, 0], [1_000, 1_000]]) {
    const { store, id, rules } = setUp();
    store.x[id] = x * 100;
    store.z[id] = z * 100;
    assertEquals(rules.spend(id, { ...STILL, x, z }, 0), "ok");
  }
});

Deno.test("MovementRules.spend() refuses who is held, even to stand still, with the first reason that applies", () => {
  const { rules, id, tryMove } = setUp();
  rules.setHold(id, "stunned", true);
  assertEquals(tryMove({}, 0), "stunned");
  rules.setHold(id, "dead", true);
  assertEquals(tryMove({}, 0), "dead");
  assertEquals(tryMove({ x: NaN }, 0), "non_finite");
  rules.setHold(id, "dead", false);
  assertEquals(tryMove({}, 0), "stunned");
  rules.setHold(id, "stunned", false);
  rules.setHold(id, "stunned", false);
  assertEquals(tryMove({}, 0), "ok");
});

Deno.test("MovementRules.setHold() refuses a reason that the game has not declared", () => {
  const { rules, id } = setUp();
  assertThrows(() => rules.setHold(id, "asleep", true), RangeError, `"asleep" is none of the game's reasons`);
});

Deno.test("MovementRules.setSpeed() decides how far an entity comes, at once", () => {
  const { rules, tryMove, id } = setUp();
  rules.setSpeed(id, 2 * MAX_SPEED);
  assertEquals(tryMove({ x: 505.74 }, 0), "ok");
  rules.setSpeed(id, MAX_SPEED / 2);
  assertEquals(tryMove({ x: 505.74 + 100 * UNITS_PER_MS }, 100), "too_fast");
  assertEquals(tryMove({ x: 505.74 + 49 * UNITS_PER_MS }, 100), "ok");
});

Deno.test("MovementRules.spend() grants its tolerance once, not to each packet", () => {
  const { tryMove, store, id } = setUp();
  let acceptedUnits = 0;
  for (let nowMs = 1; nowMs <= 10_000; nowMs++) {
    const x = store.x[id] / 100;
    if (tryMove({ x: x + 0.5 }, nowMs) === "ok") acceptedUnits += 0.5;
  }
  const limit = (10_000 + MOVEMENT_TOLERANCE_MS) * UNITS_PER_MS;
  assert(acceptedUnits <= limit && acceptedUnits > limit - 1, `${acceptedUnits} units, limit is ${limit}`);
});

Deno.test("MovementRules.spend() lets an honest walker through a network that stalls for a second", () => {
  const { tryMove } = setUp();
  let x = 500;
  for (let step = 1; step <= 50; step++) assertEquals(tryMove({ x: x += 1 }, step * 100), "ok");
  // The ten movements of the stalled second arrive together.
  for (let step = 1; step <= 10; step++) assertEquals(tryMove({ x: x += 1 }, 6_000), "ok");
  for (let step = 1; step <= 50; step++) assertEquals(tryMove({ x: x += 1 }, 6_000 + step * 100), "ok");
});

Deno.test("MovementRules.spend() gives a replay after a lost minute no more than the credit", () => {
  const { tryMove, store, id } = setUp();
  for (let step = 1; step <= 600; step++) {
    const verdict = tryMove({ x: 500 + step / 2 }, 60_000);
    const isWithin = step / 2 <= MOVEMENT_CREDIT_MS_MAX * UNITS_PER_MS;
    assertEquals(verdict, isWithin ? "ok" : "too_fast", `Movement ${step}`);
  }
  assertEquals(store.x[id], 51_400);
});

Deno.test("MovementRules.spend() takes nothing for a refused movement", () => {
  const { tryMove } = setUp();
  for (let attempt = 0; attempt < 100; attempt++) assertEquals(tryMove({ x: 600 }, 0), "too_fast");
  assertEquals(tryMove({ x: 502.8 }, 0), "ok");
});

Deno.test("MovementRules.spend() earns again after the clock was set back", () => {
  const { tryMove } = setUp();
  assertEquals(tryMove({ x: 514 }, 10_000), "ok");
  assertEquals(tryMove({ x: 515 }, 4_000), "too_fast");
  assertEquals(tryMove({ x: 515 }, 4_100), "ok");
});

Deno.test("MovementRules.velocityScale() shortens what is above the tolerated speed and nothing else", () => {
  const { rules, id } = setUp();
  assertEquals(rules.velocityScale(id, { ...STILL, vx: 6.9, vz: -9.19 }), 1);
  assertEquals(Math.round(rules.velocityScale(id, { ...STILL, vx: 23 }) * 1_000), 500);
  assertEquals(rules.velocityScale(id, { ...STILL, vx: 1e200, vz: 1e200 }), 0);
});
