import { LINK_DEAD_MS } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { LogicHarness } from "../support/logic_harness.ts";

const DAYS_MS = 5 * 86_400_000;

for (const [direction, jumpMs] of [["on", DAYS_MS], ["back", -DAYS_MS]] as const) {
  Deno.test(`Logic keeps players, and who may resume, when the date is set ${direction} by days`, async () => {
    await using harness = await LogicHarness.create();
    const players = [await harness.connect(), await harness.connect(), await harness.connect()];
    harness.disconnect(players[2]);
    harness.advance(1_000);
    harness.clock.jump(jumpMs);
    // Everything that looks at time-outs does so.
    for (let second = 0; second < 5; second++) {
      harness.advance(1_000);
      harness.tick();
    }
    assertEquals(harness.sessions.inWorld.size, 3);
    assertEquals(players.slice(0, 2).map(({ closedBy }) => closedBy), [null, null]);
    // The time of grace is counted in seconds that passed.
    harness.advance(LINK_DEAD_MS);
    await harness.until(() => harness.sessions.inWorld.size === 2);
    assertEquals(harness.sessions.inWorld.size, 2);
    assert(players.slice(0, 2).every(({ closedBy }) => closedBy === null));
  });
}
