import { assert, assertEquals, assertNotEquals } from "../support/assert.ts";
import { FAULT_KINDS, planFault } from "./fault_plan.ts";

Deno.test("planFault() plans the same for the same seed, and something else for another", () => {
  const plans = (seed: number) => Array.from({ length: 200 }, (_, connection) => planFault(seed, connection));
  assertEquals(plans(7), plans(7));
  assertNotEquals(plans(7), plans(8));
});

Deno.test("planFault() breaks connections in every way, in both directions, near their start and far from it", () => {
  const plans = Array.from({ length: 2_000 }, (_, connection) => planFault(1, connection));
  for (const kind of FAULT_KINDS) {
    const ofKind = plans.filter((plan) => plan.kind === kind);
    for (const direction of ["up", "down"]) assert(ofKind.some((plan) => plan.direction === direction));
    assert(ofKind.some(({ afterBytes }) => afterBytes < 50) && ofKind.some(({ afterBytes }) => afterBytes > 3_000));
    assert(ofKind.some(({ holdMs }) => holdMs > 1_000));
  }
});
