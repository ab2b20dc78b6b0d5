import { fromBinary } from "@bufbuild/protobuf";
import { SKILL_MELEE, SKILL_NONE, SKILL_RANGED } from "../../games/parts/combat/skills.ts";
import { DespawnReason, WorldSnapshotSchema } from "../../shared/gen/world_pb.ts";
import { INTEREST_HYSTERESIS, SNAPSHOT_BYTES_MAX } from "../../shared/limits.ts";
import { MONSTER_CORPSE_MS, MONSTER_STEP_MS, MONSTER_STEP_MS_MAX } from "../../games/marsh/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";
import { FaultList, plant } from "../support/planted.ts";
import { oneRat, RAT, TICK_MS, Wilds } from "./wilds.ts";

const TICKS_PER_SECOND = 1_000 / TICK_MS;
/** How long after it comes into sight a monster may still sleep, in ticks. */
/** A tick until it is seen, or not, and one until it acts on it. */
const WAKE_TICKS = 3;

/** Homes in rows, `count` of them, 20 units apart. */
const field = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ x: (index % 20) * 20, z: Math.floor(index / 20) * 20 }));

Deno.test("Monsters.step() neither moves nor encodes monsters that nobody sees", () => {
  const wilds = new Wilds({ homes: field(400) });
  const encodedCount = wilds.world.encodedCount;
  wilds.tick(60 * TICKS_PER_SECOND);
  assertEquals([wilds.monsters.awakeCount, wilds.monsters.stepCount], [0, 0]);
  assertEquals(wilds.world.encodedCount, encodedCount);
});

Deno.test("Monsters.step() takes steps for the monsters that are seen, and for no others", () => {
  const wilds = new Wilds({ homes: field(400) });
  wilds.join(0, 200);
  const isNear = (id: number) => wilds.distance(id, 0, 200) <= 50 * INTEREST_HYSTERESIS;
  const ids = field(400).map((_, index) => index + 1);
  let awakeTicks = 0, mostAwake = 0;
  wilds.tick(10 * TICKS_PER_SECOND, () => {
    awakeTicks += wilds.monsters.awakeCount;
    mostAwake = Math.max(mostAwake, wilds.monsters.awakeCount);
    assertEquals(ids.filter((id) => wilds.monsters.modeOf(id) !== "asleep" && !isNear(id)).length, 0);
  });
  assert(mostAwake >= 5 && mostAwake <= 20, `${mostAwake} of 400 are awake`);
  const expected = awakeTicks * TICK_MS / MONSTER_STEP_MS;
  assert(
    Math.abs(wilds.monsters.stepCount - expected) <= 2 * mostAwake,
    `${wilds.monsters.stepCount}, not ${expected}`,
  );
});

Deno.test("Monsters.step() costs what is active: 10,000 monsters of which few are seen take the work of those few", () => {
  const homes = Array.from({ length: 10_000 }, (_, index) => ({ x: index % 100 * 4, z: Math.floor(index / 100) * 4 }));
  const wilds = new Wilds({ homes, capacity: 10_100, interestRadius: 8 });
  const { monsters, world } = wilds;
  for (const x of [50, 200, 350]) wilds.join(x, 200);
  wilds.tick(WAKE_TICKS);
  const { awakeCount } = monsters;
  assert(awakeCount > 0 && awakeCount < 100, `${awakeCount} are awake`);
  const before = { steps: monsters.stepCount, checks: monsters.checkCount, lookedAt: world.lookedAtCount };
  wilds.tick(10 * TICKS_PER_SECOND);
  // Ten steps a second each; those that walk in and out of sight come on top.
  assert(monsters.stepCount - before.steps <= 2 * awakeCount * 100, `${monsters.stepCount - before.steps} steps`);
  assert(monsters.checkCount - before.checks <= 10 * awakeCount, `${monsters.checkCount - before.checks} checks`);
  assert(world.lookedAtCount - before.lookedAt <= 100 * awakeCount * 200, `${world.lookedAtCount - before.lookedAt}`);
});

