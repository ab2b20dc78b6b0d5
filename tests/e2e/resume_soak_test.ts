import { runResumeSoak } from "../soak/resume_soak.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { IO_BACKENDS } from "../support/server_process.ts";

/** Over all backends; `deno task soak:resume` goes on from there. */
const KILLS = 2_000;

for (const backend of IO_BACKENDS) {
  Deno.test(`serve (${backend}) loses, doubles and reorders nothing while connections break at random bytes`, async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const kills = KILLS / IO_BACKENDS.length;
    const result = await runResumeSoak({ backend, kills, players: 96, seed });
    assertEquals(result.problems, [], `deno task soak:resume --backend ${backend} --seed ${seed}`);
    const { received, ...others } = result.messages;
    assertEquals(others, { sent: received, lost: 0, duplicated: 0, outOfOrder: 0, corrupted: 0 });
    assert(result.killCount >= kills && received > kills && result.resumes > kills / 2);
    for (const [kind, count] of Object.entries(result.kills)) assert(count > 0, `No connection was broken by ${kind}`);
  });
}
