import { Prng } from "../../server/world/prng.ts";
import { assert, assertEquals, assertNotEquals } from "../support/assert.ts";

function take(prng: Prng, count: number): number[] {
  return Array.from({ length: count }, () => prng.nextUint32());
}

Deno.test("Prng gives the same numbers for the same seed and others for the next seed", () => {
  assertEquals(take(new Prng(42), 100), take(new Prng(42), 100));
  assertNotEquals(take(new Prng(42), 4), take(new Prng(43), 4));
});

Deno.test("Prng.nextUint32() does not repeat within 100,000 numbers more often than chance", () => {
  const distinct = new Set(take(new Prng(1), 100_000)).size;
  assert(distinct > 99_980, `${distinct} distinct numbers`); // chance: about one collision
});

Deno.test("Prng.nextFloat() spreads evenly over 0 to 1", () => {
  const prng = new Prng(5), counts = new Array<number>(10).fill(0);
  for (let index = 0; index < 100_000; index++) counts[Math.floor(prng.nextFloat() * 10)]++;
  assertEquals(counts.length, 10);
  for (const count of counts) assert(Math.abs(count - 10_000) < 500, `${count} of 100,000 in one tenth`);
});

Deno.test("Prng.nextInt() stays below its bound and reaches every number", () => {
  const prng = new Prng(9), seen = new Set<number>();
  for (let index = 0; index < 1_000; index++) seen.add(prng.nextInt(6));
  assertEquals([...seen].sort(), [0, 1, 2, 3, 4, 5]);
});
