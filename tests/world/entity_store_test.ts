import { AssertionError } from "../../shared/errors.ts";
import { EntityStore, toCentimetres, toYawSteps } from "../../server/world/entity_store.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("EntityStore.tryAllocate() hands out small ids from 1 on and 0 when full", () => {
  const store = new EntityStore(3, 10);
  assertEquals([store.tryAllocate(), store.tryAllocate(), store.tryAllocate(), store.tryAllocate()], [1, 2, 3, 0]);
  assertEquals(store.count, 3);
});

Deno.test("EntityStore.tryAllocate() hands an id out again only after the quarantine, oldest first", () => {
  const quarantine = 50, store = new EntityStore(20, quarantine);
  const freedAt = new Map<number, number>();
  const alive: number[] = [];
  let handedOut = 0;
  for (let round = 0; round < 5_000; round++) {
    if (alive.length === 20 || (alive.length > 0 && round % 3 === 0)) {
      const id = alive.splice(round % alive.length, 1)[0];
      store.release(id);
      freedAt.set(id, handedOut);
      continue;
    }
    const id = store.tryAllocate();
    handedOut++;
    const since = freedAt.get(id);
    if (since !== undefined) {
      assert(handedOut - since > quarantine, `Id ${id} came back after ${handedOut - since} ids`);
    }
    assert(!alive.includes(id) && id < store.slotCount, "An id in use is not handed out");
    alive.push(id);
  }
  assert(handedOut > 10 * quarantine, "Ids went round several times");
});

Deno.test("EntityStore.tryAllocate() gives an entity nothing of the one before it", () => {
  const store = new EntityStore(1, 0);
  const id = store.tryAllocate();
  store.x[id] =
    store.vz[id] =
    store.held[id] =
    store.speedCmPerMs[id] =
    store.movementSequence[id] =
    store.viewer[id] =
      9;
  store.release(id);
  assertEquals(store.tryAllocate(), id);
  assertEquals([store.x[id], store.vz[id], store.held[id], store.speedCmPerMs[id], store.viewer[id]], [0, 0, 0, 0, 0]);
  assertEquals(store.movementSequence[id], 0);
});

Deno.test("EntityStore.release() refuses what is not in the world", () => {
  const store = new EntityStore(1, 0);
  assertThrows(() => store.release(1), AssertionError);
  assertEquals([store.isAlive(-1), store.isAlive(0), store.isAlive(1.5), store.isAlive(NaN)], [
    false,
    false,
    false,
    false,
  ]);
});

Deno.test("toCentimetres() rounds to whole centimetres and knows one zero only", () => {
  assertEquals([1.234, 1.236, -1.236, 0].map(toCentimetres), [123, 124, -124, 0]);
  assert(Object.is(toCentimetres(-0.001), 0), "No -0");
});

Deno.test("toYawSteps() brings any angle to 256 steps of a turn", () => {
  const angles = [0, Math.PI / 2, Math.PI, -Math.PI / 2, 2 * Math.PI, 9 * Math.PI, -1e-9, 1e300];
  for (const angle of angles) assert(toYawSteps(angle) >= 0 && toYawSteps(angle) <= 255);
  assertEquals(angles.slice(0, 7).map(toYawSteps), [0, 64, 128, 192, 0, 128, 0]);
});
