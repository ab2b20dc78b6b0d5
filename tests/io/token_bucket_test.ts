import { TokenBucket } from "../../server/base/token_bucket.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const RATE = { perSecond: 100, burst: 50 };

Deno.test("TokenBucket.tryTake() gives its burst, then nothing, then what comes back", () => {
  const bucket = new TokenBucket(RATE, 1_000);
  for (let count = 0; count < 50; count++) assert(bucket.tryTake(1, RATE, 1_000));
  assert(!bucket.tryTake(1, RATE, 1_000));
  assert(!bucket.tryTake(1, RATE, 1_009));
  assert(bucket.tryTake(1, RATE, 1_010));
  assert(!bucket.tryTake(1, RATE, 1_010));
});

Deno.test("TokenBucket.tryTake() takes nothing when there is too little", () => {
  const bucket = new TokenBucket(RATE, 0);
  assert(bucket.tryTake(45, RATE, 0));
  assert(!bucket.tryTake(6, RATE, 0));
  assert(bucket.tryTake(5, RATE, 0));
});

Deno.test("TokenBucket.tryTake() holds no more than its burst, however long it waits", () => {
  const bucket = new TokenBucket(RATE, 0);
  assert(bucket.tryTake(50, RATE, 1e9));
  assert(!bucket.tryTake(0.5, RATE, 1e9));
});

Deno.test("TokenBucket.tryTake() loses nothing when the clock goes back", () => {
  const bucket = new TokenBucket(RATE, 1_000);
  assert(bucket.tryTake(50, RATE, 1_000));
  assert(!bucket.tryTake(1, RATE, 500));
  assert(!bucket.tryTake(1, RATE, 1_009));
  assert(bucket.tryTake(1, RATE, 1_010));
});

Deno.test("TokenBucket.tryTake() never gives more than the burst and what came back since", () => {
  const takes = fc.array(fc.record({ afterMs: fc.nat(300), cost: fc.integer({ min: 0, max: 60 }) }), { maxLength: 60 });
  fc.assert(fc.property(takes, (takes) => {
    const bucket = new TokenBucket(RATE, 0);
    let nowMs = 0;
    let taken = 0;
    for (const { afterMs, cost } of takes) {
      nowMs += afterMs;
      if (bucket.tryTake(cost, RATE, nowMs)) taken += cost;
      assert(taken <= RATE.burst + nowMs * RATE.perSecond / 1_000 + 1e-6);
    }
    assertEquals(bucket.tryTake(RATE.burst, RATE, nowMs + 1_000), true);
  }));
});
