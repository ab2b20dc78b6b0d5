/** Servers that are stopped while players play on others; see `deno task soak:rolling`. @module */

import { runRolling } from "../soak/rolling_soak.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { programTest } from "../support/programs.ts";

programTest(
  ["nats", "postgresql"],
  "A server that stops hands its sessions to another: what players say is heard once and in order, what they change is changed once, and nobody is logged out",
  async () => {
    const { done, moves, problems, said } = await runRolling({ servers: 2, rounds: 1, players: 20 });
    assertEquals(problems, []);
    assert(said > 200, `Only ${said} messages were said`);
    assert(done > 20, `Only ${done} deeds were done`);
    assert(moves >= 20, `Only ${moves} sessions have moved`);
  },
);