Deno.test("Monsters.step() wakes a monster as soon as a player sees it and lets it sleep when nobody does", () => {
  const { wilds, rat } = oneRat();
  const player = wilds.join(245, 200);
  assertEquals(wilds.monsters.modeOf(rat), "asleep");
  wilds.tick(WAKE_TICKS);
  assertEquals([wilds.monsters.modeOf(rat), wilds.monsters.awakeCount], ["resting", 1]);
  wilds.put(player, 300, 300);
  wilds.tick(WAKE_TICKS);
  assertEquals([wilds.monsters.modeOf(rat), wilds.monsters.awakeCount], ["asleep", 0]);
  wilds.put(player, 245, 200);
  wilds.tick(WAKE_TICKS);
  assertEquals([wilds.monsters.modeOf(rat), wilds.monsters.awakeCount], ["resting", 1]);
});

Deno.test("Monsters.step() lets a monster wander around its home, at half its speed, and rest", () => {
  const { wilds, rat } = oneRat();
  wilds.join(240, 200);
  const modes = new Set<string | undefined>();
  let farthest = 0, fastest = 0, x = 200, z = 200;
  wilds.tick(60 * TICKS_PER_SECOND, () => {
    modes.add(wilds.monsters.modeOf(rat));
    farthest = Math.max(farthest, wilds.distance(rat, 200, 200));
    fastest = Math.max(fastest, wilds.distance(rat, x, z));
    x = wilds.world.xOf(rat);
    z = wilds.world.zOf(rat);
  });
  assertEquals([...modes].sort(), ["asleep", "resting", "walking"]);
  assert(farthest > 1 && farthest <= RAT.wanderRadius + 0.01, `${farthest} units from home`);
  assert(fastest <= RAT.speed / 2 * MONSTER_STEP_MS / 1_000 + 0.02, `${fastest} units in a tick`);
});

Deno.test("Monsters tell of their way ten times a second at most, with a velocity, and of nothing while they rest", () => {
  const { wilds, rat } = oneRat();
  const player = wilds.join(240, 200);
  const bytes = new Uint8Array(SNAPSHOT_BYTES_MAX);
  let walkingTicks = 0, walkCount = 0, moveCount = 0, toldAtMs = -Infinity, place = "";
  let mode = wilds.monsters.modeOf(rat);
  wilds.tick(60 * TICKS_PER_SECOND, () => {
    const length = wilds.world.buildSnapshot(player, bytes, 0);
    const { moves } = fromBinary(WorldSnapshotSchema, bytes.subarray(0, length));
    if (wilds.monsters.modeOf(rat) === "walking") walkingTicks++;
    if (wilds.monsters.modeOf(rat) === "walking" && mode !== "walking") walkCount++;
    mode = wilds.monsters.modeOf(rat);
    for (const { x, z, vx, vz, yaw } of moves) {
      assert(wilds.nowMs - toldAtMs >= MONSTER_STEP_MS && `${x} ${z}` !== place, "There must be something to tell");
      const speed = Math.hypot(vx, vz) / 100;
      assert(speed === 0 || Math.abs(speed - RAT.speed / 2) < 0.02, `${speed} units/s`);
      // The angle of a rounded velocity may be rounded the other way.
      const steps = Math.round(Math.atan2(vx, vz) / (2 * Math.PI) * 256);
      if (speed > 0) assert([255, 0, 1].includes((yaw - steps + 512) % 256), `${yaw}, not ${steps}`);
      toldAtMs = wilds.nowMs;
      place = `${x} ${z}`;
      moveCount++;
    }
  });
  const expected = walkingTicks * TICK_MS / MONSTER_STEP_MS;
  assert(walkCount > 3 && Math.abs(moveCount - expected) <= 2 * walkCount, `${moveCount} moves, not ${expected}`);
});

Deno.test("Monsters chase whoever comes within their aggro radius, and nobody farther away", () => {
  const { wilds, rat } = oneRat({ wanderRadius: 0 });
  const player = wilds.join(200, 212.1);
  wilds.tick(10 * TICKS_PER_SECOND);
  assertEquals(wilds.monsters.modeOf(rat), "resting");
  wilds.put(player, 200, 211.9);
  wilds.tick(WAKE_TICKS);
  assertEquals(wilds.monsters.modeOf(rat), "chasing");
  wilds.tickUntil(() => wilds.blows.length > 0);
  assertEquals(wilds.blows[0].targetId, player);
});

