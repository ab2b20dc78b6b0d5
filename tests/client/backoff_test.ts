import { Backoff } from "../../client/backoff.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

Deno.test("Backoff.count() counts an attempt whose wait somebody else has said, and makes no later wait longer", () => {
  const backoff = new Backoff({ baseMs: 100, capMs: 10_000, random: () => 0.5 });
  for (let attempt = 0; attempt < 9; attempt++) backoff.count();
  assertEquals([backoff.next(), backoff.next(), backoff.attemptCount], [50, 100, 11]);
});

Deno.test("Backoff.next() draws from 0 to base * 2 ** attempts, never above the cap, on top of what was asked", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 1_000 }),
    fc.integer({ min: 1, max: 100_000 }),
    fc.double({ min: 0, max: 0.999, noNaN: true }),
    fc.integer({ min: 0, max: 10_000 }),
    (baseMs, capMs, chance, leastMs) => {
      const backoff = new Backoff({ baseMs, capMs, random: () => chance });
      for (let attempt = 0; attempt < 40; attempt++) {
        const ceilingMs = Math.min(capMs, baseMs * 2 ** attempt);
        assertEquals(backoff.next(leastMs), leastMs + chance * ceilingMs);
      }
      assertEquals(backoff.attemptCount, 40);
      backoff.reset();
      assert(backoff.next() <= baseMs);
    },
  ));
});
