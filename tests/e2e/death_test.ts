/** Servers of a cluster that are killed under players; see `deno task soak:cluster`. @module */

import { runDeaths } from "../soak/death_soak.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { programTest } from "../support/programs.ts";

const KILLS = 10;
const PLAYERS = 6;

programTest(
  ["nats", "postgresql"],
  `Servers killed ${KILLS} times lose and double nothing that players were told was done, and all play on elsewhere`,
  async () => {
    const { backMs, done, gaps, problems } = await runDeaths({ kills: KILLS, players: PLAYERS });
    assertEquals(problems, []);
    assert(done > 50, `Only ${done} deeds were done`);
    assert(gaps > 0 && backMs.length > KILLS, "Players were on the servers that were killed, and were told");
  },
);