Deno.test("Monsters chase the nearest of the living", () => {
  const { wilds } = oneRat({ wanderRadius: 0 });
  const far = wilds.join(200, 209), dead = wilds.join(200, 202), near = wilds.join(195, 200);
  wilds.combat.health.set(dead, { hp: 0, hpMax: 100 });
  wilds.tickUntil(() => wilds.blows.length > 0);
  assertEquals(wilds.blows[0].targetId, near);
  assertEquals([wilds.combat.health.hpOf(far), wilds.combat.health.hpOf(dead)], [100, 0]);
});

Deno.test("Monsters notice nobody beyond the interest radius", () => {
  const wilds = new Wilds({ homes: [{ x: 200, z: 200, kind: { wanderRadius: 0 } }], interestRadius: 5 });
  const player = wilds.join(200, 205);
  wilds.tickUntil(() => wilds.monsters.modeOf(1) === "chasing");
  wilds.put(player, 200, 208);
  wilds.tick(2 * TICKS_PER_SECOND);
  assertEquals(wilds.monsters.modeOf(1), "asleep");
});

Deno.test("Monsters hit as often as their interval says, from within their range, without a skill", () => {
  const { wilds, rat } = oneRat();
  const player = wilds.join(203, 200);
  wilds.tickUntil(() => wilds.blows.length > 0);
  wilds.tick(10 * TICKS_PER_SECOND);
  for (const blow of wilds.blows) {
    assertEquals([blow.attackerId, blow.targetId, blow.skillId, blow.damage, blow.stunMs], [
      rat,
      player,
      SKILL_NONE,
      5,
      0,
    ]);
  }
  const pausesMs = wilds.blows.slice(1).map(({ atMs }, index) => atMs - wilds.blows[index].atMs);
  assertEquals(new Set(pausesMs), new Set([RAT.attackIntervalMs]));
  assert(wilds.world.distanceBetween(rat, player) <= RAT.range);
});

Deno.test("Monsters look at whom they hit and stand while they do", () => {
  const { wilds, rat } = oneRat();
  wilds.join(201, 200);
  wilds.tickUntil(() => wilds.blows.length > 0);
  // A quarter turn is along +x.
  assert(Math.abs(wilds.world.yawOf(rat) - Math.PI / 2) < 0.03, `${wilds.world.yawOf(rat)} radians`);
});

Deno.test("Monsters stun nobody, also by a critical blow", () => {
  const { wilds } = oneRat();
  const player = wilds.join(201, 200);
  wilds.dice.load("critical");
  wilds.tickUntil(() => wilds.blows.length > 0);
  assertEquals([wilds.blows[0].isCritical, wilds.blows[0].damage, wilds.blows[0].stunMs], [true, 8, 0]);
  assert(wilds.combat.canAct(player));
});

Deno.test("Monsters led farther than their leash go home, mind nobody on the way, and are sound again", () => {
  const { wilds, rat } = oneRat({ wanderRadius: 0 });
  const player = wilds.join(200, 206);
  wilds.tickUntil(() => wilds.monsters.modeOf(rat) === "chasing");
  wilds.combat.health.set(rat, { hp: 7, hpMax: RAT.hp });
  let farthest = 0;
  wilds.tickUntil(() => {
    // Always out of its range, so that it runs.
    if (wilds.monsters.modeOf(rat) === "chasing") wilds.put(player, 200, wilds.world.zOf(rat) + 6);
    farthest = Math.max(farthest, wilds.distance(rat, 200, 200));
    return wilds.monsters.modeOf(rat) === "returning";
  });
  assert(
    farthest > RAT.leashRadius && farthest <= RAT.leashRadius + RAT.speed * MONSTER_STEP_MS_MAX / 1_000,
    `${farthest} units from home`,
  );
  wilds.blows.length = 0;
  wilds.tick(4, () => wilds.put(player, 200, wilds.world.zOf(rat)));
  assertEquals([wilds.monsters.modeOf(rat), wilds.blows.length], ["returning", 0]);
  assertEquals(wilds.hit(player, rat, SKILL_MELEE), "ok");
  wilds.tick(4);
  assertEquals([wilds.monsters.modeOf(rat), wilds.combat.health.hpOf(rat)], ["returning", RAT.hp]);
  wilds.tickUntil(() => wilds.monsters.modeOf(rat) === "resting");
  assertEquals([wilds.distance(rat, 200, 200), wilds.combat.health.hpOf(rat)], [0, RAT.hp]);
});

