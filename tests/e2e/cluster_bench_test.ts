/** `deno task bench:cluster` in small: the servers of a cluster with players, and one server with the same. @module */

import { rolesTable } from "../../bench/cluster.ts";
import { measureRoles, measureSingle } from "../../bench/cluster_roles.ts";
import { findPrograms, programFolders } from "../../tools/cluster/programs.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { programTest } from "../support/programs.ts";

const PLAYERS = 6;

programTest(
  ["nats", "postgresql"],
  "measureRoles() and measureSingle() say what the same players cost each process, and where they played",
  async () => {
    const programs = findPrograms(programFolders(Deno.env.get("PATH") ?? ""));
    assert(typeof programs !== "string");
    const options = { programs, players: PLAYERS, servers: 2, seconds: 3, logins: 3 };
    const cluster = await measureRoles(options), single = await measureSingle(options);
    const names = ["login server", "2 game servers", "PostgreSQL", "NATS"];
    assertEquals([cluster, single].map(({ costs }) => costs.map(({ name }) => name)), [names, ["all"]]);
    assertEquals(Object.keys(cluster.played).every((name) => /^game [23] \([23]\)$/.test(name)), true);
    for (const { costs, packetsPerS, played } of [cluster, single]) {
      assertEquals(Object.values(played).reduce((sum, count) => sum + count, 0), PLAYERS);
      assert(packetsPerS > 0 && costs.every(({ memoryMb }) => memoryMb > 1), JSON.stringify(costs));
      // A login is a hash, and a hash is tens of milliseconds.
      assert(costs[0].arrivalMs > 1, JSON.stringify(costs));
    }
    assertEquals(rolesTable(single).split("\n").length, 4);
  },
);
