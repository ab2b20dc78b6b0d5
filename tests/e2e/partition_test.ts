/** Servers that are cut off from their database, their bus and their players; see docs/security.md and `deno task soak:partitions`. @module */

import { runPartitions, somePartitions } from "../soak/partition_soak.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { programTest } from "../support/programs.ts";

const SEED = 11;
const PARTITIONS = somePartitions(6, [1_000, 7_000], SEED);

programTest(
  ["postgresql", "nats", "nft"],
  "Ways between servers, database, bus and players that are cut in any direction leave no player two owners, and lose nothing acknowledged",
  async () => {
    const { deeds, problems, samples } = await runPartitions({ partitions: PARTITIONS, players: 8, seed: SEED });
    assertEquals(problems, []);
    // A history of nothing would be without problems, too.
    const done = deeds.filter(({ outcome }) => outcome === "done");
    assert(done.length > 200 && samples.length > 200, `Only ${done.length} deeds were done`);
    assertEquals(new Set(done.map(({ serverId }) => serverId)), new Set([1, 2, 3]));
  },
);