Deno.test("Monsters whose target is gone turn to the next one near, and otherwise go home", () => {
  const { wilds, rat } = oneRat({ wanderRadius: 0 });
  const first = wilds.join(200, 205), second = wilds.join(200, 211);
  wilds.tickUntil(() => wilds.blows.length > 0);
  assertEquals(wilds.blows[0].targetId, first);
  wilds.world.leave(first);
  wilds.tickUntil(() => wilds.blows.some((blow) => blow.targetId === second));
  wilds.combat.health.set(second, { hp: 0, hpMax: 100 });
  wilds.tick(2);
  assertEquals(wilds.monsters.modeOf(rat), "returning");
  wilds.tickUntil(() => wilds.monsters.modeOf(rat) === "resting");
  assertEquals(wilds.distance(rat, 200, 200), 0);
});

Deno.test("Monsters leave alone whom they cannot reach up to, and are sound again", () => {
  // 0.6 of their range: beyond what is left of it once they have come as near as they do.
  const { wilds, rat } = oneRat({ wanderRadius: 0 });
  const above = wilds.join(200, 205);
  const raise = (y: number) => wilds.world.teleport(above, wilds.nowMs, { x: 200, y, z: 205, yaw: 0 });
  raise(1.21);
  wilds.tick(2 * TICKS_PER_SECOND);
  assertEquals(wilds.monsters.modeOf(rat), "resting");
  assertEquals(wilds.hit(above, rat, SKILL_RANGED), "ok");
  wilds.tick(3 * TICKS_PER_SECOND);
  assertEquals([wilds.blows.length, wilds.monsters.modeOf(rat), wilds.combat.health.hpOf(rat)], [1, "resting", 50]);
  raise(1.19);
  wilds.tickUntil(() => wilds.blows.length > 1);
  assertEquals(wilds.blows[1].attackerId, rat);
});

Deno.test("Monsters do not hit the dead", () => {
  const { wilds } = oneRat();
  const player = wilds.join(201, 200);
  wilds.combat.health.set(player, { hp: 9, hpMax: 100 });
  wilds.tick(20 * TICKS_PER_SECOND);
  assertEquals(wilds.blows.map(({ damage, targetDied }) => [damage, targetDied]), [[5, false], [5, true]]);
});

Deno.test("Monsters.provoke() sets a monster on who hit it from beyond its aggro radius", () => {
  const { wilds, rat } = oneRat({ wanderRadius: 0 });
  const player = wilds.join(200, 224);
  wilds.tick(WAKE_TICKS);
  assertEquals(wilds.monsters.modeOf(rat), "resting");
  assertEquals(wilds.hit(player, rat, SKILL_RANGED), "ok");
  assertEquals(wilds.monsters.modeOf(rat), "chasing");
  wilds.tickUntil(() => wilds.blows.some((blow) => blow.attackerId === rat));
});

Deno.test("Monsters.provoke() wakes a monster that has not noticed yet that it is seen", () => {
  const { wilds, rat } = oneRat();
  const player = wilds.join(200, 202);
  wilds.world.step(wilds.nowMs);
  assertEquals(wilds.monsters.modeOf(rat), "asleep");
  assertEquals(wilds.hit(player, rat, SKILL_MELEE), "ok");
  assertEquals([wilds.monsters.modeOf(rat), wilds.monsters.awakeCount], ["chasing", 1]);
});

