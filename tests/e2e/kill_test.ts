import { runKillSoak } from "../soak/kill_soak.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { IO_BACKENDS } from "../support/server_process.ts";

/** Half on each backend where there are two; `deno task soak:kill` kills more. */
const KILLS = 100;

for (const backend of IO_BACKENDS) {
  Deno.test(`serve (${backend}) has everything acknowledged, and nothing torn, after every SIGKILL under load`, async () => {
    const kills = KILLS / IO_BACKENDS.length;
    const seed = crypto.getRandomValues(new Uint32Array(1))[0];
    const result = await runKillSoak({ backend, kills, companies: 3, seed });
    assertEquals(result.problems, [], `Seed ${seed}`);
    assert(result.kills >= kills && result.deeds > kills, JSON.stringify(result));
  });
}
