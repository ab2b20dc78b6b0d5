import { RecentCache } from "../../games/parts/common/recent_cache.ts";
import { DependencyError } from "../../shared/errors.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";

/** A cache and what was read for it. */
function counted(max = 2) {
  const cache = new RecentCache<string>(max);
  const readings: PromiseWithResolvers<string>[] = [];
  const read = (key: number, source = "a") =>
    cache.read(key, source, {
      read: () => {
        readings.push(Promise.withResolvers());
        return readings.at(-1)!.promise;
      },
      make: (row) => row.toUpperCase(),
    });
  return { cache, readings, read };
}

Deno.test("RecentCache.read() reads once for all who ask meanwhile, and keeps what it made", async () => {
  const { cache, readings, read } = counted();
  const asked = [read(1), read(1), read(1, "b")];
  assertEquals(readings.length, 2, "nobody waits in the line of another source");
  for (const { resolve } of readings) resolve("one");
  assertEquals(await Promise.all(asked), ["ONE", "ONE", "ONE"]);
  assertEquals(cache.find(1), "ONE");
});

Deno.test("RecentCache.find() knows the values used last, and none that was dropped", async () => {
  const { cache, readings, read } = counted();
  for (const key of [1, 2, 1, 3]) {
    if (cache.find(key) !== undefined) continue;
    const value = read(key);
    readings.at(-1)!.resolve(`v${key}`);
    await value;
  }
  assertEquals([1, 2, 3].map((key) => cache.find(key)), ["V1", undefined, "V3"]);
  cache.drop(1);
  assertEquals(cache.find(1), undefined);
});

Deno.test("RecentCache.onFailure() forgets everything where a change may have been made, readings under way too", async () => {
  const { cache, readings, read } = counted();
  const known = read(1);
  readings[0].resolve("one");
  await known;
  cache.onFailure(new DependencyError("unavailable", "nothing was done"));
  assertEquals(cache.find(1), "ONE");
  const under = read(2);
  cache.onFailure(new DependencyError("timeout", "who knows"));
  readings[1].resolve("two");
  assertEquals(await under, "TWO");
  assertEquals([cache.find(1), cache.find(2)], [undefined, undefined]);
});

Deno.test("RecentCache.drop() forgets a value that has changed, and what is being read of it", async () => {
  const { cache, readings, read } = counted();
  const old = read(1), other = read(2);
  cache.drop(1);
  const fresh = read(1);
  assertEquals(readings.length, 3, "Who asks now is answered with what is now");
  readings[2].resolve("new");
  assertEquals(await fresh, "NEW");
  readings[0].resolve("old");
  readings[1].resolve("two");
  assertEquals([await old, await other], ["OLD", "TWO"]);
  assertEquals([cache.find(1), cache.find(2)], ["NEW", "TWO"]);
  cache.drop(1);
  assertEquals(cache.find(1), undefined);
});

Deno.test("RecentCache.read() keeps no failure", async () => {
  const { readings, read } = counted();
  const failed = read(1);
  readings[0].reject(new Error("down"));
  await assertRejects(() => failed, Error, "down");
  void read(1);
  assertEquals(readings.length, 2);
});