Deno.test("A stunned monster neither moves nor hits until its time is over", () => {
  const { wilds, rat } = oneRat();
  const player = wilds.join(201, 200);
  wilds.tickUntil(() => wilds.blows.length > 0);
  wilds.dice.load("critical");
  assertEquals(wilds.hit(player, rat, SKILL_MELEE), "ok");
  wilds.put(player, 210, 200);
  wilds.blows.length = 0;
  const x = wilds.world.xOf(rat);
  wilds.tick(TICKS_PER_SECOND - 1);
  assertEquals([wilds.world.xOf(rat), wilds.blows.length], [x, 0]);
  wilds.tick(TICKS_PER_SECOND / 2);
  assert(wilds.world.xOf(rat) > x && wilds.world.xOf(rat) < x + RAT.speed, "It must not make up for the time it lost");
});

/** Kills the rat by one blow. */
function slay(wilds: Wilds, player: number, rat: number): void {
  wilds.combat.health.set(rat, { hp: 1, hpMax: RAT.hp });
  assertEquals(wilds.hit(player, rat, SKILL_RANGED), "ok");
}

Deno.test("A dead monster lies there, vanishes as dead, and comes back at home as another entity", () => {
  const { wilds, rat } = oneRat({ wanderRadius: 0 });
  const player = wilds.join(200, 205);
  wilds.tickUntil(() => wilds.monsters.modeOf(rat) === "chasing");
  const bytes = new Uint8Array(SNAPSHOT_BYTES_MAX);
  const updates = () => {
    const length = wilds.world.buildSnapshot(player, bytes, 0);
    return fromBinary(WorldSnapshotSchema, bytes.subarray(0, length)).updates.map(({ entityId, update }) => ({
      entityId: Number(entityId),
      ...update,
    }));
  };
  updates();
  const diedAtMs = wilds.nowMs;
  slay(wilds, player, rat);
  assertEquals([wilds.monsters.modeOf(rat), wilds.monsters.awakeCount], ["corpse", 0]);
  wilds.tick();
  const [{ entityId, case: kind, value }] = updates();
  assert(kind === "health" && value.currentHp === 0 && entityId === rat);

  wilds.blows.length = 0;
  wilds.tickUntil(() => !wilds.world.has(rat));
  assert(wilds.nowMs - diedAtMs >= MONSTER_CORPSE_MS);
  assert(wilds.nowMs - diedAtMs <= MONSTER_CORPSE_MS + TICK_MS);
  const [gone] = updates();
  assert(gone.case === "despawn" && gone.value.reason === DespawnReason.DIED && gone.entityId === rat);
  assertEquals(wilds.monsters.isMonster(rat), false);

  wilds.tickUntil(() => wilds.world.entityCount === 2);
  const waitedMs = wilds.nowMs - diedAtMs, respawnMs = RAT.respawnSeconds * 1_000;
  assert(waitedMs >= respawnMs && waitedMs <= respawnMs + TICK_MS, `${waitedMs} ms`);
  const [born] = updates();
  assert(born.case === "spawn" && born.entityId !== rat && born.value.health?.currentHp === RAT.hp);
  assertEquals(wilds.distance(born.entityId, 200, 200), 0);
  assertEquals(wilds.blows, []);
  wilds.tickUntil(() => wilds.monsters.modeOf(born.entityId) === "chasing");
});

Deno.test("A monster that finds the world full comes when there is room", () => {
  const homes = [{ x: 100, z: 100 }, { x: 300, z: 300 }];
  const wilds = new Wilds({ homes, capacity: 1 });
  assertEquals([wilds.world.entityCount, wilds.monsters.count], [1, 2]);
  wilds.tick(2 * TICKS_PER_SECOND);
  assertEquals(wilds.world.entityCount, 1);
  wilds.combat.health.set(1, { hp: 0, hpMax: RAT.hp });
  wilds.monsters.onDeath(1, wilds.nowMs);
  wilds.tickUntil(() => !wilds.world.has(1));
  wilds.tick(WAKE_TICKS);
  assertEquals([wilds.world.has(1), wilds.world.entityCount], [false, 1]);
});

