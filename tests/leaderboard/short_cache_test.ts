import { ShortCache } from "../../games/parts/common/short_cache.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";

/** A cache of 1 s and two entries, and how often it reads. */
function countingCache() {
  const cache = new ShortCache<number>({ lifetimeMs: 1_000, entriesMax: 2 });
  let readCount = 0;
  return { cache, get: (key: string, nowMs: number) => cache.get(key, nowMs, () => Promise.resolve(++readCount)) };
}

Deno.test("ShortCache.get() reads once in a lifetime, also when many ask at once", async () => {
  const { get } = countingCache();
  assertEquals(await Promise.all([get("a", 0), get("a", 0), get("a", 999)]), [1, 1, 1]);
  assertEquals(await get("a", 1_000), 2);
  assertEquals(await get("b", 1_000), 3);
});

Deno.test("ShortCache.get() forgets the oldest beyond its bound", async () => {
  const { cache, get } = countingCache();
  for (const key of ["a", "b", "c"]) await get(key, 0);
  assertEquals(cache.size, 2);
  assertEquals([await get("b", 1), await get("c", 1), await get("a", 1)], [2, 3, 4]);
});

Deno.test("ShortCache.get() does not keep what could not be read", async () => {
  const { cache, get } = countingCache();
  await assertRejects(() => cache.get("a", 0, () => Promise.reject(new Error("down"))), Error, "down");
  assertEquals(await get("a", 0), 1);
});
