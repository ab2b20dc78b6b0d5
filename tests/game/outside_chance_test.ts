import { assert, assertEquals } from "../support/assert.ts";
import { LogicHarness } from "../support/logic_harness.ts";
import careless from "./careless/game.ts";
import { contract, CountRequestSchema, CountResponseSchema } from "./counter/contract.ts";

Deno.test("refuseOutsideChance() refuses the date, chance and timers of the platform to game code, and says what to use", async () => {
  await using harness = await LogicHarness.create({ game: careless });
  const ann = await harness.connect();
  const expected = ["Date.now", "Math.random", "performance.now", "crypto.getRandomValues", "crypto.randomUUID"];
  for (const [index, call] of [...expected, "setTimeout", "setInterval"].entries()) {
    // The log is limited.
    harness.advance(2_000);
    harness.log.records.length = 0;
    harness.send(ann, CountRequestSchema, { by: index + 1 });
    const said = harness.log.records.map(({ properties }) => String(properties.error)).join("\n");
    assert(said.includes(`Cannot call ${call} in a game (file://`) && said.includes("careless/game.ts:"), said);
    assert(/use game\.\w+/.test(said), said);
  }
  harness.send(ann, CountRequestSchema, { by: 0 });
  const { type } = contract.rowOf(CountResponseSchema);
  assertEquals(ann.packets.filter((packet) => packet.type === type).length, 1, "What asks nobody is answered");
  assert(Date.now() > 0 && Math.random() < 1, "Everybody else may call them");
});