Deno.test("Monsters are sound and at home after nobody has seen them", () => {
  const { wilds, rat } = oneRat({ wanderRadius: 0 });
  const player = wilds.join(200, 210);
  wilds.tickUntil(() => wilds.blows.length > 0);
  wilds.combat.health.set(rat, { hp: 1, hpMax: RAT.hp });
  wilds.put(player, 380, 380);
  wilds.tick(WAKE_TICKS);
  assertEquals([wilds.monsters.modeOf(rat), wilds.combat.health.hpOf(rat), wilds.distance(rat, 200, 200)], [
    "asleep",
    RAT.hp,
    0,
  ]);
});

Deno.test("Monsters do not walk what a stalled server missed", () => {
  const { wilds, rat } = oneRat({ wanderRadius: 0, aggroRadius: 25 });
  wilds.join(200, 224);
  wilds.tickUntil(() => wilds.monsters.modeOf(rat) === "chasing");
  const z = wilds.world.zOf(rat);
  wilds.nowMs += 60_000;
  wilds.tick();
  const way = wilds.world.zOf(rat) - z;
  assert(way > 0 && way <= RAT.speed * MONSTER_STEP_MS_MAX / 1_000 + 0.01, `${way} units in one step`);
});

Deno.test("Monsters stay on the map and near home, keep their hit points, and hit only whom they reach", () => {
  const corner = fc.record({ x: fc.constantFrom(0, 3, 200, 400), z: fc.constantFrom(0, 397, 400) });
  const way = fc.record({ x: fc.integer({ min: 0, max: 400 }), z: fc.integer({ min: 0, max: 400 }) });
  const homes = fc.array(corner, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(homes, fc.array(way, { maxLength: 12 }), fc.integer(), (homes, ways, seed) => {
      const wilds = new Wilds({ homes, seed });
      const ids = homes.map((_, index) => index + 1);
      const players = homes.map(({ x, z }) => wilds.join(Math.min(400, x + 5), Math.max(0, z - 5)));
      for (const [index, { x, z }] of ways.entries()) {
        // Half of the ways lead along the map in steps that monsters can follow.
        const player = players[index % players.length];
        if (index % 2 === 0) wilds.put(player, x, z);
        const dx = (x - wilds.world.xOf(player)) / 40, dz = (z - wilds.world.zOf(player)) / 40;
        wilds.tick(40, () => {
          wilds.put(player, clampTo(wilds.world.xOf(player) + dx), clampTo(wilds.world.zOf(player) + dz));
          for (const id of ids) {
            const { x: homeX, z: homeZ } = homes[id - 1];
            assert(wilds.combat.health.hpOf(id) >= 0 && wilds.combat.health.hpOf(id) <= RAT.hp);
            assert(wilds.distance(id, homeX, homeZ) <= RAT.leashRadius + RAT.speed * MONSTER_STEP_MS_MAX / 1_000);
          }
        });
        for (const player of players) {
          assert(wilds.combat.health.hpOf(player) >= 0);
          if (wilds.combat.health.hpOf(player) === 0) wilds.combat.health.set(player, { hp: 100, hpMax: 100 });
        }
      }
    }),
    { numRuns: 40 },
  );
});

function clampTo(value: number): number {
  return Math.max(0, Math.min(400, value));
}

Deno.test("Monsters do the same again from their seed", () => {
  const run = (seed: number) => {
    const wilds = new Wilds({ homes: field(40), seed });
    wilds.join(100, 20);
    const places: number[] = [];
    wilds.tick(20 * TICKS_PER_SECOND, () => {
      for (let id = 1; id <= 40; id++) places.push(wilds.world.xOf(id), wilds.world.zOf(id), wilds.world.yawOf(id));
    });
    return { places, blows: wilds.blows };
  };
  const first = run(3);
  assert(first.blows.length > 0);
  assertEquals(run(3), first);
  assert(run(4).places.some((place, index) => place !== first.places[index]));
});

