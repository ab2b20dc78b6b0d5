import { runKillSoak } from "../soak/kill_soak.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { IO_BACKENDS } from "../support/server_process.ts";

/** Over all backends, which run side by side; `deno task soak:kill` kills more. */
const KILLS = 100;

Deno.test("serve has everything acknowledged, and nothing torn, after every SIGKILL under load", async () => {
  const kills = KILLS / IO_BACKENDS.length;
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] >>> 1;
  const results = await Promise.all(
    IO_BACKENDS.map((backend, index) => runKillSoak({ backend, kills, companies: 3, seed: seed + index })),
  );
  for (const result of results) {
    assertEquals(result.problems, [], `Seed ${seed}`);
    assert(result.kills >= kills && result.deeds > kills, JSON.stringify(result));
  }
});
