import { placeAround } from "../../server/world/places.ts";
import { Prng } from "../../server/world/prng.ts";
import { assert } from "../support/assert.ts";

Deno.test("placeAround() spreads evenly over the circle", () => {
  const prng = new Prng(3);
  let inner = 0;
  for (let index = 0; index < 10_000; index++) {
    const { x, z } = placeAround({ x: 100, z: 50 }, 10, prng);
    const distance = Math.hypot(x - 100, z - 50);
    assert(distance <= 10 + 1e-9);
    if (distance < 5) inner++;
  }
  assert(Math.abs(inner / 10_000 - 0.25) < 0.03, `${inner} of 10,000 in a quarter of the area`);
});