Deno.test("Monsters.step() minds nobody in a safe area, and whoever comes out of it", () => {
  const wilds = new Wilds({ homes: [{ x: 200, z: 200 }], safeAreas: [{ x: 200, z: 220, radius: 11 }] });
  const player = wilds.join(200, 210);
  wilds.tick(10 * TICKS_PER_SECOND);
  assertEquals([wilds.monsters.awakeCount, wilds.blows], [1, []]);
  wilds.put(player, 200, 208);
  wilds.tickUntil(() => wilds.blows.length > 0);
});

Deno.test("Monsters.step() gives up a chase at the edge of a safe area, and heals", () => {
  const wilds = new Wilds({ homes: [{ x: 200, z: 200 }], safeAreas: [{ x: 200, z: 230, radius: 15 }] });
  const player = wilds.join(200, 211);
  wilds.tickUntil(() => wilds.blows.length > 0);
  wilds.put(player, 200, 218);
  wilds.tick(2 * TICKS_PER_SECOND);
  assertEquals(wilds.hit(player, 1, SKILL_RANGED), "ok");
  wilds.tick(TICKS_PER_SECOND);
  assertEquals(wilds.combat.health.hpOf(1), RAT.hp);
  assert(wilds.distance(1, 200, 230) > 15);
});

const GRAZING = [[50, 29], [46, 53], [16, 50], [39, 15], [2, 47], [43, 17], [13, 9], [3, 56]]
  .map(([x, z]) => ({ x, z }));

Deno.test("Monsters.step() never comes into a safe area, nor strikes into it, whatever players do", () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.array(fc.record({ x: fc.nat(60), z: fc.nat(60) }), { maxLength: 60 }),
      (seed, steps) => {
        const area = { x: 200, z: 200, radius: 14 };
        const homes = [{ x: 200, z: 176 }, { x: 176, z: 200 }, { x: 224, z: 210, kind: { range: 15 } }];
        const wilds = new Wilds({ homes, seed, safeAreas: [area] });
        const player = wilds.join(200, 190);
        for (const { x, z } of steps) {
          wilds.combat.health.set(player, { hp: 100, hpMax: 100 });
          wilds.put(player, 170 + x, 170 + z);
          const isSafe = wilds.distance(player, 200, 200) <= area.radius;
          const before = wilds.blows.length;
          wilds.tick(10, () => {
            for (const id of [1, 2, 3]) assert(wilds.distance(id, 200, 200) > area.radius, `${id} is in the area`);
          });
          assert(!isSafe || wilds.blows.length === before, "A blow fell into the area");
        }
      },
    ),
    // A monster whose way home was rounded into the area.
    { numRuns: 40, examples: [[0, GRAZING]] },
  );
});

Deno.test("Monsters.step() sets aside the monster that throws until it is killed, and the others go on", () => {
  const list = new FaultList();
  const wilds = new Wilds({ homes: [{ x: 200, z: 200 }, { x: 204, z: 200 }], faults: list });
  const [broken, sound] = [1, 2];
  const player = wilds.join(202, 206);
  {
    using _planted = plant(wilds.world, "place", (id: number) => id === broken);
    wilds.tick(5 * TICKS_PER_SECOND);
  }
  assertEquals(list.faults, [["monster", "rat"]]);
  assert(wilds.blows.some(({ attackerId }) => attackerId === sound), "The other one fights");
  assert(wilds.blows.every(({ attackerId }) => attackerId !== broken));
  assertEquals([wilds.distance(broken, 200, 200), wilds.monsters.modeOf(broken)], [0, "asleep"]);
  wilds.put(player, 200, 201);
  wilds.combat.health.set(broken, { hp: 1, hpMax: RAT.hp });
  wilds.tickUntil(() => wilds.hit(player, broken, SKILL_MELEE) !== "" && wilds.combat.health.hpOf(broken) === 0);
  // Its successor is the next entity there is, and awake, as somebody sees it.
  wilds.tickUntil(() => wilds.world.has(player + 1));
  wilds.tick(WAKE_TICKS);
  assertEquals([wilds.world.has(broken), wilds.monsters.modeOf(player + 1) === "asleep"], [false, false]);
  assertEquals(list.faults.length, 1);
});
