import { loadGameData } from "../../games/marsh/data/game_data.ts";
import { type MonsterData, type MonsterKind, NO_MONSTERS } from "../../games/marsh/monsters/monster_data.ts";
import { monsterHomes } from "../../games/marsh/monsters/monster_homes.ts";
import type { SafeArea } from "../../games/parts/combat/safe_areas.ts";
import { Prng } from "../../server/world/prng.ts";
import { WorldMap } from "../../server/world/world_map.ts";
import { assert, assertEquals, assertNotEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const [KIND] = loadGameData().monsters.kinds;
const NO_LIMIT = 1_000_000;

/** A map whose definition has sides of 1,000 units. */
function mapOf(mapId: number, size = 1_000, safeAreas: readonly SafeArea[] = []) {
  return {
    map: new WorldMap({ width: size, height: size, interestRadius: 50 }, mapId, mapId),
    areaFactor: (size / 1_000) ** 2,
    safeAreas,
  };
}

function homes(
  spawns: MonsterData["spawns"],
  options: { size?: number; countMax?: number; seed?: number; kind?: MonsterKind; safeAreas?: readonly SafeArea[] } =
    {},
) {
  const { size = 1_000, countMax = NO_LIMIT, seed = 1, kind = KIND, safeAreas } = options;
  const maps = [mapOf(0, size, safeAreas), mapOf(4, size / 2)];
  return monsterHomes({ kinds: [kind], spawns }, { maps, countMax }, new Prng(seed));
}

/** Monsters of 40 spread and of 6 at a fixed place, by the side of the map. */
const SCALES = [
  { size: 10, spread: 0, fixed: 0 },
  { size: 200, spread: 2, fixed: 0 },
  { size: 500, spread: 10, fixed: 2 },
  { size: 1_000, spread: 40, fixed: 6 },
  { size: 2_000, spread: 160, fixed: 6 },
  { size: 10_000, spread: 4_000, fixed: 6 },
];
for (const { size, spread, fixed } of SCALES) {
  Deno.test(`monsterHomes() puts ${spread} of 40 spread and ${fixed} of 6 fixed ones on ${size} x ${size} units`, () => {
    assertEquals(homes([{ kind: KIND.id, count: 40 }], { size }).length, spread);
    assertEquals(homes([{ kind: KIND.id, count: 6, x: 0.5, z: 0.5 }], { size }).length, fixed);
  });
}

Deno.test("monsterHomes() gives all spawns less, in proportion, where the world has room for fewer", () => {
  const kinds = [KIND, { ...KIND, id: "other" }];
  const spawns = [{ kind: KIND.id, count: 30 }, { kind: "other", count: 10 }];
  const count = (countMax: number) => {
    const all = monsterHomes({ kinds, spawns }, { maps: [mapOf(0)], countMax }, new Prng(1));
    return [all.length, all.filter(({ kind }) => kind.id === "other").length];
  };
  assertEquals([count(40), count(20), count(0)], [[40, 10], [20, 5], [0, 0]]);
});

Deno.test("monsterHomes() settles each map with those whose spawn names it, by its own area", () => {
  const all = homes([{ kind: KIND.id, count: 40 }, { kind: KIND.id, map: 4, count: 40 }]);
  assertEquals([0, 4].map((mapId) => all.filter(({ map }) => map.mapId === mapId).length), [40, 10]);
  for (const { map, x, z } of all) assert(x <= map.width && z <= map.height);
  assertEquals(homes(NO_MONSTERS.spawns), []);
});

Deno.test("monsterHomes() keeps a pack together, at its fixed place or where chance decides", () => {
  const fixed = homes([{ kind: KIND.id, count: 50, x: 0.25, z: 0.75 }]);
  for (const { x, z } of fixed) assert(Math.hypot(x - 250, z - 750) <= KIND.wanderRadius);
  const packs = homes([{ kind: KIND.id, count: 20, packSize: 5 }]);
  for (let index = 0; index < packs.length; index++) {
    const first = packs[index - index % 5];
    assert(Math.hypot(packs[index].x - first.x, packs[index].z - first.z) <= 2 * KIND.wanderRadius);
  }
  assert(Math.hypot(packs[0].x - packs[5].x, packs[0].z - packs[5].z) > 2 * KIND.wanderRadius);
});

Deno.test("monsterHomes() repeats from its seed", () => {
  const spawns = [{ kind: KIND.id, count: 40, packSize: 4 }];
  assertEquals(homes(spawns, { seed: 5 }), homes(spawns, { seed: 5 }));
  assertNotEquals(homes(spawns, { seed: 5 }), homes(spawns, { seed: 6 }));
});

Deno.test("monsterHomes() settles nobody outside the map", () => {
  const spawn = fc.record({
    kind: fc.constant(KIND.id),
    count: fc.integer({ min: 1, max: 50 }),
    packSize: fc.integer({ min: 1, max: 100 }),
  });
  const fixed = fc.record({
    kind: fc.constant(KIND.id),
    count: fc.integer({ min: 1, max: 50 }),
    x: fc.double({ min: 0, max: 1, noNaN: true }),
    z: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  const wide = { ...KIND, wanderRadius: 900, leashRadius: 900 };
  fc.assert(fc.property(fc.array(fc.oneof(spawn, fixed), { maxLength: 5 }), fc.integer(), (spawns, seed) => {
    for (const { x, z } of homes(spawns, { seed, kind: wide, size: 800 })) {
      assert(x >= 0 && x <= 800 && z >= 0 && z <= 800);
    }
  }));
});

Deno.test("monsterHomes() leaves safe areas out of everybody's walks, wherever they and the packs lie", () => {
  const side = fc.double({ min: 0, max: 1, noNaN: true });
  const area = fc.record({ x: side, z: side, radius: fc.integer({ min: 1, max: 40 }) });
  const place = fc.record({ x: side, z: side });
  fc.assert(fc.property(fc.array(area, { maxLength: 3 }), place, fc.integer(), (areas, { x, z }, seed) => {
    const safeAreas = areas.map((area) => ({ ...area, x: area.x * 160, z: area.z * 160 }));
    const spawns = [{ kind: KIND.id, count: 40, x, z }, { kind: KIND.id, count: 400, packSize: 5 }];
    for (const home of homes(spawns, { size: 160, seed, safeAreas })) {
      assert(home.x >= 0 && home.x <= 160 && home.z >= 0 && home.z <= 160);
      for (const area of safeAreas) {
        const distance = Math.hypot(home.x - area.x, home.z - area.z);
        assert(distance > area.radius + KIND.wanderRadius, `${distance} units from a safe area of ${area.radius}`);
      }
    }
  }));
});

Deno.test("monsterHomes() moves a pack beside a safe area, loses none where there is room, and all where there is none", () => {
  const spawns = [{ kind: KIND.id, count: 6, x: 0.5, z: 1 }];
  const beside = homes(spawns, { safeAreas: [{ x: 500, z: 1_000, radius: 18 }] });
  assertEquals(beside.length, 6);
  const far = 18 + KIND.wanderRadius + 2;
  for (const { x, z } of beside) assert(Math.hypot(x - 500, z - 1_000) < far, `${x}, ${z}`);
  assertEquals(homes(spawns, { safeAreas: [{ x: 500, z: 500, radius: 2_000 }] }), []);
});
