import { EntityStore } from "../../server/world/entity_store.ts";
import { InterestGrid } from "../../server/world/interest_grid.ts";
import { Prng } from "../../server/world/prng.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("InterestGrid.within() finds what looking at everyone finds, as entities come, go, move and change maps", () => {
  const prng = new Prng(3), store = new EntityStore(200, 0);
  const grid = new InterestGrid(store, [{ widthCm: 10_000, heightCm: 7_300, cellCm: 900 }, {
    widthCm: 8_000,
    heightCm: 9_000,
    cellCm: 700,
  }]);
  const alive: number[] = [], out = new Int32Array(200);
  for (let round = 0; round < 4_000; round++) {
    const kind = prng.nextInt(10);
    const isJoining = alive.length === 0 || (kind < 3 && alive.length < 200);
    if (isJoining) alive.push(store.tryAllocate());
    const index = isJoining ? alive.length - 1 : prng.nextInt(alive.length), id = alive[index];
    if (kind === 9 && !isJoining) {
      grid.remove(id);
      store.release(alive.splice(index, 1)[0]);
    } else {
      store.mapIndex[id] = prng.nextInt(2);
      store.x[id] = prng.nextInt(10_001);
      store.z[id] = prng.nextInt(7_301);
      grid.place(id);
    }
    if (round % 10 !== 0) continue;
    const map = prng.nextInt(2),
      x = prng.nextInt(12_000) - 1_000,
      z = prng.nextInt(9_000) - 1_000,
      radius = prng.nextInt(3_000);
    const expected = alive.filter((each) => store.mapIndex[each] === map).filter((each) =>
      (store.x[each] - x) ** 2 + (store.z[each] - z) ** 2 <= radius ** 2
    );
    assertEquals([...out.subarray(0, grid.within(map, x, z, radius, out))].sort(), expected.sort());
  }
});

Deno.test("InterestGrid.within() takes the border of the radius in and stops at the end of its output", () => {
  const store = new EntityStore(3, 0);
  const grid = new InterestGrid(store, [{ widthCm: 1_000, heightCm: 1_000, cellCm: 100 }]);
  for (const x of [100, 200, 201]) {
    const id = store.tryAllocate();
    store.x[id] = x;
    grid.place(id);
  }
  const out = new Int32Array(3);
  assertEquals([...out.subarray(0, grid.within(0, 100, 0, 100, out))].sort(), [1, 2]);
  assertEquals(grid.within(0, 100, 0, 500, out.subarray(0, 1)), 1);
});

Deno.test("InterestGrid counts what lies on or beyond the map's border for a border cell", () => {
  const store = new EntityStore(3, 0), out = new Int32Array(3);
  const grid = new InterestGrid(store, [{ widthCm: 1_000, heightCm: 1_000, cellCm: 300 }]);
  for (const [x, z] of [[-5, 0], [1_000, 1_000], [500, 5_000]]) {
    const id = store.tryAllocate();
    store.x[id] = x;
    store.z[id] = z;
    grid.place(id);
    assertEquals([...out.subarray(0, grid.within(0, x, z, 10, out))], [id]);
  }
});
